//! Steps: sending them, telling the server's faults from trouble on the way ([`Worker::steps`]); what an answer is worth says `trial`.
#![expect(clippy::disallowed_methods, reason = "shell: requests are signed with the time they are sent")]

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesOrdered;
use http::{Method, Response, StatusCode};

use super::bucket::Owner;
use super::settle::configuration_of;
use super::wire::Sent;
use super::worker::{Abort, Tally, Worker};
use crate::case::{BucketRole, Case, Message, Operation, Step};
use crate::cors::xml::parse;
use crate::implementation::SendError;
use crate::report::{Asked, Teller};
use crate::request::{self, Draft, Outgoing, Place};
use crate::trial::{Attempt, Next, Round, is_read, only_reads};

impl Worker {
    pub(super) async fn steps(&mut self, case: &Case, tally: &mut Tally<'_>) -> Result<(), Abort> {
        let shared = Arc::clone(&self.shared);
        let mut teller = Teller::new(case, &shared.target.dialect, shared.target.site(), &shared.secrets);
        let mut ahead: VecDeque<Early> = VecDeque::new();
        while let Next::Ask(index) | Next::Again(index) = tally.trial.next() {
            let Some(step) = case.steps.get(index) else { break };
            let again = matches!(tally.trial.next(), Next::Again(_));
            if tally.trial.is_fresh() && ahead.is_empty() {
                ahead = self.ahead(case.steps.get(index..).unwrap_or_default(), tally.trial.answers()).await;
            }
            let early = if tally.trial.is_fresh() { ahead.pop_front() } else { None };
            let done = if let Some(done) = early {
                done?
            } else {
                let outgoing = self.outgoing(step, tally.trial.answers())?;
                if !again {
                    self.touch(step);
                }
                self.patiently(step, outgoing, tally.trial.answers()).await?
            };
            let Done { outgoing, outcome, attempts, before } = done;
            let found = tally.trial.give(&outgoing.requests, outcome.as_deref().map_err(String::as_str));
            if shared.options.keep_rounds {
                let last = attempt(&outgoing, outcome.clone());
                let Place { bucket, prefix } = self.place(step);
                let attempts = before.into_iter().chain([last]).collect();
                tally.rounds.push(Round { step: index, bucket, prefix, attempts });
            }
            if again || !found.is_empty() {
                let answers = outcome.unwrap_or_default();
                let asked = Asked { step: index, outgoing, place: self.place(step), answers, attempts };
                tally.mismatches.extend(teller.tell(asked, found, &tally.trial));
            }
            if let Some(answer) = tally.trial.answers().get(index).cloned() {
                self.after(step, &answer, tally).await;
            }
        }
        Ok(())
    }

    /// Sends the first of these steps at once, as far as they change nothing and none needs the answer to another; none if there is
    /// only one.
    async fn ahead(&self, steps: &[Step], earlier: &[Response<Bytes>]) -> VecDeque<Early> {
        let most = if self.one_by_one { 1 } else { self.shared.options.batch };
        let alone = steps.iter().take(most).take_while(|step| stands_alone(step));
        let outgoing: Vec<(&Step, Outgoing)> =
            alone.map_while(|step| Some((step, self.outgoing(step, earlier).ok()?))).collect();
        if outgoing.len() < 2 {
            return VecDeque::new();
        }
        // `join_all` would look at all of them whenever one moves on.
        let sending = outgoing.into_iter().map(|(step, outgoing)| self.patiently(step, outgoing, earlier));
        sending.collect::<FuturesOrdered<_>>().collect().await
    }

    /// What a step sends, with addresses and signatures of now.
    fn outgoing(&self, step: &Step, earlier: &[Response<Bytes>]) -> Result<Outgoing, Abort> {
        Outgoing::of(step, earlier, &self.place(step), &self.shared.target.site(), jiff::Timestamp::now())
            .map_err(|error| Abort::Skip(error.to_string()))
    }

    fn place(&self, step: &Step) -> Place {
        match step.bucket {
            BucketRole::Main | BucketRole::Second => self.held(step.bucket).map_or_else(Place::default, |held| Place {
                bucket: Some(held.name.clone()),
                prefix: held.prefix.clone(),
            }),
            BucketRole::Missing => Place { bucket: Some(self.missing.clone()), prefix: String::new() },
            BucketRole::Service => Place::default(),
        }
    }

    /// Writes down what a step may change, before it is sent: an answer that is lost may have changed it.
    fn touch(&mut self, step: &Step) {
        let Some(held) = self.slot_of(step.bucket) else { return };
        match &step.operation {
            Operation::PutCors(_) | Operation::DeleteCors(_) => held.fresh = false,
            Operation::Request(request) if !is_read(&request.method) => {
                let form_key = request.form.iter().flatten().find(|(name, _)| name == "key").map(|(_, key)| key);
                held.touched(request.extra.query.as_deref(), request.object.as_ref().or(form_key));
            }
            Operation::Raw(messages) => {
                for message in messages.iter().filter(|message| !is_read(&message.method)) {
                    held.touched(message.query.as_deref(), message.object.as_ref());
                }
            }
            _ => {}
        }
    }

    /// After a change of rules: what is known now, and waiting until it shows.
    async fn after(&mut self, step: &Step, answer: &Response<Bytes>, tally: &Tally<'_>) {
        let changes = match &step.operation {
            Operation::PutCors(_) | Operation::DeleteCors(_) => true,
            Operation::Raw(messages) => document_of(messages).is_some(),
            _ => false,
        };
        if !changes || !answer.status().is_success() {
            return;
        }
        if step.bucket == BucketRole::Missing {
            let missing = self.missing.clone();
            self.adopt(&missing);
        }
        let shared = Arc::clone(&self.shared);
        let Some(held) = self.slot_of(step.bucket) else { return };
        if shared.options.settle.is_zero() {
            return;
        }
        let document = match &step.operation {
            Operation::PutCors(put) => Some(request::document_of(put, tally.trial.answers())),
            Operation::Raw(messages) => document_of(messages),
            _ => None,
        };
        let old = held.rules.take();
        let new = document.as_ref().and_then(|document| configuration_of(document, &shared.target.dialect));
        held.rules.clone_from(&new);
        let bucket = held.name.clone();
        match document {
            None => self.settle(&bucket, None, old.as_ref(), None).await,
            Some(document) => {
                if let Ok(document) = parse(&document) {
                    // What the oracle would have refused has no answer to wait for.
                    let (old, new) = if new.is_some() { (old.as_ref(), new.as_ref()) } else { (None, None) };
                    self.settle(&bucket, Some(&document), old, new).await;
                }
            }
        }
    }

    /// Sends a request of a step. Without an answer, or while the server stays busy, a known-good request tells whether
    /// it is this request or the endpoint: if that one works, the step is asked once more, and that counts.
    async fn patiently(&self, step: &Step, outgoing: Outgoing, earlier: &[Response<Bytes>]) -> Result<Done, Abort> {
        let shared = &self.shared;
        let first = self.send(&outgoing).await;
        if first.result.is_ok() && !first.busy {
            return Ok(self.done(outgoing, first, None));
        }
        if let Err(SendError::Unsendable(reason)) = first.result {
            return Err(Abort::Skip(reason));
        }
        let bucket = self.main.as_ref().map(|held| held.name.clone()).unwrap_or_default();
        let good = Owner::of(shared).ask(Draft::new(Method::GET, "cors"), &bucket, None).await;
        match (good, &first.result) {
            (Err(refused), _) => Err(Abort::Error(format!("the endpoint does not answer: {refused}"))),
            (Ok(answer), Err(_)) if answer.status().is_server_error() => Err(Abort::Error(format!(
                "the endpoint answers {} to a request that is right",
                answer.status().as_u16()
            ))),
            (Ok(answer), Ok(_))
                if matches!(answer.status(), StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) =>
            {
                Err(Abort::Error(format!("the endpoint keeps answering {}", answer.status().as_u16())))
            }
            (Ok(_), Ok(_)) => Ok(self.done(outgoing, first, None)),
            (Ok(_), Err(_)) => {
                let anew = self.outgoing(step, earlier)?;
                let second = self.send(&anew).await;
                let first = self.done(outgoing, first, None);
                Ok(self.done(anew, second, Some(first)))
            }
        }
    }

    /// What came of sending a step, after what came of sending it before.
    fn done(&self, outgoing: Outgoing, sent: Sent<Vec<Response<Bytes>>>, earlier: Option<Done>) -> Done {
        let mut before = Vec::new();
        let mut attempts = sent.attempts;
        if let Some(earlier) = earlier {
            attempts += earlier.attempts;
            before = earlier.before;
            if self.shared.options.keep_rounds {
                before.push(attempt(&earlier.outgoing, earlier.outcome));
            }
        }
        if self.shared.options.keep_rounds {
            before.extend(sent.busy_before.into_iter().map(|answers| attempt(&outgoing, Ok(answers))));
        }
        Done { outgoing, outcome: sent.result.map_err(|error| error.to_string()), attempts, before }
    }

    async fn send(&self, outgoing: &Outgoing) -> Sent<Vec<Response<Bytes>>> {
        let wire = &self.shared.wire;
        match (&outgoing.raw, outgoing.requests.first()) {
            (None, Some(request)) => wire.send(request).await.map(|answer| vec![answer]),
            (Some(raw), _) => wire.exchange(raw).await,
            (None, None) => {
                let nothing = SendError::Unsendable("there is nothing to send".to_owned());
                Sent { result: Err(nothing), attempts: 0, busy: false, busy_before: Vec::new() }
            }
        }
    }
}

fn attempt(of: &Outgoing, outcome: Result<Vec<Response<Bytes>>, String>) -> Attempt {
    let bytes = of.raw.as_ref().map(|raw| raw.bytes().into());
    Attempt { at: of.at, requests: of.requests.clone(), bytes, outcome }
}

/// What came of asking a step.
struct Done {
    outgoing: Outgoing,
    outcome: Result<Vec<Response<Bytes>>, String>,
    /// How often it was sent.
    attempts: u32,
    /// Attempts before the one that counts, where they are kept.
    before: Vec<Attempt>,
}

/// What came of a step that was sent ahead.
type Early = Result<Done, Abort>;

/// The document of a single PutBucketCors in bytes.
fn document_of(messages: &[Message]) -> Option<Bytes> {
    match messages {
        [message] if message.method == "PUT" && message.query.as_deref() == Some("cors") => {
            Some(Bytes::from(message.body.clone()))
        }
        _ => None,
    }
}

/// Whether a step can be sent together with its neighbours.
fn stands_alone(step: &Step) -> bool {
    let needs_answer = match &step.operation {
        Operation::Request(request) => request.body_from.is_some(),
        Operation::Raw(_) => true,
        _ => false,
    };
    only_reads(step) && !needs_answer && !step.setup && step.repeat == 1
}

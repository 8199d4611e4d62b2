//! Steps: sending them, telling the server's faults from trouble on the way ([`Worker::steps`]); what an answer is worth says `trial`.
#![expect(clippy::disallowed_methods, reason = "shell: requests are signed with the time they are sent")]

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesOrdered;
use http::{Method, Request, Response, StatusCode};

use super::bucket::Owner;
use super::raw::Outgoing;
use super::settle::configuration_of;
use super::shown;
use super::wire::Sent;
use super::worker::{Abort, Tally, Worker};
use crate::case::expect::Mismatch;
use crate::case::{BucketRole, Case, Operation, Step};
use crate::cors::xml::parse;
use crate::implementation::SendError;
use crate::report::MismatchReport;
use crate::request::{self, Draft, Envelope};
use crate::trial::{Next, Round, is_read, only_reads};

impl Worker {
    pub(super) async fn steps(&mut self, case: &Case, tally: &mut Tally<'_>) -> Result<(), Abort> {
        let implicit = case.steps.iter().filter(|step| step.setup).count();
        let mut ahead: VecDeque<Early> = VecDeque::new();
        // What a step that is asked once more was answered at first.
        let mut first: Option<(Outgoing, Vec<Response<Bytes>>, u32)> = None;
        while let Next::Ask(index) | Next::Again(index) = tally.trial.next() {
            let Some(step) = case.steps.get(index) else { break };
            let number = if step.setup { 0 } else { index + 1 - implicit };
            let again = matches!(tally.trial.next(), Next::Again(_));
            if tally.trial.is_fresh() && ahead.is_empty() {
                ahead = self.ahead(case.steps.get(index..).unwrap_or_default(), tally.trial.answers()).await;
            }
            let early = if tally.trial.is_fresh() { ahead.pop_front() } else { None };
            let (outgoing, sent) = if let Some((outgoing, sent)) = early {
                (outgoing, sent?)
            } else {
                let outgoing = self.outgoing(step, tally.trial.answers())?;
                if !again {
                    self.touch(step);
                }
                let sent = self.patiently(step, &outgoing, tally.trial.answers()).await?;
                (outgoing, sent)
            };
            let outcome = sent.result.map_err(|error| error.to_string());
            let found = tally.trial.give(&outgoing.requests, outcome.as_deref().map_err(String::as_str));
            if self.shared.options.keep_rounds {
                let round = Round { step: index, requests: outgoing.requests.clone(), outcome: outcome.clone() };
                tally.rounds.push(round);
            }
            let answers = outcome.unwrap_or_default();
            let attempts = sent.attempts + u32::from(matches!(tally.trial.next(), Next::Again(_)));
            let (of, answers, attempts) = first.take().unwrap_or((outgoing, answers, attempts));
            for one in found {
                let asked = one.asked.unwrap_or(attempts);
                tally.mismatches.push(self.report((one.answer, one.mismatch), step, number, &of, &answers, asked));
            }
            if matches!(tally.trial.next(), Next::Again(_)) {
                first = Some((of, answers, attempts));
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
        let sending = outgoing.iter().map(|(step, outgoing)| self.patiently(step, outgoing, earlier));
        let sent: Vec<_> = sending.collect::<FuturesOrdered<_>>().collect().await;
        outgoing.into_iter().map(|(_, outgoing)| outgoing).zip(sent).collect()
    }

    /// What a step sends, with addresses and signatures of now.
    fn outgoing(&self, step: &Step, earlier: &[Response<Bytes>]) -> Result<Outgoing, Abort> {
        let object = match &step.operation {
            Operation::Preflight(preflight) => preflight.object.clone(),
            Operation::Request(request) => request.object.clone(),
            Operation::Raw(messages) => {
                let requests = messages
                    .iter()
                    .map(|message| self.request(step, request::message(message), message.object.clone()));
                return Ok(Outgoing::raw(messages, requests.collect::<Result<_, _>>()?));
            }
            _ => None,
        };
        self.request(step, request::draft(&step.operation, earlier), object).map(Outgoing::http)
    }

    fn request(&self, step: &Step, mut draft: Draft, object: Option<String>) -> Result<Request<Bytes>, Abort> {
        let held = self.held(step.bucket);
        let bucket = self.bucket_of(step);
        let key = |object: String| held.map_or_else(|| object.clone(), |held| held.key(&object));
        if let Some(form) = &mut draft.form {
            for (name, value) in form.iter_mut().filter(|(name, _)| name == "key") {
                *value = key(std::mem::take(value));
                debug_assert_eq!(name, "key");
            }
        }
        let envelope = Envelope { bucket, object: object.map(key), identity: step.identity };
        request::build(draft, &envelope, &self.shared.target.site(), jiff::Timestamp::now())
            .map_err(|error| Abort::Skip(error.to_string()))
    }

    fn bucket_of(&self, step: &Step) -> Option<String> {
        match step.bucket {
            BucketRole::Main | BucketRole::Second => self.held(step.bucket).map(|held| held.name.clone()),
            BucketRole::Missing => Some(self.missing.clone()),
            BucketRole::Service => None,
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
        let shared = Arc::clone(&self.shared);
        let document = match &step.operation {
            Operation::PutCors(put) => Some(request::document_of(put, tally.trial.answers())),
            Operation::DeleteCors(_) => None,
            Operation::Raw(messages) => match messages.as_slice() {
                [message] if message.method == "PUT" && message.query.as_deref() == Some("cors") => {
                    Some(Bytes::from(message.body.clone()))
                }
                _ => return,
            },
            _ => return,
        };
        if step.bucket == BucketRole::Missing && answer.status().is_success() {
            let missing = self.missing.clone();
            self.adopt(&missing);
        }
        let Some(held) = self.slot_of(step.bucket) else { return };
        if !answer.status().is_success() || shared.options.settle.is_zero() {
            return;
        }
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
    async fn patiently(
        &self,
        step: &Step,
        outgoing: &Outgoing,
        earlier: &[Response<Bytes>],
    ) -> Result<Sent<Vec<Response<Bytes>>>, Abort> {
        let shared = &self.shared;
        let first = self.send(outgoing).await;
        if first.result.is_ok() && !first.busy {
            return Ok(first);
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
            (Ok(_), Ok(_)) => Ok(first),
            (Ok(_), Err(_)) => {
                let second = self.send(&self.outgoing(step, earlier)?).await;
                Ok(Sent { attempts: first.attempts + second.attempts, ..second })
            }
        }
    }

    async fn send(&self, outgoing: &Outgoing) -> Sent<Vec<Response<Bytes>>> {
        let wire = &self.shared.wire;
        match (&outgoing.raw, outgoing.requests.first()) {
            (None, Some(request)) => {
                let sent = wire.send(request).await;
                let result = sent.result.map(|answer| vec![answer]);
                Sent { result, attempts: sent.attempts, busy: sent.busy }
            }
            (Some(raw), _) => wire.exchange(raw).await,
            (None, None) => {
                let nothing = SendError::Unsendable("there is nothing to send".to_owned());
                Sent { result: Err(nothing), attempts: 0, busy: false }
            }
        }
    }

    /// A mismatch and the answer, by its number, that it was found in.
    fn report(
        &self,
        (at, mismatch): (usize, Mismatch),
        step: &Step,
        number: usize,
        outgoing: &Outgoing,
        answers: &[Response<Bytes>],
        attempts: u32,
    ) -> MismatchReport {
        let clause = self.shared.target.dialect.clauses.get(&mismatch.clause);
        let bucket = self.bucket_of(step);
        let hide = |text: String| shown::without_secrets(text, &self.shared.target);
        // An earlier answer may be what is expected.
        let (expected, actual) = (hide(mismatch.expected), hide(mismatch.actual));
        let mismatch = Mismatch { expected, actual, ..mismatch };
        MismatchReport {
            step: number,
            answer: (outgoing.requests.len() > 1).then_some(at + 1),
            text: clause.map(|clause| clause.text.clone()).unwrap_or_default(),
            source: clause.map(|clause| clause.source.clone()).unwrap_or_default(),
            request: hide(outgoing.head(at)),
            response: hide(answers.get(at).map_or_else(String::new, shown::answer)),
            attempts,
            curl: hide(match (&outgoing.raw, outgoing.requests.get(at)) {
                (Some(raw), _) => shown::send_bytes(raw),
                (None, Some(request)) => {
                    shown::curl(request, step.identity, bucket.as_deref(), &self.shared.target.scheme)
                }
                (None, None) => String::new(),
            }),
            ..MismatchReport::bare(mismatch, step.line)
        }
    }
}

/// What was sent ahead, and what came of it.
type Early = (Outgoing, Result<Sent<Vec<Response<Bytes>>>, Abort>);

/// Whether a step can be sent together with its neighbours.
fn stands_alone(step: &Step) -> bool {
    let needs_answer = match &step.operation {
        Operation::Request(request) => request.body_from.is_some(),
        Operation::Raw(_) => true,
        _ => false,
    };
    only_reads(step) && !needs_answer && !step.setup && step.repeat == 1
}

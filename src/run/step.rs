//! One step: sending it, judging its answer, telling the server's faults from trouble on the way ([`Worker::steps`]).
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
use super::skip::is_read;
use super::wire::Sent;
use super::worker::{Abort, Tally, Worker};
use super::{Shared, shown};
use crate::case::expect::{Exchange, Mismatch, check};
use crate::case::{BucketRole, Case, Operation, Step};
use crate::cors::xml::parse;
use crate::dialect::{CONSISTENT, Dialect, Level, STABLE};
use crate::implementation::SendError;
use crate::report::MismatchReport;
use crate::request::{self, Draft, Envelope};

impl Worker {
    pub(super) async fn steps(&mut self, case: &Case, tally: &mut Tally) -> Result<(), Abort> {
        let implicit = case.steps.iter().filter(|step| step.setup).count();
        let mut ahead: VecDeque<Early> = VecDeque::new();
        for (index, step) in case.steps.iter().enumerate() {
            let number = if step.setup { 0 } else { index + 1 - implicit };
            if step.setup && self.shared.target.credentials.is_none() {
                // The rules are in place; `skip` has compared them.
                tally.answers.push(Response::new(Bytes::new()));
                continue;
            }
            let before = tally.mismatches.len();
            if ahead.is_empty() {
                ahead = self.ahead(case.steps.get(index..).unwrap_or_default(), &tally.answers).await;
            }
            let answer = self.step(step, number, tally, ahead.pop_front()).await?;
            let Some(answer) = answer else {
                tally.judged = false;
                break;
            };
            self.after(step, &answer, tally).await;
            tally.answers.push(answer);
            if step.setup && tally.mismatches.len() > before {
                tally.judged = false;
                break;
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

    /// Sends and judges a step, unless it was sent before. No answer means that there is nothing to go on with.
    async fn step(
        &mut self,
        step: &Step,
        number: usize,
        tally: &mut Tally,
        mut early: Option<Early>,
    ) -> Result<Option<Response<Bytes>>, Abort> {
        let shared = Arc::clone(&self.shared);
        let mut last: Option<Response<Bytes>> = None;
        for repetition in 0..step.repeat {
            let (outgoing, sent) = if let Some((outgoing, sent)) = early.take() {
                (outgoing, sent?)
            } else {
                let outgoing = self.outgoing(step, &tally.answers)?;
                self.touch(step);
                let sent = self.patiently(step, &outgoing, &tally.answers).await?;
                (outgoing, sent)
            };
            let answers = match sent.result {
                Ok(answers) => answers,
                Err(error) => {
                    let (clause, level) = worst_at_stake(step, &shared.target.dialect);
                    let mismatch =
                        Mismatch { level, ..Mismatch::new(clause, "transport", "an answer", error.to_string()) };
                    tally.assertions += 1;
                    tally.mismatches.push(self.report((0, mismatch), step, number, &outgoing, &[], sent.attempts));
                    return Ok(None);
                }
            };
            let Some(answer) = answers.last().cloned() else { return Ok(None) };
            let (mismatches, observed, assertions) = judge(step, &outgoing, &answers, &tally.answers, &shared);
            tally.assertions += assertions;
            let failed = !mismatches.is_empty();
            let asks_again = failed && step.repeat == 1 && is_safe(step);
            let attempts = sent.attempts + u32::from(asks_again);
            for mismatch in mismatches {
                tally.mismatches.push(self.report(mismatch, step, number, &outgoing, &answers, attempts));
            }
            let at = answers.len() - 1;
            for (name, value) in observed {
                let before = tally.observed.entry(name.clone()).or_insert_with(|| value.clone()).clone();
                if before != value {
                    let changed = Mismatch::new(CONSISTENT, &format!("behaviour {name}"), before, value);
                    tally.mismatches.push(self.report((at, changed), step, number, &outgoing, &answers, attempts));
                }
            }
            if asks_again {
                let again = self.patiently(step, &self.outgoing(step, &tally.answers)?, &tally.answers).await?;
                let passes = again
                    .result
                    .is_ok_and(|again| judge(step, &outgoing, &again, &tally.answers, &shared).0.is_empty());
                if passes {
                    let unstable =
                        Mismatch::new(STABLE, "stability", "the same answer again", "another answer, which is right");
                    tally.mismatches.push(self.report((at, unstable), step, number, &outgoing, &answers, attempts));
                }
            }
            if let Some(before) = last.as_ref().filter(|_| !failed)
                && let Some((field, then, now)) = differs(before, &answer)
            {
                tally.assertions += 1;
                let unstable = Mismatch::new(STABLE, &field, then, now);
                tally.mismatches.push(self.report((at, unstable), step, number, &outgoing, &answers, repetition + 1));
                return Ok(Some(answer));
            }
            last = Some(answer);
            if failed {
                break;
            }
        }
        Ok(last)
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
    async fn after(&mut self, step: &Step, answer: &Response<Bytes>, tally: &Tally) {
        let shared = Arc::clone(&self.shared);
        let document = match &step.operation {
            Operation::PutCors(put) => Some(request::document_of(put, &tally.answers)),
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

/// Mismatches with the number of the answer they were found in; what was observed; how much was looked at.
type Judged = (Vec<(usize, Mismatch)>, Vec<(String, String)>, usize);

/// The clause and level that an answer would have been held against first; a step about an open point says that one of the
/// allowed answers must come.
fn worst_at_stake<'s>(step: &'s Step, dialect: &Dialect) -> (&'s str, Level) {
    let level = |clause: &str| dialect.clauses.get(clause).map_or(Level::Must, |clause| clause.level);
    let at_stake = step.expect.iter().map(|block| {
        let own = if block.any_of.is_empty() { level(&block.clause) } else { Level::Must };
        (&*block.clause, own)
    });
    // The first of the worst.
    at_stake.rev().max_by_key(|(_, level)| *level).unwrap_or((STABLE, Level::Must))
}

/// Holds answers against all blocks of a step.
fn judge(
    step: &Step,
    outgoing: &Outgoing,
    answers: &[Response<Bytes>],
    earlier: &[Response<Bytes>],
    shared: &Shared,
) -> Judged {
    let mut judged: Judged = (Vec::new(), Vec::new(), 0);
    let exchanges: Vec<Exchange<'_>> = outgoing
        .requests
        .iter()
        .zip(answers)
        .map(|(request, answer)| Exchange::new(request, answer, earlier))
        .collect();
    for block in &step.expect {
        let at = block.answer.unwrap_or(answers.len().saturating_sub(1));
        let Some(exchange) = exchanges.get(at) else {
            let missing = Mismatch::new(&block.clause, "transport", format!("an answer {}", at + 1), "none");
            judged.0.push((at, missing));
            continue;
        };
        let checked = check(block, exchange, &shared.target.dialect);
        judged.0.extend(checked.mismatches.into_iter().map(|mismatch| (at, mismatch)));
        judged.1.extend(checked.observed);
        judged.2 += checked.assertions;
    }
    // The worst first, so that it is read first.
    judged.0.sort_by_key(|(_, mismatch)| std::cmp::Reverse(mismatch.level));
    judged
}

/// Whether a step can be sent together with its neighbours.
fn stands_alone(step: &Step) -> bool {
    let needs_answer = match &step.operation {
        Operation::Request(request) => request.body_from.is_some(),
        Operation::Raw(_) => true,
        _ => false,
    };
    is_safe(step) && !needs_answer && !step.setup && step.repeat == 1
}

/// Whether asking again changes nothing.
fn is_safe(step: &Step) -> bool {
    match &step.operation {
        Operation::GetCors(_) | Operation::Preflight(_) => true,
        Operation::Request(request) => is_read(&request.method),
        Operation::Raw(messages) => messages.iter().all(|message| is_read(&message.method)),
        _ => false,
    }
}

/// The first part in which two answers to the same request differ: status, or a header that CORS is about.
fn differs(before: &Response<Bytes>, now: &Response<Bytes>) -> Option<(String, String, String)> {
    if before.status() != now.status() {
        return Some((
            "stability.status".to_owned(),
            before.status().as_u16().to_string(),
            now.status().as_u16().to_string(),
        ));
    }
    let value = |answer: &Response<Bytes>, name: &str| {
        let lines: Vec<String> = answer
            .headers()
            .get_all(name)
            .iter()
            .map(|line| String::from_utf8_lossy(line.as_bytes()).into_owned())
            .collect();
        // The order of members is for cases to judge.
        let mut members: Vec<String> =
            lines.iter().flat_map(|line| line.split(',')).map(|member| member.trim().to_owned()).collect();
        if matches!(name, "access-control-allow-headers" | "access-control-expose-headers") {
            for member in &mut members {
                member.make_ascii_lowercase();
            }
        }
        members.sort_unstable();
        if name == "vary" {
            // Other members are no matter of CORS.
            members.retain(|member| member == "*" || member.eq_ignore_ascii_case("origin"));
            members.dedup_by(|one, other| one.eq_ignore_ascii_case(other));
            return members.first().map_or("without Origin", |_| "with Origin").to_owned();
        }
        if lines.is_empty() { "absent".to_owned() } else { members.join(", ") }
    };
    let names = before.headers().keys().chain(now.headers().keys()).map(http::HeaderName::as_str);
    let mut names: Vec<&str> = names.filter(|name| name.starts_with("access-control-") || *name == "vary").collect();
    names.sort_unstable();
    names.dedup();
    names.into_iter().find_map(|name| {
        let (then, now) = (value(before, name), value(now, name));
        (then != now).then(|| (format!("stability.headers.{name}"), then, now))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_that_change_are_noticed() {
        let answer = |status: u16, vary: &str| {
            Response::builder().status(status).header("vary", vary).header("date", vary).body(Bytes::new()).unwrap()
        };
        assert_eq!(differs(&answer(200, "a"), &answer(200, "a")), None);
        assert_eq!(differs(&answer(200, "a"), &answer(200, "b")), None, "no matter of CORS");
        assert_eq!(differs(&answer(200, "a"), &answer(200, "b, origin")).unwrap().0, "stability.headers.vary");
        assert_eq!(differs(&answer(200, "a"), &answer(403, "a")).unwrap().0, "stability.status");
    }
}

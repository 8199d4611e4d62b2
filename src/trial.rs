//! What is asked of a case in turn, and what its answers show: [`Trial`] is told each answer and says what comes next.
//!
//! A verdict follows from the exchanges alone: whoever has them, at the time or years later, comes to the same one ([`replay`]). Steps
//! are judged on their first answer; one that fails is asked once more, since an answer that is right the second time is wrong in
//! another way (clause `answer.stable`).

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{Request, Response};
use jiff::Timestamp;

use crate::case::expect::{Exchange, Mismatch, check};
use crate::case::{Case, Operation, Step};
use crate::dialect::{CONSISTENT, Dialect, Level, STABLE};

/// A step that was asked, with every attempt at it. Attempts that got no answer, or one that asks for patience, are followed by another;
/// the last one counts.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "evidence is written down and read")]
pub struct Round {
    /// Index of the step in the case.
    pub step: usize,
    /// Name of its bucket at the server; none is the service.
    pub bucket: Option<String>,
    /// What objects of the run begin with there.
    pub prefix: String,
    /// At least one.
    pub attempts: Vec<Attempt>,
}

/// One sending of a step.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "evidence is written down and read")]
pub struct Attempt {
    /// When its requests were made, which their signatures tell.
    pub at: Timestamp,
    /// What was sent; several requests only in bytes.
    pub requests: Vec<Request<Bytes>>,
    /// The bytes that were sent, where it is them that count.
    pub bytes: Option<Bytes>,
    /// The answers, one to each request, or why there is none.
    pub outcome: Result<Vec<Response<Bytes>>, String>,
}

/// What comes next.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "whoever drives a trial has to do each of them")]
pub enum Next {
    /// Send the step of this index.
    Ask(usize),
    /// Send it once more: it failed, and asking changes nothing.
    Again(usize),
    /// There is nothing more to send.
    Done,
}

/// Something that is not as it must be.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Found {
    /// Index of the step in the case.
    pub step: usize,
    /// Of several answers to requests in bytes this one, from 0.
    pub answer: usize,
    /// What is wrong.
    pub mismatch: Mismatch,
    /// How often the step was sent, where that is what is wrong.
    pub asked: Option<u32>,
}

/// A case under way.
#[derive(Debug)]
pub struct Trial<'c> {
    case: &'c Case,
    dialect: &'c Dialect,
    at: usize,
    repetition: u32,
    /// The answer before, where a step is sent several times.
    last: Option<Response<Bytes>>,
    /// A step that failed and is sent once more: its answer, and the place of that.
    again: Option<(Response<Bytes>, usize)>,
    /// Something was wrong with the step that is under way.
    wrong: bool,
    ended: bool,
    judged: bool,
    assertions: usize,
    observed: BTreeMap<String, String>,
    answers: Vec<Response<Bytes>>,
}

impl<'c> Trial<'c> {
    /// A case from its beginning. With `in_place` its rules are there already and are not put.
    pub fn new(case: &'c Case, dialect: &'c Dialect, in_place: bool) -> Self {
        let mut trial = Self {
            case,
            dialect,
            at: 0,
            repetition: 0,
            last: None,
            again: None,
            wrong: false,
            ended: false,
            judged: true,
            assertions: 0,
            observed: BTreeMap::new(),
            answers: Vec::new(),
        };
        while in_place && trial.step().is_some_and(|step| step.setup) {
            trial.answers.push(Response::new(Bytes::new()));
            trial.at += 1;
        }
        trial
    }

    fn step(&self) -> Option<&'c Step> {
        self.case.steps.get(self.at)
    }

    /// What is to be sent now.
    pub fn next(&self) -> Next {
        match self.step() {
            Some(_) if self.ended => Next::Done,
            None => Next::Done,
            Some(_) if self.again.is_some() => Next::Again(self.at),
            Some(_) => Next::Ask(self.at),
        }
    }

    /// Whether nothing of the step that comes next was sent yet.
    pub const fn is_fresh(&self) -> bool {
        self.repetition == 0 && self.again.is_none()
    }

    /// The last answer to each step that is over.
    pub fn answers(&self) -> &[Response<Bytes>] {
        &self.answers
    }

    /// Those answers, at the end.
    pub fn into_answers(self) -> Vec<Response<Bytes>> {
        self.answers
    }

    /// Conditions looked at so far.
    pub const fn assertions(&self) -> usize {
        self.assertions
    }

    /// Open points, and what the answers so far imply.
    pub const fn observed(&self) -> &BTreeMap<String, String> {
        &self.observed
    }

    /// Whether every step was judged; false once one got no answer, or the rules of the case failed.
    pub const fn is_judged(&self) -> bool {
        self.judged
    }

    /// Takes what came of what [`Trial::next`] asked for, and gives what is wrong with it.
    pub fn give(&mut self, requests: &[Request<Bytes>], outcome: Result<&[Response<Bytes>], &str>) -> Vec<Found> {
        let Some(step) = self.step().filter(|_| !self.ended) else { return Vec::new() };
        let mut found = Vec::new();
        if let Some((answer, place)) = self.again.take() {
            let passes =
                outcome.is_ok_and(|answers| judge(step, requests, answers, &self.answers, self.dialect).0.is_empty());
            if passes {
                let unstable =
                    Mismatch::new(STABLE, "stability", "the same answer again", "another answer, which is right");
                self.note(&mut found, place, unstable, None);
            }
            self.over(answer);
            return found;
        }
        let outcome = outcome.and_then(|answers| Ok((answers, answers.last().ok_or("no answer")?)));
        let (answers, answer) = match outcome {
            Ok((answers, last)) => (answers, last.clone()),
            Err(why) => {
                let (clause, level) = worst_at_stake(step, self.dialect);
                let mismatch = Mismatch { level, ..Mismatch::new(clause, "transport", "an answer", why) };
                self.assertions += 1;
                self.note(&mut found, 0, mismatch, None);
                (self.judged, self.ended) = (false, true);
                return found;
            }
        };
        let place = answers.len() - 1;
        let (mismatches, observed, assertions) = judge(step, requests, answers, &self.answers, self.dialect);
        self.assertions += assertions;
        let failed = !mismatches.is_empty();
        for (at, mismatch) in mismatches {
            self.note(&mut found, at, mismatch, None);
        }
        for (name, value) in observed {
            let before = self.observed.entry(name.clone()).or_insert_with(|| value.clone()).clone();
            // A dialect that says what a vendor's servers do at an open point leaves it open no more.
            let stated = self.dialect.stated(&name).filter(|stated| *stated != value);
            if let Some(stated) = stated {
                let expected = format!("{stated}, as dialect {} says", self.dialect.name);
                let other = Mismatch::new(CONSISTENT, &format!("behaviour {name}"), expected, value);
                self.note(&mut found, place, other, None);
            } else if before != value {
                let changed = Mismatch::new(CONSISTENT, &format!("behaviour {name}"), before, value);
                self.note(&mut found, place, changed, None);
            }
        }
        if failed && step.repeat == 1 && only_reads(step) {
            self.again = Some((answer, place));
            return found;
        }
        self.repetition += 1;
        if let Some(before) = self.last.as_ref().filter(|_| !failed)
            && let Some((field, then, now)) = differs(before, &answer)
        {
            self.assertions += 1;
            let asked = Some(self.repetition);
            self.note(&mut found, place, Mismatch::new(STABLE, &field, then, now), asked);
            self.over(answer);
        } else if failed || self.repetition >= step.repeat {
            self.over(answer);
        } else {
            self.last = Some(answer);
        }
        found
    }

    fn note(&mut self, found: &mut Vec<Found>, answer: usize, mismatch: Mismatch, asked: Option<u32>) {
        self.wrong = true;
        found.push(Found { step: self.at, answer, mismatch, asked });
    }

    /// The step is over, with this answer. If the rules of a case fail, the other steps say nothing.
    fn over(&mut self, answer: Response<Bytes>) {
        if self.wrong && self.step().is_some_and(|step| step.setup) {
            (self.judged, self.ended) = (false, true);
        }
        self.answers.push(answer);
        (self.at, self.repetition, self.last, self.wrong) = (self.at + 1, 0, None, false);
    }
}

/// What rounds that were written down show: `look` is given each with the trial before it, `wrong` what is wrong with it, with the trial
/// after it. A case that is not `whole` was broken off after its last round. Gives the trial as it was at the end.
///
/// # Errors
///
/// If the rounds are not those of this case: one too many, one too few, or of another step; or the first error of `look`.
pub fn replay<'c>(
    case: &'c Case,
    dialect: &'c Dialect,
    in_place: bool,
    rounds: &[Round],
    whole: bool,
    mut look: impl FnMut(&Trial<'c>, &Round) -> Result<(), String>,
    mut wrong: impl FnMut(&Round, &Trial<'c>, Vec<Found>),
) -> Result<Trial<'c>, String> {
    let mut trial = Trial::new(case, dialect, in_place);
    // A round that is not the one that is due comes after an answer that was changed, or one that was left out.
    let mut before = String::new();
    for (number, round) in rounds.iter().enumerate() {
        match (trial.next(), round.attempts.last()) {
            (Next::Ask(step) | Next::Again(step), Some(last)) if step == round.step => {
                look(&trial, round).map_err(|why| format!("exchange {}: {why}", number + 1))?;
                let found = trial.give(&last.requests, last.outcome.as_deref().map_err(String::as_str));
                before = found.first().map_or_else(String::new, |found| told(number + 1, found));
                wrong(round, &trial, found);
            }
            (next, _) => {
                let (is, due) = (named(case, Next::Ask(round.step)), named(case, next));
                return Err(format!("exchange {} is {is}, and {due} is due{before}", number + 1));
            }
        }
    }
    match trial.next() {
        Next::Done => Ok(trial),
        _ if !whole => Ok(trial),
        next => Err(format!("after {} exchanges {} is missing{before}", rounds.len(), named(case, next))),
    }
}

/// What is due, for people.
fn named(case: &Case, next: Next) -> String {
    let line = |step: usize| case.steps.get(step).map_or_else(|| "?".to_owned(), |step| step.line.to_string());
    match next {
        Next::Ask(step) => format!("the step of line {}", line(step)),
        Next::Again(step) => format!("the step of line {} once more", line(step)),
        Next::Done => "the end".to_owned(),
    }
}

/// What is wrong with an exchange, for people.
fn told(number: usize, found: &Found) -> String {
    let Mismatch { clause, field, expected, actual, .. } = &found.mismatch;
    let short = |text: &str| text.chars().take(100).collect::<String>();
    format!(": exchange {number} breaks {clause}: {field} is {}, expected {}", short(actual), short(expected))
}

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
    requests: &[Request<Bytes>],
    answers: &[Response<Bytes>],
    earlier: &[Response<Bytes>],
    dialect: &Dialect,
) -> Judged {
    let mut judged: Judged = (Vec::new(), Vec::new(), 0);
    let exchanges: Vec<Exchange<'_>> =
        requests.iter().zip(answers).map(|(request, answer)| Exchange::new(request, answer, earlier)).collect();
    for block in &step.expect {
        let at = block.answer.unwrap_or(answers.len().saturating_sub(1));
        let Some(exchange) = exchanges.get(at) else {
            let missing = Mismatch::new(&block.clause, "transport", format!("an answer {}", at + 1), "none");
            judged.0.push((at, missing));
            continue;
        };
        let checked = check(block, exchange, dialect);
        judged.0.extend(checked.mismatches.into_iter().map(|mismatch| (at, mismatch)));
        judged.1.extend(checked.observed);
        judged.2 += checked.assertions;
    }
    // The worst first, so that it is read first.
    judged.0.sort_by_key(|(_, mismatch)| std::cmp::Reverse(mismatch.level));
    judged
}

/// Whether asking again changes nothing.
pub fn only_reads(step: &Step) -> bool {
    match &step.operation {
        Operation::GetCors(_) | Operation::Preflight(_) => true,
        Operation::Request(request) => is_read(&request.method),
        Operation::Raw(messages) => messages.iter().all(|message| is_read(&message.method)),
        Operation::PutCors(_) | Operation::DeleteCors(_) => false,
    }
}

/// Whether a method changes nothing.
pub fn is_read(method: &str) -> bool {
    matches!(method, "GET" | "HEAD" | "OPTIONS")
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

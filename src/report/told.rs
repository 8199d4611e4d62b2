//! From what a trial finds to the entries of a report: [`Teller`].

use bytes::Bytes;
use http::Response;

use super::{CaseReport, MismatchReport, Verdict};
use crate::case::expect::Mismatch;
use crate::case::{Case, Step};
use crate::dialect::{Dialect, Level};
use crate::request::{Outgoing, Place, Secrets, Site, answer};
use crate::trial::{Found, Next, Trial};

/// Tells what is wrong with the exchanges of a case, in turn.
#[derive(Debug)]
pub struct Teller<'a> {
    case: &'a Case,
    dialect: &'a Dialect,
    site: Site<'a>,
    secrets: &'a Secrets,
    /// What a step that is asked once more was answered at first, and at which attempt.
    first: Option<(Outgoing, Vec<Response<Bytes>>, u32)>,
}

/// What a step was sent and answered.
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "an input")]
pub struct Asked {
    /// Index of the step in the case.
    pub step: usize,
    /// What was sent.
    pub outgoing: Outgoing,
    /// Where to.
    pub place: Place,
    /// What came back; nothing, where there was no answer.
    pub answers: Vec<Response<Bytes>>,
    /// How often it was sent.
    pub attempts: u32,
}

impl<'a> Teller<'a> {
    /// For a case that is asked at a site, with keys that must not be told.
    pub const fn new(case: &'a Case, dialect: &'a Dialect, site: Site<'a>, secrets: &'a Secrets) -> Self {
        Self { case, dialect, site, secrets, first: None }
    }

    /// Takes an exchange, what the trial found in it, and the trial after it.
    pub fn tell(&mut self, asked: Asked, found: Vec<Found>, trial: &Trial<'_>) -> Vec<MismatchReport> {
        let Some(step) = self.case.steps.get(asked.step) else { return Vec::new() };
        let again = matches!(trial.next(), Next::Again(_));
        let attempts = asked.attempts + u32::from(again);
        let (of, answers, attempts) = self.first.take().unwrap_or((asked.outgoing, asked.answers, attempts));
        let told = found.into_iter().map(|one| {
            let attempts = one.asked.unwrap_or(attempts);
            let told = self.mismatch(one.mismatch, one.answer, (asked.step, step), &of, answers.get(one.answer));
            MismatchReport {
                curl: self.secrets.hide(of.curl(one.answer, step, &asked.place, &self.site)),
                attempts,
                ..told
            }
        });
        let told = told.collect();
        if again {
            self.first = Some((of, answers, attempts));
        }
        told
    }

    fn mismatch(
        &self,
        mismatch: Mismatch,
        at: usize,
        (index, step): (usize, &Step),
        of: &Outgoing,
        answered: Option<&Response<Bytes>>,
    ) -> MismatchReport {
        let clause = self.dialect.clauses.get(&mismatch.clause);
        let hide = |text: String| self.secrets.hide(text);
        // An earlier answer may be what is expected.
        let (expected, actual) = (hide(mismatch.expected), hide(mismatch.actual));
        let implicit = self.case.steps.iter().filter(|step| step.setup).count();
        MismatchReport {
            step: if step.setup { 0 } else { index + 1 - implicit },
            answer: (of.requests.len() > 1).then_some(at + 1),
            text: clause.map(|clause| clause.text.clone()).unwrap_or_default(),
            source: clause.map(|clause| clause.source.clone()).unwrap_or_default(),
            request: hide(of.head(at)),
            response: hide(answered.map_or_else(String::new, answer)),
            ..MismatchReport::bare(Mismatch { expected, actual, ..mismatch }, step.line)
        }
    }
}

impl CaseReport {
    /// A case that was not judged, and why.
    pub fn unjudged(case: &Case, verdict: Verdict, reason: &str, dialect: &Dialect) -> Self {
        let level = case.level(dialect);
        Self {
            id: case.id.clone(),
            about: case.about.clone(),
            theme: case.theme.clone(),
            file: case.file.path.clone(),
            line: case.line,
            clauses: case.clauses.clone(),
            verdict,
            level,
            unjudged_must: verdict != Verdict::Pass && level == Level::Must,
            elapsed_ms: 0,
            assertions: 0,
            observed: std::collections::BTreeMap::new(),
            reason: Some(reason.to_owned()),
            known: None,
            mismatches: Vec::new(),
            rounds: Vec::new(),
            answers: Vec::new(),
        }
    }

    /// A case that was tried, with all that is wrong; `ended` is why it was not tried to its end. What was found before counts, whatever
    /// came after.
    pub fn judged(
        case: &Case,
        dialect: &Dialect,
        trial: &Trial<'_>,
        mismatches: Vec<MismatchReport>,
        ended: Option<(Verdict, String)>,
    ) -> Self {
        let whole = ended.is_none();
        let (verdict, reason) = match ended {
            ended if !mismatches.is_empty() => (Verdict::Fail, ended.map(|(_, reason)| reason)),
            None => (Verdict::Pass, None),
            Some((verdict, reason)) => (verdict, Some(reason)),
        };
        let worst = mismatches.iter().map(|mismatch| mismatch.level).max();
        let judged = whole && trial.is_judged() && matches!(verdict, Verdict::Pass | Verdict::Fail);
        let base = Self::unjudged(case, Verdict::Pass, "", dialect);
        Self {
            unjudged_must: !judged && base.level == Level::Must,
            verdict,
            reason,
            level: worst.unwrap_or(base.level),
            assertions: trial.assertions(),
            observed: trial.observed().clone(),
            mismatches,
            ..base
        }
    }
}

//! What follows from a report: something shows, and that is confirmed, made smaller and written down. [`Campaign`] calls [`explored`],
//! [`confirmed`], [`shrunk`], [`checked`] and [`plain`], each with what a case was given out for.
//!
//! [`explored`]: Campaign::explored
//! [`confirmed`]: Campaign::confirmed
//! [`shrunk`]: Campaign::shrunk
//! [`checked`]: Campaign::checked
//! [`plain`]: Campaign::plain

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::finding::{Finding, Made, Stage};
use super::kind::Kind;
use super::{Campaign, Event, Next, Purpose, Record};
use crate::case::{Case, Operation, Start, write};
use crate::dialect::CONSISTENT;
use crate::predict::predict;
use crate::report::{CaseReport, MismatchReport};
use crate::shrink::Shrinker;

/// Times a finding is tried again before it is believed.
const CONFIRM: u32 = 3;
/// Times the smallest case is: a server that answers otherwise every second time may do so three times in a row.
const CHECK: u32 = 6;
/// Milliseconds of requests after which a finding is small enough: where the server does not answer, each candidate costs time-outs.
const SHRINK_TIME: u64 = 120_000;
/// Later inputs that are tried in the place of one that does not show its finding by itself.
const OTHERS: u32 = 60;

impl Campaign {
    /// The next case that a finding needs; none if it is finished.
    pub(super) fn look_into(&mut self, at: usize) -> Option<Next> {
        let finding = self.findings.get_mut(at)?;
        let start = if finding.is_alone() { Start::OnlyOne } else { Start::New };
        match &mut finding.stage {
            Stage::Confirming => {
                let case = Arc::clone(&finding.case);
                Some(self.give(Purpose::Confirm(at), case, start))
            }
            Stage::Shrinking { shown: 1.., .. } => {
                let case = finding.trial.take()?;
                Some(self.give(Purpose::Shrink(at), case, start))
            }
            Stage::Shrinking { shrinker, anew, .. } => {
                let (candidate, start) =
                    (shrinker.candidate(&self.dialect)?, if *anew { start } else { Start::Emptied });
                Some(self.give(Purpose::Shrink(at), Arc::new(candidate), start))
            }
            Stage::Checking { .. } => {
                let case = Arc::clone(&finding.case);
                Some(self.give(Purpose::Check(at), case, start))
            }
            Stage::Plain => {
                let mut case = Case::clone(&finding.case);
                predict(&mut case, self.documented.as_ref()?);
                for step in &mut case.steps {
                    step.expect.retain(|block| block.clause != CONSISTENT || finding.kind.clause == CONSISTENT);
                }
                case.clauses.retain(|clause| clause != CONSISTENT || finding.kind.clause == CONSISTENT);
                Some(self.give(Purpose::Plain(at), Arc::new(case), start))
            }
            Stage::Unsure | Stage::Finished => None,
        }
    }

    /// Puts a finding into the line for its next case.
    fn queue(&mut self, at: usize) {
        match self.findings.get(at) {
            // Its tries follow each other, so that nothing but their own requests is between them.
            Some(finding) if finding.is_alone() => self.alone.push_front(at),
            _ => self.waiting.push_back(at),
        }
    }

    /// Counts what is known, and notes what is new.
    pub(super) fn explored(
        &mut self,
        (index, now): (u64, Timestamp),
        case: &Arc<Case>,
        report: &CaseReport,
    ) -> Vec<Kind> {
        let mut kinds = Vec::new();
        let mut steps: BTreeMap<usize, Vec<(Kind, &MismatchReport)>> = BTreeMap::new();
        for mismatch in report.mismatches.iter().filter(|mismatch| !follows(case, report, mismatch)) {
            if self.allowlist.find(&Kind::of(mismatch), self.today).is_some() {
                continue;
            }
            steps.entry(mismatch.step).or_default().push((Kind::of(mismatch), mismatch));
        }
        for shown in steps.into_values() {
            let here: BTreeSet<Kind> = shown.iter().map(|(kind, _)| kind.clone()).collect();
            let mut explained: BTreeSet<Kind> = BTreeSet::new();
            let mut again = Vec::new();
            for (at, finding) in self.findings.iter_mut().enumerate().filter(|(_, one)| here.contains(&one.kind)) {
                if !kinds.contains(&finding.kind) {
                    finding.count += 1;
                    kinds.push(finding.kind.clone());
                }
                explained.insert(finding.kind.clone());
                explained.extend(finding.companions.iter().cloned());
                if matches!(finding.stage, Stage::Unsure)
                    && finding.others < OTHERS
                    && self.ended.is_none()
                    && let Some((_, mismatch)) = shown.iter().find(|(kind, _)| *kind == finding.kind)
                {
                    finding.try_instead(case, mismatch);
                    again.push(at);
                }
            }
            for at in again {
                self.queue(at);
            }
            // One bug breaks several clauses at once: what comes with a new finding belongs to it.
            let mut new = shown.into_iter().filter(|(kind, _)| !explained.contains(kind));
            let Some((kind, mismatch)) = new.next() else { continue };
            let companions = here.into_iter().filter(|other| *other != kind).collect();
            kinds.push(kind.clone());
            self.waiting.push_back(self.findings.len());
            self.findings.push(Finding {
                kind,
                index,
                seen: now,
                count: 1,
                shown: 0,
                tried: 0,
                case: Arc::clone(case),
                mismatch: mismatch.clone(),
                companions,
                stage: Stage::Confirming,
                alone: false,
                others: 0,
                made: Made::Once,
                trial: None,
                in_vain: (0, 0),
                whole: None,
            });
        }
        kinds
    }

    pub(super) fn confirmed(&mut self, at: usize, judged: bool, report: &CaseReport) -> Vec<Event> {
        let budget = self.plan.shrink;
        let Some(finding) = self.findings.get_mut(at) else { return Vec::new() };
        finding.tried += 1;
        if let Some(mismatch) = of_kind(&finding.case, report, &finding.kind).filter(|_| judged) {
            finding.shown += 1;
            finding.mismatch = mismatch.clone();
        }
        // One of many others is not worth three tries.
        let hopeless = !finding.is_stable() && (finding.others > 0 || finding.made != Made::Once);
        if finding.tried < CONFIRM && !hopeless {
            self.queue(at);
            return Vec::new();
        }
        if finding.is_stable() {
            let case = Arc::clone(&finding.case);
            let shrinker = Shrinker::new(Case::clone(&case), budget).around(finding.mismatch.step);
            finding.whole = Some((case, finding.mismatch.clone()));
            finding.stage = Stage::Shrinking { shrinker: Box::new(shrinker), spent: 0, anew: false, shown: 0 };
            return self.shrink_on(at);
        }
        finding.forget_tries();
        if finding.alone {
            finding.make_anew(&self.dialect);
        } else {
            finding.alone = true;
        }
        self.queue(at);
        Vec::new()
    }

    pub(super) fn shrunk(&mut self, at: usize, case: &Arc<Case>, report: &CaseReport) -> Vec<Event> {
        let Some(finding) = self.findings.get_mut(at) else { return Vec::new() };
        let same = of_kind(case, report, &finding.kind);
        let Stage::Shrinking { shrinker, spent, anew, shown } = &mut finding.stage else { return Vec::new() };
        *spent += report.elapsed_ms;
        if same.is_some() && *anew && *shown + 1 < CONFIRM {
            *shown += 1;
            finding.trial = Some(Arc::clone(case));
        } else {
            *shown = 0;
            shrinker.tell(Case::clone(case), same.is_some());
            if let Some(mismatch) = same {
                (finding.case, finding.mismatch) = (Arc::clone(case), mismatch.clone());
            }
        }
        self.shrink_on(at)
    }

    /// Puts a finding into the line again, unless there is nothing left to try.
    fn shrink_on(&mut self, at: usize) -> Vec<Event> {
        let Some(finding) = self.findings.get_mut(at) else { return Vec::new() };
        if let Stage::Shrinking { shrinker, spent, anew, shown: 0 } = &mut finding.stage
            && !(shrinker.has_more() && *spent < SHRINK_TIME)
        {
            finding.stage = Stage::Checking { anew: *anew, times: 0 };
        }
        self.queue(at);
        Vec::new()
    }

    /// Whether the smallest case shows it each time, in buckets that the larger ones were not tried in.
    pub(super) fn checked(&mut self, at: usize, report: &CaseReport) -> Vec<Event> {
        let budget = self.plan.shrink;
        let Some(finding) = self.findings.get_mut(at) else { return Vec::new() };
        if let Some(mismatch) = of_kind(&finding.case, report, &finding.kind) {
            finding.mismatch = mismatch.clone();
            if let Stage::Checking { times, .. } = &mut finding.stage {
                *times += 1;
                if *times < CHECK {
                    self.queue(at);
                    return Vec::new();
                }
            }
            return self.is_small(at);
        }
        if let Some(whole) = finding.whole.take() {
            (finding.case, finding.mismatch) = whole;
        }
        if matches!(finding.stage, Stage::Checking { anew: true, .. }) {
            finding.forget_tries();
            finding.make_anew(&self.dialect);
            self.queue(at);
            return Vec::new();
        }
        if finding.alone {
            // Then each candidate gets a bucket of its own.
            let shrinker = Box::new(Shrinker::new(Case::clone(&finding.case), budget));
            finding.stage = Stage::Shrinking { shrinker, spent: 0, anew: true, shown: 0 };
            return self.shrink_on(at);
        }
        // Or other cases had to run beside it.
        finding.forget_tries();
        (finding.alone, finding.stage) = (true, Stage::Confirming);
        self.queue(at);
        Vec::new()
    }

    /// The last step for a finding that is as small as it gets.
    fn is_small(&mut self, at: usize) -> Vec<Event> {
        if self.documented.is_none() {
            return self.finish(at);
        }
        if let Some(finding) = self.findings.get_mut(at) {
            finding.stage = Stage::Plain;
        }
        self.queue(at);
        Vec::new()
    }

    pub(super) fn plain(&mut self, at: usize, case: Arc<Case>, report: &CaseReport) -> Vec<Event> {
        if let Some(finding) = self.findings.get_mut(at)
            && let Some(mismatch) = of_kind(&case, report, &finding.kind)
        {
            (finding.case, finding.mismatch) = (case, mismatch.clone());
        }
        self.finish(at)
    }

    /// Ends the wait for an input that shows a finding by itself; to be called when no more cases are given out.
    pub fn conclude(&mut self) -> Vec<Event> {
        let unsure = |finding: &Finding| matches!(finding.stage, Stage::Unsure);
        let waiting: Vec<usize> =
            (0..self.findings.len()).filter(|at| self.findings.get(*at).is_some_and(unsure)).collect();
        waiting.into_iter().flat_map(|at| self.finish(at)).collect()
    }

    fn finish(&mut self, at: usize) -> Vec<Event> {
        let Some(finding) = self.findings.get_mut(at) else { return Vec::new() };
        if matches!(finding.stage, Stage::Unsure) {
            (finding.shown, finding.tried) = finding.in_vain;
        }
        finding.stage = Stage::Finished;
        vec![Event::Finished(Box::new(Record {
            kind: finding.kind.clone(),
            index: finding.index,
            seen: finding.seen,
            shown: finding.shown,
            tried: finding.tried,
            companions: finding.companions.clone(),
            case: write(&finding.kind.to_string(), std::slice::from_ref(&finding.case)),
            mismatch: finding.mismatch.clone(),
        }))]
    }
}

/// Whether a mismatch may follow from an earlier one: a document was taken or refused, or rules were deleted or kept, against what the oracle
/// expects, so that the bucket has other rules from there on. What it answers then is no finding of its own. Another status of the same kind,
/// such as 204 in place of 200, leaves the rules as they are expected to be.
fn follows(case: &Case, report: &CaseReport, mismatch: &MismatchReport) -> bool {
    let at = |step: usize| step.checked_sub(1).and_then(|step| case.steps.get(step));
    let Some(here) = at(mismatch.step) else { return false };
    let succeeds = |status: &str| status.starts_with('2');
    let strays = |earlier: &MismatchReport| {
        let otherwise = match earlier.field.as_str() {
            "status" => succeeds(&earlier.expected) != succeeds(&earlier.actual),
            "transport" => true,
            _ => false,
        };
        otherwise
            && earlier.step < mismatch.step
            && at(earlier.step).is_some_and(|step| {
                let writes = matches!(step.operation, Operation::PutCors(_) | Operation::DeleteCors(_));
                writes && step.bucket == here.bucket
            })
    };
    report.mismatches.iter().any(strays)
}

fn of_kind<'r>(case: &Case, report: &'r CaseReport, kind: &Kind) -> Option<&'r MismatchReport> {
    report.mismatches.iter().find(|mismatch| Kind::of(mismatch) == *kind && !follows(case, report, mismatch))
}

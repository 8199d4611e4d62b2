//! What a campaign found, and how far it is with it: [`Finding`].

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;

use super::kind::Kind;
use crate::case::{BucketRole, Case, DocumentSource, Extra, ObjectRequest, Operation, PutCors, Step};
use crate::dialect::Dialect;
use crate::predict::predict;
use crate::report::MismatchReport;
use crate::shrink::Shrinker;

/// Times that a step is asked by a case that [`insisting`] made: enough for what a server does every seventh time.
const INSIST: u32 = 8;

/// How far a finding is.
#[derive(Debug)]
pub(super) enum Stage {
    Confirming,
    /// With the milliseconds that it took so far, and whether each candidate gets buckets of its own, and must show it each of several
    /// times; then, how often the last one has.
    Shrinking {
        shrinker: Box<Shrinker>,
        spent: u64,
        anew: bool,
        shown: u32,
    },
    /// The smallest case is tried in new buckets, while nothing else runs, so many times so far.
    Checking {
        anew: bool,
        times: u32,
    },
    /// Tried once more without what only this server's choices at open points fix.
    Plain,
    /// No input so far shows it by itself each time; a later one may.
    Unsure,
    Finished,
}

/// What the case of a finding was made of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Made {
    /// The input.
    Once,
    /// The input, which asks many times where the finding showed: a server may answer otherwise now and then.
    Insisting,
    /// The input twice: a bucket may keep something of what was done to it.
    Twice,
}

/// Something that a server does otherwise than the oracle.
#[derive(Debug)]
#[non_exhaustive]
pub struct Finding {
    /// What it is.
    pub kind: Kind,
    /// The input that showed it first.
    pub index: u64,
    /// When it was first seen.
    pub seen: Timestamp,
    /// Inputs that showed it.
    pub count: u64,
    /// How often it showed …
    pub shown: u32,
    /// … when tried again this often.
    pub tried: u32,
    /// The smallest case that shows it.
    pub case: Arc<Case>,
    /// What was seen of it last.
    pub mismatch: MismatchReport,
    /// Kinds that came with it, at the same step.
    pub(super) companions: BTreeSet<Kind>,
    pub(super) stage: Stage,
    /// It showed not each time while other cases ran, so it is tried while none does: a bug may reach across buckets.
    pub(super) alone: bool,
    /// Inputs that were tried in the place of the first one.
    pub(super) others: u32,
    pub(super) made: Made,
    /// A smaller case that has shown it, but not as often as it must.
    pub(super) trial: Option<Arc<Case>>,
    /// How often it showed, of how many tries, with cases that did not show it each time.
    pub(super) in_vain: (u32, u32),
    /// The case before it was changed, made smaller or repeated, and what was seen of it then.
    pub(super) whole: Option<(Arc<Case>, MismatchReport)>,
}

impl Finding {
    /// Whether it is confirmed and shrunk, or given up as unstable.
    pub const fn is_finished(&self) -> bool {
        matches!(self.stage, Stage::Finished)
    }

    /// Whether it showed each time it was tried.
    pub const fn is_stable(&self) -> bool {
        self.shown == self.tried && !matches!(self.stage, Stage::Unsure)
    }

    /// Whether it is tried while nothing else runs; what will be written always is.
    pub(super) const fn is_alone(&self) -> bool {
        self.alone || matches!(self.stage, Stage::Checking { .. } | Stage::Plain)
    }

    /// Whether it will be a stable finding, as far as that can be known.
    pub(super) fn is_sure(&self) -> bool {
        self.is_stable() && matches!(self.stage, Stage::Plain | Stage::Finished)
    }

    /// Whether it may yet prove unstable.
    pub(super) const fn is_open(&self) -> bool {
        matches!(self.stage, Stage::Confirming | Stage::Checking { .. } | Stage::Shrinking { .. })
    }

    /// Begins anew with another input.
    pub(super) fn try_instead(&mut self, case: &Arc<Case>, mismatch: &MismatchReport) {
        self.others += 1;
        (self.stage, self.made, self.whole) = (Stage::Confirming, Made::Once, None);
        (self.case, self.mismatch) = (Arc::clone(case), mismatch.clone());
    }

    /// Goes on with a case made of the input that did not show it each time, or gives the input up.
    pub(super) fn make_anew(&mut self, dialect: &Dialect) {
        let (original, seen) = self.whole.take().unwrap_or_else(|| (Arc::clone(&self.case), self.mismatch.clone()));
        let next = match self.made {
            Made::Once => insisting(&original, seen.step).map(|case| (Made::Insisting, case)),
            Made::Insisting | Made::Twice => None,
        };
        // What it takes may be what was done to the bucket before. Of many others, none is worth that.
        let twice =
            || (self.others == 0 && self.made != Made::Twice).then(|| (Made::Twice, repeated(&original, dialect)));
        if let Some((made, case)) = next.or_else(twice) {
            (self.made, self.case, self.stage) = (made, Arc::new(case), Stage::Confirming);
            self.whole = Some((original, seen));
        } else {
            (self.stage, self.case, self.mismatch) = (Stage::Unsure, original, seen);
        }
    }

    /// Begins to count its tries anew.
    pub(super) const fn forget_tries(&mut self) {
        self.in_vain = (self.in_vain.0 + self.shown, self.in_vain.1 + self.tried);
        (self.shown, self.tried) = (0, 0);
    }
}

/// The case with its step of this number, from 1, asked [`INSIST`] times; none if asking changes something.
fn insisting(case: &Case, step: usize) -> Option<Case> {
    let mut case = case.clone();
    let step = case.steps.get_mut(step.checked_sub(1)?)?;
    let reads = match &step.operation {
        Operation::GetCors(_) | Operation::Preflight(_) => true,
        Operation::Request(request) => matches!(request.method.as_str(), "GET" | "HEAD" | "OPTIONS"),
        _ => false,
    };
    step.repeat = INSIST;
    reads.then_some(case)
}

/// The steps of a case, the deletion of the rules of its buckets, and the steps once more: what a used bucket brings along, as a case.
fn repeated(case: &Case, dialect: &Dialect) -> Case {
    let roles = [BucketRole::Main, BucketRole::Second].into_iter().filter(|role| case.uses(*role));
    let plain = case.steps.first().cloned().map(|step| Step { name: None, setup: false, repeat: 1, ..step });
    let deletes: Vec<Step> = roles
        .filter_map(|bucket| {
            let operation = Operation::DeleteCors(Extra::default());
            Some(Step { identity: operation.usual_identity(), operation, bucket, ..plain.clone()? })
        })
        .collect();
    let offset = case.steps.len() + deletes.len();
    let again = case.steps.iter().cloned().map(|mut step| {
        if let Operation::PutCors(PutCors { body: DocumentSource::From(at), .. })
        | Operation::Request(ObjectRequest { body_from: Some(at), .. }) = &mut step.operation
        {
            *at += offset;
        }
        Step { name: None, setup: false, ..step }
    });
    let steps = case.steps.iter().cloned().chain(deletes).chain(again).collect();
    let mut twice = Case { steps, ..case.clone() };
    predict(&mut twice, dialect);
    twice
}

#[cfg(test)]
mod tests {
    use arbitrary::Unstructured;

    use super::*;
    use crate::case::{load, write};
    use crate::diagnostic::SourceFile;
    use crate::generate;

    /// The second half refers to itself, each bucket is emptied between the halves, and the whole can be written and read.
    #[test]
    fn an_input_twice() {
        let (mut references, mut buckets) = (0, 0);
        for index in 0..400 {
            let bytes = generate::bytes(4, index, generate::BYTES);
            let case = generate::case(&mut Unstructured::new(&bytes), "once", Dialect::oss());
            let twice = repeated(&case, Dialect::oss());
            let (length, all) = (case.steps.len(), twice.steps.len());
            let used = all - 2 * length;
            let deletes = twice.steps.iter().skip(length).take(used);
            assert!(deletes.clone().all(|step| matches!(step.operation, Operation::DeleteCors(_))));
            assert_eq!(used, 1 + usize::from(case.uses(BucketRole::Second) && case.uses(BucketRole::Main)));
            buckets = buckets.max(used);
            for (at, step) in twice.steps.iter().enumerate().skip(length + used) {
                if let Operation::PutCors(PutCors { body: DocumentSource::From(from), .. }) = step.operation {
                    let read =
                        twice.steps.get(from).is_some_and(|step| matches!(step.operation, Operation::GetCors(_)));
                    assert!(read && (length + used..at).contains(&from), "{at} refers to {from}");
                    references += 1;
                }
            }
            if index < 20 {
                let text = write("Twice.", &[twice]);
                assert!(!load(&[SourceFile::new("twice.yaml", text.as_str())], Dialect::oss()).failed(), "{text}");
            }
        }
        assert!(references > 0 && buckets == 2);
    }
}

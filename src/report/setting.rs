//! What formats share: what they are written with ([`Setting`]), what a case means ([`Standing`]), a line about it ([`headline`]).

use super::{CaseReport, Verdict, cut};
use crate::case::Suite;
use crate::dialect::{Dialect, Level};

/// What a report is written with.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "an input")]
pub struct Setting<'a> {
    /// The cases that ran, for the rules and the oracle's reasons; cases that are not in it are shown without.
    pub suite: &'a Suite,
    /// Whose clauses they cite.
    pub dialect: &'a Dialect,
    /// A broken `should` counts.
    pub strict: bool,
}

/// What a case means for whoever waits for a yes or a no.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Standing {
    Good,
    /// Broken, and it counts.
    Bad,
    /// A `should` is broken, and nobody has asked for it; or a baseline knows it.
    Tolerated,
    Skipped,
    /// It could not be found out.
    Unknown,
}

impl Standing {
    pub(super) fn of(case: &CaseReport, strict: bool) -> Self {
        match case.verdict {
            Verdict::Pass => Self::Good,
            Verdict::Fail | Verdict::Unsupported if case.known.is_some() => Self::Tolerated,
            Verdict::Fail | Verdict::Unsupported if strict || case.level == Level::Must => Self::Bad,
            Verdict::Fail | Verdict::Unsupported => Self::Tolerated,
            Verdict::Skip => Self::Skipped,
            Verdict::Error => Self::Unknown,
        }
    }
}

/// One line about a case that did not pass.
pub(crate) fn headline(case: &CaseReport) -> String {
    match (case.mismatches.first(), &case.reason) {
        (Some(first), _) => {
            let more = match case.mismatches.len() {
                1 => String::new(),
                count => format!(" (and {} more)", count - 1),
            };
            let (expected, actual) = (cut(&first.expected, 100), cut(&first.actual, 100));
            format!("{}: {} is {actual}, expected {expected}{more}", first.clause, first.field)
        }
        (None, Some(reason)) => reason.clone(),
        (None, None) => case.verdict.as_str().to_owned(),
    }
}

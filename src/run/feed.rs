//! What workers work on: a [`Feed`] of cases.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::case::{Case, Start};
use crate::report::CaseReport;

/// Where workers get their cases, and bring what became of them.
pub trait Feed: fmt::Debug + Send + Sync {
    /// The next case.
    fn take(&self) -> Taken;

    /// What became of a case; not called for one that was interrupted.
    fn give(&self, number: u64, report: CaseReport);
}

/// What a [`Feed`] has for a worker.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "an input")]
pub enum Taken {
    /// A case.
    Case {
        /// By which its report is given back.
        number: u64,
        /// What is to be run.
        case: Arc<Case>,
        /// In which buckets.
        start: Start,
    },
    /// Nothing now; there may be something once other cases have been given back.
    Later,
    /// Nothing any more.
    Nothing,
}

/// The cases of a suite, each once.
#[derive(Debug)]
pub(super) struct Once {
    pub(super) cases: Vec<Arc<Case>>,
    next: AtomicUsize,
    results: std::sync::Mutex<Vec<Option<CaseReport>>>,
}

impl Once {
    pub(super) fn of(cases: Vec<Case>) -> Self {
        let results = std::sync::Mutex::new(vec![None; cases.len()]);
        Self { cases: cases.into_iter().map(Arc::new).collect(), next: AtomicUsize::new(0), results }
    }

    /// One entry a case; none where it was not judged.
    pub(super) fn results(&self) -> Vec<Option<CaseReport>> {
        // A list of finished reports is whole, whoever panicked while holding it.
        self.results.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }
}

impl Feed for Once {
    fn take(&self) -> Taken {
        let index = self.next.fetch_add(1, Ordering::Relaxed);
        self.cases.get(index).map_or(Taken::Nothing, |case| Taken::Case {
            number: index as u64,
            case: Arc::clone(case),
            start: Start::Emptied,
        })
    }

    fn give(&self, number: u64, report: CaseReport) {
        let mut results = self.results.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(place) = usize::try_from(number).ok().and_then(|index| results.get_mut(index)) {
            *place = Some(report);
        }
    }
}

//! The generated cases against every fault: [`hunt`] counts how many exchanges it takes until the differential notices it.

use std::sync::Arc;

use arbitrary::Unstructured;

use super::{report, spread};
use crate::case::Suite;
use crate::dialect::Dialect;
use crate::generate::{self, BYTES};
use crate::reference::Reference;
use crate::reference::faults::{Fault, Faulty, faults};
use crate::report::Verdict;
use crate::report::hunt::{Hunt, Hunted};
use crate::serve;

/// Cases that are generated and run together: enough to keep all cores busy, few enough to forget at once.
const BLOCK: u64 = 24;

/// How far to go.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "an input")]
pub struct HuntOptions {
    /// One hunt for each of these.
    pub seeds: Vec<u64>,
    /// Exchanges after which a fault counts as not found.
    pub exchanges: usize,
    /// Faults at a time.
    pub jobs: usize,
}

/// Runs generated cases against every fault that the documents do not allow, until it is noticed. `seen` is told how many
/// exchanges were made and how many faults are left.
pub async fn hunt(dialect: &Dialect, options: &HuntOptions, seen: impl Fn(usize, usize)) -> Hunt {
    let dialect = Arc::new(dialect.clone());
    let all: Vec<&'static Fault> =
        faults().filter(|fault| fault.applies(&dialect) && fault.allowed_in(&dialect).is_none()).collect();
    let mut hunted: Vec<Hunted> = all
        .iter()
        .map(|fault| Hunted {
            id: fault.id.to_owned(),
            clause: fault.clause.to_owned(),
            found: Vec::new(),
            hidden: fault.hidden_from_fuzzer(&dialect).map(str::to_owned),
        })
        .collect();
    let mut false_alarms = Vec::new();
    for seed in &options.seeds {
        let mut left: Vec<usize> = (0..all.len()).collect();
        left.retain(|at| hunted.get(*at).is_some_and(|hunted| hunted.hidden.is_none()));
        let (mut block, mut before) = (0, 0);
        while !left.is_empty() && before < options.exchanges {
            let mut suite = generated(*seed, block * BLOCK, BLOCK, &dialect);
            let exchanges = suite.cases.iter().map(|case| case.steps.len()).sum::<usize>();
            // A case that the healthy reference fails notices nothing.
            let failed = failed_by_the_reference(&suite, &dialect).await;
            suite.cases.retain(|case| !failed.contains(&case.id));
            false_alarms.extend(failed);
            let suite = Arc::new(suite);
            let planted: Vec<&'static Fault> = left.iter().filter_map(|at| all.get(*at).copied()).collect();
            let first = first_failures(&planted, &suite, &dialect, options.jobs).await;
            let mut still = Vec::new();
            for (at, first) in left.iter().zip(first) {
                match (first, hunted.get_mut(*at)) {
                    (Some(within), Some(hunted)) => hunted.found.push(Some(before + within)),
                    _ => still.push(*at),
                }
            }
            left = still;
            before += exchanges;
            block += 1;
            seen(before, left.len());
        }
        for at in left {
            if let Some(hunted) = hunted.get_mut(at) {
                hunted.found.push(None);
            }
        }
    }
    Hunt { seeds: options.seeds.clone(), exchanges: options.exchanges, faults: hunted, false_alarms }
}

/// Cases that do not pass without any fault.
async fn failed_by_the_reference(suite: &Suite, dialect: &Arc<Dialect>) -> Vec<String> {
    let options = serve::options(dialect, serve::owner(), serve::other());
    let all = || suite.cases.iter().map(|case| case.id.clone());
    report(Reference::new(options), suite, dialect).await.map_or_else(
        |_| all().collect(),
        |report| {
            let failed = report.cases.into_iter().filter(|case| case.verdict != Verdict::Pass);
            failed.map(|case| case.id).collect()
        },
    )
}

/// So many cases from an index on.
pub fn generated(seed: u64, from: u64, count: u64, dialect: &Dialect) -> Suite {
    let case = |index| {
        let bytes = generate::bytes(seed, index, BYTES);
        generate::case(&mut Unstructured::new(&bytes), &format!("generated-{seed}-{index}"), dialect)
    };
    Suite { cases: (from..from + count).map(case).collect() }
}

/// For each fault the number of the exchange at which the first case fails.
async fn first_failures(
    planted: &[&'static Fault],
    suite: &Arc<Suite>,
    dialect: &Arc<Dialect>,
    jobs: usize,
) -> Vec<Option<usize>> {
    let (suite, dialect) = (Arc::clone(suite), Arc::clone(dialect));
    let work = move |fault: &'static Fault| {
        let (suite, dialect) = (Arc::clone(&suite), Arc::clone(&dialect));
        async move { first_failure(fault, &suite, &dialect).await }
    };
    // A fault whose task panicked is not found.
    spread(planted.to_vec(), jobs, work).await.into_iter().map(Option::flatten).collect()
}

async fn first_failure(fault: &'static Fault, suite: &Suite, dialect: &Arc<Dialect>) -> Option<usize> {
    let options = serve::options(dialect, serve::owner(), serve::other());
    let report = report(Faulty::new(options, fault), suite, dialect).await.ok()?;
    let mut before = 0;
    for (case, found) in suite.cases.iter().zip(&report.cases) {
        if found.verdict == Verdict::Fail {
            let step = found.mismatches.iter().map(|mismatch| mismatch.step).min().unwrap_or(1);
            return Some(before + step.max(1));
        }
        before += case.steps.len();
    }
    None
}

//! What a server chose at the points that the documents leave open: [`calibrated`].

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::campaign::{Reach, doubts};
use crate::case::{Case, Suite, bundled, load};
use crate::dialect::{Dialect, Level};
use crate::report::{MismatchReport, Report, Verdict};
use crate::run::{self, Options, SetupError, Target};

/// The target with the dialect set to what the server chose at each open point, where it keeps to that with other inputs; else what is
/// documented stays, and what differs from it will be a finding.
pub(super) async fn calibrated(target: Target, reach: Reach, options: &Options) -> Result<Target, SetupError> {
    let ask =
        async |cases: Vec<Case>| run::run(target.clone(), &Suite { cases }, options.clone(), Arc::new(|_| {})).await;
    let open = |case: &Case| case.steps.iter().flat_map(|step| &step.expect).any(|block| !block.any_of.is_empty());
    let cases = load(&bundled(), &target.dialect).suite.cases.into_iter().filter(open).collect();
    let documented = &target.dialect;
    let mut chosen = Dialect::clone(documented);
    for (point, value) in ask(cases).await?.behaviours {
        // What breaks a `must` is a bug that a campaign is to find, whatever it is called.
        if documented.clauses_against(&point, &value).all(|clause| clause.level != Level::Must) {
            // What a case observes is one of the point's values.
            drop(chosen.behaviours.set(&point, &value));
        }
    }
    let mut doubts = doubts(&chosen, documented, reach);
    if doubts.is_empty() {
        return Ok(Target { dialect: Arc::new(chosen), ..target });
    }
    let first = wrong(ask(doubts.iter().map(|doubt| doubt.chosen.clone()).collect()).await?);
    doubts.retain(|doubt| first.contains_key(&doubt.chosen.id));
    if !doubts.is_empty() {
        let second = wrong(ask(doubts.iter().map(|doubt| doubt.documented.clone()).collect()).await?);
        for doubt in &doubts {
            let of = |found: &'_ BTreeMap<String, Vec<MismatchReport>>| {
                found.get(&doubt.chosen.id).cloned().unwrap_or_default()
            };
            if doubt.denies(&of(&first), &of(&second))
                && let Some(value) = documented.behaviours.value(doubt.point)
            {
                drop(chosen.behaviours.set(doubt.point, value));
            }
        }
    }
    Ok(Target { dialect: Arc::new(chosen), ..target })
}

/// What was wrong with the cases that failed.
fn wrong(report: Report) -> BTreeMap<String, Vec<MismatchReport>> {
    let failed = report.cases.into_iter().filter(|case| case.verdict == Verdict::Fail);
    failed.map(|case| (case.id, case.mismatches)).collect()
}

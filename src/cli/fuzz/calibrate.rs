//! What a server chose at the points that the documents leave open: [`calibrated`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::campaign::{Reach, doubts};
use crate::case::{Case, Suite, bundled, load};
use crate::dialect::Dialect;
use crate::report::CaseReport;
use crate::run::{self, Options, SetupError, Target};

/// The target with the dialect set to what the server chose at each open point, where it keeps to that with other inputs; else what is
/// documented stays, and what differs from it will be a finding.
pub(super) async fn calibrated(target: Target, reach: Reach, options: &Options) -> Result<Target, SetupError> {
    let suite = load(&bundled(), &target.dialect).suite;
    let open = |case: &Case| case.steps.iter().flat_map(|step| &step.expect).any(|block| !block.any_of.is_empty());
    let suite = Suite { cases: suite.cases.into_iter().filter(open).collect() };
    let report = run::run(target.clone(), &suite, options.clone(), Arc::new(|_| {})).await?;
    let documented = &target.dialect;
    let mut chosen = Dialect::clone(documented);
    for (point, value) in &report.behaviours {
        // What a case observes is one of the point's values.
        drop(chosen.behaviours.set(point, value));
    }
    let doubts = doubts(&chosen, documented, reach);
    if !doubts.is_empty() {
        let both = |doubt: &crate::campaign::Doubt| [doubt.chosen.clone(), doubt.documented.clone()];
        let suite = Suite { cases: doubts.iter().flat_map(both).collect() };
        let report = run::run(target.clone(), &suite, options.clone(), Arc::new(|_| {})).await?;
        let reports: BTreeMap<&str, &CaseReport> = report.cases.iter().map(|case| (case.id.as_str(), case)).collect();
        let report_of = |case: &Case| reports.get(case.id.as_str()).copied();
        let denied: BTreeSet<&str> = doubts
            .iter()
            .filter(|doubt| {
                let pair = report_of(&doubt.chosen).zip(report_of(&doubt.documented));
                pair.is_some_and(|(chosen, documented)| doubt.denies(chosen, documented))
            })
            .map(|doubt| doubt.point)
            .collect();
        for point in denied {
            if let Some(value) = documented.behaviours.value(point) {
                drop(chosen.behaviours.set(point, value));
            }
        }
    }
    Ok(Target { dialect: Arc::new(chosen), ..target })
}

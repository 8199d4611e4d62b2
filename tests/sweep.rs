//! The whole suite with every value of every behaviour, in as few runs as there are values: quick enough to be run once
//! for each mutant of the oracle (see `cases/README.md`).
#![cfg(test)]

mod common;

use corsuite::dialect::{Behaviours, Dialect};
use corsuite::report::Verdict;
use corsuite::run::Options;
use corsuite::serve;

use common::{run, suite, target};

#[tokio::test]
async fn every_value_in_sweeps() {
    let most = Behaviours::POINTS.iter().map(|point| point.values.len()).max().unwrap();
    for sweep in 0..most {
        let mut dialect = Dialect::oss().clone();
        let mut chosen = Vec::new();
        for point in Behaviours::POINTS {
            let value = point.values[sweep.min(point.values.len() - 1)];
            dialect.behaviours.set(point.name, value).unwrap();
            chosen.push((point.name, value));
        }
        let implementation = serve::reference(&dialect, serve::owner(), serve::other());
        let report = run(target(implementation), &suite(), Options::default()).await.unwrap();
        let failed: Vec<&str> = report
            .cases
            .iter()
            .filter(|case| {
                case.verdict != Verdict::Pass
                    && case.mismatches.iter().any(|found| found.level == corsuite::dialect::Level::Must)
            })
            .map(|case| case.id.as_str())
            .collect();
        assert_eq!(failed, [""; 0], "sweep {sweep}");
        for (name, value) in chosen {
            assert_eq!(report.behaviours.get(name).map(String::as_str), Some(value), "{name}");
        }
    }
}

//! The whole suite with every value of every behaviour, in as few runs as there are values: quick enough to be run once
//! for each mutant of the oracle (see `cases/README.md`).
#![cfg(test)]

mod common;

use corsuite::dialect::Dialect;
use corsuite::report::Verdict;
use corsuite::run::Options;

use common::{dialects, reference_of, run, suite_for};

#[tokio::test]
async fn every_value_in_sweeps() {
    for documented in dialects() {
        let most = documented.open_points().map(|(_, values)| values.len()).max().unwrap();
        for sweep in 0..most {
            every_value(documented, sweep).await;
        }
    }
}

async fn every_value(documented: &Dialect, sweep: usize) {
    let mut dialect = documented.clone();
    let mut chosen = Vec::new();
    for (point, values) in documented.open_points() {
        let value = values[sweep.min(values.len() - 1)];
        dialect.behaviours.set(point, value).unwrap();
        chosen.push((point, value));
    }
    let report = run(reference_of(&dialect), &suite_for(documented), Options::default()).await.unwrap();
    let failed: Vec<&str> = report
        .cases
        .iter()
        .filter(|case| {
            case.verdict != Verdict::Pass
                && case.mismatches.iter().any(|found| found.level == corsuite::dialect::Level::Must)
        })
        .map(|case| case.id.as_str())
        .collect();
    assert_eq!(failed, [""; 0], "{}, sweep {sweep}", documented.name);
    for (name, value) in chosen {
        assert_eq!(report.behaviours.get(name).map(String::as_str), Some(value), "{name}");
    }
}

//! The whole suite with every value of every behaviour, in as few runs as there are values: quick enough to be run once
//! for each mutant of the oracle (see `cases/README.md`).
#![cfg(test)]

mod common;

use corsuite::dialect::{Dialect, Level};
use corsuite::report::{MismatchReport, Verdict};
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
    // What a choice breaks is broken; nothing else is.
    let broken: Vec<&str> = chosen
        .iter()
        .flat_map(|(point, value)| documented.clauses_against(point, value))
        .map(|clause| &*clause.id)
        .collect();
    let is_known = |found: &MismatchReport| found.level != Level::Must || broken.contains(&&*found.clause);
    let failed: Vec<&str> = report
        .cases
        .iter()
        .filter(|case| case.verdict != Verdict::Pass && !case.mismatches.iter().all(is_known))
        .map(|case| case.id.as_str())
        .collect();
    assert_eq!(failed, [""; 0], "{}, sweep {sweep}", documented.name);
    // Where Vary is never there it cannot be told when it would be, nor the case of names that are not listed.
    let has = |point: &str, value: &str| chosen.contains(&(point, value));
    let hidden = |name: &str| match name {
        "vary_unmatched" | "vary_no_origin" | "vary_refused" => has("vary_members", "none"),
        "allow_headers_case" => has("allow_headers", "rule") || has("allow_headers", "star"),
        _ => false,
    };
    for (name, value) in chosen.iter().copied().filter(|(name, _)| !hidden(name)) {
        assert_eq!(report.behaviours.get(name).map(String::as_str), Some(value), "{name}");
    }
}

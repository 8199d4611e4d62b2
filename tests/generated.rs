//! Generated cases: the reference passes them all, whatever it chose at open points, and so does a server that is right in
//! another way; a faulty one does not.
#![cfg(test)]

mod common;

use arbitrary::Unstructured;

use corsuite::case::{Suite, load, write};
use corsuite::diagnostic::{SourceFile, Style, render};
use corsuite::dialect::Dialect;
use corsuite::generate::{self, BYTES};
use corsuite::implementation::Embedded;
use corsuite::predict::predict;
use corsuite::reference::faults::{Faulty, find};
use corsuite::reference::lenient::Lenient;
use corsuite::report::Verdict;
use corsuite::run::Options;
use corsuite::serve;

use common::{assert_all_pass, dialects, reference_of, run, target_of};

fn generated(seed: u64, count: u64, dialect: &Dialect) -> Suite {
    let case = |index| {
        let bytes = generate::bytes(seed, index, BYTES);
        generate::case(&mut Unstructured::new(&bytes), &format!("generated-{seed}-{index}"), dialect)
    };
    Suite { cases: (0..count).map(case).collect() }
}

#[tokio::test]
async fn the_reference_passes_what_is_expected_of_it() {
    // Each value of each open point, several points at a time.
    for documented in dialects() {
        let most = documented.open_points().map(|(_, values)| values.len()).max().unwrap();
        for sweep in 0..most {
            let mut dialect = documented.clone();
            for (point, values) in documented.open_points() {
                dialect.behaviours.set(point, values[sweep.min(values.len() - 1)]).unwrap();
            }
            let suite = generated(sweep as u64, 150, &dialect);
            assert_all_pass(&run(reference_of(&dialect), &suite, Options::default()).await.unwrap());
        }
    }
}

/// Nothing is expected that no clause fixes.
#[tokio::test]
async fn another_way_of_being_right_passes() {
    for dialect in dialects() {
        for seed in 0..6 {
            let options = serve::options(dialect, serve::owner(), serve::other());
            let lenient = Lenient::new(options, dialect, seed);
            let mut chosen = dialect.clone();
            chosen.behaviours = lenient.behaviours();
            let target = target_of(Embedded::new(lenient), dialect);
            assert_all_pass(&run(target, &generated(seed, 60, &chosen), Options::default()).await.unwrap());
        }
    }
}

#[test]
fn what_is_written_is_read_and_predicted_again() {
    let cases = |dialect| generated(9, 60, dialect).cases.into_iter().map(move |case| (case, dialect));
    for (case, dialect) in dialects().into_iter().flat_map(cases) {
        let text = write("generated", std::slice::from_ref(&case));
        let mut loaded = load(&[SourceFile::new("generated/one.yaml", text.as_str())], dialect);
        assert!(loaded.diagnostics.is_empty(), "{}", render(&loaded.diagnostics, Style::Plain));
        assert_eq!(write("generated", &loaded.suite.cases), text);
        for again in &mut loaded.suite.cases {
            predict(again, dialect);
        }
        assert_eq!(write("generated", &loaded.suite.cases), text);
    }
}

/// What each dialect says alone is generated and expected, too.
#[tokio::test]
async fn a_faulty_server_is_noticed() {
    const OSS: &[&str] = &["overwrite-appends", "digest-ignored", "wildcard-one-label", "get-is-head"];
    const S3: &[&str] = &[
        "body-limit-unsaid",
        "checksum-no-digest",
        "checksum-unchecked",
        "digest-not-required",
        "error-as-text",
        "error-details-last",
        "headers-upper-case",
        "ids-swapped",
        "limits-reworded",
        "long-id-500",
        "namespace-not-written",
        "no-bucket-reworded",
        "none-of-no-bucket",
        "odd-header-500",
        "preflight-plain-text",
        "values-unnamed",
        "wildcards-reworded",
    ];
    for (dialect, count, ids) in [(Dialect::oss(), 60, OSS), (Dialect::s3(), 400, S3)] {
        let suite = generated(1, count, dialect);
        for id in ids {
            let options = serve::options(dialect, serve::owner(), serve::other());
            let faulty = Embedded::new(Faulty::new(options, find(id).unwrap()));
            let report = run(target_of(faulty, dialect), &suite, Options::default()).await.unwrap();
            assert!(report.cases.iter().any(|case| case.verdict == Verdict::Fail), "{id}");
        }
    }
}

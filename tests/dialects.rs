//! Other dialects than the usual one: the suite passes on a reference that goes by them, and those of vendors are files and no more.
#![cfg(test)]

mod common;

use std::time::Duration;

use corsuite::case::load;
use corsuite::diagnostic::{SourceFile, Style, render};
use corsuite::dialect::Dialect;
use corsuite::implementation::{Endpoint, EndpointOptions};
use corsuite::report::Verdict;
use corsuite::run::{Addressing, Options, Target};
use corsuite::serve;

use common::{assert_all_pass, dialects, reference_of, run, shuffle, suite_for, target_of};

/// Suite and reference of every other dialect that comes with the program, in order, shuffled, and over loopback.
#[tokio::test]
async fn every_case_of_another_dialect_passes() {
    for dialect in dialects().into_iter().filter(|dialect| *dialect != Dialect::oss()) {
        let mut suite = suite_for(dialect);
        assert_all_pass(&run(reference_of(dialect), &suite, Options::default()).await.unwrap());
        shuffle(&mut suite.cases, 20_261_130);
        assert_all_pass(&run(reference_of(dialect), &suite, Options { jobs: 3, ..Options::default() }).await.unwrap());
        let listener = serve::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let reference = serve::reference(dialect, serve::owner(), serve::other());
        let server = tokio::spawn(serve::serve(listener, reference, std::future::pending()));
        for (addressing, host) in [(Addressing::Path, "127.0.0.1"), (Addressing::Virtual, "localhost")] {
            let options = EndpointOptions { timeout: Duration::from_secs(10), insecure: false, ca_certificates: None };
            let client = Endpoint::new(&options).unwrap();
            let target = Target { addressing, authority: format!("{host}:{port}"), ..target_of(client, dialect) };
            assert_all_pass(&run(target, &suite, Options { jobs: 4, ..Options::default() }).await.unwrap());
        }
        server.abort();
    }
}

/// Vendors' dialects are files: each loads, and a reference that goes by it passes what the suite has for it.
#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "reads the files")]
async fn every_vendors_file_holds_together() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("cases/dialects");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "yaml") {
            continue;
        }
        let file = SourceFile::new(path.display().to_string(), std::fs::read_to_string(&path).unwrap());
        let dialect = Dialect::load(&file).unwrap_or_else(|found| panic!("{}", render(&found, Style::Plain)));
        let report = run(reference_of(&dialect), &suite_for(&dialect), Options::default()).await.unwrap();
        assert!(report.cases.len() > 400, "{}: {} cases", dialect.name, report.cases.len());
        let failed: Vec<&str> =
            report.cases.iter().filter(|case| case.verdict != Verdict::Pass).map(|case| case.id.as_str()).collect();
        assert_eq!(failed, [""; 0], "{}", dialect.name);
        seen += 1;
    }
    assert!(seen >= 5, "{seen} dialects");
}

/// A clause of several dialects means the same in all of them.
#[test]
fn one_clause_is_one_sentence() {
    for clause in Dialect::s3().clauses.iter() {
        if let Some(same) = Dialect::oss().clauses.get(&clause.id) {
            assert_eq!(clause.text, same.text, "{}", clause.id);
        }
    }
}

/// `where`, and an ACL, which is for dialects in which it opens objects.
#[test]
fn a_case_is_for_dialects_that_fix_its_points() {
    let check = |line: &str, expected: [bool; 2]| {
        let text = format!(
            "about: one case\ncases:\n  - id: one\n    about: one\n    clauses: [config.put]\n    {line}\n    rules: [{{allowed_origins: \"*\", allowed_methods: GET}}]\n    steps: [{{get_cors: , expect: {{status: 200}}}}]\n"
        );
        let found = [Dialect::oss(), Dialect::s3()].map(|dialect| {
            let loaded = load(&[SourceFile::new("one.yaml", text.clone())], dialect);
            assert!(loaded.diagnostics.is_empty(), "{line}: {:?}", loaded.diagnostics);
            loaded.suite.cases[0].applies(dialect)
        });
        assert_eq!(found, expected, "{line}");
    };
    check("where: {response_vary: known}", [true, false]);
    check("where: {signature: aws}", [false, true]);
    check("where: {signature: aws, vary: response_vary}", [false, false]);
    // The point is open.
    check("where: {max_rules: \"10\"}", [false, true]);
    check("acl: private", [true, true]);
    check("acl: public-read", [true, false]);
}

/// A `where` that no dialect meets, as when a point is opened, would leave a case out in silence; what was recorded of S3 is for S3.
#[test]
fn every_case_is_for_some_dialect() {
    let suites: Vec<_> = Dialect::BUNDLED.iter().filter_map(|name| Dialect::bundled(name)).collect();
    let suites: Vec<_> = suites.into_iter().map(|dialect| (dialect, suite_for(dialect).cases)).collect();
    for (at, case) in suites[0].1.iter().enumerate() {
        let serves: Vec<&str> = suites
            .iter()
            .filter(|(dialect, cases)| cases[at].id == case.id && cases[at].applies(dialect))
            .map(|(dialect, _)| dialect.name.as_str())
            .collect();
        assert!(!serves.is_empty(), "{} is for no dialect", case.id);
        assert!(case.theme != "recorded" || serves.contains(&"s3"), "{} is recorded of S3, and not for it", case.id);
    }
}

/// The table of the README has a line for the reference; those of other servers are measured where they are installed.
#[test]
fn the_readme_says_how_many_cases_there_are_for_s3() {
    let cases = suite_for(Dialect::s3()).cases.iter().filter(|case| case.applies(Dialect::s3())).count();
    let line = format!("| the reference as S3 | 0 | 0 | {cases} |");
    assert!(include_str!("../README.md").contains(&line), "README.md does not say: {line}");
}

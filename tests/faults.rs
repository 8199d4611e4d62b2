//! The suite is measured: every fault of the catalogue is caught and its clause named, in process and over HTTP; servers
//! that always answer alike pass no case about what they answer; one that is right in another way passes all.
#![cfg(test)]
#![expect(clippy::disallowed_methods, reason = "writes the generated file")]

mod common;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use corsuite::case::{Strength, Suite, strength};
use corsuite::dialect::Dialect;
use corsuite::implementation::{Embedded, Endpoint, EndpointOptions};
use corsuite::mutants::measure;
use corsuite::reference::faults::{Faulty, find};
use corsuite::reference::lenient::Lenient;
use corsuite::report::Answer;
use corsuite::report::mutation::{Fate, FaultReport, Mutation, by_clause, terminal};
use corsuite::run::{Options, Target};
use corsuite::serve;

use common::{assert_all_pass, dialects, run, suite, suite_for, target, target_of};

/// The suite against every fault, once for all that is asked of it: it takes a while. Set `CORSUITE_BLESS=1` to write
/// `cases/strength` anew.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_suite_catches_every_fault_and_names_its_clause() {
    let suite = suite();
    let mutation = strong(&suite, Dialect::oss()).await;
    published(Dialect::oss(), &mutation);
    let allowed: Vec<String> = mutation
        .faults
        .iter()
        .filter(|fault| fault.fate == Fate::Allowed)
        .map(|fault| format!("{:<32} {}", fault.id, fault.allowed.as_deref().unwrap_or_default()))
        .collect();
    snapshot("allowed-faults", &allowed.join("\n"));
    snapshot("clauses", &by_clause(&mutation, Dialect::oss()));
    let controls =
        mutation.controls.iter().map(|control| format!("{}\n  {}", control.id, control.reasons().join("\n  ")));
    snapshot("controls", &controls.collect::<Vec<_>>().join("\n"));
    over_http(&suite, &mutation).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_suite_catches_every_fault_of_other_dialects() {
    for dialect in dialects().into_iter().filter(|dialect| *dialect != Dialect::oss()) {
        let mutation = strong(&suite_for(dialect), dialect).await;
        published(dialect, &mutation);
    }
}

/// Measures a suite, which must catch all that there is for its dialect.
async fn strong(suite: &Suite, dialect: &Dialect) -> Mutation {
    let mutation = measure(suite, dialect, 2, |_, _| {}).await;
    assert!(mutation.is_complete(), "{}", terminal(&mutation));
    assert!(mutation.score.faults >= 400, "{:?}", mutation.score);

    // Every must and should clause has a case, and catches its fault.
    for clause in dialect.clauses.iter() {
        let strength = &mutation.clauses[&clause.id];
        let own = [corsuite::dialect::CONSISTENT, corsuite::dialect::STABLE].contains(&clause.id.as_str());
        assert!(strength.cases > 0 || own, "{} has no case", clause.id);
        assert!(strength.kills > 0, "{} catches nothing", clause.id);
    }
    mutation
}

/// What is committed is what was measured.
fn published(dialect: &Dialect, mutation: &Mutation) {
    let measured = Strength {
        faults: mutation.score.faults,
        clauses: mutation.clauses.iter().map(|(id, strength)| (id.clone(), strength.kills)).collect(),
        minimal: mutation.minimal.clone(),
    };
    if std::env::var("CORSUITE_BLESS").is_ok() {
        let text = format!("{}\n", serde_json::to_string_pretty(&measured).unwrap());
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("cases/strength");
        std::fs::write(folder.join(format!("{}.json", dialect.name)), text).unwrap();
    } else {
        let old = "cases/strength is old: run `CORSUITE_BLESS=1 cargo test --test faults`";
        assert!(strength(&dialect.name) == Some(&measured), "{old}");
    }
}

fn snapshot(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(concat!(env!("CARGO_MANIFEST_DIR"), "/snapshots"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

/// Each fault behind a socket, against the first case that catches it under its clause; several at a time.
async fn over_http(suite: &Suite, mutation: &Mutation) {
    let killed = mutation.faults.iter().filter(|fault| fault.fate == Fate::Killed).cloned();
    let (suite, killed) = (Arc::new(suite.clone()), Arc::new(Mutex::new(killed.collect::<Vec<_>>())));
    let client = EndpointOptions { timeout: Duration::from_secs(1), insecure: false, ca_certificates: None };
    let client = Endpoint::new(&client).unwrap();
    let mut workers = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let (suite, killed, client) = (Arc::clone(&suite), Arc::clone(&killed), client.clone());
        workers.spawn(async move {
            let mut missed = Vec::new();
            loop {
                let Some(fault) = killed.lock().unwrap().pop() else { break };
                missed.extend(
                    one_over_http(&suite, &fault, &client).await.err().map(|why| format!("{}: {why}", fault.id)),
                );
            }
            missed
        });
    }
    let missed = workers.join_all().await.concat();
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

async fn one_over_http(suite: &Suite, fault: &FaultReport, client: &Endpoint) -> Result<(), String> {
    let options = serve::options(Dialect::oss(), serve::owner(), serve::other());
    let listener = serve::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let authority = listener.local_addr().unwrap().to_string();
    let planted = Embedded::new(Faulty::new(options, find(&fault.id).unwrap()));
    let server = tokio::spawn(serve::serve(listener, planted, std::future::pending()));
    let by_case: BTreeSet<&str> =
        fault.kills.iter().filter(|kill| kill.clause == fault.clause).map(|kill| kill.case.as_str()).collect();
    let case = suite.cases.iter().find(|case| by_case.contains(case.id.as_str())).unwrap();
    let mut seen = Err(String::new());
    // What one case alone does not show, because it takes several, the whole suite does.
    for suite in [&Suite { cases: vec![case.clone()] }, suite] {
        let target = Target { authority: authority.clone(), ..target(client.clone()) };
        let report = run(target, suite, Options { complete: false, ..Options::default() }).await;
        seen = match report {
            Err(error) => Err(error.to_string()),
            Ok(report) => {
                let mut found = report.cases.iter().flat_map(|case| &case.mismatches);
                let named = found.any(|found| found.clause == fault.clause);
                if named && report.answer(true) == Answer::No { Ok(()) } else { Err("not seen over HTTP".to_owned()) }
            }
        };
        if seen.is_ok() {
            break;
        }
    }
    server.abort();
    seen
}

const SEEDS: u64 = 24;

/// Right in another way, by many seeds; seed 0 has the defaults.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_way_of_being_right_is_no_fault() {
    for dialect in dialects() {
        let suite = suite_for(dialect);
        let mut taken = BTreeSet::new();
        for seed in 0..SEEDS {
            let options = serve::options(dialect, serve::owner(), serve::other());
            let lenient = Lenient::new(options, dialect, seed);
            let behaviours = lenient.behaviours();
            taken.extend(dialect.open_points().map(|(point, _)| (point, behaviours.value(point).unwrap())));
            let target = target_of(Embedded::new(lenient), dialect);
            assert_all_pass(&run(target, &suite, Options::default()).await.unwrap());
        }
        // Every allowed value was taken, but for those that a clause speaks against (`tests/sweep.rs` takes these).
        for (point, values) in dialect.open_points() {
            for value in values {
                let expected = dialect.clauses_against(point, value).next().is_none();
                assert_eq!(taken.contains(&(point, *value)), expected, "{}: {point}={value}", dialect.name);
            }
        }
    }
    let (suite, dialect) = (suite(), Dialect::oss());
    // Over a socket header names may be written in another case.
    for seed in 0..4 {
        let options = serve::options(dialect, serve::owner(), serve::other());
        let lenient = Embedded::new(Lenient::new(options, dialect, seed));
        let listener = serve::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let authority = listener.local_addr().unwrap().to_string();
        let server = tokio::spawn(serve::serve(listener, lenient, std::future::pending()));
        let client = EndpointOptions { timeout: Duration::from_secs(10), insecure: false, ca_certificates: None };
        let target = Target { authority, ..target(Endpoint::new(&client).unwrap()) };
        assert_all_pass(&run(target, &suite, Options { jobs: 4, ..Options::default() }).await.unwrap());
        server.abort();
    }
}

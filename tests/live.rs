//! Campaigns against every fault, each behind a socket in another process: found, confirmed, made as small as it goes, and written as a
//! case that fails there and passes on the healthy server.
//!
//! Takes minutes on two cores, so it is asked for: `cargo test --release --test live -- --ignored --nocapture`. It prints the tables of
//! `fuzz/README.md`. `CORSUITE_FAULTS=one,other` takes these faults alone.
#![cfg(test)]
#![expect(clippy::disallowed_methods, clippy::print_stdout, reason = "reads findings, prints a table")]

mod common;

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use common::program::{Server, code, send, text, with_keys};
use common::{reference_of, run, target_of};
use corsuite::campaign::Kind;
use corsuite::case::{Case, DocumentSource, Operation, Suite, load};
use corsuite::diagnostic::SourceFile;
use corsuite::dialect::Dialect;
use corsuite::implementation::{Embedded, Implementation as _};
use corsuite::reference::faults::{Fault, Faulty, faults};
use corsuite::report::Verdict;
use corsuite::run::Options;
use corsuite::serve;
use corsuite::shrink::Shrinker;

/// What became of one fault.
struct Found {
    id: &'static str,
    /// From the start of the program to its end: calibrating, searching, confirming, shrinking, cleaning up.
    elapsed: Duration,
    requests: u64,
    steps: usize,
    rules: usize,
    kind: String,
    /// What is wrong with the finding; nothing should be.
    trouble: Option<String>,
}

/// Found, confirmed, made small and written: all of the catalogue that requests can reveal.
///
/// Asked for, as `cargo test` is to be over in minutes, and 550 campaigns in a debug build are not; in a release build they are five minutes
/// of `.ci/run live`. Of the same faults a choice is part of `cargo test`: `tests/campaign.rs` in memory, `tests/fuzz.rs` over sockets.
#[test]
#[ignore = "554 campaigns, too long for a debug build; `.ci/run live` has them in five minutes"]
fn every_fault_that_a_request_reveals() {
    every_fault(Dialect::oss(), |_| true);
}

/// Faults of S3's servers that a campaign takes for their choice at an open point, and which; the suite has a `should` against each.
const CHOICES: [(&str, &str, &str); 10] = [
    ("body-entity-too-large", "max_body_code", "EntityTooLarge"),
    ("denied-bare", "cors_on_access_denied", "absent"),
    ("no-bucket-404", "preflight_bucket", "not_found"),
    ("no-bucket-allowed", "preflight_bucket", "granted"),
    ("own-method-counts", "actual_method", "own"),
    ("refusal-without-type", "refusal_about", "absent"),
    ("requested-headers-free", "actual_headers", "ignored"),
    ("requested-headers-unsaid", "acah_on_actual", "absent"),
    ("rules-limit-malformed", "max_rules_code", "MalformedXML"),
    ("vary-origin-alone", "vary_members", "origin"),
];

/// The same of those that only servers of S3 can have.
///
/// Asked for, for the same reason: one for each of some 90 faults, a minute of `.ci/run live` in a release build. That such a fault is generated, expected
/// and read back is part of `cargo test` (`generate`, `tests/generated.rs`, `tests/campaign.rs`).
#[test]
#[ignore = "a campaign for each of some 90 faults, run by `.ci/run live` in a release build, where they are a minute"]
fn every_fault_of_s3_alone_that_a_request_reveals() {
    let is_choice = |fault: &Fault| CHOICES.iter().any(|(id, ..)| *id == fault.id);
    every_fault(Dialect::s3(), |fault| !fault.applies(Dialect::oss()) && !is_choice(fault));
    for (id, point, value) in CHOICES {
        let server = Server::with(&["--dialect", "s3", "--fault", id]);
        let state = tempfile::tempdir().unwrap();
        let (endpoint, out) = (format!("http://{}", server.address), state.path().join("found"));
        let options = ["fuzz", "--dialect", "s3", "--endpoint", &endpoint, "--requests", "1", "--settle", "0", "--out"];
        let output = with_keys(&[&options[..], &[out.to_str().unwrap()]].concat(), state.path()).output().unwrap();
        assert_eq!(code(&output), 0, "{id}: {}", text(&output.stderr));
        assert_eq!(chosen(&out, Dialect::s3()).behaviours.value(point), Some(value), "{id}");
    }
}

fn every_fault(dialect: &'static Dialect, of: impl Fn(&Fault) -> bool) {
    let healthy = Server::with(&["--dialect", &dialect.name]);
    let named = std::env::var("CORSUITE_FAULTS").ok();
    let is_named = |id: &str| named.as_ref().is_none_or(|named| named.split(',').any(|one| one == id));
    let reveals = |fault: &Fault| fault.allowed_in(dialect).is_none() && fault.hidden_from_fuzzer(dialect).is_none();
    let wanted: Vec<&'static Fault> =
        faults().filter(|fault| fault.applies(dialect) && of(fault) && reveals(fault) && is_named(fault.id)).collect();
    let (next, done) = (Mutex::new(wanted.iter()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let Some(fault) = next.lock().unwrap().next() else { return };
                    let found = campaign(fault.id, dialect, &healthy);
                    done.lock().unwrap().push(found);
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap();
    assert_eq!(done.len(), wanted.len());
    done.sort_by_key(|found| std::cmp::Reverse(found.elapsed));
    println!("| fault | found as | seconds | requests | steps | rules |\n|---|---|---|---|---|---|");
    for found in &done {
        println!(
            "| `{}` | {} | {:.1} | {} | {} | {} |",
            found.id,
            found.kind,
            found.elapsed.as_secs_f64(),
            found.requests,
            found.steps,
            found.rules
        );
    }
    let median = |mut values: Vec<u128>| {
        values.sort_unstable();
        values.get(values.len() / 2).copied().unwrap_or_default()
    };
    println!(
        "{}: {} faults; medians: {} ms, {} requests, {} steps, {} rules",
        dialect.name,
        done.len(),
        median(done.iter().map(|found| found.elapsed.as_millis()).collect()),
        median(done.iter().map(|found| u128::from(found.requests)).collect()),
        median(done.iter().map(|found| found.steps as u128).collect()),
        median(done.iter().map(|found| found.rules as u128).collect()),
    );
    let troubles: Vec<String> =
        done.iter().filter_map(|found| Some(format!("{}: {}", found.id, found.trouble.as_ref()?))).collect();
    assert!(troubles.is_empty(), "{}", troubles.join("\n"));
    if named.is_some() {
        return;
    }
    assert!(!done.is_empty(), "no fault");
    let steps = median(done.iter().map(|found| found.steps as u128).collect());
    let rules = median(done.iter().map(|found| found.rules as u128).collect());
    assert!(steps <= 2 && rules <= 2, "{steps} steps, {rules} rules");
}

fn campaign(id: &'static str, dialect: &Dialect, healthy: &Server) -> Found {
    let server = Server::with(&["--dialect", &dialect.name, "--fault", id]);
    let state = tempfile::tempdir().unwrap();
    let endpoint = format!("http://{}", server.address);
    let out = state.path().join("found");
    let folder = out.to_str().unwrap();
    // A server on this machine that takes a second does not answer.
    let options =
        ["fuzz", "--endpoint", &endpoint, "--seed", "1", "--stop-after", "1", "--time", "300", "--timeout", "1"];
    let held = ["--dialect", &dialect.name, "--strict", "--settle", "0", "--out", folder];
    let started = Instant::now();
    let output = with_keys(&[&options[..], &held].concat(), state.path());
    let output = { output }.output().unwrap();
    let elapsed = started.elapsed();
    let shown = text(&output.stdout);
    let mut found = Found {
        id,
        elapsed,
        requests: shown
            .split(" inputs, ")
            .last()
            .and_then(|rest| rest.split(' ').next()?.parse().ok())
            .unwrap_or_default(),
        steps: 0,
        rules: 0,
        kind: String::new(),
        trouble: None,
    };
    let troubles = [
        (code(&output) != 1).then(|| format!("exit {}: {shown}{}", code(&output), text(&output.stderr))),
        // Besides it there may be one that shows only after what other inputs did to the bucket.
        (!shown.contains("\nFINDING (")).then(|| format!("none is stable: {shown}")),
    ];
    found.trouble = troubles.into_iter().flatten().next();
    let mut cases = findings(&out, dialect);
    cases.sort_by_key(|(_, case)| case.steps.len());
    if cases.is_empty() {
        found.trouble.get_or_insert_with(|| "nothing was written".to_owned());
    }
    // A wrong server may also choose otherwise at an open point than it seemed to: one finding has to tell the fault.
    let mut stories = Vec::new();
    for (file, case) in &cases {
        found.steps = case.steps.len();
        found.rules = case.steps.iter().map(|step| rules(&step.operation)).max().unwrap_or_default();
        found.kind = case.about.trim_end_matches(" (found by corsuite fuzz)").replace('|', "\\|");
        let chosen = chosen(&out, dialect);
        let story = replayed(file, dialect, (&server, healthy), state.path())
            .filter(|story| !story.starts_with("replayed: exit 1, not 0") || !passes_by_choice(case, dialect, &chosen));
        match story.or_else(|| smaller(case, id, (dialect, &chosen))) {
            None => return found,
            Some(story) => stories.push(story),
        }
    }
    found.trouble.get_or_insert_with(|| stories.join("; "));
    found
}

/// What is wrong with a finding's file: it must fail on the faulty server and pass on the healthy one.
fn replayed(file: &Path, dialect: &Dialect, (faulty, healthy): (&Server, &Server), state: &Path) -> Option<String> {
    let alone = tempfile::tempdir().unwrap();
    std::fs::copy(file, alone.path().join("found.yaml")).unwrap();
    for (server, expected) in [(faulty, 1), (healthy, 0)] {
        let endpoint = format!("http://{}", server.address);
        let again = ["run", "--cases", alone.path().to_str().unwrap(), "--strict", "--endpoint", &endpoint];
        let held = ["--dialect", &dialect.name, "--settle", "0", "--timeout", "1"];
        let output = with_keys(&[&again[..], &held].concat(), state).output().unwrap();
        if code(&output) != expected {
            return Some(format!("replayed: exit {}, not {expected}: {}", code(&output), text(&output.stdout)));
        }
    }
    None
}

/// Whether the server seemed to have chosen otherwise than the healthy one at an open point, and a healthy server of that choice passes the case.
fn passes_by_choice(case: &Case, dialect: &Dialect, chosen: &Dialect) -> bool {
    if chosen.behaviours == dialect.behaviours {
        return false;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let suite = Suite { cases: vec![case.clone()] };
    let report = runtime.block_on(run(reference_of(chosen), &suite, Options::default())).unwrap();
    report.cases.iter().all(|case| case.verdict == Verdict::Pass)
}

/// Every finding, and its file.
fn findings(folder: &Path, dialect: &Dialect) -> Vec<(PathBuf, Case)> {
    let read = |path: PathBuf| {
        let source = SourceFile::new("found.yaml", std::fs::read_to_string(&path).unwrap());
        Some((path, load(&[source], dialect).suite.cases.into_iter().next()?))
    };
    files(folder).into_iter().filter_map(read).collect()
}

fn rules(operation: &Operation) -> usize {
    match operation {
        Operation::PutCors(put) => match &put.body {
            DocumentSource::Rules { rules, .. } => rules.rules.len(),
            DocumentSource::Bytes(bytes) => String::from_utf8_lossy(bytes).matches("<CORSRule>").count(),
            _ => 0,
        },
        _ => 0,
    }
}

/// The dialect with what the campaign found the server to have chosen.
fn chosen(folder: &Path, dialect: &Dialect) -> Dialect {
    let log = std::fs::read_to_string(folder.join("campaign.jsonl")).unwrap();
    let header: serde_json::Value = serde_json::from_str(log.lines().next().unwrap()).unwrap();
    let mut dialect = dialect.clone();
    for (point, value) in header["behaviours"].as_object().unwrap() {
        dialect.behaviours.set(point, value.as_str().unwrap()).unwrap();
    }
    dialect
}

/// A case with something taken away that still shows the same on the faulty server, of a dialect and what it chose at open points.
fn smaller(case: &Case, id: &str, (dialect, chosen): (&Dialect, &Dialect)) -> Option<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        // Each time, with one or two preflights between: a server may do something every second time.
        let shows = async |case: &Case| -> Vec<Kind> {
            let options = serve::options(dialect, serve::owner(), serve::other());
            let server = Embedded::new(Faulty::new(options, corsuite::reference::faults::find(id).unwrap()));
            let suite = Suite { cases: vec![case.clone()] };
            let mut kinds: Option<Vec<Kind>> = None;
            for more in [1, 2, 0] {
                let report = run(target_of(server.clone(), dialect), &suite, Options::default()).await.unwrap();
                let now: Vec<Kind> = report.cases[0].mismatches.iter().map(Kind::of).collect();
                kinds = Some(
                    kinds.map_or(now.clone(), |kinds| kinds.into_iter().filter(|kind| now.contains(kind)).collect()),
                );
                for _ in 0..more {
                    let preflight = http::Request::options("/none/").body(bytes::Bytes::new()).unwrap();
                    drop(server.send(preflight).await);
                }
            }
            kinds.unwrap_or_default()
        };
        let wanted = shows(case).await.into_iter().find(|kind| case.about.starts_with(&kind.to_string()))?;
        let mut shrinker = Shrinker::new(case.clone(), 10_000);
        while let Some(candidate) = shrinker.candidate(chosen) {
            if shows(&candidate).await.contains(&wanted) {
                let (larger, smaller) =
                    (corsuite::case::write("", std::slice::from_ref(case)), corsuite::case::write("", &[candidate]));
                let gone: Vec<&str> =
                    larger.lines().filter(|line| !smaller.lines().any(|kept| kept == *line)).collect();
                let new: Vec<&str> = smaller.lines().filter(|line| !larger.lines().any(|had| had == *line)).collect();
                return Some(format!("not the smallest: with {new:#?} instead of {gone:#?}"));
            }
            shrinker.tell(candidate, false);
        }
        None
    })
}

/// Killed at any moment and gone on with, a campaign keeps what it has found, once each, and leaves no bucket.
///
/// Asked for, as `cargo test` is to be over in minutes; three kills are part of it (`tests/fuzz.rs`), twenty of `.ci/run live`.
#[test]
#[ignore = "a minute: `.ci/run live`"]
fn twenty_kills() {
    let server = Server::with(&["--fault", "methods-missing"]);
    let state = tempfile::tempdir().unwrap();
    let endpoint = format!("http://{}", server.address);
    let out = state.path().join("campaign");
    let common =
        ["fuzz", "--endpoint", &endpoint, "--settle", "0", "--requests", "400000", "--keep", out.to_str().unwrap()];
    let mut kept: Vec<PathBuf> = Vec::new();
    // Moments between the first request and some seconds later, spread by a step that is no divisor of them.
    let mut moment = 150_u64;
    for kill in 0..20 {
        let seed: &[&str] = if kill == 0 { &["--seed", "1"] } else { &[] };
        let mut child = with_keys(&[&common[..], seed].concat(), state.path())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(moment));
        child.kill().unwrap();
        child.wait().unwrap();
        moment = (moment * 7 + 431) % 3_500;
        let now = files(&out);
        assert!(kept.iter().all(|file| now.contains(file)), "kill {kill}: a finding is gone");
        println!("kill {kill}: {} findings", now.len());
        kept = now;
    }
    let output = with_keys(&[&common[..], &["--budget", "3000"]].concat(), state.path()).output().unwrap();
    let shown = text(&output.stdout);
    assert_eq!(code(&output), 1, "{shown}{}", text(&output.stderr));
    let mut titles: Vec<&str> = shown.lines().filter(|line| line.starts_with("FINDING")).collect();
    let all = titles.len();
    titles.sort_unstable();
    titles.dedup();
    assert_eq!((titles.len(), files(&out).len()), (all, all), "{shown}");
    assert!(files(&out).len() >= kept.len() && kept.iter().all(|file| file.exists()), "{shown}");
    let listed = send(&server, state.path(), "GET", "/", "");
    assert!(listed.contains("ListAllMyBucketsResult") && !listed.contains("<Name>corsuite-"), "{listed}");
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.filter(|path| path.extension().is_some_and(|extension| extension == "yaml")).collect()
}

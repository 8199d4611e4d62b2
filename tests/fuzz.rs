//! `corsuite fuzz`, end to end.
#![cfg(test)]
#![expect(clippy::disallowed_methods, reason = "reads what a campaign keeps")]

mod common;

use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use common::program::{Server, code, corsuite, send, text, with_keys};

/// A campaign against a fault in another process: found, written, and seen again by `run`.
#[test]
fn a_finding_is_a_case() {
    let server = Server::with(&["--fault", "age-negative-code"]);
    let state = tempfile::tempdir().unwrap();
    let endpoint = format!("http://{}", server.address);
    let out = state.path().join("findings");
    let folder = out.to_str().unwrap();
    let options = ["fuzz", "--endpoint", &endpoint, "--seed", "1", "--requests", "4000", "--stop-after", "1"];
    let output =
        with_keys(&[&options[..], &["--settle", "0", "--strict", "--out", folder]].concat(), state.path()).output();
    let output = output.unwrap();
    assert_eq!(code(&output), 1, "{}{}", text(&output.stdout), text(&output.stderr));
    let shown = text(&output.stdout);
    assert!(
        shown.contains("FINDING (should) age.negative: error.ArgumentName is absent, not another value"),
        "{shown}"
    );
    assert!(shown.contains("again 3 of 3 times; 1 steps"), "{shown}");
    let again = ["run", "--cases", folder, "--strict"];
    let faulty = with_keys(&[&again[..], &["--endpoint", &endpoint, "--settle", "0"]].concat(), state.path());
    for (mut command, expected) in [(faulty, 1), (corsuite(&again), 0)] {
        let output = command.output().unwrap();
        assert_eq!(code(&output), expected, "{}{}", text(&output.stdout), text(&output.stderr));
    }
}

/// Nothing is found at the reference; a part that is none is told.
#[test]
fn a_campaign_without_a_finding() {
    let output = corsuite(&["fuzz", "--seed", "7", "--requests", "1500", "--jobs", "2"]).output().unwrap();
    assert_eq!(code(&output), 0, "{}{}", text(&output.stdout), text(&output.stderr));
    let shown = text(&output.stdout);
    assert!(shown.contains("seed 7, ") && shown.ends_with("no finding\n"), "{shown}");
    let wrong = corsuite(&["fuzz", "--partition", "3/2"]).output().unwrap();
    assert_eq!(code(&wrong), 2, "{}", text(&wrong.stderr));
}

/// Killed and resumed, a campaign has each finding once, and its buckets are gone.
#[test]
fn a_killed_campaign_goes_on() {
    let server = Server::with(&["--fault", "methods-missing"]);
    let state = tempfile::tempdir().unwrap();
    let endpoint = format!("http://{}", server.address);
    let out = state.path().join("campaign");
    let folder = out.to_str().unwrap();
    let common = ["--endpoint", &endpoint, "--settle", "0", "--requests", "3000"];
    for first in [true, false, false] {
        let kept: &[&str] = if first { &["--out", folder, "--seed", "1"] } else { &["--resume", folder] };
        let mut child = with_keys(&[&["fuzz"], &common[..], kept].concat(), state.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        wait_for_length(&out.join("campaign.jsonl"), if first { 3_000 } else { 6_000 });
        drop(child.kill());
        drop(child.wait());
        assert!(send(&server, state.path(), "GET", "/", "").contains("<Name>corsuite-"), "nothing was left over");
    }
    let output = with_keys(&[&["fuzz"], &common[..], &["--resume", folder]].concat(), state.path()).output().unwrap();
    assert_eq!(code(&output), 1, "{}{}", text(&output.stdout), text(&output.stderr));
    let shown = text(&output.stdout);
    let findings: Vec<&str> = shown.lines().filter(|line| line.starts_with("FINDING")).collect();
    let mut once = findings.clone();
    once.sort_unstable();
    once.dedup();
    assert_eq!(once.len(), findings.len(), "{shown}");
    assert!(findings.iter().any(|line| line.contains("preflight.methods: ")), "{shown}");
    let files = std::fs::read_dir(&out)
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().path().extension().is_some_and(|extension| extension == "yaml"));
    assert_eq!(files.count(), findings.len(), "{shown}");
    let listed = send(&server, state.path(), "GET", "/", "");
    assert!(listed.contains("ListAllMyBucketsResult") && !listed.contains("<Name>corsuite-"), "{listed}");
    let again = with_keys(&[&["fuzz"], &common[..], &["--out", folder]].concat(), state.path()).output().unwrap();
    assert_eq!(code(&again), 2, "{}", text(&again.stderr));
}

fn wait_for_length(path: &Path, length: u64) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while std::fs::metadata(path).map_or(0, |found| found.len()) < length {
        assert!(Instant::now() < deadline, "{} does not grow", path.display());
        thread::sleep(Duration::from_millis(20));
    }
}

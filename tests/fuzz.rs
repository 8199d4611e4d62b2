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
    let shown = first_finding("age-negative-code");
    assert!(
        shown.contains("FINDING (should) age.negative: error.ArgumentName is absent, not another value"),
        "{shown}"
    );
}

/// A bug that looks like a choice in the case about that point is not taken for one: the case of the finding holds for every server.
#[test]
fn a_bug_is_no_choice() {
    let shown = first_finding("age-clamped");
    assert!(shown.contains("FINDING (must) behaviour.consistent: status is 200, not 4xx"), "{shown}");
}

/// A campaign goes by a choice that a `should` speaks against; what breaks a `must` it finds, although it has a name.
#[test]
fn a_choice_that_breaks_a_must_is_found() {
    let check = |fault: &str, expected: i32, line: &str| {
        let server = Server::with(&["--dialect", "s3", "--fault", fault]);
        let state = tempfile::tempdir().unwrap();
        let endpoint = format!("http://{}", server.address);
        let options = ["fuzz", "--dialect", "s3", "--endpoint", &endpoint, "--seed", "1", "--requests", "1500"];
        let output =
            with_keys(&[&options[..], &["--settle", "0", "--strict"]].concat(), state.path()).output().unwrap();
        let shown = text(&output.stdout);
        assert_eq!(code(&output), expected, "{shown}{}", text(&output.stderr));
        assert!(shown.contains(line), "{shown}");
    };
    check("no-vary", 1, "FINDING (must) vary.granted: headers.vary is absent, not another value");
    check("vary-origin-alone", 0, "\nno finding\n");
}

/// What a campaign shows that ends with one finding, which `run` sees again at the faulty server and not at the reference.
fn first_finding(fault: &str) -> String {
    let server = Server::with(&["--fault", fault]);
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
    let (_, named) = shown.split_once("again 3 of 3 times; 1 steps; ").unwrap();
    // The file is named where it is.
    assert!(Path::new(named.lines().next().unwrap()).is_file(), "{shown}");
    let again = ["run", "--cases", folder, "--strict"];
    let faulty = with_keys(&[&again[..], &["--endpoint", &endpoint, "--settle", "0"]].concat(), state.path());
    for (mut command, expected) in [(faulty, 1), (corsuite(&again), 0)] {
        let output = command.output().unwrap();
        assert_eq!(code(&output), expected, "{}{}", text(&output.stdout), text(&output.stderr));
    }
    shown
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

/// What is known is silent, an entry that silences nothing is told, and one that is over silences nothing.
#[test]
fn known_divergences_are_silent() {
    let server = Server::with(&["--fault", "age-negative-code"]);
    let state = tempfile::tempdir().unwrap();
    let endpoint = format!("http://{}", server.address);
    let list = state.path().join("known.yaml");
    let check = |entries: &str, expected: i32, lines: &[&str]| {
        std::fs::write(&list, format!("known:\n{entries}")).unwrap();
        let options =
            ["fuzz", "--endpoint", &endpoint, "--seed", "1", "--requests", "2500", "--settle", "0", "--strict"];
        let output = with_keys(&[&options[..], &["--allow", list.to_str().unwrap()]].concat(), state.path()).output();
        let output = output.unwrap();
        let shown = text(&output.stdout);
        assert_eq!(code(&output), expected, "{shown}{}", text(&output.stderr));
        for line in lines {
            assert!(shown.contains(line), "{line} is not in {shown}");
        }
    };
    let known = "- {clause: age.negative, reason: a ticket}\n";
    let over = "- {clause: age.negative, reason: over, expires: 2020-01-31}\n";
    let unused = "- {clause: match.origin-case, reason: gone}\n";
    check(
        &[over, known, unused].concat(),
        0,
        &[
            "allowed at line 2, age.negative (over): is expired and silences nothing",
            "allowed at line 3, age.negative (a ticket): matches ",
            "allowed at line 4, match.origin-case (gone): matches nothing: it can go",
            "no finding",
        ],
    );
    check(over, 1, &["FINDING (should) age.negative", "\nwritten nowhere: with --out DIR "]);
    check("- {clause: age.positive}\n", 2, &[]);
}

/// One server against another: what differs passes on the first one and fails on the second.
#[test]
fn one_server_against_another() {
    let (healthy, same) = (Server::start(), Server::start());
    let faulty = Server::with(&["--fault", "methods-missing"]);
    let state = tempfile::tempdir().unwrap();
    let url = |server: &Server| format!("http://{}", server.address);
    let out = state.path().join("found");
    let folder = out.to_str().unwrap();
    let fuzz = |versus: &Server, more: &[&str]| {
        let (endpoint, versus) = (url(&healthy), url(versus));
        let options = ["fuzz", "--endpoint", &endpoint, "--versus", &versus, "--seed", "1", "--settle", "0"];
        with_keys(&[&options[..], more].concat(), state.path()).output().unwrap()
    };
    let output = fuzz(&same, &["--requests", "2500"]);
    let shown = text(&output.stdout);
    assert_eq!(code(&output), 0, "{shown}{}", text(&output.stderr));
    assert!(shown.ends_with("no finding\n"), "{shown}");
    let output = fuzz(&faulty, &["--requests", "4000", "--stop-after", "1", "--out", folder]);
    let shown = text(&output.stdout);
    assert_eq!(code(&output), 1, "{shown}{}", text(&output.stderr));
    assert!(shown.contains("access-control-allow-methods"), "{shown}");
    for (server, expected) in [(&healthy, 0), (&faulty, 1)] {
        let endpoint = url(server);
        let again = ["run", "--cases", folder, "--endpoint", &endpoint, "--settle", "0"];
        let output = with_keys(&again, state.path()).output().unwrap();
        assert_eq!(code(&output), expected, "{}{}", text(&output.stdout), text(&output.stderr));
    }
}

/// The parts of several machines are one campaign: each input counted once, each finding there once.
#[test]
fn parts_are_merged() {
    let server = Server::with(&["--fault", "methods-missing"]);
    let state = tempfile::tempdir().unwrap();
    let endpoint = format!("http://{}", server.address);
    let place = |name: &str| state.path().join(name).to_str().unwrap().to_owned();
    let part = |name: &str, seed: &str, part: &str| {
        let common = ["fuzz", "--endpoint", &endpoint, "--settle", "0", "--requests", "1200"];
        let output = with_keys(
            &[&common[..], &["--seed", seed, "--partition", part, "--out", &place(name)]].concat(),
            state.path(),
        )
        .output()
        .unwrap();
        assert_eq!(code(&output), 1, "{}{}", text(&output.stdout), text(&output.stderr));
        inputs(&text(&output.stdout))
    };
    let merge = |out: &str, parts: &[&str]| {
        let parts: Vec<String> = parts.iter().map(|name| place(name)).collect();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        corsuite(&[&["merge", "--out", &place(out)], &parts[..]].concat()).output().unwrap()
    };
    let made = part("first", "1", "0+1/2") + part("second", "1", "2/2");
    part("stranger", "2", "1/2");
    for (out, parts) in [("both", vec!["first", "second"]), ("again", vec!["first", "second", "first"])] {
        let output = merge(out, &parts);
        let shown = text(&output.stdout);
        assert_eq!(code(&output), 1, "{shown}{}", text(&output.stderr));
        assert_eq!(inputs(&shown), made, "{shown}");
        let findings: Vec<&str> = shown.lines().filter(|line| line.starts_with("FINDING")).collect();
        let once: std::collections::BTreeSet<&&str> = findings.iter().collect();
        assert_eq!((once.len(), files(&state.path().join(out))), (findings.len(), findings.len()), "{shown}");
        assert!(findings.iter().any(|line| line.contains("preflight.methods: ")), "{shown}");
        let kept = |name: &str| std::fs::read_dir(state.path().join(name).join("corpus")).unwrap().count();
        assert!(kept(out) >= kept("first").max(kept("second")));
    }
    // What was merged can be merged with more, and gone on with.
    let output = merge("more", &["both", "first"]);
    assert_eq!(inputs(&text(&output.stdout)), made);
    let output = merge("wrong", &["first", "stranger"]);
    assert_eq!(code(&output), 2, "{}", text(&output.stdout));
    assert!(text(&output.stderr).contains("it has another seed"), "{}", text(&output.stderr));
}

/// Inputs that a campaign had judged, as its last lines say.
fn inputs(shown: &str) -> u64 {
    let summary = shown.lines().rfind(|line| line.contains(": seed ")).unwrap_or_else(|| panic!("{shown}"));
    let count = summary.split(", ").nth(1).and_then(|part| part.strip_suffix(" inputs")?.parse().ok());
    count.unwrap_or_else(|| panic!("{summary}"))
}

/// Case files in a folder.
fn files(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.extension().is_some_and(|extension| extension == "yaml")).count()
}

/// A budget counts all requests; a folder is gone on with by the same command; a report has the findings.
#[test]
fn budget_folder_and_report() {
    let server = Server::with(&["--fault", "methods-missing"]);
    let state = tempfile::tempdir().unwrap();
    let endpoint = format!("http://{}", server.address);
    let (folder, report) = (state.path().join("kept"), state.path().join("report.json"));
    let report_argument = format!("json={}", report.display());
    let common = ["fuzz", "--endpoint", &endpoint, "--settle", "0", "--keep", folder.to_str().unwrap()];
    let fuzz = |more: &[&str]| with_keys(&[&common[..], more].concat(), state.path()).output().unwrap();
    let first = fuzz(&["--seed", "1", "--budget", "1500"]);
    assert!(text(&first.stdout).contains("the budget is spent"), "{}", text(&first.stdout));
    let second = fuzz(&["--requests", "2500", "--report", &report_argument]);
    assert_eq!(code(&second), 1, "{}{}", text(&second.stdout), text(&second.stderr));
    assert!(text(&second.stdout).contains(": seed 1, "), "{}", text(&second.stdout));
    assert!(inputs(&text(&second.stdout)) > inputs(&text(&first.stdout)));
    let wrong = fuzz(&["--seed", "2"]);
    assert_eq!(code(&wrong), 2, "{}", text(&wrong.stdout));
    assert!(text(&wrong.stderr).contains("the campaign has seed 1, not 2"), "{}", text(&wrong.stderr));
    let report: serde_json::Value = serde_json::from_slice(&std::fs::read(report).unwrap()).unwrap();
    let cases = report["cases"].as_array().unwrap();
    assert_eq!(cases.len(), files(&folder));
    assert!(cases.iter().any(|case| case["verdict"] == "fail" && case["theme"] == "found"), "{report:#}");
}

/// A lent bucket has its rules and objects afterwards.
#[test]
fn a_lent_bucket_comes_back() {
    let server = Server::start();
    let state = tempfile::tempdir().unwrap();
    let endpoint = format!("http://{}", server.address);
    let rules = "<CORSConfiguration><CORSRule><AllowedOrigin>https://mine.example</AllowedOrigin><AllowedMethod>GET</AllowedMethod></CORSRule></CORSConfiguration>";
    for (target, body) in [("/mine", ""), ("/mine?cors", rules), ("/mine/object", "my own")] {
        assert!(send(&server, state.path(), "PUT", target, body).starts_with("HTTP/1.1 200"), "{target}");
    }
    let fuzz =
        ["fuzz", "--endpoint", &endpoint, "--bucket", "mine", "--seed", "1", "--requests", "600", "--settle", "0"];
    let output = with_keys(&fuzz, state.path()).output().unwrap();
    assert_eq!(code(&output), 0, "{}{}", text(&output.stdout), text(&output.stderr));
    assert!(text(&output.stdout).contains(" requests in "), "{}", text(&output.stdout));
    assert!(send(&server, state.path(), "GET", "/mine?cors", "").contains("https://mine.example"));
    assert!(send(&server, state.path(), "GET", "/mine/object", "").ends_with("my own"));
    let listed = send(&server, state.path(), "GET", "/", "");
    assert_eq!(listed.matches("<Name>").count(), 1, "{listed}");
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
    assert_eq!(files(&out), findings.len(), "{shown}");
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

/// Where the server goes away, the campaign ends soon and does not say that all is well.
#[test]
fn a_server_that_goes_away() {
    let server = Server::start();
    let state = tempfile::tempdir().unwrap();
    let endpoint = format!("http://{}", server.address);
    let out = state.path().join("campaign");
    let options = ["fuzz", "--endpoint", &endpoint, "--seed", "1", "--settle", "0", "--time", "15"];
    let child = with_keys(&[&options[..], &["--out", out.to_str().unwrap()]].concat(), state.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    wait_for_length(&out.join("campaign.jsonl"), 3_000);
    drop(server);
    let output = child.wait_with_output().unwrap();
    let shown = format!("{}{}", text(&output.stdout), text(&output.stderr));
    assert_eq!(code(&output), 3, "{shown}");
    assert!(shown.contains("cases in a row could not be judged"), "{shown}");
    assert!(shown.contains("run `corsuite cleanup`"), "{shown}");
}

//! The regression gate, end to end: a server with a known fault, a baseline, and what a change on either side does to the exit code.
#![cfg(test)]
#![expect(clippy::disallowed_methods, reason = "reads and writes files")]

mod common;

use std::path::{Path, PathBuf};
use std::process::Output;

use common::program::{Server, code, corsuite, text, with_keys};

struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn run(&self, server: &Server, more: &[&str]) -> Output {
        let endpoint = format!("http://{}", server.address);
        let options = ["run", "--endpoint", &endpoint, "--settle", "0", "vary"];
        with_keys(&[&options[..], more].concat(), self.folder.path()).output().unwrap()
    }
}

fn check(output: &Output, expected: i32, parts: &[&str]) {
    let shown = text(&output.stdout);
    assert_eq!(code(output), expected, "{shown}{}", text(&output.stderr));
    for part in parts {
        assert!(shown.contains(part), "`{part}` is not in {shown}");
    }
}

fn name(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn a_gate() {
    let (faulty, healthy) = (Server::with(&["--fault", "vary-always"]), Server::start());
    let bench = Bench::new();
    let (known, report) = (bench.path("known.yaml"), bench.path("report.json"));
    let (known_name, report_name) = (name(&known), name(&report));
    let json = format!("json={report_name}");

    // The first run has no baseline: it fails, and its report becomes one.
    check(&bench.run(&faulty, &["--report", &json]), 1, &["conformant: no"]);
    let update =
        corsuite(&["baseline", "update", known_name, report_name, "--reason", "next release"]).output().unwrap();
    check(&update, 0, &["known.yaml: ", " new"]);
    let count = std::fs::read_to_string(&known).unwrap().matches("- case: ").count();
    assert!(count > 1);

    // Nothing has changed.
    let green = bench.run(&faulty, &["--baseline", known_name, "--report", &json]);
    check(&green, 0, &[&format!("green (nothing has changed; {count} known)")]);
    assert!(!text(&green.stdout).contains("FAIL "), "{}", text(&green.stdout));
    assert!(std::fs::read_to_string(&report).unwrap().contains("\"known\": \"next release\""));
    check(&corsuite(&["baseline", "diff", known_name, report_name]).output().unwrap(), 0, &["green"]);
    check(
        &corsuite(&["baseline", "check", known_name]).output().unwrap(),
        0,
        &[&format!("{count} known failures, 0 stale")],
    );

    // Fixed: the entries have to go.
    check(&bench.run(&healthy, &["--baseline", known_name]), 1, &[&format!("red ({count} fixed; 0 known)")]);

    // A regression, a case that is gone, and a day that is over.
    let entries = std::fs::read_to_string(&known).unwrap();
    let first = entries.split("- case: ").nth(1).unwrap().lines().next().unwrap().to_owned();
    let fewer = entries.replace(&format!("  - case: {first}\n    reason: \"next release\"\n"), "");
    assert_ne!(fewer, entries);
    std::fs::write(&known, &fewer).unwrap();
    check(
        &bench.run(&faulty, &["--baseline", known_name]),
        1,
        &["new failures (1)\n  ", &first, "red (1 new failures; "],
    );
    std::fs::write(&known, format!("{entries}  - {{case: no-such-case, reason: gone}}\n")).unwrap();
    check(&bench.run(&faulty, &["--baseline", known_name]), 1, &["vanished (1)\n  no-such-case", "red (1 vanished; "]);
    check(
        &corsuite(&["baseline", "check", known_name]).output().unwrap(),
        1,
        &["no-such-case: no such case", "1 stale"],
    );
    std::fs::write(&known, entries.replacen("    reason:", "    expires: 2020-01-31\n    reason:", 1)).unwrap();
    check(
        &bench.run(&faulty, &["--baseline", known_name]),
        1,
        &["expired (1)\n  ", "expired after 2020-01-31", "red (1 expired; "],
    );

    // An error is not the failure that is known.
    std::fs::write(&known, &entries).unwrap();
    let mut value: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&report).unwrap()).unwrap();
    let case = value["cases"].as_array_mut().unwrap().iter_mut().find(|case| case["id"] == first.as_str()).unwrap();
    (case["verdict"], case["reason"]) = ("error".into(), "no answer".into());
    std::fs::write(&report, value.to_string()).unwrap();
    let lost = corsuite(&["baseline", "diff", known_name, report_name]).output().unwrap();
    check(&lost, 3, &[&format!("not known (1)\n  {first}: error: "), "not known (1 not known; "]);

    // A baseline with a mistake stops everything before it begins.
    std::fs::write(&known, "known: [{case: vary-off-by-default, reasons: why}]").unwrap();
    let broken = bench.run(&faulty, &["--baseline", known_name]);
    assert_eq!(code(&broken), 2);
    assert!(text(&broken.stderr).contains("did you mean `reason`"), "{}", text(&broken.stderr));
}

/// A server that answers otherwise every second time.
#[test]
fn what_is_not_each_time_is_told_apart() {
    let server = Server::with(&["--fault", "age-alternates"]);
    let bench = Bench::new();
    let known = bench.path("known.yaml");
    std::fs::write(&known, "known: []\n").unwrap();
    let endpoint = format!("http://{}", server.address);
    let options =
        ["run", "--endpoint", &endpoint, "--settle", "0", "preflight", "--jobs", "1", "--baseline", name(&known)];
    let output = with_keys(&options, bench.folder.path()).output().unwrap();
    check(&output, 1, &["new failures, not each time ("]);
}

/// The parts of a run make the report of the whole run.
#[test]
fn parts_are_joined() {
    let server = Server::with(&["--fault", "vary-always"]);
    let bench = Bench::new();
    let mut reports = Vec::new();
    for part in 1..=3 {
        let path = bench.path(&format!("{part}.json"));
        let output =
            bench.run(&server, &["--partition", &format!("{part}/3"), "--report", &format!("json={}", name(&path))]);
        assert!([0, 1].contains(&code(&output)), "{}", text(&output.stderr));
        reports.push(name(&path).to_owned());
    }
    let (whole, merged) = (bench.path("whole.json"), bench.path("merged.json"));
    check(&bench.run(&server, &["--report", &format!("json={}", name(&whole))]), 1, &[]);
    let paths: Vec<&str> = reports.iter().map(String::as_str).collect();
    let options = format!("json={}", name(&merged));
    let output = corsuite(&[&["merge-reports", "--report", &options], &paths[..]].concat()).output().unwrap();
    check(&output, 1, &["conformant: no"]);
    let cases = |path: &Path| {
        let value: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let cases = value["cases"].as_array().unwrap().iter();
        let pairs: Vec<(String, String)> =
            cases.map(|case| (case["id"].to_string(), case["verdict"].to_string())).collect();
        (pairs, value["suite"].to_string())
    };
    assert_eq!(cases(&merged), cases(&whole));

    let few = corsuite(&["merge-reports", paths[0], paths[1]]).output().unwrap();
    assert_eq!(code(&few), 2);
    assert!(text(&few.stderr).contains("of 3 parts 1 are missing: 3"), "{}", text(&few.stderr));
    let no_report = corsuite(&["merge-reports", "Cargo.toml"]).output().unwrap();
    assert_eq!(code(&no_report), 2);
    assert!(text(&no_report.stderr).contains("no report of corsuite"), "{}", text(&no_report.stderr));
}

/// The baseline that the README shows is one.
#[test]
fn the_baseline_of_the_readme() {
    let bench = Bench::new();
    let known = bench.path("known.yaml");
    let (_, after) = include_str!("../README.md").split_once("## A gate in CI").unwrap();
    let block = after.split("```yaml\n").nth(1).unwrap().split("```").next().unwrap();
    std::fs::write(&known, block).unwrap();
    check(&corsuite(&["baseline", "check", name(&known)]).output().unwrap(), 0, &["1 known failures, 0 stale"]);
}

/// What a server chose is a dialect of its own, whether asked or read from a report; `run` takes it.
#[test]
fn a_fingerprint() {
    let server = Server::with(&["--fault", "rules-twenty"]);
    let bench = Bench::new();
    let (mine, report) = (bench.path("mine.yaml"), bench.path("report.json"));
    let endpoint = format!("http://{}", server.address);
    let options = ["fingerprint", "--endpoint", &endpoint, "--settle", "0", "--name", "mine"];
    let output = with_keys(&options, bench.folder.path()).output().unwrap();
    check(&output, 0, &["name: \"mine\"\nextends: oss\nbehaviours:\n", "  max_rules: {default: \"20\"}\n"]);
    std::fs::write(&mine, &output.stdout).unwrap();
    let json = format!("json={}", name(&report));
    let run = ["run", "--endpoint", &endpoint, "--settle", "0", "--dialect", name(&mine), "config"];
    check(&with_keys(&[&run[..], &["--report", &json]].concat(), bench.folder.path()).output().unwrap(), 0, &[]);

    let whole = ["run", "--endpoint", &endpoint, "--settle", "0", "--report", &json];
    check(&with_keys(&whole, bench.folder.path()).output().unwrap(), 0, &["conformant: yes"]);
    let read = corsuite(&["fingerprint", name(&report), "--name", "mine"]).output().unwrap();
    check(&read, 0, &[]);
    let of =
        |bytes: &[u8]| text(bytes).lines().filter(|line| !line.starts_with("# http")).collect::<Vec<_>>().join("\n");
    assert_eq!(of(&read.stdout), of(&output.stdout));
}

/// Three servers side by side, and one of them before and after.
#[test]
fn a_comparison() {
    let bench = Bench::new();
    let mut reports = Vec::new();
    for (name_of, options) in [("a", &[][..]), ("b", &["--fault", "vary-always"][..]), ("c", &[][..])] {
        let server = Server::with(options);
        let path = bench.path(&format!("{name_of}.json"));
        drop(bench.run(&server, &["--report", &format!("json={}", name(&path))]));
        reports.push(format!("{name_of}={}", name(&path)));
    }
    let (markdown, html) = (bench.path("all.md"), bench.path("all.html"));
    let written = [format!("markdown={}", name(&markdown)), format!("html={}", name(&html))];
    let mut arguments = vec!["compare", "--report", &written[0], "--report", &written[1]];
    arguments.extend(reports.iter().map(String::as_str));
    let output = corsuite(&arguments).output().unwrap();
    check(&output, 0, &["A  a: ", "B  b: not conformant", "vary.off", "[FAIL]", "agreement: "]);
    let (markdown, html) = (std::fs::read_to_string(markdown).unwrap(), std::fs::read_to_string(html).unwrap());
    assert!(markdown.contains("| vary.off | must | ok | **FAIL** | ok |"), "{markdown}");
    assert!(html.contains("<td class=\"odd\">FAIL</td>"), "{html}");

    let wrong = corsuite(&["compare", "--report", "json=x.json", &reports[0]]).output().unwrap();
    assert_eq!(code(&wrong), 2);
    let missing = corsuite(&["compare", "x=no-such-file.json"]).output().unwrap();
    assert!(text(&missing.stderr).contains("no-such-file.json cannot be read"), "{}", text(&missing.stderr));
}

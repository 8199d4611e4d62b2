//! The program itself, end to end: what a user types and gets.
#![cfg(test)]
#![expect(clippy::disallowed_methods, reason = "writes case files, reads reports")]

mod common;

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use common::program::{Server, code, corsuite, send, text, with_keys};

/// Output without what differs from run to run.
fn filtered() -> insta::internals::SettingsBindDropGuard {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(concat!(env!("CARGO_MANIFEST_DIR"), "/snapshots"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.add_filter(r"127\.0\.0\.1:\d+", "127.0.0.1:PORT");
    settings.add_filter(r"\d+ requests, \d+\.\d\d s", "N requests, T s");
    settings.add_filter(r"corsuite-[0-9a-f]{10}-\d", "BUCKET");
    settings.add_filter(r"[0-9A-F]{24}", "REQUEST-ID");
    settings.add_filter(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", "DATE");
    settings.bind_to_scope()
}

/// A reference server of its own process.
/// A server that treats every connection the same way.
fn strange_server(behave: fn(TcpStream)) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming().take(1000).flatten() {
            thread::spawn(move || behave(stream));
        }
    });
    address
}

fn answer(mut stream: TcpStream, bytes: &[u8]) {
    let mut buffer = [0; 4096];
    drop(stream.read(&mut buffer));
    drop(stream.write_all(bytes));
}

#[test]
fn a_run_without_arguments() {
    let output = corsuite(&["run"]).output().unwrap();
    assert_eq!(code(&output), 0, "{}", text(&output.stderr));
    let _guard = filtered();
    insta::assert_snapshot!("run", text(&output.stdout));
    let one = corsuite(&["run", "--jobs", "1", "--strict"]).output().unwrap();
    assert_eq!(code(&one), 0);
}

#[test]
fn the_report_on_standard_output_is_json_alone() {
    let output = corsuite(&["run", "--report", "json=-", "match.*"]).output().unwrap();
    assert_eq!(code(&output), 0, "{}", text(&output.stderr));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let schema: serde_json::Value = serde_json::from_str(include_str!("../src/report/schema.json")).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    assert!(validator.is_valid(&report));
    assert_eq!(report["conformant"], serde_json::Value::Null, "a part of the suite claims nothing");
    assert_eq!(report["target"]["kind"], "embedded");
    assert!(
        text(&output.stderr)
            .contains("conformant: not known (the complete bundled suite did not run, or a baseline was given)")
    );
}

#[test]
fn a_report_that_cannot_be_written() {
    let output =
        corsuite(&["run", "config-none", "get-none", "--report", "json=/nowhere/report.json"]).output().unwrap();
    assert_eq!(code(&output), 2, "the selector is wrong");
    let output = corsuite(&["run", "get-none", "--report", "json=/nowhere/report.json"]).output().unwrap();
    assert_eq!(code(&output), 3);
    assert!(text(&output.stderr).contains("report /nowhere/report.json cannot be written"));
}

#[test]
fn a_selector_of_another_dialect() {
    let output = corsuite(&["run", "vary.three"]).output().unwrap();
    assert_eq!(code(&output), 2);
    let expected = "error: selector `vary.three` matches no case\nhelp: it is one of another dialect: `--dialect s3`\n";
    assert_eq!(text(&output.stderr), expected);
}

#[test]
fn the_same_verdicts_from_a_server_in_another_process() {
    let server = Server::start();
    let state = tempfile::tempdir().unwrap();
    let verdicts = |arguments: &[&str]| {
        let output = with_keys(&[&["run", "--settle", "0", "--report", "json=-"], arguments].concat(), state.path())
            .output()
            .unwrap();
        assert_eq!(code(&output), 0, "{arguments:?}: {}", text(&output.stderr));
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(report["conformant"], true);
        let cases = report["cases"].as_array().unwrap();
        cases.iter().map(|case| format!("{} {}", case["id"], case["verdict"])).collect::<Vec<_>>()
    };
    let by_address = format!("http://{}", server.address);
    let by_name = format!("http://localhost:{}", server.port());
    let embedded = {
        let output = corsuite(&["run", "--report", "json=-"]).output().unwrap();
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        report["cases"]
            .as_array()
            .unwrap()
            .iter()
            .map(|case| format!("{} {}", case["id"], case["verdict"]))
            .collect::<Vec<_>>()
    };
    for arguments in [
        vec!["--endpoint", &by_address, "--auth", "v4"],
        vec!["--endpoint", &by_address, "--auth", "v1"],
        vec!["--endpoint", &by_name, "--auth", "v4", "--addressing", "virtual"],
        vec!["--endpoint", &by_name, "--auth", "v1", "--addressing", "virtual"],
    ] {
        assert_eq!(verdicts(&arguments), embedded, "{arguments:?}");
    }
    let journal = std::fs::read_to_string(state.path().join("corsuite/journal.jsonl")).unwrap();
    let count = |event: &str| journal.matches(&format!("\"event\":\"{event}\"")).count();
    assert!(count("create") >= 4);
    assert_eq!(count("create"), count("removed"), "every bucket is removed");
}

#[test]
fn endpoints_that_cannot_be_used() {
    let state = tempfile::tempdir().unwrap();
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let server = Server::start();
    let cases = [
        (format!("http://{nobody}"), "no connection", "check --endpoint"),
        (
            strange_server(|stream| answer(stream, b"\x00\x01garbage\r\n\r\n")),
            "no usable HTTP answer",
            "check --endpoint",
        ),
        (strange_server(|stream| answer(stream, b"")), "no usable HTTP answer", "check --endpoint"),
        (
            strange_server(|stream| answer(stream, b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nshort")),
            "no usable HTTP answer",
            "check --endpoint",
        ),
        (
            strange_server(|stream| {
                answer(stream, b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n");
            }),
            "answered 302",
            "redirects are not followed",
        ),
        (
            strange_server(|stream| {
                thread::sleep(Duration::from_secs(5));
                drop(stream);
            }),
            "no answer within 300ms",
            "--timeout",
        ),
    ];
    for (endpoint, message, help) in cases {
        let started = Instant::now();
        let output = with_keys(&["run", "--endpoint", &endpoint, "--timeout", "0.3"], state.path()).output().unwrap();
        let shown = text(&output.stderr);
        assert_eq!(code(&output), 3, "{shown}");
        assert!(shown.contains(message) && shown.contains(help), "{shown}");
        assert!(!shown.contains("panicked") && started.elapsed() < Duration::from_secs(20), "{shown}");
    }
    let endpoint = format!("http://{}", server.address);
    let output = with_keys(&["run", "--endpoint", &endpoint], state.path())
        .env("OSS_ACCESS_KEY_SECRET", "wrong")
        .output()
        .unwrap();
    assert_eq!(code(&output), 3);
    assert!(
        text(&output.stderr).contains("SignatureDoesNotMatch") && text(&output.stderr).contains("check the secret")
    );
    let output =
        with_keys(&["run", "--endpoint", &endpoint], state.path()).env("OSS_ACCESS_KEY_ID", "nobody").output().unwrap();
    assert_eq!(code(&output), 3);
    assert!(text(&output.stderr).contains("check the access key id"));
}

#[test]
fn a_server_without_bucket_cors_says_so_in_one_line() {
    let state = tempfile::tempdir().unwrap();
    let endpoint = strange_server(|stream| {
        answer(stream, b"HTTP/1.1 501 Not Implemented\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    });
    let output = with_keys(&["run", "--endpoint", &endpoint, "--timeout", "2"], state.path()).output().unwrap();
    assert_eq!(code(&output), 1, "{}", text(&output.stderr));
    let shown = text(&output.stdout);
    assert!(
        shown.contains("unsupported: the server has no bucket CORS") && shown.contains("conformant: no"),
        "{shown}"
    );
    assert!(shown.lines().count() < 20, "{shown}");
}

#[test]
fn command_lines_that_are_wrong() {
    let state = tempfile::tempdir().unwrap();
    for (arguments, message) in [
        (vec!["run", "matc.first"], "did you mean `match.first`?"),
        (vec!["run", "--endpoint", "localhost:9000"], "did you mean `http://localhost:9000`?"),
        (vec!["run", "--endpoint", "http://127.0.0.1:1", "--addressing", "virtual"], "use http://localhost:PORT"),
        (vec!["run", "--report", "xml=x"], "such as json=report.json"),
        (vec!["run", "--dialect", "osss"], "no dialect `osss`"),
        (vec!["run", "--auth", "anonymous"], "name one with --bucket"),
        (vec!["run", "--jobs", "0"], "1..=64"),
        (vec!["rum"], "run"),
        (vec!["explain"], "--config"),
        (vec!["cleanup"], "cleanup needs --endpoint"),
    ] {
        let output = with_keys(&arguments, state.path()).output().unwrap();
        assert_eq!(code(&output), 2, "{arguments:?}: {}", text(&output.stderr));
        assert!(text(&output.stderr).contains(message), "{arguments:?}: {}", text(&output.stderr));
    }
    let output = corsuite(&["run", "--endpoint", "http://127.0.0.1:1"]).output().unwrap();
    assert_eq!(code(&output), 2);
    assert!(text(&output.stderr).contains("set OSS_ACCESS_KEY_ID and OSS_ACCESS_KEY_SECRET"));
}

#[test]
fn five_mistakes_are_five_diagnostics() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mine.yaml");
    let yaml = "about: Five mistakes.\ncases:\n  - id: one\n    clauses: [match.frist]\n    steps:\n      - preflight: {orign: https://a.example, method: GET}\n        expect: {status: 200}\n      - get_cors:\n        expect: {}\n  - id: one\n    clauses: [match.first]\n    steps:\n      - get_cors:\n        expect: {status: twohundred}\n      - preflight: {origin: \"*\"}\n        as: nobody\n        expect: {status: 403}\n";
    std::fs::write(&file, yaml).unwrap();
    let output = corsuite(&["check", file.to_str().unwrap()]).output().unwrap();
    assert_eq!(code(&output), 2);
    let shown = text(&output.stderr).replace(folder.path().to_str().unwrap(), "FOLDER");
    let _guard = filtered();
    insta::assert_snapshot!("five_mistakes", shown);
    assert!(shown.matches("error: ").count() >= 5);
    let run = corsuite(&["run", "--cases", folder.path().to_str().unwrap()]).output().unwrap();
    assert_eq!(code(&run), 2);
}

/// `check` takes a vendor's dialect, too: its mistakes at their places, or what the suite has for it.
#[test]
fn a_dialect_is_checked() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mine.yaml");
    let check = |yaml: &str| {
        std::fs::write(&file, yaml).unwrap();
        corsuite(&["check", file.to_str().unwrap()]).output().unwrap()
    };
    let good = check("name: mine\nextends: s3\nfixed: {response_vary: known}\n");
    assert_eq!(code(&good), 0, "{}", text(&good.stderr));
    assert!(text(&good.stdout).contains("of them for dialect mine: no problem"), "{}", text(&good.stdout));
    let bad = check("name: mine\nextends: s3\nfixed:\n  vary: grantd\nlimits: {max_age_seconds: many}\n");
    assert_eq!(code(&bad), 2);
    let shown = text(&bad.stderr);
    assert!(shown.contains("mine.yaml:4:9\n") && shown.contains("mine.yaml:5:27\n"), "{shown}");
    assert_eq!(shown.matches("error: ").count(), 2, "{shown}");
}

#[test]
fn a_failed_case_is_understood() {
    let folder = tempfile::tempdir().unwrap();
    let yaml = "about: Mine.\ncases:\n  - id: mine\n    about: expects what no server should answer\n    clauses: [preflight.ok]\n    rules: [{allowed_origins: \"https://app.example\", allowed_methods: GET}]\n    steps:\n      - preflight: {origin: \"https://other.example\", method: GET}\n        expect: {status: 200, headers: {access-control-allow-origin: \"https://other.example\"}}\n      - get_cors:\n        expect: {clause: get.none, status: 404}\n";
    let theme = folder.path().join("theme");
    std::fs::create_dir(&theme).unwrap();
    std::fs::write(theme.join("mine.yaml"), yaml).unwrap();
    let output = corsuite(&["run", "--cases", folder.path().to_str().unwrap()]).output().unwrap();
    assert_eq!(code(&output), 1);
    let _guard = filtered();
    let shown = text(&output.stdout).replace(folder.path().to_str().unwrap(), "FOLDER");
    insta::assert_snapshot!("failed_case", shown);
    let check = corsuite(&["check", folder.path().to_str().unwrap()]).output().unwrap();
    assert_eq!(code(&check), 0, "a warning is no error");
    assert!(text(&check.stderr).contains("warning: case `mine` expects what the reference does not answer"));
}

/// The command line under a failure sends the request again, signed.
#[test]
fn a_signed_request_can_be_sent_again() {
    let server = Server::start();
    let state = tempfile::tempdir().unwrap();
    let url = format!("http://{}/", server.address);
    let output = with_keys(&["sign", "GET", &url, "-H", "x-oss-meta-a: 1"], state.path()).output().unwrap();
    assert_eq!(code(&output), 0, "{}", text(&output.stderr));
    let mut request = "GET / HTTP/1.1\r\n".to_owned();
    for line in text(&output.stdout)
        .lines()
        .filter_map(|line| line.strip_prefix("header = \"")?.strip_suffix('"').map(str::to_owned))
    {
        request.extend([line.as_str(), "\r\n"]);
    }
    request.extend(["host: ", &server.address, "\r\nx-oss-meta-a: 1\r\nconnection: close\r\n\r\n"]);
    let mut stream = TcpStream::connect(&server.address).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let nothing = corsuite(&["sign", "GET", &url]).output().unwrap();
    assert_eq!(code(&nothing), 2);
}

/// Interrupted while the server is slow: what was created is removed, or `cleanup` removes it.
#[cfg(unix)]
#[test]
fn an_interrupted_run_leaves_nothing() {
    let server = Server::start();
    let state = tempfile::tempdir().unwrap();
    let endpoint = format!("http://{}", server.address);
    let mut running = with_keys(&["run", "--endpoint", &endpoint, "--rate", "40", "--settle", "0"], state.path())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let journal = state.path().join("corsuite/journal.jsonl");
    wait_for(&journal, "create");
    let pid = running.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let status = running.wait().unwrap();
    assert_eq!(status.code(), Some(3), "an interrupted run does not know");
    let text_of = || std::fs::read_to_string(&journal).unwrap();
    assert_eq!(text_of().matches("\"create\"").count(), text_of().matches("\"removed\"").count());

    // Killed, so that nothing is removed.
    let mut killed = with_keys(&["run", "--endpoint", &endpoint, "--rate", "40", "--settle", "0"], state.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let before = text_of().matches("\"create\"").count();
    while text_of().matches("\"create\"").count() == before {
        thread::sleep(Duration::from_millis(10));
    }
    thread::sleep(Duration::from_millis(200));
    killed.kill().unwrap();
    killed.wait().unwrap();
    let cleaned = with_keys(&["cleanup", "--endpoint", &endpoint], state.path()).output().unwrap();
    assert_eq!(code(&cleaned), 0, "{}", text(&cleaned.stderr));
    assert!(text(&cleaned.stdout).contains("clean: corsuite-"), "{}", text(&cleaned.stdout));
    let again = with_keys(&["cleanup", "--endpoint", &endpoint], state.path()).output().unwrap();
    assert!(text(&again.stdout).contains("nothing is left over"));
}

/// A borrowed bucket whose run was killed is not borrowed again before it is restored: saving it twice would lose what the
/// user had.
#[cfg(unix)]
#[test]
fn a_killed_borrower_is_cleaned_up_first() {
    let server = Server::start();
    let state = tempfile::tempdir().unwrap();
    let endpoint = format!("http://{}", server.address);
    let rules = "<CORSConfiguration><CORSRule><AllowedOrigin>https://mine.example</AllowedOrigin><AllowedMethod>GET</AllowedMethod></CORSRule></CORSConfiguration>";
    assert!(send(&server, state.path(), "PUT", "/mine/", "").starts_with("HTTP/1.1 200"));
    assert!(send(&server, state.path(), "PUT", "/mine/?cors", rules).starts_with("HTTP/1.1 200"));
    let borrow = ["run", "--endpoint", &endpoint, "--bucket", "mine", "--settle", "0", "--rate", "60"];
    let mut killed = with_keys(&borrow, state.path()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    wait_for(&state.path().join("corsuite/journal.jsonl"), "borrow");
    thread::sleep(Duration::from_millis(500));
    killed.kill().unwrap();
    killed.wait().unwrap();
    assert!(!send(&server, state.path(), "GET", "/mine/?cors", "").contains("mine.example"), "the run has changed it");
    let second = with_keys(&borrow, state.path()).output().unwrap();
    assert_eq!(code(&second), 3);
    assert!(text(&second.stderr).contains("run `corsuite cleanup` first"), "{}", text(&second.stderr));
    assert_eq!(code(&with_keys(&["cleanup", "--endpoint", &endpoint], state.path()).output().unwrap()), 0);
    assert!(send(&server, state.path(), "GET", "/mine/?cors", "").contains("https://mine.example"));
}

fn wait_for(path: &PathBuf, content: &str) {
    for _ in 0..500 {
        if std::fs::read_to_string(path).is_ok_and(|text| text.contains(content)) {
            return;
        }
        thread::sleep(Duration::from_millis(20));
    }
    panic!("{content} never appeared in {}", path.display());
}

#[test]
fn explanations() {
    let folder = tempfile::tempdir().unwrap();
    let yaml = folder.path().join("rules.yaml");
    let rules = "rules:\n  - {allowed_origins: \"https://app.example\", allowed_methods: GET, allowed_headers: x-one}\n  - {allowed_origins: \"*\", allowed_methods: [GET, PUT], allowed_headers: \"*\", max_age_seconds: 60}\n  - {allowed_origins: \"*\", allowed_methods: PUT}\nresponse_vary: true\n";
    std::fs::write(&yaml, rules).unwrap();
    let config = yaml.to_str().unwrap();
    let ask = |more: &[&str]| {
        let output = corsuite(&[&["explain", "--config", config], more].concat()).output().unwrap();
        format!("exit {}\n{}{}", code(&output), text(&output.stdout), text(&output.stderr))
    };
    let shown = [
        ask(&["--origin", "https://app.example", "--method", "PUT", "--header", "authorization"]),
        ask(&["--origin", "https://app.example", "--method", "DELETE"]),
        ask(&["--origin", "https://app.example", "--actual"]),
        ask(&["--origin", "https://other.example", "--credentials"]),
    ];
    let _guard = filtered();
    insta::assert_snapshot!("explain", shown.join("\n----\n"));
    let xml = folder.path().join("rules.xml");
    std::fs::write(&xml, "<CORSConfiguration>\n  <CORSRule>\n    <AllowedOrigin>**</AllowedOrigin>\n  </CORSRule>\n</CORSConfiguration>\n").unwrap();
    let output = corsuite(&["explain", "--config", xml.to_str().unwrap(), "--origin", "x"]).output().unwrap();
    assert_eq!(code(&output), 2);
    let shown = text(&output.stderr).replace(folder.path().to_str().unwrap(), "FOLDER");
    insta::assert_snapshot!("explain_violations", shown);
}

#[test]
fn lists_and_completions() {
    let list = |arguments: &[&str]| {
        let output = corsuite(arguments).output().unwrap();
        assert_eq!(code(&output), 0);
        text(&output.stdout)
    };
    assert!(list(&["list", "match.first"]).lines().count() >= 3);
    assert!(list(&["list", "--clauses"]).contains("config.overwrite"));
    assert!(list(&["list", "--behaviours"]).contains("[10] | 20"));
    assert!(list(&["completions", "bash"]).contains("corsuite"));
    assert!(list(&["--version"]).starts_with("corsuite "));
    assert!(list(&["check"]).contains("no problem"));
}

#[test]
fn a_borrowed_bucket_comes_back() {
    let server = Server::start();
    let state = tempfile::tempdir().unwrap();
    let endpoint = format!("http://{}", server.address);
    let output = with_keys(&["run", "--endpoint", &endpoint, "--bucket", "mine"], state.path()).output().unwrap();
    assert_eq!(code(&output), 3, "it does not exist");
    assert!(text(&output.stderr).contains("NoSuchBucket"), "{}", text(&output.stderr));
    assert!(send(&server, state.path(), "PUT", "/mine/", "").starts_with("HTTP/1.1 200"));
    let output = with_keys(&["run", "--endpoint", &endpoint, "--bucket", "mine", "--settle", "0"], state.path())
        .output()
        .unwrap();
    assert_eq!(code(&output), 3, "two must cases need a second bucket: {}", text(&output.stdout));
    assert!(
        text(&output.stdout).contains(": needs a second bucket, and --bucket lends only one"),
        "{}",
        text(&output.stdout)
    );
    let output =
        with_keys(&["explain", "--endpoint", &endpoint, "--bucket", "mine", "--origin", "https://a"], state.path())
            .output()
            .unwrap();
    assert_eq!(code(&output), 1);
    assert!(text(&output.stdout).contains("the bucket has no CORS rules"), "{}", text(&output.stdout));
}

/// A server with a fault is found out, and the clause is named.
#[test]
fn a_fault_is_found_out() {
    let server = Server::with(&["--fault", "origin-prefix"]);
    let state = tempfile::tempdir().unwrap();
    let endpoint = format!("http://{}", server.address);
    let run = |arguments: &[&str]| {
        let arguments = [&["run", "--strict", "--endpoint", &endpoint, "--settle", "0"], arguments].concat();
        with_keys(&arguments, state.path()).output().unwrap()
    };
    let output = run(&[]);
    assert_eq!(code(&output), 1, "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("must match.literal:"), "{}", text(&output.stdout));
    assert_eq!(code(&run(&["--minimal"])), 1);
    let unknown = corsuite(&["serve", "--fault", "origin-prefx"]).output().unwrap();
    assert_eq!(code(&unknown), 2);
    assert!(text(&unknown.stderr).contains("did you mean `origin-prefix`?"), "{}", text(&unknown.stderr));
    let list = corsuite(&["list", "--faults"]).output().unwrap();
    assert!(text(&list.stdout).lines().count() > 500);
}

/// The smallest set is the dialect's: what is enough for one of them is not for another.
#[test]
fn the_smallest_set_is_a_dialects_own() {
    let state = tempfile::tempdir().unwrap();
    let run = |dialect: &str| {
        let arguments = ["run", "--minimal", "--dialect", dialect, "--report", "json=-"];
        corsuite(&arguments).current_dir(state.path()).output().unwrap()
    };
    let cases = |dialect: &str| {
        let output = run(dialect);
        assert_eq!(code(&output), 0, "{dialect}: {}", text(&output.stderr));
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        report["cases"].as_array().unwrap().iter().map(|case| case["id"].to_string()).collect::<Vec<_>>()
    };
    assert!(cases("oss") != cases("s3"));
    std::fs::write(state.path().join("mine.yaml"), "name: mine\ntitle: Mine\nextends: s3\n").unwrap();
    let unmeasured = run("mine.yaml");
    assert_eq!(code(&unmeasured), 2);
    assert!(text(&unmeasured.stderr).contains("was not measured for dialect mine"), "{}", text(&unmeasured.stderr));
}

/// Rules in place are compared as they are stored: AllowedHeader in lower case.
#[test]
fn rules_in_place_of_any_case() {
    let server = Server::start();
    let state = tempfile::tempdir().unwrap();
    let endpoint = format!("http://{}", server.address);
    let rules = "<CORSConfiguration><CORSRule><AllowedOrigin>https://a.example</AllowedOrigin><AllowedMethod>PUT</AllowedMethod><AllowedHeader>X-Oss-A</AllowedHeader></CORSRule></CORSConfiguration>";
    for (target, body) in [("/mine", ""), ("/mine?cors", rules)] {
        assert!(send(&server, state.path(), "PUT", target, body).starts_with("HTTP/1.1 200"), "{target}");
    }
    let (cases, file) = (state.path().join("cases"), state.path().join("rules.xml"));
    std::fs::create_dir(&cases).unwrap();
    std::fs::write(&file, rules).unwrap();
    let case = "about: Mine.\ncases:\n  - id: mine\n    clauses: [preflight.ok]\n    rules: [{allowed_origins: https://a.example, allowed_methods: [PUT], allowed_headers: [X-Oss-A]}]\n    steps:\n      - preflight: {origin: https://a.example, method: PUT, request_headers: [x-oss-a]}\n        expect: {status: 200}\n";
    std::fs::write(cases.join("mine.yaml"), case).unwrap();
    let options = ["run", "--endpoint", &endpoint, "--auth", "anonymous", "--bucket", "mine", "--cases"];
    let options = [&options[..], &[cases.to_str().unwrap(), "--in-place", file.to_str().unwrap()]].concat();
    let output = with_keys(&options, state.path()).output().unwrap();
    assert_eq!(code(&output), 0, "{}{}", text(&output.stdout), text(&output.stderr));
}

/// One run writes every format at once; a format that is none, and two on standard output, are told.
#[test]
fn every_report_format_of_one_run() {
    let state = tempfile::tempdir().unwrap();
    let server = Server::with(&["--fault", "origin-prefix"]);
    let endpoint = format!("http://{}", server.address);
    let formats = ["json", "jsonl", "junit", "tap", "markdown", "github", "sarif", "html"];
    let reports: Vec<String> =
        formats.iter().map(|name| format!("{name}={}", state.path().join(name).display())).collect();
    let mut arguments = vec!["run", "match.literal", "--endpoint", &endpoint, "--settle", "0"];
    for report in &reports {
        arguments.extend(["--report", report]);
    }
    let output = with_keys(&arguments, state.path()).output().unwrap();
    assert_eq!(code(&output), 1, "{}{}", text(&output.stdout), text(&output.stderr));
    let written = |name: &str| std::fs::read_to_string(state.path().join(name)).unwrap();
    for name in formats {
        assert!(written(name).contains("match.literal"), "{name}: {}", written(name));
    }
    assert!(written("html").contains("what the oracle says") && written("tap").starts_with("TAP version 14\n1.."));
    for (reports, words) in [
        (vec!["--report", "pdf=x"], "formats are json, jsonl, junit, tap, markdown, github, sarif, html"),
        (vec!["--report", "json=-", "--report", "tap=-"], "two reports on standard output"),
    ] {
        let output = corsuite(&[&["run"], &reports[..]].concat()).output().unwrap();
        assert_eq!(code(&output), 2);
        assert!(text(&output.stderr).contains(words), "{}", text(&output.stderr));
    }
}

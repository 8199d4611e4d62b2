//! `corsuite audit`, end to end.
#![cfg(test)]
#![expect(clippy::disallowed_methods, reason = "writes rules for the program to read")]

mod common;

use common::program::{Server, code, corsuite, send, text, with_keys};

const RULES: &str = "<CORSConfiguration><CORSRule><AllowedOrigin>https://*.example.com</AllowedOrigin><AllowedMethod>GET</AllowedMethod><AllowedMethod>PUT</AllowedMethod><AllowedHeader>x-oss-*</AllowedHeader><ExposeHeader>ETag</ExposeHeader><MaxAgeSeconds>600</MaxAgeSeconds></CORSRule><CORSRule><AllowedOrigin>https://app.example.com</AllowedOrigin><AllowedMethod>GET</AllowedMethod><MaxAgeSeconds>600</MaxAgeSeconds></CORSRule><ResponseVary>true</ResponseVary></CORSConfiguration>";

/// A bucket with these rules.
fn with_rules(server: &Server, state: &std::path::Path, rules: &str) {
    for (target, body) in [("/mine", ""), ("/mine?cors", rules)] {
        let answer = send(server, state, "PUT", target, body);
        assert!(answer.starts_with("HTTP/1.1 200"), "{target}: {answer}");
    }
}

#[test]
fn rules_in_a_file() {
    let state = tempfile::tempdir().unwrap();
    let file = state.path().join("rules.xml");
    let check = |rules: &str, options: &[&str], expected: i32, words: &[&str]| {
        std::fs::write(&file, rules).unwrap();
        let output = corsuite(&[&["audit", "--config", file.to_str().unwrap()], options].concat()).output().unwrap();
        let shown = text(&output.stdout) + &text(&output.stderr);
        assert_eq!(code(&output), expected, "{shown}");
        for word in words {
            assert!(shown.contains(word), "{word} is not in {shown}");
        }
    };
    let shadowed = "WARNING rule-shadowed (rule 2)";
    check(RULES, &[], 0, &[shadowed, "0 dangers, 1 warning, 0 notes"]);
    check(RULES, &["--strict"], 1, &[shadowed]);
    check(RULES, &["--format", "json"], 0, &["\"id\": \"rule-shadowed\"", "\"rule\": 2", "\"preflights\": null"]);
    check(
        &RULES.replace("https://*.", "https://*"),
        &[],
        1,
        &["DANGER origin-wide (rule 1)", "https://strangerexample.com"],
    );
    check("<CORSConfiguration>", &[], 2, &["error: "]);
}

/// A live bucket: nothing changes, nothing is signed but the reading of the rules, and what the server does otherwise is found.
#[test]
fn a_live_bucket() {
    let state = tempfile::tempdir().unwrap();
    let audit = |server: &Server, more: &[&str]| {
        let endpoint = format!("http://{}", server.address);
        let options = ["audit", "--endpoint", &endpoint, "--bucket", "mine"];
        let output = with_keys(&[&options[..], more].concat(), state.path()).output().unwrap();
        (code(&output), text(&output.stdout) + &text(&output.stderr))
    };
    let healthy = Server::start();
    with_rules(&healthy, state.path(), RULES);
    let before = send(&healthy, state.path(), "GET", "/mine?cors", "");
    let (exit, shown) = audit(&healthy, &[]);
    assert_eq!(exit, 0, "{shown}");
    assert!(shown.contains(" requests at the edges of the rules: all answered as documented"), "{shown}");
    let body = |answer: &str| answer.split("\r\n\r\n").nth(1).unwrap().to_owned();
    assert_eq!(body(&send(&healthy, state.path(), "GET", "/mine?cors", "")), body(&before));
    assert!(!send(&healthy, state.path(), "GET", "/mine", "").contains("<Key>"), "an object was written");
    // Without a key, with the rules at hand.
    let file = state.path().join("rules.xml");
    std::fs::write(&file, RULES).unwrap();
    let (exit, shown) = audit(&healthy, &["--auth", "anonymous", "--config", file.to_str().unwrap()]);
    assert_eq!(exit, 0, "{shown}");
    assert!(shown.contains("all answered as documented"), "{shown}");
    // The rules at hand are not those in place.
    std::fs::write(&file, RULES.replace("x-oss-*", "x-other-*")).unwrap();
    let (exit, shown) = audit(&healthy, &["--config", file.to_str().unwrap()]);
    assert_eq!(exit, 1, "{shown}");
    for fault in [
        "wildcard-open-end",
        "methods-missing",
        "header-wildcard-ignored",
        "wildcard-one-label",
        "scheme-ignored",
        "methods-first-only",
    ] {
        let server = Server::with(&["--fault", fault]);
        with_rules(&server, state.path(), RULES);
        let (exit, shown) = audit(&server, &[]);
        assert_eq!(exit, 1, "{fault}: {shown}");
        assert!(shown.contains("FAIL rule-"), "{fault}: {shown}");
    }
    // A choice that the documents leave to the server is none of its mistakes.
    for choice in [["--lenient", "1"], ["--lenient", "2"], ["--fault", "methods-requested"]] {
        let server = Server::with(&choice);
        with_rules(&server, state.path(), RULES);
        let (exit, shown) = audit(&server, &[]);
        assert_eq!(exit, 0, "{choice:?}: {shown}");
    }
    let empty = Server::start();
    assert!(send(&empty, state.path(), "PUT", "/mine", "").starts_with("HTTP/1.1 200"));
    let (exit, shown) = audit(&empty, &[]);
    assert_eq!((exit, shown.contains("no CORS rules")), (0, true), "{shown}");
    let (exit, shown) = audit(&empty, &["--auth", "anonymous"]);
    assert_eq!((exit, shown.contains("--config FILE")), (2, true), "{shown}");
    let endpoint = format!("http://{}", empty.address);
    let output = with_keys(&["audit", "--endpoint", &endpoint, "--bucket", "nowhere"], state.path()).output().unwrap();
    assert_eq!(code(&output), 3, "{}", text(&output.stderr));
}

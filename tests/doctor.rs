//! `corsuite doctor`: what stands between, clocks, keys, and servers that cannot be reached. Each trouble is seen in its own words.
#![cfg(test)]
#![expect(clippy::disallowed_methods, reason = "takes a free port")]

mod common;

use std::collections::HashMap;
use std::sync::Mutex;

use bytes::Bytes;
use common::program::{Server, code, text, with_keys};
use common::target;
use corsuite::dialect::Dialect;
use corsuite::implementation::{BoxFuture, Embedded, Implementation, SendError};
use corsuite::reference::Reference;
use corsuite::report::Kind;
use corsuite::run::doctor::{Check, Health, examine};
use corsuite::run::{Options, Target};
use corsuite::serve;
use corsuite::sign::Credentials;
use http::{HeaderValue, Method, Request, Response, header};

/// Something between the client and the server.
#[derive(Debug)]
enum Between {
    Nothing,
    Adds,
    Strips,
    Stores(Mutex<HashMap<String, Response<Bytes>>>),
    DropsOptions,
    Says(&'static str, &'static str),
    /// It tells of itself and takes the header field away.
    Hides(&'static str, &'static str),
    Late,
    /// As nginx adds a header field: to answers that are well, beside what is there.
    Appends,
    /// A store of answers to GET that looks at the address alone.
    StoresReads(Mutex<HashMap<String, Response<Bytes>>>),
}

#[derive(Debug)]
struct Way(Embedded, Between);

impl Implementation for Way {
    fn send(&self, request: Request<Bytes>) -> BoxFuture<'_, Result<Response<Bytes>, SendError>> {
        const ORIGIN: &str = "access-control-allow-origin";
        Box::pin(async move {
            let is_preflight = *request.method() == Method::OPTIONS;
            let path = request.uri().path().to_owned();
            if let (Between::Stores(answers), true) = (&self.1, is_preflight)
                && let Some(stored) = answers.lock().unwrap().get(&path)
                && stored.status().is_success()
            {
                return Ok(stored.clone());
            }
            if is_preflight && matches!(self.1, Between::DropsOptions) {
                return Err(SendError::Broken("the connection was closed".to_owned()));
            }
            let is_read = *request.method() == Method::GET && path.ends_with("corsuite-doctor");
            if let (Between::StoresReads(answers), true) = (&self.1, is_read)
                && let Some(stored) = answers.lock().unwrap().get(&path)
            {
                return Ok(stored.clone());
            }
            let mut answer = self.0.send(request).await?;
            match &self.1 {
                Between::Appends if answer.status().is_success() => {
                    answer.headers_mut().append(ORIGIN, HeaderValue::from_static("*"));
                }
                Between::StoresReads(answers) if is_read => drop(answers.lock().unwrap().insert(path, answer.clone())),
                Between::Adds => drop(answer.headers_mut().insert(ORIGIN, HeaderValue::from_static("*"))),
                Between::Strips => drop(answer.headers_mut().remove(ORIGIN)),
                Between::Stores(answers) if is_preflight => drop(answers.lock().unwrap().insert(path, answer.clone())),
                Between::Says(name, value) => {
                    drop(answer.headers_mut().insert(*name, HeaderValue::from_static(value)));
                }
                Between::Hides(name, value) => {
                    answer.headers_mut().insert(*name, HeaderValue::from_static(value));
                    answer.headers_mut().remove(ORIGIN);
                }
                Between::Late => {
                    let long_ago = HeaderValue::from_static("Mon, 01 Jan 2024 00:00:00 GMT");
                    answer.headers_mut().insert(header::DATE, long_ago);
                }
                _ => {}
            }
            Ok(answer)
        })
    }

    fn kind(&self) -> Kind {
        Kind::InProcess
    }
}

async fn looked_at(between: Between, change: impl FnOnce(&mut Target)) -> Vec<Check> {
    let server = Embedded::new(Reference::new(serve::options(Dialect::oss(), serve::owner(), serve::other())));
    let mut target = target(Way(server, between));
    change(&mut target);
    examine(target, Options::default()).await
}

/// What is not well: the names of these checks, and words of the first.
async fn check(between: Between, bad: &[&str], words: &str) {
    let named = format!("{between:?}");
    let checks = looked_at(between, |_| {}).await;
    let troubles: Vec<&Check> = checks.iter().filter(|check| check.health != Health::Good).collect();
    let names: Vec<&str> = troubles.iter().map(|check| check.name).collect();
    assert_eq!(names, bad, "{named}: {checks:#?}");
    let told = troubles.first().map_or(String::new(), |check| format!("{}\n{}", check.found, check.help));
    assert!(told.contains(words), "{named}: {told}");
}

#[tokio::test]
async fn what_stands_between() {
    check(Between::Nothing, &[], "").await;
    check(Between::Adds, &["preflight", "added", "answers"], "answered *").await;
    check(Between::Appends, &["preflight", "answers"], "and *").await;
    check(Between::StoresReads(Mutex::default()), &["answers"], "nothing without Origin, nothing for https://one")
        .await;
    check(Between::Strips, &["preflight", "answers"], "without Access-Control-Allow-Origin").await;
    check(Between::Stores(Mutex::default()), &["cache", "added"], "stores answers to preflights").await;
    check(Between::DropsOptions, &["preflight"], "may drop OPTIONS").await;
    check(Between::Says("via", "1.1 squid"), &["between"], "a proxy says via: 1.1 squid").await;
    check(Between::Says("x-cache", "HIT"), &["between"], "a cache says x-cache: HIT").await;
    check(Between::Late, &["clock"], "behind this machine's").await;
}

/// `run` does the cheap part: what tells of itself is told once, and what takes CORS away besides ends the run before hundreds of failures.
/// A server that has no CORS header fields of its own is judged.
#[tokio::test]
async fn a_run_looks_between() {
    let run = |between: Between| {
        let server = Embedded::new(Reference::new(serve::options(Dialect::oss(), serve::owner(), serve::other())));
        let mut few = common::suite();
        few.cases.retain(|case| case.theme == "vary");
        async move { common::run(target(Way(server, between)), &few, Options::default()).await }
    };
    assert_eq!(run(Between::Nothing).await.unwrap().notes, Vec::<String>::new());
    let proxied = run(Between::Says("via", "1.1 squid")).await.unwrap();
    let note = "a proxy says via: 1.1 squid: give the server's own address as --endpoint, else the verdict is about both together";
    assert_eq!((proxied.conformant, &proxied.notes[..]), (Some(true), &[note.to_owned()][..]));
    let stripped = run(Between::Hides("x-cache", "MISS")).await.unwrap_err();
    let message = "a cache says x-cache: MISS, and a preflight that the rules allow is answered 200 without Access-Control-Allow-Origin";
    assert_eq!(stripped.message, message);
    assert!(stripped.help.contains("the server's own address"), "{}", stripped.help);
    let broken = run(Between::Strips).await.unwrap();
    assert_eq!((broken.conformant, broken.notes.len()), (Some(false), 0));
}

#[tokio::test]
async fn keys() {
    let with = |id: &str, secret: &str| {
        let key = Credentials::new(id, secret);
        move |target: &mut Target| target.credentials = Some(key)
    };
    for (id, secret, words) in [
        ("corsuite-owner", "another-secret", "check the secret in the environment"),
        ("nobody", "another-secret", "check the access key id"),
    ] {
        let checks = looked_at(Between::Nothing, with(id, secret)).await;
        let last = checks.last().unwrap();
        assert!((last.name, last.health) == ("keys", Health::Bad) && last.help.contains(words), "{checks:#?}");
        assert!(!format!("{checks:?}").contains("another-secret"));
    }
}

#[test]
fn the_command() {
    let state = tempfile::tempdir().unwrap();
    let run = |endpoint: &str| {
        let output = with_keys(&["doctor", "--endpoint", endpoint, "--settle", "1", "--timeout", "3"], state.path())
            .output()
            .unwrap();
        (code(&output), text(&output.stdout) + &text(&output.stderr))
    };
    let server = Server::start();
    let (exit, shown) = run(&format!("http://{}", server.address));
    assert!(exit == 0 && shown.contains("can begin") && !shown.contains("FAIL"), "{shown}");
    assert_eq!(shown.lines().filter(|line| line.starts_with("ok  ")).count(), 7, "{shown}");

    // A port that nobody listens on, a name that nobody has, a protocol that is not spoken.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for (endpoint, words) in [
        (format!("http://{free}"), "FAIL  connection  no connection to 127.0.0.1"),
        ("http://no-such-name.invalid".to_owned(), "FAIL  name        no-such-name.invalid has no address"),
        (format!("https://{}", server.address), "does this port speak TLS?"),
    ] {
        let (exit, shown) = run(&endpoint);
        assert!(exit == 1 && shown.contains(words) && shown.contains("one thing would spoil a run"), "{exit} {shown}");
    }
    let none = with_keys(&["doctor"], state.path()).output().unwrap();
    assert!(code(&none) == 2 && text(&none.stderr).contains("--endpoint"));
    let journal = std::fs::read_to_string(state.path().join("corsuite/journal.jsonl")).unwrap_or_default();
    let lines = |word: &str| journal.lines().filter(|line| line.contains(word)).count();
    assert!(lines("\"create\"") > 0 && lines("\"create\"") == lines("\"removed\""), "{journal}");
}

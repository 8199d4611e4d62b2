//! Who gets a certificate, and what is in it: no credential, every attempt; the two commands.

#![expect(clippy::disallowed_methods, reason = "reads and writes files")]

use std::process::Output;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use corsuite::certificate::Certificate;
use corsuite::implementation::{BoxFuture, Implementation, RawExchange, SendError};
use corsuite::reference::faults::faults;
use corsuite::report::Kind;
use corsuite::run::Addressing;
use corsuite::sign::{Credentials, Scheme};
use http::{Request, Response};
use serde_json::Value;

use super::common::program::{Server, code, corsuite, with_keys};
use super::*;

/// A server that breaks a must gets none; one that breaks a should gets `core` alone.
#[tokio::test]
async fn who_gets_one() {
    for profile in [Profile::Core, Profile::Full] {
        let found = problems_of(certify(whole(), target(embedded(Some("vary-always"))), profile, None).await);
        assert!(found.starts_with("report.json: not conformant: "), "{found}");
    }
    let should = faults()
        .find(|fault| Dialect::oss().clauses.get(fault.clause).is_some_and(|clause| clause.level.as_str() == "should"))
        .unwrap();
    let core = certify(whole(), target(embedded(Some(should.id))), Profile::Core, None).await.unwrap();
    let verified = verify(&core, whole(), None).unwrap();
    assert!(verified.report.totals.failed_should > 0, "{}", should.id);
    let found = problems_of(certify(whole(), target(embedded(Some(should.id))), Profile::Full, None).await);
    assert!(found.starts_with("report.json: profile full needs every case to pass: fail "), "{found}");
    // What was given as core cannot be made full.
    let mut certificate: Certificate = serde_json::from_slice(&core["certificate.json"]).unwrap();
    certificate.profile = Profile::Full;
    let mut raised = core.clone();
    raised.insert("certificate.json".to_owned(), serde_json::to_vec_pretty(&certificate).unwrap());
    let found = problems(verify(&summed(raised), whole(), None));
    assert!(found.contains("profile full: profile full needs every case to pass"), "{found}");
}

/// No credential is in any file, however requests are signed, and the certificate stands all the same.
#[tokio::test]
async fn no_credential_is_told() {
    let owner = Credentials {
        security_token: Some("owner=token/of+the owner".to_owned()),
        ..Credentials::new("owner-key-id", "owner+secret/0")
    };
    let other = Credentials::new("other-key-id", "other+secret/0");
    for scheme in [Scheme::V1, Scheme::V4 { region: "eu-west-1".to_owned() }] {
        for addressing in [Addressing::Path, Addressing::Virtual] {
            let server = Embedded::new(Reference::new(serve::options(Dialect::oss(), owner.clone(), other.clone())));
            let target = Target {
                addressing,
                scheme: scheme.clone(),
                credentials: Some(owner.clone()),
                other: Some(other.clone()),
                ..target(server)
            };
            let bundle =
                certify(whole(), target, Profile::Core, None).await.unwrap_or_else(|found| panic!("{found:?}"));
            for (name, content) in &bundle {
                let content = String::from_utf8_lossy(content);
                for secret in [
                    "owner-key-id",
                    "owner+secret",
                    "owner%2Bsecret",
                    "token/of",
                    "token%2Fof",
                    "other-key-id",
                    "other+secret",
                ] {
                    assert!(!content.contains(secret), "{secret} is in {name}");
                }
            }
        }
    }
}

/// A key that is a word of the suite hides what expectations read.
#[tokio::test]
async fn words_of_everyday() {
    let owner = Credentials::new("owner-key-id", "example");
    let server = Embedded::new(Reference::new(serve::options(Dialect::oss(), owner.clone(), serve::other())));
    let target = Target { credentials: Some(owner), ..target(server) };
    let found = problems_of(certify(edition(), target, Profile::Core, None).await);
    assert!(found.contains("use keys that are no words of everyday"), "{found}");
}

/// Asks for patience, or gives no answer, at every so many requests; else the reference.
#[derive(Debug)]
struct Unsteady {
    reference: Embedded,
    count: AtomicUsize,
}

impl Implementation for Unsteady {
    fn send(&self, request: Request<Bytes>) -> BoxFuture<'_, Result<Response<Bytes>, SendError>> {
        match self.count.fetch_add(1, Ordering::Relaxed) % 11 {
            4 => Box::pin(std::future::ready(Ok(Response::builder().status(503).body(Bytes::new()).unwrap()))),
            9 => Box::pin(std::future::ready(Err(SendError::Broken("the connection was closed".to_owned())))),
            _ => self.reference.send(request),
        }
    }

    fn exchange(&self, raw: RawExchange) -> BoxFuture<'_, Result<Vec<Response<Bytes>>, SendError>> {
        self.reference.exchange(raw)
    }

    fn kind(&self) -> Kind {
        Kind::InProcess
    }
}

/// Every attempt is in the evidence, those without an answer, too.
#[tokio::test]
async fn every_attempt_is_told() {
    let server = Unsteady { reference: embedded(None), count: AtomicUsize::new(0) };
    let bundle =
        certify(edition(), target(server), Profile::Core, None).await.unwrap_or_else(|found| panic!("{found:?}"));
    let evidence = text(&bundle, "evidence.jsonl");
    let lines = evidence.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let rounds = lines.flat_map(|line| line["rounds"].as_array().unwrap().clone());
    let several: Vec<Value> = rounds
        .map(|round| round["attempts"].clone())
        .filter(|attempts| attempts.as_array().unwrap().len() > 1)
        .collect();
    let first = |with: fn(&Value) -> bool| several.iter().filter(|attempts| with(&attempts[0])).count();
    assert!(first(|attempt| attempt["answers"][0]["status"] == 503) > 1, "{several:?}");
    assert!(first(|attempt| attempt["error"] == "no usable HTTP answer: the connection was closed") > 1, "{several:?}");
}

/// The two commands, over a socket.
#[test]
fn commands() {
    let (server, faulty) = (Server::start(), Server::with(&["--fault", "vary-always"]));
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(path("key.pem"), OWN).unwrap();
    std::fs::write(path("their.pem"), THEIRS).unwrap();
    // As `openssl pkey -pubout` writes it.
    let public = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC KEY-----\n";
    std::fs::write(path("public.pem"), public).unwrap();
    let certify = |server: &Server, out: &str, more: &[&str]| {
        let (endpoint, out) = (format!("http://{}", server.address), path(out));
        let declared = [
            "--name",
            "Example Store",
            "--product-version",
            "1.2",
            "--vendor",
            "Example",
            "--contact",
            "cors@example.com",
        ];
        let options =
            [&["certify", "--endpoint", &endpoint, "--settle", "0", "--out", &out], &declared[..], more].concat();
        with_keys(&options, folder.path()).output().unwrap()
    };
    let verify = |out: &str, more: &[&str]| corsuite(&[&["verify", &path(out)], more].concat()).output().unwrap();
    let check = |output: &Output, expected: i32, parts: &[&str]| {
        let shown = common::program::text(&output.stdout) + &common::program::text(&output.stderr);
        assert_eq!(code(output), expected, "{shown}");
        for part in parts {
            assert!(shown.contains(part), "`{part}` is not in {shown}");
        }
    };
    let (own, json) = (path("key.pem"), format!("json={}", path("report.json")));
    let signed = ["--sign-key", &own, "--report", &json];
    check(
        &certify(&server, "good", &signed),
        0,
        &["conformant: yes", "certificate of profile core for Example Store 1.2 by Example: "],
    );
    assert!(std::fs::exists(path("report.json")).unwrap());
    check(
        &verify("good", &[]),
        0,
        &[
            "verified: Example Store 1.2 by Example (cors@example.com)",
            "integrity only, origin not proven: there is a signature",
        ],
    );
    check(
        &verify("good", &["--public-key", &path("public.pem")]),
        0,
        &["origin: signed with the key that belongs to --public-key"],
    );
    check(&verify("good", &["--public-key", &path("key.pem")]), 2, &["a private key; `openssl pkey"]);
    check(&verify("none", &[]), 2, &["cannot be read", "`corsuite certify` wrote"]);
    // A second one is not written over the first; a server that fails gets none.
    check(&certify(&server, "good", &[]), 2, &["is there already"]);
    check(&certify(&faulty, "bad", &[]), 1, &["conformant: no", "error: no certificate", "not conformant: "]);
    assert!(!std::fs::exists(path("bad")).unwrap());
    check(&certify(&server, "anonymous", &["--auth", "anonymous"]), 2, &["says nothing about conformance"]);
    check(&certify(&server, "borrowed", &["--bucket", "mine"]), 2, &["a borrowed bucket leaves cases out"]);
    check(&certify(&server, "dialect", &["--dialect", "mine.yaml"]), 2, &["is not bundled"]);
    check(&certify(&server, "key", &["--sign-key", &path("public.pem")]), 2, &["no Ed25519 private key"]);
    // The reference takes the signatures of OSS.
    let other = certify(&server, "aws", &["--auth", "aws-v4"]);
    check(&other, 3, &["answered 400 InvalidArgument", "may not take this kind of signature: try another --auth"]);
    assert!(!std::fs::exists(path("aws.part")).unwrap(), "what was begun is left over");
    // One account is not enough for all of it.
    let output = corsuite(&[
        "certify",
        "--endpoint",
        &format!("http://{}", server.address),
        "--out",
        &path("one"),
        "--settle",
        "0",
        "--name",
        "a",
        "--product-version",
        "b",
        "--vendor",
        "c",
        "--contact",
        "d",
    ])
    .env("XDG_STATE_HOME", folder.path())
    .env("OSS_ACCESS_KEY_ID", "corsuite-owner")
    .env("OSS_ACCESS_KEY_SECRET", "corsuite-owner-secret")
    .output()
    .unwrap();
    check(&output, 3, &["error: no certificate", "not conformant: "]);
    let evidence = std::fs::read_to_string(path("good/evidence.jsonl")).unwrap();
    std::fs::write(path("good/evidence.jsonl"), evidence.replacen("200", "201", 1)).unwrap();
    std::fs::write(path("good/letter.txt"), "trust me").unwrap();
    check(
        &verify("good", &[]),
        1,
        &["not verified: ", "evidence.jsonl: its digest is ", "`letter.txt` is no file of a certificate"],
    );
}

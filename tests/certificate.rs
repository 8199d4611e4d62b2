//! Certificates: one of the reference stands; each change to it, however well it is hidden, is noticed and named.
#![cfg(test)]
#![expect(clippy::disallowed_methods, reason = "reads and writes files")]

mod common;

use std::collections::BTreeMap;
use std::process::Output;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use common::program::{Server, code, corsuite, with_keys};
use common::{run, target};
use corsuite::certificate::{
    Bundle, Certificate, Declared, Edition, Environment, Problem, Profile, PublicKey, SignKey, Tried, Verified, issue,
    verify,
};
use corsuite::dialect::Dialect;
use corsuite::implementation::{BoxFuture, Embedded, Implementation, RawExchange, SendError};
use corsuite::reference::Reference;
use corsuite::reference::faults::{Faulty, faults, find};
use corsuite::report::Kind;
use corsuite::run::{Addressing, Options, Target};
use corsuite::serve;
use corsuite::sign::{Credentials, Scheme};
use http::{Request, Response};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// Whose exchanges are changed.
const CASE: &str = "match-first-of-two";
/// One with a should, and one in bytes.
const SHOULD: &str = "put-other-content-type";
const BYTES: &str = "length-missing";
const OWN: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g
-----END PRIVATE KEY-----
";
const THEIRS: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f
-----END PRIVATE KEY-----
";

fn key(pem: &str) -> SignKey {
    SignKey::from_pem(pem).unwrap()
}

fn public() -> PublicKey {
    key(OWN).public()
}

/// The suite of the program.
fn whole() -> &'static Edition {
    static WHOLE: OnceLock<Edition> = OnceLock::new();
    WHOLE.get_or_init(|| Edition::bundled("oss").unwrap())
}

/// A few of its cases, so that many changes can be tried.
fn edition() -> &'static Edition {
    static FEW: OnceLock<Edition> = OnceLock::new();
    FEW.get_or_init(|| {
        let mut few = whole().clone();
        let mut left = BTreeMap::new();
        few.suite.cases.retain(|case| {
            let count = left.entry(case.theme.clone()).or_insert(0);
            *count += 1;
            *count <= 2 || [CASE, SHOULD, BYTES].contains(&&*case.id)
        });
        few
    })
}

fn embedded(fault: Option<&str>) -> Embedded {
    let options = serve::options(Dialect::oss(), serve::owner(), serve::other());
    match fault {
        Some(id) => Embedded::new(Faulty::new(options, find(id).unwrap())),
        None => Embedded::new(Reference::new(options)),
    }
}

/// A certificate of what a target does.
async fn certify(
    edition: &Edition,
    target: Target,
    profile: Profile,
    key: Option<&SignKey>,
) -> Result<Bundle, Vec<Problem>> {
    let options = Options { jobs: 2, keep_rounds: true, ..Options::default() };
    let report = run(target.clone(), &edition.suite, options).await.unwrap();
    let declared = Declared {
        name: "Example Store".to_owned(),
        version: "1.2".to_owned(),
        vendor: "Example <Ltd>".to_owned(),
        contact: "cors@example.com".to_owned(),
    };
    let environment = Environment { os: "linux".to_owned(), architecture: "x86_64".to_owned(), jobs: 2, settle_ms: 0 };
    let tried = Tried { report: &report, site: target.site(), declared, profile, environment };
    issue(&tried, edition, key)
}

/// A signed certificate of the reference.
fn good() -> Bundle {
    static GOOD: OnceLock<Bundle> = OnceLock::new();
    let make = || {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(certify(edition(), target(embedded(None)), Profile::Full, Some(&key(OWN)))).unwrap()
    };
    GOOD.get_or_init(make).clone()
}

fn text(bundle: &Bundle, name: &str) -> String {
    String::from_utf8(bundle[name].clone()).unwrap()
}

/// The manifest, written anew for the files as they are.
fn summed(mut bundle: Bundle) -> Bundle {
    let old = String::from_utf8_lossy(&bundle["SHA256SUMS"]).into_owned();
    let line = |line: &str| {
        let (_, name) = line.split_once("  ")?;
        let sum: String = Sha256::digest(bundle.get(name)?).iter().map(|byte| format!("{byte:02x}")).collect();
        Some(format!("{sum}  {name}\n"))
    };
    let sums: String = old.lines().filter_map(line).collect();
    bundle.insert("SHA256SUMS".to_owned(), sums.into_bytes());
    bundle
}

/// A file in which a text, which must be there, is another.
fn changed(name: &str, from: &str, to: &str) -> Bundle {
    let mut bundle = good();
    let old = text(&bundle, name);
    assert!(old.contains(from), "`{from}` is not in {name}");
    bundle.insert(name.to_owned(), old.replacen(from, to, 1).into_bytes());
    bundle
}

/// A JSON file that was changed.
fn edited(name: &str, with: impl Fn(&mut Value)) -> Bundle {
    let mut bundle = good();
    let mut value: Value = serde_json::from_slice(&bundle[name]).unwrap();
    with(&mut value);
    bundle.insert(name.to_owned(), (serde_json::to_string_pretty(&value).unwrap() + "\n").into_bytes());
    bundle
}

/// Evidence of which the lines were changed.
fn lines(with: impl Fn(&mut Vec<Value>)) -> Bundle {
    let mut bundle = good();
    let old = text(&bundle, "evidence.jsonl");
    let mut lines: Vec<Value> = old.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    with(&mut lines);
    let new: String = lines.iter().map(|line| format!("{line}\n")).collect();
    bundle.insert("evidence.jsonl".to_owned(), new.into_bytes());
    bundle
}

/// The exchanges of a case that were changed.
fn case(id: &str, with: impl Fn(&mut Value)) -> Bundle {
    lines(|lines| with(lines.iter_mut().find(|line| line["case"] == id).unwrap()))
}

fn attempt(id: &str, with: impl Fn(&mut Value)) -> Bundle {
    case(id, |line| with(&mut line["rounds"][1]["attempts"][0]))
}

fn answer(id: &str, round: usize, with: impl Fn(&mut Value)) -> Bundle {
    case(id, |line| with(&mut line["rounds"][round]["attempts"][0]["answers"][0]))
}

fn request(id: &str, round: usize, with: impl Fn(&mut Value)) -> Bundle {
    case(id, |line| with(&mut line["rounds"][round]["attempts"][0]["requests"][0]))
}

fn problems(result: Result<Verified, Vec<Problem>>) -> String {
    match result {
        Ok(_) => "verified".to_owned(),
        Err(problems) => problems.iter().map(|problem| format!("{problem}\n")).collect(),
    }
}

/// Every way to change a certificate that we could think of: with the manifest as it was, its digest tells; with the manifest written
/// anew, the evidence does.
#[test]
fn tampering() {
    let ids: Vec<String> = edition().suite.cases.iter().map(|case| case.id.clone()).collect();
    assert!(ids.iter().any(|id| id == CASE), "the table is about another case");
    let first = ids[0].as_str();
    let without_first = |lines: &mut Vec<Value>| drop(lines.remove(0));
    let table: Vec<(&str, Bundle, &str)> = vec![
        ("a status", answer(CASE, 1, |answer| answer["status"] = 403.into()), "case match-first-of-two"),
        ("a header", answer(CASE, 1, |answer| answer["headers"] = Value::Array(Vec::new())), "case match-first-of-two"),
        ("a version", answer(CASE, 1, |answer| answer["version"] = "7".into()), "HTTP version `7`"),
        (
            "a method",
            request(CASE, 1, |request| request["method"] = "GET".into()),
            "the request is not the one of the case: method is `GET`",
        ),
        (
            "a URL",
            request(CASE, 1, |request| request["url"] = "http://localhost/other/".into()),
            "the request is not the one of the case: URL is",
        ),
        (
            "a request without headers",
            request(CASE, 1, |request| request["headers"] = Value::Array(Vec::new())),
            "the request is not the one of the case: header is `none`",
        ),
        (
            "rules",
            request(CASE, 0, |request| request["body"] = "<CORSConfiguration/>".into()),
            "the request is not the one of the case: body is",
        ),
        (
            "a time",
            case(CASE, |line| {
                let at: jiff::Timestamp = line["rounds"][0]["attempts"][0]["at"].as_str().unwrap().parse().unwrap();
                line["rounds"][0]["attempts"][0]["at"] = (at + jiff::SignedDuration::from_secs(2)).to_string().into();
            }),
            "the request is not the one of the case: header is `x-oss-date",
        ),
        (
            "a bucket",
            case(CASE, |line| line["rounds"][1]["bucket"] = "other".into()),
            "the bucket is not that of the steps before",
        ),
        (
            "an answer that was left out",
            case(CASE, |line| {
                let attempt = line["rounds"][1]["attempts"][0].clone();
                line["rounds"][1]["attempts"].as_array_mut().unwrap().push(attempt);
            }),
            "attempt 1 was answered, and that counts",
        ),
        (
            "no answer",
            case(CASE, |line| {
                let attempt = line["rounds"][1]["attempts"][0].as_object_mut().unwrap();
                attempt.remove("answers");
                attempt.insert("error".to_owned(), "no answer within 10s".into());
            }),
            "case match-first-of-two",
        ),
        ("an exchange too few", case(CASE, |line| drop(line["rounds"].as_array_mut().unwrap().pop())), "is missing"),
        (
            "an exchange too many",
            case(CASE, |line| {
                let last = line["rounds"].as_array_mut().unwrap().last().unwrap().clone();
                line["rounds"].as_array_mut().unwrap().push(last);
            }),
            "and the end is due",
        ),
        ("an unknown field", case(CASE, |line| line["note"] = "all is well".into()), "unknown field `note`"),
        (
            "a must that was not judged",
            case(CASE, |line| {
                line["rounds"] = Value::Array(Vec::new());
                line["ended"] = serde_json::json!({"verdict": "skip", "reason": "no time"});
            }),
            "a must, and not judged: no time",
        ),
        (
            "a verdict without exchanges",
            case(CASE, |line| line["ended"] = serde_json::json!({"verdict": "pass", "reason": ""})),
            "was broken off, and it is said to pass",
        ),
        (
            "answers that were left out",
            attempt(CASE, |attempt| attempt["answers"] = Value::Array(Vec::new())),
            "there is not one answer to each request",
        ),
        (
            "a should that has no answer",
            case(SHOULD, |line| {
                let rounds = line["rounds"].as_array_mut().unwrap();
                rounds.truncate(1);
                rounds[0]["attempts"][0]["answers"] = Value::Array(Vec::new());
            }),
            "there is not one answer to each request",
        ),
        (
            "a should that was broken off",
            case(SHOULD, |line| line["ended"] = serde_json::json!({"verdict": "skip", "reason": "no time"})),
            "report.json: `totals` is",
        ),
        (
            "a should that was broken off after it was broken",
            case(SHOULD, |line| {
                line["ended"] = serde_json::json!({"verdict": "skip", "reason": "no time"});
                let rounds = line["rounds"].as_array_mut().unwrap();
                rounds.truncate(1);
                rounds[0]["attempts"][0]["answers"][0]["status"] = 400.into();
            }),
            "profile full needs every case to pass: fail ",
        ),
        (
            "bytes",
            case(BYTES, |line| {
                for round in line["rounds"].as_array_mut().unwrap() {
                    round["attempts"][0]["bytes"] = "GET / HTTP/1.1\r\n\r\n".into();
                }
            }),
            "the bytes are not those of the case",
        ),
        (
            "no bytes",
            case(BYTES, |line| {
                for round in line["rounds"].as_array_mut().unwrap() {
                    round["attempts"][0].as_object_mut().unwrap().remove("bytes");
                }
            }),
            "the bytes are not those of the case",
        ),
        (
            "the beginning of all times",
            attempt(CASE, |attempt| attempt["at"] = "-009999-01-02T01:59:59Z".into()),
            "sent at -009999-01-02T01:59:59Z",
        ),
        (
            "the end of all times",
            attempt(CASE, |attempt| attempt["at"] = "9999-12-30T22:00:00.999999999Z".into()),
            "sent at 9999-12-30",
        ),
        (
            "another year",
            edited("certificate.json", |value| value["started"] = "2029-01-02T03:04:05Z".into()),
            "the run began at 2029",
        ),
        (
            "the end of all years",
            edited("certificate.json", |value| value["started"] = "9999-12-30T22:00:00.999999999Z".into()),
            "the run began at 9999",
        ),
        ("no year", edited("certificate.json", |value| value["started"] = "yesterday".into()), "`started` is no time"),
        (
            "the count of requests",
            edited("certificate.json", |value| value["requests"] = 3.into()),
            "`requests` is 3, and the evidence has ",
        ),
        ("a removed case", lines(without_first), "missing"),
        ("a case twice", lines(|lines| lines.push(lines[0].clone())), "a second time"),
        (
            "an extra case",
            lines(|lines| {
                let mut extra = lines[0].clone();
                extra["case"] = "no-such".into();
                lines.push(extra);
            }),
            "case no-such: no case of this suite",
        ),
        ("the order of cases", lines(|lines| lines.swap(0, 1)), "not in the order"),
        ("no JSON", changed("evidence.jsonl", "{", "["), "evidence.jsonl: line 1"),
        (
            "the list of cases",
            edited("certificate.json", |value| drop(value["suite"]["cases"].as_array_mut().unwrap().remove(0))),
            "is not listed",
        ),
        (
            "a longer list of cases",
            edited("certificate.json", |value| value["suite"]["cases"].as_array_mut().unwrap().push("more".into())),
            "case more is listed",
        ),
        (
            "the suite",
            edited("certificate.json", |value| value["suite"]["digest"] = "sha256:0".into()),
            "another suite: oss, sha256:0",
        ),
        (
            "a dialect",
            edited("certificate.json", |value| value["suite"]["dialect"] = "mine".into()),
            "another suite: mine",
        ),
        (
            "a file of the suite",
            edited("certificate.json", |value| value["suite"]["files"]["cases/dialects/oss.yaml"] = "0".into()),
            "another suite: cases/dialects/oss.yaml",
        ),
        (
            "the tool",
            edited("certificate.json", |value| value["tool"]["version"] = "9.9.9".into()),
            "made by corsuite 9.9.9",
        ),
        ("the strength", edited("certificate.json", |value| value["strength"]["faults"] = 1.into()), "`strength`"),
        (
            "the endpoint",
            edited("certificate.json", |value| value["endpoint"]["authority"] = "example.com".into()),
            "the request is not the one of the case",
        ),
        (
            "how it was signed",
            edited("certificate.json", |value| value["endpoint"]["signatures"] = "v9".into()),
            "endpoint.signatures",
        ),
        ("the format", edited("certificate.json", |value| value["format_version"] = 2.into()), "format_version 2"),
        (
            "an unknown field there",
            edited("certificate.json", |value| value["approved"] = true.into()),
            "unknown field `approved`",
        ),
        (
            "a name",
            edited("certificate.json", |value| value["target"]["name"] = "Other Store".into()),
            "certificate.html: not what",
        ),
        ("the profile", edited("certificate.json", |value| value["profile"] = "core".into()), "badge.svg: not what"),
        (
            "a verdict",
            edited("report.json", |value| value["cases"][0]["verdict"] = "fail".into()),
            "report.json: case ",
        ),
        (
            "what it says",
            edited("report.json", |value| value["conformant"] = false.into()),
            "report.json: `conformant` is false, and the evidence gives true",
        ),
        (
            "a choice",
            edited("report.json", |value| value["behaviours"]["trim"] = "no".into()),
            "report.json: `behaviours` is",
        ),
        (
            "cases of the report",
            edited("report.json", |value| drop(value["cases"].as_array_mut().unwrap().pop())),
            "cases, and the evidence gives",
        ),
        ("how the report is written", changed("report.json", "\n}\n", "\n}\n\n"), "report.json: not written as"),
        ("no report", changed("report.json", "{", ""), "report.json: no report in JSON"),
        ("the page", changed("report.html", "Conformant", "Fully conformant"), "report.html: not what"),
        ("the cover", changed("certificate.html", "Example Store", "Other Store"), "certificate.html: not what"),
        ("the picture", changed("badge.svg", "full", "gold"), "badge.svg: not what"),
        ("the badge", changed("badge.json", "brightgreen", "gold"), "badge.json: not what"),
    ];
    let mut shown = String::new();
    for (what, bundle, part) in &table {
        let file = bundle.iter().find(|(name, content)| good()[*name] != **content).unwrap().0;
        let found = problems(verify(bundle, edition(), None));
        assert!(found.contains(&format!("{file}: its digest is ")), "{what}: {found}");
        let anew = summed(bundle.clone());
        let found = problems(verify(&anew, edition(), None));
        assert!(!found.contains("its digest is "), "{what}: {found}");
        assert!(found.contains(part), "{what}: `{part}` is not in {found}");
        let signed = problems(verify(&anew, edition(), Some(&public())));
        assert!(
            signed.contains("SHA256SUMS.sig: not a signature of this manifest by the given key"),
            "{what}: {signed}"
        );
        shown.extend([what, ": ", found.lines().next().unwrap(), "\n"]);
    }
    let removed = problems(verify(&summed(lines(without_first)), edition(), None));
    assert!(removed.contains(&format!("evidence.jsonl: case {first}: missing")), "{removed}");
    insta::with_settings!({snapshot_path => "../snapshots", prepend_module_to_snapshot => false, omit_expression => true, filters => vec![
        (r"20\d\d-[0-9T:.-]+Z", "[time]"), (r"20\d{6}T\d{6}Z", "[time]"), (r"corsuite-[0-9a-f]{10}-[0-9]+", "corsuite-[run]"), ("sha256:[0-9a-f]{64}", "sha256:[digest]"), ("column [0-9]+", "column [n]"), ("took [0-9a-zµ. ]+", "took [time]"),
    ]}, {
        insta::assert_snapshot!("tampering", shown);
    });
}

/// What is wrong with the folder itself.
#[test]
fn files_and_manifest() {
    let names: Vec<String> = good().into_keys().collect();
    assert_eq!(names.len(), 9);
    for name in names.iter().filter(|name| *name != "SHA256SUMS.sig") {
        let mut bundle = good();
        bundle.remove(name);
        let found = problems(verify(&bundle, edition(), Some(&public())));
        assert!(found.contains(&format!("{name}: missing")), "{found}");
        for at in [0, 1, 20, good()[name].len() - 1] {
            let mut bundle = good();
            bundle.get_mut(name).unwrap()[at] ^= 1;
            let found = problems(verify(&bundle, edition(), Some(&public())));
            let named = if name == "SHA256SUMS" { name.clone() } else { format!("{name}: its digest is ") };
            assert!(found.contains(&named), "byte {at} of {name}: {found}");
        }
    }
    let check = |bundle: &Bundle, key: Option<&PublicKey>, part: &str| {
        let found = problems(verify(bundle, edition(), key));
        assert!(found.contains(part), "`{part}` is not in {found}");
    };
    let mut extra = good();
    extra.insert("letter\u{1b}[1m.txt".to_owned(), Vec::new());
    check(&extra, None, "SHA256SUMS: `letter");
    let sums = text(&good(), "SHA256SUMS");
    let manifest = |sums: String| {
        let mut bundle = good();
        bundle.insert("SHA256SUMS".to_owned(), sums.into_bytes());
        bundle
    };
    check(&manifest(sums.clone() + &sums), None, "a second time");
    check(&manifest(sums.replace("badge.svg", "../badge.svg")), None, "line 2 names no file of a certificate");
    check(&manifest(sums.lines().skip(1).map(|line| format!("{line}\n")).collect()), None, "no digest of ");
    check(&manifest(sums.replace('\n', "\r\n")), None, "SHA256SUMS: ");
    check(&manifest(String::new()), None, "no digest of evidence.jsonl");
    check(&manifest("\n".repeat(1 << 20)), None, "SHA256SUMS: 1048576 bytes, and at most ");
    let mut garbage = good();
    garbage.insert("evidence.jsonl".to_owned(), vec![b'\n'; 1 << 20]);
    let found = verify(&garbage, edition(), None).unwrap_err();
    assert!(found.len() < 200, "{}", found.len());
    check(&Bundle::new(), None, "SHA256SUMS: missing");
    let mut binary = good();
    binary.insert("certificate.json".to_owned(), vec![0xff; 9]);
    check(&summed(binary), None, "certificate.json: no UTF-8");
}

#[test]
fn who_made_it() {
    let verified = |bundle: &Bundle, key: Option<&PublicKey>| {
        verify(bundle, edition(), key).map(|shown| (shown.signed, shown.origin_proven))
    };
    assert_eq!(verified(&good(), Some(&public())), Ok((true, true)));
    assert_eq!(verified(&good(), None), Ok((true, false)), "whoever wants no proof gets none");
    let theirs = key(THEIRS);
    let found = problems(verify(&good(), edition(), Some(&theirs.public())));
    assert_eq!(found, "SHA256SUMS.sig: not a signature of this manifest by the given key\n");
    let mut unsigned = good();
    unsigned.remove("SHA256SUMS.sig");
    assert_eq!(verified(&unsigned, None), Ok((false, false)));
    let found = problems(verify(&unsigned, edition(), Some(&public())));
    assert_eq!(found, "SHA256SUMS.sig: missing, and a public key is given\n");
    for broken in ["", "AAAA", "no base64\n", "\u{0}", "AAAA\n"] {
        let mut bundle = good();
        bundle.insert("SHA256SUMS.sig".to_owned(), broken.as_bytes().to_vec());
        let found = problems(verify(&bundle, edition(), Some(&public())));
        assert!(found.starts_with("SHA256SUMS.sig: not a signature"), "{broken}: {found}");
        assert_eq!(problems(verify(&bundle, edition(), None)), "SHA256SUMS.sig: no Ed25519 signature in base64\n");
    }
    // The same evidence, signed by somebody else.
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let resigned = runtime.block_on(certify(edition(), target(embedded(None)), Profile::Full, Some(&theirs))).unwrap();
    assert_eq!(verified(&resigned, Some(&theirs.public())), Ok((true, true)));
    assert!(verified(&resigned, Some(&public())).is_err());
}

#[test]
fn keys_that_are_none() {
    let check = |found: Result<(), String>, part: &str| {
        let found = found.unwrap_err();
        assert!(found.contains(part), "{found}");
    };
    check(SignKey::from_pem("").map(drop), "no Ed25519 private key");
    check(SignKey::from_pem("-----BEGIN ENCRYPTED PRIVATE KEY-----\n").map(drop), "encrypted");
    check(PublicKey::from_pem(OWN).map(drop), "a private key; `openssl pkey -in FILE -pubout`");
    check(PublicKey::from_pem("hello").map(drop), "no Ed25519 public key");
    assert_eq!(format!("{:?}", key(OWN)), "SignKey(***)");
}

/// The suite of the program is another one than that of the certificate.
#[test]
fn another_suite() {
    let dialect = Dialect::oss();
    let mut files = corsuite::case::bundled();
    let changed = format!("{}# one more line\n", files[0].text);
    files[0] = corsuite::diagnostic::SourceFile::new(files[0].path.clone(), changed);
    let suite = corsuite::case::load(&files, dialect).suite;
    let found = problems(verify(&good(), &Edition { suite, ..edition().clone() }, None));
    assert!(found.starts_with("certificate.json: another suite: oss, sha256:"), "{found}");
    let mut fewer = edition().clone();
    let left = fewer.suite.cases.pop().unwrap();
    let found = problems(verify(&good(), &fewer, None));
    assert!(found.contains(&format!("case {} is listed, and no case of this suite", left.id)), "{found}");
}

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

fn problems_of(result: Result<Bundle, Vec<Problem>>) -> String {
    problems(result.map(|bundle| verify(&bundle, whole(), None).unwrap()))
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

mod hostile {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]
        /// Nothing panics, whatever a folder holds.
        #[test]
        fn any_bytes(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<u8>(), 0_usize..3), 1..6)) {
            let mut bundle = good();
            let names = ["certificate.json", "evidence.jsonl", "SHA256SUMS", "SHA256SUMS.sig", "report.json"];
            for (file, at, byte, how) in changes {
                let content = bundle.get_mut(*file.get(&names)).unwrap();
                if content.is_empty() {
                    continue;
                }
                let at = at.index(content.len());
                match how {
                    0 => content[at] = byte,
                    1 => drop(content.remove(at)),
                    _ => content.insert(at, byte),
                }
            }
            let same = bundle == good();
            prop_assert!(verify(&bundle, edition(), Some(&public())).is_ok() == same);
            // Some bytes of an answer nobody looks at.
            drop(verify(&summed(bundle), edition(), None));
        }
    }
}

//! Every change to a certificate is noticed and named, however well it is hidden.

use serde_json::Value;

use super::*;

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
    insta::with_settings!({snapshot_path => "../../snapshots", prepend_module_to_snapshot => false, omit_expression => true, filters => vec![
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

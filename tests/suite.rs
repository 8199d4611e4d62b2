//! The whole suite against the reference: in process without a socket and over loopback, in any order; and against
//! implementations that must not look conformant.
#![cfg(test)]

mod common;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use corsuite::case::{self, Case, Identity, Suite};
use corsuite::diagnostic::SourceFile;
use corsuite::dialect::Dialect;
use corsuite::implementation::{BoxFuture, Embedded, Endpoint, EndpointOptions, Implementation, SendError};
use corsuite::reference::{Reply, Respond};
use corsuite::report::{Answer, Kind, Report, Verdict};
use corsuite::run::{Addressing, Buckets, Options, Target};
use corsuite::serve;
use corsuite::sign::Scheme;
use http::{Method, Request, Response};

use common::{assert_all_pass, dialects, reference, reference_of, run, shuffle, suite, suite_for, target};

#[tokio::test]
async fn every_case_passes_in_order() {
    assert_all_pass(&run(reference(), &suite(), Options::default()).await.unwrap());
}

#[tokio::test]
async fn every_case_passes_reversed() {
    let mut reversed = suite();
    reversed.cases.reverse();
    assert_all_pass(&run(reference(), &reversed, Options::default()).await.unwrap());
}

#[tokio::test]
async fn every_case_passes_shuffled() {
    for seed in [1, 20_261_123, u64::MAX] {
        let mut shuffled = suite();
        shuffle(&mut shuffled.cases, seed);
        assert_all_pass(&run(reference(), &shuffled, Options { jobs: 3, ..Options::default() }).await.unwrap());
    }
}

#[tokio::test]
async fn every_case_passes_by_v1() {
    assert_all_pass(&run(Target { scheme: Scheme::V1, ..reference() }, &suite(), Options::default()).await.unwrap());
}

#[tokio::test]
async fn every_case_passes_with_settling() {
    let options = Options { settle: Duration::from_secs(5), jobs: 4, ..Options::default() };
    let report = run(reference(), &suite(), options).await.unwrap();
    assert_all_pass(&report);
    assert!(report.notes.is_empty(), "{:?}", report.notes);
}

#[tokio::test]
async fn every_case_passes_in_a_borrowed_bucket() {
    let reference = serve::reference(Dialect::oss(), serve::owner(), serve::other());
    let target = target(reference.clone());
    put(&reference, "/mine", "");
    let rules = "<CORSConfiguration><CORSRule><AllowedOrigin>https://mine.example</AllowedOrigin><AllowedMethod>GET</AllowedMethod></CORSRule></CORSConfiguration>";
    put(&reference, "/mine/?cors", rules);
    put(&reference, "/mine/photo.jpg", "the user's");
    let options = Options { buckets: Buckets::Borrowed("mine".to_owned()), ..Options::default() };
    let report = run(target, &suite(), options).await.unwrap();
    let mut skipped = 0;
    for case in report.cases.iter().filter(|case| case.verdict != Verdict::Pass) {
        let reason = case.reason.as_deref().unwrap_or_default();
        assert!(
            case.verdict == Verdict::Skip && reason.ends_with("--bucket lends only one")
                || reason.ends_with("and --bucket lends it"),
            "{case:?}"
        );
        skipped += 1;
    }
    assert!((3..20).contains(&skipped), "{skipped} skipped");
    assert_eq!(report.conformant, None);
    assert_eq!(ask(&reference, Method::GET, "/mine/photo.jpg", "").body(), "the user's");
    let document = ask(&reference, Method::GET, "/mine/?cors", "");
    assert!(String::from_utf8_lossy(document.body()).contains("https://mine.example"));
    let listing = ask(&reference, Method::GET, "/mine/", "");
    assert_eq!(String::from_utf8_lossy(listing.body()).matches("<Key>").count(), 1);
}

fn ask(reference: &Embedded, method: Method, target: &str, body: &'static str) -> Response<Bytes> {
    let (mut parts, body) = Request::builder()
        .method(method)
        .uri(target)
        .header("host", "localhost")
        .header("content-length", body.len())
        .body(Bytes::from_static(body.as_bytes()))
        .unwrap()
        .into_parts();
    let path = parts.uri.path().trim_start_matches('/').to_owned();
    let (bucket, object) = path.split_once('/').unwrap_or((&path, ""));
    let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let resource = corsuite::sign::Resource { bucket: some(bucket), object: some(object) };
    let now = jiff_now();
    corsuite::sign::sign(&mut parts, &Scheme::V1, corsuite::sign::Form::Header, &serve::owner(), &resource, now);
    reference.respond(&Request::from_parts(parts, body)).answer().unwrap()
}

#[expect(clippy::disallowed_methods, reason = "the reference compares with the clock of now")]
fn jiff_now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}

fn put(reference: &Embedded, target: &str, body: &'static str) {
    assert_eq!(ask(reference, Method::PUT, target, body).status(), 200, "{target}");
}

#[tokio::test]
async fn every_case_passes_over_loopback() {
    let listener = serve::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = tokio::spawn(serve::serve(
        listener,
        serve::reference(Dialect::oss(), serve::owner(), serve::other()),
        std::future::pending(),
    ));
    let v4 = Scheme::V4 { region: "cn-hangzhou".to_owned() };
    let places = [
        (Addressing::Path, format!("127.0.0.1:{port}"), v4.clone()),
        (Addressing::Path, format!("localhost:{port}"), Scheme::V1),
        (Addressing::Virtual, format!("localhost:{port}"), v4),
        (Addressing::Virtual, format!("localhost:{port}"), Scheme::V1),
    ];
    for (addressing, authority, scheme) in places {
        let options = EndpointOptions { timeout: Duration::from_secs(10), insecure: false, ca_certificates: None };
        let client = Endpoint::new(&options).unwrap();
        let target = Target { addressing, authority, scheme, ..target(client) };
        assert_all_pass(&run(target, &suite(), Options { jobs: 4, ..Options::default() }).await.unwrap());
    }
    server.abort();
}

#[tokio::test]
async fn every_named_choice_of_oss_passes() {
    every_named_choice_passes(Dialect::oss()).await;
}

#[tokio::test]
async fn every_named_choice_of_s3_passes() {
    every_named_choice_passes(Dialect::s3()).await;
}

/// A case that holds at each open point whatever the reference chooses must pass for every choice that is named, but for the clauses that
/// the choice breaks; a choice that breaks one is told from those that do not.
async fn every_named_choice_passes(documented: &'static Dialect) {
    let choices = documented.open_points().flat_map(|(point, values)| values.iter().map(move |value| (point, *value)));
    for (point, value) in choices {
        let shown = format!("{}: {point}={value}", documented.name);
        let mut dialect = documented.clone();
        dialect.behaviours.set(point, value).unwrap();
        let report = run(reference_of(&dialect), &suite_for(documented), Options::default()).await.unwrap();
        let failed: Vec<String> = report
            .cases
            .iter()
            .filter(|case| case.verdict != Verdict::Pass)
            .flat_map(|case| {
                case.mismatches.iter().map(|found| {
                    format!(
                        "{}: {} {} expected {} actual {}",
                        case.id, found.level, found.clause, found.expected, found.actual
                    )
                })
            })
            .collect();
        let against: Vec<&str> = documented.clauses_against(point, value).map(|clause| clause.id.as_str()).collect();
        let broken = |clause: &&str| failed.iter().any(|text| text.contains(&format!(" {clause} ")));
        assert!(against.iter().all(broken), "{shown}: {failed:?}");
        let breaks = |text: &String| against.iter().any(|clause| text.contains(&format!(": must {clause} ")));
        let unknown: Vec<&String> = failed.iter().filter(|text| !text.contains(": should ") && !breaks(text)).collect();
        assert!(unknown.is_empty(), "{shown}: {unknown:?}");
        assert_eq!(report.behaviours.get(point).map(String::as_str), Some(value), "{shown} is observed");
    }
}

/// Answers everything the same way.
#[derive(Debug)]
struct Always(u16, &'static str);

impl Implementation for Always {
    fn send(&self, _: Request<Bytes>) -> BoxFuture<'_, Result<Response<Bytes>, SendError>> {
        let answer = Response::builder().status(self.0).body(Bytes::from_static(self.1.as_bytes())).unwrap();
        Box::pin(std::future::ready(Ok(answer)))
    }

    fn kind(&self) -> Kind {
        Kind::InProcess
    }
}

#[tokio::test]
async fn a_server_without_bucket_cors_is_unsupported_and_not_conformant() {
    for status in [405, 501] {
        let report = run(target(Always(status, "")), &suite(), Options::default()).await.unwrap();
        assert_eq!(report.conformant, Some(false), "{status}");
        assert_eq!(report.answer(false), Answer::No);
        assert!(report.cases.iter().all(|case| case.verdict == Verdict::Unsupported));
    }
}

#[tokio::test]
async fn servers_that_answer_everything_alike_are_not_conformant() {
    let body = "<Error><Code>AccessForbidden</Code></Error>";
    for (status, body) in [(200, ""), (204, ""), (200, body)] {
        let report = run(target(Always(status, body)), &suite(), Options::default()).await.unwrap();
        assert_ne!(report.conformant, Some(true), "{status} {body}");
        assert_ne!(report.answer(false), Answer::Yes, "{status} {body}");
    }
    let page = run(target(Always(200, "<html>")), &suite(), Options::default()).await.unwrap_err();
    assert!(page.to_string().contains("web page"), "{page}");
    for status in [400, 401, 403, 404, 500, 302] {
        let refused = run(target(Always(status, body)), &suite(), Options::default()).await;
        assert!(refused.is_err(), "{status}");
    }
}

#[tokio::test]
async fn a_run_without_a_second_account_claims_nothing() {
    let target = Target { other: None, ..reference() };
    let report = run(target, &suite(), Options::default()).await.unwrap();
    assert_eq!(report.conformant, None);
    assert_eq!(report.answer(false), Answer::Unknown);
    let ids = |wanted: &dyn Fn(&Case) -> bool| -> Vec<String> {
        suite().cases.iter().filter(|case| wanted(case)).map(|case| case.id.clone()).collect()
    };
    let needing = ids(&|case| case.steps.iter().any(|step| step.identity == Identity::Other));
    let skipped: Vec<String> =
        report.cases.iter().filter(|case| case.verdict == Verdict::Skip).map(|case| case.id.clone()).collect();
    assert!(skipped == needing && !needing.is_empty(), "{skipped:?}");
}

/// Changes requests and answers of a reference.
struct Broken<F> {
    inner: Embedded,
    change: F,
}

impl<F> std::fmt::Debug for Broken<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Broken")
    }
}

type Answered = Result<Response<Bytes>, SendError>;

impl<F: Fn(&Embedded, Request<Bytes>) -> Answered + Send> Respond for Broken<F> {
    fn respond(&mut self, request: &Request<Bytes>, _: jiff::Timestamp, _: &str) -> Reply {
        (self.change)(&self.inner, request.clone()).map_or(Reply::Reset, Reply::Answer)
    }
}

async fn broken(change: impl Fn(&Embedded, Request<Bytes>) -> Answered + Send + Sync + 'static) -> Report {
    let inner = serve::reference(Dialect::oss(), serve::owner(), serve::other());
    run(target(Embedded::new(Broken { inner, change })), &suite(), Options::default()).await.unwrap()
}

fn failed_clauses(report: &Report) -> Vec<&str> {
    report.cases.iter().flat_map(|case| &case.mismatches).map(|found| found.clause.as_str()).collect()
}

#[tokio::test]
async fn planted_faults_are_caught_and_named() {
    let report = broken(|inner, request| {
        let delete = request.method() == Method::DELETE && request.uri().query() == Some("cors");
        Ok(if delete {
            Response::builder().status(204).body(Bytes::new()).unwrap()
        } else {
            inner.respond(&request).answer().unwrap()
        })
    })
    .await;
    assert!(failed_clauses(&report).contains(&"delete.effect"), "a DELETE that deletes nothing");

    let report = broken(|inner, request| {
        let mut answer = inner.respond(&request).answer().unwrap();
        if answer.headers().contains_key("access-control-allow-origin") {
            answer.headers_mut().insert("access-control-allow-credentials", "true".parse().unwrap());
        }
        Ok(answer)
    })
    .await;
    assert!(failed_clauses(&report).iter().all(|clause| *clause == "credentials.never"));
    assert_eq!(
        (report.conformant, report.answer(false), report.answer(true)),
        (Some(true), Answer::Yes, Answer::No),
        "a should"
    );

    let report = broken(|inner, request| {
        let answer = inner.respond(&request).answer().unwrap();
        let refused = String::from_utf8_lossy(answer.body()).contains("InvalidDigest");
        Ok(if refused { Response::builder().status(200).body(Bytes::new()).unwrap() } else { answer })
    })
    .await;
    assert!(failed_clauses(&report).contains(&"digest.mismatch"));
    assert_eq!(report.conformant, Some(false));
}

#[tokio::test]
async fn a_connection_that_breaks_at_one_request_is_the_servers_fault() {
    let report = broken(|inner, request| {
        let origin = request.headers().get("origin").is_some_and(|origin| origin == "null");
        if origin { Err(SendError::Broken("reset".to_owned())) } else { Ok(inner.respond(&request).answer().unwrap()) }
    })
    .await;
    let failed: Vec<_> = report.cases.iter().filter(|case| case.verdict != Verdict::Pass).collect();
    assert!(failed.len() >= 2 && failed.iter().all(|case| case.verdict == Verdict::Fail), "{failed:?}");
    let star = failed.iter().find(|case| case.id == "match-null-star").unwrap();
    let mismatch = &star.mismatches[0];
    assert_eq!((mismatch.field.as_str(), mismatch.clause.as_str(), mismatch.attempts), ("transport", "match.null", 2));
}

#[tokio::test]
async fn no_answer_at_an_open_point_is_a_failed_must() {
    let report = broken(|inner, request| {
        let two = request.headers().get_all("origin").iter().count() > 1;
        if two { Err(SendError::Broken("reset".to_owned())) } else { Ok(inner.respond(&request).answer().unwrap()) }
    })
    .await;
    assert_eq!((report.conformant, report.answer(false)), (Some(false), Answer::No));
    let failed: Vec<&str> =
        report.cases.iter().filter(|case| case.verdict == Verdict::Fail).map(|case| case.id.as_str()).collect();
    assert!(failed.contains(&"refused-two-origins") && failed.contains(&"bytes-two-origins"), "{failed:?}");
    assert_eq!(report.totals.failed_must, failed.len());
}

#[tokio::test]
async fn a_must_that_was_not_reached_is_not_a_pass() {
    // The rules of this case are refused under a `should`, so its `must` is never asked.
    let yaml = "about: x\ncases:\n  - id: a\n    clauses: [config.idempotent]\n    rules: [{allowed_origins: \"*\", allowed_methods: PATCH}]\n    steps:\n      - preflight: {origin: \"https://a\", method: GET}\n        expect: {clause: preflight.ok, status: 200}\n";
    let suite = case::load(&[SourceFile::new("x/a.yaml", yaml)], Dialect::oss()).suite;
    let report = run(reference(), &suite, Options::default()).await.unwrap();
    assert_eq!((report.totals.failed_should, report.conformant, report.answer(false)), (1, None, Answer::Unknown));
}

/// A session token that the server sends back, as it does in the string to sign, stays out of the report.
#[tokio::test]
async fn secrets_stay_out_of_reports() {
    let owner = corsuite::sign::Credentials { security_token: Some("t0ken/+=".to_owned()), ..serve::owner() };
    for scheme in [Scheme::V1, Scheme::V4 { region: "cn-hangzhou".to_owned() }] {
        let inner = serve::reference(Dialect::oss(), owner.clone(), serve::other());
        let change = |inner: &Embedded, request: Request<Bytes>| {
            let answer = inner.respond(&request).answer().unwrap();
            // Another text each time: it is also what a later answer should be the same as.
            let (id, body) = (corsuite::implementation::request_id(), String::from_utf8_lossy(request.body()));
            let echoed = format!("{id}\n{}\n{:?}\n{body}", request.uri(), request.headers());
            let wrong = Response::builder().status(418).body(Bytes::from(echoed)).unwrap();
            let judged =
                request.headers().contains_key("origin") || request.uri().query().is_some_and(|query| query != "cors");
            Ok(if judged { wrong } else { answer })
        };
        let target =
            Target { credentials: Some(owner.clone()), scheme, ..target(Embedded::new(Broken { inner, change })) };
        let report = run(target, &suite(), Options::default()).await.unwrap();
        let shown = corsuite::report::json::write(&report);
        assert!(report.totals.fail > 50);
        for secret in ["t0ken", &owner.access_key_secret] {
            assert!(!shown.contains(secret), "{}", shown.lines().find(|line| line.contains(secret)).unwrap());
        }
    }
}

#[tokio::test]
async fn an_endpoint_that_goes_away_is_an_error() {
    let count = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let report = broken(move |inner, request| {
        if count.fetch_add(1, std::sync::atomic::Ordering::Relaxed) > 60 {
            return Err(SendError::Connect("refused".to_owned()));
        }
        Ok(inner.respond(&request).answer().unwrap())
    })
    .await;
    assert!(report.totals.error > 200 && report.totals.fail == 0, "{:?}", report.totals);
    assert_eq!((report.conformant, report.answer(false)), (None, Answer::Unknown));
}

#[tokio::test]
async fn an_answer_that_changes_is_unstable() {
    let count = std::sync::atomic::AtomicUsize::new(0);
    let report = broken(move |inner, request| {
        let mut answer = inner.respond(&request).answer().unwrap();
        if request.method() == Method::OPTIONS
            && count.fetch_add(1, std::sync::atomic::Ordering::Relaxed).is_multiple_of(2)
        {
            answer.headers_mut().remove("access-control-allow-methods");
        }
        Ok(answer)
    })
    .await;
    assert!(failed_clauses(&report).contains(&"answer.stable"));
}

/// Rules that arrive half a second late, as at a service of many machines.
#[tokio::test]
async fn late_rules_are_waited_for() {
    use std::sync::Mutex;
    use std::time::Instant;

    struct Late {
        inner: Embedded,
        held: Mutex<Vec<(Instant, Request<Bytes>)>>,
    }
    impl std::fmt::Debug for Late {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("Late")
        }
    }
    impl Implementation for Late {
        #[expect(clippy::disallowed_methods, reason = "the point is time")]
        fn send(&self, request: Request<Bytes>) -> BoxFuture<'_, Answered> {
            let mut held = self.held.lock().unwrap();
            while held.first().is_some_and(|(due, _)| *due <= Instant::now()) {
                let (_, request) = held.remove(0);
                drop(self.inner.respond(&request).answer());
            }
            let change = request.uri().query() == Some("cors")
                && (request.method() == Method::PUT || request.method() == Method::DELETE);
            if change {
                held.push((Instant::now() + Duration::from_millis(300), request.clone()));
                let status = if request.method() == Method::PUT { 200 } else { 204 };
                return Box::pin(std::future::ready(Ok(Response::builder()
                    .status(status)
                    .body(Bytes::new())
                    .unwrap())));
            }
            Box::pin(std::future::ready(Ok(self.inner.respond(&request).answer().unwrap())))
        }

        fn kind(&self) -> Kind {
            Kind::InProcess
        }
    }
    let mut some = suite();
    some.cases.retain(|case| {
        ["overwrite-other-rule", "delete-effect", "match-first-of-two", "vary-overwritten-off"]
            .contains(&case.id.as_str())
    });
    assert_eq!(some.cases.len(), 4);
    let inner = serve::reference(Dialect::oss(), serve::owner(), serve::other());
    let late = || target(Late { inner: inner.clone(), held: Mutex::new(Vec::new()) });
    let patient = Options { settle: Duration::from_secs(5), ..Options::default() };
    let report = run(late(), &some, patient).await.unwrap();
    assert_all_pass(&report);
    let report = run(late(), &some, Options::default()).await.unwrap();
    assert_ne!(report.conformant, Some(true), "without settling the change is not seen in time");
}

#[tokio::test]
async fn a_run_without_keys_asks_what_anybody_may() {
    let inner = serve::reference(Dialect::oss(), serve::owner(), serve::other());
    put(&inner, "/mine", "");
    let rules = "<CORSConfiguration><CORSRule><AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod></CORSRule></CORSConfiguration>";
    put(&inner, "/mine/?cors", rules);
    let document = corsuite::cors::xml::parse(rules.as_bytes()).unwrap();
    let dialect = Dialect::oss();
    let in_place = corsuite::cors::validate(&document, &dialect.limits, &dialect.behaviours).unwrap();
    let target = Target { credentials: None, ..target(inner) };
    let options =
        Options { buckets: Buckets::Borrowed("mine".to_owned()), preconfigured: Some(in_place), ..Options::default() };
    let report = run(target, &suite(), options).await.unwrap();
    assert!(report.totals.pass >= 5 && report.totals.fail == 0 && report.totals.error == 0, "{:?}", report.totals);
    assert_eq!(report.conformant, None);
}

#[test]
fn every_block_of_the_format_reference_loads() {
    let text = include_str!("../cases/README.md");
    let mut blocks = 0;
    for block in text.split("```yaml\n").skip(1) {
        let yaml = block.split("```").next().unwrap();
        let file = SourceFile::new(format!("cases/README.md, block {}", blocks + 1), yaml);
        if yaml.starts_with("rules:") {
            case::load_rules(&file).unwrap();
        } else {
            let loaded = case::load(&[file], Dialect::oss());
            let shown = corsuite::diagnostic::render(&loaded.diagnostics, corsuite::diagnostic::Style::Plain);
            assert!(loaded.diagnostics.is_empty(), "{shown}");
        }
        blocks += 1;
    }
    assert!(blocks >= 7, "only {blocks} blocks");
}

/// The cases of the format reference are cases: they pass, too.
#[tokio::test]
async fn every_case_of_the_format_reference_passes() {
    let text = include_str!("../cases/README.md");
    let blocks = text.split("```yaml\n").skip(1).map(|block| block.split("```").next().unwrap());
    let files: Vec<_> = blocks
        .filter(|yaml| !yaml.starts_with("rules:"))
        .enumerate()
        .map(|(number, yaml)| SourceFile::new(format!("block{number}.yaml"), yaml))
        .collect();
    let suite: Suite = case::load(&files, Dialect::oss()).suite;
    assert_all_pass(&run(reference(), &suite, Options::default()).await.unwrap());
}

#[test]
fn the_bundled_cases_meet_the_published_schema() {
    let schema = serde_json::from_str(include_str!("../cases/schema.json")).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for file in case::bundled() {
        let value: serde_json::Value = serde_yaml::from_str(&file.text).unwrap();
        let errors: Vec<String> =
            validator.iter_errors(&value).map(|error| format!("{} {error}", error.instance_path())).collect();
        assert_eq!(errors, [""; 0], "{}", file.path);
    }
}

#[test]
fn every_clause_with_one_answer_has_a_case() {
    // Needs a request that no HTTP client sends.
    const WITHOUT: [&str; 2] = ["behaviour.consistent", "answer.stable"];
    for dialect in dialects() {
        let suite = suite_for(dialect);
        for clause in dialect.clauses.iter().filter(|clause| !WITHOUT.contains(&clause.id.as_str())) {
            let cites = |case: &&Case| case.applies(dialect) && case.cited().any(|cited| cited == clause.id);
            assert!(suite.cases.iter().any(|case| cites(&case)), "{}: {} has no case", dialect.name, clause.id);
        }
    }
}

/// The case of the README's five minutes.
#[tokio::test]
async fn the_first_own_case_of_the_readme_passes() {
    let text = include_str!("../README.md");
    let (_, after) = text.split_once("## A first case of your own").unwrap();
    let block = after.split("```yaml\n").nth(1).unwrap().split("   ```").next().unwrap();
    let yaml: String = block.lines().map(|line| format!("{}\n", line.strip_prefix("   ").unwrap_or(line))).collect();
    let loaded = case::load(&[SourceFile::new("mine/preflight/first.yaml", yaml)], Dialect::oss());
    let shown = corsuite::diagnostic::render(&loaded.diagnostics, corsuite::diagnostic::Style::Plain);
    assert!(loaded.diagnostics.is_empty(), "{shown}");
    assert_all_pass(&run(reference(), &loaded.suite, Options::default()).await.unwrap());
}

//! One entry for each fuzz target: [`ALL`]. The glue in `fuzz/fuzz_targets` calls these, and so does `cargo test` with the
//! seeds and all past findings.

use arbitrary::Unstructured;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request};

use super::{answers, metamorphic, server, session as model, shown, signing, twin};
use super::{round_trip, same_decision, same_match, same_validation};
use crate::case::{Case, Suite, bundled, load};
use crate::cors::Pattern;
use crate::dialect::{Behaviours, Dialect, Point};
use crate::generate;
use crate::predict::Oracle;

/// A target: bytes in, a panic where a law is broken.
pub type Target = fn(&[u8]);

/// All targets by name.
pub const ALL: [(&str, Target); 9] = [
    ("config_xml", config_xml),
    ("wildcard", wildcard),
    ("evaluate", evaluate),
    ("server_request", server_request),
    ("server_session", server_session),
    ("case_yaml", case_yaml),
    ("sign_verify", sign_verify),
    ("http_answer", http_answer),
    ("report_escape", report_escape),
];

/// Two parsers and two readings of the documents agree on a document; what is stored is written and read again.
pub fn config_xml(data: &[u8]) {
    same_validation(data);
}

/// A pattern, a line end, a value: two matchers agree. Longer ones than the recursive twin takes must be matched, too.
pub fn wildcard(data: &[u8]) {
    /// Where the recursive twin is still quick.
    const RECURSIVE: usize = 512;
    let mut parts = data.splitn(2, |byte| *byte == b'\n');
    let (pattern, value) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let text = std::str::from_utf8(pattern).unwrap_or_default();
    let Some(pattern) = Pattern::new(text) else {
        assert!(text.matches('*').count() > 1, "`{text}` is refused");
        return;
    };
    if text.len() + value.len() <= RECURSIVE {
        same_match(&pattern, value);
    }
    // An asterisk filled by anything is matched.
    let filled = match text.split_once('*') {
        Some((head, tail)) => [head.as_bytes(), value, tail.as_bytes()].concat(),
        None => text.as_bytes().to_vec(),
    };
    assert!(pattern.matches(&filled) && pattern.matches_ignore_case(&filled), "`{text}` does not match what fills it");
}

/// Rules, a request near them, and choices at open points: two readings agree, and so do changed rules and requests.
pub fn evaluate(data: &[u8]) {
    let mut u = Unstructured::new(data);
    let relation = u.arbitrary().unwrap_or_default();
    let behaviours = behaviours(&mut u);
    let configuration = generate::configuration(&mut u);
    let request = generate::cors_request(&mut u, &configuration);
    same_decision(Some(&configuration), &request, &behaviours);
    same_decision(None, &request, &behaviours);
    metamorphic::one(relation, &configuration, &request, &behaviours, || generate::stored_rule(&mut u));
}

/// Choices at the open points that decisions depend on; the defaults half of the time.
fn behaviours(u: &mut Unstructured<'_>) -> Behaviours {
    static POINTS: std::sync::OnceLock<Vec<&Point>> = std::sync::OnceLock::new();
    let points =
        POINTS.get_or_init(|| Behaviours::POINTS.iter().filter(|point| twin::POINTS.contains(&point.name)).collect());
    let mut behaviours = Dialect::oss().behaviours;
    if u.arbitrary().unwrap_or(false) {
        for point in points {
            if let Ok(value) = u.choose(point.values) {
                // The point and its values come from the same table.
                drop(behaviours.set(point.name, value));
            }
        }
    }
    behaviours
}

/// One request as text: the request line, header lines, an empty line, the body. The bucket has rules; a first line that
/// begins with `+` is signed by the owner.
pub fn server_request(data: &[u8]) {
    let Some((request, signed)) = request_from(data) else { return };
    let dialect = Dialect::oss();
    let mut oracle = Oracle::new(prepared(), dialect);
    for step in &prepared().steps {
        oracle.ask(step, &[]);
    }
    let before = oracle.rules(crate::case::BucketRole::Main).cloned().unwrap_or_default();
    let (request, answer) = oracle.answer_to(request, signed);
    let named = request.uri().path().starts_with("/main-bucket");
    let host = request.headers().get("host").is_none_or(|host| host == "oracle");
    if named && host {
        let path = request.uri().path();
        let whole = path == "/main-bucket" || path.starts_with("/main-bucket/");
        server::answer(&request, &answer, Some(&*before).filter(|_| whole), &dialect.behaviours);
    }
}

/// The case that gives the bucket of `server_request` its rules and objects.
fn prepared() -> &'static Case {
    static CASE: std::sync::OnceLock<Case> = std::sync::OnceLock::new();
    CASE.get_or_init(|| {
        const TEXT: &str = "
about: The bucket of a fuzz target.
cases:
  - id: prepared
    clauses: [config.put]
    acl: public-read
    objects: {photo.jpg: content of the photo}
    rules:
      - {allowed_origins: [\"https://app.example\", \"https://*.example.com\"], allowed_methods: [GET, PUT], allowed_headers: \"x-oss-*\", expose_headers: ETag, max_age_seconds: 60}
      - {allowed_origins: \"*\", allowed_methods: [POST, HEAD], allowed_headers: \"*\"}
    response_vary: true
    steps:
      - get_cors:
        expect: {status: 200}
";
        let file = crate::diagnostic::SourceFile::new("prepared.yaml", TEXT);
        let case = load(&[file], Dialect::oss()).suite.cases.into_iter().next();
        case.unwrap_or_else(|| unreachable!("the text is a case"))
    })
}

fn request_from(data: &[u8]) -> Option<(Request<Bytes>, bool)> {
    let (signed, data) = match data.strip_prefix(b"+") {
        Some(rest) => (true, rest),
        None => (false, data),
    };
    let (head, body) = match data.windows(2).position(|pair| pair == b"\n\n") {
        Some(at) => (data.get(..at)?, data.get(at + 2..)?),
        None => (data, &b""[..]),
    };
    let mut lines = head.split(|byte| *byte == b'\n');
    let mut first = std::str::from_utf8(lines.next()?).ok()?.split(' ');
    let method = Method::from_bytes(first.next()?.as_bytes()).ok()?;
    let mut request = Request::new(Bytes::copy_from_slice(body));
    *request.method_mut() = method;
    *request.uri_mut() = first.next()?.parse().ok()?;
    for line in lines {
        let mut parts = line.splitn(2, |byte| *byte == b':');
        let (name, value) = (parts.next()?, parts.next()?);
        let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value.trim_ascii())) else {
            continue;
        };
        request.headers_mut().append(name, value);
    }
    request.headers_mut().append("x-unheard-of", HeaderValue::from_static(server::MARKER));
    Some((request, signed))
}

/// A generated case, step by step, against a model of two buckets; and the comparator on the same answers.
pub fn server_session(data: &[u8]) {
    let case = generate::case(&mut Unstructured::new(data), "fuzzed", Dialect::oss());
    model::run(&case);
    answers::same_verdict(&case);
}

/// A case file of any text.
pub fn case_yaml(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        shown::any_case_file(text);
    }
}

/// Any Authorization and query; and a request that is signed, verified and changed.
pub fn sign_verify(data: &[u8]) {
    let mut parts = data.splitn(2, |byte| *byte == b'\n');
    let (authorization, query) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    signing::any_authorization(authorization, std::str::from_utf8(query).unwrap_or_default());
    signing::round_trip(&mut Unstructured::new(data));
    signing::same_digest(data);
}

/// Two bytes choose a case of the suite, the rest is an answer to it.
pub fn http_answer(data: &[u8]) {
    static SUITE: std::sync::OnceLock<Suite> = std::sync::OnceLock::new();
    let suite = SUITE.get_or_init(|| load(&bundled(), Dialect::oss()).suite);
    let ([high, low], rest) = data.split_first_chunk().map_or(([0, 0], data), |(first, rest)| (*first, rest));
    let at = usize::from(u16::from_be_bytes([high, low])) % suite.cases.len().max(1);
    if let Some(case) = suite.cases.get(at) {
        answers::any(case, &answers::response(rest));
    }
}

/// A stranger's words in a report, a document, a diagnostic.
pub fn report_escape(data: &[u8]) {
    shown::nothing_escapes(&String::from_utf8_lossy(data));
}

/// A configuration that validation can make is written and read again.
pub fn stored_round_trip(data: &[u8]) {
    round_trip(&generate::configuration(&mut Unstructured::new(data)), Dialect::oss());
}

//! The comparator under any answer: [`any`], and what means the same in HTTP: [`same_verdict`].

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response, header};

use super::broken;
use crate::case::Case;
use crate::case::expect::{Exchange, Mismatch, check};
use crate::dialect::Dialect;

/// Longest text that a mismatch quotes of an answer, in characters: 400 and how many bytes there are.
const LONGEST: usize = 440;

/// An answer from bytes: status, header lines, body; lines that cannot be header fields are left out.
pub fn response(bytes: &[u8]) -> Response<Bytes> {
    let (head, body) = match bytes.windows(2).position(|pair| pair == b"\n\n") {
        Some(at) => (bytes.get(..at).unwrap_or_default(), bytes.get(at + 2..).unwrap_or_default()),
        None => (bytes, &b""[..]),
    };
    let mut lines = head.split(|byte| *byte == b'\n');
    let status = lines.next().and_then(|line| std::str::from_utf8(line).ok()).and_then(|line| line.trim().parse().ok());
    let mut answer = Response::new(Bytes::copy_from_slice(body));
    *answer.status_mut() = status.and_then(|code: u16| http::StatusCode::from_u16(code).ok()).unwrap_or_default();
    for line in lines {
        let mut parts = line.splitn(2, |byte| *byte == b':');
        let (Some(name), Some(value)) = (parts.next(), parts.next()) else { continue };
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value.trim_ascii())) {
            answer.headers_mut().append(name, value);
        }
    }
    answer
}

/// Holds an answer against all that a case expects of any of its steps: there is a verdict, in bounds, and the same one for
/// an answer that means the same.
pub fn any(case: &Case, answer: &Response<Bytes>) {
    let earlier = vec![answer.clone(); case.steps.len()];
    let request = Request::builder().uri("http://oss.example/bucket/key").header(header::HOST, "oss.example");
    let Ok(request) = request.header(header::ORIGIN, "https://app.example").body(Bytes::new()) else { return };
    let first = verdict(case, &request, answer, &earlier);
    for other in same_in_http(answer) {
        let second = verdict(case, &request, &other, &earlier);
        if kinds(&first) != kinds(&second) {
            broken(
                &format!("two verdicts on one meaning: {:?} and {:?}", kinds(&first), kinds(&second)),
                &format!("{answer:#?}\n{other:#?}"),
            );
        }
    }
}

fn verdict(
    case: &Case,
    request: &Request<Bytes>,
    answer: &Response<Bytes>,
    earlier: &[Response<Bytes>],
) -> Vec<Mismatch> {
    let mut found = Vec::new();
    let exchange = Exchange::new(request, answer, earlier);
    for block in case.steps.iter().flat_map(|step| &step.expect) {
        let checked = check(block, &exchange, Dialect::oss());
        assert!(checked.mismatches.len() <= checked.assertions.max(1), "more mismatches than conditions: {block:?}");
        assert!(checked.assertions > 0, "nothing was looked at: {block:?}");
        for mismatch in &checked.mismatches {
            assert!(mismatch.actual.chars().count() < LONGEST, "a mismatch of any length: {block:?}");
        }
        found.extend(checked.mismatches);
    }
    found
}

fn kinds(mismatches: &[Mismatch]) -> Vec<(&str, &str)> {
    mismatches.iter().map(|mismatch| (mismatch.clause.as_str(), mismatch.field.as_str())).collect()
}

/// RFC 9110 5.3 and 5.6.1: members of a list in one line or in several, with white space around the commas or without.
fn same_in_http(answer: &Response<Bytes>) -> Vec<Response<Bytes>> {
    const LISTS: [&str; 4] =
        ["access-control-allow-methods", "access-control-allow-headers", "access-control-expose-headers", "vary"];
    let mut split = answer.clone();
    let mut spaced = answer.clone();
    for name in LISTS {
        let lines: Vec<Vec<u8>> =
            answer.headers().get_all(name).iter().map(|value| value.as_bytes().to_vec()).collect();
        let members: Vec<Vec<u8>> = lines
            .iter()
            .flat_map(|line| line.split(|byte| *byte == b','))
            .map(|member| member.trim_ascii().to_vec())
            .filter(|member| !member.is_empty())
            .collect();
        // Spaces alone are no list; a value is what it is.
        if members.is_empty() {
            continue;
        }
        let name = HeaderName::from_static(name);
        split.headers_mut().remove(&name);
        for member in &members {
            if let Ok(value) = HeaderValue::from_bytes(member) {
                split.headers_mut().append(&name, value);
            }
        }
        if let Ok(value) = HeaderValue::from_bytes(&members.join(&b"\t , "[..])) {
            spaced.headers_mut().insert(&name, value);
        }
    }
    vec![split, spaced]
}

/// What the oracle answers meets what is expected of it, and a changed status or a lost field does not where something is said about it.
pub fn same_verdict(case: &Case) {
    let mut oracle = crate::predict::Oracle::new(case, Dialect::oss());
    let mut earlier: Vec<Response<Bytes>> = Vec::new();
    for step in &case.steps {
        let Some((request, answer)) = oracle.ask(step, &earlier) else { return };
        for block in &step.expect {
            let exchange = Exchange::new(&request, &answer, &earlier);
            let checked = check(block, &exchange, Dialect::oss());
            if let Some(first) = checked.mismatches.first() {
                broken(&format!("the oracle does not pass: {first:?}"), &format!("{request:#?}\n{answer:#?}"));
            }
            if !block.status.is_empty() {
                let mut other = answer.clone();
                *other.status_mut() = http::StatusCode::IM_A_TEAPOT;
                if answer.status().is_success() {
                    let exchange = Exchange::new(&request, &other, &earlier);
                    let noticed = !check(block, &exchange, Dialect::oss()).mismatches.is_empty();
                    assert!(noticed, "418 in place of {} is not noticed: {block:?}", answer.status());
                }
            }
        }
        earlier.push(answer);
    }
}

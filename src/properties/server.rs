//! What holds for every answer of the reference: [`answer`].

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};

use super::{broken, same_xml, twin};
use crate::cors::{CorsConfiguration, CorsRequest, evaluate};
use crate::dialect::Behaviours;
use crate::xml;

/// Header fields that the reference writes.
const FIELDS: [&str; 24] = [
    "access-control-allow-origin",
    "access-control-allow-methods",
    "access-control-allow-headers",
    "access-control-expose-headers",
    "access-control-max-age",
    "vary",
    "server",
    "date",
    "content-type",
    "content-length",
    "content-range",
    "accept-ranges",
    "etag",
    "last-modified",
    "location",
    "x-oss-request-id",
    "x-oss-server-time",
    "x-oss-ec",
    "x-oss-object-type",
    "x-oss-next-append-position",
    "x-oss-hash-crc64ecma",
    "connection",
    "content-md5",
    "x-oss-bucket-region",
];

/// A word that requests carry where no document says that it is sent back.
pub const MARKER: &str = "zq7marker";

/// Invariants of the answer to a request, with the rules that its bucket had before it. `configuration` is none where there
/// is no bucket, too.
pub fn answer(
    request: &Request<Bytes>,
    answer: &Response<Bytes>,
    configuration: Option<&CorsConfiguration>,
    behaviours: &Behaviours,
) {
    let shown = || format!("{request:#?}\n{answer:#?}\n{configuration:#?}");
    fields(request, answer, &shown);
    cors(request, answer, configuration, behaviours, &shown);
    body(request, answer, &shown);
}

fn fields(request: &Request<Bytes>, answer: &Response<Bytes>, shown: &dyn Fn() -> String) {
    for (name, value) in answer.headers() {
        if !FIELDS.contains(&name.as_str()) {
            broken(&format!("an unknown field {name}"), &shown());
        }
        if value.as_bytes().windows(MARKER.len()).any(|part| part == MARKER.as_bytes()) {
            broken(&format!("{name} has bytes of the request that it should not"), &shown());
        }
    }
    for once in [
        "access-control-allow-origin",
        "access-control-max-age",
        "content-type",
        "content-length",
        "date",
        "x-oss-request-id",
    ] {
        if answer.headers().get_all(once).iter().count() > 1 {
            broken(&format!("{once} is there twice"), &shown());
        }
    }
    let length = answer.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    let length = length.map(str::parse::<usize>);
    let bodiless = *request.method() == Method::HEAD
        || matches!(answer.status(), StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    match length {
        Some(Ok(length)) if !bodiless && length != answer.body().len() => broken("a wrong Content-Length", &shown()),
        Some(Err(_)) => broken("a Content-Length that is no number", &shown()),
        _ => {}
    }
    if bodiless && !answer.body().is_empty() {
        broken("a body where none may be", &shown());
    }
}

fn cors(
    request: &Request<Bytes>,
    answer: &Response<Bytes>,
    configuration: Option<&CorsConfiguration>,
    behaviours: &Behaviours,
    shown: &dyn Fn() -> String,
) {
    let headers = answer.headers();
    let granted: Vec<(String, Vec<u8>)> = headers
        .iter()
        .filter(|(name, _)| name.as_str().starts_with("access-control-"))
        .map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()))
        .collect();
    let asked = CorsRequest::from_parts(request.method(), request.headers());
    let (said, vary) = twin::evaluate(configuration, &asked, behaviours);
    // `evaluate` is held against the twin elsewhere; here its answer is held against what was sent.
    assert_eq!(vary, evaluate(configuration, &asked, behaviours).vary);
    let vary = vary.is_some();
    match said {
        twin::Said::Grant { headers, .. } => {
            let sendable = |(_, value): &(String, Vec<u8>)| http::HeaderValue::from_bytes(value).is_ok();
            let expected: Vec<_> = headers.into_iter().filter(sendable).collect();
            let preflight = *request.method() == Method::OPTIONS;
            if (preflight || !granted.is_empty()) && granted != expected {
                broken(&format!("granted otherwise than by the rules: {expected:?}"), &shown());
            }
            if preflight && answer.status() != StatusCode::OK {
                broken("a preflight that a rule allows is refused", &shown());
            }
        }
        _ if !granted.is_empty() => broken("Access-Control-* without a grant", &shown()),
        _ => {}
    }
    let varies = headers.get_all(header::VARY).iter().any(|value| value.as_bytes().eq_ignore_ascii_case(b"origin"));
    if varies && !vary {
        broken("Vary: Origin without ResponseVary", &shown());
    }
    if vary && !varies && *request.method() == Method::OPTIONS {
        broken("no Vary: Origin in spite of ResponseVary", &shown());
    }
}

fn body(request: &Request<Bytes>, answer: &Response<Bytes>, shown: &dyn Fn() -> String) {
    let is_xml = answer.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/xml");
    let error = answer.status().is_client_error() || answer.status().is_server_error();
    if *request.method() == Method::HEAD {
        return;
    }
    if error && !is_xml {
        broken("an error that is no XML", &shown());
    }
    // What the owner stored as XML is the owner's affair.
    let stored = *request.method() == Method::GET && !error;
    if !is_xml || (stored && !answer.body().starts_with(b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n")) {
        return;
    }
    match xml::parse(answer.body()) {
        Ok(root) => {
            same_xml(answer.body());
            if error {
                let names: Vec<&str> = root.children.iter().take(4).map(|child| child.name.as_str()).collect();
                assert_eq!(names, ["Code", "Message", "RequestId", "HostId"], "{}", shown());
            }
        }
        Err(problem) => broken(&format!("a document that is not well-formed: {problem}"), &shown()),
    }
}

//! What faults do to requests, rules and answers, in words.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use md5::{Digest as _, Md5};

use super::super::set;
use crate::cors::{CorsConfiguration, CorsRequest, CorsRule, Pattern};
use crate::dialect::ActualMethod;
use crate::sign::Query;

pub(super) const ORIGIN: &str = "access-control-allow-origin";
pub(super) const METHODS: &str = "access-control-allow-methods";
pub(super) const HEADERS: &str = "access-control-allow-headers";
pub(super) const EXPOSE: &str = "access-control-expose-headers";
pub(super) const AGE: &str = "access-control-max-age";
pub(super) const ASKED_METHOD: &str = "access-control-request-method";
pub(super) const ASKED_HEADERS: &str = "access-control-request-headers";

/// A field as text, its lines joined.
pub(super) fn field(headers: &HeaderMap, name: &str) -> Option<String> {
    let lines: Vec<String> =
        headers.get_all(name).iter().map(|line| String::from_utf8_lossy(line.as_bytes()).into_owned()).collect();
    (!lines.is_empty()).then(|| lines.join(", "))
}

/// Puts a value in place of what a field has.
pub(super) fn put(headers: &mut HeaderMap, name: &'static str, value: &str) {
    set(headers, HeaderName::from_static(name), value);
}

/// Changes a field that is there.
pub(super) fn edit(headers: &mut HeaderMap, name: &'static str, change: impl FnOnce(&str) -> String) {
    if let Some(value) = field(headers, name) {
        put(headers, name, &change(&value));
    }
}

/// The members of a list.
pub(super) fn members(value: &str) -> Vec<&str> {
    value.split(',').map(str::trim).filter(|member| !member.is_empty()).collect()
}

pub(super) fn sorted(value: &str) -> String {
    let mut members = members(value);
    members.sort_unstable();
    members.join(", ")
}

/// Takes all CORS headers away.
pub(super) fn bare(headers: &mut HeaderMap) {
    let names: Vec<_> = headers.keys().filter(|name| name.as_str().starts_with("access-control-")).cloned().collect();
    for name in names {
        headers.remove(name);
    }
}

/// Whether an answer grants anything.
pub(super) fn grants(answer: &Response<Bytes>) -> bool {
    answer.headers().contains_key(ORIGIN)
}

pub(super) fn without_vary_origin(headers: &mut HeaderMap) {
    let kept: Vec<HeaderValue> =
        headers.get_all(header::VARY).iter().filter(|value| *value != "Origin").cloned().collect();
    headers.remove(header::VARY);
    for value in kept {
        headers.append(header::VARY, value);
    }
}

/// Writes another body.
pub(super) fn body(answer: &mut Response<Bytes>, text: impl Into<Bytes>) {
    *answer.body_mut() = text.into();
    let length = answer.body().len();
    answer.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
}

/// Changes the body.
pub(super) fn edit_body(answer: &mut Response<Bytes>, change: impl FnOnce(&str) -> String) {
    let text = change(&String::from_utf8_lossy(answer.body()));
    body(answer, text);
}

pub(super) fn status(answer: &mut Response<Bytes>, code: u16) {
    if let Ok(code) = StatusCode::from_u16(code) {
        *answer.status_mut() = code;
    }
}

/// The Code of an error document.
pub(super) fn code(answer: &Response<Bytes>) -> Option<String> {
    let text = String::from_utf8_lossy(answer.body()).into_owned();
    let (_, rest) = text.split_once("<Code>")?;
    rest.split_once("</Code>").map(|(code, _)| code.to_owned())
}

/// Changes the Code of an error.
pub(super) fn recode(answer: &mut Response<Bytes>, from: &str, to: &str) {
    if code(answer).as_deref() == Some(from) {
        edit_body(answer, |text| text.replace(&format!("<Code>{from}</Code>"), &format!("<Code>{to}</Code>")));
    }
}

/// Changes the Message of errors with this Code.
pub(super) fn reword(answer: &mut Response<Bytes>, of: &str, message: &str) {
    if code(answer).as_deref() == Some(of) {
        edit_body(answer, |text| match (text.split_once("<Message>"), text.split_once("</Message>")) {
            (Some((head, _)), Some((_, tail))) => format!("{head}<Message>{message}</Message>{tail}"),
            _ => text.to_owned(),
        });
    }
}

/// The Content-MD5 of a body.
pub(super) fn digest_of(body: &Bytes) -> String {
    STANDARD.encode(Md5::digest(body))
}

/// Changes the document of a PutBucketCors; a digest that was right stays right.
pub(super) fn document(request: &mut Request<Bytes>, change: impl FnOnce(&str) -> String) {
    let query = Query::parse(request.uri().query().unwrap_or_default());
    if request.method() != Method::PUT || !query.has("cors") {
        return;
    }
    let right = field(request.headers(), "content-md5").is_some_and(|sent| sent == digest_of(request.body()));
    let text = String::from_utf8_lossy(request.body()).into_owned();
    let changed = change(&text);
    if changed == text {
        return;
    }
    *request.body_mut() = changed.into();
    let length = request.body().len();
    request.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    if right {
        let digest = digest_of(request.body());
        put(request.headers_mut(), "content-md5", &digest);
    }
}

/// Changes the values of all elements of a name; none takes the element away.
pub(super) fn values(text: &str, name: &str, change: impl Fn(&str) -> Option<String>) -> String {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let mut changed = String::new();
    let mut rest = text;
    while let Some((head, tail)) = rest.split_once(&open) {
        changed.push_str(head);
        let Some((value, after)) = tail.split_once(&close) else {
            rest = tail;
            changed.push_str(&open);
            continue;
        };
        if let Some(value) = change(value) {
            changed.extend([&open, value.as_str(), &close]);
        }
        rest = after;
    }
    changed.push_str(rest);
    changed
}

/// The origin of a request as text.
pub(super) fn origin(asked: &CorsRequest) -> String {
    asked.origins.first().map(crate::cors::Origin::to_text).unwrap_or_default()
}

/// The method that rules are held against.
pub(super) fn method(asked: &CorsRequest) -> String {
    String::from_utf8_lossy(asked.effective_method(ActualMethod::Own)).into_owned()
}

/// The requested headers as text.
pub(super) fn requested(asked: &CorsRequest) -> Vec<String> {
    asked.requested_headers().into_iter().map(|name| String::from_utf8_lossy(name).into_owned()).collect()
}

pub(super) fn allows_origin(rule: &CorsRule, asked: &CorsRequest) -> bool {
    let origin = origin(asked);
    rule.allowed_origins.iter().any(|pattern| pattern.matches(origin.as_bytes()))
}

pub(super) fn allows_method(rule: &CorsRule, asked: &CorsRequest) -> bool {
    rule.allowed_methods.contains(&method(asked))
}

pub(super) fn allows_headers(rule: &CorsRule, asked: &CorsRequest) -> bool {
    asked.kind == crate::cors::Kind::Actual
        || asked
            .requested_headers()
            .iter()
            .all(|name| rule.allowed_headers.iter().any(|pattern| pattern.matches_ignore_case(name)))
}

pub(super) fn meets_all(rule: &CorsRule, asked: &CorsRequest) -> bool {
    allows_origin(rule, asked) && allows_method(rule, asked) && allows_headers(rule, asked)
}

/// A pattern of one's own making; what cannot be one becomes a text that nothing equals.
pub(super) fn pattern(text: impl Into<String>) -> Pattern {
    Pattern::new(text).or_else(|| Pattern::new("nothing")).unwrap_or_else(|| unreachable!("it has no asterisk"))
}

/// The rules with each changed.
pub(super) fn each(rules: &CorsConfiguration, change: impl Fn(&mut CorsRule)) -> CorsConfiguration {
    let mut changed = rules.clone();
    changed.rules.iter_mut().for_each(change);
    changed
}

/// Some of the rules.
pub(super) fn only(rules: Vec<CorsRule>, of: &CorsConfiguration) -> CorsConfiguration {
    CorsConfiguration { rules, response_vary: of.response_vary }
}

/// The rules as somebody reads them who matches origins by `matches(pattern, origin)`.
pub(super) fn origins_by(
    rules: &CorsConfiguration,
    asked: &CorsRequest,
    matches: impl Fn(&str, &str) -> bool,
) -> CorsConfiguration {
    let origin = origin(asked);
    each(rules, |rule| {
        let matching = rule.allowed_origins.iter().filter(|pattern| matches(pattern.as_str(), &origin));
        rule.allowed_origins =
            matching.map(|found| if found.is_star() { found.clone() } else { pattern(origin.clone()) }).collect();
    })
}

/// The rules as somebody reads them who sees another origin.
pub(super) fn origin_as(
    rules: &CorsConfiguration,
    asked: &CorsRequest,
    read: impl Fn(&str) -> String,
) -> CorsConfiguration {
    origins_by(rules, asked, |pattern, origin| glob(pattern, &read(origin)))
}

/// The rules as somebody reads them who matches requested headers by `matches(pattern, name)`.
pub(super) fn headers_by(
    rules: &CorsConfiguration,
    asked: &CorsRequest,
    matches: impl Fn(&str, &str) -> bool,
) -> CorsConfiguration {
    let names = requested(asked);
    each(rules, |rule| {
        let allowed =
            names.iter().filter(|name| rule.allowed_headers.iter().any(|pattern| matches(pattern.as_str(), name)));
        rule.allowed_headers = allowed.map(|name| pattern(name.clone())).collect();
    })
}

/// As the documents have it.
pub(super) fn glob(text: &str, value: &str) -> bool {
    Pattern::new(text).is_some_and(|pattern| pattern.matches(value.as_bytes()))
}

/// A pattern cut at its asterisk.
pub(super) fn halves(text: &str) -> Option<(&str, &str)> {
    text.split_once('*')
}

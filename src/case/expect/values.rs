//! Values as HTTP and the documents compare them.

use std::borrow::Cow;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, header};

use crate::case::StatusPattern;
use crate::xml;

/// Longest piece of an answer that a mismatch quotes, in characters.
const QUOTED: usize = 400;

pub(super) fn describe_status(patterns: &[StatusPattern]) -> String {
    let texts = patterns.iter().map(|pattern| match pattern {
        StatusPattern::Code(code) => code.to_string(),
        StatusPattern::Class(class) => format!("{class}xx"),
    });
    texts.collect::<Vec<_>>().join(" or ")
}

/// Fields whose value is a list, and whether its members are compared without regard to case.
fn list_field(name: &str) -> Option<bool> {
    match name {
        "access-control-allow-methods" | "allow" => Some(false),
        "access-control-allow-headers" | "access-control-expose-headers" | "vary" | "connection" | "accept-ranges" => {
            Some(true)
        }
        _ => None,
    }
}

fn same_member(name: &str, left: &str, right: &str) -> bool {
    if list_field(name) == Some(true) { left.eq_ignore_ascii_case(right) } else { left == right }
}

pub(super) fn same_value(name: &str, expected: &str, value: &str) -> bool {
    if list_field(name).is_none() {
        return expected == value;
    }
    let (expected, found) = (members(expected), members(value));
    expected.len() == found.len() && expected.iter().zip(&found).all(|(left, right)| same_member(name, left, right))
}

pub(super) fn same_set(name: &str, expected: &[String], found: &[String]) -> bool {
    let within = |left: &[String], right: &[String]| {
        left.iter().all(|member| right.iter().any(|other| same_member(name, member, other)))
    };
    within(expected, found) && within(found, expected)
}

/// Whether a field has the same value in two answers; the members of Vary have no order.
pub(super) fn equal(name: &str, then: Option<&str>, now: Option<&str>) -> bool {
    match (then, now) {
        (Some(then), Some(now)) if name == "vary" => same_set(name, &members(then), &members(now)),
        (Some(then), Some(now)) => same_value(name, then, now),
        (then, now) => then.is_none() && now.is_none(),
    }
}

pub(super) fn contains(name: &str, part: &str, value: &str) -> bool {
    match list_field(name) {
        Some(_) => members(value).iter().any(|member| same_member(name, member, part)),
        // Media types have no case (RFC 9110 8.3.1).
        None if name == "content-type" => value.to_ascii_lowercase().contains(&part.to_ascii_lowercase()),
        None => value.contains(part),
    }
}

/// The members of a list, empty ones dropped (RFC 9110 5.6.1).
pub(super) fn members(value: &str) -> Vec<String> {
    value.split(',').map(|member| member.trim().to_owned()).filter(|member| !member.is_empty()).collect()
}

/// As sets: a server may fold equal values; AllowedHeader may come back in lower case, an element without text counts as
/// absent.
pub(super) fn same_values(name: &str, expected: &[String], written: &[String]) -> bool {
    let fold = |value: &String| if name == "AllowedHeader" { value.to_ascii_lowercase() } else { value.clone() };
    let set = |values: &[String]| {
        let mut values: Vec<String> = values.iter().filter(|value| !value.is_empty()).map(fold).collect();
        values.sort_unstable();
        values.dedup();
        values
    };
    // An unset age that comes back as 0 is an element that should be absent, not another value.
    let written = if name == "MaxAgeSeconds" && expected.is_empty() && written == ["0"] { &[] } else { written };
    set(expected) == set(written)
}

/// A field's lines as one value; nearly always there is one line.
pub(super) fn combined<'h>(headers: &'h HeaderMap, name: &str) -> Option<Cow<'h, str>> {
    let mut lines =
        headers.get_all(name).iter().map(|line| match String::from_utf8_lossy(line.as_bytes().trim_ascii()) {
            Cow::Borrowed(line) => Cow::Borrowed(line.trim()),
            Cow::Owned(line) => Cow::Owned(line.trim().to_owned()),
        });
    let first = lines.next()?;
    Some(lines.fold(first, |value, line| Cow::Owned(format!("{value}, {line}"))))
}

pub(super) fn host(request: &Request<Bytes>) -> String {
    let field = combined(request.headers(), header::HOST.as_str());
    let field = field.map(Cow::into_owned);
    field.or_else(|| request.uri().authority().map(ToString::to_string)).unwrap_or_default()
}

pub(super) fn text(body: &Bytes) -> String {
    String::from_utf8_lossy(body).into_owned()
}

/// The Code of an error document.
pub(super) fn error_code(answer: &Response<Bytes>) -> Option<String> {
    let root = xml::parse(answer.body()).ok().filter(|root| root.name == "Error")?;
    root.text_of("Code").map(str::to_owned)
}

pub(super) fn without_request_id(answer: &Response<Bytes>, field: &str) -> String {
    let body = text(answer.body());
    match combined(answer.headers(), field) {
        Some(id) if !id.is_empty() => body.replace(&*id, "REQUEST-ID"),
        _ => body,
    }
}

pub(super) fn quote(text: &str) -> String {
    if text.chars().count() <= QUOTED {
        return text.to_owned();
    }
    let head: String = text.chars().take(QUOTED).collect();
    format!("{head}… ({} bytes)", text.len())
}

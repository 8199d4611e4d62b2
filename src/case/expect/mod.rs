//! The one comparator: [`check`] holds an answer against an expectation.
//!
//! Headers are compared the way HTTP means them: names without regard to case, several lines joined, lists member by
//! member with the white space around commas dropped. The suite and the fuzzers both end here.

mod values;

use std::borrow::Cow;
use std::cell::OnceCell;
use std::fmt;

use bytes::Bytes;
use http::{Method, Request, Response};

use self::values::{
    combined, contains, describe_status, equal, error_code, host, members, quote, same_set, same_value, same_values,
    text, without_request_id,
};
use super::{
    BrowserVerdict, CorsExpectation, ErrorExpectation, Expectation, FieldCondition, Name, Rule, StatusPattern,
    TextCondition, of_alternatives,
};
use crate::browser::{self, Script};
use crate::cors::xml::{Document, Text};
use crate::dialect::{Dialect, Level, Wording};
use crate::xml::{self, Element, XmlError};

/// A request and its answer, with the answers before it.
#[derive(Debug)]
pub struct Exchange<'a> {
    request: &'a Request<Bytes>,
    answer: &'a Response<Bytes>,
    earlier: &'a [Response<Bytes>],
    /// The body as XML: several blocks look at it.
    document: OnceCell<Result<Element, XmlError>>,
}

impl<'a> Exchange<'a> {
    /// What was sent, what came back, and the answers to the earlier steps of the case.
    pub const fn new(request: &'a Request<Bytes>, answer: &'a Response<Bytes>, earlier: &'a [Response<Bytes>]) -> Self {
        Self { request, answer, earlier, document: OnceCell::new() }
    }

    fn document(&self) -> Result<&Element, &XmlError> {
        self.document.get_or_init(|| xml::parse(self.answer.body())).as_ref()
    }
}

/// One way in which an answer is not what it must be.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Mismatch {
    /// The clause that is broken.
    pub clause: String,
    /// Its level.
    pub level: Level,
    /// The part of the answer: `status`, `headers.vary`, `error.code`, `transport` …
    pub field: String,
    /// What it must be.
    pub expected: String,
    /// What it is.
    pub actual: String,
}

impl Mismatch {
    /// One that no expectation made.
    pub fn new(clause: &str, field: &str, expected: impl Into<String>, actual: impl Into<String>) -> Self {
        Self {
            clause: clause.to_owned(),
            level: Level::Must,
            field: field.to_owned(),
            expected: expected.into(),
            actual: actual.into(),
        }
    }
}

/// What [`check`] found.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Checked {
    /// What is wrong.
    pub mismatches: Vec<Mismatch>,
    /// Behaviour and value that the answer implies.
    pub observed: Vec<(String, String)>,
    /// How many conditions were looked at.
    pub assertions: usize,
}

/// Holds an answer against an expectation; each mismatch has the level of the clause in the dialect.
pub fn check(expectation: &Expectation, exchange: &Exchange<'_>, dialect: &Dialect) -> Checked {
    let level = dialect.clauses.get(&expectation.clause).map_or(Level::Must, |clause| clause.level);
    let mut checker = Checker {
        clause: &expectation.clause,
        level,
        exchange,
        wording: &dialect.wording,
        checked: Checked::default(),
    };
    checker.plain(expectation);
    if !expectation.any_of.is_empty() {
        checker.any_of(expectation);
    }
    checker.checked
}

struct Checker<'a> {
    clause: &'a str,
    level: Level,
    exchange: &'a Exchange<'a>,
    wording: &'a Wording,
    checked: Checked,
}

impl<'a> Checker<'a> {
    /// Counts a condition, and keeps a mismatch if it does not hold.
    fn judge(
        &mut self,
        holds: bool,
        field: impl fmt::Display,
        expected: impl FnOnce() -> String,
        actual: impl FnOnce() -> String,
    ) {
        self.checked.assertions += 1;
        if !holds {
            self.checked.mismatches.push(Mismatch {
                clause: self.clause.to_owned(),
                level: self.level,
                field: field.to_string(),
                expected: expected(),
                actual: quote(&actual()),
            });
        }
    }

    fn plain(&mut self, expectation: &Expectation) {
        if !expectation.status.is_empty() {
            let status = self.exchange.answer.status().as_u16();
            let holds = expectation.status.iter().any(|pattern| match pattern {
                StatusPattern::Code(code) => *code == status,
                StatusPattern::Class(class) => *class == status / 100,
            });
            self.judge(holds, "status", || describe_status(&expectation.status), || status.to_string());
        }
        for (name, conditions) in &expectation.headers {
            for condition in conditions {
                self.field(name, condition);
            }
        }
        if let Some(error) = &expectation.error {
            self.error(error);
        }
        if let Some(cors) = &expectation.cors {
            self.cors(cors);
        }
        for condition in &expectation.body {
            let body = String::from_utf8_lossy(self.exchange.answer.body());
            self.text("body", &body, condition);
        }
        if let Some(step) = expectation.same_as {
            self.same_as(step);
        }
        if let Some(verdict) = expectation.browser {
            self.browser(verdict);
        }
    }

    /// The first alternative that holds is what the server chose. If none does, the answer is outside what documents
    /// allow: a failed `must` where the clause leaves the point open, else as bad as its level says.
    fn any_of(&mut self, expectation: &Expectation) {
        self.checked.assertions += 1;
        let mut reasons = Vec::new();
        for alternative in &expectation.any_of {
            let mut checker = Checker { checked: Checked::default(), ..*self };
            checker.plain(&alternative.expect);
            let named = format!("{}={}", alternative.behaviour, alternative.value);
            match checker.checked.mismatches.first() {
                None => {
                    self.checked.observed.push((alternative.behaviour.clone(), alternative.value.clone()));
                    return;
                }
                Some(first) => reasons.push((named, first.clone())),
            }
        }
        let expected: Vec<String> =
            reasons.iter().map(|(named, first)| format!("{named}: {} {}", first.field, first.expected)).collect();
        let mut actual: Vec<String> =
            reasons.iter().map(|(_, first)| format!("{} {}", first.field, first.actual)).collect();
        actual.dedup();
        self.checked.mismatches.push(Mismatch {
            clause: self.clause.to_owned(),
            level: of_alternatives(self.level),
            field: "any_of".to_owned(),
            expected: expected.join(" | "),
            actual: quote(&actual.join(" | ")),
        });
    }

    fn field(&mut self, name: &str, condition: &FieldCondition) {
        let headers = self.exchange.answer.headers();
        if let Some(prefix) = name.strip_suffix('*') {
            let found: Vec<&str> =
                headers.keys().map(http::HeaderName::as_str).filter(|name| name.starts_with(prefix)).collect();
            self.judge(found.is_empty(), format_args!("headers.{name}"), || "absent".to_owned(), || found.join(", "));
            return;
        }
        let value = combined(headers, name);
        let shown = || value.as_deref().unwrap_or("absent").to_owned();
        let path = format_args!("headers.{name}");
        let present = value.as_deref();
        match condition {
            FieldCondition::Absent => self.judge(present.is_none(), path, || "absent".to_owned(), shown),
            FieldCondition::Present => self.judge(present.is_some(), path, || "present".to_owned(), shown),
            FieldCondition::Equals(expected) => {
                let holds = present.is_some_and(|value| same_value(name, expected, value));
                self.judge(holds, path, || expected.clone(), shown);
            }
            FieldCondition::Exact(expected) => {
                let lines: Vec<_> = headers.get_all(name).iter().collect();
                let holds = matches!(lines.as_slice(), [line] if line.as_bytes() == expected.as_bytes());
                self.judge(holds, path, || format!("exactly {expected}"), shown);
            }
            FieldCondition::List(expected) => {
                let holds = present.is_some_and(|value| same_set(name, expected, &members(value)));
                self.judge(holds, path, || format!("in any order: {}", expected.join(", ")), shown);
            }
            FieldCondition::Contains(expected) => {
                let holds = present.is_some_and(|value| contains(name, expected, value));
                self.judge(holds, path, || format!("with {expected}"), shown);
            }
            FieldCondition::Lacks(expected) => {
                let holds = !present.is_some_and(|value| contains(name, expected, value));
                self.judge(holds, path, || format!("without {expected}"), shown);
            }
            FieldCondition::Matches(regex) => {
                let holds = present.is_some_and(|value| regex.is_match(value));
                self.judge(holds, path, || format!("matching {regex}"), shown);
            }
            FieldCondition::DiffersFrom(step) => {
                let before = self.earlier(*step, name);
                let holds = present.is_some() && !equal(name, before.as_deref(), present);
                self.judge(holds, path, || format!("another value than in step {}", step + 1), shown);
            }
            FieldCondition::SameAs(step) => {
                let before = self.earlier(*step, name);
                let holds = equal(name, before.as_deref(), present);
                self.judge(holds, path, || before.as_deref().unwrap_or("absent").to_owned(), shown);
            }
            FieldCondition::Keeps(step) => {
                let before = members(&self.earlier(*step, name).unwrap_or_default());
                let holds = before.iter().all(|member| present.is_some_and(|value| contains(name, member, value)));
                self.judge(holds, path, || format!("with {}", before.join(", ")), shown);
            }
        }
    }

    /// A field of the answer to an earlier step.
    fn earlier(&self, step: usize, name: &str) -> Option<Cow<'a, str>> {
        combined(self.exchange.earlier.get(step)?.headers(), name)
    }

    fn text(&mut self, field: impl fmt::Display, found: &str, condition: &TextCondition) {
        let holds = match condition {
            TextCondition::Equals(expected) => expected == found,
            TextCondition::OneOf(expected) => expected.iter().any(|expected| expected == found),
            TextCondition::Empty => found.is_empty(),
            TextCondition::Present => !found.is_empty(),
            TextCondition::Contains(part) => found.contains(part.as_str()),
            TextCondition::Lacks(part) => !found.contains(part.as_str()),
            TextCondition::Prefix(prefix) => found.starts_with(prefix.as_str()),
            TextCondition::Matches(regex) => regex.is_match(found),
        };
        let expected = || match condition {
            TextCondition::Equals(expected) => expected.clone(),
            TextCondition::OneOf(expected) => expected.join(" or "),
            TextCondition::Empty => "empty".to_owned(),
            TextCondition::Present => "not empty".to_owned(),
            TextCondition::Contains(part) => format!("with {part}"),
            TextCondition::Lacks(part) => format!("without {part}"),
            TextCondition::Prefix(prefix) => format!("beginning with {prefix}"),
            TextCondition::Matches(regex) => format!("matching {regex}"),
        };
        self.judge(holds, field, expected, || if found.is_empty() { "empty".to_owned() } else { found.to_owned() });
    }

    fn error(&mut self, expectation: &ErrorExpectation) {
        let answer = self.exchange.answer;
        let document = match self.exchange.document() {
            Ok(root) if root.name == "Error" => root,
            Ok(root) => {
                return self.judge(
                    false,
                    "error",
                    || "a document `Error`".to_owned(),
                    || format!("a document `{}`", root.name),
                );
            }
            Err(error) => {
                let body = text(answer.body());
                let actual = if body.is_empty() { "no body".to_owned() } else { format!("{error}: {body}") };
                return self.judge(false, "error", || "an error document".to_owned(), || actual);
            }
        };
        for (name, conditions) in &expectation.elements {
            let field = format_args!("error.{name}");
            match document.text_of(name) {
                Some(found) => {
                    for condition in conditions {
                        self.text(field, found, condition);
                    }
                }
                None => self.judge(false, field, || format!("an element `{name}`"), || "absent".to_owned()),
            }
        }
        if expectation.request_id_is_header {
            let field = self.wording.field("request-id");
            let header = combined(answer.headers(), &field);
            let found = document.text_of("RequestId");
            let holds = found.is_some() && found == header.as_deref();
            let shown = |value: Option<&str>| value.unwrap_or("absent").to_owned();
            self.judge(holds, "error.RequestId", || format!("{field}: {}", shown(header.as_deref())), || shown(found));
        }
        if expectation.host_id_is_host {
            let host = host(self.exchange.request);
            let found = document.text_of("HostId").unwrap_or("absent").to_owned();
            let bare = host.rsplit_once(':').map_or(host.as_str(), |(name, _)| name);
            let holds = found.eq_ignore_ascii_case(&host) || found.eq_ignore_ascii_case(bare);
            self.judge(holds, "error.HostId", || host.clone(), || found.clone());
        }
        if expectation.ec_agrees {
            let field = self.wording.field("ec");
            let header = combined(answer.headers(), &field);
            if let (Some(header), Some(element)) = (header, document.text_of("EC")) {
                self.judge(header == element, "error.EC", || format!("{field}: {header}"), || element.to_owned());
            } else {
                self.checked.assertions += 1;
            }
        }
        if !expectation.order.is_empty() {
            self.order(document, &expectation.order);
        }
    }

    /// The elements that are there come in this order.
    fn order(&mut self, document: &Element, order: &[Name]) {
        let found: Vec<&str> = document.children.iter().map(|child| child.name.as_str()).collect();
        let listed: Vec<&str> =
            found.iter().copied().filter(|name| order.iter().any(|listed| listed == name)).collect();
        let wanted: Vec<&str> = order.iter().map(|name| &**name).filter(|name| listed.contains(name)).collect();
        self.judge(listed == wanted, "error", || order.join(", "), || found.join(", "));
    }

    fn cors(&mut self, expectation: &CorsExpectation) {
        let answer = self.exchange.answer;
        let document = match crate::cors::xml::parse(answer.body()) {
            Ok(document) if document.root == "CORSConfiguration" => document,
            Ok(document) => {
                let actual = format!("a document `{}`", document.root);
                return self.judge(false, "cors", || "a document `CORSConfiguration`".to_owned(), || actual);
            }
            Err(error) => {
                let actual = format!("{error}: {}", text(answer.body()));
                return self.judge(false, "cors", || "a CORS configuration".to_owned(), || actual);
            }
        };
        if let Some(vary) = &expectation.response_vary {
            let found = document.response_vary.first().map_or("absent", |text| text.value.trim_ascii());
            self.judge(found == vary, "cors.ResponseVary", || vary.clone(), || found.to_owned());
        }
        if let Some(rules) = &expectation.rules {
            self.rules(rules, &document, expectation.verbatim);
        }
    }

    fn rules(&mut self, expected: &[Rule], document: &Document, verbatim: bool) {
        let found = document.rules.len();
        self.judge(
            found == expected.len(),
            "cors.CORSRule",
            || format!("{} rules", expected.len()),
            || format!("{found} rules"),
        );
        for (at, (rule, written)) in expected.iter().zip(&document.rules).enumerate() {
            // A server may give rules an ID that have none.
            let ids = (!rule.ids.is_empty()).then_some(("ID", &rule.ids, &written.ids));
            let lists: [(&str, &Vec<String>, &Vec<Text>); 5] = [
                ("AllowedOrigin", &rule.allowed_origins, &written.allowed_origins),
                ("AllowedMethod", &rule.allowed_methods, &written.allowed_methods),
                ("AllowedHeader", &rule.allowed_headers, &written.allowed_headers),
                ("ExposeHeader", &rule.expose_headers, &written.expose_headers),
                ("MaxAgeSeconds", &rule.max_age_seconds, &written.max_age_seconds),
            ];
            for (name, expected, written) in ids.into_iter().chain(lists) {
                let written: Vec<String> = written.iter().map(|text| text.value.trim_ascii().to_owned()).collect();
                let holds = if verbatim { *expected == written } else { same_values(name, expected, &written) };
                let shown = |values: &[String]| if values.is_empty() { "none".to_owned() } else { values.join(", ") };
                self.judge(holds, format_args!("cors.rule {}.{name}", at + 1), || shown(expected), || shown(&written));
            }
        }
    }

    /// Status, body and what describes the body; the request id, which differs each time, apart. Of errors the code counts,
    /// not its wording.
    fn same_as(&mut self, step: usize) {
        const DESCRIBING: [&str; 7] =
            ["content-type", "content-range", "content-encoding", "etag", "last-modified", "accept-ranges", "location"];
        let Some(before) = self.exchange.earlier.get(step) else {
            return self.judge(
                false,
                "same_as",
                || format!("the answer to step {}", step + 1),
                || "none came".to_owned(),
            );
        };
        let now = self.exchange.answer;
        let (then_status, now_status) = (before.status(), now.status());
        self.judge(
            then_status == now_status,
            "status",
            || then_status.as_u16().to_string(),
            || now_status.as_u16().to_string(),
        );
        if let (Some(then), Some(now)) = (error_code(before), error_code(now)) {
            return self.judge(then == now, "error.Code", || then.clone(), || now.clone());
        }
        let field = self.wording.field("request-id");
        let (then_body, now_body) = (without_request_id(before, &field), without_request_id(now, &field));
        self.judge(then_body == now_body, "body", || quote(&then_body), || now_body.clone());
        for name in DESCRIBING {
            let (then, now) = (combined(before.headers(), name), combined(now.headers(), name));
            let shown = |value: &Option<Cow<'_, str>>| value.as_deref().unwrap_or("absent").to_owned();
            self.judge(then == now, format_args!("headers.{name}"), || shown(&then), || shown(&now));
        }
    }

    fn browser(&mut self, verdict: BrowserVerdict) {
        let request = self.exchange.request;
        let field = |name| combined(request.headers(), name).unwrap_or_default().into_owned();
        let preflight = request.method() == Method::OPTIONS;
        let script = Script {
            origin: field("origin"),
            method: if preflight { field("access-control-request-method") } else { request.method().to_string() },
            headers: members(&field("access-control-request-headers")),
            credentials: false,
        };
        let answer = self.exchange.answer;
        let result = if preflight {
            browser::preflight_check(&script, answer.status(), answer.headers())
        } else {
            browser::cors_check(&script, answer.headers())
        };
        let holds = result.is_ok() == (verdict == BrowserVerdict::Allows);
        let expected = || match verdict {
            BrowserVerdict::Allows => "a browser allows it".to_owned(),
            BrowserVerdict::Blocks => "a browser blocks it".to_owned(),
        };
        let actual = || result.as_ref().map_or_else(|blocked| format!("blocked: {blocked}"), |()| "allowed".to_owned());
        self.judge(holds, "browser", expected, actual);
    }
}

#[cfg(test)]
mod tests;

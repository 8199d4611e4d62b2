//! The one comparator: [`check`] holds an answer against an expectation.
//!
//! Headers are compared the way HTTP means them: names without regard to case, several lines joined, lists member by
//! member with the white space around commas dropped. The suite and the fuzzers both end here.

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, header};

use super::{
    BrowserVerdict, CorsExpectation, ErrorExpectation, Expectation, FieldCondition, Rule, StatusPattern, TextCondition,
};
use crate::browser::{self, Script};
use crate::cors::xml::{Document, Text};
use crate::dialect::{Dialect, Level};
use crate::xml::{self, Element};

/// Longest piece of an answer that a mismatch quotes, in characters.
const QUOTED: usize = 400;

/// A request and its answer, with the answers before it.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "an input")]
pub struct Exchange<'a> {
    /// What was sent.
    pub request: &'a Request<Bytes>,
    /// What came back.
    pub answer: &'a Response<Bytes>,
    /// Answers to the earlier steps of the case.
    pub earlier: &'a [Response<Bytes>],
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
    let mut checker = Checker { clause: &expectation.clause, level, exchange, checked: Checked::default() };
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
    checked: Checked,
}

impl Checker<'_> {
    /// Counts a condition, and keeps a mismatch if it does not hold.
    fn judge(&mut self, holds: bool, field: &str, expected: impl FnOnce() -> String, actual: impl FnOnce() -> String) {
        self.checked.assertions += 1;
        if !holds {
            self.checked.mismatches.push(Mismatch {
                clause: self.clause.to_owned(),
                level: self.level,
                field: field.to_owned(),
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
            let body = text(self.exchange.answer.body());
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
    /// allow, which is a failed `must` whatever the clause's level.
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
            level: Level::Must,
            field: "any_of".to_owned(),
            expected: expected.join(" | "),
            actual: actual.join(" | "),
        });
    }

    fn field(&mut self, name: &str, condition: &FieldCondition) {
        let headers = self.exchange.answer.headers();
        if let Some(prefix) = name.strip_suffix('*') {
            let found: Vec<&str> =
                headers.keys().map(http::HeaderName::as_str).filter(|name| name.starts_with(prefix)).collect();
            self.judge(found.is_empty(), &format!("headers.{name}"), || "absent".to_owned(), || found.join(", "));
            return;
        }
        let value = combined(headers, name);
        let shown = || value.clone().unwrap_or_else(|| "absent".to_owned());
        let path = format!("headers.{name}");
        let present = value.as_deref();
        match condition {
            FieldCondition::Absent => self.judge(present.is_none(), &path, || "absent".to_owned(), shown),
            FieldCondition::Present => self.judge(present.is_some(), &path, || "present".to_owned(), shown),
            FieldCondition::Equals(expected) => {
                let holds = present.is_some_and(|value| same_value(name, expected, value));
                self.judge(holds, &path, || expected.clone(), shown);
            }
            FieldCondition::Exact(expected) => {
                let lines: Vec<_> = headers.get_all(name).iter().collect();
                let holds = matches!(lines.as_slice(), [line] if line.as_bytes() == expected.as_bytes());
                self.judge(holds, &path, || format!("exactly {expected}"), shown);
            }
            FieldCondition::List(expected) => {
                let holds = present.is_some_and(|value| same_set(name, expected, &members(value)));
                self.judge(holds, &path, || format!("in any order: {}", expected.join(", ")), shown);
            }
            FieldCondition::Contains(expected) => {
                let holds = present.is_some_and(|value| contains(name, expected, value));
                self.judge(holds, &path, || format!("with {expected}"), shown);
            }
            FieldCondition::Lacks(expected) => {
                let holds = !present.is_some_and(|value| contains(name, expected, value));
                self.judge(holds, &path, || format!("without {expected}"), shown);
            }
            FieldCondition::Matches(regex) => {
                let holds = present.is_some_and(|value| regex.is_match(value));
                self.judge(holds, &path, || format!("matching {regex}"), shown);
            }
            FieldCondition::DiffersFrom(step) => {
                let before = self.exchange.earlier.get(*step).and_then(|answer| combined(answer.headers(), name));
                let holds = present.is_some() && before.as_deref() != present;
                self.judge(holds, &path, || format!("another value than in step {}", step + 1), shown);
            }
        }
    }

    fn text(&mut self, field: &str, found: &str, condition: &TextCondition) {
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
        let document = match xml::parse(answer.body()) {
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
            let field = format!("error.{name}");
            match document.text_of(name) {
                Some(found) => {
                    for condition in conditions {
                        self.text(&field, found, condition);
                    }
                }
                None => self.judge(false, &field, || format!("an element `{name}`"), || "absent".to_owned()),
            }
        }
        if expectation.request_id_is_header {
            let header = combined(answer.headers(), "x-oss-request-id");
            let found = document.text_of("RequestId");
            let holds = found.is_some() && found == header.as_deref();
            let shown = |value: Option<&str>| value.unwrap_or("absent").to_owned();
            self.judge(
                holds,
                "error.RequestId",
                || format!("x-oss-request-id: {}", shown(header.as_deref())),
                || shown(found),
            );
        }
        if expectation.host_id_is_host {
            let host = host(self.exchange.request);
            let found = document.text_of("HostId").unwrap_or("absent").to_owned();
            let bare = host.rsplit_once(':').map_or(host.as_str(), |(name, _)| name);
            let holds = found.eq_ignore_ascii_case(&host) || found.eq_ignore_ascii_case(bare);
            self.judge(holds, "error.HostId", || host.clone(), || found.clone());
        }
        if expectation.ec_agrees {
            let header = combined(answer.headers(), "x-oss-ec");
            if let (Some(header), Some(element)) = (header, document.text_of("EC")) {
                self.judge(header == element, "error.EC", || format!("x-oss-ec: {header}"), || element.to_owned());
            } else {
                self.checked.assertions += 1;
            }
        }
        if !expectation.order.is_empty() {
            self.order(&document, &expectation.order);
        }
    }

    /// The elements that are there come in this order.
    fn order(&mut self, document: &Element, order: &[String]) {
        let found: Vec<&str> = document.children.iter().map(|child| child.name.as_str()).collect();
        let listed: Vec<&str> =
            found.iter().copied().filter(|name| order.iter().any(|listed| listed == name)).collect();
        let wanted: Vec<&str> = order.iter().map(String::as_str).filter(|name| listed.contains(name)).collect();
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
            let lists: [(&str, &Vec<String>, &Vec<Text>); 5] = [
                ("AllowedOrigin", &rule.allowed_origins, &written.allowed_origins),
                ("AllowedMethod", &rule.allowed_methods, &written.allowed_methods),
                ("AllowedHeader", &rule.allowed_headers, &written.allowed_headers),
                ("ExposeHeader", &rule.expose_headers, &written.expose_headers),
                ("MaxAgeSeconds", &rule.max_age_seconds, &written.max_age_seconds),
            ];
            for (name, expected, written) in lists {
                let written: Vec<String> = written.iter().map(|text| text.value.trim_ascii().to_owned()).collect();
                let holds = if verbatim { *expected == written } else { same_values(name, expected, &written) };
                let shown = |values: &[String]| if values.is_empty() { "none".to_owned() } else { values.join(", ") };
                self.judge(holds, &format!("cors.rule {}.{name}", at + 1), || shown(expected), || shown(&written));
            }
        }
    }

    /// Status, body and what describes the body; the request id, which differs each time, apart.
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
        let (then_body, now_body) = (without_request_id(before), without_request_id(now));
        self.judge(then_body == now_body, "body", || quote(&then_body), || now_body.clone());
        for name in DESCRIBING {
            let value =
                |answer: &Response<Bytes>| combined(answer.headers(), name).unwrap_or_else(|| "absent".to_owned());
            let (then, now) = (value(before), value(now));
            self.judge(then == now, &format!("headers.{name}"), || then.clone(), || now.clone());
        }
    }

    fn browser(&mut self, verdict: BrowserVerdict) {
        let request = self.exchange.request;
        let field = |name| combined(request.headers(), name).unwrap_or_default();
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

fn describe_status(patterns: &[StatusPattern]) -> String {
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

fn same_value(name: &str, expected: &str, value: &str) -> bool {
    if list_field(name).is_none() {
        return expected == value;
    }
    let (expected, found) = (members(expected), members(value));
    expected.len() == found.len() && expected.iter().zip(&found).all(|(left, right)| same_member(name, left, right))
}

fn same_set(name: &str, expected: &[String], found: &[String]) -> bool {
    let within = |left: &[String], right: &[String]| {
        left.iter().all(|member| right.iter().any(|other| same_member(name, member, other)))
    };
    within(expected, found) && within(found, expected)
}

fn contains(name: &str, part: &str, value: &str) -> bool {
    match list_field(name) {
        Some(_) => members(value).iter().any(|member| same_member(name, member, part)),
        None => value.contains(part),
    }
}

/// The members of a list, empty ones dropped (RFC 9110 5.6.1).
fn members(value: &str) -> Vec<String> {
    value.split(',').map(|member| member.trim().to_owned()).filter(|member| !member.is_empty()).collect()
}

/// As sets: a server may fold equal values; AllowedHeader may come back in lower case, an element without text counts as
/// absent.
fn same_values(name: &str, expected: &[String], written: &[String]) -> bool {
    let fold = |value: &String| if name == "AllowedHeader" { value.to_ascii_lowercase() } else { value.clone() };
    let set = |values: &[String]| {
        let mut values: Vec<String> = values.iter().filter(|value| !value.is_empty()).map(fold).collect();
        values.sort_unstable();
        values.dedup();
        values
    };
    set(expected) == set(written)
}

fn combined(headers: &HeaderMap, name: &str) -> Option<String> {
    let lines: Vec<String> =
        headers.get_all(name).iter().map(|line| String::from_utf8_lossy(line.as_bytes()).trim().to_owned()).collect();
    (!lines.is_empty()).then(|| lines.join(", "))
}

fn host(request: &Request<Bytes>) -> String {
    let field = combined(request.headers(), header::HOST.as_str());
    field.or_else(|| request.uri().authority().map(ToString::to_string)).unwrap_or_default()
}

fn text(body: &Bytes) -> String {
    String::from_utf8_lossy(body).into_owned()
}

fn without_request_id(answer: &Response<Bytes>) -> String {
    let body = text(answer.body());
    match combined(answer.headers(), "x-oss-request-id") {
        Some(id) if !id.is_empty() => body.replace(&id, "REQUEST-ID"),
        _ => body,
    }
}

fn quote(text: &str) -> String {
    if text.chars().count() <= QUOTED {
        return text.to_owned();
    }
    let head: String = text.chars().take(QUOTED).collect();
    format!("{head}… ({} bytes)", text.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::SourceFile;

    /// Loads an expectation, holds an answer against it, and shows what is wrong.
    fn check(expect: &str, status: u16, headers: &[(&str, &str)], body: &str) -> Vec<String> {
        let yaml = format!(
            "about: x\ncases:\n  - id: a\n    clauses: [config.put]\n    steps:\n      - preflight: {{}}\n        expect: {{status: 200}}\n      - preflight: {{}}\n        expect: {expect}\n"
        );
        let loaded = super::super::load(&[SourceFile::new("f.yaml", yaml)], Dialect::oss());
        assert!(
            loaded.diagnostics.is_empty(),
            "{}",
            crate::diagnostic::render(&loaded.diagnostics, crate::diagnostic::Style::Plain)
        );
        let mut answer = Response::builder().status(status);
        for (name, value) in headers {
            answer = answer.header(*name, *value);
        }
        let answer = answer.body(Bytes::from(body.to_owned())).unwrap();
        let request = Request::options("/b/k")
            .header("host", "b.example:80")
            .header("origin", "https://a")
            .header("access-control-request-method", "GET")
            .body(Bytes::new())
            .unwrap();
        let earlier =
            [Response::builder().header("x-oss-request-id", "1").body(Bytes::from_static(b"<R>1</R>")).unwrap()];
        let exchange = Exchange { request: &request, answer: &answer, earlier: &earlier };
        let expectation = &loaded.suite.cases[0].steps[1].expect[0];
        let checked = super::check(expectation, &exchange, Dialect::oss());
        assert!(checked.assertions > 0);
        checked
            .mismatches
            .iter()
            .map(|found| format!("{}: {} / {}", found.field, found.expected, found.actual))
            .collect()
    }

    fn passes(expect: &str, status: u16, headers: &[(&str, &str)], body: &str) {
        assert_eq!(check(expect, status, headers, body), [""; 0], "{expect}");
    }

    #[test]
    fn statuses() {
        passes("{status: 200}", 200, &[], "");
        passes("{status: [400, 403]}", 403, &[], "");
        passes("{status: 4xx}", 404, &[], "");
        assert_eq!(check("{status: [4xx, 501]}", 500, &[], ""), ["status: 4xx or 501 / 500"]);
    }

    #[test]
    fn headers_mean_what_http_says() {
        const M: &str = "access-control-allow-methods";
        passes("{headers: {Access-Control-Allow-Methods: \"GET, PUT\"}}", 200, &[(M, "GET"), (M, "PUT")], "");
        passes("{headers: {access-control-allow-methods: \"GET, PUT\"}}", 200, &[(M, "GET ,PUT")], "");
        passes("{headers: {access-control-allow-methods: {list: [PUT, GET]}}}", 200, &[(M, "GET,PUT")], "");
        passes("{headers: {vary: {contains: origin, lacks: Accept}}}", 200, &[("vary", "Accept-Encoding, Origin")], "");
        passes("{headers: {access-control-*: absent}}", 200, &[("vary", "Origin")], "");
        passes(
            "{headers: {etag: present, x-none: absent, etag: {matches: '\"[0-9]+\"'}}}"
                .replace(", etag: {m", ", x-id: {m")
                .as_str(),
            200,
            &[("etag", "1"), ("x-id", "\"12\"")],
            "",
        );
        assert_eq!(
            check("{headers: {access-control-allow-methods: \"GET, PUT\"}}", 200, &[(M, "PUT, GET")], ""),
            ["headers.access-control-allow-methods: GET, PUT / PUT, GET"]
        );
        assert_eq!(
            check(
                "{headers: {access-control-allow-origin: https://a}}",
                200,
                &[("access-control-allow-origin", "https://a"), ("access-control-allow-origin", "https://a")],
                ""
            ),
            ["headers.access-control-allow-origin: https://a / https://a, https://a"]
        );
        assert_eq!(
            check("{headers: {access-control-*: absent}}", 200, &[(M, "GET")], ""),
            ["headers.access-control-*: absent / access-control-allow-methods"]
        );
        assert_eq!(
            check("{headers: {access-control-allow-methods: {list: [GET]}}}", 200, &[(M, "GET, PUT")], "").len(),
            1
        );
        assert_eq!(
            check("{headers: {access-control-allow-methods: {list: [GET, PUT]}}}", 200, &[(M, "GET")], "").len(),
            1
        );
        assert_eq!(
            check("{headers: {x-oss-request-id: {differs_from: 1}}}", 200, &[("x-oss-request-id", "1")], "").len(),
            1
        );
        passes("{headers: {x-oss-request-id: {differs_from: 1}}}", 200, &[("x-oss-request-id", "2")], "");
    }

    #[test]
    fn errors() {
        let body = "<Error xmlns='u'><Code>A</Code><Message>m n</Message><RequestId>7</RequestId><HostId>b.example</HostId><More/></Error>";
        let id = [("x-oss-request-id", "7")];
        passes(
            "{error: {code: [B, A], message: {prefix: m}, request_id: header, host_id: host, ec: header, order: [Code, Message, EC]}}",
            403,
            &id,
            body,
        );
        assert_eq!(check("{error: {code: B}}", 403, &id, body), ["error.Code: B / A"]);
        assert_eq!(
            check("{error: {request_id: header}}", 403, &[], body),
            ["error.RequestId: x-oss-request-id: absent / 7"]
        );
        assert_eq!(
            check("{error: {argument_name: x}}", 403, &id, body),
            ["error.ArgumentName: an element `ArgumentName` / absent"]
        );
        assert_eq!(check("{error: {order: [Message, Code]}}", 403, &id, body).len(), 1);
        assert_eq!(check("{error: {code: B}}", 403, &[], ""), ["error: an error document / no body"]);
        assert_eq!(check("{error: {code: B}}", 403, &[], "<html/>"), ["error: a document `Error` / a document `html`"]);
    }

    #[test]
    fn configurations_are_compared_as_models() {
        let body = "<CORSConfiguration><CORSRule><AllowedOrigin>b</AllowedOrigin><AllowedOrigin>A</AllowedOrigin><AllowedMethod>GET</AllowedMethod>\
            <AllowedHeader>x-a</AllowedHeader><ExposeHeader/></CORSRule><ResponseVary>false</ResponseVary></CORSConfiguration>";
        let rule = "{allowed_origins: [A, b], allowed_methods: GET, allowed_headers: X-A}";
        passes(&format!("{{cors: {{rules: [{rule}], response_vary: false}}}}"), 200, &[], body);
        assert_eq!(check(&format!("{{cors: {{rules: [{rule}], verbatim: true}}}}"), 200, &[], body).len(), 3);
        assert_eq!(
            check(&format!("{{cors: {{rules: [{rule}, {rule}]}}}}"), 200, &[], body),
            ["cors.CORSRule: 2 rules / 1 rules"]
        );
        assert_eq!(check("{cors: {response_vary: absent}}", 200, &[], body), ["cors.ResponseVary: absent / false"]);
        assert_eq!(check("{cors: {response_vary: absent}}", 200, &[], "<a/>").len(), 1);
    }

    #[test]
    fn bodies_earlier_answers_and_browsers() {
        passes("{body: empty}", 200, &[], "");
        passes("{body: {contains: [a, b], lacks: c, matches: '^a'}}", 200, &[], "ab");
        assert_eq!(check("{body: empty}", 200, &[], "x"), ["body: empty / x"]);
        passes("{same_as: 1}", 200, &[("x-oss-request-id", "2")], "<R>2</R>");
        assert_eq!(check("{same_as: 1}", 403, &[("etag", "x")], "").len(), 3);
        passes("{browser: allows}", 200, &[("access-control-allow-origin", "https://a")], "");
        assert_eq!(
            check("{browser: allows}", 403, &[], ""),
            ["browser: a browser allows it / blocked: no Access-Control-Allow-Origin"]
        );
    }

    #[test]
    fn an_answer_outside_the_alternatives_is_a_failed_must() {
        let expect = "{clause: match.origin-case, any_of: {origin_case=sensitive: {status: 403}, origin_case=insensitive: {status: 200}}}";
        passes(expect, 200, &[], "");
        assert_eq!(
            check(expect, 500, &[], ""),
            ["any_of: origin_case=sensitive: status 403 | origin_case=insensitive: status 200 / status 500"]
        );
    }
}

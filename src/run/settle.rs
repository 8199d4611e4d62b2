//! When a change of rules has arrived: what GetBucketCors must show, and a [`Probe`] that tells old rules from new ones.

use http::{HeaderMap, Method, Response, StatusCode};

use super::bucket::code;

use crate::cors::xml::{Document, Text, parse};
use crate::cors::{CorsConfiguration, CorsRequest, CorsRule, Grant, Outcome, Pattern, evaluate, validate};
use crate::dialect::{Behaviours, Dialect};

/// The configuration that a document stores, if the dialect accepts it.
pub(super) fn configuration_of(document: &[u8], dialect: &Dialect) -> Option<CorsConfiguration> {
    let document = parse(document).ok()?;
    validate(&document, &dialect.limits, &dialect.behaviours).ok().map(|rules| rules.into_stored(&dialect.behaviours))
}

/// Whether an answer of GetBucketCors shows what was put (`None`: nothing). Only the origins of the rules and ResponseVary
/// are compared: how the rest comes back is for cases to judge.
pub(super) fn shows(answer: &Response<bytes::Bytes>, wanted: Option<&Document>) -> bool {
    let success = answer.status().is_success();
    let document = if success { parse(answer.body()).ok() } else { None };
    let rules = document.as_ref().map_or(&[][..], |document| document.rules.as_slice());
    // Nothing is there: 404, but not for want of the bucket. Some servers say 200 and no rules, which is for cases to judge.
    let Some(wanted) = wanted else {
        let missing = answer.status() == StatusCode::NOT_FOUND && code(answer).as_deref() != Some("NoSuchBucket");
        return missing || (success && rules.is_empty());
    };
    let values = |texts: &[Text]| {
        let mut values: Vec<String> = texts.iter().map(|text| text.value.trim_ascii().to_owned()).collect();
        values.sort_unstable();
        values.dedup();
        values
    };
    let vary =
        |document: &Document| document.response_vary.first().is_some_and(|text| text.value.trim_ascii() == "true");
    document.as_ref().is_some_and(|document| vary(document) == vary(wanted))
        && rules.len() == wanted.rules.len()
        && rules
            .iter()
            .zip(&wanted.rules)
            .all(|(found, wanted)| values(&found.allowed_origins) == values(&wanted.allowed_origins))
}

/// What tells two answers apart: ResponseVary, and the grant; none is a refusal.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Said {
    vary: bool,
    grant: Option<Grant>,
}

/// A preflight that old and new rules answer differently.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Probe {
    pub(super) origin: String,
    pub(super) method: String,
    pub(super) header: Option<String>,
    old: Said,
    new: Said,
}

impl Probe {
    /// The first such preflight, if there is one.
    pub(super) fn between(
        old: Option<&CorsConfiguration>,
        new: Option<&CorsConfiguration>,
        behaviours: &Behaviours,
    ) -> Option<Self> {
        let rules = |side: Option<&CorsConfiguration>| side.map(|side| side.rules.clone()).unwrap_or_default();
        rules(new).iter().chain(&rules(old)).flat_map(questions).find_map(|(origin, method, header)| {
            let said = |side| ask(side, &origin, &method, header.as_deref(), behaviours);
            let (before, after) = (said(old), said(new));
            (before != after).then_some(Self { origin, method, header, old: before, new: after })
        })
    }

    /// Whether an answer is that of the new rules, as far as they differ from the old ones.
    pub(super) fn is_new(&self, answer: &Response<bytes::Bytes>) -> bool {
        let headers = answer.headers();
        let list = |name: &str| -> Vec<String> {
            let text = one(headers, name);
            text.split(',').map(|member| member.trim().to_owned()).filter(|member| !member.is_empty()).collect()
        };
        let sorted = |mut values: Vec<String>| {
            values.sort_unstable();
            values
        };
        let varies = list("vary").iter().any(|member| member.eq_ignore_ascii_case("origin"));
        // Whether preflights vary is open enough to be asked only where nothing else differs.
        if self.new.grant == self.old.grant {
            return varies == self.new.vary;
        }
        let allowed = headers.contains_key("access-control-allow-origin");
        let (Some(new), Some(old)) = (&self.new.grant, &self.old.grant) else {
            return allowed == self.new.grant.is_some();
        };
        let origin = one(headers, "access-control-allow-origin");
        let age = one(headers, "access-control-max-age").parse().ok();
        let methods = sorted(list("access-control-allow-methods"));
        let exposed = sorted(list("access-control-expose-headers"));
        allowed
            && (new.allow_origin == old.allow_origin || origin.as_bytes() == new.allow_origin)
            && (new.allow_methods == old.allow_methods || methods == sorted(new.allow_methods.clone()))
            && (new.expose_headers == old.expose_headers || exposed == sorted(new.expose_headers.clone()))
            && (new.max_age_seconds == old.max_age_seconds || age == new.max_age_seconds)
    }
}

fn one(headers: &HeaderMap, name: &str) -> String {
    let lines: Vec<String> =
        headers.get_all(name).iter().map(|line| String::from_utf8_lossy(line.as_bytes()).trim().to_owned()).collect();
    lines.join(", ")
}

/// Origins, methods and, with and without, headers that a rule allows.
fn questions(rule: &CorsRule) -> Vec<(String, String, Option<String>)> {
    let sendable = |text: &String| !text.is_empty() && http::HeaderValue::from_str(text).is_ok();
    let mut headers: Vec<Option<String>> = vec![None];
    headers.extend(
        rule.allowed_headers.iter().map(|pattern| sample(pattern, "x-corsuite-probe")).filter(sendable).map(Some),
    );
    let mut found = Vec::new();
    for origin in
        rule.allowed_origins.iter().map(|pattern| sample(pattern, "https://corsuite-probe.example")).filter(sendable)
    {
        for method in &rule.allowed_methods {
            found.extend(headers.iter().map(|header| (origin.clone(), method.clone(), header.clone())));
        }
    }
    found
}

fn sample(pattern: &Pattern, any: &str) -> String {
    if pattern.is_star() { any.to_owned() } else { pattern.as_str().replace('*', "probe") }
}

fn ask(
    configuration: Option<&CorsConfiguration>,
    origin: &str,
    method: &str,
    header: Option<&str>,
    behaviours: &Behaviours,
) -> Said {
    let mut headers = HeaderMap::new();
    let fields = [
        ("origin", Some(origin)),
        ("access-control-request-method", Some(method)),
        ("access-control-request-headers", header),
    ];
    for (name, value) in fields {
        if let Some(value) = value.and_then(|value| http::HeaderValue::from_str(value).ok()) {
            headers.insert(name, value);
        }
    }
    let decision = evaluate(configuration, &CorsRequest::from_parts(&Method::OPTIONS, &headers), behaviours);
    let grant = match decision.outcome {
        // Which rule it is cannot be seen from outside.
        Outcome::Allow(grant) => Some(Grant { rule: 0, ..grant }),
        _ => None,
    };
    Said { vary: decision.vary.is_some(), grant }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn rules(text: &str) -> (Document, CorsConfiguration) {
        let document = format!("<CORSConfiguration><CORSRule>{text}</CORSRule></CORSConfiguration>");
        (parse(document.as_bytes()).unwrap(), configuration_of(document.as_bytes(), Dialect::oss()).unwrap())
    }

    fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Response<Bytes> {
        let mut answer = Response::builder().status(status);
        for (name, value) in headers {
            answer = answer.header(*name, *value);
        }
        answer.body(Bytes::from(body.to_owned())).unwrap()
    }

    const A: &str = "<AllowedOrigin>https://a</AllowedOrigin><AllowedMethod>GET</AllowedMethod>";
    const B: &str =
        "<AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod><MaxAgeSeconds>7</MaxAgeSeconds>";

    #[test]
    fn what_get_shows() {
        let (document, _) = rules(A);
        let body = crate::cors::xml::write(&rules(A).1, &Dialect::oss().behaviours, None);
        assert!(shows(&answer(200, &[], &body), Some(&document)));
        assert!(!shows(
            &answer(200, &[], &crate::cors::xml::write(&rules(B).1, &Dialect::oss().behaviours, None)),
            Some(&document)
        ));
        assert!(!shows(&answer(404, &[], "<Error/>"), Some(&document)));
        assert!(shows(&answer(404, &[], "<Error/>"), None));
        assert!(shows(&answer(200, &[], ""), None));
        assert!(!shows(&answer(200, &[], &body), None));
        assert!(!shows(&answer(404, &[], "<Error><Code>NoSuchBucket</Code></Error>"), None));
        assert!(!shows(&answer(500, &[], ""), None) && !shows(&answer(403, &[], ""), None));
    }

    #[test]
    fn a_probe_tells_old_from_new() {
        let behaviours = &Dialect::oss().behaviours;
        let (a, b) = (rules(A).1, rules(B).1);
        let probe = Probe::between(Some(&a), Some(&b), behaviours).unwrap();
        let granted = [("access-control-allow-origin", "*"), ("access-control-max-age", "7")];
        assert!(probe.is_new(&answer(200, &granted, "")));
        assert!(!probe.is_new(&answer(403, &[], "")));
        let gone = Probe::between(Some(&a), None, behaviours).unwrap();
        assert!(gone.is_new(&answer(403, &[], "")) && !gone.is_new(&answer(200, &granted, "")));
        assert_eq!(Probe::between(Some(&a), Some(&a), behaviours), None);
        let varying = CorsConfiguration { response_vary: true, ..b.clone() };
        let vary = Probe::between(Some(&varying), Some(&b), behaviours).unwrap();
        assert!(
            vary.is_new(&answer(200, &granted, ""))
                && !vary.is_new(&answer(200, &[("vary", "Origin"), granted[0]], ""))
        );
        let header = rules(&format!("{B}<AllowedHeader>x-*</AllowedHeader>")).1;
        assert_eq!(Probe::between(Some(&b), Some(&header), behaviours).unwrap().header.as_deref(), Some("x-probe"));
        let older = rules(&B.replace('7', "8")).1;
        let age = Probe::between(Some(&older), Some(&b), behaviours).unwrap();
        assert!(age.is_new(&answer(200, &granted, "")));
        assert!(!age.is_new(&answer(
            200,
            &[("access-control-allow-origin", "*"), ("access-control-max-age", "8")],
            ""
        )));
    }
}

//! Which decisions a case makes a server take: [`predicted`], and all that can be reached: [`reachable`].
//!
//! A feature is a short text: a clause that an answer of the case is judged by, or a property of a decision of the oracle, such
//! as which of the three conditions of a rule are met, or what kind of pattern matched.

use std::collections::BTreeSet;

use http::Method;

use crate::case::Case;
use crate::cors::{CorsConfiguration, CorsRequest, Denial, Kind, Outcome, Pattern, evaluate};
use crate::dialect::Dialect;
use crate::predict::predict_seeing;

/// The features that the generator reaches, one a line.
const REACHABLE: &str = include_str!("features.txt");

/// All features that can be reached.
pub fn reachable() -> impl Iterator<Item = &'static str> {
    REACHABLE.lines()
}

/// Predicts what the oracle expects of a case, and gives the features of it.
pub fn predicted(case: &mut Case, dialect: &Dialect) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    predict_seeing(case, dialect, |request, rules| {
        let management = request.uri().query().is_some_and(|query| query.starts_with("cors"));
        if *request.method() == Method::OPTIONS || !management {
            let asked = CorsRequest::from_parts(request.method(), request.headers());
            decision(rules, &asked, dialect, &mut found);
        }
    });
    found.extend(case.clauses.iter().map(|clause| format!("clause {clause}")));
    found
}

fn decision(rules: Option<&CorsConfiguration>, asked: &CorsRequest, dialect: &Dialect, found: &mut BTreeSet<String>) {
    let kind = if asked.kind == Kind::Preflight { "preflight" } else { "actual" };
    let decision = evaluate(rules, asked, &dialect.behaviours);
    let outcome = match &decision.outcome {
        Outcome::Allow(_) => "granted",
        Outcome::NotCors => "no CORS request",
        Outcome::Deny(Denial::NoOrigin) => "no origin",
        Outcome::Deny(Denial::SeveralOrigins(_)) => "several origins",
        Outcome::Deny(Denial::NoRequestMethod) => "no method",
        Outcome::Deny(Denial::UnknownRequestMethod) => "unknown method",
        Outcome::Deny(Denial::NotEnabled) => "not enabled",
        Outcome::Deny(Denial::NoRule) => "no rule",
    };
    let vary = if decision.vary { "varies" } else { "does not vary" };
    found.insert(format!("{kind} {outcome}, {vary}"));
    let Some(rules) = rules else { return };
    if let Outcome::Allow(grant) = &decision.outcome {
        let place = match (grant.rule, rules.rules.len()) {
            (_, 1) => "only",
            (0, _) => "first",
            (at, count) if at + 1 == count => "last",
            _ => "middle",
        };
        found.insert(format!("{kind} granted by the {place} rule"));
        let star = if grant.allow_origin == b"*" { "*" } else { "the origin" };
        let exposes = if grant.expose_headers.is_empty() { "nothing" } else { "headers" };
        let age = if grant.max_age_seconds.is_some() { "an age" } else { "no age" };
        found.insert(format!("{kind} grants {star}, exposes {exposes}, {age}"));
    }
    if asked.kind == Kind::Preflight {
        let lines = asked.request_headers.len();
        let names = asked.requested_headers().len();
        let count = |count: usize| match count {
            0 => "no",
            1 => "one",
            2..=9 => "several",
            _ => "many",
        };
        found.insert(format!("{} names in {} lines", count(names), count(lines)));
    }
    let origin = asked.origins.first().map(crate::cors::Origin::as_bytes).unwrap_or_default();
    for (rule, trace) in rules.rules.iter().zip(&decision.trace) {
        let headers = trace.headers.iter().all(|header| header.allowed.is_some());
        let met = |met: bool, name: &str| if met { name.to_owned() } else { format!("no {name}") };
        found.insert(format!(
            "{kind} rule with {}, {}, {}",
            met(trace.origin.is_some(), "origin"),
            met(trace.method.is_some(), "method"),
            met(headers, "headers")
        ));
        for pattern in &rule.allowed_origins {
            let met = if pattern.matches(origin) { "met" } else { "not met" };
            found.insert(format!("origin {} {met}", shape(pattern)));
        }
        for (header, pattern) in
            trace.headers.iter().flat_map(|header| rule.allowed_headers.iter().map(move |one| (header, one)))
        {
            let met = if pattern.matches_ignore_case(&header.name) { "met" } else { "not met" };
            found.insert(format!("header {} {met}", shape(pattern)));
        }
    }
}

/// What a pattern is like.
fn shape(pattern: &Pattern) -> &'static str {
    match pattern.as_str().split_once('*') {
        None => "without asterisk",
        Some(("", "")) => "asterisk alone",
        Some(("", _)) => "asterisk first",
        Some((_, "")) => "asterisk last",
        Some(_) => "asterisk inside",
    }
}

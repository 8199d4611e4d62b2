//! Which decisions a case makes a server take: [`predicted`], and all that can be reached: [`reachable`].
//!
//! A feature is a short text: a clause that an answer of the case is judged by, or a property of a decision of the oracle, such
//! as which of the three conditions of a rule are met, or what kind of pattern matched.

use std::collections::BTreeSet;
use std::fmt;

use http::Method;

use crate::case::Case;
use crate::cors::{CorsConfiguration, CorsRequest, Denial, Kind, Outcome, Pattern, evaluate};
use crate::dialect::{Dialect, VaryMembers, VaryOn};
use crate::predict::predict_seeing;

/// The features that the generator reaches in the dialects that come with the program, one a line.
const REACHABLE: &str = include_str!("features.txt");

/// All features that can be reached under a dialect.
pub fn reachable(dialect: &Dialect) -> impl Iterator<Item = &'static str> {
    REACHABLE.lines().filter(|feature| can_be(feature, dialect))
}

/// Whether what a dialect says leaves a feature possible.
fn can_be(feature: &str, dialect: &Dialect) -> bool {
    let says = |point: &str, value: &str| {
        let open = dialect.open.get(point).is_some_and(|values| values.contains(&value));
        open || dialect.behaviours.value(point) == Some(value)
    };
    if let Some(clause) = feature.strip_prefix("clause ") {
        return dialect.clauses.get(clause).is_some();
    }
    // Vary with the grant comes with nothing else.
    let by_grant = dialect.behaviours.vary == VaryOn::Granted;
    let granted = feature.contains(" granted, ") && dialect.behaviours.vary_members != VaryMembers::None;
    let vary = !by_grant || granted == feature.ends_with(", varies");
    // Without ResponseVary nothing but requested headers tells an actual request that names them.
    let rule =
        !feature.starts_with("actual rule") || !feature.contains("no headers") || says("actual_headers", "checked");
    let outcome = match feature.split(',').next().unwrap_or_default() {
        "preflight no method" => says("preflight_method", "bad_request"),
        "preflight odd name" => says("odd_names", "bad_request"),
        "preflight unknown method" => says("unknown_method", "bad_request") || says("method_case", "bad_request"),
        _ => true,
    };
    vary && rule && outcome
}

/// What a feature says, before it is text: most of them come up again with every request of a case.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Feature {
    Decided { kind: &'static str, outcome: &'static str, varies: bool },
    Granted { kind: &'static str, place: &'static str },
    Grants { kind: &'static str, star: bool, exposes: bool, age: bool },
    Names { names: &'static str, lines: &'static str },
    Rule { kind: &'static str, origin: bool, method: bool, headers: bool },
    Pattern { of: &'static str, shape: &'static str, met: bool },
}

impl fmt::Display for Feature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let no = |met: bool| if met { "" } else { "no " };
        match *self {
            Self::Decided { kind, outcome, varies } => {
                write!(f, "{kind} {outcome}, {}", if varies { "varies" } else { "does not vary" })
            }
            Self::Granted { kind, place } => write!(f, "{kind} granted by the {place} rule"),
            Self::Grants { kind, star, exposes, age } => {
                let star = if star { "*" } else { "the origin" };
                let exposes = if exposes { "headers" } else { "nothing" };
                let age = if age { "an age" } else { "no age" };
                write!(f, "{kind} grants {star}, exposes {exposes}, {age}")
            }
            Self::Names { names, lines } => write!(f, "{names} names in {lines} lines"),
            Self::Rule { kind, origin, method, headers } => {
                write!(f, "{kind} rule with {}origin, {}method, {}headers", no(origin), no(method), no(headers))
            }
            Self::Pattern { of, shape, met } => write!(f, "{of} {shape} {}", if met { "met" } else { "not met" }),
        }
    }
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
    let clauses = case.clauses.iter().map(|clause| format!("clause {clause}"));
    found.iter().map(ToString::to_string).chain(clauses).collect()
}

fn decision(rules: Option<&CorsConfiguration>, asked: &CorsRequest, dialect: &Dialect, found: &mut BTreeSet<Feature>) {
    let kind = if asked.kind == Kind::Preflight { "preflight" } else { "actual" };
    let decision = evaluate(rules, asked, &dialect.behaviours);
    let outcome = match &decision.outcome {
        Outcome::Allow(_) => "granted",
        Outcome::NotCors => "no CORS request",
        Outcome::Deny(Denial::NoOrigin) => "no origin",
        Outcome::Deny(Denial::SeveralOrigins(_)) => "several origins",
        Outcome::Deny(Denial::NoRequestMethod) => "no method",
        Outcome::Deny(Denial::UnknownRequestMethod) => "unknown method",
        Outcome::Deny(Denial::OddRequestHeader) => "odd name",
        Outcome::Deny(Denial::NotEnabled) => "not enabled",
        Outcome::Deny(Denial::NoRule) => "no rule",
    };
    found.insert(Feature::Decided { kind, outcome, varies: decision.vary.is_some() });
    let Some(rules) = rules else { return };
    if let Outcome::Allow(grant) = &decision.outcome {
        let place = match (grant.rule, rules.rules.len()) {
            (_, 1) => "only",
            (0, _) => "first",
            (at, count) if at + 1 == count => "last",
            _ => "middle",
        };
        found.insert(Feature::Granted { kind, place });
        found.insert(Feature::Grants {
            kind,
            star: grant.allow_origin == b"*",
            exposes: !grant.expose_headers.is_empty(),
            age: grant.max_age_seconds.is_some(),
        });
    }
    if asked.kind == Kind::Preflight {
        let count = |count: usize| match count {
            0 => "no",
            1 => "one",
            2..=9 => "several",
            _ => "many",
        };
        let (names, lines) = (count(asked.requested_headers().len()), count(asked.request_headers.len()));
        found.insert(Feature::Names { names, lines });
    }
    let origin = asked.origins.first().map(crate::cors::Origin::as_bytes).unwrap_or_default();
    for (rule, trace) in rules.rules.iter().zip(&decision.trace) {
        found.insert(Feature::Rule {
            kind,
            origin: trace.origin.is_some(),
            method: trace.method.is_some(),
            headers: trace.headers.iter().all(|header| header.allowed.is_some()),
        });
        for pattern in &rule.allowed_origins {
            found.insert(Feature::Pattern { of: "origin", shape: shape(pattern), met: pattern.matches(origin) });
        }
        for (header, pattern) in
            trace.headers.iter().flat_map(|header| rule.allowed_headers.iter().map(move |one| (header, one)))
        {
            let met = pattern.matches_ignore_case(&header.name);
            found.insert(Feature::Pattern { of: "header", shape: shape(pattern), met });
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

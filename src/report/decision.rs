//! Why the oracle decides as it does, in words: [`told`].

use crate::cors::{CorsConfiguration, CorsRequest, CorsRule, Decision, Denial, Kind, Outcome, Pattern, RuleTrace};
use crate::diagnostic::visible;

/// Each rule and what it says to each condition, then what is answered.
pub fn told(configuration: Option<&CorsConfiguration>, asked: &CorsRequest, decision: &Decision) -> String {
    let method = String::from_utf8_lossy(&decision.method);
    let rules = configuration.iter().flat_map(|found| &found.rules).zip(&decision.trace).enumerate();
    let mut text: String = rules.map(|(index, (one, trace))| rule(index, one, trace, &method)).collect();
    if !text.is_empty() {
        text.push('\n');
    }
    let switched = configuration.is_some_and(|rules| rules.response_vary);
    text + &conclusion(decision, asked.kind, switched)
}

/// One rule: what it says to each condition.
fn rule(index: usize, rule: &CorsRule, trace: &RuleTrace, method: &str) -> String {
    let verdict = match (trace.meets_all(), trace.too_late) {
        (true, false) => "answers",
        (true, true) => "would match, but an earlier rule has answered",
        (false, true) => "is not read: an earlier rule has answered",
        (false, false) => "does not match",
    };
    let mut text = format!("rule {} {verdict}\n", index + 1);
    let mark = |met: bool| if met { "met   " } else { "failed" };
    let list = |values: Vec<&str>| if values.is_empty() { "none".to_owned() } else { visible(&values.join(", ")) };
    let origins = list(rule.allowed_origins.iter().map(Pattern::as_str).collect());
    let origin = match trace.origin.and_then(|at| rule.allowed_origins.get(at)) {
        Some(pattern) => format!("matches {}", visible(pattern.as_str())),
        None => format!("matches none of {origins}"),
    };
    text.extend(["  ", mark(trace.origin.is_some()), " AllowedOrigin: the origin ", &origin, "\n"]);
    let methods = list(rule.allowed_methods.iter().map(String::as_str).collect());
    let method = visible(method);
    let held = if trace.method.is_some() {
        format!("{method} is one of {methods}")
    } else {
        format!("{method} is none of {methods}")
    };
    text.extend(["  ", mark(trace.method.is_some()), " AllowedMethod: ", &held, "\n"]);
    let headers = list(rule.allowed_headers.iter().map(Pattern::as_str).collect());
    for header in &trace.headers {
        let name = visible(&String::from_utf8_lossy(&header.name));
        let held = match header.allowed.and_then(|at| rule.allowed_headers.get(at)) {
            Some(pattern) => format!("{name} matches {}", visible(pattern.as_str())),
            None => format!("{name} matches none of {headers}"),
        };
        text.extend(["  ", mark(header.allowed.is_some()), " AllowedHeader: ", &held, "\n"]);
    }
    text
}

fn conclusion(decision: &Decision, kind: Kind, switched: bool) -> String {
    let mut text = String::new();
    match &decision.outcome {
        Outcome::Allow(grant) => {
            text.extend(["rule ", &(grant.rule + 1).to_string(), " answers with\n"]);
            for (name, value) in grant.headers() {
                text.extend(["  ", name.as_str(), ": ", &visible(&String::from_utf8_lossy(&value)), "\n"]);
            }
        }
        Outcome::Deny(denial) => {
            let why = match denial {
                Denial::NotEnabled => "the bucket has no CORS rules",
                Denial::NoRule => "no rule meets all conditions",
                Denial::NoOrigin => "there is no Origin",
                Denial::NoRequestMethod => "there is no Access-Control-Request-Method",
                Denial::SeveralOrigins(_) => "there are several Origins",
                Denial::UnknownRequestMethod => "no rule can name the method",
                Denial::OddRequestHeader => "no header field can have one of the requested names",
            };
            let answer = match (kind, denial) {
                (Kind::Actual, _) => "the request is served, without CORS headers",
                (
                    Kind::Preflight,
                    Denial::NoOrigin
                    | Denial::NoRequestMethod
                    | Denial::UnknownRequestMethod
                    | Denial::OddRequestHeader,
                ) => "the answer is 400",
                (Kind::Preflight, _) => "the answer is 403 AccessForbidden",
            };
            text.extend([why, ": ", answer, "\n"]);
        }
        Outcome::NotCors => text.push_str("without Origin it is no CORS request: it is served, without CORS headers\n"),
    }
    if let Some(members) = decision.vary {
        let why = if switched { "ResponseVary is true" } else { "a rule answers" };
        text.extend(["  vary: ", members, " (", why, ")\n"]);
    }
    text
}

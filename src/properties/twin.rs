//! The rules a second time, naively: [`matches`] and [`evaluate`].
//!
//! Nothing here calls [`crate::cors`]'s own logic; only its data types are shared.

use crate::cors::{CorsConfiguration, CorsRequest, Kind};

/// What the twin says about a request.
#[derive(Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Said {
    /// A rule grants, with these header fields.
    Grant {
        /// Its index.
        rule: usize,
        /// Name and value.
        headers: Vec<(String, Vec<u8>)>,
    },
    /// A refusal.
    Refused(&'static str),
    /// Not a CORS request.
    Nothing,
}

/// `*` is any run of bytes: tried by recursion, one byte at a time. Short inputs only.
pub fn matches(pattern: &[u8], value: &[u8]) -> bool {
    match (pattern, value) {
        ([], []) => true,
        ([b'*', rest @ ..], []) => matches(rest, &[]),
        ([b'*', rest @ ..], [_, tail @ ..]) => matches(rest, value) || matches(pattern, tail),
        ([first, rest @ ..], [head, tail @ ..]) => first == head && matches(rest, tail),
        _ => false,
    }
}

fn lower(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().map(u8::to_ascii_lowercase).collect()
}

/// Sentence by sentence, for the default behaviours.
pub fn evaluate(configuration: Option<&CorsConfiguration>, request: &CorsRequest) -> (Said, bool) {
    let vary = match configuration {
        Some(configuration) => configuration.response_vary,
        None => false,
    };
    let preflight = request.kind == Kind::Preflight;
    if preflight {
        if request.origins.is_empty() {
            return (Said::Refused("no origin"), vary);
        }
        if request.origins.len() > 1 {
            return (Said::Refused("several origins"), vary);
        }
        if request.request_method.is_none() {
            return (Said::Refused("no method"), vary);
        }
    }
    if request.origins.is_empty() {
        return (Said::Nothing, vary);
    }
    let Some(configuration) = configuration else { return (Said::Refused("not enabled"), vary) };
    if request.origins.len() > 1 {
        return (Said::Refused("several origins"), vary);
    }
    let Some(origin) = request.origins.first() else { return (Said::Nothing, vary) };
    let method = match (&request.request_method, preflight) {
        (Some(method), true) => method.clone(),
        _ => request.method.clone().into_bytes(),
    };
    let mut asked: Vec<Vec<u8>> = Vec::new();
    if preflight {
        let joined = request.request_headers.join(&b',');
        for piece in joined.split(|byte| *byte == b',') {
            let trimmed = piece.trim_ascii().to_vec();
            if !trimmed.is_empty() {
                asked.push(trimmed);
            }
        }
    }
    for (index, rule) in configuration.rules.iter().enumerate() {
        let mut allow_origin = None;
        for element in &rule.allowed_origins {
            if allow_origin.is_none() && matches(element.as_str().as_bytes(), origin.as_bytes()) {
                let star = element.as_str() == "*";
                allow_origin = Some(if star { b"*".to_vec() } else { origin.as_bytes().to_vec() });
            }
        }
        let mut method_named = false;
        for element in &rule.allowed_methods {
            method_named = method_named || element.as_bytes() == method;
        }
        let mut all_allowed = true;
        for name in &asked {
            let mut allowed = false;
            for element in &rule.allowed_headers {
                allowed = allowed || matches(&lower(element.as_str().as_bytes()), &lower(name));
            }
            all_allowed = all_allowed && allowed;
        }
        let (Some(allow_origin), true, true) = (allow_origin, method_named, all_allowed) else { continue };
        let mut headers = vec![
            ("access-control-allow-origin".to_owned(), allow_origin),
            ("access-control-allow-methods".to_owned(), rule.allowed_methods.join(", ").into_bytes()),
        ];
        if !asked.is_empty() {
            headers.push(("access-control-allow-headers".to_owned(), asked.join(&b", "[..])));
        }
        if !rule.expose_headers.is_empty() {
            headers.push(("access-control-expose-headers".to_owned(), rule.expose_headers.join(", ").into_bytes()));
        }
        if let Some(seconds) = rule.max_age_seconds {
            headers.push(("access-control-max-age".to_owned(), format!("{seconds}").into_bytes()));
        }
        return (Said::Grant { rule: index, headers }, vary);
    }
    (Said::Refused("no rule"), vary)
}

//! The rules a second time, naively: [`matches()`], [`evaluate`], [`stored`].
//!
//! Nothing here calls [`crate::cors`]'s own logic; only its data types are shared. Documents are read by another parser,
//! open points are looked up by their names in case files.

use crate::cors::{CorsConfiguration, CorsRequest, CorsRule, Kind, Pattern};
use crate::dialect::{Behaviours, Dialect, Limits};

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

/// The open points that [`evaluate`](fn@evaluate) looks up.
pub const POINTS: [&str; 27] = [
    "preflight_order",
    "missing_both",
    "unknown_method",
    "two_origins",
    "empty_request_headers",
    "empty_members",
    "origin_case",
    "method_case",
    "mixed_star",
    "allow_methods",
    "acah_on_actual",
    "zero_age",
    "credentials",
    "vary",
    "vary_members",
    "vary_unmatched",
    "vary_no_origin",
    "vary_refused",
    "preflight_method",
    "odd_names",
    "allow_headers",
    "allow_headers_case",
    "preflight_expose",
    "methods_on_actual",
    "age_on_actual",
    "actual_method",
    "actual_headers",
];

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

/// What is said, and what Vary names.
pub fn evaluate(
    configuration: Option<&CorsConfiguration>,
    request: &CorsRequest,
    behaviours: &Behaviours,
) -> (Said, Option<&'static str>) {
    let chose = |point: &str, value: &str| behaviours.value(point) == Some(value);
    let said = said(configuration, request, behaviours);
    let switched = configuration.is_some_and(|configuration| configuration.response_vary);
    let has_rules = configuration.is_some();
    let varies = if chose("vary", "granted") {
        let point = match (request.kind == Kind::Preflight, request.origins.is_empty()) {
            (true, _) => "vary_refused",
            (false, true) => "vary_no_origin",
            (false, false) => "vary_unmatched",
        };
        matches!(said, Said::Grant { .. }) || (has_rules && chose(point, "present"))
    } else {
        switched
    };
    let members = if chose("vary_members", "all_three") {
        "Origin, Access-Control-Request-Headers, Access-Control-Request-Method"
    } else {
        "Origin"
    };
    (said, varies.then_some(members).filter(|_| !chose("vary_members", "none")))
}

/// Sentence by sentence.
fn said(configuration: Option<&CorsConfiguration>, request: &CorsRequest, behaviours: &Behaviours) -> Said {
    let chose = |point: &str, value: &str| behaviours.value(point) == Some(value);
    let preflight = request.kind == Kind::Preflight;
    if preflight {
        if configuration.is_none() && chose("preflight_order", "config_first") {
            return Said::Refused("not enabled");
        }
        let method_missing = request.request_method.is_none() && chose("preflight_method", "bad_request");
        if request.origins.is_empty() && method_missing && chose("missing_both", "method_first") {
            return Said::Refused("no method");
        }
        if request.origins.is_empty() {
            return Said::Refused("no origin");
        }
        if request.origins.len() > 1 && !chose("two_origins", "first") {
            return Said::Refused("several origins");
        }
        if method_missing {
            return Said::Refused("no method");
        }
        if let Some(method) = &request.request_method {
            let known = ["get", "put", "post", "delete", "head"].iter().any(|name| name.as_bytes() == lower(method));
            let upper = method.to_ascii_uppercase() == *method;
            if (!known && chose("unknown_method", "bad_request"))
                || (known && !upper && chose("method_case", "bad_request"))
            {
                return Said::Refused("unknown method");
            }
        }
    }
    if request.origins.is_empty() {
        return Said::Nothing;
    }
    let method = match (&request.request_method, preflight) {
        (Some(method), true) => method.clone(),
        (None, true) => Vec::new(),
        (Some(method), false) if chose("actual_method", "requested") => method.clone(),
        (_, false) => request.method.clone().into_bytes(),
    };
    let mut asked: Vec<Vec<u8>> = Vec::new();
    let mut empty = false;
    for line in &request.request_headers {
        for piece in line.split(|byte| *byte == b',') {
            let trimmed = piece.trim_ascii().to_vec();
            if trimmed.is_empty() {
                empty = true;
            } else {
                asked.push(trimmed);
            }
        }
    }
    if preflight && chose("odd_names", "bad_request") {
        let fine = |byte: &u8| byte.is_ascii_graphic() && !b"\"(),/:;<=>?@[\\]{}".contains(byte);
        if asked.iter().any(|name| !name.iter().all(fine)) {
            return Said::Refused("odd name");
        }
    }
    let Some(configuration) = configuration else { return Said::Refused("not enabled") };
    let origin = match request.origins.as_slice() {
        [origin] => origin,
        [origin, ..] if chose("two_origins", "first") => origin,
        _ => return Said::Refused("several origins"),
    };
    let answer = rule_by_rule(configuration, origin.as_bytes(), &method, &asked, preflight, behaviours);
    if preflight && empty {
        let point = if asked.is_empty() { "empty_request_headers" } else { "empty_members" };
        let refused = chose(point, "refused");
        if refused {
            return Said::Refused("no rule");
        }
    }
    answer
}

fn header_allowed(allowed: &[Vec<u8>], name: &[u8]) -> bool {
    let name = lower(name);
    for element in allowed {
        if matches(element, &name) {
            return true;
        }
    }
    false
}

fn rule_by_rule(
    configuration: &CorsConfiguration,
    origin: &[u8],
    method: &[u8],
    asked: &[Vec<u8>],
    preflight: bool,
    behaviours: &Behaviours,
) -> Said {
    let chose = |point: &str, value: &str| behaviours.value(point) == Some(value);
    let any_case = chose("origin_case", "insensitive");
    let folded = preflight && chose("method_case", "insensitive");
    for (index, rule) in configuration.rules.iter().enumerate() {
        let mut hits: Vec<&str> = Vec::new();
        for element in &rule.allowed_origins {
            let text = element.as_str();
            let hit = if any_case {
                matches(&lower(text.as_bytes()), &lower(origin))
            } else {
                matches(text.as_bytes(), origin)
            };
            if hit {
                hits.push(text);
            }
        }
        let mut method_named = false;
        for element in &rule.allowed_methods {
            let same = element.as_bytes() == method;
            method_named = method_named || same || (folded && lower(element.as_bytes()) == lower(method));
        }
        if hits.is_empty() || !method_named {
            continue;
        }
        let allowed: Vec<Vec<u8>> =
            rule.allowed_headers.iter().map(|element| lower(element.as_str().as_bytes())).collect();
        let mut all_allowed = true;
        if preflight || chose("actual_headers", "checked") {
            for name in asked {
                all_allowed = all_allowed && header_allowed(&allowed, name);
            }
        }
        if !all_allowed {
            continue;
        }
        let stars = hits.iter().filter(|hit| **hit == "*").count();
        let star = if chose("mixed_star", "star") {
            stars > 0
        } else if chose("mixed_star", "echo") {
            stars == hits.len()
        } else {
            hits.first() == Some(&"*")
        };
        let allow_origin = if star { b"*".to_vec() } else { origin.to_vec() };
        let credentials = !star && origin != b"*" && chose("credentials", "unless_star");
        let methods = if chose("allow_methods", "requested") {
            String::from_utf8_lossy(method).into_owned()
        } else {
            rule.allowed_methods.join(", ")
        };
        let mut headers = vec![("access-control-allow-origin".to_owned(), allow_origin)];
        if preflight || chose("methods_on_actual", "sent") {
            headers.push(("access-control-allow-methods".to_owned(), methods.into_bytes()));
        }
        let mut listed: Vec<Vec<u8>> = Vec::new();
        for name in asked {
            if preflight || (chose("acah_on_actual", "echoed") && header_allowed(&allowed, name)) {
                listed.push(if chose("allow_headers_case", "lower") { lower(name) } else { name.clone() });
            }
        }
        if !preflight && chose("acah_on_actual", "rule") {
            listed = rule.allowed_headers.iter().map(|element| element.as_str().to_owned().into_bytes()).collect();
        } else if preflight && !listed.is_empty() && chose("allow_headers", "star") {
            listed = vec![b"*".to_vec()];
        } else if preflight && !listed.is_empty() && chose("allow_headers", "rule") {
            listed = rule.allowed_headers.iter().map(|element| element.as_str().to_owned().into_bytes()).collect();
        }
        if !listed.is_empty() {
            headers.push(("access-control-allow-headers".to_owned(), listed.join(&b", "[..])));
        }
        let unsaid = preflight && chose("preflight_expose", "absent");
        if !rule.expose_headers.is_empty() && !unsaid {
            headers.push(("access-control-expose-headers".to_owned(), rule.expose_headers.join(", ").into_bytes()));
        }
        let dropped = (rule.max_age_seconds == Some(0) && chose("zero_age", "dropped"))
            || (!preflight && chose("age_on_actual", "absent"));
        if let Some(seconds) = rule.max_age_seconds.filter(|_| !dropped) {
            headers.push(("access-control-max-age".to_owned(), format!("{seconds}").into_bytes()));
        }
        if credentials {
            headers.push(("access-control-allow-credentials".to_owned(), b"true".to_vec()));
        }
        return Said::Grant { rule: index, headers };
    }
    Said::Refused("no rule")
}

/// What PutBucketCors stores of a document under the defaults of the OSS dialect; none if it must refuse it. Read by
/// roxmltree, so only documents on which the two parsers agree say something.
pub fn stored(tree: &roxmltree::Document<'_>) -> Option<CorsConfiguration> {
    let root = tree.root_element();
    if root.tag_name().name() != "CORSConfiguration" || has_text(root) {
        return None;
    }
    let limits: &Limits = &Dialect::oss().limits;
    let mut rules = Vec::new();
    let mut vary: Vec<String> = Vec::new();
    for child in root.children().filter(roxmltree::Node::is_element) {
        match child.tag_name().name() {
            "CORSRule" => rules.push(stored_rule(child, i64::try_from(limits.max_age_seconds).unwrap_or(i64::MAX))?),
            "ResponseVary" => vary.push(value(child)?),
            _ => {}
        }
    }
    if rules.is_empty() || rules.len() > limits.max_rules_certain {
        return None;
    }
    let response_vary = match vary.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] | ["false"] => false,
        ["true"] => true,
        _ => return None,
    };
    Some(CorsConfiguration { rules, response_vary })
}

fn has_text(node: roxmltree::Node<'_, '_>) -> bool {
    let texts = node.children().filter(roxmltree::Node::is_text).filter_map(|text| text.text());
    texts.into_iter().any(|text| text.bytes().any(|byte| !byte.is_ascii_whitespace()))
}

/// The text of an element without child elements, white space around it off.
fn value(node: roxmltree::Node<'_, '_>) -> Option<String> {
    if node.children().any(|child| child.is_element()) {
        return None;
    }
    let text: String = node.children().filter(roxmltree::Node::is_text).filter_map(|text| text.text()).collect();
    Some(text.trim_matches(|c: char| c.is_ascii_whitespace()).to_owned())
}

fn stored_rule(node: roxmltree::Node<'_, '_>, oldest: i64) -> Option<CorsRule> {
    if has_text(node) {
        return None;
    }
    let mut rule = CorsRule::default();
    for child in node.children().filter(roxmltree::Node::is_element) {
        match child.tag_name().name() {
            "AllowedOrigin" => {
                let text = value(child)?;
                let scheme = text.strip_suffix("://*").unwrap_or_default();
                let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
                    && !scheme.contains(|c: char| !(c.is_ascii_alphanumeric() || c == '+' || c == '-' || c == '.'));
                if text.is_empty() || is_scheme {
                    return None;
                }
                rule.allowed_origins.push(Pattern::new(text)?);
            }
            "AllowedMethod" => {
                let text = value(child)?;
                if !["GET", "PUT", "DELETE", "POST", "HEAD"].contains(&text.as_str()) {
                    return None;
                }
                rule.allowed_methods.push(text);
            }
            "AllowedHeader" => {
                let text = value(child)?;
                if text.is_empty() {
                    return None;
                }
                rule.allowed_headers.push(Pattern::new(text.to_ascii_lowercase())?);
            }
            "ExposeHeader" => {
                let text = value(child)?;
                if text.is_empty() || text.contains(['*', '<', '>', '&', '\'', '"']) || text.contains(char::is_control)
                {
                    return None;
                }
                rule.expose_headers.push(text);
            }
            "MaxAgeSeconds" => {
                let text = value(child)?;
                if rule.max_age_seconds.is_some() || text.contains(|c: char| !c.is_ascii_digit()) {
                    return None;
                }
                rule.max_age_seconds = Some(text.parse().ok().filter(|seconds| *seconds <= oldest)?);
            }
            _ => {}
        }
    }
    (!rule.allowed_origins.is_empty() && !rule.allowed_methods.is_empty()).then_some(rule)
}

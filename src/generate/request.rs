//! Requests as the rules see them: [`cors_request`].

use arbitrary::Unstructured;

use super::{Source, near};
use crate::cors::{CorsConfiguration, CorsRequest, CorsRule, Kind, Origin, Pattern};

/// What Access-Control-Request-Method may hold besides the methods of rules.
const OTHER_METHODS: [&str; 7] = ["PATCH", "get", "OPTIONS", "Put", "GETGET", "*", ""];

/// Rule, origin, method and header lines of a request that one of the rules is about.
#[derive(Clone, Debug, Default)]
pub(super) struct Aimed {
    pub(super) origin: String,
    pub(super) method: String,
    /// One entry a line.
    pub(super) headers: Vec<String>,
}

/// A request near one of the rules; `headers` says whether it may ask for any.
pub(super) fn aim(u: &mut Unstructured<'_>, rules: &[CorsRule], headers: bool) -> Aimed {
    let mut source = Source(u);
    // The last of many is the one that somebody drops.
    let last = rules.len().saturating_sub(1);
    let at = if source.one_in(5) { last } else { source.below(rules.len()) };
    let nothing = CorsRule::default();
    let rule = rules.get(at).unwrap_or(&nothing);
    // Origin of one rule and method or headers of another: who mixes rules lets it through.
    let other = if source.one_in(4) { rules.get(source.below(rules.len())).unwrap_or(rule) } else { rule };
    let pattern = one_of(&mut source, &rule.allowed_origins).unwrap_or_else(|| super::pattern(source.0));
    let origin = near::origin(source.0, &pattern);
    let method = if source.one_in(8) {
        let at = source.below(super::rules::METHODS.len());
        super::rules::METHODS.get(at).copied().unwrap_or_default().to_owned()
    } else if source.one_in(20) {
        source.pick(&OTHER_METHODS).to_owned()
    } else {
        let at = source.below(other.allowed_methods.len());
        other.allowed_methods.get(at).cloned().unwrap_or_else(|| "GET".to_owned())
    };
    let lines = if headers && source.below(3) > 0 { header_lines(&mut source, rule, other) } else { Vec::new() };
    Aimed { origin, method, headers: lines }
}

/// Header names that one rule allows, or two of them together, or nearly; in one line or two.
fn header_lines(source: &mut Source<'_, '_>, rule: &CorsRule, other: &CorsRule) -> Vec<String> {
    // One name that this rule allows and one that the other does: no rule may allow them together.
    if !std::ptr::eq(rule, other) && source.one_in(3) {
        let mut name = |of: &CorsRule| {
            let pattern = one_of(source, &of.allowed_headers).unwrap_or_else(Pattern::star);
            near::allowed_header(source, &pattern)
        };
        return vec![format!("{},{}", name(rule), name(other))];
    }
    let count = source.weighted(1, &[(25, 2), (10, 3), (4, 24), (2, 60), (2, 120), (2, 0)]);
    // Of many names at most one is amiss: the last, mostly.
    let many = count > 3;
    let amiss = match source.below(4) {
        0 => Some(source.below(count)),
        1 => Some(count.saturating_sub(1)),
        _ => None,
    };
    let mut names: Vec<String> = Vec::with_capacity(count);
    for at in 0..count {
        let pattern = one_of(source, if at == 0 { &other.allowed_headers } else { &rule.allowed_headers });
        let pattern = pattern.or_else(|| Pattern::new(source.pick(&["x-custom", "content-type", "range"])));
        let pattern = pattern.unwrap_or_else(Pattern::star);
        names.push(match amiss {
            Some(amiss) if many && amiss == at => format!("{}-amiss", near::allowed_header(source, &pattern)),
            _ if many => near::allowed_header(source, &pattern),
            _ => near::header(source.0, &pattern),
        });
    }
    let separator = source.weighted(",", &[(28, ", "), (6, " , "), (5, "\t,\t"), (2, ",,"), (3, " "), (2, ";")]);
    match names.as_slice() {
        [first, rest @ ..] if !rest.is_empty() && source.one_in(6) => vec![first.clone(), rest.join(separator)],
        names => vec![names.join(separator)],
    }
}

fn one_of(source: &mut Source<'_, '_>, patterns: &[Pattern]) -> Option<Pattern> {
    let at = source.below(patterns.len());
    patterns.get(at).cloned()
}

/// A request near the rules of a configuration. Odd ones are among them: no Origin, two of them, no method, bytes that are
/// no text.
pub fn cors_request(u: &mut Unstructured<'_>, configuration: &CorsConfiguration) -> CorsRequest {
    let aimed = aim(u, &configuration.rules, true);
    let mut source = Source(u);
    let kind = if source.one_in(3) { Kind::Actual } else { Kind::Preflight };
    let mut origins = vec![aimed.origin.into_bytes()];
    match source.below(24) {
        21 => origins.clear(),
        22 => origins.push(b"https://second.test".to_vec()),
        23 => origins = vec![vec![0xff, b'a', 0x80]],
        _ => {}
    }
    let asked = (!source.one_in(20)).then(|| aimed.method.clone().into_bytes());
    CorsRequest {
        kind,
        // An empty field is none, see `CorsRequest::from_parts`.
        origins: origins
            .into_iter()
            .map(|line| line.trim_ascii().to_vec())
            .filter(|line| !line.is_empty())
            .map(Origin::new)
            .collect(),
        method: if kind == Kind::Preflight { "OPTIONS".to_owned() } else { aimed.method },
        request_method: asked.filter(|method| !method.is_empty()),
        request_headers: aimed.headers.into_iter().map(String::into_bytes).collect(),
    }
}

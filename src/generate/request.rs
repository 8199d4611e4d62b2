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
    let at = source.below(rules.len());
    let nothing = CorsRule::default();
    let rule = rules.get(at).unwrap_or(&nothing);
    // Origin of one rule and method or headers of another: who mixes rules lets it through.
    let other = if source.one_in(6) { rules.get(source.below(rules.len())).unwrap_or(rule) } else { rule };
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
    let mut lines = Vec::new();
    if headers && source.below(3) > 0 {
        let count = source.weighted(1, &[(25, 2), (10, 3), (3, 24), (1, 60), (1, 120), (2, 0)]);
        let mut names: Vec<String> = Vec::with_capacity(count);
        for _ in 0..count {
            let pattern = one_of(&mut source, &other.allowed_headers);
            let pattern = pattern.or_else(|| Pattern::new(source.pick(&["x-custom", "content-type", "range"])));
            names.push(near::header(source.0, &pattern.unwrap_or_else(Pattern::star)));
        }
        let separator = source.weighted(",", &[(30, ", "), (6, " , "), (6, "\t,\t"), (2, ",,")]);
        match names.as_slice() {
            [first, rest @ ..] if !rest.is_empty() && source.one_in(6) => {
                lines = vec![first.clone(), rest.join(separator)];
            }
            names => lines = vec![names.join(separator)],
        }
    }
    Aimed { origin, method, headers: lines }
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

//! The algorithm of the PutBucketCors page: [`evaluate`].

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, HeaderName,
};

use super::{CorsConfiguration, CorsRequest, CorsRule, Kind, Origin, is_known_method, is_token};
use crate::dialect::{
    AcahOnActual, ActualHeaders, AgeOnActual, AllowCredentials, AllowHeaders, AllowHeadersCase, AllowMethods,
    Behaviours, EmptyMembers, EmptyRequestHeaders, MethodCase, MethodsOnActual, MissingBoth, MixedStar, OddNames,
    OriginCase, PreflightExpose, PreflightMethod, PreflightOrder, TwoOrigins, UnknownMethod, VaryMembers, VaryNoOrigin,
    VaryOn, VaryRefused, VaryUnmatched, ZeroAge,
};

/// What the rules say about a request, and why.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Decision {
    /// Allowed, denied, or no CORS request.
    pub outcome: Outcome,
    /// What the answer's Vary names, if it is there on account of CORS.
    pub vary: Option<&'static str>,
    /// The method that rules are held against.
    pub method: Vec<u8>,
    /// One entry a rule, in order; empty where no rule had to be read.
    pub trace: Vec<RuleTrace>,
}

/// The result of a [`Decision`].
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Outcome {
    /// A rule answers.
    Allow(Grant),
    /// None does, or the question was wrong.
    Deny(Denial),
    /// An actual request without Origin.
    NotCors,
}

/// Why a request is denied. A preflight is answered with an error; an actual request only lacks headers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Denial {
    /// 400: a preflight without Origin (clause `preflight.no-origin`).
    NoOrigin,
    /// 400 or 403: two Origin lines (clause `preflight.two-origins`).
    SeveralOrigins(TwoOrigins),
    /// 400: a preflight without Access-Control-Request-Method (clause `preflight.no-method`).
    NoRequestMethod,
    /// 400: a method that no rule can name, where the behaviour says so (clause `preflight.unknown-method`).
    UnknownRequestMethod,
    /// 400: a name that no header field can have, where the behaviour says so (clause `preflight.odd-name`).
    OddRequestHeader,
    /// 403: no configuration (clause `preflight.not-enabled`).
    NotEnabled,
    /// 403: no rule meets all conditions (clause `preflight.refused`).
    NoRule,
}

/// What the answering rule grants.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Grant {
    /// Index of the rule, from 0.
    pub rule: usize,
    /// Access-Control-Allow-Origin.
    pub allow_origin: Vec<u8>,
    /// Access-Control-Allow-Methods; empty means no such field.
    pub allow_methods: Vec<String>,
    /// Access-Control-Allow-Headers; empty means no such field.
    pub allow_headers: Vec<Vec<u8>>,
    /// Access-Control-Expose-Headers; empty means no such field.
    pub expose_headers: Vec<String>,
    /// Access-Control-Max-Age, in seconds.
    pub max_age_seconds: Option<i64>,
    /// Access-Control-Allow-Credentials; never `false`.
    pub allow_credentials: bool,
}

impl Grant {
    /// The response header fields, in the order of the recorded answers.
    pub fn headers(&self) -> Vec<(HeaderName, Vec<u8>)> {
        let mut fields = vec![(ACCESS_CONTROL_ALLOW_ORIGIN, self.allow_origin.clone())];
        if !self.allow_methods.is_empty() {
            fields.push((ACCESS_CONTROL_ALLOW_METHODS, self.allow_methods.join(", ").into_bytes()));
        }
        if !self.allow_headers.is_empty() {
            fields.push((ACCESS_CONTROL_ALLOW_HEADERS, self.allow_headers.join(&b", "[..])));
        }
        if !self.expose_headers.is_empty() {
            fields.push((ACCESS_CONTROL_EXPOSE_HEADERS, self.expose_headers.join(", ").into_bytes()));
        }
        if let Some(seconds) = self.max_age_seconds {
            fields.push((ACCESS_CONTROL_MAX_AGE, seconds.to_string().into_bytes()));
        }
        if self.allow_credentials {
            fields.push((ACCESS_CONTROL_ALLOW_CREDENTIALS, b"true".to_vec()));
        }
        fields
    }
}

/// How one rule fared.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct RuleTrace {
    /// Index of the first AllowedOrigin that matches.
    pub origin: Option<usize>,
    /// Index of the first AllowedMethod that matches.
    pub method: Option<usize>,
    /// Each requested header and the index of the first AllowedHeader that matches it.
    pub headers: Vec<HeaderTrace>,
    /// Whether an earlier rule had answered, so that this one is not read.
    pub too_late: bool,
}

/// How one requested header fared.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct HeaderTrace {
    /// Its name as it came.
    pub name: Vec<u8>,
    /// Index of the first AllowedHeader that matches.
    pub allowed: Option<usize>,
}

impl RuleTrace {
    /// Whether all three conditions are met.
    pub fn meets_all(&self) -> bool {
        self.origin.is_some() && self.method.is_some() && self.headers.iter().all(|header| header.allowed.is_some())
    }
}

/// Holds a request against the rules of a bucket. `None` is a bucket without configuration.
///
/// ```
/// use corsuite::cors::{CorsConfiguration, CorsRequest, CorsRule, Outcome, Pattern, evaluate};
/// use corsuite::dialect::Dialect;
///
/// let rule = CorsRule {
///     allowed_origins: vec![Pattern::new("https://*.example").unwrap()],
///     allowed_methods: vec!["GET".to_owned()],
///     ..CorsRule::default()
/// };
/// let configuration = CorsConfiguration { rules: vec![rule], response_vary: false };
/// let mut headers = http::HeaderMap::new();
/// headers.insert("origin", "https://a.example".parse().unwrap());
/// let request = CorsRequest::from_parts(&http::Method::GET, &headers);
/// let decision = evaluate(Some(&configuration), &request, &Dialect::oss().behaviours);
/// assert!(matches!(decision.outcome, Outcome::Allow(_)));
/// ```
pub fn evaluate(configuration: Option<&CorsConfiguration>, request: &CorsRequest, behaviours: &Behaviours) -> Decision {
    let method = || request.effective_method(behaviours.actual_method).to_vec();
    let without_rules = |outcome| Decision {
        outcome,
        vary: vary(configuration, request, false, behaviours),
        method: method(),
        trace: Vec::new(),
    };

    if request.kind == Kind::Preflight {
        // `preflight.not-enabled` before `preflight.no-origin` and `preflight.no-method`, or after: `preflight.order`.
        let malformed = malformed_preflight(request, behaviours);
        let denial = match (configuration, behaviours.preflight_order) {
            (None, PreflightOrder::ConfigFirst) => Some(Denial::NotEnabled),
            (None, PreflightOrder::HeadersFirst) => Some(malformed.unwrap_or(Denial::NotEnabled)),
            (Some(_), _) => malformed,
        };
        if let Some(denial) = denial {
            return without_rules(Outcome::Deny(denial));
        }
    }
    // `actual.no-origin`: without Origin it is no CORS request.
    let origins = origins(request, behaviours);
    let Some(origin) = origins.first() else {
        return without_rules(Outcome::NotCors);
    };
    // `config.default-none`: a bucket without configuration grants nothing.
    let Some(stored) = configuration else {
        return without_rules(Outcome::Deny(Denial::NotEnabled));
    };
    // An actual request with two Origin lines is one no browser sends; no single origin is asked for, so none is granted.
    if origins.len() > 1 {
        return without_rules(Outcome::Deny(Denial::SeveralOrigins(behaviours.two_origins)));
    }

    let requested = request.requested_headers();
    let mut trace: Vec<RuleTrace> = Vec::with_capacity(stored.rules.len());
    let mut answering = None;
    for (index, rule) in stored.rules.iter().enumerate() {
        let entry = RuleTrace { too_late: answering.is_some(), ..hold(rule, origin, request, &requested, behaviours) };
        // `match.first`: the first rule that meets all conditions answers. `match.fall-through`: others are passed over.
        if answering.is_none() && entry.meets_all() {
            answering = Some((index, rule));
        }
        trace.push(entry);
    }
    let empty_refused = request.kind == Kind::Preflight && refuses_empty(request, &requested, behaviours);
    let outcome = match answering {
        Some((index, rule)) if !empty_refused => {
            Outcome::Allow(grant(index, rule, origin, request, &requested, behaviours))
        }
        // `preflight.refused`, `actual.no-match`.
        _ => Outcome::Deny(Denial::NoRule),
    };
    let vary = vary(configuration, request, matches!(outcome, Outcome::Allow(_)), behaviours);
    Decision { outcome, vary, method: method(), trace }
}

fn vary(
    configuration: Option<&CorsConfiguration>,
    request: &CorsRequest,
    granted: bool,
    behaviours: &Behaviours,
) -> Option<&'static str> {
    let without_grant = || match request.kind {
        Kind::Preflight => behaviours.vary_refused == VaryRefused::Present,
        Kind::Actual if request.origins.is_empty() => behaviours.vary_no_origin == VaryNoOrigin::Present,
        Kind::Actual => behaviours.vary_unmatched == VaryUnmatched::Present,
    };
    let varies = match behaviours.vary {
        // `vary.match`, `vary.no-match`, `vary.no-origin`, `vary.off`: ResponseVary alone decides.
        VaryOn::ResponseVary => configuration.is_some_and(|configuration| configuration.response_vary),
        // `vary.granted`; `vary.not-granted` is open.
        VaryOn::Granted => granted || (configuration.is_some() && without_grant()),
    };
    // `vary.three`; `vary.members` is open.
    let members = match behaviours.vary_members {
        VaryMembers::Origin => "Origin",
        VaryMembers::Three => "Origin, Access-Control-Request-Headers, Access-Control-Request-Method",
        VaryMembers::None => return None,
    };
    varies.then_some(members)
}

/// The Origin lines that count: all, or the first (`preflight.two-origins`).
fn origins<'a>(request: &'a CorsRequest, behaviours: &Behaviours) -> &'a [Origin] {
    match (request.origins.as_slice(), behaviours.two_origins) {
        ([first, ..], TwoOrigins::First) => std::slice::from_ref(first),
        (all, _) => all,
    }
}

/// What makes a preflight no question at all (OptionObject: Origin and Access-Control-Request-Method are required).
fn malformed_preflight(request: &CorsRequest, behaviours: &Behaviours) -> Option<Denial> {
    let needs_method = behaviours.preflight_method == PreflightMethod::BadRequest;
    match (origins(request, behaviours), &request.request_method) {
        // `preflight.missing-both`: either message.
        ([], None) if needs_method && behaviours.missing_both == MissingBoth::MethodFirst => {
            Some(Denial::NoRequestMethod)
        }
        // `preflight.no-origin`
        ([], _) => Some(Denial::NoOrigin),
        // `preflight.two-origins`
        ([_, _, ..], _) => Some(Denial::SeveralOrigins(behaviours.two_origins)),
        // `preflight.no-method`; where it is not asked for, no rule allows it (`preflight.method-needed`).
        ([_], None) if needs_method => Some(Denial::NoRequestMethod),
        ([_], Some(method)) if refuses_method(method, behaviours) => Some(Denial::UnknownRequestMethod),
        // `preflight.odd-name`
        ([_], _) => {
            let odd = || request.requested_headers().into_iter().any(|name| !is_token(name));
            (behaviours.odd_names == OddNames::BadRequest && odd()).then_some(Denial::OddRequestHeader)
        }
    }
}

/// `preflight.unknown-method`, `preflight.method-case`: refused like a method that no rule allows, or as malformed.
fn refuses_method(method: &[u8], behaviours: &Behaviours) -> bool {
    if is_known_method(method) {
        false
    } else if is_known_method(&method.to_ascii_uppercase()) {
        behaviours.method_case == MethodCase::BadRequest
    } else {
        behaviours.unknown_method == UnknownMethod::BadRequest
    }
}

/// The three conditions of the PutBucketCors page.
fn hold(
    rule: &CorsRule,
    origin: &Origin,
    request: &CorsRequest,
    requested: &[&[u8]],
    behaviours: &Behaviours,
) -> RuleTrace {
    let method = request.effective_method(behaviours.actual_method);
    // The third condition is about preflights only, or about all (`actual.request-headers-count`).
    let headers = match (request.kind, behaviours.actual_headers) {
        (Kind::Preflight, _) | (Kind::Actual, ActualHeaders::Check) => requested
            .iter()
            .map(|name| HeaderTrace { name: name.to_vec(), allowed: allowed_header(rule, name) })
            .collect(),
        (Kind::Actual, ActualHeaders::Ignore) => Vec::new(),
    };
    RuleTrace {
        // `match.any-of-origins`, `match.wildcard`, `match.opaque`
        origin: rule.allowed_origins.iter().position(|pattern| match behaviours.origin_case {
            OriginCase::Sensitive => pattern.matches(origin.as_bytes()),
            OriginCase::Insensitive => pattern.matches_ignore_case(origin.as_bytes()),
        }),
        // `preflight.method-case`: case counts, or not, in a preflight; an actual request's method is case-sensitive.
        method: rule.allowed_methods.iter().position(|allowed| {
            let folds = request.kind == Kind::Preflight && behaviours.method_case == MethodCase::Insensitive;
            if folds { allowed.as_bytes().eq_ignore_ascii_case(method) } else { allowed.as_bytes() == method }
        }),
        headers,
        too_late: false,
    }
}

/// `match.header-case`, `match.header-wildcard`.
fn allowed_header(rule: &CorsRule, name: &[u8]) -> Option<usize> {
    rule.allowed_headers.iter().position(|pattern| pattern.matches_ignore_case(name))
}

/// `preflight.empty-headers`: a field without any name; `preflight.empty-members`: an empty member among names.
fn refuses_empty(request: &CorsRequest, requested: &[&[u8]], behaviours: &Behaviours) -> bool {
    let mut members = request.request_headers.iter().flat_map(|line| line.split(|byte| *byte == b','));
    let has_empty = members.any(|member| member.trim_ascii().is_empty());
    has_empty
        && match requested {
            [] => behaviours.empty_request_headers == EmptyRequestHeaders::Refuse,
            [..] => behaviours.empty_members == EmptyMembers::Refuse,
        }
}

fn grant(
    index: usize,
    rule: &CorsRule,
    origin: &Origin,
    request: &CorsRequest,
    requested: &[&[u8]],
    behaviours: &Behaviours,
) -> Grant {
    let on_preflight = request.kind == Kind::Preflight;
    let of_rule = || rule.allowed_headers.iter().map(|pattern| pattern.as_str().as_bytes().to_vec()).collect();
    // `preflight.headers-case`: names of header fields have no case.
    let echoed = |name: &&[u8]| match behaviours.allow_headers_case {
        AllowHeadersCase::Kept => name.to_vec(),
        AllowHeadersCase::Lower => name.to_ascii_lowercase(),
    };
    let allow_headers: Vec<Vec<u8>> = match (behaviours.allow_headers, behaviours.acah_on_actual) {
        // `actual.request-headers` is open.
        (_, AcahOnActual::Absent) if !on_preflight => Vec::new(),
        (_, AcahOnActual::Rule) if !on_preflight => of_rule(),
        (_, AcahOnActual::Echo) if !on_preflight => {
            requested.iter().filter(|name| allowed_header(rule, name).is_some()).map(echoed).collect()
        }
        // `preflight.headers-absent`
        _ if requested.is_empty() => Vec::new(),
        // `preflight.headers-only`; `preflight.headers-scope` is open.
        (AllowHeaders::Requested, _) => requested.iter().map(echoed).collect(),
        (AllowHeaders::Rule, _) => of_rule(),
        (AllowHeaders::Star, _) => vec![b"*".to_vec()],
    };
    // `preflight.methods-all` against the documents' samples: `preflight.methods-scope`.
    let allow_methods = match behaviours.allow_methods {
        // `actual.methods-choice`
        _ if !on_preflight && behaviours.methods_on_actual == MethodsOnActual::Absent => Vec::new(),
        AllowMethods::All => rule.allowed_methods.clone(),
        AllowMethods::Requested => {
            vec![String::from_utf8_lossy(request.effective_method(behaviours.actual_method)).into_owned()]
        }
    };
    // `preflight.expose`, `actual.expose`; `preflight.expose-choice` is open.
    let exposes = !on_preflight || behaviours.preflight_expose == PreflightExpose::Sent;
    // `preflight.age`, `preflight.age-absent`, `actual.age-and-methods`; `age.zero-sent` and `actual.age-choice` are open.
    let ages = on_preflight || behaviours.age_on_actual == AgeOnActual::Sent;
    let allow_origin = allow_origin(rule, origin, behaviours);
    Grant {
        rule: index,
        // `credentials.never`; `credentials.true`, `credentials.not-with-star`
        allow_credentials: behaviours.credentials == AllowCredentials::UnlessStar && allow_origin != b"*",
        allow_origin,
        allow_methods,
        allow_headers,
        expose_headers: if exposes { rule.expose_headers.clone() } else { Vec::new() },
        max_age_seconds: rule.max_age_seconds.filter(|age| ages && (*age != 0 || behaviours.zero_age == ZeroAge::Sent)),
    }
}

/// `preflight.origin`, `preflight.origin-star`, `preflight.origin-wildcard`; `preflight.origin-mixed` is open.
fn allow_origin(rule: &CorsRule, origin: &Origin, behaviours: &Behaviours) -> Vec<u8> {
    let matching = |pattern: &&super::Pattern| match behaviours.origin_case {
        OriginCase::Sensitive => pattern.matches(origin.as_bytes()),
        OriginCase::Insensitive => pattern.matches_ignore_case(origin.as_bytes()),
    };
    let mut matches = rule.allowed_origins.iter().filter(matching);
    let star = match behaviours.mixed_star {
        MixedStar::FirstElement => matches.next().is_some_and(super::Pattern::is_star),
        MixedStar::Star => matches.any(super::Pattern::is_star),
        MixedStar::Echo => matches.all(super::Pattern::is_star),
    };
    if star { b"*".to_vec() } else { origin.as_bytes().to_vec() }
}

#[cfg(test)]
mod tests {
    use super::super::Pattern;
    use super::*;
    use crate::dialect::Dialect;

    fn rule(origins: &[&str], methods: &[&str], headers: &[&str]) -> CorsRule {
        CorsRule {
            allowed_origins: origins.iter().map(|text| Pattern::new(*text).unwrap()).collect(),
            allowed_methods: methods.iter().map(|text| (*text).to_owned()).collect(),
            allowed_headers: headers.iter().map(|text| Pattern::new(*text).unwrap()).collect(),
            ..CorsRule::default()
        }
    }

    fn preflight(origin: &str, method: &str, headers: &[&str]) -> CorsRequest {
        CorsRequest {
            kind: Kind::Preflight,
            origins: if origin.is_empty() { vec![] } else { vec![Origin::new(origin)] },
            method: "OPTIONS".to_owned(),
            request_method: (!method.is_empty()).then(|| method.as_bytes().to_vec()),
            request_headers: headers.iter().map(|line| line.as_bytes().to_vec()).collect(),
        }
    }

    fn check(rules: Vec<CorsRule>, request: &CorsRequest, expected: &str) {
        check_by(&Dialect::oss().behaviours, rules, request, expected);
    }

    fn check_by(behaviours: &Behaviours, rules: Vec<CorsRule>, request: &CorsRequest, expected: &str) {
        let configuration = CorsConfiguration { rules, response_vary: false };
        let decision = evaluate(Some(&configuration), request, behaviours);
        let shown = match decision.outcome {
            Outcome::Allow(grant) => {
                let fields = grant.headers().into_iter().map(|(name, value)| {
                    let name = name.as_str().replace("access-control-", "");
                    format!("{name}={}", String::from_utf8_lossy(&value))
                });
                format!("rule {}: {}", grant.rule, fields.collect::<Vec<_>>().join("; "))
            }
            other => format!("{other:?}"),
        };
        assert_eq!(shown, expected);
    }

    #[test]
    fn the_first_rule_that_meets_all_conditions_answers() {
        let rules = || {
            vec![
                rule(&["*"], &["GET", "HEAD"], &["get"]),
                rule(&["http://www.example.com"], &["PUT", "POST"], &["*"]),
                rule(&["*"], &["PUT"], &["*"]),
            ]
        };
        // The recorded example: rule 1 fails on the method.
        check(
            rules(),
            &preflight("http://www.example.com", "PUT", &["x-oss-test2"]),
            "rule 1: allow-origin=http://www.example.com; allow-methods=PUT, POST; allow-headers=x-oss-test2",
        );
        check(rules(), &preflight("http://x", "PUT", &[]), "rule 2: allow-origin=*; allow-methods=PUT");
        check(rules(), &preflight("http://x", "GET", &["a"]), "Deny(NoRule)");
        check(rules(), &preflight("http://x", "get", &[]), "Deny(NoRule)");
        check(rules(), &preflight("", "GET", &[]), "Deny(NoOrigin)");
        check(rules(), &preflight("http://x", "", &[]), "Deny(NoRequestMethod)");
    }

    #[test]
    fn the_trace_says_which_condition_failed() {
        let rules = vec![
            rule(&["https://a"], &["GET"], &["x-*"]),
            rule(&["*"], &["GET"], &["*"]),
            rule(&["*"], &["GET"], &["*"]),
        ];
        let configuration = CorsConfiguration { rules, response_vary: true };
        let request = preflight("https://a", "GET", &["X-One, y"]);
        let decision = evaluate(Some(&configuration), &request, &Dialect::oss().behaviours);
        assert_eq!(decision.vary, Some("Origin"));
        let [first, second, third] = decision.trace.as_slice() else { panic!("three rules") };
        assert_eq!((first.origin, first.method), (Some(0), Some(0)));
        let allowed: Vec<_> = first.headers.iter().map(|header| header.allowed).collect();
        assert_eq!(allowed, [Some(0), None]);
        assert!(second.meets_all() && !second.too_late);
        assert!(third.meets_all() && third.too_late);
    }

    #[test]
    fn open_points_follow_the_behaviours() {
        let mixed =
            CorsConfiguration { rules: vec![rule(&["https://a", "*"], &["GET", "PUT"], &[])], response_vary: false };
        let request = preflight("https://a", "GET", &[]);
        let mut behaviours = Dialect::oss().behaviours;
        let mut origin = |value: MixedStar| {
            behaviours.mixed_star = value;
            match evaluate(Some(&mixed), &request, &behaviours).outcome {
                Outcome::Allow(grant) => String::from_utf8(grant.allow_origin).unwrap(),
                other => format!("{other:?}"),
            }
        };
        assert_eq!(origin(MixedStar::FirstElement), "https://a");
        assert_eq!(origin(MixedStar::Star), "*");
        assert_eq!(origin(MixedStar::Echo), "https://a");
    }

    /// What servers that follow S3 make of the same rule.
    #[test]
    fn choices_of_servers() {
        let told = CorsRule {
            expose_headers: vec!["etag".to_owned()],
            max_age_seconds: Some(9),
            ..rule(&["https://a"], &["GET"], &["X-*", "y"])
        };
        let by = |choices: &[(&str, &str)], request: &CorsRequest, expected: &str| {
            let mut behaviours = Dialect::s3().behaviours;
            for (point, value) in choices {
                behaviours.set(point, value).unwrap();
            }
            check_by(
                &behaviours,
                vec![told.clone()],
                request,
                &expected.replace("A: ", "rule 0: allow-origin=https://a; "),
            );
        };
        let asked = preflight("https://a", "GET", &["X-1"]);
        let rest = "expose-headers=etag; max-age=9; allow-credentials=true";
        by(&[], &asked, &format!("A: allow-methods=GET; allow-headers=x-1; {rest}"));
        by(&[("allow_headers", "rule")], &asked, &format!("A: allow-methods=GET; allow-headers=X-*, y; {rest}"));
        by(&[("allow_headers", "star")], &asked, &format!("A: allow-methods=GET; allow-headers=*; {rest}"));
        let unexposed = "A: allow-methods=GET; allow-headers=x-1; max-age=9; allow-credentials=true";
        by(&[("preflight_expose", "absent")], &asked, unexposed);
        let two = CorsRequest { origins: vec![Origin::new("https://a"), Origin::new("https://b")], ..asked };
        by(&[("two_origins", "first")], &two, &format!("A: allow-methods=GET; allow-headers=x-1; {rest}"));
        let turned = CorsRequest { origins: vec![Origin::new("https://b"), Origin::new("https://a")], ..two };
        by(&[("two_origins", "first")], &turned, "Deny(NoRule)");

        let actual = CorsRequest { kind: Kind::Actual, method: "GET".to_owned(), ..preflight("https://a", "PUT", &[]) };
        by(&[], &actual, "Deny(NoRule)");
        by(&[("actual_method", "own")], &actual, &format!("A: allow-methods=GET; {rest}"));
        let bare = CorsRequest { request_method: None, ..actual };
        by(&[("methods_on_actual", "absent")], &bare, &format!("A: {rest}"));
        let ageless = "A: allow-methods=GET; expose-headers=etag; allow-credentials=true";
        by(&[("age_on_actual", "absent")], &bare, ageless);
        by(&[("preflight_expose", "absent")], &bare, &format!("A: allow-methods=GET; {rest}"));
        by(&[("acah_on_actual", "rule")], &bare, &format!("A: allow-methods=GET; allow-headers=X-*, y; {rest}"));
        let other = CorsRequest { request_headers: vec![b"z".to_vec()], ..bare };
        by(&[], &other, "Deny(NoRule)");
        by(&[("actual_headers", "ignored")], &other, &format!("A: allow-methods=GET; {rest}"));
    }
}

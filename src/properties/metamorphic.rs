//! What a change of rules or request does to a decision, and what it does not.

use super::{said, twin::Said};
use crate::cors::{CorsConfiguration, CorsRequest, CorsRule, Decision, Origin, Outcome, Pattern, evaluate};
use crate::dialect::Behaviours;

/// One of the relations, for one configuration and one request: `choice` says which one and where a rule is put in, `other`
/// makes such a rule.
pub fn one(
    choice: u16,
    configuration: &CorsConfiguration,
    request: &CorsRequest,
    behaviours: &Behaviours,
    other: impl FnOnce() -> CorsRule,
) {
    let at = usize::from(choice / 5);
    match choice % 5 {
        0 => later_rules_are_not_read(configuration, request, behaviours, &other(), at),
        1 => a_rule_that_cannot_match_is_passed_over(configuration, request, behaviours, &other(), at),
        2 => headers_have_no_order(configuration, request, behaviours),
        3 => a_rule_split_by_method_says_the_same(configuration, request, behaviours),
        _ => names_do_not_matter(configuration, request, behaviours),
    }
}

fn decide(configuration: &CorsConfiguration, request: &CorsRequest, behaviours: &Behaviours) -> Decision {
    evaluate(Some(configuration), request, behaviours)
}

/// A grant without the number of its rule, which the relations change.
fn granted(outcome: &Outcome) -> Said {
    match said(outcome) {
        Said::Grant { headers, .. } => Said::Grant { rule: 0, headers },
        other => other,
    }
}

/// Without fields of this name.
fn without(said: Said, name: &str) -> Said {
    match said {
        Said::Grant { rule, headers } => {
            Said::Grant { rule, headers: headers.into_iter().filter(|(other, _)| other != name).collect() }
        }
        other => other,
    }
}

/// `match.first`: rules after the one that answers change nothing: neither one more at the place `at`, counted from there and
/// round the end, nor none at all.
pub fn later_rules_are_not_read(
    configuration: &CorsConfiguration,
    request: &CorsRequest,
    behaviours: &Behaviours,
    later: &CorsRule,
    at: usize,
) {
    let before = decide(configuration, request, behaviours);
    let Outcome::Allow(grant) = &before.outcome else { return };
    let places = configuration.rules.len() - grant.rule;
    let from = grant.rule + 1 + at % places;
    let mut longer = configuration.clone();
    longer.rules.insert(from, later.clone());
    let after = decide(&longer, request, behaviours);
    assert_eq!(after.outcome, before.outcome, "a rule put in at {from}\n{longer:#?}\n{request:#?}");
    let mut shorter = configuration.clone();
    shorter.rules.truncate(grant.rule + 1);
    assert_eq!(decide(&shorter, request, behaviours).outcome, before.outcome, "{shorter:#?}\n{request:#?}");
}

/// `match.fall-through`: a rule that no request meets changes nothing, wherever it stands; here at the place `at`, counted round the
/// end.
pub fn a_rule_that_cannot_match_is_passed_over(
    configuration: &CorsConfiguration,
    request: &CorsRequest,
    behaviours: &Behaviours,
    like: &CorsRule,
    at: usize,
) {
    let before = granted(&decide(configuration, request, behaviours).outcome);
    let never = CorsRule { allowed_methods: vec!["NEVER".to_owned()], ..like.clone() };
    let nobody = CorsRule { allowed_origins: Pattern::new("no://where.test").into_iter().collect(), ..like.clone() };
    let asked = request.effective_method(behaviours.actual_method);
    let meets = |rule: &CorsRule| {
        let origin = request.origins.first().map(Origin::as_bytes).unwrap_or_default();
        rule.allowed_methods.iter().any(|method| method.as_bytes().eq_ignore_ascii_case(asked))
            && rule.allowed_origins.iter().any(|pattern| pattern.matches_ignore_case(origin))
    };
    let at = at % (configuration.rules.len() + 1);
    for rule in [never, nobody].into_iter().filter(|rule| !meets(rule)) {
        let mut longer = configuration.clone();
        longer.rules.insert(at, rule);
        let after = granted(&decide(&longer, request, behaviours).outcome);
        assert_eq!(after, before, "a rule put in at {at}\n{longer:#?}\n{request:#?}");
    }
}

/// `preflight.headers`, `preflight.header-lines`: requested headers are a set, up to the order of Access-Control-Allow-Headers, and
/// several lines are one list.
pub fn headers_have_no_order(configuration: &CorsConfiguration, request: &CorsRequest, behaviours: &Behaviours) {
    const LISTED: &str = "access-control-allow-headers";
    let before = decide(configuration, request, behaviours);
    let mut reversed = request.clone();
    reversed.request_headers.reverse();
    for line in &mut reversed.request_headers {
        let mut members: Vec<&[u8]> = line.split(|byte| *byte == b',').collect();
        members.reverse();
        *line = members.join(&b',');
    }
    let mut joined = request.clone();
    if joined.request_headers.len() > 1 {
        joined.request_headers = vec![joined.request_headers.join(&b", "[..])];
    }
    let expected = without(granted(&before.outcome), LISTED);
    for (what, other) in [("reversed", &reversed), ("in one line", &joined)] {
        let after = decide(configuration, other, behaviours);
        assert_eq!(without(granted(&after.outcome), LISTED), expected, "{what}\n{configuration:#?}\n{request:#?}");
        let sorted = |outcome: &Outcome| match outcome {
            Outcome::Allow(grant) => {
                let mut names = grant.allow_headers.clone();
                names.sort_unstable();
                names
            }
            _ => Vec::new(),
        };
        assert_eq!(sorted(&after.outcome), sorted(&before.outcome), "{what}\n{configuration:#?}\n{request:#?}");
    }
}

/// A rule of several methods is as good as one rule a method, up to Access-Control-Allow-Methods.
pub fn a_rule_split_by_method_says_the_same(
    configuration: &CorsConfiguration,
    request: &CorsRequest,
    behaviours: &Behaviours,
) {
    const METHODS: &str = "access-control-allow-methods";
    let before = without(granted(&decide(configuration, request, behaviours).outcome), METHODS);
    let split = configuration.rules.iter().flat_map(|rule| {
        rule.allowed_methods.iter().map(|method| CorsRule { allowed_methods: vec![method.clone()], ..rule.clone() })
    });
    let split = CorsConfiguration { rules: split.collect(), response_vary: configuration.response_vary };
    let after = without(granted(&decide(&split, request, behaviours).outcome), METHODS);
    assert_eq!(after, before, "{split:#?}\n{request:#?}");
}

/// `match.opaque`: an origin that no wildcard sees can have any other name.
pub fn names_do_not_matter(configuration: &CorsConfiguration, request: &CorsRequest, behaviours: &Behaviours) {
    let [origin] = request.origins.as_slice() else { return };
    let Ok(text) = std::str::from_utf8(origin.as_bytes()) else { return };
    let renamed = "renamed://to.nothing.else";
    let patterns = || configuration.rules.iter().flat_map(|rule| &rule.allowed_origins);
    let seen = patterns().any(|pattern| {
        let sees = |value: &str| pattern.matches_ignore_case(value.as_bytes());
        let differs_in_case = pattern.as_str() != text && pattern.as_str().eq_ignore_ascii_case(text);
        (pattern.has_star() && !pattern.is_star() && (sees(text) || sees(renamed)))
            || differs_in_case
            || pattern.as_str() == renamed
    });
    if seen || text.contains('*') {
        return;
    }
    let mut rules = configuration.clone();
    for pattern in rules.rules.iter_mut().flat_map(|rule| &mut rule.allowed_origins) {
        if pattern.as_str() == text
            && let Some(other) = Pattern::new(renamed)
        {
            *pattern = other;
        }
    }
    let asked = CorsRequest { origins: vec![Origin::new(renamed)], ..request.clone() };
    let before = granted(&decide(configuration, request, behaviours).outcome);
    let expected = match before {
        Said::Grant { rule, headers } => {
            let rename = |(name, value): (String, Vec<u8>)| {
                let echoed = name == "access-control-allow-origin" && value == text.as_bytes();
                (name, if echoed { renamed.as_bytes().to_vec() } else { value })
            };
            Said::Grant { rule, headers: headers.into_iter().map(rename).collect() }
        }
        other => other,
    };
    let after = granted(&decide(&rules, &asked, behaviours).outcome);
    assert_eq!(after, expected, "{configuration:#?}\n{request:#?}");
}

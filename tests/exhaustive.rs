//! Every configuration and every request over small alphabets: the oracle agrees with its naive twin on all of them.
#![cfg(test)]

use corsuite::cors::{CorsConfiguration, CorsRequest, CorsRule, Kind, Origin, Pattern, evaluate};
use corsuite::dialect::Dialect;
use corsuite::properties::{same_decision, same_match};

/// 2 schemes, 2 hosts, an asterisk at each place, and nothing but it.
const PATTERNS: [&str; 9] =
    ["*", "http://a", "https://a", "http://b", "http://*", "*://a", "http://*a", "ht*tp://a", "https://b*"];
const ORIGINS: [&str; 7] = ["http://a", "https://a", "http://b", "https://b", "http://aa", "null", "http://"];
const METHODS: [&[&str]; 3] = [&["GET"], &["PUT"], &["GET", "PUT"]];
const HEADERS: [&[&str]; 4] = [&[], &["x"], &["*"], &["x", "y"]];
const ASKED: [&str; 4] = ["", "x", "y", "X,y"];

fn rules() -> Vec<CorsRule> {
    let mut all = Vec::new();
    for pattern in PATTERNS {
        for methods in METHODS {
            for headers in HEADERS {
                all.push(CorsRule {
                    allowed_origins: Pattern::new(pattern).into_iter().collect(),
                    allowed_methods: methods.iter().map(|method| (*method).to_owned()).collect(),
                    allowed_headers: headers.iter().filter_map(|header| Pattern::new(*header)).collect(),
                    ..CorsRule::default()
                });
            }
        }
    }
    all
}

fn requests() -> Vec<CorsRequest> {
    let mut all = Vec::new();
    for origin in ORIGINS {
        for method in ["GET", "PUT"] {
            for asked in ASKED {
                for kind in [Kind::Preflight, Kind::Actual] {
                    all.push(CorsRequest {
                        kind,
                        origins: vec![Origin::new(origin)],
                        method: if kind == Kind::Preflight { "OPTIONS".to_owned() } else { method.to_owned() },
                        request_method: (kind == Kind::Preflight).then(|| method.as_bytes().to_vec()),
                        request_headers: if asked.is_empty() { vec![] } else { vec![asked.as_bytes().to_vec()] },
                    });
                }
            }
        }
    }
    all
}

#[test]
fn every_configuration_of_up_to_three_rules() {
    let (rules, requests) = (rules(), requests());
    let behaviours = Dialect::oss().behaviours;
    let check = |chosen: &[&CorsRule], request: &CorsRequest| {
        let rules = chosen.iter().map(|rule| (*rule).clone()).collect();
        same_decision(Some(&CorsConfiguration { rules, response_vary: false }), request, &behaviours);
    };
    // With one rule all, with two all in a release build and a seventh else.
    let step = if cfg!(debug_assertions) { 7 } else { 1 };
    for (at, first) in rules.iter().enumerate() {
        for request in &requests {
            check(&[first], request);
        }
        for second in rules.iter().skip(at % step).step_by(step) {
            for request in requests.iter().skip(at % step).step_by(step) {
                check(&[first, second], request);
            }
        }
    }
    // With three every seventh of each, which meets each pair of conditions in each place; in a release build every third.
    let step = if cfg!(debug_assertions) { 17 } else { 5 };
    for first in rules.iter().step_by(step) {
        for second in rules.iter().skip(1).step_by(step) {
            for third in rules.iter().skip(2).step_by(step) {
                for request in requests.iter().step_by(3) {
                    check(&[first, second, third], request);
                }
            }
        }
    }
}

/// All texts over three characters, up to these lengths, as patterns and as values.
#[test]
fn every_short_pattern_and_value() {
    let (longest_pattern, longest_value) = if cfg!(debug_assertions) { (5, 5) } else { (6, 7) };
    let texts = |alphabet: &[char], longest: usize| {
        let mut all = vec![String::new()];
        let mut last = all.clone();
        for _ in 0..longest {
            last = last.iter().flat_map(|text| alphabet.iter().map(move |c| format!("{text}{c}"))).collect();
            all.extend(last.iter().cloned());
        }
        all
    };
    let values = texts(&['a', 'b', 'A'], longest_value);
    for pattern in texts(&['a', 'b', '*'], longest_pattern).into_iter().filter_map(Pattern::new) {
        for value in &values {
            same_match(&pattern, value.as_bytes());
        }
    }
}

/// The twin is no copy: it would notice a matcher that lets prefix and suffix overlap.
#[test]
fn a_wrong_matcher_would_be_noticed() {
    let overlapping = |pattern: &str, value: &str| match pattern.split_once('*') {
        Some((head, tail)) => value.starts_with(head) && value.ends_with(tail),
        None => pattern == value,
    };
    assert!(overlapping("a*a", "a"));
    assert!(!corsuite::properties::twin::matches(b"a*a", b"a"));
    // And a decision under a rule is not the decision without it.
    let request = &requests()[0];
    let with = CorsConfiguration { rules: rules(), response_vary: false };
    let behaviours = Dialect::oss().behaviours;
    assert_ne!(evaluate(Some(&with), request, &behaviours).outcome, evaluate(None, request, &behaviours).outcome);
}

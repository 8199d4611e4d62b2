//! Which rule answers.

use super::super::Reply;
use super::Effect::{BrokenPage, Misleading, Security};
use super::Plant::{Rules, Whole};
use super::change::{allows_headers, allows_method, allows_origin, each, meets_all, only};
use super::{Fault, Inside, fault};
use crate::cors::CorsRule;

pub(super) const FAULTS: &[Fault] = &[
    fault(
        "last-rule",
        "match.first",
        Misleading,
        "The last rule that matches answers.",
        "moto",
        Rules(|rules, _| only(rules.rules.iter().rev().cloned().collect(), rules)),
    ),
    fault(
        "most-exact-rule",
        "match.first",
        Misleading,
        "A rule with the literal origin goes before one with a wildcard.",
        "flask-cors CVE-2024-6839",
        Rules(|rules, asked| {
            let origin = super::change::origin(asked);
            let literal = |rule: &CorsRule| rule.allowed_origins.iter().any(|pattern| pattern.as_str() == origin);
            let (exact, rest): (Vec<_>, Vec<_>) = rules.rules.iter().cloned().partition(literal);
            only(exact.into_iter().chain(rest).collect(), rules)
        }),
    ),
    fault(
        "star-rule-first",
        "match.first",
        Misleading,
        "A rule for everybody goes before the others.",
        "",
        Rules(|rules, _| {
            let star = |rule: &CorsRule| rule.allowed_origins.iter().any(crate::cors::Pattern::is_star);
            let (all, rest): (Vec<_>, Vec<_>) = rules.rules.iter().cloned().partition(star);
            only(all.into_iter().chain(rest).collect(), rules)
        }),
    ),
    fault(
        "expose-merged",
        "match.first",
        Misleading,
        "The exposed headers of all rules that match are named.",
        "moto",
        Rules(|rules, asked| {
            let mut matching = rules.rules.iter().filter(|rule| meets_all(rule, asked));
            let Some(mut merged) = matching.next().cloned() else { return rules.clone() };
            for rule in matching {
                merged.expose_headers.extend(
                    rule.expose_headers
                        .iter()
                        .filter(|name| !merged.expose_headers.contains(name))
                        .cloned()
                        .collect::<Vec<_>>(),
                );
            }
            only(vec![merged], rules)
        }),
    ),
    fault(
        "methods-merged",
        "match.first",
        Misleading,
        "The methods of all rules that match are named.",
        "moto",
        Rules(|rules, asked| {
            let mut matching = rules.rules.iter().filter(|rule| meets_all(rule, asked));
            let Some(mut merged) = matching.next().cloned() else { return rules.clone() };
            for rule in matching {
                merged.allowed_methods.extend(
                    rule.allowed_methods
                        .iter()
                        .filter(|name| !merged.allowed_methods.contains(name))
                        .cloned()
                        .collect::<Vec<_>>(),
                );
            }
            only(vec![merged], rules)
        }),
    ),
    fault(
        "age-from-later",
        "match.first",
        Misleading,
        "An age that the rule lacks is taken from the next that matches.",
        "",
        Rules(|rules, asked| {
            let age = rules.rules.iter().filter(|rule| meets_all(rule, asked)).find_map(|rule| rule.max_age_seconds);
            each(rules, |rule| rule.max_age_seconds = rule.max_age_seconds.or(age))
        }),
    ),
    fault(
        "expose-from-later",
        "match.first",
        Misleading,
        "Exposed headers that the rule lacks are taken from the next that matches.",
        "",
        Rules(|rules, asked| {
            let expose = rules
                .rules
                .iter()
                .filter(|rule| meets_all(rule, asked))
                .map(|rule| &rule.expose_headers)
                .find(|names| !names.is_empty())
                .cloned();
            each(rules, |rule| {
                if rule.expose_headers.is_empty() {
                    rule.expose_headers = expose.clone().unwrap_or_default();
                }
            })
        }),
    ),
    fault(
        "age-from-passed-over",
        "match.fall-through",
        Misleading,
        "A rule that is passed over leaves its age behind.",
        "",
        Rules(|rules, asked| {
            let age = rules.rules.iter().find(|rule| allows_origin(rule, asked)).and_then(|rule| rule.max_age_seconds);
            each(rules, |rule| rule.max_age_seconds = age.or(rule.max_age_seconds))
        }),
    ),
    fault(
        "first-origin-decides",
        "match.fall-through",
        BrokenPage,
        "The first rule with the origin decides, whatever its methods.",
        "ceph #69190, SeaweedFS, s3rver",
        Rules(|rules, asked| {
            only(rules.rules.iter().find(|rule| allows_origin(rule, asked)).cloned().into_iter().collect(), rules)
        }),
    ),
    fault(
        "first-method-decides",
        "match.fall-through",
        BrokenPage,
        "The first rule with origin and method decides, whatever its headers.",
        "s3rver",
        Rules(|rules, asked| {
            only(
                rules
                    .rules
                    .iter()
                    .find(|rule| allows_origin(rule, asked) && allows_method(rule, asked))
                    .cloned()
                    .into_iter()
                    .collect(),
                rules,
            )
        }),
    ),
    fault(
        "first-rule-only",
        "match.fall-through",
        BrokenPage,
        "Only the first rule is read.",
        "localstack #434",
        Rules(|rules, _| only(rules.rules.iter().take(1).cloned().collect(), rules)),
    ),
    fault(
        "conditions-of-several",
        "match.one-rule",
        Security,
        "Origin, method and headers may be met by several rules.",
        "moto",
        Rules(|rules, asked| {
            let any = |test: fn(&CorsRule, &crate::cors::CorsRequest) -> bool| {
                rules.rules.iter().any(|rule| test(rule, asked))
            };
            if rules.rules.iter().any(|rule| meets_all(rule, asked))
                || !(any(allows_origin) && any(allows_method) && any(allows_headers))
            {
                return rules.clone();
            }
            let Some(mut rule) = rules.rules.iter().find(|rule| allows_origin(rule, asked)).cloned() else {
                return rules.clone();
            };
            rule.allowed_methods.push(super::change::method(asked));
            rule.allowed_headers = rules.rules.iter().flat_map(|rule| &rule.allowed_headers).cloned().collect();
            only(vec![rule], rules)
        }),
    ),
    fault(
        "headers-of-several",
        "match.one-rule",
        Security,
        "Each requested header may be allowed by another rule.",
        "",
        Rules(|rules, asked| {
            let all: Vec<_> = rules
                .rules
                .iter()
                .filter(|rule| allows_origin(rule, asked) && allows_method(rule, asked))
                .flat_map(|rule| &rule.allowed_headers)
                .cloned()
                .collect();
            if rules.rules.iter().any(|rule| meets_all(rule, asked)) {
                rules.clone()
            } else {
                each(rules, |rule| rule.allowed_headers.clone_from(&all))
            }
        }),
    ),
    fault(
        "answer-of-the-last",
        "connection.order",
        Security,
        "A preflight gets the answer of the one before it.",
        "state that is shared between requests",
        Whole(|inside, exchange| {
            let answer = inside.respond(exchange);
            if !exchange.is_preflight() || exchange.rules.is_none() {
                inside.last = None;
                return Reply::Answer(answer);
            }
            Reply::Answer(inside.last.replace(answer.clone()).unwrap_or(answer))
        }),
    ),
    fault(
        "age-alternates",
        "answer.stable",
        Misleading,
        "Every second preflight tells another age.",
        "servers with several nodes",
        Whole(|inside, exchange| {
            inside.count += usize::from(exchange.is_preflight());
            let rules = exchange.rules.clone().filter(|_| exchange.is_preflight() && inside.count.is_multiple_of(2));
            Reply::Answer(match rules {
                Some(rules) => {
                    let other = each(&rules, |rule| rule.max_age_seconds = rule.max_age_seconds.map(|age| age + 1));
                    inside.with_rules(exchange, Some(other))
                }
                None => inside.respond(exchange),
            })
        }),
    ),
    fault(
        "tenth-rule-dropped",
        "match.fall-through",
        BrokenPage,
        "Rules after the ninth are not read.",
        "fixed arrays",
        Rules(|rules, _| only(rules.rules.iter().take(9).cloned().collect(), rules)),
    ),
    fault(
        "second-bucket-shadows",
        "config.per-bucket",
        Security,
        "Preflights of all buckets follow the rules that were put last.",
        "localstack #7038",
        Whole(|inside, exchange| {
            let answer = inside.respond(exchange);
            if exchange.is_put_cors()
                && answer.status() == 200
                && let Some(rules) = inside.rules(exchange)
            {
                inside.kept.insert(String::new(), rules);
            }
            if exchange.is_delete_cors() {
                inside.kept.clear();
            }
            let last = inside.kept.get("").cloned();
            Reply::Answer(match last {
                Some(rules)
                    if exchange.is_preflight() && exchange.rules.is_some() && !Inside::bucket(exchange).is_empty() =>
                {
                    inside.with_rules(exchange, Some(rules))
                }
                _ => answer,
            })
        }),
    ),
];

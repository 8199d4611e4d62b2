//! MaxAgeSeconds, ResponseVary, and what the API page does not name.

use super::super::Reply;
use super::Effect::{BrokenClient, Misleading, OtherRules};
use super::Plant::{Answer, Options, Request, Whole};
use super::change::{document, values};
use super::grammar::if_document;
use super::{Fault, Inside, fault};
use crate::cors::{CorsConfiguration, xml};
use crate::dialect::{MaxAgeOver, NamespacedRoot, RootName, RuleId, Trim, UnknownElements, VaryCase};
const AGE: &str = "MaxAgeSeconds";

pub(super) const FAULTS: &[Fault] = &[
    fault(
        "age-twice",
        "age.twice",
        OtherRules,
        "Of two MaxAgeSeconds the last one counts.",
        "readers that overwrite",
        Request(|request| {
            document(request, |text| match text.split_once("</MaxAgeSeconds><MaxAgeSeconds>") {
                Some((head, tail)) => format!(
                    "{}<MaxAgeSeconds>{tail}",
                    head.rsplit_once("<MaxAgeSeconds>").map_or(head, |(head, _)| head)
                ),
                None => text.to_owned(),
            });
        }),
    ),
    fault(
        "age-negative",
        "age.negative",
        OtherRules,
        "A negative MaxAgeSeconds is stored as 0.",
        "LocalStack, floci",
        Request(|request| {
            document(request, |text| {
                values(text, AGE, |value| Some(if value.starts_with('-') { "0".to_owned() } else { value.to_owned() }))
            });
        }),
    ),
    fault(
        "age-negative-code",
        "age.negative",
        Misleading,
        "The error about -1 does not name the argument.",
        "",
        Answer(|_, answer| {
            super::change::edit_body(answer, |text| text.replace("<ArgumentName>MaxAgeSeconds</ArgumentName>", ""));
        }),
    ),
    fault(
        "age-empty",
        "age.empty",
        OtherRules,
        "An empty MaxAgeSeconds counts as none.",
        "",
        Request(|request| {
            document(request, |text| {
                values(&text.replace("<MaxAgeSeconds/>", ""), AGE, |value| {
                    (!value.trim().is_empty()).then(|| value.to_owned())
                })
            });
        }),
    ),
    fault(
        "age-word",
        "age.integer",
        OtherRules,
        "A MaxAgeSeconds that is no number counts as 0.",
        "parsers that give 0",
        Request(|request| {
            document(request, |text| {
                values(text, AGE, |value| {
                    let digits: String = value.chars().take_while(char::is_ascii_digit).collect();
                    Some(if value.is_empty() || value.starts_with('-') {
                        value.to_owned()
                    } else if digits.is_empty() {
                        "0".to_owned()
                    } else {
                        value.to_owned()
                    })
                })
            });
        }),
    ),
    fault(
        "age-prefix",
        "age.integer",
        OtherRules,
        "The digits at the front of MaxAgeSeconds count.",
        "parseInt",
        Request(|request| {
            document(request, |text| {
                values(text, AGE, |value| {
                    let digits: String = value.chars().take_while(char::is_ascii_digit).collect();
                    Some(if digits.is_empty() { value.to_owned() } else { digits })
                })
            });
        }),
    ),
    fault(
        "age-day",
        "age.largest",
        BrokenClient,
        "More than a day is refused.",
        "browsers' own limits",
        Options(|options| {
            options.limits.max_age_seconds = 86_400;
            options.behaviours.max_age_over = MaxAgeOver::Refuse;
        }),
    ),
    fault(
        "age-largest-refused",
        "age.largest",
        BrokenClient,
        "The largest MaxAgeSeconds is refused, one less is not.",
        "`<` in place of `<=`",
        Options(|options| {
            options.limits.max_age_seconds = 999_999_998;
            options.behaviours.max_age_over = MaxAgeOver::Refuse;
        }),
    ),
    fault(
        "age-clamped",
        "age.over",
        OtherRules,
        "A MaxAgeSeconds over the limit is stored as another one.",
        "",
        Request(|request| {
            document(request, |text| {
                values(text, AGE, |value| {
                    Some(if value.parse::<u64>().is_ok_and(|value| value > 999_999_999) {
                        "999999998".to_owned()
                    } else {
                        value.to_owned()
                    })
                })
            });
        }),
    ),
    fault(
        "age-over-500",
        "age.over",
        BrokenClient,
        "MaxAgeSeconds 1000000000 answers 500.",
        "",
        Whole(|inside, exchange| if_document(inside, exchange, |text| text.contains(">1000000000<"), 500)),
    ),
    fault(
        "age-wraps",
        "get.values",
        OtherRules,
        "A MaxAgeSeconds beyond 64 bits comes back as another number.",
        "expressjs #158, traefik #13371",
        Request(|request| {
            document(request, |text| {
                values(text, AGE, |value| {
                    Some(
                        if value.parse::<u64>().is_err()
                            && value.len() > 18
                            && value.bytes().all(|byte| byte.is_ascii_digit())
                        {
                            wrapped(value).to_string()
                        } else {
                            value.to_owned()
                        },
                    )
                })
            });
        }),
    ),
    fault(
        "age-over-accepted",
        "age.over",
        OtherRules,
        "MaxAgeSeconds has no limit.",
        "",
        Options(|options| options.behaviours.max_age_over = MaxAgeOver::Accept),
    )
    .allowed_by("max_age_over", "accepted"),
    fault(
        "vary-truthy",
        "vary.value",
        OtherRules,
        "Any ResponseVary but false means true.",
        "parsers of truth values",
        Request(|request| {
            document(request, |text| {
                values(text, "ResponseVary", |value| {
                    Some(match value {
                        "false" | "" => value.to_owned(),
                        _ => "true".to_owned(),
                    })
                })
            });
        }),
    ),
    fault(
        "vary-falsy",
        "vary.value",
        OtherRules,
        "Any ResponseVary but true means false.",
        "parsers of truth values",
        Request(|request| {
            document(request, |text| {
                values(text, "ResponseVary", |value| {
                    Some(match value {
                        "true" | "" => value.to_owned(),
                        _ => "false".to_owned(),
                    })
                })
            });
        }),
    ),
    fault(
        "vary-empty",
        "vary.empty",
        OtherRules,
        "An empty ResponseVary counts as false.",
        "",
        Request(|request| {
            document(request, |text| {
                values(&text.replace("<ResponseVary/>", ""), "ResponseVary", |value| {
                    (!value.is_empty()).then(|| value.to_owned())
                })
            });
        }),
    ),
    fault(
        "vary-case-500",
        "vary.value-case",
        BrokenClient,
        "ResponseVary TRUE answers 500.",
        "",
        Whole(|inside, exchange| if_document(inside, exchange, |text| text.contains(">TRUE<"), 500)),
    ),
    fault(
        "vary-case-folded",
        "vary.value-case",
        OtherRules,
        "ResponseVary TRUE means true.",
        "",
        Options(|options| options.behaviours.vary_case = VaryCase::Insensitive),
    )
    .allowed_by("vary_case", "insensitive"),
    fault(
        "vary-in-rule",
        "vary.place",
        OtherRules,
        "ResponseVary inside of a rule counts.",
        "clones that search for <ResponseVary>",
        Request(|request| {
            document(request, |text| {
                text.replace(
                    "<ResponseVary>true</ResponseVary></CORSRule></CORSConfiguration>",
                    "</CORSRule><ResponseVary>true</ResponseVary></CORSConfiguration>",
                )
            });
        }),
    ),
    fault(
        "unknown-element-500",
        "xml.unknown-element",
        BrokenClient,
        "An element that the API page does not name answers 500.",
        "",
        Whole(|inside, exchange| if_document(inside, exchange, |text| text.contains("<ID>"), 500)),
    )
    .only(|dialect| dialect.behaviours.rule_id == RuleId::Unknown),
    fault(
        "unknown-elements-refused",
        "xml.unknown-element",
        OtherRules,
        "An element that the API page does not name is refused.",
        "OVH roadmap #457",
        Options(|options| options.behaviours.unknown_elements = UnknownElements::Refuse),
    )
    .allowed_by("unknown_elements", "refused"),
    fault(
        "namespace-500",
        "xml.namespace",
        BrokenClient,
        "A root with a namespace answers 500.",
        "",
        Whole(|inside, exchange| if_document(inside, exchange, |text| text.contains("<CORSConfiguration xmlns"), 500)),
    ),
    fault(
        "prefix-empties",
        "xml.namespace",
        OtherRules,
        "A document whose names have a namespace prefix is stored without its rules.",
        "clones that search for <CORSRule>",
        Whole(|inside, exchange| {
            let prefixed = exchange.document().contains(":CORSConfiguration");
            if prefixed {
                inside.set_rules(exchange, Some(CorsConfiguration::default()));
            }
            Reply::Answer(if prefixed { exchange.empty(http::StatusCode::OK) } else { inside.respond(exchange) })
        }),
    ),
    fault(
        "namespace-refused",
        "xml.namespace",
        OtherRules,
        "A root with a namespace is refused.",
        "",
        Options(|options| options.behaviours.namespaced_root = NamespacedRoot::Refuse),
    )
    .allowed_by("namespaced_root", "refused"),
    fault(
        "root-name-500",
        "xml.root-name",
        BrokenClient,
        "A root of another name answers 500.",
        "",
        Whole(|inside, exchange| if_document(inside, exchange, |text| text.contains("<CORS>"), 500)),
    ),
    fault(
        "root-name-unchecked",
        "xml.root-name",
        OtherRules,
        "A root of another name is taken.",
        "",
        Options(|options| options.behaviours.root_name = RootName::Ignore),
    )
    .allowed_by("root_name", "unchecked"),
    fault(
        "space-in-values-500",
        "xml.trim",
        BrokenClient,
        "A preflight on rules with white space around a value answers 500.",
        "",
        Whole(|inside, exchange| {
            if exchange.is_put_cors() {
                inside.documents.insert(Inside::bucket(exchange), exchange.document());
            }
            let spaced = inside.documents.get(&Inside::bucket(exchange)).is_some_and(|text| spaced_value(text));
            Reply::Answer(if spaced && exchange.is_preflight() {
                exchange.refusal(500, "InternalError")
            } else {
                inside.respond(exchange)
            })
        }),
    ),
    fault(
        "space-in-values-kept",
        "xml.trim",
        OtherRules,
        "White space around a value is part of it.",
        "",
        Options(|options| options.behaviours.trim = Trim::No),
    )
    .allowed_by("trim", "no"),
    fault(
        "age-any-digits",
        "age.integer",
        OtherRules,
        "Digits of other scripts are digits.",
        "int() of Python",
        Request(|request| {
            document(request, |text| {
                values(text, AGE, |value| {
                    Some(
                        value
                            .chars()
                            .map(|c| match u32::from(c).checked_sub(0xff10) {
                                Some(digit @ 0..10) => char::from_digit(digit, 10).unwrap_or(c),
                                _ => c,
                            })
                            .collect(),
                    )
                })
            });
        }),
    ),
    fault(
        "age-float",
        "age.integer",
        OtherRules,
        "An age may be written as a float.",
        "numbers of JSON",
        Request(|request| {
            document(request, |text| {
                values(text, AGE, |value| {
                    Some(value.trim_end_matches(".0").trim_end_matches('.').replace("1e3", "1000"))
                })
            });
        }),
    ),
];

/// Whether a value of the document has white space around it.
fn spaced_value(document: &str) -> bool {
    let rules = xml::parse(document.as_bytes()).map(|document| document.rules).unwrap_or_default();
    let spaced = |text: &xml::Text| text.value.trim_ascii() != text.value && !text.value.trim_ascii().is_empty();
    rules.iter().any(|rule| rule.allowed_headers.iter().chain(&rule.allowed_origins).any(spaced))
}

/// A number of many digits as 64 bits hold it, in the range that is accepted.
fn wrapped(digits: &str) -> u64 {
    let number = digits
        .bytes()
        .fold(0_u64, |number, digit| number.wrapping_mul(10).wrapping_add(u64::from(digit.wrapping_sub(b'0'))));
    number % 1_000_000_000
}

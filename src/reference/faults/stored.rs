//! What is stored, returned and deleted.

use std::sync::Arc;

use http::StatusCode;

use super::super::Reply;
use super::Effect::{BrokenClient, BrokenPage, OtherRules, Security};
use super::Plant::{Request, Whole};
use super::change::{document, only, pattern};
use super::{Exchange, Fault, Inside, fault, with_response_vary};
use crate::cors::{CorsConfiguration, xml};

/// After a PutBucketCors that succeeds: what is stored, from the rules before and those that were put.
fn stored(
    inside: &mut Inside,
    exchange: &Exchange<'_>,
    change: impl Fn(&CorsConfiguration, &mut CorsConfiguration),
) -> Reply {
    let answer = inside.respond(exchange);
    if let (true, StatusCode::OK, Some(old), Some(mut new)) =
        (exchange.is_put_cors(), answer.status(), &exchange.rules, inside.rules(exchange))
    {
        change(old, &mut new);
        inside.set_rules(exchange, Some(new));
    }
    Reply::Answer(answer)
}

pub(super) const FAULTS: &[Fault] = &[
    fault(
        "overwrite-appends",
        "config.overwrite",
        Security,
        "A second document adds its rules to those in place.",
        "stores that merge",
        Whole(|inside, exchange| {
            stored(inside, exchange, |old, new| {
                new.rules.splice(0..0, old.rules.clone());
            })
        }),
    ),
    fault(
        "overwrite-appends-after",
        "config.overwrite",
        Security,
        "Rules in place stay behind those of a second document.",
        "stores that merge",
        Whole(|inside, exchange| {
            stored(inside, exchange, |old, new| {
                let more: Vec<_> = old.rules.iter().filter(|rule| !new.rules.contains(rule)).cloned().collect();
                new.rules.extend(more);
            })
        }),
    ),
    fault(
        "overwrite-by-place",
        "config.overwrite",
        Security,
        "A second document replaces as many rules as it has; the rest stay.",
        "stores that write rule by rule",
        Whole(|inside, exchange| {
            stored(inside, exchange, |old, new| {
                let more = old.rules.iter().skip(new.rules.len()).cloned();
                new.rules.extend(more);
            })
        }),
    ),
    fault(
        "overwrite-ignored",
        "config.overwrite",
        OtherRules,
        "A second document is answered 200 and forgotten.",
        "stores that insert if absent",
        Whole(|inside, exchange| stored(inside, exchange, |old, new| new.clone_from(old))),
    ),
    fault(
        "second-put-wipes",
        "config.overwrite",
        BrokenPage,
        "A second document is answered 200, and no rules are left.",
        "stores that delete before they insert",
        Whole(|inside, exchange| {
            let answer = inside.respond(exchange);
            if exchange.is_put_cors() && answer.status() == StatusCode::OK && exchange.rules.is_some() {
                inside.set_rules(exchange, None);
            }
            Reply::Answer(answer)
        }),
    ),
    fault(
        "overwrite-keeps-optional",
        "config.overwrite",
        OtherRules,
        "What a second document leaves out keeps its value.",
        "stores that patch",
        Whole(|inside, exchange| {
            stored(inside, exchange, |old, new| {
                for (new, old) in new.rules.iter_mut().zip(&old.rules) {
                    new.max_age_seconds = new.max_age_seconds.or(old.max_age_seconds);
                    if new.expose_headers.is_empty() {
                        new.expose_headers.clone_from(&old.expose_headers);
                    }
                    if new.allowed_headers.is_empty() {
                        new.allowed_headers.clone_from(&old.allowed_headers);
                    }
                }
            })
        }),
    ),
    fault(
        "overwrite-keeps-vary",
        "config.overwrite",
        OtherRules,
        "ResponseVary stays true once it was.",
        "stores that patch",
        Whole(|inside, exchange| stored(inside, exchange, |old, new| new.response_vary |= old.response_vary)),
    )
    .only(with_response_vary),
    fault(
        "overwrite-vary-ignored",
        "config.overwrite",
        OtherRules,
        "ResponseVary is taken from the first document only.",
        "",
        Whole(|inside, exchange| stored(inside, exchange, |old, new| new.response_vary = old.response_vary)),
    )
    .only(with_response_vary),
    fault(
        "same-twice-doubled",
        "config.idempotent",
        OtherRules,
        "Putting the same document again stores it twice.",
        "stores that append",
        Whole(|inside, exchange| {
            stored(inside, exchange, |old, new| {
                if old == new {
                    new.rules.extend(old.rules.clone());
                }
            })
        }),
    ),
    fault(
        "refused-put-wipes",
        "config.refused-put-keeps",
        BrokenPage,
        "A refused document deletes the rules in place.",
        "stores that delete first",
        Whole(|inside, exchange| {
            let answer = inside.respond(exchange);
            if exchange.is_put_cors() && answer.status().is_client_error() {
                inside.set_rules(exchange, None);
            }
            Reply::Answer(answer)
        }),
    ),
    fault(
        "refused-put-stores-good-rules",
        "config.refused-put-keeps",
        OtherRules,
        "Of a refused document the rules before the bad one are stored.",
        "stores that write rule by rule",
        Whole(|inside, exchange| {
            let answer = inside.respond(exchange);
            if exchange.is_put_cors() && answer.status() == 400 {
                let text = exchange.document();
                if let Some((first, _)) = text.split_once("</CORSRule>") {
                    inside.store(exchange, &format!("{first}</CORSRule></CORSConfiguration>"));
                }
            }
            Reply::Answer(answer)
        }),
    ),
    fault(
        "refused-digest-stores",
        "config.refused-put-keeps",
        OtherRules,
        "A document with a wrong digest is refused and stored.",
        "digests that are checked at the end of a stream",
        Whole(|inside, exchange| {
            let answer = inside.respond(exchange);
            if exchange.is_put_cors() && super::change::code(&answer).as_deref() == Some("InvalidDigest") {
                inside.store(exchange, &exchange.document());
            }
            Reply::Answer(answer)
        }),
    ),
    fault(
        "refused-owner-stores",
        "config.refused-put-keeps",
        Security,
        "A document of another account is refused and stored.",
        "",
        Whole(|inside, exchange| {
            let answer = inside.respond(exchange);
            if exchange.is_put_cors() && answer.status() == 403 {
                inside.store(exchange, &exchange.document());
            }
            Reply::Answer(answer)
        }),
    ),
    fault(
        "one-configuration-for-all",
        "config.per-bucket",
        Security,
        "All buckets share one configuration.",
        "localstack #7038, moto's global flag",
        Whole(|inside, exchange| {
            let answer = inside.respond(exchange);
            let changed = exchange.is_put_cors() || exchange.is_delete_cors();
            if changed && answer.status().is_success() {
                let rules = inside.rules(exchange).map(Arc::new);
                for bucket in inside.reference.buckets.values_mut() {
                    bucket.cors.clone_from(&rules);
                }
            }
            Reply::Answer(answer)
        }),
    ),
    fault(
        "delete-in-all",
        "config.per-bucket",
        BrokenPage,
        "Deleting the rules of one bucket deletes those of all.",
        "",
        Whole(|inside, exchange| {
            let answer = inside.respond(exchange);
            if exchange.is_delete_cors() && answer.status().is_success() {
                for bucket in inside.reference.buckets.values_mut() {
                    bucket.cors = None;
                }
            }
            Reply::Answer(answer)
        }),
    ),
    fault(
        "default-rules",
        "config.default-none",
        Security,
        "A bucket without rules has a rule for everybody.",
        "RustFS CVE-2026-46685, seaweedfs #8065",
        Whole(|inside, exchange| {
            if exchange.rules.is_some() || exchange.is_cors() && !exchange.is_get_cors() {
                return Reply::Answer(inside.respond(exchange));
            }
            let rule = crate::cors::CorsRule {
                allowed_origins: vec![pattern("*")],
                allowed_methods: ["GET", "PUT", "DELETE", "POST", "HEAD"].map(str::to_owned).to_vec(),
                allowed_headers: vec![pattern("*")],
                ..crate::cors::CorsRule::default()
            };
            Reply::Answer(
                inside.with_rules(exchange, Some(CorsConfiguration { rules: vec![rule], response_vary: false })),
            )
        }),
    ),
    fault(
        "duplicates-folded",
        "config.duplicates",
        OtherRules,
        "Equal values are stored once.",
        "B2, stores that keep sets",
        Request(|request| {
            document(request, |text| {
                let rules = text.split("<CORSRule>").map(|rule| {
                    let mut seen = Vec::new();
                    rule.split_inclusive("</AllowedOrigin>")
                        .flat_map(|piece| piece.split_inclusive("</AllowedMethod>"))
                        .flat_map(|piece| piece.split_inclusive("</ExposeHeader>"))
                        .filter(|piece| {
                            let again =
                                seen.contains(piece) && piece.starts_with('<') && !piece.contains("</CORSRule>");
                            seen.push(piece);
                            !again
                        })
                        .collect::<String>()
                });
                rules.collect::<Vec<_>>().join("<CORSRule>")
            });
        }),
    ),
    fault(
        "equal-rules-refused",
        "config.duplicates",
        BrokenClient,
        "Two equal rules are refused.",
        "",
        Whole(|inside, exchange| {
            let text = exchange.document();
            let rules = xml::parse(text.as_bytes()).map(|document| document.rules).unwrap_or_default();
            let mut shown: Vec<String> = rules.iter().map(xml::RuleElement::to_text).collect();
            shown.sort_unstable();
            let equal = rules.len() <= 10 && shown.windows(2).any(|pair| pair.first() == pair.last());
            Reply::Answer(if equal { exchange.refusal(400, "InvalidArgument") } else { inside.respond(exchange) })
        }),
    ),
    fault(
        "first-rules-for-ever",
        "config.overwrite",
        OtherRules,
        "GetBucketCors shows the new rules, preflights follow the first ones.",
        "floci #72, caches of rules",
        Whole(|inside, exchange| {
            let bucket = Inside::bucket(exchange);
            if exchange.is_delete_cors() {
                inside.kept.remove(&bucket);
            }
            if let Some(rules) = &exchange.rules {
                inside.kept.entry(bucket.clone()).or_insert_with(|| rules.clone());
            }
            let stale =
                inside.kept.get(&bucket).cloned().filter(|_| exchange.is_preflight() && exchange.rules.is_some());
            Reply::Answer(match stale {
                Some(rules) => inside.with_rules(exchange, Some(rules)),
                None => inside.respond(exchange),
            })
        }),
    ),
    fault(
        "last-rules-only",
        "limit.rules-accepted",
        OtherRules,
        "Of ten rules the last one is dropped.",
        "a loop that ends early",
        Whole(|inside, exchange| {
            let rules = exchange.rules.clone().filter(|rules| rules.rules.len() == 10);
            Reply::Answer(match rules {
                Some(rules) if !exchange.is_cors() => {
                    let nine = only(rules.rules.iter().take(9).cloned().collect(), &rules);
                    inside.with_rules(exchange, Some(nine))
                }
                _ => inside.respond(exchange),
            })
        }),
    ),
];

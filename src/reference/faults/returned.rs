//! What is returned, and what deleting leaves.

use super::super::Reply;
use super::Effect::{BrokenClient, Misleading, OtherRules, Security};
use super::Plant::{Answer, Whole};
use super::change::{body, each, edit, edit_body, pattern, put, recode, reword, status, values};
use super::{Exchange, Fault, Inside, fault};
use crate::cors::CorsConfiguration;

pub(super) const FAULTS: &[Fault] = &[
    fault(
        "get-sorted",
        "get.rules",
        OtherRules,
        "Rules come back sorted.",
        "Ceph RGW",
        Whole(|inside, exchange| {
            returned(inside, exchange, |mut rules| {
                rules.rules.sort_by_key(|rule| rule.allowed_origins.first().map(|origin| origin.as_str().to_owned()));
                rules
            })
        }),
    ),
    fault(
        "get-reversed",
        "get.rules",
        OtherRules,
        "Rules come back in reverse.",
        "",
        Whole(|inside, exchange| {
            returned(inside, exchange, |mut rules| {
                rules.rules.reverse();
                rules
            })
        }),
    ),
    fault(
        "get-first-rule",
        "get.rules",
        OtherRules,
        "Only the first rule comes back.",
        "localstack #434",
        Whole(|inside, exchange| {
            returned(inside, exchange, |mut rules| {
                rules.rules.truncate(1);
                rules
            })
        }),
    ),
    fault(
        "get-media-type",
        "get.rules",
        BrokenClient,
        "GetBucketCors answers text/plain.",
        "versitygw #1842",
        Answer(|exchange, answer| {
            if exchange.is_get_cors() && answer.status() == 200 {
                put(answer.headers_mut(), "content-type", "text/plain");
            }
        }),
    ),
    fault(
        "get-first-value",
        "get.values",
        OtherRules,
        "Of several values of an element the first one comes back.",
        "localstack #434",
        Whole(|inside, exchange| {
            returned(inside, exchange, |rules| {
                each(&rules, |rule| {
                    rule.allowed_origins.truncate(1);
                    rule.allowed_methods.truncate(1);
                })
            })
        }),
    ),
    fault(
        "get-no-expose",
        "get.values",
        OtherRules,
        "ExposeHeader does not come back.",
        "",
        Whole(|inside, exchange| returned(inside, exchange, |rules| each(&rules, |rule| rule.expose_headers.clear()))),
    ),
    fault(
        "get-no-headers",
        "get.values",
        OtherRules,
        "AllowedHeader does not come back.",
        "",
        Whole(|inside, exchange| returned(inside, exchange, |rules| each(&rules, |rule| rule.allowed_headers.clear()))),
    ),
    fault(
        "get-no-age",
        "get.values",
        OtherRules,
        "MaxAgeSeconds does not come back.",
        "",
        Whole(|inside, exchange| returned(inside, exchange, |rules| each(&rules, |rule| rule.max_age_seconds = None))),
    ),
    fault(
        "get-thirty-two-values",
        "get.values",
        OtherRules,
        "More than 32 values of an element are cut off.",
        "fixed arrays",
        Whole(|inside, exchange| {
            returned(inside, exchange, |rules| {
                each(&rules, |rule| {
                    rule.allowed_origins.truncate(32);
                    rule.allowed_headers.truncate(32);
                    rule.expose_headers.truncate(32);
                })
            })
        }),
    ),
    fault(
        "get-unescaped",
        "config.xml-forms",
        BrokenClient,
        "What GetBucketCors returns is not escaped.",
        "documents made with printf",
        Answer(|exchange, answer| {
            if exchange.is_get_cors() {
                edit_body(answer, |text| text.replace("&amp;", "&"));
            }
        }),
    ),
    fault(
        "get-values-sorted",
        "get.value-order",
        OtherRules,
        "The values of a rule come back sorted.",
        "Ceph RGW, Swift",
        Whole(|inside, exchange| {
            returned(inside, exchange, |rules| {
                each(&rules, |rule| {
                    rule.allowed_methods.sort();
                    rule.expose_headers.sort();
                    rule.allowed_origins.sort_by(|one, other| one.as_str().cmp(other.as_str()));
                })
            })
        }),
    ),
    fault(
        "get-header-case",
        "get.header-lower-case",
        Misleading,
        "AllowedHeader comes back as it was written.",
        "S3 clones",
        Whole(|inside, exchange| {
            let bucket = Inside::bucket(exchange);
            if exchange.is_put_cors() {
                inside.documents.insert(bucket.clone(), exchange.document());
            }
            let mut answer = inside.respond(exchange);
            if exchange.is_get_cors() {
                let put = inside.documents.get(&bucket).cloned().unwrap_or_default();
                edit_body(&mut answer, |text| {
                    values(text, "AllowedHeader", |value| {
                        let written = put
                            .to_ascii_lowercase()
                            .find(&format!(">{value}<"))
                            .and_then(|at| put.get(at + 1..at + 1 + value.len()));
                        Some(written.unwrap_or(value).to_owned())
                    })
                });
            }
            Reply::Answer(answer)
        }),
    ),
    fault(
        "get-case-lost",
        "get.case-kept",
        Misleading,
        "AllowedOrigin and ExposeHeader come back in lower case.",
        "",
        Whole(|inside, exchange| {
            returned(inside, exchange, |rules| {
                each(&rules, |rule| {
                    for origin in &mut rule.allowed_origins {
                        *origin = pattern(origin.as_str().to_ascii_lowercase());
                    }
                    for name in &mut rule.expose_headers {
                        name.make_ascii_lowercase();
                    }
                })
            })
        }),
    ),
    fault(
        "get-empty-elements",
        "get.unset-absent",
        BrokenClient,
        "Elements that were not put come back empty.",
        "documents made from a template",
        Answer(|exchange, answer| {
            if exchange.is_get_cors() {
                edit_body(answer, |text| text.replace("</CORSRule>", "<ExposeHeader></ExposeHeader></CORSRule>"));
            }
        }),
    ),
    fault(
        "get-age-zero",
        "get.unset-absent",
        Misleading,
        "A MaxAgeSeconds that was not put comes back as 0.",
        "gin-contrib #188, integers without null",
        Whole(|inside, exchange| {
            returned(inside, exchange, |rules| {
                each(&rules, |rule| rule.max_age_seconds = rule.max_age_seconds.or(Some(0)))
            })
        }),
    ),
    fault(
        "get-vary-lost",
        "get.vary-true",
        Misleading,
        "ResponseVary does not come back.",
        "S3 models of the document",
        Answer(|exchange, answer| {
            if exchange.is_get_cors() {
                edit_body(answer, |text| values(text, "ResponseVary", |_| None));
            }
        }),
    ),
    fault(
        "get-vary-false-absent",
        "get.vary-false",
        BrokenClient,
        "ResponseVary false does not come back.",
        "",
        Answer(|exchange, answer| {
            if exchange.is_get_cors() {
                edit_body(answer, |text| {
                    values(text, "ResponseVary", |value| (value == "true").then(|| value.to_owned()))
                });
            }
        }),
    ),
    fault(
        "get-none-200",
        "get.none",
        BrokenClient,
        "GetBucketCors without rules answers 200 and an empty configuration.",
        "ceph #25999, Garage",
        Answer(|exchange, answer| {
            if exchange.is_get_cors() && super::change::code(answer).as_deref() == Some("NoSuchCORSConfiguration") {
                status(answer, 200);
                body(answer, "<CORSConfiguration></CORSConfiguration>");
            }
        }),
    ),
    fault(
        "get-none-code",
        "get.none",
        BrokenClient,
        "GetBucketCors without rules answers NoSuchBucketCors.",
        "versitygw #1842",
        Answer(|_, answer| recode(answer, "NoSuchCORSConfiguration", "NoSuchBucketCors")),
    ),
    fault(
        "get-none-message",
        "get.none-message",
        Misleading,
        "The message of NoSuchCORSConfiguration is another one.",
        "",
        Answer(|_, answer| reword(answer, "NoSuchCORSConfiguration", "The CORS configuration does not exist")),
    ),
    fault(
        "delete-200",
        "delete.ok",
        BrokenClient,
        "DeleteBucketCors answers 200.",
        "",
        Answer(|exchange, answer| {
            if exchange.is_delete_cors() && answer.status() == 204 {
                status(answer, 200);
            }
        }),
    ),
    fault(
        "delete-none-404",
        "delete.idempotent",
        BrokenClient,
        "Deleting what is not there answers 404.",
        "",
        Whole(|inside, exchange| {
            let none = exchange.is_delete_cors() && exchange.rules.is_none();
            let answer = inside.respond(exchange);
            Reply::Answer(if none && answer.status() == 204 {
                exchange.refusal(404, "NoSuchCORSConfiguration")
            } else {
                answer
            })
        }),
    ),
    fault(
        "delete-does-nothing",
        "delete.effect",
        Security,
        "DeleteBucketCors answers 204 and deletes nothing.",
        "",
        Whole(|inside, exchange| {
            // A request of the preparation has no rules to delete in a new bucket; then the bucket is replaced.
            Reply::Answer(if exchange.is_delete_cors() && exchange.rules.is_some() {
                let rules = inside.rules(exchange);
                let answer = inside.respond(exchange);
                inside.set_rules(exchange, rules);
                answer
            } else {
                inside.respond(exchange)
            })
        }),
    ),
    fault(
        "delete-keeps-answering",
        "delete.effect",
        Security,
        "Preflights are answered by rules that are deleted.",
        "floci #72, caches of rules",
        Whole(|inside, exchange| {
            let bucket = Inside::bucket(exchange);
            if let Some(rules) = &exchange.rules {
                inside.kept.insert(bucket.clone(), rules.clone());
            }
            let stale =
                inside.kept.get(&bucket).cloned().filter(|_| exchange.is_preflight() && exchange.rules.is_none());
            Reply::Answer(match stale {
                Some(rules) => inside.with_rules(exchange, Some(rules)),
                None => inside.respond(exchange),
            })
        }),
    ),
    fault(
        "delete-keeps-serving",
        "delete.effect",
        Security,
        "Actual requests are answered by rules that are deleted.",
        "caches of rules",
        Whole(|inside, exchange| {
            let bucket = Inside::bucket(exchange);
            if let Some(rules) = &exchange.rules {
                inside.kept.insert(bucket.clone(), CorsConfiguration { response_vary: false, ..rules.clone() });
            }
            let stale = inside.kept.get(&bucket).cloned().filter(|_| exchange.is_actual() && exchange.rules.is_none());
            Reply::Answer(match stale {
                Some(rules) => inside.with_rules(exchange, Some(rules)),
                None => inside.respond(exchange),
            })
        }),
    ),
    fault(
        "expose-sorted",
        "preflight.expose-order",
        Misleading,
        "Access-Control-Expose-Headers is sorted.",
        "Swift, versitygw",
        Answer(|_, answer| {
            edit(answer.headers_mut(), super::change::EXPOSE, super::change::sorted);
        }),
    ),
];

/// Writes what GetBucketCors returns from other rules than are stored.
fn returned(
    inside: &mut Inside,
    exchange: &Exchange<'_>,
    change: impl Fn(CorsConfiguration) -> CorsConfiguration,
) -> Reply {
    let mut answer = inside.respond(exchange);
    if let (true, http::StatusCode::OK, Some(rules)) = (exchange.is_get_cors(), answer.status(), inside.rules(exchange))
    {
        body(&mut answer, exchange.written(&change(rules)));
    }
    Reply::Answer(answer)
}

//! Access-Control-Expose-Headers, Access-Control-Max-Age, and headers that are never sent.

use super::Effect::{BrokenPage, Misleading, OtherRules, Security, StaleCache};
use super::Plant::Answer;
use super::change::{AGE, EXPOSE, edit, edit_body, field, grants, members, put};
use super::{Fault, fault};

pub(super) const FAULTS: &[Fault] = &[
    fault(
        "expose-missing",
        "preflight.expose",
        Misleading,
        "A preflight is answered without Access-Control-Expose-Headers.",
        "envoy #3852, RustFS",
        Answer(|exchange, answer| {
            if exchange.is_preflight() {
                answer.headers_mut().remove(EXPOSE);
            }
        }),
    ),
    fault(
        "expose-misspelt",
        "preflight.expose",
        BrokenPage,
        "The header is called Access-Control-Expose-Header.",
        "expressjs #13",
        Answer(|_, answer| {
            if let Some(value) = answer.headers_mut().remove(EXPOSE) {
                answer.headers_mut().insert("access-control-expose-header", value);
            }
        }),
    ),
    fault(
        "expose-ten",
        "preflight.expose",
        BrokenPage,
        "Access-Control-Expose-Headers names ten at most.",
        "fixed buffers",
        Answer(|_, answer| {
            edit(answer.headers_mut(), EXPOSE, |value| {
                members(value).into_iter().take(10).collect::<Vec<_>>().join(", ")
            });
        }),
    ),
    fault(
        "expose-one-word",
        "preflight.expose",
        BrokenPage,
        "The members of Access-Control-Expose-Headers are separated by spaces.",
        "",
        Answer(|_, answer| {
            edit(answer.headers_mut(), EXPOSE, |value| value.replace(", ", " "));
        }),
    ),
    fault(
        "expose-always",
        "preflight.expose-absent",
        Misleading,
        "ETag is always exposed.",
        "versitygw #1893",
        Answer(|_, answer| {
            if grants(answer) && !answer.headers().contains_key(EXPOSE) {
                put(answer.headers_mut(), EXPOSE, "ETag");
            }
        }),
    ),
    fault(
        "age-missing",
        "preflight.age",
        Misleading,
        "A preflight is answered without Access-Control-Max-Age.",
        "LocalStack",
        Answer(|exchange, answer| {
            if exchange.is_preflight() {
                answer.headers_mut().remove(AGE);
            }
        }),
    ),
    fault(
        "age-capped",
        "preflight.age",
        Misleading,
        "Access-Control-Max-Age is ten minutes at most.",
        "browsers' own limits",
        Answer(|_, answer| {
            edit(answer.headers_mut(), AGE, |value| value.parse().unwrap_or(0_u64).min(600).to_string());
        }),
    ),
    fault(
        "age-milliseconds",
        "preflight.age",
        StaleCache,
        "Access-Control-Max-Age is in milliseconds.",
        "",
        Answer(|_, answer| {
            edit(answer.headers_mut(), AGE, |value| format!("{value}000"));
        }),
    ),
    fault(
        "age-default",
        "preflight.age-absent",
        StaleCache,
        "Without MaxAgeSeconds Access-Control-Max-Age is a day.",
        "asm89/stack-cors #62, middlewares",
        Answer(|exchange, answer| {
            if exchange.is_preflight() && grants(answer) && !answer.headers().contains_key(AGE) {
                put(answer.headers_mut(), AGE, "86400");
            }
        }),
    ),
    fault(
        "age-zero-dropped",
        "age.zero",
        Misleading,
        "MaxAgeSeconds 0 is sent as none.",
        "expressjs #158, gin-contrib #188, asm89/stack-cors #62",
        Answer(|_, answer| {
            if field(answer.headers(), AGE).as_deref() == Some("0") {
                answer.headers_mut().remove(AGE);
            }
        }),
    )
    .allowed_by("zero_age", "dropped"),
    fault(
        "age-zero-lost",
        "age.zero",
        OtherRules,
        "MaxAgeSeconds 0 does not come back.",
        "clients and servers for which 0 is no value",
        Answer(|exchange, answer| {
            if exchange.is_get_cors() {
                edit_body(answer, |text| text.replace("<MaxAgeSeconds>0</MaxAgeSeconds>", ""));
            }
        }),
    ),
    fault(
        "credentials-true",
        "credentials.never",
        Security,
        "Access-Control-Allow-Credentials is true, with an asterisk too.",
        "NooBaa, s3rver, versitygw, CVE-2018-20744, CVE-2026-54290",
        Answer(|_, answer| {
            if grants(answer) {
                put(answer.headers_mut(), "access-control-allow-credentials", "true");
            }
        }),
    ),
    fault(
        "credentials-false",
        "credentials.never",
        Misleading,
        "Access-Control-Allow-Credentials is false.",
        "minio #21352",
        Answer(|_, answer| {
            if grants(answer) {
                put(answer.headers_mut(), "access-control-allow-credentials", "false");
            }
        }),
    ),
    fault(
        "credentials-on-actual",
        "credentials.never",
        Security,
        "Actual requests carry Access-Control-Allow-Credentials.",
        "RustFS",
        Answer(|exchange, answer| {
            if grants(answer) && !exchange.is_preflight() {
                put(answer.headers_mut(), "access-control-allow-credentials", "true");
            }
        }),
    ),
    fault(
        "private-network",
        "private-network.never",
        Security,
        "Access-Control-Allow-Private-Network is true.",
        "flask-cors CVE-2024-6221",
        Answer(|_, answer| {
            if grants(answer) {
                put(answer.headers_mut(), "access-control-allow-private-network", "true");
            }
        }),
    ),
    fault(
        "private-network-asked",
        "private-network.never",
        Security,
        "Access-Control-Allow-Private-Network is true where it is asked for.",
        "flask-cors CVE-2024-6221",
        Answer(|exchange, answer| {
            if grants(answer) && exchange.field("access-control-request-private-network").is_some() {
                put(answer.headers_mut(), "access-control-allow-private-network", "true");
            }
        }),
    ),
    fault(
        "expose-thirty-two",
        "preflight.expose",
        BrokenPage,
        "Access-Control-Expose-Headers names thirty-two at most.",
        "fixed arrays",
        Answer(|_, answer| {
            edit(answer.headers_mut(), EXPOSE, |value| {
                members(value).into_iter().take(32).collect::<Vec<_>>().join(", ")
            });
        }),
    ),
    fault(
        "expose-safelisted-unnamed",
        "preflight.expose",
        BrokenPage,
        "Access-Control-Expose-Headers leaves out what Fetch safelists.",
        "middlewares",
        Answer(|_, answer| {
            edit(answer.headers_mut(), EXPOSE, |value| {
                members(value)
                    .into_iter()
                    .filter(|name| {
                        !name.eq_ignore_ascii_case("content-type") && !name.eq_ignore_ascii_case("content-length")
                    })
                    .collect::<Vec<_>>()
                    .join(", ")
            });
        }),
    ),
];

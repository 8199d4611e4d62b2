//! Answers outside of all that is named at an open point of S3.

use bytes::Bytes;
use http::{Response, StatusCode, header};

use super::Effect::{BrokenPage, Misleading, StaleCache};
use super::Plant::Answer;
use super::change::{ASKED_METHOD, HEADERS, edit_body, field, grants, put, values};
use super::{Fault, fault};

const METHODS: &str = "access-control-allow-methods";
const EXPOSED: &str = "access-control-expose-headers";
const AGE: &str = "access-control-max-age";

/// Puts a value in place of what a field of one kind of answer has.
fn replaced(concerns: bool, answer: &mut Response<Bytes>, name: &'static str, value: &str) {
    if concerns && answer.headers().contains_key(name) {
        put(answer.headers_mut(), name, value);
    }
}

pub(super) const FAULTS: &[Fault] = &[
    fault(
        "exposed-of-another",
        "preflight.expose-choice",
        Misleading,
        "A preflight exposes a header of the server's own.",
        "",
        Answer(|exchange, answer| replaced(exchange.is_preflight(), answer, EXPOSED, "x-request-id")),
    ),
    fault(
        "headers-of-the-house",
        "preflight.headers-scope",
        BrokenPage,
        "Access-Control-Allow-Headers has a fixed list.",
        "middlewares",
        Answer(|exchange, answer| {
            replaced(exchange.is_preflight(), answer, HEADERS, "authorization, content-type, x-requested-with");
        }),
    ),
    fault(
        "refusal-about-a-key",
        "preflight.about-choice",
        Misleading,
        "A refusal has a ResourceType of its own.",
        "",
        Answer(|exchange, answer| {
            if exchange.is_preflight() {
                edit_body(answer, |text| values(text, "ResourceType", |_| Some("KEY".to_owned())));
            }
        }),
    ),
    fault(
        "actual-methods-asterisk",
        "actual.methods-choice",
        Misleading,
        "Access-Control-Allow-Methods of an actual request is an asterisk.",
        "",
        Answer(|exchange, answer| replaced(exchange.is_actual(), answer, METHODS, "*")),
    ),
    fault(
        "actual-age-zero",
        "actual.age-choice",
        Misleading,
        "Access-Control-Max-Age of an actual request is 0.",
        "",
        Answer(|exchange, answer| replaced(exchange.is_actual(), answer, AGE, "0")),
    ),
    fault(
        "actual-refused-by-requested-method",
        "actual.method-choice",
        BrokenPage,
        "An actual request that names a method which no rule allows is refused like a preflight.",
        "versitygw",
        Answer(|exchange, answer| {
            let asks = exchange.field(ASKED_METHOD).is_some() && exchange.field("origin").is_some();
            if exchange.is_actual() && exchange.rules.is_some() && asks && !grants(answer) {
                *answer = exchange.refusal(403, "AccessForbidden");
            }
        }),
    ),
    fault(
        "vary-asterisk",
        "vary.members",
        StaleCache,
        "Vary is an asterisk, so that no cache keeps anything.",
        "",
        Answer(|_, answer| {
            let named = field(answer.headers(), "vary").is_some_and(|named| named.contains("Origin"));
            if named && answer.status() == StatusCode::OK {
                answer.headers_mut().remove(header::VARY);
                put(answer.headers_mut(), "vary", "*");
            }
        }),
    ),
];

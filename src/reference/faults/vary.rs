//! ResponseVary.

use http::HeaderValue;

use super::super::Reply;
use super::Effect::{BrokenPage, Misleading, StaleCache};
use super::Plant::{Answer, Whole};
use super::change::{grants, without_vary_origin};
use super::{Exchange, Fault, Inside, fault};

fn without(exchange: &Exchange<'_>, answer: &mut http::Response<bytes::Bytes>, when: bool) {
    if when && !exchange.is_cors() {
        without_vary_origin(answer.headers_mut());
    }
}

fn add(answer: &mut http::Response<bytes::Bytes>) {
    answer.headers_mut().append("vary", HeaderValue::from_static("Origin"));
}

fn varies(answer: &http::Response<bytes::Bytes>) -> bool {
    answer.headers().get_all("vary").iter().any(|value| value == "Origin")
}

pub(super) const FAULTS: &[Fault] = &[
    fault(
        "vary-never",
        "vary.match",
        StaleCache,
        "Vary Origin is never sent.",
        "seaweedfs #7544, tower-http #198, expressjs/cors #106, moto, NooBaa, Garage",
        Answer(|exchange, answer| without(exchange, answer, true)),
    ),
    fault(
        "vary-matching-not",
        "vary.match",
        StaleCache,
        "Vary Origin is sent only where nothing is granted.",
        "a condition turned round",
        Answer(|exchange, answer| {
            let granted = grants(answer) && exchange.is_actual();
            without(exchange, answer, granted);
        }),
    ),
    fault(
        "vary-star-not",
        "vary.match",
        StaleCache,
        "Vary Origin is left out where the answer is an asterisk.",
        "middlewares",
        Answer(|exchange, answer| {
            let star = super::change::field(answer.headers(), super::change::ORIGIN).as_deref() == Some("*");
            without(exchange, answer, star);
        }),
    ),
    fault(
        "vary-partial-not",
        "vary.match",
        StaleCache,
        "206 and 304 carry no Vary Origin.",
        "",
        Answer(|exchange, answer| {
            let partial = matches!(answer.status().as_u16(), 206 | 304);
            without(exchange, answer, partial);
        }),
    ),
    fault(
        "vary-list-not",
        "vary.every-operation",
        StaleCache,
        "Listings carry no Vary Origin.",
        "",
        Answer(|exchange, answer| {
            let list = exchange.is_actual() && exchange.address.object.is_none();
            without(exchange, answer, list);
        }),
    ),
    fault(
        "vary-writes-not",
        "vary.every-operation",
        StaleCache,
        "Writes carry no Vary Origin.",
        "",
        Answer(|exchange, answer| {
            let writes = matches!(exchange.request.method().as_str(), "PUT" | "POST" | "DELETE");
            without(exchange, answer, writes);
        }),
    ),
    fault(
        "vary-granted-only",
        "vary.no-match",
        StaleCache,
        "Vary Origin is sent only where an origin is granted.",
        "seaweedfs #8071, trafficserver #3954",
        Answer(|exchange, answer| {
            let bare = !grants(answer) && exchange.field("origin").is_some();
            without(exchange, answer, bare);
        }),
    ),
    fault(
        "vary-other-method-not",
        "vary.other-method",
        StaleCache,
        "No Vary Origin where the origin is allowed and the method is not.",
        "",
        Answer(|exchange, answer| {
            let origin = exchange.rules.as_ref().is_some_and(|rules| {
                rules.rules.iter().any(|rule| super::change::allows_origin(rule, &exchange.asked()))
            });
            let bare = exchange.is_actual() && !grants(answer) && origin;
            without(exchange, answer, bare);
        }),
    ),
    fault(
        "vary-origin-only",
        "vary.no-origin",
        StaleCache,
        "Vary Origin is sent only to requests with an Origin.",
        "seaweedfs #8071, porsche-design-system #1469",
        Answer(|exchange, answer| {
            let none = exchange.field("origin").is_none();
            without(exchange, answer, none);
        }),
    ),
    fault(
        "vary-always",
        "vary.off",
        StaleCache,
        "Vary Origin is sent whenever an origin is granted.",
        "middlewares",
        Answer(|exchange, answer| {
            if grants(answer) && !varies(answer) && !exchange.is_preflight() {
                add(answer);
            }
        }),
    ),
    fault(
        "vary-always-preflight",
        "vary.off",
        Misleading,
        "Preflights always carry Vary Origin.",
        "middlewares",
        Answer(|exchange, answer| {
            if exchange.is_preflight() && !varies(answer) && exchange.rules.is_some() {
                add(answer);
            }
        }),
    ),
    fault(
        "vary-always-errors",
        "vary.off",
        Misleading,
        "Errors always carry Vary Origin.",
        "",
        Answer(|exchange, answer| {
            if exchange.is_actual() && answer.status().is_client_error() && !varies(answer) {
                add(answer);
            }
        }),
    ),
    fault(
        "vary-triple",
        "vary.off",
        Misleading,
        "Vary names Origin and the two request headers, as S3 has it.",
        "S3",
        Answer(|exchange, answer| {
            if grants(answer) && !varies(answer) && exchange.is_preflight() {
                answer.headers_mut().append(
                    "vary",
                    HeaderValue::from_static("Origin, Access-Control-Request-Headers, Access-Control-Request-Method"),
                );
            }
        }),
    ),
    fault(
        "vary-preflight-not",
        "vary.preflight",
        StaleCache,
        "Preflights carry no Vary Origin.",
        "floci",
        Answer(|exchange, answer| {
            let preflight = exchange.is_preflight();
            without(exchange, answer, preflight);
        }),
    ),
    fault(
        "vary-refused-not",
        "vary.preflight",
        StaleCache,
        "Refused preflights carry no Vary Origin.",
        "",
        Answer(|exchange, answer| {
            let refused = exchange.is_preflight() && !grants(answer);
            without(exchange, answer, refused);
        }),
    ),
    fault(
        "vary-errors-not",
        "vary.errors",
        StaleCache,
        "Errors carry no Vary Origin.",
        "",
        Answer(|exchange, answer| {
            let error = exchange.is_actual() && answer.status().is_client_error();
            without(exchange, answer, error);
        }),
    ),
    fault(
        "vary-forbidden-not",
        "vary.errors",
        StaleCache,
        "403 carries no Vary Origin.",
        "",
        Answer(|exchange, answer| {
            let error = exchange.is_actual() && answer.status() == 403;
            without(exchange, answer, error);
        }),
    ),
    fault(
        "vary-head-not",
        "vary.head",
        StaleCache,
        "HEAD carries no Vary Origin.",
        "",
        Answer(|exchange, answer| {
            let head = exchange.request.method() == http::Method::HEAD;
            without(exchange, answer, head);
        }),
    ),
    fault(
        "vary-overwritten",
        "vary.kept",
        StaleCache,
        "Vary Origin takes the place of a Vary that is there.",
        "http4s #2003, tuupola/cors #93, caddy #438",
        Answer(|_, answer| {
            if varies(answer) {
                answer.headers_mut().insert("vary", HeaderValue::from_static("Origin"));
            }
        }),
    ),
    fault(
        "vary-other-lost",
        "vary.kept",
        StaleCache,
        "With rules in place Vary Accept-Encoding is lost.",
        "",
        Answer(|exchange, answer| {
            if exchange.rules.is_some() && exchange.field("origin").is_some() {
                let origin = varies(answer);
                answer.headers_mut().remove("vary");
                if origin {
                    add(answer);
                }
            }
        }),
    ),
    fault(
        "vary-after-delete",
        "vary.after-delete",
        Misleading,
        "Vary Origin stays after DeleteBucketCors.",
        "caches of rules",
        Whole(|inside, exchange| {
            let bucket = Inside::bucket(exchange);
            if exchange.rules.as_ref().is_some_and(|rules| rules.response_vary) {
                inside.kept.insert(bucket.clone(), crate::cors::CorsConfiguration::default());
            }
            if exchange.is_put_cors()
                || exchange.request.method() == http::Method::PUT && exchange.address.object.is_none()
            {
                inside.kept.remove(&bucket);
            }
            let mut answer = inside.respond(exchange);
            if exchange.rules.is_none() && inside.kept.contains_key(&bucket) && !exchange.is_cors() {
                add(&mut answer);
            }
            Reply::Answer(answer)
        }),
    ),
    fault(
        "vary-of-other-bucket",
        "vary.off",
        Misleading,
        "ResponseVary of one bucket counts for all.",
        "",
        Whole(|inside, exchange| {
            let any = inside
                .reference
                .buckets
                .values()
                .any(|bucket| bucket.cors.as_ref().is_some_and(|rules| rules.response_vary));
            let mut answer = inside.respond(exchange);
            if any && !varies(&answer) && !exchange.is_cors() && exchange.rules.is_some() {
                add(&mut answer);
            }
            Reply::Answer(answer)
        }),
    ),
    fault(
        "vary-in-one-word",
        "vary.kept",
        BrokenPage,
        "Vary is joined without a comma.",
        "",
        Answer(|_, answer| {
            if varies(answer) && answer.headers().get_all("vary").iter().count() > 1 {
                answer.headers_mut().insert("vary", HeaderValue::from_static("Accept-Encoding Origin"));
            }
        }),
    ),
    fault(
        "vary-star",
        "vary.match",
        Misleading,
        "Vary is an asterisk.",
        "",
        Answer(|_, answer| {
            if varies(answer) {
                answer.headers_mut().insert("vary", HeaderValue::from_static("*"));
            }
        }),
    ),
    fault(
        "vary-precondition-not",
        "vary.errors",
        StaleCache,
        "409, 412 and 416 carry no Vary Origin.",
        "",
        Answer(|exchange, answer| {
            let failed = matches!(answer.status().as_u16(), 409 | 412 | 416);
            without(exchange, answer, failed);
        }),
    ),
    fault(
        "vary-presigned-not",
        "vary.errors",
        StaleCache,
        "Presigned requests with an Origin carry no Vary Origin.",
        "",
        Answer(|exchange, answer| {
            let presigned = exchange.request.uri().query().is_some_and(|query| query.contains("ignature"))
                && exchange.field("origin").is_some();
            without(exchange, answer, presigned);
        }),
    ),
];

//! Actual requests by operation and by status.

use super::super::Reply;
use http::Method;

use super::Effect::{BrokenPage, Misleading, OtherRules};
use super::Plant::{Answer, Whole};
use super::change::{AGE, EXPOSE, METHODS, bare, each, edit};
use super::{Exchange, Fault, fault, with_append};
use crate::dialect::{Dialect, Signature};

pub(super) const FAULTS: &[Fault] = &[
    fault(
        "actual-get-bare",
        "actual.origin",
        BrokenPage,
        "GET of an object carries no CORS headers.",
        "Garage #609",
        Answer(|exchange, answer| {
            if exchange.address.object.is_some() && answer.status() == 200 {
                strip_if(exchange, answer, &Method::GET, "");
            }
        }),
    ),
    fault(
        "actual-anonymous-bare",
        "actual.origin",
        BrokenPage,
        "Requests without a signature carry no CORS headers.",
        "",
        Answer(|exchange, answer| {
            let signed = exchange.field("authorization").is_some()
                || exchange.request.uri().query().is_some_and(|query| query.contains("ignature"));
            if exchange.is_actual() && !signed {
                bare(answer.headers_mut());
            }
        }),
    )
    .only(Dialect::has_acls),
    fault(
        "actual-presigned-bare",
        "actual.origin",
        BrokenPage,
        "Requests by a presigned URL carry no CORS headers.",
        "",
        Answer(|exchange, answer| {
            if exchange.is_actual() && exchange.request.uri().query().is_some_and(|query| query.contains("ignature")) {
                bare(answer.headers_mut());
            }
        }),
    ),
    fault(
        "head-bare",
        "actual.every-operation",
        BrokenPage,
        "HEAD carries no CORS headers.",
        "s3ninja #37",
        Answer(|exchange, answer| strip_if(exchange, answer, &Method::HEAD, "")),
    ),
    fault(
        "put-bare",
        "actual.every-operation",
        BrokenPage,
        "PUT carries no CORS headers.",
        "ali-oss #374",
        Answer(|exchange, answer| strip_if(exchange, answer, &Method::PUT, "")),
    ),
    fault(
        "delete-bare",
        "actual.every-operation",
        BrokenPage,
        "DELETE carries no CORS headers.",
        "",
        Answer(|exchange, answer| strip_if(exchange, answer, &Method::DELETE, "")),
    ),
    fault(
        "append-bare",
        "actual.every-operation",
        BrokenPage,
        "AppendObject carries no CORS headers.",
        "",
        Answer(|exchange, answer| strip_if(exchange, answer, &Method::POST, "append")),
    )
    .only(with_append),
    fault(
        "form-bare",
        "actual.every-operation",
        BrokenPage,
        "A form upload carries no CORS headers.",
        "Garage #609, rustfs #1496",
        Answer(|exchange, answer| {
            if exchange.field("content-type").is_some_and(|kind| kind.starts_with("multipart/form-data")) {
                strip_if(exchange, answer, &Method::POST, "");
            }
        }),
    )
    // The policy of a form is signed in OSS's manner; the suite has no form in another one yet.
    .only(|dialect| dialect.behaviours.signature == Signature::Oss),
    fault(
        "delete-many-bare",
        "actual.every-operation",
        BrokenPage,
        "DeleteMultipleObjects carries no CORS headers.",
        "",
        Answer(|exchange, answer| strip_if(exchange, answer, &Method::POST, "delete")),
    ),
    fault(
        "list-bare",
        "actual.every-operation",
        BrokenPage,
        "The listing of a bucket carries no CORS headers.",
        "",
        Answer(|exchange, answer| {
            if exchange.address.object.is_none()
                && !exchange.request.uri().query().is_some_and(|query| query.contains("uploads"))
            {
                strip_if(exchange, answer, &Method::GET, "");
            }
        }),
    ),
    fault(
        "uploads-bare",
        "actual.every-operation",
        BrokenPage,
        "The listing of uploads carries no CORS headers.",
        "Garage #609",
        Answer(|exchange, answer| strip_if(exchange, answer, &Method::GET, "uploads")),
    ),
    fault(
        "append-is-put",
        "actual.method",
        BrokenPage,
        "AppendObject is matched as PUT.",
        "servers that match by operation",
        Whole(|inside, exchange| as_method(inside, exchange, &Method::POST, "append", "PUT")),
    )
    .only(with_append),
    fault(
        "delete-many-is-delete",
        "actual.method",
        BrokenPage,
        "DeleteMultipleObjects is matched as DELETE.",
        "servers that match by operation",
        Whole(|inside, exchange| as_method(inside, exchange, &Method::POST, "delete", "DELETE")),
    ),
    fault(
        "not-found-bare",
        "actual.not-found",
        BrokenPage,
        "404 carries no CORS headers.",
        "nginx-s3-gateway #159, fake-s3 #209",
        Answer(|exchange, answer| {
            if exchange.is_actual() && answer.status() == 404 {
                bare(answer.headers_mut());
            }
        }),
    ),
    fault(
        "bad-request-bare",
        "actual.client-errors",
        BrokenPage,
        "400 carries no CORS headers.",
        "cloudserver #6126",
        Answer(|exchange, answer| {
            if exchange.is_actual() && answer.status() == 400 {
                bare(answer.headers_mut());
            }
        }),
    ),
    fault(
        "conflict-bare",
        "actual.client-errors",
        BrokenPage,
        "409 carries no CORS headers.",
        "cloudserver #6126",
        Answer(|exchange, answer| {
            if exchange.is_actual() && answer.status() == 409 {
                bare(answer.headers_mut());
            }
        }),
    )
    .only(with_append),
    fault(
        "partial-bare",
        "actual.conditional",
        BrokenPage,
        "206 carries no CORS headers.",
        "Garage #609",
        Answer(|exchange, answer| {
            if exchange.is_actual() && answer.status() == 206 {
                bare(answer.headers_mut());
            }
        }),
    ),
    fault(
        "not-modified-bare",
        "actual.conditional",
        BrokenPage,
        "304 carries no CORS headers.",
        "hono/FreiFahren #470, Apache bz 51223, NelmioCorsBundle #32",
        Answer(|exchange, answer| {
            if exchange.is_actual() && answer.status() == 304 {
                bare(answer.headers_mut());
            }
        }),
    ),
    fault(
        "precondition-bare",
        "actual.conditional",
        BrokenPage,
        "412 and 416 carry no CORS headers.",
        "s3ninja #37",
        Answer(|exchange, answer| {
            if exchange.is_actual() && matches!(answer.status().as_u16(), 412 | 416) {
                bare(answer.headers_mut());
            }
        }),
    ),
    fault(
        "expose-etag-missing",
        "actual.expose",
        BrokenPage,
        "ETag is left out of the exposed headers.",
        "S3Mock #1023, s3ninja #37",
        Answer(|exchange, answer| {
            if exchange.is_actual() {
                edit(answer.headers_mut(), EXPOSE, |value| {
                    super::change::members(value)
                        .into_iter()
                        .filter(|name| !name.eq_ignore_ascii_case("etag"))
                        .collect::<Vec<_>>()
                        .join(", ")
                });
            }
        }),
    ),
    fault(
        "chunked-bare",
        "actual.client-errors",
        BrokenPage,
        "Refusals of a body in chunks carry no CORS headers.",
        "",
        Answer(|exchange, answer| {
            if exchange.field("transfer-encoding").is_some() && answer.status().is_client_error() {
                bare(answer.headers_mut());
            }
        }),
    ),
    fault(
        "expect-continue-bare",
        "actual.client-errors",
        BrokenPage,
        "Refusals of a request that waits for 100 Continue carry no CORS headers.",
        "",
        Answer(|exchange, answer| {
            if exchange.field("expect").is_some() && answer.status().is_client_error() {
                bare(answer.headers_mut());
            }
        }),
    ),
    fault(
        "age-on-success-only",
        "actual.age-and-methods",
        Misleading,
        "Access-Control-Max-Age and -Allow-Methods are sent with 200 only.",
        "",
        Answer(|exchange, answer| {
            if exchange.is_actual() && answer.status() != 200 {
                answer.headers_mut().remove(AGE);
                answer.headers_mut().remove(METHODS);
            }
        }),
    ),
    fault(
        "list-no-expose",
        "actual.expose",
        BrokenPage,
        "Listings expose no headers.",
        "",
        Answer(|exchange, answer| {
            if exchange.is_actual() && exchange.address.object.is_none() {
                answer.headers_mut().remove(EXPOSE);
            }
        }),
    ),
    fault(
        "multipart-bare",
        "actual.every-operation",
        BrokenPage,
        "The steps of a multipart upload carry no CORS headers.",
        "Garage #609, ali-oss #374",
        Answer(|exchange, answer| {
            let query = exchange.request.uri().query().unwrap_or_default();
            if query.contains("uploadId") || exchange.address.object.is_some() && query.contains("uploads") {
                bare(answer.headers_mut());
            }
        }),
    ),
    fault(
        "acl-wipes-rules",
        "config.independent",
        OtherRules,
        "Setting the ACL of a bucket deletes its rules.",
        "stores that write all of a bucket's settings anew",
        Whole(|inside, exchange| {
            let answer = inside.respond(exchange);
            let acl = exchange.request.uri().query().is_some_and(|query| query.starts_with("acl"));
            if exchange.request.method() == Method::PUT && acl && exchange.address.object.is_none() {
                inside.set_rules(exchange, None);
            }
            Reply::Answer(answer)
        }),
    )
    .only(|dialect| dialect.behaviours.signature == Signature::Oss),
];

/// Matches a kind of request as if it had another method.
fn as_method(inside: &mut super::Inside, exchange: &Exchange<'_>, method: &Method, query: &str, other: &str) -> Reply {
    let asked = exchange.request.uri().query().unwrap_or_default().starts_with(query);
    let own = method.as_str().to_owned();
    Reply::Answer(match &exchange.rules {
        Some(rules) if exchange.is_actual() && exchange.request.method() == method && asked => {
            let seen = each(rules, |rule| {
                let allowed = rule.allowed_methods.iter().any(|allowed| allowed == other);
                rule.allowed_methods.retain(|allowed| *allowed != own);
                if allowed {
                    rule.allowed_methods.push(own.clone());
                }
            });
            inside.with_rules(exchange, Some(seen))
        }
        _ => inside.respond(exchange),
    })
}

fn strip_if(exchange: &Exchange<'_>, answer: &mut http::Response<bytes::Bytes>, method: &Method, query: &str) {
    let asked = exchange.request.uri().query().unwrap_or_default();
    if exchange.is_actual() && exchange.request.method() == method && (query.is_empty() || asked.contains(query)) {
        bare(answer.headers_mut());
    }
}

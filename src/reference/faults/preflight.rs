//! Preflights: which are answered at all, to whom, and whether always alike.

use super::super::Reply;
use super::Effect::{BrokenClient, BrokenPage, Misleading, Security};
use super::Plant::{Answer, Request, Whole};
use super::change::{ASKED_METHOD, METHODS, body, edit, field, members, put, status};
use super::{Fault, fault};
use crate::dialect::ErrorKind;
use crate::sign::Query;

pub(super) const FAULTS: &[Fault] = &[
    fault(
        "preflight-204",
        "preflight.ok",
        BrokenClient,
        "A preflight is answered 204.",
        "most CORS middlewares",
        Answer(|exchange, answer| {
            if exchange.is_preflight() && answer.status() == 200 {
                status(answer, 204);
            }
        }),
    ),
    fault(
        "preflight-with-text",
        "preflight.ok",
        BrokenClient,
        "A preflight is answered with a body.",
        "s3rver",
        Answer(|exchange, answer| {
            if exchange.is_preflight() && answer.status() == 200 {
                body(answer, "OK");
            }
        }),
    ),
    fault(
        "preflight-405",
        "preflight.ok",
        BrokenPage,
        "OPTIONS is not allowed.",
        "chimera #502, findify/s3mock #133",
        Whole(|inside, exchange| {
            Reply::Answer(if exchange.is_preflight() {
                exchange.refusal(405, "MethodNotAllowed")
            } else {
                inside.respond(exchange)
            })
        }),
    ),
    fault(
        "missing-object-404",
        "preflight.missing-object",
        BrokenPage,
        "A preflight about a missing object answers 404.",
        "SeaweedFS",
        Whole(|inside, exchange| {
            let bucket = exchange.address.bucket.as_deref().and_then(|name| inside.reference.buckets.get(name));
            let missing = match (bucket, &exchange.address.object) {
                (Some(bucket), Some(key)) => !bucket.objects.contains_key(key),
                _ => false,
            };
            Reply::Answer(if exchange.is_preflight() && missing {
                exchange.refusal(404, "NoSuchKey")
            } else {
                inside.respond(exchange)
            })
        }),
    ),
    fault(
        "bucket-root-400",
        "preflight.bucket-root",
        BrokenPage,
        "OPTIONS on a bucket answers 400.",
        "s3proxy",
        Whole(|inside, exchange| {
            Reply::Answer(if exchange.is_preflight() && exchange.address.object.is_none() {
                exchange.refusal(400, "InvalidRequest")
            } else {
                inside.respond(exchange)
            })
        }),
    ),
    fault(
        "query-400",
        "preflight.query",
        BrokenPage,
        "OPTIONS with a query other than a signature answers 400.",
        "aws-sdk-js #515, oio-swift",
        Whole(|inside, exchange| {
            let query = exchange.request.uri().query().unwrap_or_default();
            let query = Query::parse(query).without_signature().iter().next().is_some();
            Reply::Answer(if exchange.is_preflight() && query {
                exchange.refusal(400, "InvalidArgument")
            } else {
                inside.respond(exchange)
            })
        }),
    ),
    fault(
        "body-400",
        "preflight.body",
        BrokenPage,
        "OPTIONS with a body answers 400.",
        "",
        Whole(|inside, exchange| {
            Reply::Answer(if exchange.is_preflight() && !exchange.request.body().is_empty() {
                exchange.refusal(400, "InvalidRequest")
            } else {
                inside.respond(exchange)
            })
        }),
    ),
    fault(
        "body-silence",
        "preflight.body",
        BrokenPage,
        "OPTIONS with a body is never answered.",
        "argmin's test of S3 clones",
        Whole(|inside, exchange| {
            if exchange.is_preflight() && !exchange.request.body().is_empty() {
                Reply::Silence
            } else {
                Reply::Answer(inside.respond(exchange))
            }
        }),
    ),
    fault(
        "signature-demanded",
        "preflight.no-auth",
        BrokenPage,
        "A preflight without a signature is refused.",
        "ceph #2350, moto",
        Whole(|inside, exchange| {
            let signed = exchange.field("authorization").is_some()
                || exchange.request.uri().query().is_some_and(|query| query.contains("ignature"));
            Reply::Answer(if exchange.is_preflight() && !signed {
                exchange.refusal(403, "AccessDenied")
            } else {
                inside.respond(exchange)
            })
        }),
    ),
    fault(
        "presigned-preflight-refused",
        "preflight.no-auth",
        BrokenPage,
        "A preflight on a presigned URL is refused: the signature is of another method.",
        "s3proxy #411, floci #2412, localstack #99, R2 cloudflare-docs #6003",
        Whole(|inside, exchange| {
            let presigned = exchange.request.uri().query().is_some_and(|query| query.contains("ignature"));
            Reply::Answer(if exchange.is_preflight() && presigned {
                exchange.refusal(403, "SignatureDoesNotMatch")
            } else {
                inside.respond(exchange)
            })
        }),
    ),
    fault(
        "expired-preflight-refused",
        "preflight.no-auth",
        BrokenPage,
        "A preflight on a presigned URL past its time is refused.",
        "ceph #2350",
        Whole(|inside, exchange| {
            let signer = inside.reference.authenticate(exchange.request, &exchange.address, exchange.moment.now);
            let expired = signer.is_err_and(|error| error.is(ErrorKind::Expired));
            Reply::Answer(if exchange.is_preflight() && expired {
                exchange.refusal(403, "AccessDenied")
            } else {
                inside.respond(exchange)
            })
        }),
    ),
    fault(
        "signed-preflight-checked",
        "preflight.no-auth",
        BrokenPage,
        "The signature of a preflight is checked where there is one.",
        "ceph #2350",
        Whole(|inside, exchange| {
            if !exchange.is_preflight() || exchange.field("authorization").is_none() {
                return Reply::Answer(inside.respond(exchange));
            }
            let checked = inside.reference.authenticate(exchange.request, &exchange.address, exchange.moment.now);
            Reply::Answer(match checked {
                Ok(_) => inside.respond(exchange),
                Err(error) => inside.reference.say(&error, &exchange.address.host, exchange.moment.request_id),
            })
        }),
    ),
    fault(
        "private-bucket-closed",
        "preflight.no-auth",
        BrokenPage,
        "A preflight on a private bucket is refused.",
        "",
        Whole(|inside, exchange| {
            let private = exchange
                .address
                .bucket
                .as_deref()
                .and_then(|name| inside.reference.buckets.get(name))
                .is_some_and(|bucket| bucket.acl == super::super::Acl::Private);
            let anonymous = exchange.field("authorization").is_none() && exchange.request.uri().query().is_none();
            Reply::Answer(if exchange.is_preflight() && private && anonymous {
                exchange.refusal(403, "AccessForbidden")
            } else {
                inside.respond(exchange)
            })
        }),
    ),
    fault(
        "unknown-key-refused-first",
        "preflight.no-auth",
        Misleading,
        "Without rules a preflight with an unknown key is refused for the key.",
        "",
        Whole(|inside, exchange| {
            let signer = inside.reference.authenticate(exchange.request, &exchange.address, exchange.moment.now);
            let unknown = signer.is_err_and(|error| error.is(ErrorKind::UnknownKey));
            Reply::Answer(if exchange.is_preflight() && unknown && exchange.rules.is_none() {
                exchange.refusal(403, "InvalidAccessKeyId")
            } else {
                inside.respond(exchange)
            })
        }),
    ),
    fault(
        "no-allowed-header-no-preflight",
        "preflight.no-requested-header",
        BrokenPage,
        "A rule without AllowedHeader never allows a preflight.",
        "",
        super::Plant::Rules(|rules, _| {
            super::change::only(
                rules.rules.iter().filter(|rule| !rule.allowed_headers.is_empty()).cloned().collect(),
                rules,
            )
        }),
    ),
    fault(
        "every-seventh",
        "answer.stable",
        BrokenPage,
        "Every seventh preflight is answered by no rules.",
        "servers with several nodes",
        Whole(|inside, exchange| {
            if !exchange.is_preflight() || exchange.rules.is_none() {
                return Reply::Answer(inside.respond(exchange));
            }
            inside.count += 1;
            Reply::Answer(if inside.count.is_multiple_of(7) {
                inside.with_rules(exchange, None)
            } else {
                inside.respond(exchange)
            })
        }),
    ),
    fault(
        "methods-order-changes",
        "answer.stable",
        Misleading,
        "Every second answer has the methods in another order.",
        "Swift (set), versitygw (map)",
        Whole(|inside, exchange| {
            let mut answer = inside.respond(exchange);
            inside.count += usize::from(exchange.is_preflight());
            if exchange.is_preflight() && !inside.count.is_multiple_of(2) {
                edit(answer.headers_mut(), METHODS, |value| {
                    let mut all = members(value);
                    all.reverse();
                    all.join(", ")
                });
            }
            Reply::Answer(answer)
        }),
    ),
    fault(
        "methods-change",
        "answer.stable",
        Misleading,
        "Every third answer leaves out the last method.",
        "servers that lose one while they build a list",
        Whole(|inside, exchange| {
            let mut answer = inside.respond(exchange);
            inside.count += 1;
            if exchange.is_preflight() && inside.count.is_multiple_of(3) {
                edit(answer.headers_mut(), METHODS, |value| {
                    let mut all = members(value);
                    if all.len() > 1 {
                        all.pop();
                    }
                    all.join(", ")
                });
            }
            Reply::Answer(answer)
        }),
    ),
    fault(
        "unknown-method-is-delete",
        "preflight.unknown-method",
        Security,
        "An Access-Control-Request-Method that no rule can name is read as DELETE.",
        "gin-contrib #121",
        Request(|request| {
            if field(request.headers(), ASKED_METHOD)
                .is_some_and(|method| !crate::cors::is_known_method(method.to_ascii_uppercase().as_bytes()))
            {
                put(request.headers_mut(), ASKED_METHOD, "DELETE");
            }
        }),
    ),
    fault(
        "cors-query-405",
        "preflight.query",
        BrokenPage,
        "OPTIONS on ?cors is not allowed.",
        "routers by sub-resource",
        Whole(|inside, exchange| {
            let cors = exchange.is_preflight() && exchange.request.uri().query() == Some("cors");
            Reply::Answer(if cors { exchange.refusal(405, "MethodNotAllowed") } else { inside.respond(exchange) })
        }),
    ),
    fault(
        "long-key-400",
        "preflight.missing-object",
        BrokenPage,
        "OPTIONS on a key of more than 255 characters answers 400.",
        "file systems",
        Whole(|inside, exchange| {
            let long = exchange.address.object.as_ref().is_some_and(|key| key.len() > 255);
            Reply::Answer(if exchange.is_preflight() && long {
                exchange.refusal(400, "InvalidObjectName")
            } else {
                inside.respond(exchange)
            })
        }),
    ),
    fault(
        "service-options-star",
        "actual.service",
        Misleading,
        "OPTIONS on the service grants everything to everybody.",
        "cloudserver's tests, aws-sdk-js #1939",
        Whole(|inside, exchange| {
            let mut answer = inside.respond(exchange);
            if exchange.is_preflight() && exchange.address.bucket.is_none() {
                answer.headers_mut().insert("access-control-allow-origin", http::HeaderValue::from_static("*"));
            }
            Reply::Answer(answer)
        }),
    ),
];

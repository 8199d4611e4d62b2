//! Who may read, write and delete the rules, and buckets that are not there.

use http::Method;

use super::super::Reply;
use super::Effect::{BrokenClient, Misleading, OtherRules, Security};
use super::Plant::{Answer, Whole};
use super::change::{code, edit_body, recode, reword, status};
use super::{Exchange, Fault, Inside, fault};
use crate::dialect::Dialect;

/// The answer to the request as if the owner had signed it now.
fn as_owner(inside: &mut Inside, exchange: &Exchange<'_>) -> Reply {
    Reply::Answer(inside.signed_by(exchange, exchange.request, "owner"))
}

fn is_signature(member: &str) -> bool {
    crate::sign::is_of_signature(member.split('=').next().unwrap_or_default())
}

fn is_anonymous(exchange: &Exchange<'_>) -> bool {
    !exchange.request.headers().contains_key("authorization")
        && !exchange.request.uri().query().unwrap_or_default().split('&').any(is_signature)
}

/// What the signature check of the reference says.
fn refused(inside: &mut Inside, exchange: &Exchange<'_>, wanted: &str, method: Option<Method>) -> bool {
    if !exchange.is_cors() || method.is_some_and(|method| exchange.request.method() != method) {
        return false;
    }
    let kept = inside.rules(exchange);
    let answer = inside.respond(exchange);
    inside.set_rules(exchange, kept);
    code(&answer).as_deref() == Some(wanted)
}

pub(super) const FAULTS: &[Fault] = &[
    fault(
        "bucket-made",
        "bucket.missing",
        OtherRules,
        "PutBucketCors makes the bucket that is missing.",
        "",
        Whole(|inside, exchange| {
            let answer = inside.respond(exchange);
            let missing = exchange.is_put_cors() && code(&answer).as_deref() == Some("NoSuchBucket");
            Reply::Answer(if missing { exchange.empty(http::StatusCode::OK) } else { answer })
        }),
    ),
    fault(
        "bucket-missing-is-empty",
        "bucket.missing",
        Misleading,
        "A missing bucket is one without rules.",
        "ceph #25999",
        Answer(|exchange, answer| {
            if exchange.is_get_cors() {
                recode(answer, "NoSuchBucket", "NoSuchCORSConfiguration");
            }
        }),
    ),
    fault(
        "bucket-missing-delete-204",
        "bucket.missing",
        Misleading,
        "DeleteBucketCors on a missing bucket answers 204.",
        "",
        Whole(|inside, exchange| {
            let answer = inside.respond(exchange);
            let missing = exchange.is_delete_cors() && code(&answer).as_deref() == Some("NoSuchBucket");
            Reply::Answer(if missing { exchange.empty(http::StatusCode::NO_CONTENT) } else { answer })
        }),
    ),
    fault(
        "bucket-missing-403",
        "bucket.missing",
        Misleading,
        "A missing bucket answers 403.",
        "",
        Answer(|exchange, answer| {
            if exchange.is_cors() && code(answer).as_deref() == Some("NoSuchBucket") {
                status(answer, 403);
            }
        }),
    ),
    fault(
        "bucket-message",
        "bucket.missing-message",
        Misleading,
        "The message of NoSuchBucket is another one.",
        "",
        Answer(|_, answer| reword(answer, "NoSuchBucket", "no such bucket")),
    ),
    fault(
        "anonymous-reads",
        "auth.anonymous",
        Security,
        "Anybody reads the rules.",
        "",
        Whole(|inside, exchange| {
            if exchange.is_get_cors() && is_anonymous(exchange) {
                as_owner(inside, exchange)
            } else {
                Reply::Answer(inside.respond(exchange))
            }
        }),
    ),
    fault(
        "anonymous-writes",
        "auth.anonymous",
        Security,
        "Anybody writes the rules.",
        "emulators",
        Whole(|inside, exchange| {
            if exchange.is_put_cors() && is_anonymous(exchange) {
                as_owner(inside, exchange)
            } else {
                Reply::Answer(inside.respond(exchange))
            }
        }),
    ),
    fault(
        "anonymous-deletes",
        "auth.anonymous",
        Security,
        "Anybody deletes the rules.",
        "emulators",
        Whole(|inside, exchange| {
            if exchange.is_delete_cors() && is_anonymous(exchange) {
                as_owner(inside, exchange)
            } else {
                Reply::Answer(inside.respond(exchange))
            }
        }),
    ),
    fault(
        "anonymous-by-equals",
        "auth.anonymous",
        Security,
        "?cors= needs no permission.",
        "gateways that compare the raw query",
        Whole(|inside, exchange| {
            let equals = exchange.is_cors() && exchange.request.uri().query() == Some("cors=");
            if equals && is_anonymous(exchange) {
                as_owner(inside, exchange)
            } else {
                Reply::Answer(inside.respond(exchange))
            }
        }),
    ),
    fault(
        "anonymous-401",
        "auth.anonymous",
        Misleading,
        "An anonymous request answers 401.",
        "proxies",
        Answer(|exchange, answer| {
            if exchange.is_cors() && is_anonymous(exchange) && answer.status() == 403 {
                status(answer, 401);
            }
        }),
    ),
    fault(
        "anonymous-on-public",
        "auth.anonymous",
        Security,
        "Anybody reads the rules of a public bucket.",
        "",
        Whole(|inside, exchange| {
            let public = exchange
                .address
                .bucket
                .as_deref()
                .and_then(|name| inside.reference.buckets.get(name))
                .is_some_and(|bucket| bucket.acl == super::super::Acl::PublicRead);
            if public && exchange.is_get_cors() && is_anonymous(exchange) {
                as_owner(inside, exchange)
            } else {
                Reply::Answer(inside.respond(exchange))
            }
        }),
    )
    .only(Dialect::has_acls),
    fault(
        "origin-is-permission",
        "actual.authorization",
        Security,
        "A request with an Origin that is allowed needs no signature.",
        "",
        Whole(|inside, exchange| {
            let allowed = exchange
                .rules
                .as_ref()
                .is_some_and(|rules| rules.rules.iter().any(|rule| super::change::meets_all(rule, &exchange.asked())));
            let granted =
                allowed && exchange.field("origin").is_some() && !exchange.is_preflight() && is_anonymous(exchange);
            if granted { as_owner(inside, exchange) } else { Reply::Answer(inside.respond(exchange)) }
        }),
    ),
    fault(
        "others-read",
        "auth.other-owner",
        Security,
        "Every account reads the rules of all.",
        "",
        Whole(|inside, exchange| {
            if refused(inside, exchange, "AccessDenied", Some(Method::GET)) && !is_anonymous(exchange) {
                as_owner(inside, exchange)
            } else {
                Reply::Answer(inside.respond(exchange))
            }
        }),
    ),
    fault(
        "others-write",
        "auth.other-owner",
        Security,
        "Every account writes the rules of all.",
        "",
        Whole(|inside, exchange| {
            if refused(inside, exchange, "AccessDenied", Some(Method::PUT)) && !is_anonymous(exchange) {
                as_owner(inside, exchange)
            } else {
                Reply::Answer(inside.respond(exchange))
            }
        }),
    ),
    fault(
        "others-404",
        "auth.other-owner",
        Misleading,
        "Another account's bucket is not there.",
        "",
        Answer(|exchange, answer| {
            if exchange.is_cors() && !is_anonymous(exchange) && code(answer).as_deref() == Some("AccessDenied") {
                status(answer, 404);
                recode(answer, "AccessDenied", "NoSuchBucket");
            }
        }),
    ),
    fault(
        "unknown-key-code",
        "auth.unknown-key",
        Misleading,
        "An unknown key answers SignatureDoesNotMatch.",
        "",
        Answer(|_, answer| recode(answer, "InvalidAccessKeyId", "SignatureDoesNotMatch")),
    ),
    fault(
        "unknown-key-accepted",
        "auth.unknown-key",
        Security,
        "Any key will do.",
        "emulators",
        Whole(|inside, exchange| {
            if refused(inside, exchange, "InvalidAccessKeyId", None) {
                as_owner(inside, exchange)
            } else {
                Reply::Answer(inside.respond(exchange))
            }
        }),
    ),
    fault(
        "signature-unchecked",
        "auth.bad-signature",
        Security,
        "Signatures are not checked.",
        "emulators, moto",
        Whole(|inside, exchange| {
            if refused(inside, exchange, "SignatureDoesNotMatch", None) {
                as_owner(inside, exchange)
            } else {
                Reply::Answer(inside.respond(exchange))
            }
        }),
    ),
    fault(
        "signature-code",
        "auth.bad-signature",
        Misleading,
        "A wrong signature answers AccessDenied.",
        "",
        Answer(|_, answer| recode(answer, "SignatureDoesNotMatch", "AccessDenied")),
    ),
    fault(
        "skew-unchecked",
        "auth.skewed",
        Security,
        "The date of a request is not checked.",
        "emulators",
        Whole(|inside, exchange| {
            if refused(inside, exchange, "RequestTimeTooSkewed", None) {
                as_owner(inside, exchange)
            } else {
                Reply::Answer(inside.respond(exchange))
            }
        }),
    ),
    fault(
        "skew-code",
        "auth.skewed",
        Misleading,
        "A clock that is off answers AccessDenied.",
        "",
        Answer(|_, answer| recode(answer, "RequestTimeTooSkewed", "AccessDenied")),
    ),
    fault(
        "skew-no-time",
        "auth.skewed-time",
        Misleading,
        "The refusal of a clock that is off does not tell the time.",
        "",
        Answer(|_, answer| {
            if code(answer).as_deref() == Some("RequestTimeTooSkewed") {
                edit_body(answer, |text| super::change::values(text, "ServerTime", |_| None));
            }
        }),
    ),
    fault(
        "expiry-unchecked",
        "auth.expired",
        Security,
        "A presigned URL is good for ever.",
        "emulators",
        Whole(|inside, exchange| {
            let presigned = exchange.request.uri().query().unwrap_or_default().split('&').any(is_signature);
            if presigned && refused(inside, exchange, "AccessDenied", None) {
                as_owner(inside, exchange)
            } else {
                Reply::Answer(inside.respond(exchange))
            }
        }),
    ),
    fault(
        "presigned-refused",
        "auth.presigned",
        BrokenClient,
        "Presigned URLs are no good for ?cors.",
        "gateways that route by the exact query",
        Whole(|inside, exchange| {
            let presigned =
                exchange.is_cors() && exchange.request.uri().query().unwrap_or_default().split('&').any(is_signature);
            Reply::Answer(if presigned { exchange.refusal(403, "AccessDenied") } else { inside.respond(exchange) })
        }),
    ),
];

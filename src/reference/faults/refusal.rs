//! What a preflight that is not allowed is answered.

use super::super::Reply;
use super::Effect::{BrokenClient, BrokenPage, Misleading, Security};
use super::Plant::{Answer, Options, Request, Whole};
use super::change::{ASKED_HEADERS, ASKED_METHOD, ORIGIN, body, code, put, recode, reword, status};
use super::{Exchange, Fault, fault};
use crate::dialect::{
    EmptyMembers, EmptyRequestHeaders, MethodCase, MissingBoth, OriginCase, PreflightOrder, TwoOrigins, UnknownMethod,
};

fn refuses(exchange: &Exchange<'_>, answer: &http::Response<bytes::Bytes>) -> bool {
    exchange.is_preflight() && code(answer).as_deref() == Some("AccessForbidden")
}

fn enabled(answer: &http::Response<bytes::Bytes>) -> bool {
    !String::from_utf8_lossy(answer.body()).contains("CORS is not enabled")
}

fn missing(answer: &http::Response<bytes::Bytes>, what: &str) -> bool {
    String::from_utf8_lossy(answer.body()).contains(what)
}

const NEEDS_ORIGIN: &str = "Origin request header needed";
const NEEDS_METHOD: &str = "Access-Control-Request-Method header needed";

pub(super) const FAULTS: &[Fault] = &[
    fault(
        "refused-200",
        "preflight.refused",
        BrokenClient,
        "A preflight that is not allowed is answered 200 without headers.",
        "SeaweedFS, floci",
        Answer(|exchange, answer| {
            if refuses(exchange, answer) && enabled(answer) {
                status(answer, 200);
                body(answer, "");
            }
        }),
    ),
    fault(
        "refused-204",
        "preflight.refused",
        BrokenClient,
        "A preflight that is not allowed is answered 204 without headers.",
        "middlewares",
        Answer(|exchange, answer| {
            if refuses(exchange, answer) && enabled(answer) {
                status(answer, 204);
                body(answer, "");
            }
        }),
    ),
    fault(
        "refused-code",
        "preflight.refused",
        Misleading,
        "A preflight that is not allowed answers AccessDenied.",
        "Ceph RGW",
        Answer(|exchange, answer| {
            if exchange.is_preflight() && enabled(answer) {
                recode(answer, "AccessForbidden", "AccessDenied");
            }
        }),
    ),
    fault(
        "refused-404",
        "preflight.refused",
        Misleading,
        "A preflight that is not allowed answers 404.",
        "routers without a route for OPTIONS",
        Answer(|exchange, answer| {
            if refuses(exchange, answer) && enabled(answer) {
                status(answer, 404);
            }
        }),
    ),
    fault(
        "refused-no-body",
        "preflight.refused",
        Misleading,
        "A preflight that is not allowed answers 403 without a document.",
        "middlewares",
        Answer(|exchange, answer| {
            if refuses(exchange, answer) && enabled(answer) {
                body(answer, "");
            }
        }),
    ),
    fault(
        "refused-message",
        "preflight.refused-message",
        Misleading,
        "The message of a refusal is another one.",
        "",
        Answer(|exchange, answer| {
            if refuses(exchange, answer) && enabled(answer) {
                reword(answer, "AccessForbidden", "Forbidden");
            }
        }),
    ),
    fault(
        "refused-with-origin",
        "preflight.refused-bare",
        Security,
        "A refusal carries Access-Control-Allow-Origin.",
        "gateways that add their own",
        Answer(|exchange, answer| {
            if let (true, Some(origin)) = (refuses(exchange, answer), exchange.field("origin")) {
                put(answer.headers_mut(), ORIGIN, &origin);
            }
        }),
    ),
    fault(
        "refused-with-methods",
        "preflight.refused-bare",
        Misleading,
        "A refusal names the methods that would be allowed.",
        "",
        Answer(|exchange, answer| {
            if refuses(exchange, answer) {
                put(answer.headers_mut(), super::change::METHODS, "GET, PUT");
            }
        }),
    ),
    fault(
        "refused-with-age",
        "preflight.refused-bare",
        Misleading,
        "A refusal tells how long it is good for.",
        "",
        Answer(|exchange, answer| {
            if refuses(exchange, answer) {
                put(answer.headers_mut(), super::change::AGE, "5");
            }
        }),
    ),
    fault(
        "malformed-with-origin",
        "preflight.malformed-bare",
        Security,
        "A preflight that lacks a header is answered with Access-Control-Allow-Origin.",
        "",
        Answer(|exchange, answer| {
            if exchange.is_preflight() && answer.status() == 400 {
                put(answer.headers_mut(), ORIGIN, "*");
            }
        }),
    ),
    fault(
        "not-enabled-404",
        "preflight.not-enabled",
        Misleading,
        "A preflight on a bucket without rules answers 404.",
        "",
        Answer(|exchange, answer| {
            if refuses(exchange, answer) && !enabled(answer) {
                *answer = exchange.refusal(404, "NoSuchCORSConfiguration");
            }
        }),
    ),
    fault(
        "not-enabled-200",
        "preflight.not-enabled",
        BrokenClient,
        "A preflight on a bucket without rules answers 200.",
        "servers without a route for it",
        Answer(|exchange, answer| {
            if refuses(exchange, answer) && !enabled(answer) {
                status(answer, 200);
                body(answer, "");
            }
        }),
    ),
    fault(
        "not-enabled-message",
        "preflight.not-enabled-message",
        Misleading,
        "A bucket without rules is not told from rules that do not match.",
        "",
        Answer(|exchange, answer| {
            if refuses(exchange, answer) && !enabled(answer) {
                reword(answer, "AccessForbidden", "CORSResponse: This CORS request is not allowed.");
            }
        }),
    ),
    fault(
        "no-origin-403",
        "preflight.no-origin",
        Misleading,
        "A preflight without Origin answers 403.",
        "S3",
        Answer(|exchange, answer| {
            if exchange.is_preflight() && missing(answer, NEEDS_ORIGIN) && exchange.field(ASKED_METHOD).is_some() {
                status(answer, 403);
            }
        }),
    ),
    fault(
        "no-origin-200",
        "preflight.no-origin",
        BrokenClient,
        "OPTIONS without Origin answers 200.",
        "servers that answer OPTIONS generally",
        Answer(|exchange, answer| {
            if exchange.is_preflight() && missing(answer, NEEDS_ORIGIN) && exchange.field("origin").is_none() {
                status(answer, 200);
                body(answer, "");
            }
        }),
    ),
    fault(
        "no-origin-message",
        "preflight.no-origin-message",
        Misleading,
        "The message about a missing Origin is another one.",
        "",
        Answer(|exchange, answer| {
            if exchange.is_preflight() && missing(answer, NEEDS_ORIGIN) && exchange.field(ASKED_METHOD).is_some() {
                reword(answer, "BadRequest", "Missing Origin");
            }
        }),
    ),
    fault(
        "no-method-403",
        "preflight.no-method",
        Misleading,
        "A preflight without a method answers 403.",
        "S3, versitygw",
        Answer(|exchange, answer| {
            if exchange.is_preflight() && missing(answer, NEEDS_METHOD) && exchange.field("origin").is_some() {
                status(answer, 403);
            }
        }),
    ),
    fault(
        "no-method-is-get",
        "preflight.no-method",
        Security,
        "A preflight without a method asks for GET.",
        "",
        Request(|request| {
            if request.method() == http::Method::OPTIONS && !request.headers().contains_key(ASKED_METHOD) {
                put(request.headers_mut(), ASKED_METHOD, "GET");
            }
        }),
    ),
    fault(
        "no-method-message",
        "preflight.no-method-message",
        Misleading,
        "The message about a missing method is another one.",
        "S3: Invalid Access-Control-Request-Method: null",
        Answer(|exchange, answer| {
            if exchange.is_preflight() && missing(answer, NEEDS_METHOD) && exchange.field("origin").is_some() {
                reword(answer, "BadRequest", "Invalid Access-Control-Request-Method: null");
            }
        }),
    ),
    fault(
        "missing-both-500",
        "preflight.missing-both",
        BrokenClient,
        "OPTIONS without any CORS header answers 500.",
        "",
        Whole(|inside, exchange| {
            let neither =
                exchange.is_preflight() && exchange.field("origin").is_none() && exchange.field(ASKED_METHOD).is_none();
            Reply::Answer(if neither { exchange.refusal(500, "InternalError") } else { inside.respond(exchange) })
        }),
    ),
    fault(
        "missing-both-method-first",
        "preflight.no-origin",
        Misleading,
        "Of two missing headers the method is reported.",
        "",
        Options(|options| options.behaviours.missing_both = MissingBoth::MethodFirst),
    )
    .only(|dialect| dialect.open.contains_key("missing_both"))
    .allowed_by("missing_both", "method_first"),
    fault(
        "order-500",
        "preflight.order",
        BrokenClient,
        "OPTIONS without Origin on a bucket without rules answers 500.",
        "",
        Whole(|inside, exchange| {
            let lacks =
                exchange.is_preflight() && exchange.field("origin").is_none() && exchange.field(ASKED_METHOD).is_some();
            Reply::Answer(if lacks && exchange.rules.is_none() {
                exchange.refusal(500, "InternalError")
            } else {
                inside.respond(exchange)
            })
        }),
    ),
    fault(
        "order-config-first",
        "preflight.no-origin",
        Misleading,
        "Missing rules are reported before a missing header.",
        "",
        Options(|options| options.behaviours.preflight_order = PreflightOrder::ConfigFirst),
    )
    .only(|dialect| dialect.open.contains_key("preflight_order"))
    .allowed_by("preflight_order", "config_first"),
    fault(
        "missing-bucket-403",
        "preflight.missing-bucket",
        Misleading,
        "A preflight on a missing bucket answers 403.",
        "",
        Answer(|exchange, answer| {
            if exchange.is_preflight() && code(answer).as_deref() == Some("NoSuchBucket") {
                *answer = exchange.refusal(403, "AccessForbidden");
            }
        }),
    ),
    fault(
        "two-origins-first",
        "preflight.two-origins",
        Security,
        "Of two Origin lines the first one counts.",
        "",
        Request(|request| one_origin(request, 0)),
    )
    .allowed_by("two_origins", "first"),
    fault(
        "two-origins-last",
        "preflight.refused",
        Security,
        "Of two Origin lines the last one counts.",
        "",
        Request(|request| one_origin(request, usize::MAX)),
    ),
    fault(
        "two-origins-500",
        "preflight.two-origins",
        BrokenClient,
        "Two Origin lines answer 500.",
        "",
        Whole(|inside, exchange| {
            let several = exchange.request.headers().get_all("origin").iter().count() > 1;
            Reply::Answer(if exchange.is_preflight() && several {
                exchange.refusal(500, "InternalError")
            } else {
                inside.respond(exchange)
            })
        }),
    ),
    fault(
        "two-origins-403",
        "preflight.two-origins",
        Misleading,
        "Two Origin lines answer 403.",
        "",
        Options(|options| options.behaviours.two_origins = TwoOrigins::Forbid),
    )
    .allowed_by("two_origins", "forbidden"),
    fault(
        "method-case-500",
        "preflight.method-case",
        BrokenClient,
        "A lower-case Access-Control-Request-Method answers 500.",
        "enumerations that panic",
        Whole(|inside, exchange| {
            let lower = exchange.field(ASKED_METHOD).is_some_and(|method| method != method.to_ascii_uppercase());
            Reply::Answer(if exchange.is_preflight() && lower {
                exchange.refusal(500, "InternalError")
            } else {
                inside.respond(exchange)
            })
        }),
    ),
    fault(
        "method-case-folded",
        "preflight.method-case",
        Security,
        "Access-Control-Request-Method is compared without regard to case.",
        "the vendor's diagnostic script",
        Options(|options| options.behaviours.method_case = MethodCase::Insensitive),
    )
    .allowed_by("method_case", "insensitive"),
    fault(
        "unknown-method-400",
        "preflight.unknown-method",
        Misleading,
        "A method that no rule can name answers 400.",
        "",
        Options(|options| options.behaviours.unknown_method = UnknownMethod::BadRequest),
    )
    .allowed_by("unknown_method", "bad_request"),
    fault(
        "empty-headers-500",
        "preflight.empty-headers",
        BrokenClient,
        "An empty Access-Control-Request-Headers answers 500.",
        "",
        Whole(|inside, exchange| {
            let empty = exchange.field(ASKED_HEADERS).is_some_and(|names| names.trim().is_empty());
            Reply::Answer(if exchange.is_preflight() && empty {
                exchange.refusal(500, "InternalError")
            } else {
                inside.respond(exchange)
            })
        }),
    ),
    fault(
        "empty-headers-refused",
        "preflight.empty-headers",
        BrokenPage,
        "An empty Access-Control-Request-Headers is refused.",
        "",
        Options(|options| options.behaviours.empty_request_headers = EmptyRequestHeaders::Refuse),
    )
    .allowed_by("empty_request_headers", "refused"),
    fault(
        "empty-members-500",
        "preflight.empty-members",
        BrokenClient,
        "An empty member of Access-Control-Request-Headers answers 500.",
        "localstack #12835",
        Whole(|inside, exchange| {
            let empty = exchange.field(ASKED_HEADERS).is_some_and(|names| names.contains(",,"));
            Reply::Answer(if exchange.is_preflight() && empty {
                exchange.refusal(500, "InternalError")
            } else {
                inside.respond(exchange)
            })
        }),
    ),
    fault(
        "empty-members-refused",
        "preflight.empty-members",
        BrokenPage,
        "An empty member of Access-Control-Request-Headers is refused.",
        "localstack #12835",
        Options(|options| options.behaviours.empty_members = EmptyMembers::Refuse),
    )
    .allowed_by("empty_members", "refused"),
    fault(
        "origin-case-500",
        "match.origin-case",
        BrokenClient,
        "An origin in upper case answers 500.",
        "",
        Whole(|inside, exchange| {
            let upper =
                exchange.field("origin").is_some_and(|origin| origin.bytes().any(|byte| byte.is_ascii_uppercase()));
            Reply::Answer(if exchange.is_preflight() && upper {
                exchange.refusal(500, "InternalError")
            } else {
                inside.respond(exchange)
            })
        }),
    ),
    fault(
        "origin-case-folded",
        "match.origin-case",
        Security,
        "Origins are compared without regard to case.",
        "the vendor's diagnostic script",
        Options(|options| options.behaviours.origin_case = OriginCase::Insensitive),
    )
    .allowed_by("origin_case", "insensitive"),
];

/// Leaves one of several Origin lines.
pub(super) fn one_origin(request: &mut http::Request<bytes::Bytes>, which: usize) {
    let lines: Vec<http::HeaderValue> = request.headers().get_all("origin").iter().cloned().collect();
    if let Some(line) = lines.get(which.min(lines.len().saturating_sub(1))) {
        request.headers_mut().insert("origin", line.clone());
    }
}

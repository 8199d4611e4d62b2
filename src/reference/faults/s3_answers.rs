//! What only the clauses of S3 fix about answers: credentials, Vary with the grant, refusals, the requested method of an actual request.

use bytes::Bytes;
use http::{Method, Response, StatusCode, header};

use super::Effect::{BrokenClient, BrokenPage, Misleading, Security, StaleCache};
use super::Plant::{Answer, Options as Set, Request};
use super::change::{
    ASKED_HEADERS, ASKED_METHOD, HEADERS, ORIGIN, bare, code, edit, edit_body, field, grants, put, status, values,
};
use super::s3_documents::without;
use super::{Exchange, Fault, fault};
use crate::dialect::{
    ActualHeaders, ActualMethod, AllowCredentials, CorsOnAccessDenied, EmptyMembers, ErrorDetails, OriginCase,
    PreflightBucket, PreflightOrder, VaryMembers,
};

const CREDENTIALS: &str = "access-control-allow-credentials";

/// Whether nothing is granted by an answer to a request with an Origin.
fn ungranted(exchange: &Exchange<'_>, answer: &Response<Bytes>) -> bool {
    exchange.is_actual() && exchange.rules.is_some() && exchange.field("origin").is_some() && !grants(answer)
}

pub(super) const FAULTS: &[Fault] = &[
    // ---- preflights
    fault(
        "headers-upper-case",
        "preflight.headers-case",
        Misleading,
        "Access-Control-Allow-Headers is in upper case.",
        "",
        Answer(|_, answer| edit(answer.headers_mut(), HEADERS, str::to_ascii_uppercase)),
    ),
    fault(
        "credentials-absent",
        "credentials.true",
        BrokenPage,
        "Credentials are never allowed.",
        "SeaweedFS [src]",
        Set(|options| options.behaviours.credentials = AllowCredentials::Never),
    ),
    fault(
        "credentials-on-preflights-only",
        "credentials.true",
        BrokenPage,
        "Credentials are allowed on preflights alone.",
        "",
        Answer(|exchange, answer| {
            if exchange.is_actual() {
                answer.headers_mut().remove(CREDENTIALS);
            }
        }),
    ),
    fault(
        "credentials-on-requests-only",
        "credentials.true",
        BrokenPage,
        "Credentials are not allowed on preflights.",
        "RustFS [src]",
        Answer(|exchange, answer| {
            if exchange.is_preflight() {
                answer.headers_mut().remove(CREDENTIALS);
            }
        }),
    ),
    fault(
        "credentials-upper-case",
        "credentials.true",
        BrokenPage,
        "Access-Control-Allow-Credentials is True, which browsers do not know.",
        "",
        Answer(|_, answer| edit(answer.headers_mut(), CREDENTIALS, |_| "True".to_owned())),
    ),
    fault(
        "credentials-with-star",
        "credentials.not-with-star",
        Security,
        "Credentials are allowed beside an asterisk.",
        "NooBaa, s3rver, versitygw [src]",
        Answer(|_, answer| {
            if grants(answer) {
                put(answer.headers_mut(), CREDENTIALS, "true");
            }
        }),
    ),
    fault(
        "star-credentials-false",
        "credentials.not-with-star",
        BrokenPage,
        "Access-Control-Allow-Credentials is false beside an asterisk.",
        "minio #21352",
        Answer(|_, answer| {
            if field(answer.headers(), ORIGIN).as_deref() == Some("*") {
                put(answer.headers_mut(), CREDENTIALS, "false");
            }
        }),
    ),
    fault(
        "preflight-plain-text",
        "preflight.head",
        Misleading,
        "A preflight that a rule allows is answered as text/plain.",
        "s3rver [src]",
        Answer(|exchange, answer| {
            if exchange.is_preflight() && grants(answer) {
                put(answer.headers_mut(), "content-type", "text/plain");
            }
        }),
    ),
    fault(
        "no-bucket-reworded",
        "preflight.no-bucket-about",
        Misleading,
        "What a preflight on a bucket that does not exist says is not that it was not found.",
        "",
        Answer(|_, answer| edit_body(answer, |text| text.replace("CORSResponse: Bucket not found", "Forbidden"))),
    ),
    fault(
        "error-details-last",
        "error.shape",
        Misleading,
        "What an error is about stands after RequestId and HostId.",
        "",
        Set(|options| options.behaviours.error_details = ErrorDetails::Last),
    ),
    fault(
        "error-as-text",
        "error.shape",
        Misleading,
        "Errors have Content-Type text/html.",
        "moto [src]",
        Answer(|_, answer| {
            if answer.status().is_client_error() {
                put(answer.headers_mut(), "content-type", "text/html");
            }
        }),
    ),
    fault(
        "refusal-without-method",
        "preflight.about",
        Misleading,
        "A refusal does not say for which method.",
        "versitygw #2083",
        Answer(|exchange, answer| {
            if exchange.is_preflight() {
                without(answer, "Method");
            }
        }),
    ),
    fault(
        "refusal-without-type",
        "preflight.about",
        Misleading,
        "A refusal does not say whether it is about an object.",
        "versitygw #2083",
        Answer(|exchange, answer| {
            if exchange.is_preflight() {
                without(answer, "ResourceType");
            }
        }),
    ),
    fault(
        "refusal-method-null",
        "preflight.about",
        Misleading,
        "A refusal of a preflight that requests no method names a method null.",
        "cloudserver [src]",
        Answer(|exchange, answer| {
            if exchange.is_preflight() && exchange.field(ASKED_METHOD).is_none() {
                edit_body(answer, |text| values(text, "Method", |_| Some("null".to_owned())));
            }
        }),
    ),
    fault(
        "unknown-method-reworded",
        "preflight.unknown-method-sentence",
        Misleading,
        "400 for an unknown method does not say which.",
        "",
        Answer(|_, answer| {
            edit_body(answer, |text| {
                values(text, "Message", |message| {
                    let at =
                        message.find("Access-Control-Request-Method: ").filter(|_| message.starts_with("Invalid "));
                    Some(if at.is_some() {
                        "Invalid Access-Control-Request-Method".to_owned()
                    } else {
                        message.to_owned()
                    })
                })
            });
        }),
    ),
    fault(
        "unknown-method-code",
        "preflight.unknown-method-sentence",
        Misleading,
        "400 for an unknown method is an InvalidRequest.",
        "",
        Answer(|exchange, answer| {
            if exchange.is_preflight()
                && answer.status() == StatusCode::BAD_REQUEST
                && exchange.field("origin").is_some()
            {
                edit_body(answer, |text| text.replace("<Code>BadRequest", "<Code>InvalidRequest"));
            }
        }),
    ),
    fault(
        "error-without-host",
        "error.shape",
        Misleading,
        "Errors have no HostId.",
        "",
        Answer(|_, answer| without(answer, "HostId")),
    ),
    fault(
        "refusal-always-object",
        "preflight.about",
        Misleading,
        "A refusal is about an object, whatever was asked.",
        "",
        Answer(|exchange, answer| {
            if exchange.is_preflight() && exchange.rules.is_some() {
                edit_body(answer, |text| text.replace("<ResourceType>BUCKET", "<ResourceType>OBJECT"));
            }
        }),
    ),
    fault(
        "not-enabled-of-object",
        "preflight.not-enabled-about",
        Misleading,
        "Without rules a refusal is about the object.",
        "",
        Answer(|exchange, answer| {
            if exchange.is_preflight() && exchange.rules.is_none() {
                edit_body(answer, |text| text.replace("<ResourceType>BUCKET", "<ResourceType>OBJECT"));
            }
        }),
    ),
    fault(
        "rules-before-origin",
        "preflight.origin-first",
        Misleading,
        "Missing rules are reported before a missing Origin.",
        "",
        Set(|options| options.behaviours.preflight_order = PreflightOrder::ConfigFirst),
    ),
    fault(
        "bucket-before-origin",
        "preflight.origin-before-bucket",
        Misleading,
        "A missing bucket is reported before a missing Origin.",
        "",
        Answer(|exchange, answer| {
            let made = exchange.address.bucket.as_deref().is_none_or(|name| !name.contains("missing"));
            if exchange.is_preflight() && code(answer).as_deref() == Some("BadRequest") && !made {
                *answer = exchange.refusal(404, "NoSuchBucket");
            }
        }),
    ),
    fault(
        "method-missing-is-get",
        "preflight.method-needed",
        Security,
        "A preflight without a method asks for GET.",
        "floci [src]",
        Request(|request| {
            if request.method() == Method::OPTIONS && !request.headers().contains_key(ASKED_METHOD) {
                put(request.headers_mut(), ASKED_METHOD, "GET");
            }
        }),
    ),
    fault(
        "no-method-404",
        "preflight.method-choice",
        BrokenClient,
        "A preflight without a method answers 404.",
        "",
        Answer(|exchange, answer| {
            if exchange.is_preflight() && exchange.field(ASKED_METHOD).is_none() && exchange.field("origin").is_some() {
                status(answer, 404);
            }
        }),
    ),
    fault(
        "no-method-either",
        "behaviour.consistent",
        Misleading,
        "A preflight without a method answers 403, and 400 if it asks for headers.",
        "",
        Answer(|exchange, answer| {
            let bare = exchange.field(ASKED_METHOD).is_none() && exchange.field("origin").is_some();
            if exchange.is_preflight() && bare && exchange.field(ASKED_HEADERS).is_some() {
                *answer = exchange.refusal(400, "BadRequest");
            }
        }),
    )
    .only(|dialect| dialect.open.contains_key("preflight_method")),
    fault(
        "no-bucket-404",
        "preflight.no-bucket",
        Misleading,
        "A preflight on a bucket that does not exist answers 404.",
        "most servers",
        Set(|options| options.behaviours.preflight_bucket = PreflightBucket::NotFound),
    ),
    fault(
        "no-bucket-allowed",
        "preflight.no-bucket",
        Security,
        "A preflight on a bucket that does not exist is allowed to everybody.",
        "Garage, SeaweedFS [src]",
        Set(|options| options.behaviours.preflight_bucket = PreflightBucket::Grant),
    ),
    fault(
        "no-bucket-bad-request",
        "preflight.no-bucket-choice",
        Misleading,
        "A preflight on a bucket that does not exist answers 400.",
        "",
        Answer(|exchange, answer| {
            if exchange.is_preflight() && String::from_utf8_lossy(answer.body()).contains("Bucket not found") {
                *answer = exchange.refusal(400, "InvalidRequest");
            }
        }),
    ),
    fault(
        "empty-members-refuse-all",
        "preflight.empty-members-dropped",
        BrokenPage,
        "An empty member among requested headers refuses the preflight.",
        "cloudserver",
        Set(|options| options.behaviours.empty_members = EmptyMembers::Refuse),
    ),
    fault(
        "odd-requested-dropped",
        "preflight.odd-name",
        Security,
        "Requested names that no header can have are passed over.",
        "",
        Request(|request| {
            if request.method() == Method::OPTIONS {
                edit(request.headers_mut(), ASKED_HEADERS, |names| {
                    let names = names.split(',').map(str::trim);
                    names.filter(|name| crate::cors::is_token(name.as_bytes())).collect::<Vec<_>>().join(",")
                });
            }
        }),
    ),
    fault(
        "origin-letters-folded",
        "match.origin-case-counts",
        Security,
        "The case of an origin does not count.",
        "objectio [src]",
        Set(|options| options.behaviours.origin_case = OriginCase::Insensitive),
    ),
    // ---- actual requests
    fault(
        "own-method-counts",
        "actual.requested-method",
        Misleading,
        "The requested method of an actual request does not count.",
        "minio [src]",
        Set(|options| options.behaviours.actual_method = ActualMethod::Own),
    ),
    fault(
        "requested-headers-free",
        "actual.request-headers-count",
        Misleading,
        "The requested headers of an actual request do not count.",
        "minio [src]",
        Set(|options| options.behaviours.actual_headers = ActualHeaders::Ignore),
    ),
    fault(
        "requested-headers-unsaid",
        "actual.request-headers-count",
        Misleading,
        "The requested headers of an actual request are not echoed.",
        "",
        Answer(|exchange, answer| {
            if exchange.is_actual() {
                answer.headers_mut().remove(HEADERS);
            }
        }),
    ),
    fault(
        "denied-bare",
        "actual.denied",
        BrokenPage,
        "403 AccessDenied carries no CORS headers.",
        "cloudserver #6126",
        Set(|options| options.behaviours.cors_on_access_denied = CorsOnAccessDenied::Absent),
    ),
    // ---- Vary
    fault(
        "no-vary",
        "vary.granted",
        StaleCache,
        "There is no Vary.",
        "SeaweedFS #7544, moto, NooBaa, Garage [src]",
        Answer(|_, answer| drop(answer.headers_mut().remove(header::VARY))),
    ),
    fault(
        "no-vary-on-requests",
        "vary.granted",
        StaleCache,
        "Only preflights vary.",
        "",
        Answer(|exchange, answer| {
            if exchange.is_actual() {
                answer.headers_mut().remove(header::VARY);
            }
        }),
    ),
    fault(
        "no-vary-on-preflights",
        "vary.granted",
        StaleCache,
        "Preflights do not vary.",
        "",
        Answer(|exchange, answer| {
            if exchange.is_preflight() {
                answer.headers_mut().remove(header::VARY);
            }
        }),
    ),
    fault(
        "no-vary-on-errors",
        "vary.granted",
        StaleCache,
        "Errors do not vary.",
        "",
        Answer(|_, answer| {
            if answer.status().is_client_error() {
                answer.headers_mut().remove(header::VARY);
            }
        }),
    ),
    fault(
        "vary-origin-alone",
        "vary.three",
        StaleCache,
        "Vary names Origin and nothing else.",
        "RGW, RustFS [src]",
        Set(|options| options.behaviours.vary_members = VaryMembers::Origin),
    ),
    fault(
        "no-vary-with-star",
        "vary.three",
        StaleCache,
        "Beside an asterisk there is no Vary.",
        "",
        Answer(|_, answer| {
            if field(answer.headers(), ORIGIN).as_deref() == Some("*") {
                answer.headers_mut().remove(header::VARY);
            }
        }),
    ),
    fault(
        "ungranted-refused",
        "vary.not-granted",
        BrokenPage,
        "A request whose origin no rule allows is refused.",
        "ceph #70697",
        Answer(|exchange, answer| {
            if ungranted(exchange, answer) && answer.status().is_success() {
                *answer = exchange.refusal(403, "AccessForbidden");
                bare(answer.headers_mut());
            }
        }),
    ),
    // ---- errors
    fault(
        "error-of-another-id",
        "error.elements",
        Misleading,
        "RequestId is not the x-amz-request-id.",
        "",
        Answer(|_, answer| {
            if code(answer).is_some() {
                edit_body(answer, |text| {
                    values(text, "RequestId", |_| Some("656c76696e6727732072657175657374".to_owned()))
                });
            }
        }),
    ),
    fault(
        "error-without-id",
        "error.elements",
        Misleading,
        "An error has no RequestId.",
        "moto [src]",
        Answer(|_, answer| {
            if code(answer).is_some() {
                without(answer, "RequestId");
            }
        }),
    ),
    fault(
        "error-without-message",
        "error.elements",
        Misleading,
        "An error has no Message.",
        "",
        Answer(|_, answer| {
            if code(answer).is_some() {
                without(answer, "Message");
            }
        }),
    ),
];

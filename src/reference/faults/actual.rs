//! Actual requests.

use http::Method;

use super::super::Reply;
use super::Effect::{BrokenPage, Misleading, Security, StaleCache};
use super::Plant::{Answer, Options, Request, Whole};
use super::change::{
    AGE, ASKED_HEADERS, ASKED_METHOD, EXPOSE, HEADERS, METHODS, ORIGIN, allows_origin, bare, code, each, edit, grants,
    put, sorted,
};
use super::{Fault, fault, with_response_vary};
use crate::dialect::{
    AcahOnActual, CorsOnAccessDenied, CorsOnManagement, CorsOnSignatureError, CorsOnSkew, VaryOnManagement,
};

pub(super) const FAULTS: &[Fault] = &[
    fault(
        "actual-methods-sorted",
        "actual.methods-order",
        Misleading,
        "Access-Control-Allow-Methods of actual requests is sorted.",
        "",
        Answer(|exchange, answer| {
            if exchange.is_actual() {
                edit(answer.headers_mut(), METHODS, sorted);
            }
        }),
    ),
    fault(
        "actual-bare",
        "actual.origin",
        BrokenPage,
        "Actual requests carry no CORS headers.",
        "servers that answer preflights only",
        Answer(|exchange, answer| {
            if !exchange.is_preflight() {
                bare(answer.headers_mut());
            }
        }),
    ),
    fault(
        "actual-echo",
        "actual.origin-star",
        StaleCache,
        "Actual requests echo the origin where the rule has an asterisk.",
        "SeaweedFS, moto",
        Answer(|exchange, answer| {
            if let (true, Some(origin)) = (exchange.is_actual(), exchange.field("origin")) {
                edit(answer.headers_mut(), ORIGIN, |value| if value == "*" { origin } else { value.to_owned() });
            }
        }),
    ),
    fault(
        "actual-star",
        "actual.origin-star",
        Security,
        "Actual requests are granted to everybody.",
        "oss-emulator",
        Answer(|exchange, answer| {
            if exchange.is_actual() && grants(answer) {
                put(answer.headers_mut(), ORIGIN, "*");
            }
        }),
    ),
    fault(
        "actual-no-expose",
        "actual.expose",
        BrokenPage,
        "Access-Control-Expose-Headers is sent on preflights only.",
        "envoy #3852, RustFS, s3rver",
        Answer(|exchange, answer| {
            if !exchange.is_preflight() {
                answer.headers_mut().remove(EXPOSE);
            }
        }),
    ),
    fault(
        "actual-no-age",
        "actual.age-and-methods",
        Misleading,
        "Access-Control-Max-Age is sent on preflights only.",
        "",
        Answer(|exchange, answer| {
            if !exchange.is_preflight() {
                answer.headers_mut().remove(AGE);
            }
        }),
    ),
    fault(
        "actual-no-methods",
        "actual.age-and-methods",
        Misleading,
        "Access-Control-Allow-Methods is sent on preflights only.",
        "",
        Answer(|exchange, answer| {
            if !exchange.is_preflight() {
                answer.headers_mut().remove(METHODS);
            }
        }),
    ),
    fault(
        "actual-reflects",
        "actual.no-match",
        Security,
        "Any origin is reflected on actual requests.",
        "rs/cors CVE-2018-20744, RustFS CVE-2026-46685",
        Answer(|exchange, answer| {
            if let (true, Some(origin), true) =
                (exchange.is_actual(), exchange.field("origin"), exchange.rules.is_some())
                && !grants(answer)
            {
                put(answer.headers_mut(), ORIGIN, &origin);
            }
        }),
    ),
    fault(
        "actual-names-methods",
        "actual.no-match",
        Misleading,
        "A request that no rule matches is told the methods.",
        "",
        Answer(|exchange, answer| {
            if exchange.is_actual() && exchange.rules.is_some() && exchange.field("origin").is_some() && !grants(answer)
            {
                put(answer.headers_mut(), METHODS, "GET");
            }
        }),
    ),
    fault(
        "actual-refused",
        "actual.no-match",
        BrokenPage,
        "A request that no rule matches is refused.",
        "middlewares that enforce CORS",
        Whole(|inside, exchange| {
            let kept = inside.rules(exchange);
            let answer = inside.respond(exchange);
            let foreign = exchange.is_actual()
                && exchange.field("origin").is_some()
                && !grants(&answer)
                && kept.is_some()
                && answer.status().is_success();
            Reply::Answer(if foreign { exchange.refusal(403, "AccessForbidden") } else { answer })
        }),
    ),
    fault(
        "actual-write-refused",
        "actual.authorization",
        BrokenPage,
        "A write from an origin that no rule allows is refused.",
        "middlewares that enforce CORS",
        Whole(|inside, exchange| {
            let foreign = exchange.is_actual()
                && !matches!(*exchange.request.method(), Method::GET | Method::HEAD)
                && exchange.field("origin").is_some()
                && exchange
                    .rules
                    .as_ref()
                    .is_some_and(|rules| !rules.rules.iter().any(|rule| allows_origin(rule, &exchange.asked())));
            Reply::Answer(if foreign { exchange.refusal(403, "AccessForbidden") } else { inside.respond(exchange) })
        }),
    ),
    fault(
        "origin-without-rules-refused",
        "actual.no-match",
        BrokenPage,
        "A bucket without rules refuses requests with an Origin.",
        "ceph #70697",
        Whole(|inside, exchange| {
            let refused = exchange.is_actual()
                && exchange.rules.is_none()
                && exchange.field("origin").is_some()
                && exchange.address.bucket.is_some();
            Reply::Answer(if refused { exchange.refusal(403, "AccessForbidden") } else { inside.respond(exchange) })
        }),
    ),
    fault(
        "origin-changes-body",
        "actual.no-match",
        Misleading,
        "A request with an Origin gets another media type.",
        "",
        Answer(|exchange, answer| {
            if exchange.is_actual() && exchange.field("origin").is_some() && answer.status() == 200 {
                put(answer.headers_mut(), "content-type", "application/octet-stream");
            }
        }),
    ),
    fault(
        "no-origin-star",
        "actual.no-origin",
        Misleading,
        "Requests without Origin are granted where a rule is for everybody.",
        "RGW, gateways",
        Answer(|exchange, answer| {
            let star = exchange.rules.as_ref().is_some_and(|rules| {
                rules.rules.iter().any(|rule| rule.allowed_origins.iter().any(crate::cors::Pattern::is_star))
            });
            if exchange.is_actual() && star && exchange.field("origin").is_none() {
                put(answer.headers_mut(), ORIGIN, "*");
            }
        }),
    ),
    fault(
        "no-origin-methods",
        "actual.no-origin",
        Misleading,
        "Requests without Origin carry Access-Control-Allow-Methods.",
        "",
        Answer(|exchange, answer| {
            if exchange.is_actual() && exchange.rules.is_some() && exchange.field("origin").is_none() {
                put(answer.headers_mut(), METHODS, "GET");
            }
        }),
    ),
    fault(
        "actual-method-ignored",
        "actual.method",
        Security,
        "On actual requests only the origin counts.",
        "moto",
        Whole(|inside, exchange| {
            let method = exchange.request.method().as_str().to_owned();
            Reply::Answer(match &exchange.rules {
                Some(rules) if exchange.is_actual() => {
                    let seen = each(rules, |rule| {
                        if !rule.allowed_methods.contains(&method) {
                            rule.allowed_methods.push(method.clone());
                        }
                    });
                    inside.with_rules(exchange, Some(seen))
                }
                _ => inside.respond(exchange),
            })
        }),
    ),
    fault(
        "actual-by-requested-method",
        "actual.own-method",
        Misleading,
        "Access-Control-Request-Method on an actual request chooses the rule.",
        "versitygw",
        Whole(|inside, exchange| {
            let asked = exchange.field(ASKED_METHOD);
            let own = exchange.request.method().as_str().to_owned();
            Reply::Answer(match (&exchange.rules, asked) {
                (Some(rules), Some(asked)) if exchange.is_actual() => {
                    let seen = each(rules, |rule| {
                        let allowed = rule.allowed_methods.contains(&asked);
                        rule.allowed_methods.retain(|method| *method != own);
                        if allowed {
                            rule.allowed_methods.push(own.clone());
                        }
                    });
                    inside.with_rules(exchange, Some(seen))
                }
                _ => inside.respond(exchange),
            })
        }),
    ),
    fault(
        "actual-requested-method-400",
        "actual.own-method",
        BrokenPage,
        "Access-Control-Request-Method on an actual request answers 400.",
        "versitygw",
        Whole(|inside, exchange| {
            let asked = exchange.is_actual() && exchange.field(ASKED_METHOD).is_some();
            Reply::Answer(if asked { exchange.refusal(400, "BadRequest") } else { inside.respond(exchange) })
        }),
    ),
    fault(
        "actual-headers-star",
        "actual.request-headers",
        Misleading,
        "Access-Control-Request-Headers on an actual request is answered with an asterisk.",
        "",
        Answer(|exchange, answer| {
            if exchange.is_actual() && grants(answer) && exchange.field(ASKED_HEADERS).is_some() {
                put(answer.headers_mut(), HEADERS, "*");
            }
        }),
    ),
    fault(
        "actual-headers-echoed",
        "actual.request-headers",
        Misleading,
        "Access-Control-Request-Headers on an actual request is echoed.",
        "the HeadObject page",
        Options(|options| options.behaviours.acah_on_actual = AcahOnActual::Echo),
    )
    .allowed_by("acah_on_actual", "echoed"),
    fault(
        "forbidden-null",
        "actual.forbidden",
        Misleading,
        "403 carries Access-Control-Allow-Origin null.",
        "",
        Answer(|exchange, answer| {
            if exchange.is_actual() && answer.status() == 403 && exchange.field("origin").is_some() {
                put(answer.headers_mut(), ORIGIN, "null");
            }
        }),
    ),
    fault(
        "forbidden-bare",
        "actual.forbidden",
        BrokenPage,
        "403 by the ACL carries no CORS headers.",
        "cloudserver #6126",
        Options(|options| options.behaviours.cors_on_access_denied = CorsOnAccessDenied::Absent),
    )
    .allowed_by("cors_on_access_denied", "absent"),
    fault(
        "signature-error-granted",
        "actual.forbidden",
        Misleading,
        "403 by the signature check carries CORS headers.",
        "",
        Options(|options| options.behaviours.cors_on_signature_error = CorsOnSignatureError::Present),
    )
    .allowed_by("cors_on_signature_error", "present"),
    fault(
        "skew-bare",
        "actual.forbidden",
        BrokenPage,
        "RequestTimeTooSkewed carries no CORS headers.",
        "",
        Options(|options| options.behaviours.cors_on_skew = CorsOnSkew::Absent),
    )
    .allowed_by("cors_on_skew", "absent"),
    fault(
        "service-star",
        "actual.service",
        Misleading,
        "The service itself grants everything to everybody.",
        "cloudserver's tests, aws-sdk-js #1939",
        Answer(|exchange, answer| {
            if exchange.address.bucket.is_none() && exchange.field("origin").is_some() {
                put(answer.headers_mut(), ORIGIN, "*");
            }
        }),
    ),
    fault(
        "management-star",
        "actual.management",
        Security,
        "?cors itself is granted to everybody.",
        "",
        Answer(|exchange, answer| {
            if exchange.is_cors() && exchange.field("origin").is_some() {
                put(answer.headers_mut(), ORIGIN, "*");
            }
        }),
    ),
    fault(
        "management-granted",
        "actual.management",
        Misleading,
        "?cors is granted as objects are.",
        "",
        Options(|options| options.behaviours.cors_on_management = CorsOnManagement::Present),
    )
    .allowed_by("cors_on_management", "present"),
    fault(
        "management-varies",
        "actual.management",
        Misleading,
        "?cors varies as objects do.",
        "",
        Options(|options| options.behaviours.vary_on_management = VaryOnManagement::Present),
    )
    .only(with_response_vary)
    .allowed_by("vary_on_management", "present"),
    fault(
        "actual-headers-counted",
        "actual.own-method",
        BrokenPage,
        "Access-Control-Request-Headers on an actual request has to be allowed.",
        "",
        Whole(|inside, exchange| {
            let asked = exchange.asked();
            let rules =
                exchange.rules.clone().filter(|_| exchange.is_actual() && exchange.field(ASKED_HEADERS).is_some());
            Reply::Answer(match rules {
                Some(rules) => {
                    let preflight = crate::cors::CorsRequest { kind: crate::cors::Kind::Preflight, ..asked };
                    let kept = rules
                        .rules
                        .iter()
                        .filter(|rule| super::change::allows_headers(rule, &preflight))
                        .cloned()
                        .collect();
                    let seen = super::change::only(kept, &rules);
                    inside.with_rules(exchange, Some(seen))
                }
                None => inside.respond(exchange),
            })
        }),
    ),
    fault(
        "error-codes-hidden",
        "actual.not-found",
        Misleading,
        "Pages of other origins get 404 without a document.",
        "",
        Answer(|exchange, answer| {
            if exchange.is_actual()
                && exchange.field("origin").is_some()
                && code(answer).is_some()
                && answer.status() == 404
            {
                super::change::body(answer, "");
            }
        }),
    ),
    fault(
        "null-origin-reflected",
        "actual.no-match",
        Security,
        "Origin null is reflected on actual requests.",
        "akka-http-cors #43",
        Answer(|exchange, answer| {
            if exchange.is_actual() && exchange.rules.is_some() && exchange.field("origin").as_deref() == Some("null") {
                put(answer.headers_mut(), ORIGIN, "null");
            }
        }),
    ),
    fault(
        "origin-lines-joined",
        "actual.no-match",
        Security,
        "Of an Origin with several members the first one counts on actual requests.",
        "",
        Request(|request| {
            if request.method() != Method::OPTIONS
                && let Some(first) = super::change::field(request.headers(), "origin")
                    .and_then(|origin| origin.split_once(',').map(|(first, _)| first.trim().to_owned()))
            {
                put(request.headers_mut(), "origin", &first);
            }
        }),
    ),
    fault(
        "requests-two-origins-first",
        "actual.no-match",
        Security,
        "Of two Origin lines on an actual request the first one counts.",
        "",
        Request(|request| {
            if request.method() != Method::OPTIONS {
                super::refusal::one_origin(request, 0);
            }
        }),
    )
    .only(|dialect| dialect.open.get("two_origins").is_none_or(|values| !values.contains(&"first"))),
    fault(
        "requests-two-origins-last",
        "actual.no-match",
        Security,
        "Of two Origin lines on an actual request the last one counts.",
        "",
        Request(|request| {
            if request.method() != Method::OPTIONS {
                super::refusal::one_origin(request, usize::MAX);
            }
        }),
    ),
];

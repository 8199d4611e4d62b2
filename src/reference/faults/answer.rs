//! What a preflight that is allowed is answered.

use super::Effect::{BrokenPage, Misleading, Security, StaleCache};
use super::Plant::{Answer, Options};
use super::change::{
    ASKED_HEADERS, ASKED_METHOD, HEADERS, METHODS, ORIGIN, allows_origin, edit, grants, meets_all, members, put, sorted,
};
use super::{Exchange, Fault, fault};
use crate::cors::CorsRule;
use crate::dialect::{AllowMethods, MixedStar};

/// The rule that answers.
fn rule(exchange: &Exchange<'_>) -> Option<CorsRule> {
    let asked = exchange.asked();
    exchange.rules.as_ref()?.rules.iter().find(|rule| meets_all(rule, &asked)).cloned()
}

pub(super) const FAULTS: &[Fault] = &[
    fault(
        "origin-missing",
        "preflight.origin",
        BrokenPage,
        "A preflight grants methods and no origin.",
        "",
        Answer(|exchange, answer| {
            if exchange.is_preflight() {
                answer.headers_mut().remove(ORIGIN);
            }
        }),
    ),
    fault(
        "origin-list",
        "preflight.origin",
        BrokenPage,
        "Access-Control-Allow-Origin lists all origins of the rule.",
        "moto #6003, aws-sam-cli #3719, Garage",
        Answer(|exchange, answer| {
            if let (true, Some(rule)) = (grants(answer), rule(exchange)) {
                let all: Vec<&str> = rule.allowed_origins.iter().map(crate::cors::Pattern::as_str).collect();
                put(answer.headers_mut(), ORIGIN, &all.join(", "));
            }
        }),
    ),
    fault(
        "origin-first-of-rule",
        "preflight.origin",
        BrokenPage,
        "Access-Control-Allow-Origin is the first origin of the rule.",
        "",
        Answer(|exchange, answer| {
            if let (true, Some(rule)) = (grants(answer), rule(exchange)) {
                let first = rule.allowed_origins.iter().find(|origin| !origin.has_star());
                if let Some(first) = first {
                    put(answer.headers_mut(), ORIGIN, first.as_str());
                }
            }
        }),
    ),
    fault(
        "origin-always-star",
        "preflight.origin",
        Security,
        "Access-Control-Allow-Origin is always an asterisk.",
        "minio #17778, oss-emulator",
        Answer(|_, answer| {
            if grants(answer) {
                put(answer.headers_mut(), ORIGIN, "*");
            }
        }),
    ),
    fault(
        "origin-with-slash",
        "preflight.origin",
        BrokenPage,
        "Access-Control-Allow-Origin ends in a slash.",
        "servers that write URLs",
        Answer(|exchange, answer| {
            if exchange.is_preflight() {
                edit(
                    answer.headers_mut(),
                    ORIGIN,
                    |origin| if origin == "*" { "*".to_owned() } else { format!("{origin}/") },
                );
            }
        }),
    ),
    fault(
        "origin-twice",
        "preflight.origin",
        BrokenPage,
        "Access-Control-Allow-Origin is sent twice.",
        "servers behind a gateway that adds its own",
        Answer(|exchange, answer| {
            if let (true, Some(value)) = (exchange.is_preflight(), answer.headers().get(ORIGIN).cloned()) {
                answer.headers_mut().append(ORIGIN, value);
            }
        }),
    ),
    fault(
        "origin-echoed",
        "preflight.origin-star",
        StaleCache,
        "An asterisk is answered with the origin.",
        "SeaweedFS, moto, minio #17789",
        Answer(|exchange, answer| {
            if let (true, Some(origin)) = (exchange.is_preflight(), exchange.field("origin")) {
                edit(answer.headers_mut(), ORIGIN, |value| if value == "*" { origin } else { value.to_owned() });
            }
        }),
    ),
    fault(
        "origin-pattern",
        "preflight.origin-wildcard",
        BrokenPage,
        "A wildcard is answered with the pattern.",
        "",
        Answer(|exchange, answer| {
            let asked = exchange.asked();
            if let (true, Some(rule)) = (grants(answer), rule(exchange)) {
                let found = rule
                    .allowed_origins
                    .iter()
                    .find(|pattern| asked.origins.first().is_some_and(|origin| pattern.matches(origin.as_bytes())));
                if let Some(found) = found.filter(|found| found.has_star()) {
                    put(answer.headers_mut(), ORIGIN, found.as_str());
                }
            }
        }),
    ),
    fault(
        "origin-wildcard-star",
        "preflight.origin-wildcard",
        Security,
        "A wildcard is answered with an asterisk.",
        "",
        Answer(|exchange, answer| {
            let asked = exchange.asked();
            if let (true, Some(rule)) = (grants(answer), rule(exchange)) {
                let origin = super::change::origin(&asked);
                if allows_origin(&rule, &asked)
                    && !rule.allowed_origins.iter().any(|pattern| pattern.as_str() == origin)
                {
                    put(answer.headers_mut(), ORIGIN, "*");
                }
            }
        }),
    ),
    fault(
        "origin-mixed-list",
        "preflight.origin-mixed",
        BrokenPage,
        "A rule with an asterisk beside the origin is answered with both.",
        "",
        Answer(|exchange, answer| {
            if let (true, Some(rule)) = (grants(answer), rule(exchange)) {
                let origin = exchange.field("origin").unwrap_or_default();
                if rule.allowed_origins.len() > 1 && rule.allowed_origins.iter().any(crate::cors::Pattern::is_star) {
                    put(answer.headers_mut(), ORIGIN, &format!("*, {origin}"));
                }
            }
        }),
    ),
    fault(
        "origin-mixed-star",
        "preflight.origin",
        StaleCache,
        "A rule with an asterisk is answered with it, wherever it stands.",
        "",
        Options(|options| options.behaviours.mixed_star = MixedStar::Star),
    )
    .allowed_by("mixed_star", "star"),
    fault(
        "origin-mixed-echo",
        "preflight.origin",
        StaleCache,
        "A rule with an asterisk beside the origin is answered with the origin.",
        "",
        Options(|options| options.behaviours.mixed_star = MixedStar::Echo),
    )
    .allowed_by("mixed_star", "echo"),
    fault(
        "methods-missing",
        "preflight.methods",
        BrokenPage,
        "A preflight is answered without Access-Control-Allow-Methods.",
        "",
        Answer(|exchange, answer| {
            if exchange.is_preflight() {
                answer.headers_mut().remove(METHODS);
            }
        }),
    ),
    fault(
        "methods-first",
        "preflight.methods",
        BrokenPage,
        "Access-Control-Allow-Methods names the first method of the rule.",
        "",
        Answer(|exchange, answer| {
            if exchange.is_preflight() {
                edit(answer.headers_mut(), METHODS, |value| {
                    members(value).first().copied().unwrap_or_default().to_owned()
                });
            }
        }),
    ),
    fault(
        "methods-star",
        "preflight.methods",
        BrokenPage,
        "Access-Control-Allow-Methods is an asterisk.",
        "middlewares",
        Answer(|exchange, answer| {
            if exchange.is_preflight() && grants(answer) {
                put(answer.headers_mut(), METHODS, "*");
            }
        }),
    ),
    fault(
        "methods-lower-case",
        "preflight.methods",
        BrokenPage,
        "Access-Control-Allow-Methods is in lower case.",
        "go-chi #27",
        Answer(|exchange, answer| {
            if exchange.is_preflight() {
                edit(answer.headers_mut(), METHODS, str::to_ascii_lowercase);
            }
        }),
    ),
    fault(
        "methods-all-five",
        "preflight.methods-all",
        Misleading,
        "Access-Control-Allow-Methods names all methods there are.",
        "NooBaa, gateways",
        Answer(|exchange, answer| {
            if exchange.is_preflight() && grants(answer) {
                put(answer.headers_mut(), METHODS, "GET, PUT, POST, DELETE, HEAD");
            }
        }),
    ),
    fault(
        "methods-without-head",
        "preflight.methods-all",
        BrokenPage,
        "Access-Control-Allow-Methods leaves out HEAD unless it is asked for.",
        "",
        Answer(|exchange, answer| {
            if exchange.is_preflight() && exchange.field(ASKED_METHOD).as_deref() != Some("HEAD") {
                edit(answer.headers_mut(), METHODS, |value| {
                    members(value).into_iter().filter(|method| *method != "HEAD").collect::<Vec<_>>().join(", ")
                });
            }
        }),
    ),
    fault(
        "methods-sorted",
        "preflight.methods-order",
        Misleading,
        "Access-Control-Allow-Methods is sorted.",
        "Ceph RGW, Swift",
        Answer(|exchange, answer| {
            if exchange.is_preflight() {
                edit(answer.headers_mut(), METHODS, sorted);
            }
        }),
    ),
    fault(
        "methods-with-options",
        "preflight.methods-scope",
        Misleading,
        "Access-Control-Allow-Methods names the requested method and OPTIONS.",
        "gateways",
        Answer(|exchange, answer| {
            if let (true, Some(asked)) = (exchange.is_preflight() && grants(answer), exchange.field(ASKED_METHOD)) {
                put(answer.headers_mut(), METHODS, &format!("{asked}, OPTIONS"));
            }
        }),
    ),
    fault(
        "methods-requested",
        "preflight.methods-all",
        BrokenPage,
        "Access-Control-Allow-Methods names the requested method alone.",
        "",
        Options(|options| options.behaviours.allow_methods = AllowMethods::Requested),
    )
    .allowed_by("allow_methods", "requested"),
    fault(
        "headers-star",
        "preflight.headers",
        BrokenPage,
        "Access-Control-Allow-Headers is an asterisk.",
        "whatwg/fetch #251, mojatter/s2 #172, RustFS, NooBaa, Garage",
        Answer(|_, answer| {
            edit(answer.headers_mut(), HEADERS, |_| "*".to_owned());
        }),
    ),
    fault(
        "headers-missing",
        "preflight.headers",
        BrokenPage,
        "There is no Access-Control-Allow-Headers.",
        "",
        Answer(|_, answer| {
            answer.headers_mut().remove(HEADERS);
        }),
    ),
    fault(
        "headers-first",
        "preflight.headers",
        BrokenPage,
        "Access-Control-Allow-Headers names the first one only.",
        "",
        Answer(|_, answer| {
            edit(answer.headers_mut(), HEADERS, |value| members(value).first().copied().unwrap_or_default().to_owned());
        }),
    ),
    fault(
        "headers-twenty",
        "preflight.headers",
        BrokenPage,
        "Access-Control-Allow-Headers names twenty at most.",
        "fixed buffers",
        Answer(|_, answer| {
            edit(answer.headers_mut(), HEADERS, |value| {
                members(value).into_iter().take(20).collect::<Vec<_>>().join(", ")
            });
        }),
    ),
    fault(
        "headers-of-rule",
        "preflight.headers-only",
        Misleading,
        "Access-Control-Allow-Headers names all headers of the rule.",
        "NooBaa, moto, Garage, RustFS, oio-swift",
        Answer(|exchange, answer| {
            if let (true, Some(rule)) = (answer.headers().contains_key(HEADERS), rule(exchange)) {
                let mut all: Vec<String> =
                    exchange.field(ASKED_HEADERS).iter().flat_map(|asked| members(asked)).map(str::to_owned).collect();
                let more = rule.allowed_headers.iter().filter(|pattern| !pattern.has_star()).map(ToString::to_string);
                let more: Vec<String> =
                    more.filter(|name| !all.iter().any(|known| known.eq_ignore_ascii_case(name))).collect();
                all.extend(more);
                put(answer.headers_mut(), HEADERS, &all.join(", "));
            }
        }),
    ),
    fault(
        "headers-sorted",
        "preflight.headers-only",
        Misleading,
        "Access-Control-Allow-Headers is sorted.",
        "Swift, versitygw",
        Answer(|_, answer| {
            edit(answer.headers_mut(), HEADERS, sorted);
        }),
    ),
    fault(
        "headers-unasked",
        "preflight.headers-absent",
        Misleading,
        "Access-Control-Allow-Headers is sent though nothing was asked.",
        "NooBaa, Garage",
        Answer(|exchange, answer| {
            if exchange.is_preflight() && grants(answer) && exchange.field(ASKED_HEADERS).is_none() {
                put(answer.headers_mut(), HEADERS, "*");
            }
        }),
    ),
    fault(
        "requested-headers-removed",
        "preflight.headers",
        BrokenPage,
        "Access-Control-Allow-Headers names nothing where a wildcard allowed it.",
        "LocalStack, RustFS, floci",
        Answer(|exchange, answer| {
            if let (true, Some(rule)) = (answer.headers().contains_key(HEADERS), rule(exchange))
                && rule.allowed_headers.iter().all(crate::cors::Pattern::has_star)
            {
                answer.headers_mut().remove(HEADERS);
            }
        }),
    ),
    fault(
        "headers-safelisted-unnamed",
        "preflight.headers",
        BrokenPage,
        "Access-Control-Allow-Headers leaves out what Fetch safelists.",
        "middlewares",
        Answer(|_, answer| {
            edit(answer.headers_mut(), HEADERS, |value| {
                members(value)
                    .into_iter()
                    .filter(|name| !["accept", "content-language", "range"].contains(name))
                    .collect::<Vec<_>>()
                    .join(", ")
            });
        }),
    ),
    fault(
        "headers-one-kilobyte",
        "preflight.headers",
        BrokenPage,
        "Access-Control-Allow-Headers ends after a kilobyte.",
        "fixed buffers",
        Answer(|_, answer| {
            edit(answer.headers_mut(), HEADERS, |value| value.chars().take(1024).collect());
        }),
    ),
    fault(
        "preflight-no-request-id",
        "request-id.form",
        Misleading,
        "Preflights have no request id.",
        "",
        Answer(|exchange, answer| {
            if exchange.is_preflight() && answer.status() == 200 {
                answer.headers_mut().remove("x-oss-request-id");
            }
        }),
    ),
];

//! Origins that are parsed, decoded or cut where they should be compared as they are.

use super::super::Reply;
use super::Effect::{BrokenPage, Security};
use super::Plant::{Answer, Rules, Whole};
use super::change::{each, glob, origin_as, origins_by, put};
use super::{Fault, fault};

pub(super) const FAULTS: &[Fault] = &[
    fault(
        "origin-list-any",
        "match.opaque",
        Security,
        "A list of origins is allowed if one of them is.",
        "",
        Rules(|rules, asked| {
            origins_by(rules, asked, |pattern, origin| origin.split(',').any(|one| glob(pattern, one.trim())))
        }),
    ),
    fault(
        "trailing-slash-folded",
        "match.opaque",
        Security,
        "A slash at the end of an origin does not count.",
        "",
        Rules(|rules, asked| origin_as(rules, asked, |origin| origin.trim_end_matches('/').to_owned())),
    ),
    fault(
        "default-port-folded",
        "match.opaque",
        Security,
        "A default port does not count.",
        "URL libraries",
        Rules(|rules, asked| {
            origins_by(rules, asked, |pattern, origin| {
                glob(pattern, origin)
                    || origin
                        .strip_suffix(":443")
                        .filter(|rest| rest.starts_with("https:"))
                        .or_else(|| origin.strip_suffix(":80").filter(|rest| rest.starts_with("http:")))
                        .is_some_and(|rest| glob(pattern, rest))
            })
        }),
    ),
    fault(
        "user-part-dropped",
        "match.literal",
        Security,
        "A user part in an origin does not count.",
        "URL libraries",
        Rules(|rules, asked| {
            origin_as(rules, asked, |origin| match (origin.split_once("://"), origin.rsplit_once('@')) {
                (Some((scheme, _)), Some((_, host))) => format!("{scheme}://{host}"),
                _ => origin.to_owned(),
            })
        }),
    ),
    fault(
        "user-part-trusted",
        "match.literal",
        Security,
        "What stands before an @ in an origin counts.",
        "URL libraries",
        Rules(|rules, asked| origin_as(rules, asked, |origin| origin.split('@').next().unwrap_or_default().to_owned())),
    ),
    fault(
        "trailing-dot-folded",
        "match.literal",
        Security,
        "A dot at the end of an origin does not count.",
        "DNS libraries",
        Rules(|rules, asked| origin_as(rules, asked, |origin| origin.trim_end_matches('.').to_owned())),
    ),
    fault(
        "percent-decoded",
        "match.literal",
        Security,
        "An origin is percent-decoded.",
        "URL libraries",
        Rules(|rules, asked| origin_as(rules, asked, crate::sign::decode_component)),
    ),
    fault(
        "path-dropped",
        "match.opaque",
        Security,
        "A path in an origin does not count.",
        "URL libraries",
        Rules(|rules, asked| {
            origin_as(rules, asked, |origin| match origin.split_once("://") {
                Some((scheme, rest)) => format!("{scheme}://{}", rest.split('/').next().unwrap_or_default()),
                None => origin.to_owned(),
            })
        }),
    ),
    fault(
        "no-scheme-any-scheme",
        "origin.no-scheme",
        Security,
        "A rule without a scheme matches every scheme.",
        "comparing hosts",
        Rules(|rules, asked| {
            origins_by(rules, asked, |pattern, origin| {
                glob(pattern, origin)
                    || !pattern.contains("://") && origin.split_once("://").is_some_and(|(_, host)| glob(pattern, host))
            })
        }),
    ),
    fault(
        "odd-bytes-dropped",
        "origin.odd-bytes",
        Security,
        "Bytes that are no text are dropped from an Origin.",
        "lossy decoding",
        Rules(|rules, asked| {
            let bytes = asked.origins.first().map(|origin| origin.as_bytes().to_vec()).unwrap_or_default();
            let kept: String =
                bytes.iter().filter(|byte| byte.is_ascii_graphic()).map(|byte| char::from(*byte)).collect();
            if kept.len() == bytes.len() {
                return rules.clone();
            }
            each(rules, |rule| {
                if rule.allowed_origins.iter().any(|pattern| glob(pattern.as_str(), &kept)) {
                    rule.allowed_origins = vec![super::change::pattern("*")];
                }
            })
        }),
    ),
    fault(
        "odd-bytes-500",
        "origin.odd-bytes",
        BrokenPage,
        "An Origin that is no ASCII answers 500.",
        "Garage, servers that unwrap a conversion to text",
        Whole(|inside, exchange| {
            let origin = exchange.request.headers().get("origin");
            let odd = origin.is_some_and(|origin| !origin.as_bytes().is_ascii());
            Reply::Answer(if odd { exchange.refusal(500, "InternalError") } else { inside.respond(exchange) })
        }),
    ),
    fault(
        "odd-bytes-granted",
        "origin.odd-bytes",
        Security,
        "An Origin that is no text falls into a permissive default.",
        "RustFS",
        Answer(|exchange, answer| {
            let odd = exchange
                .request
                .headers()
                .get("origin")
                .is_some_and(|origin| origin.as_bytes().iter().any(|byte| !byte.is_ascii()));
            if odd && exchange.rules.is_some() {
                put(answer.headers_mut(), super::change::ORIGIN, "*");
            }
        }),
    ),
    fault(
        "odd-names-dropped",
        "origin.odd-bytes",
        Security,
        "Bytes that are no text are dropped from requested headers.",
        "lossy decoding",
        super::Plant::Request(|request| {
            if let Some(names) = request.headers().get(super::change::ASKED_HEADERS) {
                let kept: Vec<u8> = names.as_bytes().iter().copied().filter(u8::is_ascii).collect();
                if let Ok(kept) = http::HeaderValue::from_bytes(&kept) {
                    request.headers_mut().insert(super::change::ASKED_HEADERS, kept);
                }
            }
        }),
    ),
    fault(
        "origin-cut",
        "match.literal",
        Security,
        "An origin is compared up to its 255th character.",
        "fixed buffers",
        Rules(|rules, asked| {
            origins_by(rules, asked, |pattern, origin| {
                glob(pattern, origin) || pattern.len() > 255 && pattern.get(..255) == origin.get(..255)
            })
        }),
    ),
    fault(
        "wildcard-slow",
        "match.wildcard-run",
        BrokenPage,
        "A wildcard is held against a long origin for ever.",
        "NooBaa, unsloth #10084",
        Whole(|inside, exchange| {
            let star = exchange.rules.as_ref().is_some_and(|rules| {
                rules
                    .rules
                    .iter()
                    .flat_map(|rule| &rule.allowed_origins)
                    .any(|origin| origin.has_star() && !origin.is_star())
            });
            let long = exchange.field("origin").is_some_and(|origin| origin.len() > 500);
            if star && long { Reply::Silence } else { Reply::Answer(inside.respond(exchange)) }
        }),
    ),
    fault(
        "origin-long-400",
        "match.literal",
        BrokenPage,
        "Origins of more than 200 characters break the connection.",
        "fixed buffers",
        Whole(|inside, exchange| {
            let long = exchange.field("origin").is_some_and(|origin| origin.len() > 200);
            if long { Reply::Reset } else { Reply::Answer(inside.respond(exchange)) }
        }),
    ),
    fault(
        "fragment-dropped",
        "match.opaque",
        Security,
        "A fragment or a query of an origin does not count.",
        "URL libraries",
        Rules(|rules, asked| {
            origin_as(rules, asked, |origin| origin.split(['#', '?']).next().unwrap_or_default().to_owned())
        }),
    ),
    fault(
        "blob-unwrapped",
        "match.opaque",
        Security,
        "The origin inside of a blob URL counts.",
        "URL libraries",
        Rules(|rules, asked| origin_as(rules, asked, |origin| origin.trim_start_matches("blob:").to_owned())),
    ),
    fault(
        "backslash-folded",
        "match.opaque",
        Security,
        "A backslash is a slash.",
        "URL libraries",
        Rules(|rules, asked| origin_as(rules, asked, |origin| origin.replace('\\', "/"))),
    ),
    fault(
        "port-zeros-folded",
        "match.opaque",
        Security,
        "Zeros before a port do not count.",
        "URL libraries",
        Rules(|rules, asked| origin_as(rules, asked, |origin| origin.replace(":0", ":"))),
    ),
    fault(
        "origin-semicolon-cut",
        "match.opaque",
        Security,
        "An origin ends at a semicolon.",
        "",
        Rules(|rules, asked| origin_as(rules, asked, |origin| origin.split(';').next().unwrap_or_default().to_owned())),
    ),
];

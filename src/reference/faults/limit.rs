//! The digest of a document, its size, the number of its rules, its length.

use super::super::{Method, Reply};
use super::Effect::{BrokenClient, Misleading, OtherRules};
use super::Plant::{Answer, Options, Request, Whole};
use super::change::{field, put, recode, reword, status};
use super::{Fault, fault};
use crate::dialect::{MaxBody, MaxRules};

pub(super) const FAULTS: &[Fault] = &[
    fault(
        "digest-demanded",
        "digest.absent",
        BrokenClient,
        "A document without Content-MD5 is refused.",
        "cloudserver #5899",
        Whole(|inside, exchange| {
            let missing = exchange.is_put_cors() && exchange.field("content-md5").is_none();
            // Else no case could prepare its bucket.
            let simplest = exchange.document().contains("corsuite.example");
            Reply::Answer(if missing && !simplest {
                exchange.refusal(400, "InvalidRequest")
            } else {
                inside.respond(exchange)
            })
        }),
    ),
    fault(
        "digest-right-refused",
        "digest.right",
        BrokenClient,
        "Every Content-MD5 is refused.",
        "servers that compare hexadecimal digits",
        Whole(|inside, exchange| {
            let sent = exchange.is_put_cors() && exchange.field("content-md5").is_some();
            Reply::Answer(if sent { exchange.refusal(400, "InvalidDigest") } else { inside.respond(exchange) })
        }),
    ),
    fault(
        "digest-ignored",
        "digest.mismatch",
        OtherRules,
        "Content-MD5 is not looked at.",
        "most S3 clones",
        Request(|request| {
            request.headers_mut().remove("content-md5");
        }),
    ),
    fault(
        "digest-code",
        "digest.mismatch",
        Misleading,
        "A digest that does not fit answers BadDigest.",
        "S3 has two codes",
        Answer(|_, answer| {
            recode(answer, "InvalidDigest", "BadDigest");
        }),
    ),
    fault(
        "digest-case-folded",
        "digest.mismatch",
        OtherRules,
        "Content-MD5 is compared without regard to case.",
        "",
        Request(|request| {
            let right = right_digest(request);
            if field(request.headers(), "content-md5").is_some_and(|sent| sent.eq_ignore_ascii_case(&right)) {
                put(request.headers_mut(), "content-md5", &right);
            }
        }),
    ),
    fault(
        "digest-of-trimmed-body",
        "digest.mismatch",
        OtherRules,
        "The digest is held against the document without the white space at its end.",
        "",
        Request(|request| {
            let sent = field(request.headers(), "content-md5");
            let mut trimmed = request.clone();
            let text = String::from_utf8_lossy(request.body()).trim_end().to_owned();
            *trimmed.body_mut() = text.into();
            if sent.is_some_and(|sent| sent == right_digest(&trimmed)) {
                let right = right_digest(request);
                put(request.headers_mut(), "content-md5", &right);
            }
        }),
    ),
    fault(
        "digest-message",
        "digest.message",
        Misleading,
        "The message of InvalidDigest is another one.",
        "",
        Answer(|_, answer| reword(answer, "InvalidDigest", "digest mismatch")),
    ),
    fault(
        "digest-malformed-ignored",
        "digest.malformed",
        OtherRules,
        "A Content-MD5 that cannot be decoded is passed over.",
        "servers that treat a failed decoding as none",
        Request(|request| {
            use base64::Engine as _;
            let decoded = field(request.headers(), "content-md5")
                .map(|sent| base64::engine::general_purpose::STANDARD.decode(sent));
            if decoded.is_some_and(|decoded| decoded.is_err()) {
                request.headers_mut().remove("content-md5");
            }
        }),
    ),
    fault(
        "digest-length-unchecked",
        "digest.malformed",
        OtherRules,
        "A Content-MD5 of another length than 16 bytes is passed over.",
        "",
        Request(|request| {
            use base64::Engine as _;
            let decoded = field(request.headers(), "content-md5")
                .and_then(|sent| base64::engine::general_purpose::STANDARD.decode(sent).ok());
            if decoded.is_some_and(|decoded| decoded.len() != 16) {
                request.headers_mut().remove("content-md5");
            }
        }),
    ),
    fault(
        "rules-nine",
        "limit.rules-accepted",
        BrokenClient,
        "Ten rules are one too many.",
        "a limit compared with >=",
        Options(|options| options.limits.max_rules_certain = 9),
    ),
    fault(
        "rules-unlimited",
        "limit.rules-refused",
        OtherRules,
        "The number of rules has no limit.",
        "Garage, s3rver, versitygw",
        Options(|options| {
            options.behaviours.max_rules = MaxRules::Twenty;
            options.limits.max_rules_refused = 10_000;
        }),
    ),
    fault(
        "rules-twenty-one",
        "limit.rules-refused",
        OtherRules,
        "Twenty-one rules are accepted.",
        "a limit compared with >",
        Options(|options| {
            options.behaviours.max_rules = MaxRules::Twenty;
            options.limits.max_rules_refused = 22;
        }),
    ),
    fault(
        "rules-code",
        "limit.rules-refused",
        Misleading,
        "Too many rules answer another code.",
        "RustFS",
        Answer(|_, answer| recode(answer, "CORSRuleBeyondLimit", "InvalidRequest")),
    ),
    fault(
        "rules-distinct",
        "limit.rules-refused",
        OtherRules,
        "Equal rules are counted once.",
        "",
        Whole(|inside, exchange| {
            let text = exchange.document();
            let mut rules: Vec<&str> = text.split("<CORSRule>").skip(1).collect();
            let all = rules.len();
            rules.dedup_by(|one, other| {
                one.trim_end_matches("</CORSConfiguration>") == other.trim_end_matches("</CORSConfiguration>")
            });
            Reply::Answer(if all > 10 && rules.len() <= 10 {
                exchange.empty(http::StatusCode::OK)
            } else {
                inside.respond(exchange)
            })
        }),
    ),
    fault(
        "rules-over-both",
        "limit.rules-accepted",
        BrokenClient,
        "The limit counts the rules in place with the new ones.",
        "",
        Whole(|inside, exchange| {
            let new = exchange.document().matches("<CORSRule>").count();
            let old = exchange.rules.as_ref().map_or(0, |rules| rules.rules.len());
            Reply::Answer(if new + old > 15 {
                exchange.refusal(400, "CORSRuleBeyondLimit")
            } else {
                inside.respond(exchange)
            })
        }),
    ),
    fault(
        "rules-message",
        "limit.rules-message",
        Misleading,
        "The message of CORSRuleBeyondLimit is another one.",
        "",
        Answer(|_, answer| reword(answer, "CORSRuleBeyondLimit", "too many rules")),
    ),
    fault(
        "rules-twenty",
        "limit.rules-refused",
        OtherRules,
        "Eleven to twenty rules are accepted.",
        "the user guide",
        Options(|options| options.behaviours.max_rules = MaxRules::Twenty),
    )
    .allowed_by("max_rules", "20"),
    fault(
        "rules-between-500",
        "limit.rules-between",
        BrokenClient,
        "Eleven rules answer 500.",
        "",
        Whole(|inside, exchange| {
            let count = exchange.document().matches("<CORSRule>").count();
            Reply::Answer(if (11..=20).contains(&count) {
                exchange.refusal(500, "InternalError")
            } else {
                inside.respond(exchange)
            })
        }),
    ),
    fault(
        "rules-fifteen",
        "behaviour.consistent",
        OtherRules,
        "Fifteen rules are accepted, sixteen refused.",
        "a limit by somebody's taste",
        Options(|options| {
            options.behaviours.max_rules = MaxRules::Twenty;
            options.limits.max_rules_refused = 16;
        }),
    )
    .only(|dialect| dialect.open.contains_key("max_rules")),
    fault(
        "body-15999",
        "limit.body-accepted",
        BrokenClient,
        "A document of 16,000 bytes is too large.",
        "a limit compared with >=",
        Options(|options| options.limits.max_body_bytes = 15_999),
    ),
    fault(
        "body-8192",
        "limit.body-accepted",
        BrokenClient,
        "A document over 8 KB is too large.",
        "a buffer of 8 KB; OVH stops at 2,048 characters",
        Options(|options| options.limits.max_body_bytes = 8_192),
    ),
    fault(
        "body-16385",
        "limit.body-refused",
        OtherRules,
        "A document of 16,385 bytes is accepted.",
        "a limit compared with >",
        Options(|options| options.limits.max_body_bytes = 16_385),
    ),
    fault(
        "body-unlimited",
        "limit.body-refused",
        OtherRules,
        "The size of a document has no limit.",
        "most S3 clones",
        Options(|options| options.limits.max_body_bytes = usize::MAX),
    ),
    fault(
        "body-64-kb",
        "limit.body-refused",
        OtherRules,
        "The limit is that of S3, 64 KB.",
        "S3 flavoured gateways",
        Options(|options| options.limits.max_body_bytes = 65_535),
    ),
    fault(
        "body-values-counted",
        "limit.body-refused",
        OtherRules,
        "White space and comments do not count for the size.",
        "servers that measure what they store",
        Whole(|inside, exchange| {
            let text = exchange.document();
            if text.len() <= 16_384 || text.matches("<ExposeHeader>").count() > 50 {
                return Reply::Answer(inside.respond(exchange));
            }
            inside.store(exchange, &text);
            Reply::Answer(exchange.empty(http::StatusCode::OK))
        }),
    ),
    fault(
        "body-decimal",
        "limit.body-refused",
        OtherRules,
        "16 KB are 16,000 bytes.",
        "",
        Options(|options| options.behaviours.max_body = MaxBody::Decimal),
    )
    .allowed_by("max_body", "decimal"),
    fault(
        "body-between-500",
        "limit.body-between",
        BrokenClient,
        "A document between 16,000 and 16,384 bytes answers 500.",
        "",
        Whole(|inside, exchange| {
            Reply::Answer(if (16_001..=16_384).contains(&exchange.document().len()) {
                exchange.refusal(500, "InternalError")
            } else {
                inside.respond(exchange)
            })
        }),
    ),
    fault(
        "body-over-500",
        "limit.body-code",
        BrokenClient,
        "A document over the limit answers 500.",
        "Terraform provider of Scaleway #838",
        Whole(|inside, exchange| {
            Reply::Answer(if exchange.document().len() > 16_384 {
                exchange.refusal(500, "InternalError")
            } else {
                inside.respond(exchange)
            })
        }),
    ),
    fault(
        "length-taken-as-nothing",
        "length.missing",
        Misleading,
        "A document without a length is taken for an empty one.",
        "",
        Request(|request| {
            let missing = !request.headers().contains_key("content-length")
                && !request.headers().contains_key("transfer-encoding");
            if missing && matches!(*request.method(), Method::PUT | Method::POST) {
                put(request.headers_mut(), "content-length", "0");
            }
        }),
    ),
    fault(
        "length-code",
        "length.missing",
        Misleading,
        "A document without a length answers 400.",
        "",
        Answer(|_, answer| {
            if answer.status() == 411 {
                status(answer, 400);
            }
        }),
    ),
    fault(
        "chunks-refused",
        "length.chunked",
        BrokenClient,
        "A document in chunks is refused with 501.",
        "proxies",
        Whole(|inside, exchange| {
            let chunked = exchange.is_put_cors() && exchange.field("transfer-encoding").is_some();
            Reply::Answer(if chunked { exchange.refusal(501, "NotImplemented") } else { inside.respond(exchange) })
        }),
    ),
];

fn right_digest(request: &http::Request<bytes::Bytes>) -> String {
    use base64::Engine as _;
    use md5::Digest as _;
    base64::engine::general_purpose::STANDARD.encode(md5::Md5::digest(request.body()))
}

//! What only the clauses of S3 fix about documents: digests and checksums, limits, errors, IDs.

use bytes::Bytes;
use http::{Method, Response, StatusCode};

use super::super::{Options, Reply};
use super::Effect::{BrokenClient, Misleading, OtherRules, StaleCache};
use super::Plant::{Answer, Options as Set, Request, Whole};
use super::change::{AGE, body, code, digest_of, edit, edit_body, field, put, recode, reword, values};
use super::grammar::if_document;
use super::{Fault, fault};
use crate::dialect::{
    EmptyOrigin, ExposeCharacters, HeaderStars, Integrity, MaxBodyCode, MaxRulesCode, MethodLowerCase, NamespacedRoot,
    OriginStars, RootName, RuleId, SchemeStar, Signature, StoredHeaders, UnknownElements,
};

const ID: &str = "x-amz-request-id";

/// Takes an element out of a document.
pub(super) fn without(answer: &mut Response<Bytes>, name: &str) {
    edit_body(answer, |text| values(text, name, |_| None));
}

fn limits(options: &mut Options, rules: usize) {
    options.limits.max_rules_certain = rules;
    options.limits.max_rules_refused = rules + 1;
}

pub(super) const FAULTS: &[Fault] = &[
    // ---- PutBucketCors
    fault(
        "put-without-id",
        "config.put-ids",
        Misleading,
        "The answer to PutBucketCors has no x-amz-request-id.",
        "",
        Answer(|exchange, answer| {
            if exchange.is_put_cors() {
                answer.headers_mut().remove(ID);
            }
        }),
    ),
    fault(
        "same-id-always",
        "id.differs",
        Misleading,
        "Every answer has the same x-amz-request-id.",
        "emulators",
        Answer(|_, answer| put(answer.headers_mut(), ID, "4442587FB7D0A2F9")),
    ),
    fault(
        "digest-invalid",
        "digest.bad",
        Misleading,
        "A digest of another body is reported as no digest.",
        "",
        Answer(|_, answer| recode(answer, "BadDigest", "InvalidDigest")),
    ),
    fault(
        "digest-of-another-body",
        "digest.bad",
        OtherRules,
        "A digest of another body is accepted.",
        "moto [src]",
        Request(|request| {
            if field(request.headers(), "content-md5").is_some_and(|digest| digest.len() == 24) {
                let right = digest_of(request.body());
                put(request.headers_mut(), "content-md5", &right);
            }
        }),
    ),
    fault(
        "digest-not-required",
        "digest.required",
        OtherRules,
        "A document needs neither Content-MD5 nor a checksum.",
        "most servers",
        Set(|options| options.behaviours.integrity = Integrity::Optional),
    ),
    fault(
        "checksum-no-digest",
        "digest.checksum",
        BrokenClient,
        "Content-MD5 is demanded although a checksum is sent.",
        "cloudserver #5899",
        Whole(|inside, exchange| {
            let bare = exchange.is_put_cors() && exchange.field("content-md5").is_none();
            Reply::Answer(if bare { exchange.refusal(400, "InvalidRequest") } else { inside.respond(exchange) })
        }),
    ),
    fault(
        "checksum-unchecked",
        "digest.checksum-mismatch",
        OtherRules,
        "A checksum is not compared with the body.",
        "",
        Request(|request| {
            let names: Vec<_> =
                request.headers().keys().filter(|name| name.as_str().starts_with("x-amz-checksum-")).cloned().collect();
            if !names.is_empty() && !request.headers().contains_key("content-md5") {
                let right = digest_of(request.body());
                put(request.headers_mut(), "content-md5", &right);
            }
            for name in names {
                request.headers_mut().remove(name);
            }
        }),
    ),
    // ---- limits
    fault(
        "rules-fifty",
        "limit.hundred-accepted",
        BrokenClient,
        "More than fifty rules are refused.",
        "",
        Set(|options| limits(options, 50)),
    ),
    fault(
        "rules-ninety-nine",
        "limit.hundred-accepted",
        BrokenClient,
        "The hundredth rule is refused.",
        "a limit compared with >=",
        Set(|options| limits(options, 99)),
    ),
    fault(
        "rules-hundred-and-one",
        "limit.hundred-refused",
        OtherRules,
        "A hundred and one rules are accepted.",
        "a limit compared with <",
        Set(|options| limits(options, 101)),
    ),
    fault(
        "rules-without-end",
        "limit.hundred-refused",
        OtherRules,
        "There is no limit of rules.",
        "Garage, s3rver, versitygw [src]",
        Set(|options| limits(options, 100_000)),
    ),
    fault(
        "rules-limit-malformed",
        "limit.hundred-code",
        Misleading,
        "Too many rules are reported as malformed XML.",
        "LocalStack, moto [src]",
        Set(|options| options.behaviours.max_rules_code = MaxRulesCode::MalformedXml),
    ),
    fault(
        "rules-limit-500",
        "limit.hundred-choice",
        BrokenClient,
        "Too many rules answer 500.",
        "",
        Answer(|exchange, answer| {
            if exchange.written_document().is_some_and(|document| document.rules.len() > 100) {
                *answer = exchange.refusal(500, "InternalError");
            }
        }),
    ),
    fault(
        "body-65535",
        "limit.large-accepted",
        BrokenClient,
        "A document of 65,536 bytes is too large.",
        "a limit compared with >=",
        Set(|options| options.limits.max_body_bytes = 65_535),
    ),
    fault(
        "body-64000",
        "limit.large-accepted",
        BrokenClient,
        "64 KB are 64,000 bytes.",
        "",
        Set(|options| options.limits.max_body_bytes = 64_000),
    ),
    fault(
        "body-65537",
        "limit.large-refused",
        OtherRules,
        "A document of 65,537 bytes is accepted.",
        "a limit compared with <",
        Set(|options| options.limits.max_body_bytes = 65_537),
    ),
    fault(
        "body-without-end",
        "limit.large-refused",
        OtherRules,
        "Documents of any size are accepted.",
        "RustFS [src]",
        Set(|options| options.limits.max_body_bytes = 1 << 30),
    ),
    fault(
        "body-entity-too-large",
        "limit.large-code",
        Misleading,
        "A document over the limit answers EntityTooLarge.",
        "",
        Set(|options| options.behaviours.max_body_code = MaxBodyCode::EntityTooLarge),
    ),
    fault(
        "body-limit-unsaid",
        "limit.large-code",
        Misleading,
        "MaxMessageLengthExceeded does not say the limit.",
        "",
        Answer(|_, answer| {
            if code(answer).as_deref() == Some("MaxMessageLengthExceeded") {
                without(answer, "MaxMessageLengthBytes");
            }
        }),
    ),
    fault(
        "body-limit-500",
        "limit.large-choice",
        BrokenClient,
        "A document over the limit answers 500.",
        "",
        Answer(|exchange, answer| {
            if code(answer).as_deref() == Some("MaxMessageLengthExceeded") {
                *answer = exchange.refusal(500, "InternalError");
            }
        }),
    ),
    fault(
        "limits-reworded",
        "limit.sentence",
        Misleading,
        "The messages about limits say no more than that something is too large.",
        "",
        Answer(|_, answer| {
            reword(answer, "MaxMessageLengthExceeded", "too large");
            edit_body(answer, |text| text.replace("exceed allowed limit of 100 rules", "be so many"));
        }),
    ),
    fault(
        "wildcards-reworded",
        "value.sentence",
        Misleading,
        "The message about two wildcards does not say so.",
        "",
        Answer(|_, answer| edit_body(answer, |text| text.replace("can not have more than one wildcard", "is wrong"))),
    ),
    fault(
        "namespace-not-written",
        "get.namespace",
        BrokenClient,
        "GetBucketCors answers without a namespace.",
        "",
        Answer(|exchange, answer| {
            if exchange.is_get_cors() {
                edit_body(answer, |text| text.replace(" xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"", ""));
            }
        }),
    ),
    // ---- grammar
    fault(
        "malformed-reworded",
        "xml.ill-formed-sentence",
        Misleading,
        "The message of MalformedXML is another one.",
        "",
        Answer(|_, answer| reword(answer, "MalformedXML", "bad XML")),
    ),
    fault(
        "any-root",
        "xml.root",
        OtherRules,
        "The name of the root is not looked at.",
        "cloudserver [src]",
        Set(|options| options.behaviours.root_name = RootName::Ignore),
    ),
    fault(
        "any-root-code",
        "xml.root",
        Misleading,
        "A root of another name answers InvalidRequest.",
        "",
        Answer(|exchange, answer| {
            if exchange.written_document().is_some_and(|document| document.root != "CORSConfiguration") {
                recode(answer, "MalformedXML", "InvalidRequest");
            }
        }),
    ),
    fault(
        "no-namespace-allowed",
        "xml.namespace-free",
        BrokenClient,
        "A root with the documents' namespace is refused.",
        "",
        Set(|options| options.behaviours.namespaced_root = NamespacedRoot::Refuse),
    ),
    fault(
        "namespace-demanded",
        "xml.namespace-free",
        BrokenClient,
        "A root without the documents' namespace is refused.",
        "versitygw",
        Whole(|inside, exchange| {
            let bare = exchange.written_document().is_some_and(|document| !document.namespaced);
            let plain = bare && !exchange.document().contains("<?xml") && exchange.document().contains("other.example");
            Reply::Answer(if plain { exchange.refusal(400, "MalformedXML") } else { inside.respond(exchange) })
        }),
    ),
    fault(
        "ids-dropped",
        "rule.id",
        OtherRules,
        "An ID does not come back.",
        "moto [src]",
        Set(|options| {
            options.behaviours.rule_id = RuleId::Unknown;
            options.behaviours.unknown_elements = UnknownElements::Ignore;
        }),
    ),
    fault(
        "ids-refused",
        "rule.id",
        BrokenClient,
        "A rule with an ID is refused.",
        "OVH roadmap #457",
        Whole(|inside, exchange| if_document(inside, exchange, |text| text.contains("<ID>"), 400)),
    ),
    fault(
        "ids-swapped",
        "rule.id",
        OtherRules,
        "An ID comes back with the next rule.",
        "",
        Answer(|exchange, answer| {
            if let (true, StatusCode::OK, Some(rules)) = (exchange.is_get_cors(), answer.status(), &exchange.rules) {
                let mut rules = rules.clone();
                let mut before = rules.rules.last().and_then(|rule| rule.id.clone());
                for rule in &mut rules.rules {
                    std::mem::swap(&mut rule.id, &mut before);
                }
                body(answer, exchange.written(&rules));
            }
        }),
    ),
    fault(
        "long-id-500",
        "rule.id-length",
        BrokenClient,
        "An ID that is too long answers 500.",
        "",
        Whole(|inside, exchange| {
            let long = exchange.written_document().is_some_and(|document| {
                document.rules.iter().flat_map(|rule| &rule.ids).any(|id| id.value.len() > 255)
            });
            Reply::Answer(if long { exchange.refusal(500, "InternalError") } else { inside.respond(exchange) })
        }),
    ),
    // ---- values
    fault(
        "values-invalid-argument",
        "value.invalid-request",
        Misleading,
        "Values out of their range answer InvalidArgument.",
        "RGW [src]",
        Answer(|exchange, answer| {
            if exchange.is_put_cors() {
                recode(answer, "InvalidRequest", "InvalidArgument");
            }
        }),
    ),
    fault(
        "wildcards-malformed",
        "value.invalid-request",
        Misleading,
        "A second asterisk answers MalformedXML.",
        "",
        Answer(|exchange, answer| {
            if exchange.is_put_cors() && String::from_utf8_lossy(answer.body()).contains("more than one wildcard") {
                recode(answer, "InvalidRequest", "MalformedXML");
            }
        }),
    ),
    fault(
        "values-unnamed",
        "value.sentence",
        Misleading,
        "The message does not name the value.",
        "",
        Answer(|exchange, answer| {
            if exchange.is_put_cors() {
                reword(answer, "InvalidRequest", "The request is invalid.");
            }
        }),
    ),
    fault(
        "lower-method-folded",
        "method.case",
        OtherRules,
        "A lower-case method is stored in upper case.",
        "gin-contrib #121",
        Set(|options| options.behaviours.method_lower_case = MethodLowerCase::Fold),
    ),
    fault(
        "method-case-kept",
        "method.case",
        OtherRules,
        "A lower-case method is stored as it is.",
        "Garage [src]",
        Set(|options| options.behaviours.method_lower_case = MethodLowerCase::Keep),
    ),
    fault(
        "one-starred-origin",
        "origin.star-per-element",
        BrokenClient,
        "One AllowedOrigin of a rule may hold an asterisk.",
        "",
        Set(|options| options.behaviours.origin_stars = OriginStars::PerRule),
    ),
    fault(
        "one-starred-header",
        "header.star-per-element",
        BrokenClient,
        "One AllowedHeader of a rule may hold an asterisk.",
        "",
        Set(|options| options.behaviours.header_stars = HeaderStars::PerRule),
    ),
    fault(
        "scheme-star-refused",
        "origin.scheme-star-accepted",
        BrokenClient,
        "AllowedOrigin https://* is refused.",
        "",
        Set(|options| options.behaviours.scheme_star = SchemeStar::Refuse),
    ),
    fault(
        "empty-origin-refused",
        "origin.empty-accepted",
        BrokenClient,
        "An empty AllowedOrigin is refused.",
        "terraform-provider-scaleway #838",
        Set(|options| options.behaviours.empty_origin = EmptyOrigin::Refuse),
    ),
    fault(
        "empty-origin-lost",
        "origin.empty-accepted",
        OtherRules,
        "An empty AllowedOrigin does not come back.",
        "",
        Answer(|exchange, answer| {
            if exchange.is_get_cors() {
                edit_body(answer, |text| text.replace("<AllowedOrigin></AllowedOrigin>", ""));
            }
        }),
    ),
    fault(
        "odd-header-500",
        "header.characters",
        BrokenClient,
        "An AllowedHeader that is no name answers 500.",
        "",
        Whole(|inside, exchange| if_document(inside, exchange, |text| text.contains("<AllowedHeader>x y"), 500)),
    ),
    fault(
        "expose-anything",
        "expose.token",
        OtherRules,
        "An ExposeHeader may hold spaces and commas.",
        "boto3 #2972",
        Set(|options| options.behaviours.expose_characters = ExposeCharacters::Five),
    ),
    fault(
        "zero-age-default",
        "age.zero-sent",
        StaleCache,
        "MaxAgeSeconds 0 is sent as a default.",
        "expressjs #158",
        Answer(|_, answer| edit(answer.headers_mut(), AGE, |age| if age == "0" { "3600" } else { age }.to_owned())),
    ),
    fault(
        "negative-age-500",
        "age.negative-answered",
        BrokenClient,
        "A negative MaxAgeSeconds answers 500.",
        "",
        Whole(|inside, exchange| if_document(inside, exchange, |text| text.contains("<MaxAgeSeconds>-"), 500)),
    ),
    fault(
        "negative-age-positive",
        "age.negative-choice",
        OtherRules,
        "A negative MaxAgeSeconds comes back without its sign.",
        "",
        Answer(|exchange, answer| {
            if exchange.is_get_cors() && answer.status() == StatusCode::OK {
                edit_body(answer, |text| text.replace("<MaxAgeSeconds>-", "<MaxAgeSeconds>"));
            }
        }),
    ),
    fault(
        "age-invalid-argument",
        "age.malformed",
        Misleading,
        "A MaxAgeSeconds that is no number answers InvalidArgument.",
        "",
        Answer(|exchange, answer| {
            let odd = exchange.written_document().is_some_and(|document| {
                let ages = document.rules.iter().flat_map(|rule| &rule.max_age_seconds);
                ages.into_iter().any(|age| age.value.parse::<i64>().is_err())
            });
            if odd {
                recode(answer, "MalformedXML", "InvalidArgument");
            }
        }),
    ),
    // ---- GetBucketCors
    fault(
        "headers-lowered",
        "get.header-kept",
        OtherRules,
        "AllowedHeader comes back in lower case.",
        "RGW [src]",
        Set(|options| options.behaviours.stored_headers = StoredHeaders::Lower),
    ),
    fault(
        "none-reworded",
        "get.none-sentence",
        Misleading,
        "The message of NoSuchCORSConfiguration is another one.",
        "versitygw #1842",
        Answer(|_, answer| reword(answer, "NoSuchCORSConfiguration", "not found")),
    ),
    fault(
        "none-of-no-bucket",
        "get.none-bucket",
        Misleading,
        "NoSuchCORSConfiguration does not name the bucket.",
        "versitygw #1842",
        Answer(|_, answer| {
            if code(answer).as_deref() == Some("NoSuchCORSConfiguration") {
                without(answer, "BucketName");
            }
        }),
    ),
    fault(
        "objects-wipe-rules",
        "config.independent",
        OtherRules,
        "Storing an object deletes the rules of its bucket.",
        "",
        Whole(|inside, exchange| {
            let answer = inside.respond(exchange);
            if exchange.request.method() == Method::PUT && exchange.address.object.is_some() {
                inside.set_rules(exchange, None);
            }
            Reply::Answer(answer)
        }),
    )
    .only(|dialect| dialect.behaviours.signature == Signature::Aws),
];

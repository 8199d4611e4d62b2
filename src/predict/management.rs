//! Put-, Get- and DeleteBucketCors.

use super::{Blocks, Seen, is_styled};
use crate::case::{
    ContentMd5, CorsExpectation, DocumentSource, FieldCondition, Identity, PutCors, Rule, StatusPattern, TextCondition,
};
use crate::cors::{CorsConfiguration, Refusal, Violation, validate, xml};
use crate::dialect::{CONSISTENT, MaxBody};

/// The sentence that the error page gives for MalformedXML.
const MALFORMED: &str = "The XML you provided was not well-formed or did not validate against our published schema.";

impl Seen<'_> {
    /// What is the same for the three: who asks, and for which bucket. False where the operation itself decides.
    fn refused_before(&self, blocks: &mut Blocks<'_>) -> bool {
        let by_identity = match self.step.identity {
            Identity::Anonymous => Some(("auth.anonymous", "AccessDenied")),
            Identity::Other => Some(("auth.other-owner", "AccessDenied")),
            Identity::UnknownKey => Some(("auth.unknown-key", "InvalidAccessKeyId")),
            Identity::BadSignature => Some(("auth.bad-signature", "SignatureDoesNotMatch")),
            Identity::Skewed => Some(("auth.skewed", "RequestTimeTooSkewed")),
            Identity::Expired => Some(("auth.expired", "AccessDenied")),
            Identity::Owner | Identity::Presigned => None,
        };
        if let Some((clause, code)) = by_identity {
            blocks.error(clause, 403, code);
            if self.step.identity == Identity::Skewed {
                blocks.add("auth.skewed-time", |block| {
                    block.error = Some(super::element("ServerTime", TextCondition::Present));
                });
            }
            return true;
        }
        if self.status() == 404 && self.code() == "NoSuchBucket" {
            blocks.error("bucket.missing", 404, "NoSuchBucket");
            let message = "The specified bucket does not exist.".to_owned();
            blocks.message("bucket.missing-message", TextCondition::Equals(message));
            return true;
        }
        false
    }

    /// Without an Origin there are no CORS headers here either; with one it is open, and the server keeps to its choice.
    fn page(&self, blocks: &mut Blocks<'_>) {
        if self.asked.origins.is_empty() {
            blocks.header("actual.no-origin", "access-control-*", FieldCondition::Absent);
        } else {
            self.grant("actual.management", blocks);
        }
    }

    pub(super) fn put_cors(&self, put: &PutCors, blocks: &mut Blocks<'_>) {
        self.page(blocks);
        if self.refused_before(blocks) {
            return;
        }
        let document = self.document(put);
        let parsed = xml::parse(&document);
        let behaviours = self.behaviours();
        let validated = parsed.as_ref().map(|written| validate(written, &self.dialect.limits, behaviours));
        let certain = 16_000;
        let largest = match behaviours.max_body {
            MaxBody::Binary => self.dialect.limits.max_body_bytes,
            MaxBody::Decimal => certain,
        };
        let too_large = document.len() > largest;
        let digest = digest_fits(put, &document);
        match (&validated, too_large, digest) {
            (Ok(Ok(stored)), false, true) => {
                let open = document.len() > certain || parsed.as_ref().is_ok_and(|written| is_open(written, stored));
                self.accepted(put, stored, open, blocks);
            }
            // One thing is wrong: which one is certain.
            (Ok(Ok(_)), true, true) if document.len() > self.dialect.limits.max_body_bytes => {
                blocks.refused("limit.body-refused");
            }
            (Ok(Ok(_)), true, true) => blocks.refused("limit.body-between"),
            (Ok(Ok(_)), false, false) => {
                let clause = if put.content_md5 == ContentMd5::Wrong { "digest.mismatch" } else { "digest.malformed" };
                blocks.error(clause, 400, "InvalidDigest");
                let message = "The Content-MD5 you specified was invalid.".to_owned();
                blocks.message("digest.message", TextCondition::Equals(message));
            }
            (Err(_), false, true) => {
                blocks.error("xml.ill-formed", 400, "MalformedXML");
                blocks.message("xml.ill-formed-message", TextCondition::Equals(MALFORMED.to_owned()));
            }
            (Ok(Err(found)), false, true) => match found.as_slice() {
                [one] => violation(one, blocks),
                // Which of several is reported is the server's choice.
                [first, ..] => blocks.refused(first.clause),
                [] => {}
            },
            // Several kinds at once: refused, and no more is known.
            (Err(_), _, _) => blocks.refused("xml.ill-formed"),
            (Ok(Err(found)), _, _) => blocks.refused(found.first().map_or("xml.ill-formed", |first| first.clause)),
            (Ok(Ok(_)), true, false) => blocks.refused("digest.mismatch"),
        }
    }

    fn accepted(&self, put: &PutCors, stored: &CorsConfiguration, open: bool, blocks: &mut Blocks<'_>) {
        let rules = stored.rules.len();
        let clause = if open {
            CONSISTENT
        } else if rules > self.dialect.limits.max_rules_certain {
            "limit.rules-between"
        } else if matches!(put.body, DocumentSource::From(_)) {
            "config.put-back"
        } else if is_styled(put) {
            "config.xml-forms"
        } else if put.content_type.as_deref() != Some("application/xml") {
            "config.content-type-free"
        } else {
            accepted_by(stored)
        };
        blocks.add(clause, |block| {
            block.status.push(StatusPattern::Code(200));
            block.body.push(TextCondition::Empty);
        });
        if clause == "config.put" {
            for (name, condition) in [
                ("server", FieldCondition::Present),
                ("date", FieldCondition::Present),
                ("content-length", FieldCondition::Equals("0".to_owned())),
            ] {
                blocks.header("config.put-headers", name, condition);
            }
        }
    }

    pub(super) fn get_cors(&self, blocks: &mut Blocks<'_>) {
        self.page(blocks);
        if self.refused_before(blocks) {
            return;
        }
        let Some(rules) = self.rules else {
            blocks.error("get.none", 404, "NoSuchCORSConfiguration");
            let message = "The CORS Configuration does not exist.".to_owned();
            blocks.message("get.none-message", TextCondition::Equals(message));
            return;
        };
        let written: Vec<Rule> = rules.rules.iter().map(as_text).collect();
        blocks.add("get.rules", |block| {
            block.status.push(StatusPattern::Code(200));
            let kind = FieldCondition::Contains("application/xml".to_owned());
            block.headers.push(("content-type".into(), vec![kind]));
        });
        let expected = |rules, response_vary, verbatim| Some(CorsExpectation { rules, response_vary, verbatim });
        blocks.add("get.values", |block| block.cors = expected(Some(written.clone()), None, false));
        blocks.add("get.value-order", |block| block.cors = expected(Some(written.clone()), None, true));
        let vary = if rules.response_vary { "get.vary-true" } else { "get.vary-false" };
        blocks.add(vary, |block| block.cors = expected(None, Some(rules.response_vary.to_string()), false));
    }

    pub(super) fn delete_cors(&self, blocks: &mut Blocks<'_>) {
        self.page(blocks);
        if self.refused_before(blocks) {
            return;
        }
        let clause = if self.rules.is_some() { "delete.ok" } else { "delete.idempotent" };
        blocks.add(clause, |block| {
            block.status.push(StatusPattern::Code(204));
            block.body.push(TextCondition::Empty);
        });
    }
}

impl Blocks<'_> {
    /// A document that lacks something; that the server says so with this code is a clause of its own.
    fn malformed(&mut self, clause: &'static str, code: &'static str) {
        self.refused(clause);
        self.error(code, 400, "MalformedXML");
    }
}

/// What is certain about a document with one violation.
fn violation(found: &Violation, blocks: &mut Blocks<'_>) {
    match (&found.refusal, found.clause) {
        (Refusal::TooManyRules, _) => {
            blocks.error("limit.rules-refused", 400, "CORSRuleBeyondLimit");
            let message = "The CORS Rules num is beyond limit.".to_owned();
            blocks.message("limit.rules-message", TextCondition::Equals(message));
        }
        (Refusal::Structure, "rules.none") => blocks.malformed("rules.none", "rules.none-code"),
        (Refusal::Structure, "rule.origin-required") => {
            blocks.malformed("rule.origin-required", "rule.origin-required-code");
        }
        (Refusal::Structure, "rule.method-required") => {
            blocks.malformed("rule.method-required", "rule.method-required-code");
        }
        (Refusal::Value { value, .. }, "age.negative") => {
            blocks.error("age.negative", 400, "InvalidArgument");
            for (name, value) in [("ArgumentName", "MaxAgeSeconds"), ("ArgumentValue", value)] {
                blocks.add("age.negative", |block| {
                    block.error = Some(super::element(name, TextCondition::Equals(value.to_owned())));
                });
            }
        }
        (Refusal::Value { .. }, clause) => {
            blocks.refused(clause);
            let codes = vec!["MalformedXML".to_owned(), "InvalidArgument".to_owned()];
            blocks.add("value.refusal-code", |block| {
                block.status.push(StatusPattern::Code(400));
                block.error = Some(super::element("Code", TextCondition::OneOf(codes)));
            });
        }
        (Refusal::Structure, clause) => blocks.refused(clause),
    }
}

/// The clause by which rules are accepted: those that the documents do not say must be are accepted by a `should`.
fn accepted_by(stored: &CorsConfiguration) -> &'static str {
    let mut clause = "config.put";
    for rule in &stored.rules {
        let partial = |pattern: &crate::cors::Pattern| pattern.has_star() && !pattern.is_star();
        if rule.allowed_headers.iter().any(partial) {
            return "header.wildcards-accepted";
        } else if rule.allowed_headers.len() > 1 && rule.allowed_headers.iter().any(crate::cors::Pattern::is_star) {
            clause = "header.star-beside-literal";
        } else if rule.allowed_origins.iter().any(partial) {
            clause = "origin.wildcards-accepted";
        } else if rule.allowed_origins.iter().any(|origin| !origin.is_star() && !origin.as_str().contains("://")) {
            clause = "origin.no-scheme";
        } else if rule.max_age_seconds == Some(0) {
            clause = "age.zero";
        }
    }
    clause
}

/// `digest.absent`, `digest.right`, `digest.mismatch`, `digest.malformed`
fn digest_fits(put: &PutCors, document: &[u8]) -> bool {
    match &put.content_md5 {
        ContentMd5::Absent | ContentMd5::Right => true,
        ContentMd5::Wrong => false,
        ContentMd5::Literal(text) => *text == crate::request::content_md5(document),
    }
}

/// Whether a document that is accepted has something in it that a server may refuse.
fn is_open(written: &xml::Document, stored: &CorsConfiguration) -> bool {
    let spaced = |text: &xml::Text| text.value.trim_ascii() != text.value;
    let rule = |rule: &xml::RuleElement| {
        let lists = rule.lists();
        let stars = |list: &[xml::Text]| list.iter().filter(|text| text.value.contains('*')).count() > 1;
        let empty = |list: &&Vec<xml::Text>| list.iter().any(|text| text.value.trim_ascii().is_empty());
        !rule.unknown.is_empty()
            || lists.iter().any(|list| list.iter().any(spaced))
            || lists.iter().any(empty)
            || stars(&rule.allowed_origins)
            || stars(&rule.allowed_headers)
            || rule.allowed_methods.iter().any(|method| method.value != method.value.to_ascii_uppercase())
            || rule.allowed_origins.iter().any(|origin| origin.value.trim_ascii().ends_with("://*"))
    };
    written.namespaced
        || written.root != "CORSConfiguration"
        || !written.unknown.is_empty()
        || written.response_vary.iter().any(|text| spaced(text) || text.value != text.value.to_ascii_lowercase())
        || written.rules.iter().any(rule)
        || stored.rules.iter().any(|rule| rule.max_age_seconds.is_some_and(|seconds| seconds > 999_999_999))
}

fn as_text(rule: &crate::cors::CorsRule) -> Rule {
    // The comparator takes white space around values off.
    let trimmed = |value: &str| value.trim_ascii().to_owned();
    let patterns = |patterns: &[crate::cors::Pattern]| patterns.iter().map(|value| trimmed(value.as_str())).collect();
    Rule {
        allowed_origins: patterns(&rule.allowed_origins),
        allowed_methods: rule.allowed_methods.clone(),
        allowed_headers: patterns(&rule.allowed_headers),
        expose_headers: rule.expose_headers.iter().map(|value| trimmed(value)).collect(),
        max_age_seconds: rule.max_age_seconds.iter().map(ToString::to_string).collect(),
    }
}

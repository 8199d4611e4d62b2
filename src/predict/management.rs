//! Put-, Get- and DeleteBucketCors.

use super::{Blocks, Seen, is_styled};
use crate::case::{
    ContentMd5, CorsExpectation, DocumentSource, FieldCondition, Identity, PutCors, Rule, StatusPattern, TextCondition,
};
use crate::cors::{CorsConfiguration, Refusal, Violation, is_known_method, is_token, validate, xml};
use crate::dialect::{CONSISTENT, ErrorKind, MaxBody, ResponseVary, RuleId};
use crate::reference::digest_error;

impl Seen<'_> {
    /// What is the same for the three: who asks, and for which bucket. False where the operation itself decides. Which of two reasons is reported
    /// no document says: where there is `another` in the request itself, it is refused and no more is known.
    fn refused_before(&self, another: bool, blocks: &mut Blocks<'_>) -> bool {
        let by_identity = match self.step.identity {
            Identity::Anonymous => Some(("auth.anonymous", "AccessDenied")),
            Identity::Other => Some(("auth.other-owner", "AccessDenied")),
            Identity::UnknownKey => Some(("auth.unknown-key", "InvalidAccessKeyId")),
            Identity::BadSignature => Some(("auth.bad-signature", "SignatureDoesNotMatch")),
            Identity::Skewed => Some(("auth.skewed", "RequestTimeTooSkewed")),
            Identity::Expired => Some(("auth.expired", "AccessDenied")),
            Identity::Owner | Identity::Presigned => None,
        };
        let missing = self.status() == 404 && self.code() == "NoSuchBucket";
        if another {
            let clause = by_identity.map(|(clause, _)| clause).or(missing.then_some("bucket.missing"));
            if let Some(clause) = clause {
                blocks.refused(clause);
            }
            return clause.is_some();
        }
        if let Some((clause, code)) = by_identity {
            blocks.error(clause, 403, code);
            if self.step.identity == Identity::Skewed {
                blocks.add("auth.skewed-time", |block| {
                    block.error = Some(super::element("ServerTime", TextCondition::Present));
                });
            }
            return true;
        }
        if missing {
            blocks.error("bucket.missing", 404, "NoSuchBucket");
            blocks.message("bucket.missing-message", self.said());
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
        let document = self.document(put);
        let parsed = xml::parse(&document);
        let behaviours = self.behaviours();
        let validated = parsed.as_ref().map(|written| validate(written, &self.dialect.limits, behaviours));
        let certain = self.dialect.limits.max_body_decimal();
        let largest = match behaviours.max_body {
            MaxBody::Binary => self.dialect.limits.max_body_bytes,
            MaxBody::Decimal => certain,
        };
        let too_large = document.len() > largest;
        let digest = digest_error(self.request, self.behaviours().integrity);
        let open = match (&parsed, &validated) {
            (Ok(written), Ok(Ok(stored))) => {
                document.len() > certain && self.is_open("max_body")
                    || stored.rules.len() > self.dialect.limits.max_rules_certain
                    || self.has_open_values(written, stored)
            }
            _ => false,
        };
        let sound = matches!(validated, Ok(Ok(_))) && !too_large && digest.is_none() && !open;
        if self.refused_before(!sound, blocks) {
            return;
        }
        match (&validated, too_large, digest.is_none()) {
            (Ok(Ok(stored)), false, true) => self.accepted(put, stored, open, blocks),
            // One thing is wrong: which one is certain.
            (Ok(Ok(_)), true, true) if document.len() > self.dialect.limits.max_body_bytes => {
                blocks.refused("limit.body-refused");
                blocks.refused("limit.large-refused");
                blocks.error("limit.large-choice", self.status(), &self.code());
                self.names("limit.large-code", "MaxMessageLengthBytes", blocks);
                self.says_the_like("limit.sentence", "Your request was too big", blocks);
            }
            (Ok(Ok(_)), true, true) => blocks.refused("limit.body-between"),
            (Ok(Ok(_)), false, false) => {
                let clause = match digest {
                    Some(ErrorKind::NoDigest) => "digest.required",
                    Some(ErrorKind::MalformedDigest) => "digest.malformed",
                    Some(ErrorKind::WrongChecksum) => "digest.checksum-mismatch",
                    _ if self.says("digest.bad") => "digest.bad",
                    _ if put.content_md5 == ContentMd5::Wrong => "digest.mismatch",
                    // The documents do not tell the two apart.
                    _ => "digest.malformed",
                };
                blocks.error(clause, 400, &self.code());
                blocks.message("digest.message", self.said());
            }
            (Err(_), false, true) => {
                blocks.error("xml.ill-formed", 400, "MalformedXML");
                blocks.message("xml.ill-formed-message", self.said());
                blocks.message("xml.ill-formed-sentence", TextCondition::Prefix(self.element("Message")));
            }
            (Ok(Err(found)), false, true) => match found.as_slice() {
                [one] => self.violation(one, blocks),
                // Which of several is reported is the server's choice.
                [first, ..] => blocks.refused(first.clause),
                [] => {}
            },
            // Several kinds at once: refused, and no more is known.
            (Err(_), _, _) => blocks.refused("xml.ill-formed"),
            (Ok(Err(found)), _, _) => blocks.refused(found.first().map_or("xml.ill-formed", |first| first.clause)),
            (Ok(Ok(_)), true, false) => {
                blocks.refused("digest.mismatch");
                blocks.refused("limit.large-refused");
            }
        }
    }

    fn accepted(&self, put: &PutCors, stored: &CorsConfiguration, open: bool, blocks: &mut Blocks<'_>) {
        let clause = if open {
            CONSISTENT
        } else if matches!(put.body, DocumentSource::From(_)) {
            "config.put-back"
        } else if is_styled(put) {
            "config.xml-forms"
        } else if put.content_type.as_deref() != Some("application/xml") {
            "config.content-type-free"
        } else {
            self.accepted_by(stored)
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
            blocks.header("config.put-ids", "content-length", FieldCondition::Equals("0".to_owned()));
        }
    }

    pub(super) fn get_cors(&self, blocks: &mut Blocks<'_>) {
        self.page(blocks);
        if self.refused_before(false, blocks) {
            return;
        }
        let Some(rules) = self.rules else {
            blocks.error("get.none", 404, "NoSuchCORSConfiguration");
            blocks.message("get.none-message", self.said());
            blocks.message("get.none-sentence", TextCondition::Prefix(self.element("Message")));
            self.names("get.none-bucket", "BucketName", blocks);
            return;
        };
        let with_ids: Vec<Rule> = rules.rules.iter().map(as_text).collect();
        let written: Vec<Rule> = with_ids.iter().map(|rule| Rule { ids: Vec::new(), ..rule.clone() }).collect();
        blocks.add("get.rules", |block| {
            block.status.push(StatusPattern::Code(200));
            let kind = FieldCondition::Contains("application/xml".to_owned());
            block.headers.push(("content-type".into(), vec![kind]));
        });
        let expected = |rules, response_vary, verbatim| Some(CorsExpectation { rules, response_vary, verbatim });
        blocks.add("get.values", |block| block.cors = expected(Some(written.clone()), None, false));
        // Which of the two is broken cannot be told where a name has capitals.
        let capitals = |rule: &Rule| rule.allowed_headers.iter().any(|name| *name != name.to_ascii_lowercase());
        let kept = self.says("get.header-kept") && written.iter().any(capitals);
        let order = if kept { "get.header-kept" } else { "get.value-order" };
        blocks.add(order, |block| block.cors = expected(Some(written.clone()), None, true));
        if let Some(namespace) = &self.dialect.wording.namespace {
            let written = format!("xmlns=\"{namespace}\"");
            blocks.add("get.namespace", |block| block.body.push(TextCondition::Contains(written)));
        }
        if with_ids.iter().any(|rule| !rule.ids.is_empty()) {
            blocks.add("rule.id", |block| block.cors = expected(Some(with_ids), None, false));
        }
        if self.behaviours().response_vary == ResponseVary::Unknown {
            return;
        }
        let vary = if rules.response_vary { "get.vary-true" } else { "get.vary-false" };
        blocks.add(vary, |block| block.cors = expected(None, Some(rules.response_vary.to_string()), false));
    }

    pub(super) fn delete_cors(&self, blocks: &mut Blocks<'_>) {
        self.page(blocks);
        if self.refused_before(false, blocks) {
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

impl Seen<'_> {
    /// The message of the oracle's own answer.
    fn said(&self) -> TextCondition {
        TextCondition::Equals(self.element("Message"))
    }

    /// That an element is there, if the oracle's own answer has it.
    fn names(&self, clause: &'static str, name: &'static str, blocks: &mut Blocks<'_>) {
        if !self.element(name).is_empty() {
            blocks.add(clause, |block| block.error = Some(super::element(name, TextCondition::Present)));
        }
    }

    /// That the message says this, if the oracle's own answer does.
    fn says_the_like(&self, clause: &'static str, part: &str, blocks: &mut Blocks<'_>) {
        if self.element("Message").contains(part) {
            blocks.message(clause, TextCondition::Contains(part.to_owned()));
        }
    }

    /// What is certain about a document with one violation.
    fn violation(&self, found: &Violation, blocks: &mut Blocks<'_>) {
        match (&found.refusal, found.clause) {
            (Refusal::TooManyRules { limit }, _) => {
                self.says_the_like("limit.sentence", &format!("limit of {limit} rules"), blocks);
                blocks.error("limit.rules-refused", 400, &self.code());
                blocks.message("limit.rules-message", self.said());
                blocks.refused("limit.hundred-refused");
                blocks.error("limit.hundred-choice", 400, &self.code());
            }
            (Refusal::Structure, "rules.none") => blocks.malformed("rules.none", "rules.none-code"),
            (Refusal::Structure, "rule.origin-required") => {
                blocks.malformed("rule.origin-required", "rule.origin-required-code");
            }
            (Refusal::Structure, "rule.method-required") => {
                blocks.malformed("rule.method-required", "rule.method-required-code");
            }
            (Refusal::Structure, "xml.root-name") if self.says("xml.root") => {
                blocks.error("xml.root", 400, "MalformedXML");
            }
            (Refusal::Value { value, .. }, "age.negative") => {
                blocks.error("age.negative", 400, "InvalidArgument");
                for (name, value) in [("ArgumentName", "MaxAgeSeconds"), ("ArgumentValue", value)] {
                    blocks.add("age.negative", |block| {
                        block.error = Some(super::element(name, TextCondition::Equals(value.to_owned())));
                    });
                }
                blocks.refused("age.negative-choice");
            }
            (Refusal::Value { value, .. }, clause) => {
                let lower = clause == "method.enum" && is_known_method(value.to_ascii_uppercase().as_bytes());
                let named = match clause {
                    "method.enum" if lower && self.says("method.case") => "method.case",
                    "expose.characters" if !self.says(clause) => "expose.token",
                    "rule.id-length" => "rule.id-length",
                    _ => clause,
                };
                blocks.refused(named);
                let codes = vec!["MalformedXML".to_owned(), "InvalidArgument".to_owned()];
                blocks.add("value.refusal-code", |block| {
                    block.status.push(StatusPattern::Code(400));
                    block.error = Some(super::element("Code", TextCondition::OneOf(codes)));
                });
                let request =
                    matches!(found.kind(), ErrorKind::InvalidMethod | ErrorKind::TwoWildcards | ErrorKind::NoWildcard);
                // White space is not the same to all readers of XML.
                if value.bytes().all(|byte| byte.is_ascii_graphic()) && !value.is_empty() {
                    self.says_the_like("value.sentence", value, blocks);
                    if found.kind() == ErrorKind::TwoWildcards {
                        self.says_the_like("value.sentence", "more than one wildcard", blocks);
                    }
                }
                match found.kind() {
                    _ if request && !lower => blocks.error("value.invalid-request", 400, &self.code()),
                    ErrorKind::InvalidAge if clause == "age.integer" && !value.is_empty() => {
                        blocks.error("age.malformed", 400, &self.code());
                    }
                    _ => {}
                }
            }
            (Refusal::Structure, clause) => blocks.refused(clause),
        }
    }

    /// The clause by which rules are accepted: those that the documents do not say must be are accepted by a `should`.
    fn accepted_by(&self, stored: &CorsConfiguration) -> &'static str {
        let mut clause = "config.put";
        for rule in &stored.rules {
            let partial = |pattern: &crate::cors::Pattern| pattern.has_star() && !pattern.is_star();
            let stars = |patterns: &[crate::cors::Pattern]| patterns.iter().filter(|one| one.has_star()).count();
            let own = [
                ("rule.id", rule.id.is_some()),
                ("header.star-per-element", stars(&rule.allowed_headers) > 1),
                ("origin.star-per-element", stars(&rule.allowed_origins) > 1),
                ("origin.scheme-star-accepted", rule.allowed_origins.iter().any(|one| one.as_str().ends_with("://*"))),
                ("origin.empty-accepted", rule.allowed_origins.iter().any(|one| one.as_str().is_empty())),
            ];
            if let Some((own, _)) = own.into_iter().find(|(own, has)| *has && self.says(own)) {
                return own;
            } else if rule.allowed_headers.iter().any(partial) {
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

    /// Whether a document that is accepted has something in it that a server may refuse.
    fn has_open_values(&self, written: &xml::Document, stored: &CorsConfiguration) -> bool {
        let open = |point: &str| self.is_open(point);
        let spaced = |text: &xml::Text| open("trim") && text.value.trim_ascii() != text.value;
        let empty = |text: &xml::Text| text.value.trim_ascii().is_empty();
        let odd = |text: &xml::Text| !text.value.contains('*') && !is_token(text.value.trim_ascii().as_bytes());
        let unknown = |ids: &[xml::Text]| !ids.is_empty() && self.behaviours().rule_id == RuleId::Unknown;
        let rule = |rule: &xml::RuleElement| {
            let stars = |list: &[xml::Text]| list.iter().filter(|text| text.value.contains('*')).count() > 1;
            open("unknown_elements") && (!rule.unknown.is_empty() || unknown(&rule.ids))
                || rule.lists().iter().any(|list| list.iter().any(spaced))
                || open("empty_origin") && rule.allowed_origins.iter().any(empty)
                || open("empty_header") && rule.allowed_headers.iter().any(empty)
                || open("empty_expose") && rule.expose_headers.iter().any(empty)
                || open("header_characters") && rule.allowed_headers.iter().any(odd)
                || open("long_id") && rule.ids.iter().any(|id| id.value.chars().count() > 255)
                || open("negative_age") && rule.max_age_seconds.iter().any(|age| age.value.trim().starts_with('-'))
                || open("origin_stars") && stars(&rule.allowed_origins)
                || open("header_stars") && stars(&rule.allowed_headers)
                || open("method_lower_case")
                    && rule.allowed_methods.iter().any(|method| method.value != method.value.to_ascii_uppercase())
                || open("scheme_star")
                    && rule.allowed_origins.iter().any(|origin| origin.value.trim_ascii().ends_with("://*"))
        };
        let vary = |text: &xml::Text| {
            spaced(text)
                || open("vary_case") && text.value != text.value.to_ascii_lowercase()
                || open("unknown_elements") && self.behaviours().response_vary == ResponseVary::Unknown
        };
        open("namespaced_root") && written.namespaced
            || open("root_name") && written.root != "CORSConfiguration"
            || open("unknown_elements") && !written.unknown.is_empty()
            || written.response_vary.iter().any(vary)
            || written.rules.iter().any(rule)
            || open("max_age_over")
                && stored.rules.iter().any(|rule| {
                    rule.max_age_seconds
                        .and_then(|seconds| u64::try_from(seconds).ok())
                        .is_some_and(|seconds| seconds > self.dialect.limits.max_age_seconds)
                })
    }
}

fn as_text(rule: &crate::cors::CorsRule) -> Rule {
    // The comparator takes white space around values off.
    let trimmed = |value: &str| value.trim_ascii().to_owned();
    let patterns = |patterns: &[crate::cors::Pattern]| patterns.iter().map(|value| trimmed(value.as_str())).collect();
    Rule {
        ids: rule.id.iter().cloned().collect(),
        allowed_origins: patterns(&rule.allowed_origins),
        allowed_methods: rule.allowed_methods.clone(),
        allowed_headers: patterns(&rule.allowed_headers),
        expose_headers: rule.expose_headers.iter().map(|value| trimmed(value)).collect(),
        max_age_seconds: rule.max_age_seconds.iter().map(ToString::to_string).collect(),
    }
}

#[cfg(test)]
mod tests {
    use crate::case::{Expectation, load};
    use crate::diagnostic::SourceFile;
    use crate::dialect::Dialect;
    use crate::predict::predict;

    const XML: &str = "<CORSConfiguration><CORSRule><AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod></CORSRule></CORSConfiguration>";

    /// What is expected of the answer to this document, sent so to S3.
    fn expected(sent: &str, with: &str) -> Vec<Expectation> {
        let text = format!(
            "about: a document\ncases:\n  - id: digest\n    about: a document\n    clauses: [config.put]\n    steps:\n      - put_cors: {{xml: {XML}, {sent}}}\n        {with}\n        expect: {{status: 200}}\n"
        );
        let dialect = Dialect::bundled("s3").unwrap();
        let mut case = load(&[SourceFile::new("digest.yaml", text)], dialect).suite.cases.remove(0);
        predict(&mut case, dialect);
        case.steps.remove(0).expect
    }

    /// A clause by which the answer is judged.
    fn check(sent: &str, clause: &str) {
        let found = expected(sent, "");
        assert!(found.iter().any(|block| block.clause == clause), "{sent}: {found:#?}");
    }

    #[test]
    fn digests() {
        check("content_md5: right", "config.xml-forms");
        check("content_md5: absent", "digest.required");
        check("content_md5: wrong", "digest.bad");
        check("content_md5: none", "digest.malformed");
        check("content_md5: absent, headers: {x-amz-checksum-crc32: AAAAAA==}", "digest.checksum-mismatch");
        check("content_md5: absent, headers: {x-amz-checksum-crc32: 7Zz8mA==}", "config.xml-forms");
    }

    /// Of two reasons to refuse, either may be reported: no more than a refusal is expected.
    #[test]
    fn one_of_two_reasons() {
        let exact = |sent: &str, with: &str, clause: &str| {
            let found = expected(sent, with);
            let block = found.iter().find(|block| block.clause == clause);
            block.unwrap_or_else(|| panic!("{found:#?}")).error.is_some()
        };
        for (with, clause) in [("bucket: missing", "bucket.missing"), ("as: anonymous", "auth.anonymous")] {
            assert!(exact("content_md5: right", with, clause));
            assert!(!exact("content_md5: wrong", with, clause));
        }
    }
}

//! Preflights.

use std::sync::Arc;

use regex::Regex;

use super::{Blocks, Seen};
use crate::case::{BucketRole, FieldCondition, StatusPattern, TextCondition};
use crate::cors::{CorsRule, Decision, Denial, Grant, Outcome, Pattern, evaluate, is_known_method};
use crate::dialect::{AllowHeaders, AllowMethods, PreflightBucket, VaryMembers, VaryOn};

/// How the message begins; what follows is not the same in all documents.
const NOT_ALLOWED: &str = "CORSResponse: This CORS request is not allowed.";

/// How the message begins where there is no bucket.
const NO_BUCKET: &str = "CORSResponse: Bucket not found";

impl Seen<'_> {
    pub(super) fn preflight(&self, blocks: &mut Blocks<'_>) {
        if self.status() == 404 {
            blocks.error("preflight.missing-bucket", 404, "NoSuchBucket");
            blocks.error("preflight.no-bucket-choice", 404, "NoSuchBucket");
            return;
        }
        let granted_to_all = self.behaviours().preflight_bucket == PreflightBucket::Grant && self.status() == 200;
        if self.step.bucket == BucketRole::Missing && granted_to_all {
            blocks.status("preflight.no-bucket-choice", 200);
            blocks.header("preflight.no-bucket-choice", "access-control-allow-origin", FieldCondition::Present);
            return;
        }
        if self.is_of_open_origins() {
            // Whatever counts, it is one of these.
            let statuses = [200, 400, 403].map(StatusPattern::Code);
            let several = self.request.headers().get_all("origin").iter().count() > 1;
            let clause = if several { "preflight.two-origins" } else { "origin.odd-bytes" };
            blocks.add(clause, |block| block.status.extend(statuses));
            return;
        }
        let decision = evaluate(self.rules, &self.asked, self.behaviours());
        let vary = self.rules.is_some_and(|rules| rules.response_vary);
        match &decision.outcome {
            Outcome::Allow(grant) => {
                blocks.add("preflight.ok", |block| {
                    block.status.push(StatusPattern::Code(200));
                    block.body.push(TextCondition::Empty);
                });
                blocks.add("preflight.head", |block| {
                    block.headers.push(("content-length".into(), vec![FieldCondition::Equals("0".to_owned())]));
                    block.headers.push(("content-type".into(), vec![FieldCondition::Absent]));
                });
                if let Some(rule) = self.rules.and_then(|rules| rules.rules.get(grant.rule)) {
                    self.granted(&decision, grant, rule, blocks);
                }
            }
            Outcome::Deny(denial) => self.denied(*denial, blocks),
            Outcome::NotCors => {}
        }
        blocks.header("credentials.never", "access-control-allow-credentials", FieldCondition::Absent);
        self.credentials(blocks);
        self.vary_with_grant(blocks);
        blocks.header("private-network.never", "access-control-allow-private-network", FieldCondition::Absent);
        let origin = "Origin".to_owned();
        if vary {
            blocks.header("vary.preflight", "vary", FieldCondition::Contains(origin));
        } else {
            blocks.header("vary.off", "vary", FieldCondition::Lacks(origin));
        }
    }

    fn granted(&self, decision: &Decision, grant: &Grant, rule: &CorsRule, blocks: &mut Blocks<'_>) {
        let origin = String::from_utf8_lossy(&grant.allow_origin).into_owned();
        let clause = allow_origin_clause(rule, &self.asked, self.behaviours());
        blocks.header(clause, "access-control-allow-origin", FieldCondition::Equals(origin));

        let asked = String::from_utf8_lossy(&decision.method).into_owned();
        let methods = "access-control-allow-methods";
        blocks.header("preflight.methods", methods, FieldCondition::Contains(asked));
        let all = || grant.allow_methods.clone();
        match self.behaviours().allow_methods {
            AllowMethods::All => {
                blocks.header("preflight.methods-all", methods, FieldCondition::List(all()));
                blocks.header("preflight.methods-order", methods, FieldCondition::Equals(all().join(", ")));
            }
            AllowMethods::Requested => {
                blocks.header("preflight.methods-scope", methods, FieldCondition::List(all()));
            }
        }

        let headers = "access-control-allow-headers";
        let names: Vec<String> =
            grant.allow_headers.iter().map(|name| String::from_utf8_lossy(name).into_owned()).collect();
        if self.behaviours().allow_headers != AllowHeaders::Requested {
            // An AllowedHeader may be what no header field can hold.
            let written = self.field(headers).unwrap_or_default();
            let members = written.split(',').map(|member| member.trim().to_owned());
            let members: Vec<String> = members.filter(|member| !member.is_empty()).collect();
            if !members.is_empty() {
                blocks.header("preflight.headers-scope", headers, FieldCondition::List(members));
            }
        } else if names.is_empty() {
            blocks.header("preflight.headers-absent", headers, FieldCondition::Absent);
        } else {
            let each = names.iter().cloned().map(FieldCondition::Contains).collect();
            blocks.add("preflight.headers", |block| block.headers.push((headers.into(), each)));
            blocks.header("preflight.headers-only", headers, FieldCondition::Equals(names.join(", ")));
            // Of several the white space between is free.
            if let ([name], true) = (names.as_slice(), self.says("preflight.headers-case"))
                && let Ok(exactly) = Regex::new(&format!("^(?:{})$", regex::escape(name)))
            {
                blocks.header("preflight.headers-case", headers, FieldCondition::Matches(Arc::new(exactly)));
            }
        }

        let exposed = "access-control-expose-headers";
        // White space at the ends is no part of a member (RFC 9110 5.6.1).
        let names = grant.expose_headers.iter().map(|name| name.trim().to_owned());
        let named: Vec<String> = names.filter(|name| !name.is_empty()).collect();
        if grant.expose_headers.is_empty() {
            let says = rule.expose_headers.is_empty();
            let clause = if says { "preflight.expose-absent" } else { "preflight.expose-choice" };
            blocks.header(clause, exposed, FieldCondition::Absent);
        } else if !named.is_empty() {
            let order = FieldCondition::Equals(named.join(", "));
            blocks.header("preflight.expose", exposed, FieldCondition::List(named));
            blocks.header("preflight.expose-order", exposed, order);
        }

        let age = "access-control-max-age";
        match grant.max_age_seconds {
            // A negative one is accepted where `negative_age` says so; nothing says what is sent.
            Some(seconds) if seconds < 0 => {}
            Some(seconds) => blocks.header("preflight.age", age, FieldCondition::Equals(seconds.to_string())),
            None => blocks.header("preflight.age-absent", age, FieldCondition::Absent),
        }
    }

    /// `credentials.true`, `credentials.not-with-star`
    pub(super) fn credentials(&self, blocks: &mut Blocks<'_>) {
        let field = "access-control-allow-credentials";
        match self.field(field) {
            Some(value) => blocks.header("credentials.true", field, FieldCondition::Equals(value)),
            None => blocks.header("credentials.not-with-star", field, FieldCondition::Absent),
        }
    }

    /// `vary.granted`, `vary.three`; `vary.members` is open.
    pub(super) fn vary_with_grant(&self, blocks: &mut Blocks<'_>) {
        if self.behaviours().vary != VaryOn::Granted {
            return;
        }
        let Some(origin) = self.field("access-control-allow-origin") else { return };
        let members = self.behaviours().vary_members;
        if members == VaryMembers::None {
            blocks.header("vary.members", "vary", FieldCondition::Lacks("Origin".to_owned()));
            return;
        }
        if origin != "*" {
            blocks.header("vary.granted", "vary", FieldCondition::Contains("Origin".to_owned()));
        }
        if members != VaryMembers::Three {
            return;
        }
        let named = self.field("vary").unwrap_or_default();
        let each = named.split(',').map(|member| FieldCondition::Contains(member.trim().to_owned())).collect();
        blocks.add("vary.three", |block| block.headers.push(("vary".into(), each)));
    }

    fn denied(&self, denial: Denial, blocks: &mut Blocks<'_>) {
        let both_missing = self.asked.origins.is_empty() && self.asked.request_method.is_none();
        let both_missing = both_missing && self.says("preflight.missing-both");
        let said = || TextCondition::Equals(self.element("Message"));
        // Without a method no rule can match: whether that is 400 or 403 is open where it is not documented.
        if denial == Denial::NoRule && self.asked.request_method.is_none() {
            blocks.error("preflight.method-choice", self.status(), &self.code());
            blocks.header("preflight.refused-bare", "access-control-*", FieldCondition::Absent);
            self.about("preflight.about", &["Method", "ResourceType"], blocks);
            return;
        }
        if denial == Denial::NotEnabled && self.step.bucket == BucketRole::Missing {
            blocks.error("preflight.no-bucket", self.status(), &self.code());
            blocks.header("preflight.refused-bare", "access-control-*", FieldCondition::Absent);
            self.about("preflight.no-bucket-about", &["ResourceType"], blocks);
            if self.element("Message").starts_with(NO_BUCKET) {
                blocks.message("preflight.no-bucket-about", TextCondition::Prefix(NO_BUCKET.to_owned()));
            }
            return;
        }
        let (clause, message, bare) = match denial {
            Denial::NoRule => (
                "preflight.refused",
                Some(("preflight.refused-message", TextCondition::Prefix(NOT_ALLOWED.to_owned()))),
                "preflight.refused-bare",
            ),
            Denial::NotEnabled => {
                ("preflight.not-enabled", Some(("preflight.not-enabled-message", said())), "preflight.refused-bare")
            }
            Denial::NoOrigin | Denial::NoRequestMethod if both_missing => {
                ("preflight.missing-both", None, "preflight.malformed-bare")
            }
            Denial::NoOrigin => {
                ("preflight.no-origin", Some(("preflight.no-origin-message", said())), "preflight.malformed-bare")
            }
            Denial::NoRequestMethod if !self.says("preflight.no-method") => {
                ("preflight.method-choice", None, "preflight.malformed-bare")
            }
            Denial::NoRequestMethod => {
                ("preflight.no-method", Some(("preflight.no-method-message", said())), "preflight.malformed-bare")
            }
            Denial::SeveralOrigins(_) => ("preflight.two-origins", None, "preflight.malformed-bare"),
            Denial::UnknownRequestMethod => ("preflight.unknown-method", None, "preflight.malformed-bare"),
            Denial::OddRequestHeader => ("preflight.odd-name", None, "preflight.malformed-bare"),
        };
        // Which of two things is reported is open where both are wrong.
        let unsure = self.rules.is_none() && denial != Denial::NotEnabled;
        let clause = match denial {
            Denial::NoOrigin if unsure && self.says("preflight.origin-first") => "preflight.origin-first",
            _ if unsure => "preflight.order",
            _ => clause,
        };
        match denial {
            Denial::SeveralOrigins(_) => blocks.status(clause, self.status()),
            _ => blocks.error(clause, self.status(), &self.code()),
        }
        if denial == Denial::UnknownRequestMethod && !unsure && self.is_method_of_no_rule() {
            blocks.error("preflight.unknown-method-sentence", self.status(), &self.code());
            blocks.message("preflight.unknown-method-sentence", said());
        }
        if let Some((clause, condition)) = message.filter(|_| !unsure) {
            blocks.message(clause, condition);
        }
        blocks.header(bare, "access-control-*", FieldCondition::Absent);
        let about = match denial {
            Denial::NotEnabled => "preflight.not-enabled-about",
            Denial::NoRule => "preflight.about",
            _ => return,
        };
        self.about(about, &["Method", "ResourceType"], blocks);
    }

    /// Whether Access-Control-Request-Method is a word, and in no case one of the methods that a rule may have.
    fn is_method_of_no_rule(&self) -> bool {
        let asked = self.asked.request_method.as_deref().unwrap_or_default();
        let is_word = !asked.is_empty() && asked.iter().all(u8::is_ascii_alphabetic);
        is_word && !is_known_method(&asked.to_ascii_uppercase())
    }

    /// Elements of an error document, as the oracle's own answer has them.
    fn about(&self, clause: &'static str, names: &[&'static str], blocks: &mut Blocks<'_>) {
        for name in names {
            let value = self.element(name);
            if !value.is_empty() && value.trim() == value {
                blocks.add(clause, |block| block.error = Some(super::element(name, TextCondition::Equals(value))));
            }
        }
    }
}

/// The clause that fixes Access-Control-Allow-Origin of a preflight.
pub(super) fn allow_origin_clause(
    rule: &CorsRule,
    asked: &crate::cors::CorsRequest,
    behaviours: &crate::dialect::Behaviours,
) -> &'static str {
    let origin = asked.origins.first().map(crate::cors::Origin::as_bytes).unwrap_or_default();
    let folds = behaviours.origin_case == crate::dialect::OriginCase::Insensitive;
    let matching: Vec<&Pattern> = rule
        .allowed_origins
        .iter()
        .filter(|pattern| if folds { pattern.matches_ignore_case(origin) } else { pattern.matches(origin) })
        .collect();
    let stars = matching.iter().filter(|pattern| pattern.is_star()).count();
    let literal = matching.iter().any(|pattern| !pattern.has_star());
    match (stars, matching.len()) {
        (0, _) if literal => "preflight.origin",
        (0, _) => "preflight.origin-wildcard",
        (stars, all) if stars == all => "preflight.origin-star",
        _ => "preflight.origin-mixed",
    }
}

#[cfg(test)]
mod tests {
    use crate::case::{StatusPattern, load};
    use crate::diagnostic::SourceFile;
    use crate::dialect::Dialect;
    use crate::predict::predict;

    /// The status that is expected of a preflight with these Origin lines, where an origin and one beyond ASCII are allowed.
    fn check(dialect: &Dialect, origin: &str, expected: &[u16]) {
        let text = format!(
            "about: x\ncases:\n  - id: x\n    about: x\n    clauses: [preflight.ok]\n    rules: [{{allowed_origins: [\"https://app.example\", \"https://b\u{fc}cher.example\"], allowed_methods: GET}}]\n    steps:\n      - preflight: {{origin: {origin}, method: GET}}\n        expect: {{status: 200}}\n"
        );
        let mut case = load(&[SourceFile::new("origin.yaml", text)], dialect).suite.cases.remove(0);
        predict(&mut case, dialect);
        let blocks = case.steps.iter().flat_map(|step| &step.expect).filter(|block| block.clause != "config.put");
        let mut found: Vec<u16> = blocks
            .flat_map(|block| &block.status)
            .map(|status| match status {
                StatusPattern::Code(code) => *code,
                StatusPattern::Class(class) => *class,
            })
            .collect();
        found.dedup();
        assert_eq!(found, expected, "{}: {origin}", dialect.name);
    }

    #[test]
    fn little_is_expected_of_origins_that_no_document_speaks_of() {
        for dialect in [Dialect::oss(), Dialect::s3()] {
            check(dialect, "\"https://app.example\"", &[200]);
            check(dialect, "\"https://other.example\"", &[403]);
            check(dialect, "\"https://b\u{fc}cher.example\"", &[200, 400, 403]);
            check(dialect, "\"https://B\u{fc}cher.example\"", &[403]);
        }
        let two = "[\"https://app.example\", \"https://other.example\"]";
        check(Dialect::oss(), two, &[400]);
        check(Dialect::s3(), two, &[200, 400, 403]);
        check(Dialect::s3(), "[\"\", \"https://app.example\"]", &[200, 400, 403]);
    }
}

//! What a document must be to be stored: [`validate`].

use super::xml::{Document, RuleElement, Text};
use super::{CorsConfiguration, CorsRule, Pattern};
use crate::dialect::{
    Behaviours, EmptyExpose, EmptyHeader, EmptyOrigin, ErrorKind, ExposeCharacters, HeaderCharacters, HeaderStars,
    Limits, LongId, MaxAgeOver, MaxRules, MethodLowerCase, NamespacedRoot, NegativeAge, OriginStars, ResponseVary,
    RootName, RuleId, SchemeStar, Trim, UnknownElements, VaryCase,
};

/// AllowedMethod: "GET, PUT, DELETE, POST, and HEAD" (PutBucketCors).
const METHODS: [&str; 5] = ["GET", "PUT", "DELETE", "POST", "HEAD"];
/// What the error page of ExposeHeader names, the asterisk apart.
const FORBIDDEN_IN_EXPOSE: [char; 5] = ['<', '>', '&', '\'', '"'];
/// Most characters of an ID, where it is an element.
const MAX_ID: usize = 255;

/// Whether a rule can name the method.
pub fn is_known_method(method: &[u8]) -> bool {
    METHODS.iter().any(|known| known.as_bytes() == method)
}

/// Whether it can be the name of a header field (RFC 9110 5.1).
pub fn is_token(name: &[u8]) -> bool {
    let special = b"!#$%&'*+-.^_`|~";
    !name.is_empty() && name.iter().all(|byte| byte.is_ascii_alphanumeric() || special.contains(byte))
}

/// One way in which a document breaks the rules.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{message}")]
#[non_exhaustive]
pub struct Violation {
    /// The clause that it breaks.
    pub clause: &'static str,
    /// How it is answered.
    pub refusal: Refusal,
    /// Byte of the document at which it stands.
    pub offset: usize,
    /// What is wrong.
    pub message: String,
    /// The fine error code, where it is documented.
    pub ec: Option<&'static str>,
}

impl Violation {
    /// As which error it is answered.
    pub fn kind(&self) -> ErrorKind {
        match (&self.refusal, self.clause) {
            (Refusal::Structure, _) => ErrorKind::Malformed,
            (Refusal::TooManyRules { .. }, _) => ErrorKind::TooManyRules,
            (_, "method.enum") => ErrorKind::InvalidMethod,
            (_, "origin.two-stars" | "origin.star-per-rule" | "header.two-stars" | "header.star-per-rule") => {
                ErrorKind::TwoWildcards
            }
            (_, "expose.star") => ErrorKind::NoWildcard,
            (_, "expose.characters" | "expose.line-break" | "header.characters") => ErrorKind::InvalidCharacter,
            (_, "age.negative" | "age.integer" | "age.over") => ErrorKind::InvalidAge,
            (Refusal::Value { .. }, _) => ErrorKind::InvalidArgument,
        }
    }
}

/// The class of a refusal, which decides the error code.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Refusal {
    /// `MalformedXML`: elements are missing, repeated or unknown.
    Structure,
    /// `InvalidArgument`: a value is out of its range.
    Value {
        /// ArgumentName.
        name: &'static str,
        /// ArgumentValue.
        value: String,
    },
    /// `CORSRuleBeyondLimit`.
    TooManyRules {
        /// So many are allowed.
        limit: usize,
    },
}

/// Holds a document against grammar and limits. The order of the violations is: root, number of rules, rules from the top
/// (origin, method, header, expose, age), ResponseVary; a server reports the first.
///
/// # Errors
///
/// All violations.
pub fn validate(
    document: &Document,
    limits: &Limits,
    behaviours: &Behaviours,
) -> Result<CorsConfiguration, Vec<Violation>> {
    let mut checker = Checker { limits, behaviours, found: Vec::new() };
    let configuration = checker.document(document);
    if checker.found.is_empty() { Ok(configuration) } else { Err(checker.found) }
}

struct Checker<'a> {
    limits: &'a Limits,
    behaviours: &'a Behaviours,
    found: Vec<Violation>,
}

impl Checker<'_> {
    fn structure(&mut self, clause: &'static str, offset: usize, message: impl Into<String>, ec: Option<&'static str>) {
        self.found.push(Violation { clause, refusal: Refusal::Structure, offset, message: message.into(), ec });
    }

    fn value(&mut self, clause: &'static str, name: &'static str, text: &Text, value: &str, ec: Option<&'static str>) {
        self.found.push(Violation {
            clause,
            refusal: Refusal::Value { name, value: value.to_owned() },
            offset: text.offset,
            message: format!("{name} `{value}` is not allowed"),
            ec,
        });
    }

    /// `xml.trim`
    fn trimmed<'t>(&self, text: &'t Text) -> &'t str {
        match self.behaviours.trim {
            Trim::Yes => text.value.trim_matches(|c: char| c.is_ascii_whitespace()),
            Trim::No => &text.value,
        }
    }

    fn document(&mut self, document: &Document) -> CorsConfiguration {
        // `xml.root-name`
        if self.behaviours.root_name == RootName::Check && document.root != "CORSConfiguration" {
            let message = format!("the root element is `{}`, not `CORSConfiguration`", document.root);
            self.structure("xml.root-name", document.offset, message, None);
        }
        // `xml.namespace`
        if self.behaviours.namespaced_root == NamespacedRoot::Refuse && document.namespaced {
            self.structure("xml.namespace", document.offset, "the root element has a namespace", None);
        }
        self.unknown(&document.unknown);
        // `rules.none`; fine code 0034-00000002
        if document.rules.is_empty() {
            self.structure("rules.none", document.offset, "there is no CORSRule", Some("0034-00000002"));
        }
        self.count(document.rules.len(), document.offset);
        let rules = document.rules.iter().map(|rule| self.rule(rule)).collect();
        let response_vary = match self.behaviours.response_vary {
            ResponseVary::Known => self.response_vary(&document.response_vary),
            ResponseVary::Unknown => {
                let named = |text: &Text| Text { value: "ResponseVary".to_owned(), offset: text.offset };
                self.unknown(&document.response_vary.iter().map(named).collect::<Vec<_>>());
                false
            }
        };
        CorsConfiguration { rules, response_vary }
    }

    /// `limit.rules-refused`; `limit.rules-between` is open. Fine code 0034-00000006.
    fn count(&mut self, rules: usize, offset: usize) {
        let most = match self.behaviours.max_rules {
            MaxRules::Ten => self.limits.max_rules_certain,
            MaxRules::Twenty => self.limits.max_rules_refused.saturating_sub(1),
        };
        if rules > most {
            self.found.push(Violation {
                clause: "limit.rules-refused",
                refusal: Refusal::TooManyRules { limit: most },
                offset,
                message: format!("{rules} rules, at most {most} are allowed"),
                ec: Some("0034-00000006"),
            });
        }
    }

    /// `xml.unknown-element`
    fn unknown(&mut self, elements: &[Text]) {
        if self.behaviours.unknown_elements == UnknownElements::Refuse {
            for element in elements {
                self.structure(
                    "xml.unknown-element",
                    element.offset,
                    format!("unknown element `{}`", element.value),
                    None,
                );
            }
        }
    }

    /// `rule.id`, `rule.id-length`; where it is not documented, `xml.unknown-element`.
    fn id(&mut self, ids: &[Text]) -> Option<String> {
        if self.behaviours.rule_id == RuleId::Unknown {
            let named = |text: &Text| Text { value: "ID".to_owned(), offset: text.offset };
            self.unknown(&ids.iter().map(named).collect::<Vec<_>>());
            return None;
        }
        let (first, more) = ids.split_first()?;
        for text in more {
            self.structure("rule.id", text.offset, "a rule has two ID", None);
        }
        let value = self.trimmed(first).to_owned();
        if value.chars().count() > MAX_ID && self.behaviours.long_id == LongId::Refuse {
            self.value("rule.id-length", "ID", first, &value, None);
        }
        Some(value)
    }

    fn rule(&mut self, rule: &RuleElement) -> CorsRule {
        self.unknown(&rule.unknown);
        let id = self.id(&rule.ids);
        // `rule.origin-required`
        if rule.allowed_origins.is_empty() {
            self.structure("rule.origin-required", rule.offset, "a rule has no AllowedOrigin", None);
        }
        // `rule.method-required`
        if rule.allowed_methods.is_empty() {
            self.structure("rule.method-required", rule.offset, "a rule has no AllowedMethod", None);
        }
        let allowed_origins: Vec<_> = rule.allowed_origins.iter().filter_map(|text| self.origin(text)).collect();
        if self.behaviours.origin_stars == OriginStars::PerRule {
            self.one_star("origin.star-per-rule", "AllowedOrigin", &rule.allowed_origins, Some("0034-00000009"));
        }
        let allowed_methods = rule.allowed_methods.iter().filter_map(|text| self.method(text)).collect();
        let allowed_headers: Vec<_> = rule.allowed_headers.iter().filter_map(|text| self.header(text)).collect();
        if self.behaviours.header_stars == HeaderStars::PerRule {
            self.one_star("header.star-per-rule", "AllowedHeader", &rule.allowed_headers, None);
        }
        let expose_headers = rule.expose_headers.iter().filter_map(|text| self.expose(text)).collect();
        let max_age_seconds = self.age(&rule.max_age_seconds);
        CorsRule { id, allowed_origins, allowed_methods, allowed_headers, expose_headers, max_age_seconds }
    }

    fn one_star(&mut self, clause: &'static str, name: &'static str, texts: &[Text], ec: Option<&'static str>) {
        if let Some(second) = texts.iter().filter(|text| text.value.contains('*')).nth(1) {
            let value = self.trimmed(second).to_owned();
            self.value(clause, name, second, &value, ec);
        }
    }

    fn origin(&mut self, text: &Text) -> Option<Pattern> {
        const EC: Option<&str> = Some("0034-00000009");
        let value = self.trimmed(text).to_owned();
        // `origin.empty`
        if value.is_empty() && self.behaviours.empty_origin == EmptyOrigin::Refuse {
            self.value("origin.empty", "AllowedOrigin", text, &value, None);
            return None;
        }
        // `origin.scheme-star`
        if self.behaviours.scheme_star == SchemeStar::Refuse && value.strip_suffix("://*").is_some_and(is_scheme) {
            self.value("origin.scheme-star", "AllowedOrigin", text, &value, EC);
            return None;
        }
        // `origin.two-stars`
        let pattern = Pattern::new(value.clone());
        if pattern.is_none() {
            self.value("origin.two-stars", "AllowedOrigin", text, &value, EC);
        }
        pattern
    }

    fn method(&mut self, text: &Text) -> Option<String> {
        let value = self.trimmed(text).to_owned();
        if is_known_method(value.as_bytes()) {
            return Some(value);
        }
        // `method.lower-case`
        let upper = value.to_ascii_uppercase();
        if is_known_method(upper.as_bytes()) {
            match self.behaviours.method_lower_case {
                MethodLowerCase::Fold => return Some(upper),
                MethodLowerCase::Keep => return Some(value),
                MethodLowerCase::Refuse => {}
            }
        }
        // `method.enum`
        self.value("method.enum", "AllowedMethod", text, &value, Some("0034-00000011"));
        None
    }

    fn header(&mut self, text: &Text) -> Option<Pattern> {
        let value = self.trimmed(text).to_owned();
        // `header.empty`
        if value.is_empty() && self.behaviours.empty_header == EmptyHeader::Refuse {
            self.value("header.empty", "AllowedHeader", text, &value, None);
            return None;
        }
        // `header.two-stars`
        let pattern = Pattern::new(value.clone());
        if pattern.is_none() {
            self.value("header.two-stars", "AllowedHeader", text, &value, None);
        // `header.characters`
        } else if self.behaviours.header_characters == HeaderCharacters::Token
            && !value.is_empty()
            && !is_token(value.as_bytes())
        {
            self.value("header.characters", "AllowedHeader", text, &value, None);
        }
        pattern
    }

    fn expose(&mut self, text: &Text) -> Option<String> {
        const EC: Option<&str> = Some("0034-00000013");
        let value = self.trimmed(text).to_owned();
        let clause = if value.is_empty() && self.behaviours.empty_expose == EmptyExpose::Refuse {
            "expose.empty"
        } else if value.contains('*') {
            "expose.star"
        } else if match self.behaviours.expose_characters {
            ExposeCharacters::Five => value.contains(FORBIDDEN_IN_EXPOSE),
            ExposeCharacters::Token => !value.is_empty() && !is_token(value.as_bytes()),
        } {
            "expose.characters"
        } else if value.contains(char::is_control) {
            // It would be replayed in a response header.
            "expose.line-break"
        } else {
            return Some(value);
        };
        self.value(clause, "ExposeHeader", text, &value, EC);
        None
    }

    fn age(&mut self, texts: &[Text]) -> Option<i64> {
        let (first, more) = texts.split_first()?;
        // `age.twice`
        for text in more {
            self.structure("age.twice", text.offset, "a rule has two MaxAgeSeconds", None);
        }
        let value = self.trimmed(first).to_owned();
        let digits = value.strip_prefix('-').unwrap_or(&value);
        let number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        let negative = digits.len() < value.len();
        let clause = match value.parse::<i64>().ok().filter(|_| number) {
            Some(seconds) if negative => match self.behaviours.negative_age {
                NegativeAge::Keep => return Some(seconds),
                NegativeAge::Drop => return None,
                // `age.negative`
                NegativeAge::Refuse => "age.negative",
            },
            Some(seconds) if u64::try_from(seconds).is_ok_and(|seconds| seconds <= self.limits.max_age_seconds) => {
                return Some(seconds);
            }
            // `age.over`
            Some(seconds) if self.behaviours.max_age_over == MaxAgeOver::Accept => return Some(seconds),
            Some(_) => "age.over",
            // `age.integer`
            None => "age.integer",
        };
        self.value(clause, "MaxAgeSeconds", first, &value, None);
        None
    }

    /// `vary.value`, fine code 0034-00000004; `vary.value-case` is open.
    fn response_vary(&mut self, texts: &[Text]) -> bool {
        let Some((first, more)) = texts.split_first() else {
            return false;
        };
        for text in more {
            self.structure("vary.value", text.offset, "there are two ResponseVary", Some("0034-00000004"));
        }
        let value = self.trimmed(first).to_owned();
        let folded = match self.behaviours.vary_case {
            VaryCase::Sensitive => value.clone(),
            VaryCase::Insensitive => value.to_ascii_lowercase(),
        };
        match folded.as_str() {
            "true" => true,
            "false" => false,
            _ => {
                self.value("vary.value", "ResponseVary", first, &value, Some("0034-00000004"));
                false
            }
        }
    }
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
}

#[cfg(test)]
mod tests {
    use super::super::xml;
    use super::*;
    use crate::dialect::Dialect;

    fn clauses(document: &str) -> Vec<&'static str> {
        let document = xml::parse(document.as_bytes()).unwrap();
        match validate(&document, &Dialect::oss().limits, &Dialect::oss().behaviours) {
            Ok(_) => Vec::new(),
            Err(found) => found.iter().map(|violation| violation.clause).collect(),
        }
    }

    /// The clauses that a rule with these elements breaks.
    fn check(elements: &str, expected: &[&str]) {
        let document = format!("<CORSConfiguration><CORSRule>{elements}</CORSRule></CORSConfiguration>");
        assert_eq!(clauses(&document), expected, "{elements}");
    }

    const O: &str = "<AllowedOrigin>*</AllowedOrigin>";
    const M: &str = "<AllowedMethod>GET</AllowedMethod>";

    #[test]
    fn values() {
        let rule = |name: &str, value: &str| match name {
            "AllowedOrigin" => format!("<AllowedOrigin>{value}</AllowedOrigin>{M}"),
            "AllowedMethod" => format!("{O}<AllowedMethod>{value}</AllowedMethod>"),
            _ => format!("{O}{M}<{name}>{value}</{name}>"),
        };
        let accepted = [
            ("AllowedOrigin", "https://*.example.com"),
            ("AllowedOrigin", "http://localhost:*"),
            ("AllowedOrigin", "a b"),
            ("AllowedMethod", "HEAD"),
            ("AllowedMethod", " PUT\n"),
            ("AllowedHeader", "x-oss-*"),
            ("ExposeHeader", "GET"),
            ("MaxAgeSeconds", "0"),
            ("MaxAgeSeconds", "999999999"),
            ("ID", "x"),
        ];
        for (name, value) in accepted {
            check(&rule(name, value), &[]);
        }
        let refused = [
            ("AllowedOrigin", "http://*.*", "origin.two-stars"),
            ("AllowedOrigin", "https://*", "origin.scheme-star"),
            ("AllowedOrigin", " ", "origin.empty"),
            ("AllowedMethod", "get", "method.enum"),
            ("AllowedMethod", "", "method.enum"),
            ("AllowedMethod", "OPTIONS", "method.enum"),
            ("AllowedHeader", "**", "header.two-stars"),
            ("ExposeHeader", "x-*", "expose.star"),
            ("ExposeHeader", "a&amp;b", "expose.characters"),
            ("ExposeHeader", "a&#10;b", "expose.line-break"),
            ("MaxAgeSeconds", "-1", "age.negative"),
            ("MaxAgeSeconds", "1.5", "age.integer"),
            ("MaxAgeSeconds", "", "age.integer"),
            ("MaxAgeSeconds", "+1", "age.integer"),
            ("MaxAgeSeconds", "1000000000", "age.over"),
            ("MaxAgeSeconds", "99999999999999999999", "age.integer"),
        ];
        for (name, value, clause) in refused {
            check(&rule(name, value), &[clause]);
        }
    }

    #[test]
    fn structure() {
        check(O, &["rule.method-required"]);
        check(M, &["rule.origin-required"]);
        check(&format!("{O}{M}<MaxAgeSeconds>1</MaxAgeSeconds><MaxAgeSeconds>1</MaxAgeSeconds>"), &["age.twice"]);
        assert_eq!(clauses("<CORSConfiguration/>"), ["rules.none"]);
        assert_eq!(clauses(&format!("<CORS><CORSRule>{O}{M}</CORSRule></CORS>")), ["xml.root-name"]);
        let rules = |count: usize| {
            format!("<CORSConfiguration>{}</CORSConfiguration>", format!("<CORSRule>{O}{M}</CORSRule>").repeat(count))
        };
        assert_eq!(clauses(&rules(10)), [""; 0]);
        assert_eq!(clauses(&rules(11)), ["limit.rules-refused"]);
        assert_eq!(
            clauses(&format!(
                "<CORSConfiguration><CORSRule>{O}{M}</CORSRule><ResponseVary>0</ResponseVary></CORSConfiguration>"
            )),
            ["vary.value"]
        );
    }

    #[test]
    fn all_violations_in_order() {
        check(
            "<AllowedMethod>get</AllowedMethod><AllowedOrigin>**</AllowedOrigin><MaxAgeSeconds>x</MaxAgeSeconds><ExposeHeader>*</ExposeHeader>",
            &["origin.two-stars", "method.enum", "expose.star", "age.integer"],
        );
    }
}

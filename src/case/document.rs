//! From rules as a case states them to the bytes of a document: [`write()`].

use super::{Pad, Rule, RuleSet};
use crate::cors::xml::{RuleElement, Text};
use crate::xml::escape;

impl From<&RuleElement> for Rule {
    /// The values as they were written; elements that are not known are left out.
    fn from(written: &RuleElement) -> Self {
        let texts = |list: &[Text]| list.iter().map(|text| text.value.clone()).collect();
        Self {
            ids: texts(&written.ids),
            allowed_origins: texts(&written.allowed_origins),
            allowed_methods: texts(&written.allowed_methods),
            allowed_headers: texts(&written.allowed_headers),
            expose_headers: texts(&written.expose_headers),
            max_age_seconds: texts(&written.max_age_seconds),
        }
    }
}

impl Rule {
    /// The rule with each of its values made another.
    pub(crate) fn each(mut self, other: impl Fn(&str) -> String) -> Self {
        let lists = [
            &mut self.ids,
            &mut self.allowed_origins,
            &mut self.allowed_methods,
            &mut self.allowed_headers,
            &mut self.expose_headers,
            &mut self.max_age_seconds,
        ];
        for value in lists.into_iter().flatten() {
            *value = other(value);
        }
        self
    }
}

impl RuleSet {
    /// A document of these rules, compact, in the order of the PutBucketCors page.
    pub fn to_xml(&self) -> String {
        self.assemble("", "")
    }

    fn assemble(&self, in_last_rule: &str, before_end: &str) -> String {
        let mut text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<CORSConfiguration>".to_owned();
        for (at, rule) in self.rules.iter().enumerate() {
            text.push_str("<CORSRule>");
            rule.write(&mut text);
            if at + 1 == self.rules.len() {
                text.push_str(in_last_rule);
            }
            text.push_str("</CORSRule>");
        }
        if let Some(vary) = &self.response_vary {
            element(&mut text, "ResponseVary", vary);
        }
        text.push_str(before_end);
        text.push_str("</CORSConfiguration>");
        text
    }
}

impl Rule {
    fn write(&self, text: &mut String) {
        let lists = [
            ("ID", &self.ids),
            ("AllowedOrigin", &self.allowed_origins),
            ("AllowedMethod", &self.allowed_methods),
            ("AllowedHeader", &self.allowed_headers),
            ("ExposeHeader", &self.expose_headers),
            ("MaxAgeSeconds", &self.max_age_seconds),
        ];
        for (name, values) in lists {
            for value in values {
                element(text, name, value);
            }
        }
    }
}

fn element(text: &mut String, name: &str, value: &str) {
    // Line ends in a value are references, or XML would fold them.
    let value = escape(value).replace('\n', "&#10;");
    text.extend(["<", name, ">", &value, "</", name, ">"]);
}

/// A document of exactly `size` bytes. `None` if the rules alone are larger, or the padding cannot hit the size.
///
/// ```
/// use corsuite::case::{Pad, RuleSet, document};
///
/// assert_eq!(document::write(&RuleSet::default(), 200, Pad::Comment).unwrap().len(), 200);
/// assert_eq!(document::write(&RuleSet::default(), 10, Pad::Space), None);
/// ```
pub fn write(rules: &RuleSet, size: usize, pad: Pad) -> Option<String> {
    let bare = rules.to_xml();
    let missing = size.checked_sub(bare.len())?;
    let document = match pad {
        Pad::Space => rules.assemble("", &" ".repeat(missing)),
        Pad::Comment => {
            let inside = missing.checked_sub("<!---->".len())?;
            rules.assemble("", &format!("<!--{}-->", "x".repeat(inside)))
        }
        Pad::Values => rules.assemble(&values(missing)?, ""),
    };
    (document.len() == size).then_some(document)
}

/// ExposeHeader elements of so many bytes together, each name of at most 200 letters.
fn values(bytes: usize) -> Option<String> {
    const TAGS: usize = "<ExposeHeader></ExposeHeader>".len();
    const LONGEST: usize = 200;
    let mut text = String::new();
    let mut left = bytes;
    let mut number = 0_usize;
    while left > 0 {
        // What is left after this element has to hold another one, or nothing.
        let name = match left.checked_sub(TAGS).filter(|name| *name > 0)? {
            name if name <= LONGEST => name,
            name if name > LONGEST + TAGS => LONGEST,
            _ => LONGEST / 2,
        };
        // Numbered, where there is room, so that no two are equal.
        number += 1;
        let digits = number.to_string();
        let value =
            if name > digits.len() { format!("{}{digits}", "x".repeat(name - digits.len())) } else { "x".repeat(name) };
        text.extend(["<ExposeHeader>", &value, "</ExposeHeader>"]);
        left -= TAGS + name;
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules() -> RuleSet {
        let rule =
            Rule { allowed_origins: vec!["*".to_owned()], allowed_methods: vec!["GET".to_owned()], ..Rule::default() };
        RuleSet { rules: vec![rule], response_vary: Some("true".to_owned()) }
    }

    #[test]
    fn any_size_is_hit_and_stays_xml() {
        let bare = rules().to_xml().len();
        for pad in [Pad::Space, Pad::Comment, Pad::Values] {
            for size in (bare + 30..bare + 1000).chain([16_000, 16_384, 16_385]) {
                let document = write(&rules(), size, pad).unwrap();
                assert_eq!(document.len(), size);
                crate::cors::xml::parse(document.as_bytes()).unwrap();
            }
        }
    }

    #[test]
    fn values_survive() {
        let value = " a&<>\"'\r\n\tb ";
        let rule = Rule { allowed_origins: vec![value.to_owned()], ..Rule::default() };
        let set = RuleSet { rules: vec![rule], response_vary: None };
        let document = crate::cors::xml::parse(set.to_xml().as_bytes()).unwrap();
        assert_eq!(document.rules[0].allowed_origins[0].value, value);
    }
}

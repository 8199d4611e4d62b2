//! Laws and second opinions: functions that panic with a readable report when a law is broken.
//!
//! [`targets`] has one entry for each fuzz target: bytes in, a panic out where something is wrong. Tests drive the same
//! laws with typed values. The twins in [`twin`] and [`signing`] are written from the documents a second time, in another
//! way, and share no logic with what they check; XML is also read by roxmltree.

pub mod answers;
pub mod metamorphic;
pub mod server;
pub mod session;
pub mod shown;
pub mod signing;
pub mod targets;
pub mod twin;

use crate::cors::{CorsConfiguration, CorsRequest, Denial, Outcome, Pattern, evaluate, validate, xml};
use crate::dialect::{Behaviours, Dialect, Limits};

/// `parse` after `write` gives what was written, whatever validation can produce.
pub fn round_trip(configuration: &CorsConfiguration, dialect: &Dialect) {
    let text = xml::write(configuration, &dialect.behaviours, dialect.wording.namespace.as_deref());
    let document = xml::parse(text.as_bytes());
    let document = document.unwrap_or_else(|error| broken(&format!("what was written cannot be read: {error}"), &text));
    // A configuration may have been accepted under limits of its own.
    let limits = Limits {
        max_age_seconds: u64::MAX,
        max_rules_certain: usize::MAX,
        max_rules_refused: usize::MAX,
        ..dialect.limits
    };
    let again = validate(&document, &limits, &dialect.behaviours);
    let again = again.unwrap_or_else(|found| broken(&format!("what was written is refused: {found:?}"), &text));
    assert_eq!(&again, configuration, "reading gives another configuration: {text}");
}

/// The matcher agrees with the recursive one, with regard to case and without.
pub fn same_match(pattern: &Pattern, value: &[u8]) {
    let text = pattern.as_str().as_bytes();
    let shown = || format!("pattern `{pattern}`, value `{}`", String::from_utf8_lossy(value));
    assert_eq!(pattern.matches(value), twin::matches(text, value), "{}", shown());
    let folded = twin::matches(&text.to_ascii_lowercase(), &value.to_ascii_lowercase());
    assert_eq!(pattern.matches_ignore_case(value), folded, "without regard to case: {}", shown());
}

/// The oracle agrees with the naive transliteration of the documents.
pub fn same_decision(configuration: Option<&CorsConfiguration>, request: &CorsRequest, behaviours: &Behaviours) {
    let decision = evaluate(configuration, request, behaviours);
    let (expected, vary) = twin::evaluate(configuration, request, behaviours);
    let found = said(&decision.outcome);
    assert_eq!((found, decision.vary), (expected, vary), "{configuration:#?}\n{request:#?}\n{behaviours:?}");
}

/// An outcome in the words of the twin.
pub(crate) fn said(outcome: &Outcome) -> twin::Said {
    match outcome {
        Outcome::Allow(grant) => twin::Said::Grant {
            rule: grant.rule,
            headers: grant.headers().into_iter().map(|(name, value)| (name.as_str().to_owned(), value)).collect(),
        },
        Outcome::Deny(denial) => twin::Said::Refused(match denial {
            Denial::NoOrigin => "no origin",
            Denial::SeveralOrigins(_) => "several origins",
            Denial::NoRequestMethod => "no method",
            Denial::UnknownRequestMethod => "unknown method",
            Denial::OddRequestHeader => "odd name",
            Denial::NotEnabled => "not enabled",
            Denial::NoRule => "no rule",
        }),
        Outcome::NotCors => twin::Said::Nothing,
    }
}

/// What the strict reader accepts, and the text it finds, is what a second parser accepts and finds.
pub fn same_xml(document: &[u8]) {
    let text = line_ends(document);
    let second = text.as_deref().map(roxmltree::Document::parse);
    same_tree(document, crate::xml::parse(document).as_ref(), second.as_ref());
}

/// The document with its line ends as XML 1.0 section 2.11 wants them, if it is UTF-8. Done for the second parser, which leaves
/// a carriage return beside a reference as it is.
fn line_ends(document: &[u8]) -> Option<String> {
    std::str::from_utf8(document).ok().map(|text| text.replace("\r\n", "\n").replace('\r', "\n"))
}

/// A second parser's answer; none to what is not UTF-8.
type Second<'t> = Option<Result<roxmltree::Document<'t>, roxmltree::Error>>;

fn same_tree(
    document: &[u8],
    first: Result<&crate::xml::Element, &crate::xml::XmlError>,
    second: Option<&Result<roxmltree::Document<'_>, roxmltree::Error>>,
) {
    let shown = || String::from_utf8_lossy(document).into_owned();
    match (first, second) {
        (Ok(root), Some(Ok(tree))) => {
            if !same_element(root, tree.root_element()) {
                broken(&format!("another tree by the second parser:\n{root:#?}\n{tree:#?}"), &shown());
            }
        }
        (Err(_), None | Some(Err(_))) => {}
        (Ok(_), None) => broken("not UTF-8 and accepted", &shown()),
        // It does not know the prefix that needs no declaration where an element has it.
        (Ok(_), Some(Err(roxmltree::Error::UnknownNamespace(prefix, _)))) if prefix == "xml" => {}
        (Ok(_), Some(Err(error))) => broken(&format!("only the second parser refuses: {error}"), &shown()),
        (Err(error), Some(Ok(_))) if is_known_difference(&error.message, document) => {}
        (Err(error), Some(Ok(_))) => broken(&format!("only the first parser refuses: {error}"), &shown()),
    }
}

/// The same name, text and children.
fn same_element(first: &crate::xml::Element, second: roxmltree::Node<'_, '_>) -> bool {
    let mut texts = second.children().filter(roxmltree::Node::is_text).filter_map(|text| text.text());
    let mut rest = first.text.as_str();
    let same_text = texts.all(|part| rest.strip_prefix(part).map(|after| rest = after).is_some()) && rest.is_empty();
    let mut children = second.children().filter(roxmltree::Node::is_element);
    same_text
        && first.name == second.tag_name().name()
        && first.namespaced == second.tag_name().namespace().is_some()
        && first.children.iter().all(|child| children.next().is_some_and(|other| same_element(child, other)))
        && children.next().is_none()
}

/// Where the second parser is known to be more lenient than XML, or the first one stricter on purpose.
fn is_known_difference(message: &str, document: &[u8]) -> bool {
    // Its limits, and declarations of other versions and encodings.
    let on_purpose =
        message.contains("nested deeper") || message.starts_with("more than") || message.contains("an XML declaration");
    // It takes any text for the target of a processing instruction.
    let instruction = message.contains("a processing instruction of a forbidden name");
    // It takes a name with an empty prefix for the one without.
    let empty = |pair: &[u8]| matches!(pair, [b'<' | b' ' | b'\t' | b'\n' | b'\r', b':']);
    let prefix = message.contains("but `</:") || message.contains("not a name of an") && document.windows(2).any(empty);
    // It lets a declaration take a prefix back, as Namespaces in XML 1.1 does and 1.0 does not.
    let undeclared =
        message.contains("declared wrongly") && document.windows(2).any(|pair| matches!(pair, b"''" | b"\"\""));
    // roxmltree turns references to surrogates into U+FFFD.
    let references = message.contains("a reference to no known character");
    on_purpose || instruction || prefix || undeclared || (references && document.windows(2).any(|pair| pair == b"&#"))
}

/// Two parsers agree on a document; parsing and validation accept what the naive reading of the documents accepts, and
/// store the same.
pub fn same_validation(document: &[u8]) {
    let dialect = Dialect::oss();
    let text = line_ends(document);
    let second: Second<'_> = text.as_deref().map(roxmltree::Document::parse);
    let first = crate::xml::parse(document);
    same_tree(document, first.as_ref(), second.as_ref());
    let (Ok(root), Some(Ok(tree))) = (first, second) else { return };
    let found = xml::read(&root)
        .ok()
        .and_then(|document| validate(&document, &dialect.limits, &dialect.behaviours).ok())
        .map(|configuration| configuration.into_stored(&dialect.behaviours));
    assert_eq!(found, twin::stored(&tree), "{}", String::from_utf8_lossy(document));
    if let Some(configuration) = found {
        round_trip(&configuration, dialect);
    }
}

#[expect(clippy::panic, reason = "a broken law is reported by a panic")]
pub(crate) fn broken(law: &str, input: &str) -> ! {
    panic!("{law}\n{input}")
}

#[cfg(test)]
mod tests;

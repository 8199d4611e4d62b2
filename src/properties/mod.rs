//! Laws and second opinions: functions that panic with a readable report when a law is broken.
//!
//! The twins in [`twin`] are written from the documents a second time, in another way, and share no code with what they
//! check. Tests and fuzz targets use them.

pub mod twin;

use crate::cors::{CorsConfiguration, CorsRequest, Outcome, Pattern, evaluate, validate, xml};
use crate::dialect::{Dialect, Limits};

/// `parse` after `write` gives what was written, whatever validation can produce.
pub fn round_trip(configuration: &CorsConfiguration, dialect: &Dialect) {
    let text = xml::write(configuration);
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

/// The matcher agrees with the recursive one.
pub fn same_match(pattern: &Pattern, value: &[u8]) {
    let (found, expected) = (pattern.matches(value), twin::matches(pattern.as_str().as_bytes(), value));
    assert_eq!(found, expected, "pattern `{pattern}`, value `{}`", String::from_utf8_lossy(value));
}

/// The oracle under the default behaviours agrees with the naive transliteration of the documents.
pub fn same_decision(configuration: Option<&CorsConfiguration>, request: &CorsRequest) {
    let decision = evaluate(configuration, request, &Dialect::oss().behaviours);
    let found = match &decision.outcome {
        Outcome::Allow(grant) => twin::Said::Grant {
            rule: grant.rule,
            headers: grant.headers().into_iter().map(|(name, value)| (name.as_str().to_owned(), value)).collect(),
        },
        Outcome::Deny(denial) => twin::Said::Refused(match denial {
            crate::cors::Denial::NoOrigin => "no origin",
            crate::cors::Denial::SeveralOrigins(_) => "several origins",
            crate::cors::Denial::NoRequestMethod => "no method",
            crate::cors::Denial::UnknownRequestMethod => "unknown method",
            crate::cors::Denial::NotEnabled => "not enabled",
            crate::cors::Denial::NoRule => "no rule",
        }),
        Outcome::NotCors => twin::Said::Nothing,
    };
    let (expected, vary) = twin::evaluate(configuration, request);
    assert_eq!((found, decision.vary), (expected, vary), "{configuration:#?}\n{request:#?}");
}

/// What the strict reader accepts, and the text it finds, is what a second parser accepts and finds. `second` is its
/// answer: the text of all elements in document order, or a refusal.
pub fn same_xml(document: &[u8], second: Result<Vec<String>, String>) {
    fn texts(element: &crate::xml::Element, found: &mut Vec<String>) {
        found.push(element.text.clone());
        for child in &element.children {
            texts(child, found);
        }
    }
    let first = crate::xml::parse(document).map(|root| {
        let mut found = Vec::new();
        texts(&root, &mut found);
        found
    });
    match (first, second) {
        (Ok(first), Ok(second)) => assert_eq!(first, second, "{}", String::from_utf8_lossy(document)),
        (Err(_), Err(_)) => {}
        (Ok(_), Err(error)) => {
            broken(&format!("only the second parser refuses: {error}"), &String::from_utf8_lossy(document))
        }
        (Err(error), Ok(_)) => {
            broken(&format!("only the first parser refuses: {error}"), &String::from_utf8_lossy(document))
        }
    }
}

#[expect(clippy::panic, reason = "a broken law is reported by a panic")]
fn broken(law: &str, input: &str) -> ! {
    panic!("{law}\n{input}")
}

#[cfg(test)]
mod tests;

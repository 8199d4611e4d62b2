//! Faults that no generated exchange shows, and why: [`reason`].

use crate::dialect::{Dialect, Signature};

/// Why the generator does not come across it.
const REASONS: &[(&str, &[&str])] = &[
    (
        "it takes requests in bytes, which only cases send",
        &[
            "length-taken-as-nothing",
            "length-code",
            "chunks-refused",
            "chunked-bare",
            "expect-continue-bare",
            "head-with-body",
            "no-content-with-body",
            "preflight-body-is-next",
            "second-answer-lost",
            "preflight-trailing-bytes",
        ],
    ),
    (
        "documents with a document type, or with control characters in a value, have several right answers and are not generated",
        &["entities-expanded", "entity-bomb-expanded", "expose-line-break-injected", "value-line-break-injected"],
    ),
    (
        "it shows in an answer that varies for another reason, too, which no document demands of a server",
        &["vary-overwritten", "vary-other-lost"],
    ),
];

/// The same, where signatures are those of AWS.
const WITH_AWS: &[(&str, &[&str])] = &[
    (
        "deletions of several objects are not generated, as their answers are told apart by documents",
        &["delete-many-bare", "delete-many-is-delete"],
    ),
    ("it refuses one document, which the suite has", &["namespace-demanded"]),
    (
        "no document says which of several Origin lines counts, so that nothing is expected of what they are granted",
        &["two-origins-last", "requests-two-origins-last"],
    ),
];

/// The reason, for a fault that is hidden from generated exchanges of a dialect.
pub(super) fn reason(id: &str, dialect: &Dialect) -> Option<&'static str> {
    let with_aws = if dialect.behaviours.signature == Signature::Aws { WITH_AWS } else { &[] };
    REASONS.iter().chain(with_aws).find(|(_, ids)| ids.contains(&id)).map(|(reason, _)| *reason)
}

#[cfg(test)]
mod tests {
    use super::super::find;
    use super::*;

    #[test]
    fn each_is_a_fault() {
        for id in REASONS.iter().chain(WITH_AWS).flat_map(|(_, ids)| *ids) {
            assert!(find(id).is_some(), "no fault {id}");
            assert!(reason(id, Dialect::s3()).is_some());
        }
        assert_eq!(reason("delete-many-bare", Dialect::oss()), None);
    }
}

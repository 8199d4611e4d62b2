//! Faults that no generated exchange shows, and why: [`reason`].

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

/// The reason, for a fault that is hidden from generated exchanges.
pub(super) fn reason(id: &str) -> Option<&'static str> {
    REASONS.iter().find(|(_, ids)| ids.contains(&id)).map(|(reason, _)| *reason)
}

#[cfg(test)]
mod tests {
    use super::super::find;
    use super::*;

    #[test]
    fn each_is_a_fault() {
        for id in REASONS.iter().flat_map(|(_, ids)| *ids) {
            assert!(find(id).is_some(), "no fault {id}");
            assert!(reason(id).is_some());
        }
    }
}

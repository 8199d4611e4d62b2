//! Faults that no generated exchange shows, and why: [`reason`].

/// Why the generator does not come across it.
const REASONS: &[(&str, &[&str])] = &[];

/// The reason, for a fault that is hidden from generated exchanges.
pub(super) fn reason(id: &str) -> Option<&'static str> {
    REASONS.iter().find(|(_, ids)| ids.contains(&id)).map(|(reason, _)| *reason)
}

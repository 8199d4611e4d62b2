//! What is wrong, or will bite, in the rules of a live bucket: [`lint`] reads the rules, [`probes`] asks the server at their edges.
//!
//! Nothing here changes a bucket. [`probes`] makes cases of preflights alone, and [`fit`] finds out from the answers what the server chose
//! where the documents leave a point open, so that no allowed choice is a finding.

mod lint;
mod probe;

use serde::Serialize;

pub use self::lint::{is_shadowed, lint};
pub use self::probe::{MOST_PREFLIGHTS, fit, probes};

/// How bad a [`Warning`] is.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Severity {
    /// Costs time or surprises.
    Note,
    /// Does not do what it seems to do, or does more.
    Warning,
    /// Lets sites in that nobody chose.
    Danger,
}

impl Severity {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Danger => "danger",
        }
    }
}

/// Something in the rules that bites people.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Warning {
    /// Its kind, such as `origin-http`.
    pub id: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// The rule, from 1; none is all of them together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<usize>,
    /// What is there, and what comes of it.
    pub text: String,
    /// The way out.
    pub help: &'static str,
}

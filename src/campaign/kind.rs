//! What makes two mismatches the same finding: [`Kind`].

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::report::MismatchReport;

/// A clause, a part of the answer, and what kind of value came in place of what kind. One bug shows in many answers; they have this in
/// common.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[expect(clippy::exhaustive_structs, reason = "a line of the log")]
pub struct Kind {
    /// The clause that is broken.
    pub clause: String,
    /// The part of the answer.
    pub field: String,
    /// What had to be there: a status or an error code as it is, else whether there was something.
    pub expected: String,
    /// What was there, in the same way.
    pub actual: String,
}

impl Kind {
    /// Of a mismatch.
    pub fn of(mismatch: &MismatchReport) -> Self {
        let as_it_is = mismatch.field == "status" || mismatch.field == "error.Code";
        let kind = |text: &str| match text {
            "absent" | "*" | "" => text.to_owned(),
            text if as_it_is => text.chars().take(60).collect(),
            text if text.parse::<u64>().is_ok() => "a number".to_owned(),
            _ => "another value".to_owned(),
        };
        Self {
            clause: mismatch.clause.clone(),
            field: mismatch.field.clone(),
            expected: kind(&mismatch.expected),
            actual: kind(&mismatch.actual),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |text: &str| if text.is_empty() { "nothing".to_owned() } else { text.to_owned() };
        write!(f, "{}: {} is {}, not {}", self.clause, self.field, shown(&self.actual), shown(&self.expected))
    }
}

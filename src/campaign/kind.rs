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
            field: any_rule(&mismatch.field),
            expected: kind(&mismatch.expected),
            actual: kind(&mismatch.actual),
        }
    }
}

/// Which rule of a configuration it is says nothing about the bug: `cors.rule 3.MaxAgeSeconds` is one of `cors.rule.MaxAgeSeconds`.
fn any_rule(field: &str) -> String {
    let Some(numbered) = field.strip_prefix("cors.rule ") else { return field.to_owned() };
    format!("cors.rule{}", numbered.trim_start_matches(|digit: char| digit.is_ascii_digit()))
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.field == "transport" {
            return write!(f, "{}: no answer", self.clause);
        }
        let shown = |text: &str| if text.is_empty() { "nothing".to_owned() } else { text.to_owned() };
        write!(f, "{}: {} is {}", self.clause, self.field, shown(&self.actual))?;
        // Of two other values neither says more than the other.
        if self.expected == self.actual { Ok(()) } else { write!(f, ", not {}", shown(&self.expected)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::expect::Mismatch;

    #[test]
    fn titles() {
        let check = |field: &str, expected: &str, actual: &str, title: &str| {
            let mismatch = MismatchReport::bare(Mismatch::new("a.b", field, expected, actual), 1);
            assert_eq!(Kind::of(&mismatch).to_string(), title);
        };
        check("status", "200", "403", "a.b: status is 403, not 200");
        check("error.Code", "AccessDenied", "", "a.b: error.Code is nothing, not AccessDenied");
        check("headers.vary", "Origin", "absent", "a.b: headers.vary is absent, not another value");
        check(
            "headers.access-control-max-age",
            "600",
            "none",
            "a.b: headers.access-control-max-age is another value, not a number",
        );
        check(
            "headers.access-control-allow-origin",
            "https://a.example",
            "*",
            "a.b: headers.access-control-allow-origin is *, not another value",
        );
        check("body", "one", "two", "a.b: body is another value");
        check("cors.rule 12.MaxAgeSeconds", "60", "absent", "a.b: cors.rule.MaxAgeSeconds is absent, not a number");
        check("transport", "an answer", "no answer within 1s", "a.b: no answer");
    }
}

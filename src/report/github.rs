//! A report as workflow commands of GitHub Actions: [`write`]. Each becomes an annotation at the line of the case.

use std::fmt::Write as _;

use super::Report;
use super::setting::{Standing, headline};
use crate::diagnostic::visible;

/// A command for each case that did not pass; none if all did.
pub(super) fn write(report: &Report, strict: bool) -> String {
    let mut text = String::new();
    for case in &report.cases {
        let command = match Standing::of(case, strict) {
            Standing::Good => continue,
            Standing::Bad | Standing::Unknown => "error",
            Standing::Tolerated => "warning",
            Standing::Skipped => "notice",
        };
        let place = match case.line {
            0 => String::new(),
            line => format!(" file={},line={line},", property(&case.file)),
        };
        let separator = if place.is_empty() { " " } else { "" };
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "::{command}{place}{separator}title={}::{}",
            property(&format!("{} {}", case.verdict.as_str(), case.id)),
            message(&headline(case))
        );
    }
    text
}

/// A stranger's words after the second `::`, where a percent sign begins an escape.
fn message(words: &str) -> String {
    visible(words).replace('%', "%25")
}

fn property(words: &str) -> String {
    message(words).replace(':', "%3A").replace(',', "%2C")
}

//! A report in the Test Anything Protocol, version 14: [`write`].

use std::fmt::Write as _;

use super::setting::{Standing, headline};
use super::{CaseReport, Report, terminal};
use crate::diagnostic::{Style, visible};

/// The report. What does not count, a broken `should` or a known failure, carries the directive `TODO`: TAP's word for a test point that is not ok and fails
/// nothing. There is no other one for that.
pub(super) fn write(report: &Report, strict: bool) -> String {
    let mut text = format!("TAP version 14\n1..{}\n", report.cases.len());
    for (index, case) in report.cases.iter().enumerate() {
        let (ok, directive) = match Standing::of(case, strict) {
            Standing::Good => ("ok", String::new()),
            Standing::Bad | Standing::Unknown => ("not ok", String::new()),
            Standing::Tolerated => {
                let why =
                    case.known.as_ref().map_or_else(|| "a should".to_owned(), |why| format!("known: {}", plain(why)));
                ("not ok", format!(" # TODO {why}"))
            }
            Standing::Skipped => ("ok", format!(" # SKIP {}", plain(&headline(case)))),
        };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{ok} {} - {}{directive}", index + 1, plain(&format!("{}: {}", case.theme, case.id)));
        if ok == "not ok" {
            told(&mut text, case);
        }
    }
    text
}

/// What is wrong, as a YAML block: strings in JSON's quotes are YAML, too.
fn told(text: &mut String, case: &CaseReport) {
    let quoted = |value: &str| serde_json::to_string(value).unwrap_or_default();
    let story: Vec<String> = terminal::failure(case, Style::Plain).lines().map(quoted).collect();
    let _ =
        writeln!(text, "  ---\n  message: {}\n  severity: {}", quoted(&plain(&headline(case))), case.verdict.as_str());
    let _ = writeln!(text, "  at:\n    file: {}\n    line: {}", quoted(&visible(&case.file)), case.line);
    let _ = writeln!(text, "  story:");
    for line in story {
        let _ = writeln!(text, "    - {line}");
    }
    text.push_str("  ...\n");
}

/// A stranger's words: one line, and no directive.
fn plain(words: &str) -> String {
    visible(words).replace('\\', "\\\\").replace('#', "\\#")
}

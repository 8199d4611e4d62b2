//! A report as JUnit XML: [`write`].
//!
//! A suite a theme. A case that breaks what counts is a failure, one that is not known an error, one that was not run skipped; a broken
//! `should` that does not count is told in the output of a case that passes.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::format::{Standing, headline};
use super::{CaseReport, Report, terminal};
use crate::diagnostic::{Style, visible};
use crate::xml::escape;

/// The report in the form that Jenkins defines and other CI servers take.
pub(super) fn write(report: &Report, strict: bool) -> String {
    let mut themes: BTreeMap<&str, Vec<&CaseReport>> = BTreeMap::new();
    for case in &report.cases {
        themes.entry(&case.theme).or_default().push(case);
    }
    let all: Vec<&CaseReport> = report.cases.iter().collect();
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    // Writing to a string cannot fail.
    let _ = writeln!(
        text,
        "<testsuites name=\"corsuite\" tests=\"{}\" failures=\"{}\" errors=\"{}\" time=\"{}\">",
        all.len(),
        count(&all, strict, Standing::Bad),
        count(&all, strict, Standing::Unknown),
        seconds(report.elapsed_ms)
    );
    for (theme, cases) in &themes {
        suite(&mut text, report, theme, cases, strict);
    }
    text.push_str("</testsuites>\n");
    text
}

fn suite(text: &mut String, report: &Report, theme: &str, cases: &[&CaseReport], strict: bool) {
    let of = |standing| count(cases, strict, standing);
    let time: u64 = cases.iter().map(|case| case.elapsed_ms).sum();
    let _ = writeln!(
        text,
        "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\" time=\"{}\" timestamp=\"{}\">",
        plain(theme),
        cases.len(),
        of(Standing::Bad),
        of(Standing::Unknown),
        of(Standing::Skipped),
        seconds(time),
        plain(report.started.trim_end_matches('Z')),
    );
    text.push_str("    <properties>\n");
    let conformant = match report.conformant {
        Some(true) => "true",
        Some(false) => "false",
        None => "unknown",
    };
    let fixed = [
        ("version", report.tool.version.as_str()),
        ("suite", report.suite.digest.as_str()),
        ("dialect", report.suite.dialect.as_str()),
        ("endpoint", report.target.endpoint.as_str()),
        ("conformant", conformant),
    ];
    let chosen = report.behaviours.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    for (name, value) in fixed.into_iter().chain(chosen) {
        let _ = writeln!(text, "      <property name=\"{}\" value=\"{}\"/>", plain(name), plain(value));
    }
    text.push_str("    </properties>\n");
    for case in cases {
        one(text, case, strict);
    }
    text.push_str("  </testsuite>\n");
}

fn one(text: &mut String, case: &CaseReport, strict: bool) {
    let line = if case.line == 0 { String::new() } else { format!(" line=\"{}\"", case.line) };
    let _ = write!(
        text,
        "    <testcase name=\"{}\" classname=\"{}\" file=\"{}\"{line} time=\"{}\"",
        plain(&case.id),
        plain(&case.theme),
        plain(&case.file),
        seconds(case.elapsed_ms)
    );
    let told = |tag: &str| {
        let story = terminal::failure(case, Style::Plain);
        let kind = case.mismatches.first().map_or_else(
            || case.verdict.as_str().to_owned(),
            |first| format!("{} {}", first.level.as_str(), first.clause),
        );
        let (kind, message) = (plain(&kind), plain(&headline(case)));
        format!(">\n      <{tag} type=\"{kind}\" message=\"{message}\">{}</{tag}>\n    </testcase>\n", body(&story))
    };
    match Standing::of(case, strict) {
        Standing::Good => text.push_str("/>\n"),
        Standing::Bad => text.push_str(&told("failure")),
        Standing::Unknown => text.push_str(&told("error")),
        Standing::Skipped => {
            let message = plain(&headline(case));
            let _ = write!(text, ">\n      <skipped message=\"{message}\"/>\n    </testcase>\n");
        }
        Standing::Tolerated => {
            let story = terminal::failure(case, Style::Plain);
            let _ = write!(text, ">\n      <system-out>{}</system-out>\n    </testcase>\n", body(&story));
        }
    }
}

fn count(cases: &[&CaseReport], strict: bool, standing: Standing) -> usize {
    cases.iter().filter(|case| Standing::of(case, strict) == standing).count()
}

fn seconds(milliseconds: u64) -> String {
    format!("{}.{:03}", milliseconds / 1000, milliseconds % 1000)
}

/// A stranger's words in an attribute.
fn plain(text: &str) -> String {
    body(&visible(text)).replace('"', "&quot;")
}

/// Lines that were made visible before.
fn body(text: &str) -> String {
    escape(text)
}

//! A report as JUnit XML: [`write`].
//!
//! A suite a file. The line of a case stands in what is told of it, as the published schema has no other place for it. A case that breaks what counts is a failure, one that is not known an error, one that was not run skipped; a broken
//! `should` that does not count is told in the output of a case that passes.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::setting::{Standing, headline};
use super::{CaseReport, Report, terminal};
use crate::diagnostic::{Style, visible};
use crate::xml::escape;

/// The report in the form that Jenkins defines and other CI servers take.
pub(super) fn write(report: &Report, strict: bool) -> String {
    let mut files: BTreeMap<&str, Vec<&CaseReport>> = BTreeMap::new();
    for case in &report.cases {
        files.entry(&case.file).or_default().push(case);
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
    for (at, (file, cases)) in files.iter().enumerate() {
        let properties = properties(report, at == 0);
        suite(&mut text, report, file, cases, &properties, strict);
    }
    text.push_str("</testsuites>\n");
    text
}

/// What ran, and the choices of the server where they are asked for.
fn properties(report: &Report, choices: bool) -> Vec<(&str, &str)> {
    let conformant = match report.conformant {
        Some(true) => "true",
        Some(false) => "false",
        None => "unknown",
    };
    let mut all = vec![
        ("version", report.tool.version.as_str()),
        ("suite", report.suite.digest.as_str()),
        ("dialect", report.suite.dialect.as_str()),
        ("endpoint", report.target.endpoint.as_str()),
        ("conformant", conformant),
    ];
    if choices {
        all.extend(report.behaviours.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    }
    all
}

fn suite(
    text: &mut String,
    report: &Report,
    file: &str,
    cases: &[&CaseReport],
    properties: &[(&str, &str)],
    strict: bool,
) {
    let name = file.strip_prefix("cases/").unwrap_or(file);
    let name = name.strip_suffix(".yaml").unwrap_or(name);
    let of = |standing| count(cases, strict, standing);
    let time: u64 = cases.iter().map(|case| case.elapsed_ms).sum();
    let _ = writeln!(
        text,
        "  <testsuite name=\"{}\" file=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\" time=\"{}\" timestamp=\"{}\">",
        plain(name),
        plain(file),
        cases.len(),
        of(Standing::Bad),
        of(Standing::Unknown),
        of(Standing::Skipped),
        seconds(time),
        plain(report.started.trim_end_matches('Z')),
    );
    text.push_str("    <properties>\n");
    for (name, value) in properties {
        let _ = writeln!(text, "      <property name=\"{}\" value=\"{}\"/>", plain(name), plain(value));
    }
    text.push_str("    </properties>\n");
    for case in cases {
        one(text, case, strict);
    }
    text.push_str("  </testsuite>\n");
}

fn one(text: &mut String, case: &CaseReport, strict: bool) {
    let _ = write!(
        text,
        "    <testcase name=\"{}\" classname=\"{}\" time=\"{}\"",
        plain(&case.id),
        plain(&case.theme),
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
fn body(text: &str) -> Cow<'_, str> {
    escape(text)
}

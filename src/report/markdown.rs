//! A report as Markdown: [`write`].

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::setting::{Standing, headline};
use super::{CaseReport, Report, terminal};
use crate::diagnostic::{Style, visible};

/// Most cases that are told in full: a job summary may have a megabyte.
const TOLD: usize = 50;

/// The report: what it means, a table of themes, and each case that did not pass, folded up.
pub(super) fn write(report: &Report, strict: bool) -> String {
    let mut text = format!("## {}: {}\n\n", super::headline(report), plain(&super::meaning(report)));
    // Writing to a string cannot fail.
    let _ = writeln!(
        text,
        "{}, dialect {}, version {}, {}, {} requests in {}.{:03} s\n",
        plain(&report.target.endpoint),
        plain(&report.suite.dialect),
        plain(&report.tool.version),
        plain(&report.started),
        report.totals.requests,
        report.elapsed_ms / 1000,
        report.elapsed_ms % 1000
    );
    table(&mut text, report);
    let bad: Vec<&CaseReport> = report
        .cases
        .iter()
        .filter(|case| !matches!(Standing::of(case, strict), Standing::Good | Standing::Skipped))
        .collect();
    for case in bad.iter().take(TOLD) {
        let story = terminal::failure(case, Style::Plain);
        // A fence longer than any run of backticks in it.
        let longest = story.split(|c| c != '`').map(str::len).max().unwrap_or(0);
        let fence = "`".repeat(longest.max(2) + 1);
        let _ = write!(
            text,
            "\n<details><summary>{} <b>{}</b>: {}</summary>\n\n{fence}text\n{story}{fence}\n\n</details>\n",
            if case.known.is_some() { "known failure" } else { case.verdict.as_str() },
            html(&case.id),
            html(&case.known.as_ref().map_or_else(|| headline(case), |why| format!("{why}; {}", headline(case))))
        );
    }
    if bad.len() > TOLD {
        let _ = writeln!(text, "\nand {} more", bad.len() - TOLD);
    }
    if !report.behaviours.is_empty() {
        let pairs: Vec<String> =
            report.behaviours.iter().map(|(name, value)| format!("{}={}", plain(name), plain(value))).collect();
        let _ = writeln!(text, "\nAt points that the documents leave open: {}", pairs.join(", "));
    }
    for note in &report.notes {
        let _ = writeln!(text, "\nNote: {}", plain(note));
    }
    text
}

fn table(text: &mut String, report: &Report) {
    let mut themes: BTreeMap<&str, Vec<&CaseReport>> = BTreeMap::new();
    for case in &report.cases {
        themes.entry(&case.theme).or_default().push(case);
    }
    text.push_str(
        "| theme | cases | pass | must failed | should failed | error | skipped |\n|---|---|---|---|---|---|---|\n",
    );
    let all: Vec<&CaseReport> = report.cases.iter().collect();
    for (theme, cases) in themes.iter().map(|(theme, cases)| (*theme, cases)).chain([("all", &all)]) {
        let cells = terminal::row(theme, cases);
        let cells: Vec<String> = cells.iter().map(|cell| plain(cell)).collect();
        let _ = writeln!(text, "| {} |", cells.join(" | "));
    }
}

/// A stranger's words in running text: nothing in them is markup.
pub(super) fn plain(words: &str) -> String {
    let mut text = String::new();
    for character in visible(words).chars() {
        match character {
            '<' => text.push_str("&lt;"),
            '>' => text.push_str("&gt;"),
            '&' => text.push_str("&amp;"),
            // `@` and `#` make links of names and numbers at some hosts.
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '(' | ')' | '#' | '!' | '|' | '~' | '$' | '@' => {
                text.extend(['\\', character]);
            }
            _ => text.push(character),
        }
    }
    text
}

/// The same within HTML.
fn html(words: &str) -> String {
    visible(words).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('\u{60}', "&#96;")
}

//! A report for people: [`failure`] a case, [`summary`] the rest.
//!
//! Whatever a server sent goes through [`visible`], so that it cannot drive the terminal.

use std::collections::BTreeMap;

use super::{CaseReport, MismatchReport, Report, Verdict};
use crate::diagnostic::{Style, visible};
use crate::dialect::Level;

/// Longest value shown on a line, in characters.
const LINE: usize = 300;

#[derive(Clone, Copy)]
enum Paint {
    Good,
    Bad,
    Warn,
    Bold,
    Dim,
}

fn paint(style: Style, paint: Paint, text: &str) -> String {
    if style == Style::Plain {
        return text.to_owned();
    }
    let code = match paint {
        Paint::Good => "32",
        Paint::Bad => "31;1",
        Paint::Warn => "33",
        Paint::Bold => "1",
        Paint::Dim => "2",
    };
    format!("\x1b[{code}m{text}\x1b[0m")
}

fn short(text: &str) -> String {
    let text = visible(text);
    if text.chars().count() <= LINE {
        return text;
    }
    let head: String = text.chars().take(LINE).collect();
    format!("{head}…")
}

/// What happened to a case that did not pass: where it stands, and for each wrong answer the clause, what was expected and
/// what came, the answer, and how to ask again. Empty for one that passed.
pub fn failure(case: &CaseReport, style: Style) -> String {
    let word = match case.verdict {
        Verdict::Pass => return String::new(),
        Verdict::Fail => paint(style, if case.level == Level::Must { Paint::Bad } else { Paint::Warn }, "FAIL"),
        other => paint(style, Paint::Warn, &other.as_str().to_uppercase()),
    };
    let id = paint(style, Paint::Bold, &visible(&case.id));
    // A generated case has no place.
    let place = if case.line == 0 { String::new() } else { format!("  {}:{}", visible(&case.file), case.line) };
    let mut text = format!("{word} {id} ({}){place}\n", case.level);
    if !case.about.is_empty() {
        text.extend(["  ", &short(&case.about), "\n"]);
    }
    if let Some(reason) = &case.reason {
        text.extend(["  ", &short(reason), "\n"]);
    }
    let mut before: Option<&MismatchReport> = None;
    for mismatch in &case.mismatches {
        let place = |mismatch: &MismatchReport| (mismatch.step, mismatch.answer, mismatch.request.clone());
        let same_step = before.is_some_and(|before| place(before) == place(mismatch));
        if !same_step {
            if let Some(before) = before {
                exchange(&mut text, before, style);
            }
            text.push_str(&step(mismatch));
        }
        if !same_step || before.is_none_or(|before| before.clause != mismatch.clause) {
            let source = paint(style, Paint::Dim, &format!("[{}]", visible(&mismatch.source)));
            let clause = paint(style, Paint::Bold, &visible(&mismatch.clause));
            let level = mismatch.level.as_str();
            text.extend(["    ", level, " ", &clause, ": ", &visible(&mismatch.text), " ", &source, "\n"]);
        }
        text.extend(["      ", &visible(&mismatch.field), "\n"]);
        text.extend(["        expected  ", &paint(style, Paint::Good, &short(&mismatch.expected)), "\n"]);
        text.extend(["        actual    ", &paint(style, Paint::Bad, &short(&mismatch.actual)), "\n"]);
        before = Some(mismatch);
    }
    if let Some(last) = before {
        exchange(&mut text, last, style);
    }
    text
}

fn step(mismatch: &MismatchReport) -> String {
    let request = visible(mismatch.request.lines().next().unwrap_or_default());
    let request = request.strip_suffix(" HTTP/1.1").unwrap_or(&request).to_owned();
    let asked = if mismatch.attempts > 1 { format!(", asked {} times", mismatch.attempts) } else { String::new() };
    match mismatch.step {
        0 if mismatch.request.is_empty() => String::new(),
        0 => format!("  the rules of the case, line {}{asked}: {request}\n", mismatch.line),
        number => {
            let answer = mismatch.answer.map_or_else(String::new, |answer| format!(", answer {answer}"));
            let line = if mismatch.line == 0 { String::new() } else { format!(", line {}", mismatch.line) };
            format!("  step {number}{line}{answer}{asked}: {request}\n")
        }
    }
}

/// The head of the answer and the command that asks again.
fn exchange(text: &mut String, mismatch: &MismatchReport, style: Style) {
    for line in mismatch.response.lines().take(24) {
        let line = format!("< {}", short(line));
        text.extend(["      ", &paint(style, Paint::Dim, line.trim_end()), "\n"]);
    }
    if !mismatch.curl.is_empty() {
        // A body may have several lines, and between quotes a shell wants them as they are.
        let lines: Vec<String> = mismatch.curl.lines().map(visible).collect();
        text.extend(["      again: ", &lines.join("\n"), "\n"]);
    }
}

/// Verdicts by theme and level, what was observed, and what it means.
pub fn summary(report: &Report, style: Style) -> String {
    let mut themes: BTreeMap<&str, Vec<&CaseReport>> = BTreeMap::new();
    for case in &report.cases {
        themes.entry(&case.theme).or_default().push(case);
    }
    let mut rows =
        vec![["theme", "cases", "pass", "must failed", "should failed", "error", "skipped"].map(str::to_owned)];
    for (theme, cases) in &themes {
        rows.push(row(theme, cases));
    }
    rows.push(row("all", &report.cases.iter().collect::<Vec<_>>()));
    let mut text = table(&rows);
    let unsupported = report.cases.iter().find(|case| case.verdict == Verdict::Unsupported);
    if let Some(reason) = unsupported.and_then(|case| case.reason.as_deref()) {
        text.extend(["\nunsupported: ", &short(reason), "\n"]);
    }
    let skipped = reasons(report, Verdict::Skip);
    for (reason, count) in skipped {
        text.extend(["\nskipped ", &count.to_string(), ": ", &short(reason), "\n"]);
    }
    if !report.behaviours.is_empty() {
        text.push_str("\nat points that the documents leave open:\n");
        let pairs: Vec<String> =
            report.behaviours.iter().map(|(name, value)| visible(&format!("{name}={value}"))).collect();
        text.push_str(&wrapped(&pairs));
    }
    for note in &report.notes {
        text.extend(["\nnote: ", &short(note), "\n"]);
    }
    text.push('\n');
    let totals = &report.totals;
    let tenths = report.elapsed_ms / 10;
    let counts = format!(
        "{} assertions, {} requests, {}.{:02} s, {} dialect, {}\n",
        totals.assertions,
        totals.requests,
        tenths / 100,
        tenths % 100,
        visible(&report.suite.dialect),
        visible(&report.target.endpoint),
    );
    text.push_str(&counts);
    let verdict = match report.conformant {
        Some(true) => paint(style, Paint::Good, "conformant: yes"),
        Some(false) => paint(style, Paint::Bad, "conformant: no"),
        None => paint(style, Paint::Warn, &format!("conformant: not known ({})", why_unknown(report))),
    };
    text.extend([verdict.as_str(), "\n"]);
    text
}

pub(super) fn why_unknown(report: &Report) -> &'static str {
    let has = |verdict| report.cases.iter().any(|case| case.verdict == verdict && case.unjudged_must);
    if report.totals.assertions == 0 {
        "nothing was asserted"
    } else if has(Verdict::Error) {
        "a must case ended in an error"
    } else if has(Verdict::Skip) {
        "a must case was skipped"
    } else if report.cases.iter().any(|case| case.unjudged_must) {
        "a must case could not be judged to its end"
    } else if !report.suite.complete {
        "the complete bundled suite did not run, or a baseline was given"
    } else {
        "a run without keys claims nothing"
    }
}

fn reasons(report: &Report, verdict: Verdict) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for case in report.cases.iter().filter(|case| case.verdict == verdict) {
        *counts.entry(case.reason.as_deref().unwrap_or_default()).or_insert(0) += 1;
    }
    counts
}

/// A line of the table of themes: how many cases had which verdict.
pub(super) fn row(name: &str, cases: &[&CaseReport]) -> [String; 7] {
    let count = |keep: &dyn Fn(&CaseReport) -> bool| cases.iter().filter(|case| keep(case)).count().to_string();
    let failed = |case: &CaseReport| matches!(case.verdict, Verdict::Fail | Verdict::Unsupported);
    [
        visible(name),
        cases.len().to_string(),
        count(&|case| case.verdict == Verdict::Pass),
        count(&|case| failed(case) && case.level == Level::Must),
        count(&|case| failed(case) && case.level != Level::Must),
        count(&|case| case.verdict == Verdict::Error),
        count(&|case| case.verdict == Verdict::Skip),
    ]
}

/// The first column to the left, the others to the right.
fn table(rows: &[[String; 7]]) -> String {
    let mut text = String::new();
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    for row in rows {
        let cells: Vec<String> = row
            .iter()
            .enumerate()
            .map(|(column, cell)| match column {
                0 => format!("{cell:<width$}", width = width(0)),
                _ => format!("{cell:>width$}", width = width(column)),
            })
            .collect();
        text.extend([&cells.join("  "), "\n"]);
    }
    text
}

fn wrapped(items: &[String]) -> String {
    let mut text = String::new();
    let mut line = String::new();
    for item in items {
        if !line.is_empty() && line.len() + item.len() > 98 {
            text.extend(["  ", line.trim_end(), "\n"]);
            line.clear();
        }
        line.extend([item.as_str(), "  "]);
    }
    text.extend(["  ", line.trim_end(), "\n"]);
    text
}

#[cfg(test)]
mod tests {
    use super::super::tests::{case, report};
    use super::*;
    use crate::case::expect::Mismatch;

    fn failed() -> CaseReport {
        let mut failed = case("first-of-two", Verdict::Fail, Level::Must);
        failed.about = "both rules match".to_owned();
        let bare = |field: &str, expected: &str, actual: &str| MismatchReport {
            step: 1,
            text: "The first rule answers.".to_owned(),
            source: "PUT".to_owned(),
            request: "OPTIONS /b/k HTTP/1.1\norigin: https://a\n".to_owned(),
            response: "HTTP/1.1 200 OK\nx: \x1b[2J\n".to_owned(),
            attempts: 2,
            curl: "curl -X OPTIONS http://h/b/k".to_owned(),
            ..MismatchReport::bare(Mismatch::new("match.first", field, expected, actual), 7)
        };
        failed.mismatches = vec![
            bare("headers.access-control-max-age", "10", "20"),
            bare("headers.access-control-allow-origin", "https://a", "\u{202e}*"),
        ];
        failed
    }

    #[test]
    fn a_failure() {
        insta::assert_snapshot!(failure(&failed(), Style::Plain), @r"
        FAIL first-of-two (must)  cases/config/x.yaml:3
          both rules match
          step 1, line 7, asked 2 times: OPTIONS /b/k
            must match.first: The first rule answers. [PUT]
              headers.access-control-max-age
                expected  10
                actual    20
              headers.access-control-allow-origin
                expected  https://a
                actual    \u{202e}*
              < HTTP/1.1 200 OK
              < x: \u{1b}[2J
              again: curl -X OPTIONS http://h/b/k
        ");
        assert!(failure(&failed(), Style::Coloured).contains("\x1b[31;1mFAIL\x1b[0m"));
        assert_eq!(failure(&case("a", Verdict::Pass, Level::Must), Style::Plain), "");
    }

    #[test]
    fn a_summary() {
        let mut skipped = case("c", Verdict::Skip, Level::Must);
        skipped.reason = Some("needs a second account".to_owned());
        let mut seen = case("d", Verdict::Pass, Level::May);
        seen.observed.insert("max_rules".to_owned(), "10".to_owned());
        let mut report = report(vec![case("a", Verdict::Pass, Level::Must), failed(), skipped, seen]);
        report.notes.push("bucket x is left over".to_owned());
        insta::assert_snapshot!(summary(&report, Style::Plain), @"
        theme   cases  pass  must failed  should failed  error  skipped
        config      4     2            1              0      0        1
        all         4     2            1              0      0        1

        skipped 1: needs a second account

        at points that the documents leave open:
          max_rules=10

        note: bucket x is left over

        4 assertions, 0 requests, 0.01 s, oss dialect, http://127.0.0.1:9000
        conformant: no
        ");
    }
}

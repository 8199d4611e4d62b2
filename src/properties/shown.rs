//! What is shown to people and machines: nothing in it that a stranger wrote takes effect.

use super::broken;
use crate::case::expect::Mismatch;
use crate::case::{Case, Suite};
use crate::diagnostic::{SourceFile, Style, render, visible};
use crate::dialect::Dialect;
use crate::report::{
    CaseReport, Format, Kind, MismatchReport, Report, Setting, SuiteIdentity, Target, Tool, Totals, Verdict, json,
    terminal,
};
use crate::xml;

/// A report with these words of a stranger wherever a report has words.
fn report(words: &str) -> Report {
    let owned = || words.to_owned();
    let mismatch = Mismatch::new(words, words, words, words);
    let mismatch = MismatchReport {
        text: owned(),
        source: owned(),
        request: owned(),
        response: owned(),
        curl: owned(),
        ..MismatchReport::bare(mismatch, 1)
    };
    let case = CaseReport {
        id: owned(),
        about: owned(),
        theme: owned(),
        file: owned(),
        line: 1,
        clauses: vec![owned()],
        verdict: Verdict::Fail,
        level: crate::dialect::Level::Must,
        unjudged_must: false,
        elapsed_ms: 0,
        assertions: 1,
        observed: [(owned(), owned())].into(),
        known: None,
        reason: Some(owned()),
        mismatches: vec![mismatch],
        rounds: Vec::new(),
        answers: Vec::new(),
    };
    let skipped = CaseReport { verdict: Verdict::Skip, mismatches: Vec::new(), ..case.clone() };
    let mut report = Report {
        format_version: 1,
        tool: Tool { name: owned(), version: owned() },
        suite: SuiteIdentity { digest: owned(), dialect: owned(), complete: true, partition: None },
        target: Target { endpoint: owned(), kind: Kind::Endpoint },
        started: owned(),
        elapsed_ms: 0,
        totals: Totals::default(),
        conformant: None,
        behaviours: std::collections::BTreeMap::new(),
        notes: vec![owned()],
        cases: vec![case, skipped],
    };
    report.finish(true);
    report
}

/// Terminal, JSON, XML, diagnostics: a stranger's words stay words.
pub fn nothing_escapes(words: &str) {
    let report = report(words);
    let mut plain = terminal::summary(&report, Style::Plain);
    for case in &report.cases {
        plain.push_str(&terminal::failure(case, Style::Plain));
    }
    in_terminal(&plain, words);
    in_json(&report, words);
    in_xml(words);
    in_formats(&report, words);
    let file = SourceFile::new(words, words);
    let found = crate::diagnostic::Diagnostic::error(&file, 0..words.len().min(3), words).label(words).help(words);
    in_terminal(&render(&[found], Style::Plain), words);
    assert_eq!(visible(&visible(words)), visible(words), "shown twice it is something else");
}

/// No control character but line ends, nothing that turns the direction of text.
pub fn in_terminal(text: &str, words: &str) {
    let drives = |c: char| {
        (c.is_control() && c != '\n')
            || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{061c}')
    };
    if let Some(found) = text.chars().find(|c| drives(*c)) {
        broken(&format!("{found:?} reaches the terminal"), &format!("{words:?}\n{text:?}"));
    }
}

fn in_json(report: &Report, words: &str) {
    let text = json::write(report);
    let tree: serde_json::Value =
        serde_json::from_str(&text).unwrap_or_else(|error| broken(&format!("no JSON: {error}"), &text));
    let about = tree.pointer("/cases/0/about").and_then(serde_json::Value::as_str);
    assert_eq!(about, Some(words), "other words in JSON");
}

fn in_xml(words: &str) {
    let text = format!("<a>{}</a>", xml::escape(words));
    match (xml::parse(text.as_bytes()), roxmltree::Document::parse(&text)) {
        (Ok(root), Ok(second)) => {
            let expected: String = words.chars().map(|c| if is_xml(c) { c } else { '\u{fffd}' }).collect();
            assert_eq!(root.text, expected, "other words in XML");
            assert_eq!(second.root_element().text().unwrap_or_default(), expected, "other words by the second parser");
            assert!(root.children.is_empty());
        }
        (first, second) => broken(&format!("not XML: {first:?} {second:?}"), &text),
    }
}

/// Every format has the form that it would have with other words.
fn in_formats(report: &Report, words: &str) {
    let suite = Suite::default();
    let setting = Setting { suite: &suite, dialect: Dialect::oss(), strict: false };
    let written = |format: Format| format.write(report, &setting);
    for format in [Format::Junit, Format::Tap, Format::Markdown, Format::Github, Format::Html] {
        in_terminal(&written(format), words);
    }
    let junit = written(Format::Junit);
    let tree = roxmltree::Document::parse(&junit).unwrap_or_else(|error| broken(&format!("no XML: {error}"), &junit));
    let cases = tree.descendants().filter(|node| node.has_tag_name("testcase"));
    let names: Vec<&str> = cases.filter_map(|case| case.attribute("name")).collect();
    let expected: String = visible(words).chars().map(|c| if is_xml(c) { c } else { '\u{fffd}' }).collect();
    assert_eq!(names, [expected.as_str(), expected.as_str()], "other cases in JUnit XML");
    let tap = written(Format::Tap);
    let points = tap.lines().filter(|line| line.starts_with("ok ") || line.starts_with("not ok ")).count();
    let known =
        |line: &str| ["TAP version 14", "1..2", "ok ", "not ok ", "  "].iter().any(|start| line.starts_with(start));
    assert!(points == 2 && tap.lines().all(known), "another test point: {tap}");
    let github = written(Format::Github);
    assert!(
        github.lines().count() == 2
            && github.lines().all(|line| line.starts_with("::error ") || line.starts_with("::notice ")),
        "another command: {github}"
    );
    let lines = written(Format::JsonLines);
    assert!(lines.lines().count() == 4, "another event: {lines}");
    for text in lines.lines().map(str::to_owned).chain([written(Format::Sarif)]) {
        if let Err(error) = serde_json::from_str::<serde_json::Value>(&text) {
            broken(&format!("no JSON: {error}"), &text);
        }
    }
    // Markup of a stranger is none: there is as much of it as with letters in its place.
    let page = written(Format::Html);
    let letters: String = words.chars().map(|c| if "<>&\"'".contains(c) { 'x' } else { c }).collect();
    let plain = Format::Html.write(&self::report(&letters), &setting);
    for mark in ['<', '>', '"', '\''] {
        if page.matches(mark).count() != plain.matches(mark).count() {
            broken(&format!("{mark:?} of a stranger is in the page as it is"), words);
        }
    }
}

/// Production 2 of XML 1.0.
fn is_xml(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

/// A case file of any text: mistakes are told in bounds and without effect; what is read is written and read again.
pub fn any_case_file(text: &str) {
    let file = SourceFile::new("strange/file.yaml", text);
    let loaded = crate::case::load(&[file], Dialect::oss());
    for found in &loaded.diagnostics {
        assert!(found.span.start <= found.span.end && found.span.end <= text.len(), "a place outside: {found:?}");
    }
    // Rendering is for people; a thousand mistakes are more than anybody reads.
    let shown: Vec<_> = loaded.diagnostics.iter().take(20).cloned().collect();
    in_terminal(&render(&shown, Style::Plain), text);
    if loaded.failed() {
        return;
    }
    for case in &loaded.suite.cases {
        let written = crate::case::write("again", std::slice::from_ref(case));
        let again = crate::case::load(&[SourceFile::new("strange/again.yaml", written.as_str())], Dialect::oss());
        if again.failed() {
            broken(&render(&again.diagnostics, Style::Plain), &written);
        }
        let [read] = again.suite.cases.as_slice() else { broken("it is not one case", &written) };
        let (before, after) = (without_place(case), without_place(read));
        if before != after {
            broken("what is written is another case", &format!("{before}\n{after}\n{written}"));
        }
    }
}

/// All of a case but where it stands.
fn without_place(case: &Case) -> String {
    let mut case = case.clone();
    case.file = SourceFile::new("", "");
    case.theme.clear();
    case.line = 0;
    for step in &mut case.steps {
        step.line = 0;
    }
    format!("{case:#?}")
}

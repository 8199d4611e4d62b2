//! A comparison as text: for terminals, as Markdown, as a page.

use std::fmt::Write as _;

use askama::Template;

use super::{Comparison, Row, Standing, Trend};
use crate::diagnostic::visible;
use crate::report::{html, markdown};

const STYLE: &str = include_str!("../html/page.css");

impl Comparison {
    /// The table for a terminal: with `all`, every clause, else those that tell something.
    pub fn terminal(&self, all: bool) -> String {
        let mut text = String::new();
        for (letter, column) in letters().zip(&self.columns) {
            // Writing to a string cannot fail.
            let _ = writeln!(
                text,
                "{letter}  {}: {}, {} must and {} should failed of {} cases",
                visible(&column.name),
                column.headline.to_lowercase(),
                column.failed_must,
                column.failed_should,
                column.cases
            );
        }
        let rows: Vec<&Row> = if all { self.clauses.iter().collect() } else { self.telling().collect() };
        let head: Vec<String> = letters().take(self.columns.len()).collect();
        if !rows.is_empty() {
            text.push_str(&table("clause", &head, rows.into_iter()));
        }
        let open: Vec<&Row> = self.choices.iter().filter(|row| all || !row.agree).collect();
        if !open.is_empty() {
            text.push_str(&table("open point", &head, open.into_iter()));
        }
        for trend in &self.trends {
            let _ = writeln!(text, "\n{}: {}", visible(&trend.target), course(trend));
            for (word, clauses) in [("mended", &trend.mended), ("broken", &trend.broken)] {
                if !clauses.is_empty() {
                    let _ = writeln!(text, "  {word}: {}", visible(&clauses.join(", ")));
                }
            }
        }
        for note in &self.notes {
            let _ = writeln!(text, "note: {note}");
        }
        let _ = writeln!(text, "\n{}", self.verdict(all));
        text
    }

    /// How far the reports agree.
    fn verdict(&self, all: bool) -> String {
        let (agree, asked) = self.agreement();
        let points = self.choices.iter().filter(|row| row.agree).count();
        let rest = if all { "" } else { "; --all shows every clause" };
        format!("agreement: {agree} of {asked} clauses, {points} of {} open points{rest}", self.choices.len())
    }

    /// The same as Markdown, with every clause.
    pub fn markdown(&self) -> String {
        let plain = markdown::plain;
        let mut text = String::from("## Bucket CORS side by side\n\n");
        let _ = writeln!(text, "{}\n", self.verdict(true));
        text.push_str("| | report | | must failed | should failed | cases |\n|---|---|---|---|---|---|\n");
        for (letter, column) in letters().zip(&self.columns) {
            let _ = writeln!(
                text,
                "| {letter} | {} | {} | {} | {} | {} |",
                plain(&column.name),
                column.headline,
                column.failed_must,
                column.failed_should,
                column.cases
            );
        }
        for (title, rows) in [("clause", &self.clauses), ("open point", &self.choices)] {
            if rows.is_empty() {
                continue;
            }
            let head: Vec<String> = letters().take(self.columns.len()).collect();
            let _ = writeln!(text, "\n| {title} | level | {} |", head.join(" | "));
            let _ = writeln!(text, "|---|---|{}", "---|".repeat(head.len()));
            for row in rows {
                let cell = |(at, cell): (usize, &String)| {
                    if row.odd == Some(at) || cell == Standing::Broken.as_str() {
                        format!("**{}**", plain(cell))
                    } else {
                        plain(cell)
                    }
                };
                let cells: Vec<String> = row.cells.iter().enumerate().map(cell).collect();
                let _ = writeln!(text, "| {} | {} | {} |", plain(&row.name), row.level, cells.join(" | "));
            }
        }
        for trend in &self.trends {
            let _ = writeln!(text, "\n{}: {}", plain(&trend.target), plain(&course(trend)));
            for (word, clauses) in [("mended", &trend.mended), ("broken", &trend.broken)] {
                if !clauses.is_empty() {
                    let _ = writeln!(text, "\n{word}: {}", plain(&clauses.join(", ")));
                }
            }
        }
        for note in &self.notes {
            let _ = writeln!(text, "\nNote: {}", plain(note));
        }
        text
    }

    /// The same as one page, nothing loaded from anywhere.
    pub fn html(&self) -> String {
        let rows = |rows: &[Row]| rows.iter().map(Line::of).collect();
        let page = Page {
            style: STYLE,
            style_hash: html::hash(STYLE),
            verdict: self.verdict(true),
            columns: letters()
                .zip(&self.columns)
                .map(|(letter, column)| {
                    let counts =
                        [column.failed_must, column.failed_should, column.cases].map(|count| count.to_string());
                    (letter, visible(&column.name), column.headline, visible(&column.started), counts)
                })
                .collect(),
            letters: letters().take(self.columns.len()).collect(),
            clauses: rows(&self.clauses),
            choices: rows(&self.choices),
            trends: self
                .trends
                .iter()
                .map(|trend| {
                    let lists = [("mended", &trend.mended), ("broken", &trend.broken)].into_iter();
                    let told = lists.filter(|(_, clauses)| !clauses.is_empty());
                    Course {
                        target: visible(&trend.target),
                        points: visible(&course(trend)),
                        lists: told.map(|(word, clauses)| (word, visible(&clauses.join(", ")))).collect(),
                    }
                })
                .collect(),
            notes: self.notes.iter().map(|note| visible(note)).collect(),
        };
        // Writing to memory cannot fail.
        page.render().unwrap_or_default()
    }
}

#[derive(Template)]
#[template(path = "compare.html", config = "src/report/html/askama.toml")]
struct Page {
    style: &'static str,
    style_hash: String,
    verdict: String,
    columns: Vec<(String, String, &'static str, String, [String; 3])>,
    letters: Vec<String>,
    clauses: Vec<Line>,
    choices: Vec<Line>,
    trends: Vec<Course>,
    notes: Vec<String>,
}

struct Course {
    target: String,
    points: String,
    /// What was mended and broken.
    lists: Vec<(&'static str, String)>,
}

struct Line {
    name: String,
    level: &'static str,
    text: String,
    /// Each with a class.
    cells: Vec<(&'static str, String)>,
    agree: bool,
}

impl Line {
    fn of(row: &Row) -> Self {
        let class = |at: usize, cell: &str| match cell {
            _ if row.odd == Some(at) => "odd",
            "ok" => "good",
            "FAIL" | "none" => "bad",
            "?" => "unsure",
            _ => "plain",
        };
        let cells = row.cells.iter().enumerate().map(|(at, cell)| (class(at, cell), visible(cell))).collect();
        Self { name: visible(&row.name), level: row.level.as_str(), text: visible(&row.text), cells, agree: row.agree }
    }
}

/// A, B … Z, AA, AB …
fn letters() -> impl Iterator<Item = String> {
    let letter = |at: usize| char::from_u32(u32::try_from(at).unwrap_or_default() + u32::from('A')).unwrap_or('?');
    (0..).map(move |at: usize| match at / 26 {
        0 => letter(at).to_string(),
        more => format!("{}{}", letter((more - 1) % 26), letter(at % 26)),
    })
}

/// Failures over time.
fn course(trend: &Trend) -> String {
    let points = trend.points.iter().map(|(when, must, should)| {
        let day = when.split('T').next().unwrap_or_default();
        format!("{day} {must} must, {should} should failed")
    });
    points.collect::<Vec<String>>().join(" → ")
}

/// The name to the left, the cells below their letters; the odd one out in brackets.
fn table<'r>(title: &str, head: &[String], rows: impl Iterator<Item = &'r Row>) -> String {
    let mut lines: Vec<Vec<String>> = vec![[&[title.to_owned(), "level".to_owned()], head].concat()];
    for row in rows {
        let cell = |(at, cell): (usize, &String)| {
            if row.odd == Some(at) { format!("[{}]", visible(cell)) } else { visible(cell) }
        };
        let cells: Vec<String> = row.cells.iter().enumerate().map(cell).collect();
        lines.push([vec![visible(&row.name), row.level.to_string()], cells].concat());
    }
    let columns = head.len() + 2;
    let width = |column: usize| {
        lines.iter().filter_map(|line| line.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::from("\n");
    for line in &lines {
        let cells: Vec<String> =
            line.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}", width = *width)).collect();
        text.extend([cells.join("  ").trim_end(), "\n"]);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::tests::{of, three};
    use super::*;
    use crate::dialect::Dialect;

    #[test]
    fn for_a_terminal() {
        insta::assert_snapshot!(three().terminal(false), @r"
        A  http://a: conformant, 0 must and 0 should failed of 2 cases
        B  http://b: not conformant, 1 must and 0 should failed of 2 cases
        C  http://c: conformant, 0 must and 0 should failed of 2 cases

        clause       level  A   B       C
        match.first  must   ok  [FAIL]  ok

        open point  level  A   B     C
        max_rules   may    10  [20]  10

        agreement: 1 of 2 clauses, 0 of 1 open points; --all shows every clause
        ");
    }

    #[test]
    fn every_form() {
        crate::assert_snapshot!("compare_markdown", three().markdown());
        crate::assert_snapshot!("compare_html", three().html());
    }

    /// Names are strangers' words.
    #[test]
    fn words_of_strangers_stay_words() {
        let (_, report) = of("<b>\u{1b}[2J", "2026-01-01T00:00:00Z", &[], "10");
        let name = "</td><script>|\n\u{202e}".to_owned();
        let all = Comparison::of(&[(Some(name), report)], Dialect::oss(), &std::collections::BTreeMap::new());
        for text in [all.terminal(true), all.markdown(), all.html()] {
            assert!(!text.contains(['\u{1b}', '\u{202e}']), "{text}");
        }
        assert!(!all.html().contains("<script>") && !all.markdown().contains("<script>"));
    }

    #[test]
    fn letters_go_on() {
        let some: Vec<String> = letters().take(54).collect();
        assert_eq!([&some[0], &some[25], &some[26], &some[53]], ["A", "Z", "AA", "BB"]);
    }
}

//! What is wrong with a text somebody wrote, and where: [`Diagnostic`], shown by [`render`].
//!
//! One renderer serves case files, dialects, XML documents and failed expectations:
//!
//! ```text
//! error: unknown field `maxage`                  | Diagnostic::message
//!  --> cases/mine.yaml:7:9                       | SourceFile::path, Span
//!   |
//! 7 |         maxage: 10
//!   |         ^^^^^^ not a field of a rule       | Diagnostic::label
//!   |
//!   = help: did you mean `max_age_seconds`?      | Diagnostic::help
//! ```
//!
//! Text of strangers is shown through [`visible`], so it cannot drive a terminal.

use std::ops::Range;
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

/// A place in a text, in bytes.
pub type Span = Range<usize>;

/// A text and the name it is shown under.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SourceFile {
    /// What the user calls it: a path, or a name in angle brackets.
    pub path: String,
    /// The whole text.
    pub text: String,
}

impl SourceFile {
    /// Takes a path and the text found there.
    pub fn new(path: impl Into<String>, text: impl Into<String>) -> Arc<Self> {
        Arc::new(Self { path: path.into(), text: text.into() })
    }

    /// Line and column, both from 1, the column in characters, of a byte offset.
    pub fn position(&self, offset: usize) -> (usize, usize) {
        position(self.text.as_bytes(), offset)
    }
}

/// Line and column, both from 1, of a byte offset in a text that may not be UTF-8; the column counts characters.
pub fn position(text: &[u8], offset: usize) -> (usize, usize) {
    let before = text.get(..offset.min(text.len())).unwrap_or_default();
    let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let line = before.split(|byte| *byte == b'\n').count();
    let in_line = before.get(line_start..).unwrap_or_default();
    (line, String::from_utf8_lossy(in_line).chars().count() + 1)
}

/// How bad it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Severity {
    /// The text cannot be used.
    Error,
    /// The text can be used, and is probably not what its author means.
    Warning,
}

/// One problem, with its place and the way out.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong: a lower-case fragment, what the user wrote in backticks.
    pub message: String,
    /// The text it is about.
    pub file: Arc<SourceFile>,
    /// Where in the text.
    pub span: Span,
    /// What stands under the caret; may be empty.
    pub label: String,
    /// Ways out, one a line.
    pub help: Vec<String>,
}

impl Diagnostic {
    /// An error at a place of a text.
    pub fn error(file: &Arc<SourceFile>, span: Span, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            message: message.into(),
            file: Arc::clone(file),
            span,
            label: String::new(),
            help: Vec::new(),
        }
    }

    /// The same as a warning.
    #[must_use]
    pub fn warning(mut self) -> Self {
        self.severity = Severity::Warning;
        self
    }

    /// With a text under the caret.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// With a way out.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }

    /// With "did you mean", if a name of the list is near to what was written.
    #[must_use]
    pub fn suggest<'a>(self, written: &str, names: impl IntoIterator<Item = &'a str>) -> Self {
        match closest(written, names) {
            Some(name) => self.help(format!("did you mean `{name}`?")),
            None => self,
        }
    }
}

/// Whether the text to render goes to a terminal that shows colours.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Style {
    /// No escape sequences.
    Plain,
    /// Colours.
    Coloured,
}

/// All diagnostics as text, a blank line between two, sorted by file and place.
pub fn render(diagnostics: &[Diagnostic], style: Style) -> String {
    let renderer = match style {
        Style::Plain => Renderer::plain(),
        Style::Coloured => Renderer::styled(),
    };
    let mut sorted: Vec<&Diagnostic> = diagnostics.iter().collect();
    sorted.sort_by_key(|found| (&found.file.path, found.span.start));
    let mut text = String::new();
    for found in sorted {
        let level = match found.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let message = visible(&found.message);
        let label = visible(&found.label);
        let path = visible(&found.file.path);
        let span = clamp(&found.file.text, &found.span);
        let mut annotation = AnnotationKind::Primary.span(span);
        if !label.is_empty() {
            annotation = annotation.label(label.as_str());
        }
        let mut groups = vec![
            level
                .primary_title(message.as_str())
                .element(Snippet::source(found.file.text.as_str()).path(path.as_str()).annotation(annotation)),
        ];
        let help: Vec<String> = found.help.iter().map(|line| visible(line)).collect();
        for line in &help {
            groups.push(Group::with_title(Level::HELP.secondary_title(line.as_str())));
        }
        if !text.is_empty() {
            text.push('\n');
        }
        // The renderer shows C0 controls and some directions as pictures, and lets the rest pass.
        let passed = |c: char| matches!(c, '\u{80}'..='\u{9f}') || rearranges(c);
        text.push_str(&renderer.render(&groups).replace(passed, "\u{fffd}"));
        text.push('\n');
    }
    text
}

/// The span cut to the text and to character boundaries.
fn clamp(text: &str, span: &Span) -> Span {
    let floor = |mut at: usize| {
        at = at.min(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let start = floor(span.start);
    start..floor(span.end).max(start)
}

/// Unicode's directional formatting, separators and characters of no width: they reorder, split or hide what a reader sees.
fn rearranges(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{061c}' | '\u{feff}')
}

/// The text with control, direction and line-separating characters written as `\u{…}`; line ends become `\n`.
pub fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push_str("\\t"),
            _ if character.is_control() || rearranges(character) => shown.extend(character.escape_unicode()),
            _ => shown.push(character),
        }
    }
    shown
}

/// The name nearest to what was written, if it is near: at most one edit in three characters, and never more than three.
pub fn closest<'a>(written: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let allowed = (written.chars().count() / 3).clamp(1, 3);
    names
        .into_iter()
        .map(|name| {
            let folded = fold(name);
            let distance = if folded.starts_with(&fold(written)) && written.len() > 2 {
                1
            } else {
                edit_distance(&fold(written), &folded)
            };
            (distance, name)
        })
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// Spelling without what people get wrong first: case, `-` for `_`.
fn fold(name: &str) -> String {
    name.to_lowercase().replace(['-', '_', ' '], "")
}

/// Levenshtein distance, on texts cut to 64 characters: names are short, and what strangers write may not be.
fn edit_distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().take(64).collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.chars().take(64).enumerate() {
        let mut next = Vec::with_capacity(row.len());
        next.push(i + 1);
        for (b, pair) in right.iter().zip(row.windows(2)) {
            let &[diagonal, above] = pair else { continue };
            let before = next.last().copied().unwrap_or_default();
            let replace = diagonal + usize::from(a != *b);
            next.push(replace.min(above + 1).min(before + 1));
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_diagnostic_shows_place_caret_and_help() {
        let file = SourceFile::new("cases/mine.yaml", "a: 1\nmaxage: 10\n");
        let found = Diagnostic::error(&file, 5..11, "unknown field `maxage`")
            .label("not a field of a rule")
            .suggest("maxage", ["max_age_seconds", "origin"]);
        insta::assert_snapshot!(render(&[found], Style::Plain), @"
        error: unknown field `maxage`
         --> cases/mine.yaml:2:1
          |
        2 | maxage: 10
          | ^^^^^^ not a field of a rule
          |
        help: did you mean `max_age_seconds`?
        ");
    }

    #[test]
    fn hostile_text_cannot_drive_a_terminal() {
        assert_eq!(visible("a\x1b[2Jb\u{202e}c\r\n"), "a\\u{1b}[2Jb\\u{202e}c\\r\\n");
        let file = SourceFile::new("x\x1b]0;t\x07.yaml", "key: \x1b[2J\u{202e}\n");
        let text = render(&[Diagnostic::error(&file, 5..6, "bad \x1b[2J")], Style::Plain);
        assert!(!text.contains('\x1b'), "{text:?}");
        assert!(!text.contains('\u{202e}'), "{text:?}");
    }

    #[test]
    fn any_span_renders() {
        let file = SourceFile::new("x", "é");
        for span in [0..1, 1..1, 5..9, 0..99] {
            assert!(render(&[Diagnostic::error(&file, span, "m")], Style::Plain).contains('m'));
        }
    }

    #[test]
    fn names_that_are_near() {
        let names = ["allowed_origins", "allowed_methods", "expose_headers"];
        assert_eq!(closest("allowed_origin", names), Some("allowed_origins"));
        assert_eq!(closest("AllowedMethods", names), Some("allowed_methods"));
        assert_eq!(closest("expose-header", names), Some("expose_headers"));
        assert_eq!(closest("colour", names), None);
    }

    #[test]
    fn positions_count_characters() {
        let file = SourceFile::new("x", "a\néb\n");
        assert_eq!(file.position(0), (1, 1));
        assert_eq!(file.position(4), (2, 2));
        assert_eq!(file.position(99), (3, 1));
    }
}

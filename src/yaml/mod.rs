//! YAML as a tree whose every value knows its place: [`parse`], and [`Decoder`] to read a tree field by field.
//!
//! The tree is decoded by hand, so that all problems of a file are found at once; only a syntax error stops a file.
//! A plain scalar keeps its spelling (`0755`, `yes`, `1.10`), since header values are text.
//!
//! # Limits
//!
//! A file may come from a stranger: 1 MiB, 32 levels, 20 000 nodes with aliases expanded.

mod decode;

use std::fmt;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde_yaml::options::DuplicateKeyPolicy;
use serde_yaml::{Location, Spanned};

pub use self::decode::{Decoder, Field, Fields, Record, Shape};
pub use crate::diagnostic::Span;
use crate::diagnostic::{Diagnostic, SourceFile};

/// Largest file read, in bytes: fifty times the largest hand-written one.
pub const MAX_BYTES: usize = 1 << 20;
/// Deepest nesting: a case needs nine levels.
const MAX_DEPTH: usize = 32;
/// Most values, aliases expanded: a file of a hundred cases has about five thousand.
const MAX_NODES: usize = 20_000;

/// A value and its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Where it is used (for an alias: where the alias stands).
    pub span: Span,
    /// What it is.
    pub value: Value,
}

/// What a [`Node`] holds.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// Nothing, `~` or `null`.
    Null,
    /// Any text; `plain` if it was written without quotes.
    Scalar {
        /// The text as written, quotes and escapes undone.
        text: String,
        /// Written without quotes, so that it may mean a number or a truth value.
        plain: bool,
    },
    /// A list.
    Seq(Vec<Node>),
    /// A map, in order, equal keys kept.
    Map(Vec<(Key, Node)>),
}

/// A key of a map and its place.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Key {
    /// The text.
    pub text: String,
    /// Where it stands.
    pub span: Span,
}

impl Node {
    /// What it is called in a message.
    pub fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "nothing",
            Value::Scalar { .. } => "a single value",
            Value::Seq(_) => "a list",
            Value::Map(_) => "a map",
        }
    }

    /// The text of a scalar.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }
}

/// Parses a file.
///
/// # Errors
///
/// The syntax error that stops the parser, or the limit that was exceeded.
pub fn parse(file: &Arc<SourceFile>) -> Result<Node, Box<Diagnostic>> {
    if file.text.len() > MAX_BYTES {
        return Err(Box::new(
            Diagnostic::error(file, 0..0, "file is too large")
                .label(format!("{} bytes, at most {MAX_BYTES} are read", file.text.len())),
        ));
    }
    let options = serde_yaml::options! {
        budget: serde_yaml::budget! {
            max_depth: MAX_DEPTH,
            max_nodes: MAX_NODES,
            max_documents: 1,
        },
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        strict_booleans: true,
        with_snippet: false,
    };
    let raw: Spanned<Raw> =
        serde_yaml::from_str_with_options(&file.text, options).map_err(|error| Box::new(syntax_error(file, &error)))?;
    Ok(node(raw, &file.text))
}

fn syntax_error(file: &Arc<SourceFile>, error: &serde_yaml::Error) -> Diagnostic {
    let span = error.location().map_or(0..0, |place| span(&place, &file.text));
    let message = error.without_snippet().to_string();
    let message = message.lines().next().unwrap_or_default();
    let message = message.split(" at line ").next().unwrap_or_default();
    let near = file.text.get(span.start.saturating_sub(1)..).unwrap_or_default();
    let found = Diagnostic::error(file, span, "not valid YAML").label(message);
    if near.starts_with('*') || near.get(1..).is_some_and(|rest| rest.starts_with('*')) {
        // The likeliest slip in a file about CORS.
        found.help("a value that begins with `*` is an alias in YAML: quote it, as in \"*\"")
    } else {
        found
    }
}

fn span(place: &Location, text: &str) -> Span {
    let number = |value: u64| usize::try_from(value).unwrap_or(usize::MAX);
    let bytes = place.span();
    // Syntax errors know line and column only.
    let start = match bytes.byte_offset() {
        Some(offset) => number(offset),
        None => line_start(text, number(place.line())) + number(place.column()).saturating_sub(1),
    };
    let start = start.min(text.len());
    let length = bytes.byte_len().map_or(1, number);
    start..start.saturating_add(length).min(text.len())
}

/// Byte at which a line, counted from 1, begins.
fn line_start(text: &str, line: usize) -> usize {
    let ends = text.match_indices('\n').map(|(at, _)| at + 1);
    std::iter::once(0).chain(ends).nth(line.saturating_sub(1)).unwrap_or(text.len())
}

/// What serde hands over, before spellings are restored.
enum Raw {
    Null,
    /// A number or truth value, whose spelling stands in the source.
    Plain,
    Text(String),
    Seq(Vec<Spanned<Self>>),
    Map(Vec<(Spanned<String>, Spanned<Self>)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any YAML value")
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_none<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_some<D: serde::Deserializer<'de>>(self, inner: D) -> Result<Raw, D::Error> {
        Raw::deserialize(inner)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Raw, E> {
        Ok(Raw::Plain)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Raw, E> {
        Ok(Raw::Plain)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Raw, E> {
        Ok(Raw::Plain)
    }

    fn visit_i128<E>(self, _: i128) -> Result<Raw, E> {
        Ok(Raw::Plain)
    }

    fn visit_u128<E>(self, _: u128) -> Result<Raw, E> {
        Ok(Raw::Plain)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Raw, E> {
        Ok(Raw::Plain)
    }

    fn visit_str<E>(self, text: &str) -> Result<Raw, E> {
        Ok(Raw::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Raw, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Raw::Seq(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Raw, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Raw::Map(entries))
    }
}

fn node(raw: Spanned<Raw>, source: &str) -> Node {
    let defined = span(&raw.defined, source);
    let written = source.get(defined).unwrap_or_default();
    let value = match raw.value {
        Raw::Null => Value::Null,
        Raw::Plain => Value::Scalar { text: written.trim().to_owned(), plain: true },
        Raw::Text(text) => Value::Scalar { plain: !written.starts_with(['"', '\'', '|', '>']), text },
        Raw::Seq(items) => Value::Seq(items.into_iter().map(|item| node(item, source)).collect()),
        Raw::Map(entries) => Value::Map(
            entries
                .into_iter()
                .map(|(key, value)| {
                    let key = Key { span: span(&key.referenced, source), text: key.value };
                    (key, node(value, source))
                })
                .collect(),
        ),
    };
    Node { span: span(&raw.referenced, source), value }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::{Style, render};

    fn parsed(text: &str) -> Result<Node, String> {
        parse(&SourceFile::new("f.yaml", text)).map_err(|found| render(&[*found], Style::Plain))
    }

    #[test]
    fn scalars_keep_their_spelling() {
        let Value::Seq(items) = parsed("[0755, yes, true, 1.10, \"10\", 'x', null, -1, 1e3]").unwrap().value else {
            panic!("not a list");
        };
        let texts: Vec<_> = items.iter().map(Node::text).collect();
        assert_eq!(
            texts,
            [
                Some("0755"),
                Some("yes"),
                Some("true"),
                Some("1.10"),
                Some("10"),
                Some("x"),
                None,
                Some("-1"),
                Some("1e3")
            ]
        );
        assert!(matches!(items[0].value, Value::Scalar { plain: true, .. }));
        assert!(matches!(items[4].value, Value::Scalar { plain: false, .. }));
    }

    #[test]
    fn places_are_byte_spans() {
        let text = "é: {b: value}\n";
        let Value::Map(entries) = parsed(text).unwrap().value else { panic!("not a map") };
        let Value::Map(inner) = &entries[0].1.value else { panic!("not a map") };
        assert_eq!(text.get(inner[0].0.span.clone()), Some("b"));
        assert_eq!(text.get(inner[0].1.span.clone()), Some("value"));
    }

    #[test]
    fn an_unquoted_star_is_explained() {
        insta::assert_snapshot!(parsed("origins: [*]\n").unwrap_err(), @r#"
        error: not valid YAML
         --> f.yaml:1:11
          |
        1 | origins: [*]
          |           ^ while scanning an anchor or alias, did not find expected alphabetic or numeric character
          |
        help: a value that begins with `*` is an alias in YAML: quote it, as in "*"
        "#);
        assert!(parsed("- *.example.com\n").unwrap_err().contains("quote it"));
    }

    #[test]
    fn bombs_are_refused() {
        let mut laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..9 {
            let before = format!("*a{}", level - 1);
            let nine = vec![before; 9].join(", ");
            laughs.extend([format!("a{level}: &a{level} ["), nine, "]\n".to_owned()]);
        }
        assert!(parsed(&laughs).is_err());
        assert!(parsed(&"{a: ".repeat(100_000)).is_err());
        assert!(parsed(&format!("{}x", "- ".repeat(3000))).is_err());
        assert!(parsed(&"x".repeat(MAX_BYTES + 1)).unwrap_err().contains("too large"));
        assert!(parsed("a: 1\n---\nb: 2\n").is_err());
    }

    #[test]
    fn equal_keys_are_kept_for_the_decoder() {
        let Value::Map(entries) = parsed("a: 1\na: 2\n").unwrap().value else { panic!("not a map") };
        assert_eq!(entries.len(), 2);
    }
}

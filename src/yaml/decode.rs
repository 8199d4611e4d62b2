//! Reading a tree by declared fields, and the same declarations as JSON Schema.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::civil::Date;
use serde_json::{Map, json};

use super::{Key, Node, Value};
use crate::diagnostic::{Diagnostic, SourceFile, Span};

/// A map with known fields.
#[derive(Debug)]
#[non_exhaustive]
pub struct Record {
    /// Its name in the schema.
    pub name: &'static str,
    /// What it is called in a message, with an article: "a rule".
    pub called: &'static str,
    /// The fields.
    pub fields: &'static [Field],
}

/// A field of a [`Record`].
#[derive(Debug)]
#[non_exhaustive]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub shape: Shape,
    /// Whether it must be there.
    pub required: bool,
    /// One line for readers of the schema.
    pub about: &'static str,
}

impl Record {
    /// Declares a record.
    pub const fn new(name: &'static str, called: &'static str, fields: &'static [Field]) -> Self {
        Self { name, called, fields }
    }
}

impl Field {
    /// Declares a field that may be left out.
    pub const fn optional(name: &'static str, shape: Shape, about: &'static str) -> Self {
        Self { name, shape, required: false, about }
    }

    /// Declares a field that must be there.
    pub const fn required(name: &'static str, shape: Shape, about: &'static str) -> Self {
        Self { name, shape, required: true, about }
    }
}

/// What a field holds, for the schema.
#[derive(Debug)]
#[non_exhaustive]
pub enum Shape {
    /// Nothing.
    Null,
    /// Any scalar, taken as text.
    Text,
    /// A whole number from 0.
    Integer,
    /// `true` or `false`.
    Truth,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A list.
    List(&'static Self),
    /// A map from any name.
    MapOf(&'static Self),
    /// A map with known fields.
    Record(&'static Record),
    /// Any of these.
    AnyOf(&'static [Self]),
}

impl Shape {
    /// The JSON Schema (draft 2020-12) of files of this shape.
    pub fn schema(&self, title: &str) -> serde_json::Value {
        let mut definitions = BTreeMap::new();
        let body = self.describe(&mut definitions);
        let mut schema = Map::new();
        schema.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
        schema.insert("title".to_owned(), json!(title));
        if let serde_json::Value::Object(body) = body {
            schema.extend(body);
        }
        let definitions: Map<_, _> = definitions.into_iter().map(|(name, body)| (name.to_owned(), body)).collect();
        schema.insert("$defs".to_owned(), serde_json::Value::Object(definitions));
        serde_json::Value::Object(schema)
    }

    fn describe(&self, definitions: &mut BTreeMap<&'static str, serde_json::Value>) -> serde_json::Value {
        match self {
            Self::Null => json!({"type": "null"}),
            Self::Text => json!({"type": ["string", "number", "boolean"]}),
            Self::Integer => json!({"type": "integer", "minimum": 0}),
            Self::Truth => json!({"type": "boolean"}),
            Self::Word(words) => json!({"enum": words}),
            Self::List(item) => json!({"type": "array", "items": item.describe(definitions)}),
            Self::MapOf(item) => {
                json!({"type": "object", "additionalProperties": item.describe(definitions)})
            }
            Self::AnyOf(shapes) => {
                let shapes: Vec<_> = shapes.iter().map(|shape| shape.describe(definitions)).collect();
                json!({"anyOf": shapes})
            }
            Self::Record(record) => {
                if !definitions.contains_key(record.name) {
                    // The name goes in first, so that a record that holds itself ends.
                    definitions.insert(record.name, serde_json::Value::Null);
                    let body = record.describe(definitions);
                    definitions.insert(record.name, body);
                }
                json!({"$ref": format!("#/$defs/{}", record.name)})
            }
        }
    }
}

impl Record {
    fn describe(&self, definitions: &mut BTreeMap<&'static str, serde_json::Value>) -> serde_json::Value {
        let mut properties = Map::new();
        let mut required = Vec::new();
        for field in self.fields {
            let mut shape = field.shape.describe(definitions);
            if let Some(shape) = shape.as_object_mut() {
                shape.insert("description".to_owned(), json!(field.about));
            }
            properties.insert(field.name.to_owned(), shape);
            if field.required {
                required.push(field.name);
            }
        }
        json!({
            "type": "object",
            "properties": properties,
            "required": required,
            "additionalProperties": false,
        })
    }
}

/// Reads a tree and collects what is wrong with it. Each method reports and returns `None` where a value does not fit.
#[derive(Debug)]
pub struct Decoder {
    file: Arc<SourceFile>,
    diagnostics: Vec<Diagnostic>,
}

/// The entries of a map, by declared field.
#[derive(Clone, Debug)]
pub struct Fields<'n> {
    entries: Vec<(&'static str, &'n Node)>,
    /// Where the map begins.
    pub span: Span,
}

impl<'n> Fields<'n> {
    /// The value of a field.
    pub fn get(&self, name: &str) -> Option<&'n Node> {
        self.entries.iter().find(|(field, _)| *field == name).map(|(_, node)| *node)
    }

    /// The names that are there.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.entries.iter().map(|(name, _)| *name)
    }
}

impl Decoder {
    /// For a file.
    pub fn new(file: &Arc<SourceFile>) -> Self {
        Self { file: Arc::clone(file), diagnostics: Vec::new() }
    }

    /// All that was found.
    pub fn finish(self) -> Vec<Diagnostic> {
        self.diagnostics
    }

    /// How many diagnostics there are so far.
    pub fn found(&self) -> usize {
        self.diagnostics.len()
    }

    /// The file that is read.
    pub fn file(&self) -> &Arc<SourceFile> {
        &self.file
    }

    /// A new error, to be given label and help and then to [`Decoder::push`].
    pub fn error(&self, span: &Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic::error(&self.file, span.clone(), message)
    }

    /// Keeps a diagnostic.
    pub fn push(&mut self, found: Diagnostic) {
        self.diagnostics.push(found);
    }

    fn mismatch(&mut self, node: &Node, expected: &str) {
        let found = self.error(&node.span, format!("expected {expected}")).label(match node.text() {
            Some(text) => format!("this is `{}`", text.chars().take(60).collect::<String>()),
            None => format!("this is {}", node.kind()),
        });
        self.push(found);
    }

    /// The entries of a map, equal keys reported.
    pub fn map<'n>(&mut self, node: &'n Node, expected: &str) -> Option<Vec<(&'n Key, &'n Node)>> {
        let Value::Map(entries) = &node.value else {
            self.mismatch(node, expected);
            return None;
        };
        let mut seen: Vec<(&Key, &Node)> = Vec::with_capacity(entries.len());
        for (key, value) in entries {
            if seen.iter().any(|(before, _)| before.text == key.text) {
                let found =
                    self.error(&key.span, format!("`{}` is given twice", key.text)).label("remove one of the two");
                self.push(found);
            } else {
                seen.push((key, value));
            }
        }
        Some(seen)
    }

    /// The fields of a record: unknown, repeated and missing ones are reported.
    pub fn fields<'n>(&mut self, node: &'n Node, record: &'static Record) -> Option<Fields<'n>> {
        let names: Vec<&str> = record.fields.iter().map(|field| field.name).collect();
        let entries = self.map(node, &format!("{}: a map with `{}`", record.called, names.join("`, `")))?;
        let mut known = Vec::with_capacity(entries.len());
        for (key, value) in entries {
            if let Some(field) = record.fields.iter().find(|field| field.name == key.text) {
                known.push((field.name, value));
            } else {
                let found = self
                    .error(&key.span, format!("unknown field `{}`", key.text))
                    .label(format!("not a field of {}", record.called));
                let near = crate::diagnostic::closest(&key.text, names.iter().copied());
                let found = match near {
                    Some(name) => found.help(format!("did you mean `{name}`?")),
                    None => found.help(format!("{} has `{}`", record.called, names.join("`, `"))),
                };
                self.push(found);
            }
        }
        let span = match &node.value {
            Value::Map(entries) => entries.first().map_or(node.span.clone(), |(key, _)| key.span.clone()),
            _ => node.span.clone(),
        };
        for field in record.fields.iter().filter(|field| field.required) {
            if !known.iter().any(|(name, _)| *name == field.name) {
                let found = self
                    .error(&span, format!("{} needs `{}`", record.called, field.name))
                    .label("here")
                    .help(format!("`{}`: {}", field.name, field.about));
                self.push(found);
            }
        }
        Some(Fields { entries: known, span })
    }

    /// The items of a list.
    pub fn list<'n>(&mut self, node: &'n Node, expected: &str) -> Option<&'n [Node]> {
        if let Value::Seq(items) = &node.value {
            return Some(items);
        }
        self.mismatch(node, expected);
        None
    }

    /// Any scalar as text.
    pub fn text(&mut self, node: &Node, expected: &str) -> Option<String> {
        let text = node.text().map(str::to_owned);
        if text.is_none() {
            self.mismatch(node, expected);
        }
        text
    }

    /// A list of texts; a single text is a list of one.
    pub fn texts(&mut self, node: &Node, expected: &str) -> Option<Vec<String>> {
        if let Some(text) = node.text() {
            return Some(vec![text.to_owned()]);
        }
        let items = self.list(node, expected)?;
        let texts: Vec<_> = items.iter().map(|item| self.text(item, expected)).collect();
        texts.into_iter().collect()
    }

    /// A whole number from 0, not larger than `most`.
    pub fn integer(&mut self, node: &Node, most: u64) -> Option<u64> {
        let number = node.text().and_then(|text| text.parse::<u64>().ok());
        match number {
            Some(number) if number <= most => Some(number),
            _ => {
                self.mismatch(node, &format!("a whole number from 0 to {most}"));
                None
            }
        }
    }

    /// A day such as 2027-01-31.
    pub fn day(&mut self, node: &Node) -> Option<Date> {
        let text = self.text(node, "a day")?;
        let day = text.parse::<Date>().ok();
        if day.is_none() {
            let found = self.error(&node.span, format!("`{text}` is no day")).help("such as 2027-01-31");
            self.push(found);
        }
        day
    }

    /// `true` or `false`, unquoted.
    pub fn truth(&mut self, node: &Node) -> Option<bool> {
        match &node.value {
            Value::Scalar { text, plain: true } if text == "true" => Some(true),
            Value::Scalar { text, plain: true } if text == "false" => Some(false),
            _ => {
                self.mismatch(node, "`true` or `false`");
                None
            }
        }
    }

    /// One of a list of words.
    pub fn word<T: Copy>(&mut self, node: &Node, words: &[(&str, T)]) -> Option<T> {
        let names: Vec<&str> = words.iter().map(|(name, _)| *name).collect();
        let expected = format!("one of `{}`", names.join("`, `"));
        let text = self.text(node, &expected)?;
        let found = words.iter().find(|(name, _)| *name == text).map(|(_, value)| *value);
        if found.is_none() {
            let problem = self
                .error(&node.span, format!("unknown value `{text}`"))
                .label(format!("expected {expected}"))
                .suggest(&text, names);
            self.push(problem);
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::{Style, render};

    static RULE: Record = Record::new(
        "rule",
        "a rule",
        &[Field::required("origin", Shape::Text, "who asks"), Field::optional("age", Shape::Integer, "seconds")],
    );

    #[test]
    fn every_problem_of_a_record_is_reported() {
        let file = SourceFile::new("f.yaml", "orign: x\nage: -1\nage: 2\n");
        let node = super::super::parse(&file).unwrap();
        let mut decoder = Decoder::new(&file);
        let fields = decoder.fields(&node, &RULE).unwrap();
        assert_eq!(decoder.integer(fields.get("age").unwrap(), 10), None);
        insta::assert_snapshot!(render(&decoder.finish(), Style::Plain), @"
        error: unknown field `orign`
         --> f.yaml:1:1
          |
        1 | orign: x
          | ^^^^^ not a field of a rule
          |
        help: did you mean `origin`?

        error: a rule needs `origin`
         --> f.yaml:1:1
          |
        1 | orign: x
          | ^^^^^ here
          |
        help: `origin`: who asks

        error: expected a whole number from 0 to 10
         --> f.yaml:2:6
          |
        2 | age: -1
          |      ^^ this is `-1`

        error: `age` is given twice
         --> f.yaml:3:1
          |
        3 | age: 2
          | ^^^ remove one of the two
        ");
    }

    #[test]
    fn the_schema_says_what_the_decoder_reads() {
        insta::assert_snapshot!(Shape::Record(&RULE).schema("t").to_string(), @r##"{"$schema":"https://json-schema.org/draft/2020-12/schema","title":"t","$ref":"#/$defs/rule","$defs":{"rule":{"type":"object","properties":{"origin":{"type":["string","number","boolean"],"description":"who asks"},"age":{"type":"integer","minimum":0,"description":"seconds"}},"required":["origin"],"additionalProperties":false}}}"##);
    }
}

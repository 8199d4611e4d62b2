//! Divergences that are known and not to be told again: [`Allowlist`].
//!
//! ```yaml
//! known:
//!   - clause: preflight.methods
//!     field: headers.access-control-allow-methods
//!     reason: lists every method, to be mended in the next release
//!     link: https://tracker.example/123
//!     expires: 2027-01-31
//! ```
//!
//! An entry silences the findings of its clause; `field`, `expected` and `actual` narrow it to the words of a finding's title.

use std::sync::Arc;

use jiff::civil::Date;

use super::Kind;
use crate::diagnostic::{Diagnostic, SourceFile};
use crate::dialect::Dialect;
use crate::yaml::{self, Decoder, Field, Record, Shape};

/// Known divergences, in the order of their file.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Allowlist {
    /// The entries.
    pub entries: Vec<Allowed>,
}

/// A known divergence.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Allowed {
    /// The clause that is broken.
    pub clause: String,
    /// The part of the answer; none is any.
    pub field: Option<String>,
    /// What had to be there; none is anything.
    pub expected: Option<String>,
    /// What was there; none is anything.
    pub actual: Option<String>,
    /// Why it is let be.
    pub reason: String,
    /// Where more is said of it.
    pub link: Option<String>,
    /// The last day on which the entry counts.
    pub expires: Option<Date>,
    /// Its line in the file.
    pub line: usize,
}

static ALLOWED: Record = Record::new(
    "known",
    "a known divergence",
    &[
        Field::required("clause", Shape::Text, "the clause that is broken"),
        Field::optional("field", Shape::Text, "the part of the answer, such as headers.vary"),
        Field::optional("expected", Shape::Text, "what had to be there, as the finding's title says it"),
        Field::optional("actual", Shape::Text, "what was there, as the finding's title says it"),
        Field::required("reason", Shape::Text, "why it is let be"),
        Field::optional("link", Shape::Text, "where more is said of it"),
        Field::optional("expires", Shape::Text, "the last day on which the entry counts, such as 2027-01-31"),
    ],
);

static FILE: Record = Record::new(
    "allowlist",
    "an allowlist",
    &[Field::required("known", Shape::List(&Shape::Record(&ALLOWED)), "known divergences")],
);

impl Allowlist {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// All that is wrong with it: clauses that the dialect does not have and dates that are none, too.
    pub fn load(file: &Arc<SourceFile>, dialect: &Dialect) -> Result<Self, Vec<Diagnostic>> {
        let root = yaml::parse(file).map_err(|found| vec![*found])?;
        let mut decoder = Decoder::new(file);
        let list = decoder.fields(&root, &FILE).and_then(|fields| fields.get("known"));
        let items = list.and_then(|node| decoder.list(node, "a list of known divergences")).unwrap_or_default();
        let entries = items.iter().filter_map(|item| decode(&mut decoder, item, dialect)).collect();
        let problems = decoder.finish();
        if problems.is_empty() { Ok(Self { entries }) } else { Err(problems) }
    }

    /// The first entry that a finding falls under on this day.
    pub(super) fn find(&self, kind: &Kind, today: Date) -> Option<usize> {
        let same = |wanted: &Option<String>, there: &str| wanted.as_ref().is_none_or(|wanted| wanted == there);
        self.entries.iter().position(|entry| {
            entry.clause == kind.clause
                && same(&entry.field, &kind.field)
                && same(&entry.expected, &kind.expected)
                && same(&entry.actual, &kind.actual)
                && !entry.is_expired(today)
        })
    }
}

impl Allowed {
    /// Whether its last day is over.
    pub fn is_expired(&self, today: Date) -> bool {
        self.expires.is_some_and(|last| last < today)
    }
}

fn decode(decoder: &mut Decoder, node: &yaml::Node, dialect: &Dialect) -> Option<Allowed> {
    let fields = decoder.fields(node, &ALLOWED)?;
    let mut text = |name: &str| fields.get(name).and_then(|node| decoder.text(node, "a text"));
    let (clause, field, expected, actual) = (text("clause"), text("field"), text("expected"), text("actual"));
    let (reason, link) = (text("reason"), text("link"));
    if let (Some(clause), Some(node)) = (&clause, fields.get("clause"))
        && dialect.clauses.get(clause).is_none()
    {
        let found = decoder
            .error(&node.span, format!("no clause `{clause}`"))
            .help("`corsuite list --clauses` lists them")
            .suggest(clause, dialect.clauses.iter().map(|clause| clause.id.as_str()));
        decoder.push(found);
    }
    let expires = fields.get("expires").and_then(|node| decoder.day(node));
    let line = decoder.file().position(node.span.start).0;
    Some(Allowed { clause: clause?, field, expected, actual, reason: reason?, link, expires, line })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::{Style, render};

    fn check(text: &str, expected: &str) {
        let shown = match Allowlist::load(&SourceFile::new("known.yaml", text), Dialect::oss()) {
            Ok(list) => format!("{} entries", list.entries.len()),
            Err(problems) => render(&problems, Style::Plain),
        };
        assert!(shown.contains(expected), "{shown}");
    }

    #[test]
    fn files() {
        check("known: []", "0 entries");
        check("known: [{clause: match.origin-case, reason: why, expires: 2027-01-31}]", "1 entries");
        check("known: [{clause: match.origin-cases, reason: why}]", "no clause `match.origin-cases`");
        check("known: [{clause: match.origin}]", "`reason`");
        check("known: [{clause: match.origin-case, reason: why, expires: soon}]", "`soon` is no day");
        check("other: 1", "`other`");
    }

    #[test]
    fn entries_narrow_and_expire() {
        let text =
            "known:\n- {clause: match.origin-case, field: status, actual: 200, reason: why, expires: 2027-01-31}\n";
        let list = Allowlist::load(&SourceFile::new("known.yaml", text), Dialect::oss()).unwrap();
        let kind = |field: &str, actual: &str| Kind {
            clause: "match.origin-case".to_owned(),
            field: field.to_owned(),
            expected: "403".to_owned(),
            actual: actual.to_owned(),
        };
        let day = |text: &str| text.parse::<Date>().unwrap();
        assert_eq!(list.find(&kind("status", "200"), day("2027-01-31")), Some(0));
        assert_eq!(list.find(&kind("status", "200"), day("2027-02-01")), None);
        assert_eq!(list.find(&kind("status", "201"), day("2027-01-31")), None);
        assert_eq!(list.find(&kind("error.Code", "200"), day("2027-01-31")), None);
        assert_eq!(list.entries[0].line, 2);
    }
}

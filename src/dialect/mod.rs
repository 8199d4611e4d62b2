//! What a vendor documents, as data: limits, behaviours and clauses. [`Dialect::load`] reads one;
//! [`Dialect::oss`] is the bundled default.
//!
//! No code asks for a dialect's name: whatever differs between vendors is a limit, a behaviour or a clause.

mod behaviours;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::{Arc, OnceLock};

pub use self::behaviours::*;
use crate::diagnostic::{Diagnostic, SourceFile};
use crate::yaml::{self, Decoder, Field, Record, Shape};

/// The bundled dialect of Alibaba Cloud OSS.
const OSS: &str = include_str!("../../cases/dialects/oss.yaml");

/// Documented behaviour of a vendor.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Dialect {
    /// Its short name.
    pub name: String,
    /// Its name for readers.
    pub title: String,
    /// Numbers.
    pub limits: Limits,
    /// Defaults of the open points.
    pub behaviours: Behaviours,
    /// Points that are open no more: what a dialect that extends another says of its servers.
    pub stated: BTreeSet<String>,
    /// Why each point is open.
    pub about: BTreeMap<String, String>,
    /// Addresses of sources, by short name.
    pub sources: BTreeMap<String, String>,
    /// What cases may assert.
    pub clauses: Clauses,
}

/// Numbers of a dialect.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Limits {
    /// This many rules are certainly accepted.
    pub max_rules_certain: usize,
    /// This many rules are certainly refused.
    pub max_rules_refused: usize,
    /// Largest document, in bytes, where the behaviour does not say less.
    pub max_body_bytes: usize,
    /// Largest MaxAgeSeconds, in seconds, where the behaviour does not lift it.
    pub max_age_seconds: u64,
}

/// How binding a clause is; the words of RFC 2119.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum Level {
    /// Open: any listed answer is right.
    May,
    /// Seen or inferred.
    Should,
    /// Documented.
    Must,
}

impl Level {
    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::May => "may",
            Self::Should => "should",
            Self::Must => "must",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How well a clause is known.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Confidence {
    /// The vendor's documents say so.
    Documented,
    /// A vendor's test against the live service, or a recorded answer, shows it.
    Seen,
    /// It follows from what is documented or seen.
    Inferred,
}

impl Confidence {
    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Documented => "documented",
            Self::Seen => "seen",
            Self::Inferred => "inferred",
        }
    }
}

/// One sentence with one answer.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Clause {
    /// Stable dotted name; what stands before the first dot is its theme.
    pub id: String,
    /// How binding.
    pub level: Level,
    /// The sentence.
    pub text: String,
    /// Where it comes from.
    pub source: String,
    /// How well it is known.
    pub confidence: Confidence,
    /// The source fixes the bytes.
    pub exact: bool,
}

/// The clauses of a dialect, in the order of its file.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Clauses {
    list: Vec<Clause>,
    /// Where each id stands.
    places: HashMap<String, usize>,
}

impl Clauses {
    fn new(list: Vec<Clause>) -> Self {
        let places = list.iter().enumerate().map(|(at, clause)| (clause.id.clone(), at)).collect();
        Self { list, places }
    }

    /// Finds one.
    pub fn get(&self, id: &str) -> Option<&Clause> {
        self.list.get(*self.places.get(id)?)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Clause> {
        self.list.iter()
    }
}

/// The clause that a report cites when a server changes its choice.
pub const CONSISTENT: &str = "behaviour.consistent";
/// The clause that a report cites when an answer is not the same twice, or does not come at all.
pub const STABLE: &str = "answer.stable";

impl Dialect {
    /// The bundled dialect of Alibaba Cloud OSS.
    pub fn oss() -> &'static Self {
        static LOADED: OnceLock<Dialect> = OnceLock::new();
        LOADED.get_or_init(|| {
            let file = SourceFile::new("cases/dialects/oss.yaml", OSS);
            Self::load(&file).unwrap_or_else(|problems| {
                unreachable!("{}", crate::diagnostic::render(&problems, crate::diagnostic::Style::Plain))
            })
        })
    }

    /// What servers of this dialect do at an open point, if the dialect says so.
    pub fn stated(&self, point: &str) -> Option<&'static str> {
        self.stated.get(point).and_then(|point| self.behaviours.value(point))
    }

    /// The file of a bundled dialect.
    pub fn source(name: &str) -> Option<Arc<SourceFile>> {
        (name == "oss").then(|| SourceFile::new("cases/dialects/oss.yaml", OSS))
    }

    /// A bundled dialect by name.
    pub fn bundled(name: &str) -> Option<&'static Self> {
        (name == "oss").then(Self::oss)
    }

    /// The address of a source as a clause names it: `PUT`, `EC-04` by `EC-nn`, `RFC 9110 5.3` by `RFC 9110`; none if it has none.
    pub fn url_of(&self, source: &str) -> Option<String> {
        if let Some(url) = self.sources.get(source) {
            return Some(url.clone());
        }
        let number = source.len().checked_sub(2).and_then(|at| source.split_at_checked(at));
        if let Some((name, number)) = number.filter(|(_, number)| number.bytes().all(|byte| byte.is_ascii_digit()))
            && let Some(url) = self.sources.get(&format!("{name}nn"))
        {
            return Some(url.replace("nn", number));
        }
        // A part of it.
        let (whole, _) = source.rsplit_once(' ')?;
        self.url_of(whole)
    }

    /// Names of the bundled dialects.
    pub const BUNDLED: &'static [&'static str] = &["oss"];

    /// Reads a dialect. One with `extends:` starts from a bundled one and states only what differs.
    ///
    /// # Errors
    ///
    /// All that is wrong with the file.
    pub fn load(file: &Arc<SourceFile>) -> Result<Self, Vec<Diagnostic>> {
        let root = yaml::parse(file).map_err(|found| vec![*found])?;
        let mut decoder = Decoder::new(file);
        let dialect = decode(&mut decoder, &root);
        let problems = decoder.finish();
        match dialect {
            Some(dialect) if problems.is_empty() => Ok(dialect),
            _ => Err(problems),
        }
    }
}

static DIALECT: Record = Record::new(
    "dialect",
    "a dialect",
    &[
        Field::required("name", Shape::Text, "short name"),
        Field::optional("title", Shape::Text, "name for readers"),
        Field::optional("extends", Shape::Word(Dialect::BUNDLED), "the dialect this one differs from"),
        Field::optional("limits", Shape::Record(&LIMITS), "numbers"),
        Field::optional("behaviours", Shape::MapOf(&Shape::Record(&BEHAVIOUR)), "open points"),
        Field::optional("sources", Shape::MapOf(&Shape::Record(&SOURCE)), "where clauses come from, by short name"),
        Field::optional("clauses", Shape::List(&Shape::Record(&CLAUSE)), "what cases may assert"),
        Field::optional("without", Shape::List(&Shape::Text), "clauses of the extended dialect that do not hold"),
    ],
);

static LIMITS: Record = Record::new(
    "limits",
    "the limits",
    &[
        Field::optional("max_rules_certain", Shape::Integer, "this many rules are certainly accepted"),
        Field::optional("max_rules_refused", Shape::Integer, "this many rules are certainly refused"),
        Field::optional("max_body_bytes", Shape::Integer, "largest document, in bytes"),
        Field::optional("max_age_seconds", Shape::Integer, "largest MaxAgeSeconds"),
    ],
);

static BEHAVIOUR: Record = Record::new(
    "behaviour",
    "a behaviour",
    &[
        Field::required("default", Shape::Text, "what the reference does"),
        Field::optional("about", Shape::Text, "why the point is open"),
    ],
);

static SOURCE: Record = Record::new(
    "source",
    "a source",
    &[Field::required(
        "url",
        Shape::Text,
        "its address; `nn` is the number at the end of a short name that ends in `nn`",
    )],
);

static CLAUSE: Record = Record::new(
    "clause",
    "a clause",
    &[
        Field::required("id", Shape::Text, "stable dotted name"),
        Field::required("level", Shape::Word(&["must", "should", "may"]), "how binding"),
        Field::required("text", Shape::Text, "one sentence"),
        Field::required("source", Shape::Text, "where it comes from"),
        Field::required("confidence", Shape::Word(&["documented", "seen", "inferred"]), "how well it is known"),
        Field::optional("exact", Shape::Truth, "the source fixes the bytes"),
    ],
);

fn decode(decoder: &mut Decoder, root: &yaml::Node) -> Option<Dialect> {
    let fields = decoder.fields(root, &DIALECT)?;
    let name = fields.get("name").and_then(|node| decoder.text(node, "a name"));
    let base = fields.get("extends").and_then(|node| {
        let names: Vec<(&str, &str)> = Dialect::BUNDLED.iter().map(|name| (*name, *name)).collect();
        decoder.word(node, &names).and_then(Dialect::bundled)
    });
    let title = fields.get("title").and_then(|node| decoder.text(node, "a title"));

    let mut limits = base.map(|base| base.limits);
    if let Some(node) = fields.get("limits") {
        limits = decode_limits(decoder, node, limits);
    }
    let mut values: BTreeMap<String, String> = BTreeMap::new();
    let mut about = BTreeMap::new();
    let mut stated = BTreeSet::new();
    if let Some(base) = base {
        for point in Behaviours::POINTS {
            if let Some(value) = base.behaviours.value(point.name) {
                values.insert(point.name.to_owned(), value.to_owned());
            }
        }
        about.clone_from(&base.about);
    }
    let behaviours_node = fields.get("behaviours").unwrap_or(root);
    if let Some(node) = fields.get("behaviours") {
        for (key, body) in decoder.map(node, "a map of behaviours").unwrap_or_default() {
            let Some(fields) = decoder.fields(body, &BEHAVIOUR) else {
                continue;
            };
            if let Some(value) = fields.get("default").and_then(|node| decoder.text(node, "a value")) {
                values.insert(key.text.clone(), value);
                if base.is_some() {
                    stated.insert(key.text.clone());
                }
            }
            if let Some(why) = fields.get("about").and_then(|node| decoder.text(node, "a sentence")) {
                about.insert(key.text.clone(), why);
            }
        }
    }
    let behaviours = Behaviours::from_values(&values)
        .map_err(|problems| {
            for problem in problems {
                let found = decoder.error(&behaviours_node.span, problem.to_string());
                let found = match &problem {
                    Problem::Unknown(name) => found.suggest(name, Behaviours::POINTS.iter().map(|point| point.name)),
                    Problem::Value { name, .. } => {
                        let point = Behaviours::POINTS.iter().find(|point| point.name == *name);
                        found.help(format!("its values are {:?}", point.map_or(&[][..], |point| point.values)))
                    }
                    Problem::Missing(_) => found,
                };
                decoder.push(found);
            }
        })
        .ok();

    let mut sources = base.map_or_else(BTreeMap::new, |base| base.sources.clone());
    if let Some(node) = fields.get("sources") {
        for (key, body) in decoder.map(node, "a map of sources").unwrap_or_default() {
            let Some(fields) = decoder.fields(body, &SOURCE) else { continue };
            let Some(node) = fields.get("url") else { continue };
            let Some(url) = decoder.text(node, "an address") else { continue };
            // It becomes a link in reports.
            if url.starts_with("https://") && !url.contains(|c: char| c.is_whitespace() || "\"'<>".contains(c)) {
                sources.insert(key.text.clone(), url);
            } else {
                let found = decoder.error(&node.span, "not an https address");
                decoder.push(found);
            }
        }
    }
    let mut clauses = base.map_or_else(Vec::new, |base| base.clauses.list.clone());
    if let Some(node) = fields.get("without") {
        for gone in decoder.texts(node, "a list of clause ids").unwrap_or_default() {
            if clauses.iter().any(|clause| clause.id == gone) {
                clauses.retain(|clause| clause.id != gone);
            } else {
                let found = decoder
                    .error(&node.span, format!("no clause `{gone}` to leave out"))
                    .suggest(&gone, clauses.iter().map(|clause| clause.id.as_str()));
                decoder.push(found);
            }
        }
    }
    let own_from = clauses.len();
    if let Some(node) = fields.get("clauses") {
        for item in decoder.list(node, "a list of clauses").unwrap_or_default() {
            let Some(clause) = decode_clause(decoder, item) else {
                continue;
            };
            let known = clauses.iter().position(|before| before.id == clause.id);
            match known {
                Some(at) if at < own_from => {
                    if let Some(place) = clauses.get_mut(at) {
                        *place = clause;
                    }
                }
                Some(_) => {
                    let found = decoder.error(&item.span, format!("clause `{}` is given twice", clause.id));
                    decoder.push(found);
                }
                None => clauses.push(clause),
            }
        }
    }
    if limits.is_none() || clauses.is_empty() {
        let found = decoder
            .error(&fields.span, "a dialect needs `limits` and `clauses`")
            .help("or `extends:` a bundled dialect and state only what differs");
        decoder.push(found);
    }
    let name = name?;
    Some(Dialect {
        title: title.unwrap_or_else(|| name.clone()),
        name,
        limits: limits?,
        behaviours: behaviours?,
        stated,
        about,
        sources,
        clauses: Clauses::new(clauses),
    })
}

fn decode_limits(decoder: &mut Decoder, node: &yaml::Node, base: Option<Limits>) -> Option<Limits> {
    let fields = decoder.fields(node, &LIMITS)?;
    let mut number = |name: &str, base: Option<u64>| {
        if let Some(node) = fields.get(name) {
            decoder.integer(node, u64::MAX)
        } else {
            if base.is_none() {
                let found = decoder.error(&fields.span, format!("the limits need `{name}`"));
                decoder.push(found);
            }
            base
        }
    };
    let wide = |value: usize| value as u64;
    let max_rules_certain = number("max_rules_certain", base.map(|base| wide(base.max_rules_certain)));
    let max_rules_refused = number("max_rules_refused", base.map(|base| wide(base.max_rules_refused)));
    let max_body_bytes = number("max_body_bytes", base.map(|base| wide(base.max_body_bytes)));
    let max_age_seconds = number("max_age_seconds", base.map(|base| base.max_age_seconds));
    Some(Limits {
        max_rules_certain: usize::try_from(max_rules_certain?).ok()?,
        max_rules_refused: usize::try_from(max_rules_refused?).ok()?,
        max_body_bytes: usize::try_from(max_body_bytes?).ok()?,
        max_age_seconds: max_age_seconds?,
    })
}

fn decode_clause(decoder: &mut Decoder, node: &yaml::Node) -> Option<Clause> {
    let fields = decoder.fields(node, &CLAUSE)?;
    let mut text = |name: &str| fields.get(name).and_then(|node| decoder.text(node, "text"));
    let (id, sentence, source) = (text("id"), text("text"), text("source"));
    let level = fields
        .get("level")
        .and_then(|node| decoder.word(node, &[("must", Level::Must), ("should", Level::Should), ("may", Level::May)]));
    let confidence = fields.get("confidence").and_then(|node| {
        decoder.word(
            node,
            &[("documented", Confidence::Documented), ("seen", Confidence::Seen), ("inferred", Confidence::Inferred)],
        )
    });
    let exact = fields.get("exact").and_then(|node| decoder.truth(node)).unwrap_or(false);
    Some(Clause { id: id?, level: level?, text: sentence?, source: source?, confidence: confidence?, exact })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::{Style, render};

    fn load(text: &str) -> Result<Dialect, String> {
        Dialect::load(&SourceFile::new("d.yaml", text)).map_err(|found| render(&found, Style::Plain))
    }

    #[test]
    fn the_bundled_dialect_loads() {
        let oss = Dialect::oss();
        assert_eq!(oss.limits.max_body_bytes, 16_384);
        assert_eq!(oss.behaviours.max_rules, MaxRules::Ten);
        assert_eq!(oss.clauses.get("config.overwrite").unwrap().level, Level::Must);
        assert!(oss.clauses.get(CONSISTENT).is_some() && oss.clauses.get(STABLE).is_some());
        for point in Behaviours::POINTS {
            assert!(oss.about.contains_key(point.name), "{} says why it is open", point.name);
        }
    }

    #[test]
    fn a_vendors_own_dialect_states_what_differs() {
        let text = "
            name: mine
            extends: oss
            limits: {max_rules_certain: 20}
            behaviours: {max_rules: {default: \"20\"}}
            without: [credentials.never]
            clauses:
              - {id: mine.extra, level: must, text: Something., source: own, confidence: documented}
            ";
        let mine = load(text).unwrap();
        assert_eq!(mine.limits.max_rules_certain, 20);
        assert_eq!(mine.limits.max_body_bytes, 16_384);
        assert_eq!(mine.behaviours.max_rules, MaxRules::Twenty);
        assert!(mine.clauses.get("credentials.never").is_none());
        assert!(mine.clauses.get("mine.extra").is_some());
    }

    #[test]
    fn all_problems_of_a_dialect_are_shown() {
        let text = "name: mine\nextends: oss\nlimit: {}\nbehaviours: {max_rule: {default: \"20\"}, trim: {default: maybe}}\nwithout: [credential.never]\n";
        insta::assert_snapshot!(load(text).unwrap_err(), @r#"
        error: unknown field `limit`
         --> d.yaml:3:1
          |
        3 | limit: {}
          | ^^^^^ not a field of a dialect
          |
        help: did you mean `limits`?

        error: behaviour `trim` has no value `maybe`
         --> d.yaml:4:13
          |
        4 | behaviours: {max_rule: {default: "20"}, trim: {default: maybe}}
          |             ^
          |
        help: its values are ["yes", "no"]

        error: unknown behaviour `max_rule`
         --> d.yaml:4:13
          |
        4 | behaviours: {max_rule: {default: "20"}, trim: {default: maybe}}
          |             ^
          |
        help: did you mean `max_rules`?

        error: no clause `credential.never` to leave out
         --> d.yaml:5:10
          |
        5 | without: [credential.never]
          |          ^
          |
        help: did you mean `credentials.never`?
        "#);
    }
}

//! What a vendor documents, as data: limits, behaviours and clauses. [`Dialect::load`] reads one;
//! [`Dialect::oss`] is the bundled default.
//!
//! No code asks for a dialect's name: whatever differs between vendors is a limit, a behaviour or a clause.

mod against;
mod behaviours;
mod decode;
mod points;
mod wording;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, OnceLock};

pub use self::behaviours::*;
pub use self::points::{Point, Problem};
pub use self::wording::{ErrorKind, ErrorText, Wording};
use crate::diagnostic::{Diagnostic, SourceFile};
use crate::yaml::{self, Decoder};

/// A dialect that comes with the program.
struct Bundled {
    name: &'static str,
    path: &'static str,
    text: &'static str,
    loaded: OnceLock<Dialect>,
}

impl Bundled {
    const fn new(name: &'static str, path: &'static str, text: &'static str) -> Self {
        Self { name, path, text, loaded: OnceLock::new() }
    }

    fn source(&self) -> Arc<SourceFile> {
        SourceFile::new(self.path, self.text)
    }

    fn dialect(&self) -> &Dialect {
        self.loaded.get_or_init(|| {
            Dialect::load(&self.source()).unwrap_or_else(|problems| {
                unreachable!("{}", crate::diagnostic::render(&problems, crate::diagnostic::Style::Plain))
            })
        })
    }
}

static OSS: Bundled = Bundled::new("oss", "cases/dialects/oss.yaml", include_str!("../../cases/dialects/oss.yaml"));
static S3: Bundled = Bundled::new("s3", "cases/dialects/s3.yaml", include_str!("../../cases/dialects/s3.yaml"));
static ALL: [&Bundled; 2] = [&OSS, &S3];

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
    /// What its servers do; at open points the default.
    pub behaviours: Behaviours,
    /// Points that its documents leave open, and what servers may do there.
    pub open: BTreeMap<&'static str, Vec<&'static str>>,
    /// Names and sentences.
    pub wording: Arc<Wording>,
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

impl Limits {
    /// Largest document in bytes, where a kilobyte is a thousand bytes.
    pub const fn max_body_decimal(&self) -> usize {
        self.max_body_bytes / 1024 * 1000
    }
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
        OSS.dialect()
    }

    /// The bundled dialect of Amazon S3.
    pub fn s3() -> &'static Self {
        S3.dialect()
    }

    /// Points that are open, in the order of the documentation, each with what servers may do.
    pub fn open_points(&self) -> impl Iterator<Item = (&'static str, &[&'static str])> {
        Behaviours::POINTS.iter().filter_map(|point| Some((point.name, self.open.get(point.name)?.as_slice())))
    }

    /// What servers of this dialect do at a point, if that is not open.
    pub fn stated(&self, point: &str) -> Option<&'static str> {
        if self.open.contains_key(point) { None } else { self.behaviours.value(point) }
    }

    /// Whether the ACL of a bucket says who may read its objects, so that cases may put one.
    pub fn has_acls(&self) -> bool {
        self.behaviours.bucket_acl == BucketAcl::Objects
    }

    /// The file of a bundled dialect.
    pub fn source(name: &str) -> Option<Arc<SourceFile>> {
        ALL.iter().find(|bundled| bundled.name == name).map(|bundled| bundled.source())
    }

    /// A bundled dialect by name.
    pub fn bundled(name: &str) -> Option<&'static Self> {
        ALL.iter().find(|bundled| bundled.name == name).map(|bundled| bundled.dialect())
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
    pub const BUNDLED: &'static [&'static str] = &["oss", "s3"];

    /// Whether a file is meant as a dialect: it has a `name`, which no case file has, and no `cases`.
    pub fn is_in(file: &Arc<SourceFile>) -> bool {
        let Ok(yaml::Node { value: yaml::Value::Map(fields), .. }) = yaml::parse(file) else { return false };
        let has = |name: &str| fields.iter().any(|(key, _)| key.text == name);
        has("name") && !has("cases")
    }

    /// Reads a dialect. One with `extends:` starts from a bundled one and states only what differs.
    ///
    /// # Errors
    ///
    /// All that is wrong with the file.
    pub fn load(file: &Arc<SourceFile>) -> Result<Self, Vec<Diagnostic>> {
        let root = yaml::parse(file).map_err(|found| vec![*found])?;
        let mut decoder = Decoder::new(file);
        let dialect = decode::dialect(&mut decoder, &root);
        let problems = decoder.finish();
        match dialect {
            Some(dialect) if problems.is_empty() => Ok(dialect),
            _ => Err(problems),
        }
    }
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
        for dialect in [oss, Dialect::s3()] {
            for (point, values) in dialect.open_points() {
                assert!(dialect.about.contains_key(point), "{}: {point} says why it is open", dialect.name);
                assert!(values.len() > 1, "{}: {point} leaves a choice", dialect.name);
            }
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
        let text = "name: mine\nextends: oss\nlimit: {}\nlimits: {max_body_bytes: many}\nfixed:\n  vary: grantd\nbehaviours: {max_rule: {default: \"20\"}, trim: {default: maybe}}\nwithout: [credential.never]\n";
        insta::assert_snapshot!(load(text).unwrap_err(), @r#"
        error: unknown field `limit`
         --> d.yaml:3:1
          |
        3 | limit: {}
          | ^^^^^ not a field of a dialect
          |
        help: did you mean `limits`?

        error: expected a whole number from 0 to 18446744073709551615
         --> d.yaml:4:26
          |
        4 | limits: {max_body_bytes: many}
          |                          ^^^^ this is `many`

        error: behaviour `vary` has no value `grantd`
         --> d.yaml:6:9
          |
        6 |   vary: grantd
          |         ^^^^^^
          |
        help: its values are `response_vary`, `granted`

        error: unknown behaviour `max_rule`
         --> d.yaml:7:14
          |
        7 | behaviours: {max_rule: {default: "20"}, trim: {default: maybe}}
          |              ^^^^^^^^
          |
        help: did you mean `max_rules`?

        error: behaviour `trim` has no value `maybe`
         --> d.yaml:7:57
          |
        7 | behaviours: {max_rule: {default: "20"}, trim: {default: maybe}}
          |                                                         ^^^^^
          |
        help: its values are `yes`, `no`

        error: no clause `credential.never` to leave out
         --> d.yaml:8:10
          |
        8 | without: [credential.never]
          |          ^
          |
        help: did you mean `credentials.never`?
        "#);
    }
}

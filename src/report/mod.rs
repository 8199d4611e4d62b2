//! The result of a run: [`Report`], as values, and what follows from it: [`Report::finish`], [`Report::answer`].
//!
//! Formats are functions from a report to text: [`terminal`], and those that have a name, [`Format`].

pub mod compare;
pub mod decision;
pub mod fingerprint;
mod format;
mod github;
mod html;
pub mod hunt;
mod join;
pub mod json;
mod junit;
mod lines;
mod markdown;
pub mod mutation;
mod sarif;
mod setting;
mod story;
mod tap;
pub mod terminal;
mod told;

use std::collections::BTreeMap;

use bytes::Bytes;
use http::Response;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::format::Format;
pub(crate) use self::html::style as html_style;
pub use self::join::join;
pub use self::setting::Setting;
pub(crate) use self::setting::headline as headline_of;
pub use self::told::{Asked, Teller};
use crate::case::expect;
use crate::dialect::{CONSISTENT, Level};
use crate::trial::Round;

/// Version of the JSON form.
pub const FORMAT_VERSION: u32 = 1;

/// All verdicts of a run, in case order.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[expect(clippy::exhaustive_structs, reason = "the published format, version 1")]
pub struct Report {
    /// 1.
    pub format_version: u32,
    /// What ran.
    pub tool: Tool,
    /// What it ran.
    pub suite: SuiteIdentity,
    /// Against what.
    pub target: Target,
    /// RFC 3339.
    pub started: String,
    /// Milliseconds.
    pub elapsed_ms: u64,
    /// Counts.
    pub totals: Totals,
    /// Whether the target conforms: true, false, or null where the run does not say.
    pub conformant: Option<bool>,
    /// What the target chose at each open point.
    pub behaviours: BTreeMap<String, String>,
    /// What a reader should know besides: buckets left over, waiting that was cut short.
    pub notes: Vec<String>,
    /// Verdicts.
    pub cases: Vec<CaseReport>,
}

/// What ran.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[expect(clippy::exhaustive_structs, reason = "the published format, version 1")]
pub struct Tool {
    /// `corsuite`.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// Which cases.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[expect(clippy::exhaustive_structs, reason = "the published format, version 1")]
pub struct SuiteIdentity {
    /// SHA-256 of the case files.
    pub digest: String,
    /// The dialect.
    pub dialect: String,
    /// The bundled suite, no case left out by a selector or to another part.
    pub complete: bool,
    /// The part of the cases that ran, where they are shared among machines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition: Option<Partition>,
}

/// One of several parts of a suite: case *i* of the selection, from 0, belongs to part *i* mod `of` + 1.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[expect(clippy::exhaustive_structs, reason = "the published format, version 1")]
pub struct Partition {
    /// This one, from 1 …
    pub number: u64,
    /// … of so many.
    pub of: u64,
    /// All of them together are the complete bundled suite.
    pub complete: bool,
    /// SHA-256 of the ids of all cases that are shared.
    #[serde(default)]
    pub selection: String,
}

/// Against what.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[expect(clippy::exhaustive_structs, reason = "the published format, version 1")]
pub struct Target {
    /// URL, or a name.
    pub endpoint: String,
    /// Kind of implementation.
    pub kind: Kind,
}

/// Kind of implementation.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(clippy::exhaustive_enums, reason = "the published format, version 1")]
pub enum Kind {
    /// The reference that comes with the tool.
    Embedded,
    /// A server.
    Endpoint,
    /// A service in the same process.
    InProcess,
}

/// Counts of a run.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[expect(clippy::exhaustive_structs, reason = "the published format, version 1")]
pub struct Totals {
    /// Cases that passed.
    pub pass: usize,
    /// Cases that failed.
    pub fail: usize,
    /// Cases about what the target does not have.
    pub unsupported: usize,
    /// Cases not run.
    pub skip: usize,
    /// Cases of which the result is not known.
    pub error: usize,
    /// Failed cases with a broken `must`.
    pub failed_must: usize,
    /// Failed cases with a broken `should` and no broken `must`.
    pub failed_should: usize,
    /// Conditions looked at.
    pub assertions: usize,
    /// Requests sent, preparation included.
    pub requests: usize,
}

/// What became of a case.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
#[expect(clippy::exhaustive_enums, reason = "the published format, version 1")]
pub enum Verdict {
    /// Every condition held.
    Pass,
    /// The target is wrong.
    Fail,
    /// The target does not have what the case is about.
    Unsupported,
    /// Not run.
    Skip,
    /// Something kept us from knowing.
    Error,
}

impl Verdict {
    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Unsupported => "unsupported",
            Self::Skip => "skip",
            Self::Error => "error",
        }
    }
}

/// One case of a run.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[expect(clippy::exhaustive_structs, reason = "the published format, version 1")]
pub struct CaseReport {
    /// Its id.
    pub id: String,
    /// One sentence.
    pub about: String,
    /// Folder of its file.
    pub theme: String,
    /// Its file.
    pub file: String,
    /// Its line.
    pub line: usize,
    /// Its clauses.
    pub clauses: Vec<String>,
    /// What became of it.
    pub verdict: Verdict,
    /// Of a failed case the level of its worst mismatch, else that of its highest assertion.
    #[serde(serialize_with = "level", deserialize_with = "level_of")]
    #[schemars(with = "LevelName")]
    pub level: Level,
    /// A `must` of the case was not judged: it was skipped, or ended before its last step.
    pub unjudged_must: bool,
    /// Milliseconds.
    pub elapsed_ms: u64,
    /// Conditions looked at.
    pub assertions: usize,
    /// Open points and what the answers imply.
    pub observed: BTreeMap<String, String>,
    /// Why it was skipped, is not known, or was broken off.
    pub reason: Option<String>,
    /// Why a baseline lets it fail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known: Option<String>,
    /// What was wrong.
    pub mismatches: Vec<MismatchReport>,
    /// The exchanges that the verdict follows from, where they are kept; not part of any format.
    #[serde(skip)]
    #[schemars(skip)]
    pub rounds: Vec<Round>,
    /// The answer to each step, where they are kept; not part of any format.
    #[serde(skip)]
    #[schemars(skip)]
    pub answers: Vec<Response<Bytes>>,
}

/// One wrong answer.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[expect(clippy::exhaustive_structs, reason = "the published format, version 1")]
pub struct MismatchReport {
    /// Number of the step in the file, from 1; 0 is the `rules` of the case.
    pub step: usize,
    /// Line of the step in the file.
    pub line: usize,
    /// Of several answers to requests in bytes this one, from 1; null where there is one answer.
    pub answer: Option<usize>,
    /// The clause that is broken.
    pub clause: String,
    /// Its sentence.
    pub text: String,
    /// Its source.
    pub source: String,
    /// Its level.
    #[serde(serialize_with = "level", deserialize_with = "level_of")]
    #[schemars(with = "LevelName")]
    pub level: Level,
    /// The part of the answer.
    pub field: String,
    /// What it must be.
    pub expected: String,
    /// What it is.
    pub actual: String,
    /// The request, secrets left out.
    pub request: String,
    /// The answer, its body cut.
    pub response: String,
    /// How often the request was sent.
    pub attempts: u32,
    /// A command line that sends the request again.
    pub curl: String,
}

/// Names of levels, for the schema.
#[derive(JsonSchema)]
#[serde(rename_all = "lowercase")]
#[expect(dead_code, reason = "describes the serialized form of Level")]
enum LevelName {
    Must,
    Should,
    May,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn level<S: serde::Serializer>(level: &Level, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(level.as_str())
}

fn level_of<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Level, D::Error> {
    let word = String::deserialize(deserializer)?;
    let level = [Level::May, Level::Should, Level::Must].into_iter().find(|level| level.as_str() == word);
    level.ok_or_else(|| serde::de::Error::custom(format!("`{word}` is no level")))
}

/// What a run says, worst first; the exit code of `corsuite run`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Answer {
    /// The target does what it must.
    Yes,
    /// It does not.
    No,
    /// We could not find out.
    Unknown,
}

impl Report {
    /// Fills in what follows from the cases: consistency of behaviours, totals, `conformant`. `claims` is false for a run
    /// that never says anything about conformance.
    pub fn finish(&mut self, claims: bool) {
        self.compare_behaviours();
        let requests = self.totals.requests;
        self.totals = self.count();
        self.totals.requests = requests;
        self.conformant = self.conformance(claims);
    }

    /// Clause `behaviour.consistent`: the first case that shows a value sets it; a case that shows another one fails.
    fn compare_behaviours(&mut self) {
        self.behaviours.clear();
        let mut seen: BTreeMap<String, (String, String)> = BTreeMap::new();
        for case in &mut self.cases {
            for (name, value) in &case.observed {
                let Some((before, id)) = seen.get(name) else {
                    seen.insert(name.clone(), (value.clone(), case.id.clone()));
                    self.behaviours.insert(name.clone(), value.clone());
                    continue;
                };
                let field = format!("behaviour {name}");
                // Parts of a run that are joined may have told it before.
                if before != value && !case.mismatches.iter().any(|mismatch| mismatch.field == field) {
                    let found =
                        expect::Mismatch::new(CONSISTENT, &field, format!("{before}, as in case {id}"), value.clone());
                    case.mismatches.push(MismatchReport {
                        text: "A server chooses one answer at each open point and keeps to it.".to_owned(),
                        ..MismatchReport::bare(found, case.line)
                    });
                    case.verdict = Verdict::Fail;
                    case.level = Level::Must;
                }
            }
        }
    }

    fn count(&self) -> Totals {
        let of = |verdict| self.cases.iter().filter(|case| case.verdict == verdict).count();
        let failed = |level: fn(Level) -> bool| {
            self.cases.iter().filter(|case| case.verdict == Verdict::Fail && level(case.level)).count()
        };
        Totals {
            pass: of(Verdict::Pass),
            fail: of(Verdict::Fail),
            unsupported: of(Verdict::Unsupported),
            skip: of(Verdict::Skip),
            error: of(Verdict::Error),
            failed_must: failed(|level| level == Level::Must),
            failed_should: failed(|level| level != Level::Must),
            assertions: self.cases.iter().map(|case| case.assertions).sum(),
            requests: 0,
        }
    }

    /// Whether a `must` is broken or unsupported.
    fn breaks_must(&self) -> bool {
        let broken = |case: &CaseReport| matches!(case.verdict, Verdict::Fail | Verdict::Unsupported);
        self.cases.iter().any(|case| case.level == Level::Must && broken(case))
    }

    fn conformance(&self, claims: bool) -> Option<bool> {
        if !claims {
            return None;
        }
        if self.breaks_must() {
            return Some(false);
        }
        let settled = !self.cases.iter().any(|case| case.unjudged_must);
        (self.suite.complete && settled && self.totals.assertions > 0).then_some(true)
    }

    /// Whether the target does what it must; with `strict` a broken `should` counts, too.
    pub fn answer(&self, strict: bool) -> Answer {
        let must = |verdict| self.cases.iter().any(|case| case.verdict == verdict && case.level == Level::Must);
        if self.totals.failed_must > 0 || must(Verdict::Unsupported) || (strict && self.totals.failed_should > 0) {
            Answer::No
        } else if self.totals.error > 0
            || self.cases.iter().any(|case| case.unjudged_must)
            || self.totals.assertions == 0
        {
            Answer::Unknown
        } else {
            Answer::Yes
        }
    }
}

/// What a run says about conformance, for a title.
pub(crate) const fn headline(report: &Report) -> &'static str {
    match report.conformant {
        Some(true) => "Conformant",
        Some(false) => "Not conformant",
        None => "Conformance not known",
    }
}

/// Why it says so.
pub(crate) fn meaning(report: &Report) -> String {
    match report.conformant {
        Some(true) => "every must of the complete suite holds".to_owned(),
        Some(false) => {
            let broken = |case: &&CaseReport| {
                case.level == Level::Must && matches!(case.verdict, Verdict::Fail | Verdict::Unsupported)
            };
            let count = report.cases.iter().filter(broken).count();
            format!("{count} case{} with a broken or unsupported must", if count == 1 { "" } else { "s" })
        }
        None => terminal::why_unknown(report).to_owned(),
    }
}

/// The first characters of a text.
pub(crate) fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
    }
}

impl MismatchReport {
    /// Without an exchange.
    pub fn bare(found: expect::Mismatch, line: usize) -> Self {
        Self {
            step: 0,
            line,
            answer: None,
            clause: found.clause,
            text: String::new(),
            source: String::new(),
            level: found.level,
            field: found.field,
            expected: found.expected,
            actual: found.actual,
            request: String::new(),
            response: String::new(),
            attempts: 0,
            curl: String::new(),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn case(id: &str, verdict: Verdict, level: Level) -> CaseReport {
        CaseReport {
            id: id.to_owned(),
            about: String::new(),
            theme: "config".to_owned(),
            file: "cases/config/x.yaml".to_owned(),
            line: 3,
            clauses: vec!["config.put".to_owned()],
            verdict,
            level,
            unjudged_must: level == Level::Must && matches!(verdict, Verdict::Error | Verdict::Skip),
            elapsed_ms: 1,
            assertions: 1,
            observed: BTreeMap::new(),
            reason: None,
            known: None,
            mismatches: Vec::new(),
            rounds: Vec::new(),
            answers: Vec::new(),
        }
    }

    pub(crate) fn report(cases: Vec<CaseReport>) -> Report {
        let mut report = Report {
            format_version: FORMAT_VERSION,
            tool: Tool { name: "corsuite".to_owned(), version: "0.1.0".to_owned() },
            suite: SuiteIdentity {
                digest: "sha256:0".to_owned(),
                dialect: "oss".to_owned(),
                complete: true,
                partition: None,
            },
            target: Target { endpoint: "http://127.0.0.1:9000".to_owned(), kind: Kind::Endpoint },
            started: "2026-01-02T03:04:05Z".to_owned(),
            elapsed_ms: 12,
            totals: Totals::default(),
            conformant: None,
            behaviours: BTreeMap::new(),
            notes: Vec::new(),
            cases,
        };
        report.finish(true);
        report
    }

    #[test]
    fn what_a_run_says() {
        use Level::{Must, Should};
        use Verdict::{Error, Fail, Pass, Skip, Unsupported};
        let table = [
            (vec![(Pass, Must), (Pass, Should)], Some(true), Answer::Yes, Answer::Yes),
            (vec![(Pass, Must), (Fail, Should)], Some(true), Answer::Yes, Answer::No),
            (vec![(Pass, Must), (Fail, Must)], Some(false), Answer::No, Answer::No),
            (vec![(Fail, Must), (Error, Must)], Some(false), Answer::No, Answer::No),
            (vec![(Unsupported, Must)], Some(false), Answer::No, Answer::No),
            (vec![(Pass, Must), (Error, Must)], None, Answer::Unknown, Answer::Unknown),
            (vec![(Pass, Must), (Error, Should)], Some(true), Answer::Unknown, Answer::Unknown),
            (vec![(Pass, Must), (Skip, Must)], None, Answer::Unknown, Answer::Unknown),
            (vec![(Pass, Must), (Skip, Should)], Some(true), Answer::Yes, Answer::Yes),
            (vec![], None, Answer::Unknown, Answer::Unknown),
        ];
        for (cases, conformant, loose, strict) in table {
            let named = format!("{cases:?}");
            let report = report(cases.into_iter().map(|(verdict, level)| case("a", verdict, level)).collect());
            assert_eq!(report.conformant, conformant, "{named}");
            assert_eq!((report.answer(false), report.answer(true)), (loose, strict), "{named}");
        }
    }

    #[test]
    fn a_server_that_changes_its_choice_fails() {
        let mut cases = vec![case("a", Verdict::Pass, Level::May), case("b", Verdict::Pass, Level::May)];
        cases[0].observed.insert("max_rules".to_owned(), "10".to_owned());
        cases[1].observed.insert("max_rules".to_owned(), "20".to_owned());
        let report = report(cases);
        assert_eq!(report.conformant, Some(false));
        assert_eq!(report.cases[1].mismatches[0].clause, CONSISTENT);
        assert_eq!(report.behaviours["max_rules"], "10");
    }

    #[test]
    fn a_partial_run_claims_nothing() {
        let mut partial = report(vec![case("a", Verdict::Pass, Level::Must)]);
        partial.suite.complete = false;
        partial.finish(true);
        assert_eq!(partial.conformant, None);
        assert_eq!(partial.answer(false), Answer::Yes);
    }
}

//! How strong a suite is: [`Mutation`], from what each fault was caught by.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use schemars::JsonSchema;
use serde::Serialize;

use super::FORMAT_VERSION;
use crate::case::Suite;
use crate::dialect::{Dialect, Level};

/// A named assertion that failed.
#[derive(Clone, Debug, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
#[expect(clippy::exhaustive_structs, reason = "the published format, version 1")]
pub struct Kill {
    /// The case.
    pub case: String,
    /// Its step.
    pub step: usize,
    /// The clause.
    pub clause: String,
    /// The part of the answer.
    pub field: String,
}

/// What became of a fault.
#[derive(Clone, Copy, Debug, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(clippy::exhaustive_enums, reason = "the published format, version 1")]
pub enum Fate {
    /// An assertion about its clause failed.
    Killed,
    /// Only assertions about other clauses failed.
    MisnamedClause,
    /// Nothing failed.
    Survived,
    /// The documents allow it.
    Allowed,
    /// The run broke off, which says nothing.
    Unknown,
}

/// One fault and what caught it.
#[derive(Clone, Debug, JsonSchema, Serialize)]
#[expect(clippy::exhaustive_structs, reason = "the published format, version 1")]
pub struct FaultReport {
    /// Its name.
    pub id: String,
    /// The clause that it breaks.
    pub clause: String,
    /// One sentence.
    pub text: String,
    /// What it does to users.
    pub effect: String,
    /// Where such a bug was seen.
    pub seen: String,
    /// The choice that allows it.
    pub allowed: Option<String>,
    /// What became of it.
    pub fate: Fate,
    /// An earlier fault that exactly the same assertions catch; the two count once.
    pub same_as: Option<String>,
    /// Why the run did not end as it should: a fault is never caught by a run that breaks off.
    pub trouble: Option<String>,
    /// What caught it.
    pub kills: Vec<Kill>,
}

/// A server that must not look conformant.
#[derive(Clone, Debug, JsonSchema, Serialize)]
#[expect(clippy::exhaustive_structs, reason = "the published format, version 1")]
pub struct ControlReport {
    /// Its name.
    pub id: String,
    /// What it does.
    pub text: String,
    /// Whether it was found conformant.
    pub conformant: Option<bool>,
    /// Cases with a `must` that passed because they ask nothing that this server answers in its manner.
    pub untouched: Vec<String>,
    /// Cases with a `must` that passed although they ask it, each with the reason why it may.
    pub passed: Vec<Passed>,
}

/// A case that passes against a control.
#[derive(Clone, Debug, JsonSchema, Serialize)]
#[expect(clippy::exhaustive_structs, reason = "the published format, version 1")]
pub struct Passed {
    /// The case.
    pub case: String,
    /// Why it may pass; without a reason it may not.
    pub reason: Option<String>,
}

/// A share.
#[derive(Clone, Copy, Debug, Default, Eq, JsonSchema, PartialEq, Serialize)]
#[expect(clippy::exhaustive_structs, reason = "the published format, version 1")]
pub struct Score {
    /// Faults caught under their clause.
    pub killed: usize,
    /// Faults that count.
    pub faults: usize,
}

/// What is known of a clause.
#[derive(Clone, Debug, Default, JsonSchema, Serialize)]
#[expect(clippy::exhaustive_structs, reason = "the published format, version 1")]
pub struct ClauseStrength {
    /// Cases that cite it.
    pub cases: usize,
    /// Faults that an assertion about it catches.
    pub kills: usize,
    /// Faults that break it.
    pub score: Score,
}

/// How strong a suite is.
#[derive(Clone, Debug, JsonSchema, Serialize)]
#[expect(clippy::exhaustive_structs, reason = "the published format, version 1")]
pub struct Mutation {
    /// 1.
    pub format_version: u32,
    /// Of what suite.
    pub suite: String,
    /// For which dialect.
    pub dialect: String,
    /// Milliseconds.
    pub elapsed_ms: u64,
    /// Of all faults that count.
    pub score: Score,
    /// By what stands before the dot of the clause.
    pub themes: BTreeMap<String, Score>,
    /// By clause.
    pub clauses: BTreeMap<String, ClauseStrength>,
    /// Cases with a `must` or `should` that catch nothing.
    pub idle_cases: Vec<String>,
    /// A small set of cases that catches all that the suite catches.
    pub minimal: Vec<String>,
    /// Servers that must not look conformant.
    pub controls: Vec<ControlReport>,
    /// Every fault.
    pub faults: Vec<FaultReport>,
}

impl Mutation {
    /// Adds up what was found.
    pub fn new(suite: &Suite, dialect: &Dialect, mut faults: Vec<FaultReport>, controls: Vec<ControlReport>) -> Self {
        let mut seen: BTreeMap<Vec<Kill>, String> = BTreeMap::new();
        for fault in &mut faults {
            fault.kills.sort();
            let named = fault.kills.iter().any(|kill| kill.clause == fault.clause);
            fault.fate = match (&fault.allowed, named, fault.kills.is_empty()) {
                _ if fault.trouble.is_some() => Fate::Unknown,
                (Some(_), ..) => Fate::Allowed,
                (None, _, true) => Fate::Survived,
                (None, true, false) => Fate::Killed,
                (None, false, false) => Fate::MisnamedClause,
            };
            if fault.fate == Fate::Killed {
                fault.same_as = seen.get(&fault.kills).cloned();
                seen.entry(fault.kills.clone()).or_insert_with(|| fault.id.clone());
            }
        }
        let mut score = Score::default();
        let mut themes: BTreeMap<String, Score> = BTreeMap::new();
        for fault in faults.iter().filter(|fault| counts(fault)) {
            let theme = fault.clause.split('.').next().unwrap_or_default().to_owned();
            score = score.with(fault);
            let theme = themes.entry(theme).or_default();
            *theme = theme.with(fault);
        }
        let applying: Vec<_> = suite.cases.iter().filter(|case| case.applies(dialect)).collect();
        let clauses = dialect.clauses.iter().map(|clause| {
            let cites = |case: &&&crate::case::Case| case.cited().any(|cited| cited == clause.id);
            let kills = |fault: &&FaultReport| {
                fault.fate != Fate::Allowed && fault.kills.iter().any(|kill| kill.clause == clause.id)
            };
            let own = faults.iter().filter(|fault| fault.clause == clause.id && counts(fault));
            let strength = ClauseStrength {
                cases: applying.iter().filter(cites).count(),
                kills: faults.iter().filter(kills).count(),
                score: own.fold(Score::default(), Score::with),
            };
            (clause.id.clone(), strength)
        });
        let clauses = clauses.collect();
        let busy: BTreeSet<&str> = faults
            .iter()
            .filter(|fault| fault.fate != Fate::Allowed)
            .flat_map(|fault| &fault.kills)
            .map(|kill| kill.case.as_str())
            .collect();
        let idle = applying.iter().filter(|case| case.level(dialect) != Level::May && !busy.contains(case.id.as_str()));
        Self {
            format_version: FORMAT_VERSION,
            suite: crate::case::digest(suite),
            dialect: dialect.name.clone(),
            elapsed_ms: 0,
            score,
            themes,
            clauses,
            idle_cases: idle.map(|case| case.id.clone()).collect(),
            minimal: cover(&applying.iter().map(|case| case.id.as_str()).collect::<Vec<_>>(), &faults),
            controls,
            faults,
        }
    }

    /// Whether nothing is missing: every fault is caught under its clause, no case is idle, no control looks right.
    pub fn is_complete(&self) -> bool {
        self.score.killed == self.score.faults
            && self.idle_cases.is_empty()
            && self.faults.iter().all(|fault| fault.trouble.is_none())
            && self.controls.iter().all(ControlReport::is_seen_through)
    }
}

impl ControlReport {
    /// How many cases with a `must` pass, and why they may, in sentences.
    pub fn reasons(&self) -> Vec<String> {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for passed in &self.passed {
            *counts.entry(passed.reason.as_deref().unwrap_or("WITHOUT A REASON")).or_default() += 1;
        }
        let untouched =
            format!("{} must cases pass: they send nothing that it answers in its manner", self.untouched.len());
        let asked = counts.iter().map(|(reason, count)| format!("{count} must cases pass: {reason}"));
        std::iter::once(untouched).chain(asked).collect()
    }

    fn is_seen_through(&self) -> bool {
        self.conformant != Some(true) && self.passed.iter().all(|passed| passed.reason.is_some())
    }
}

impl Score {
    fn with(self, fault: &FaultReport) -> Self {
        Self { killed: self.killed + usize::from(fault.fate == Fate::Killed), faults: self.faults + 1 }
    }
}

/// Whether a fault counts: documents do not allow it, and no other one is caught by exactly the same assertions.
fn counts(fault: &FaultReport) -> bool {
    fault.fate != Fate::Allowed && fault.same_as.is_none()
}

/// Greedy set cover: the case that catches most of what is left under its own clause, the first one of equals. What takes several
/// cases to be seen is not in it yet: [`Mutation::minimal`] is what was measured to be enough.
fn cover(cases: &[&str], faults: &[FaultReport]) -> Vec<String> {
    let mut catches: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
    let mut left: BTreeSet<usize> = BTreeSet::new();
    for (at, fault) in faults.iter().enumerate().filter(|(_, fault)| fault.fate == Fate::Killed) {
        left.insert(at);
        for kill in fault.kills.iter().filter(|kill| kill.clause == fault.clause) {
            catches.entry(kill.case.as_str()).or_default().insert(at);
        }
    }
    let mut chosen: BTreeSet<&str> = BTreeSet::new();
    while !left.is_empty() {
        let gain = |case: &str| catches.get(case).map_or(0, |caught| caught.intersection(&left).count());
        // Of equals `max_by_key` takes the last, so the list is turned round.
        let Some(best) = cases.iter().rev().max_by_key(|case| gain(case)).filter(|case| gain(case) > 0) else { break };
        left.retain(|at| !catches.get(best).is_some_and(|caught| caught.contains(at)));
        chosen.insert(best);
    }
    cases.iter().filter(|case| chosen.contains(**case)).map(|case| (*case).to_owned()).collect()
}

/// For people: the score by theme, what survived, what is idle, the controls.
pub fn terminal(mutation: &Mutation) -> String {
    let mut text = String::new();
    let mut line = |args: std::fmt::Arguments<'_>| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{args}");
    };
    line(format_args!("{:<20} {:>7} {:>7} {:>6}", "theme", "faults", "caught", "score"));
    for (theme, score) in &mutation.themes {
        line(format_args!("{theme:<20} {:>7} {:>7} {:>5}%", score.faults, score.killed, percent(*score)));
    }
    let score = mutation.score;
    line(format_args!("{:<20} {:>7} {:>7} {:>5}%", "all", score.faults, score.killed, percent(score)));
    let of = |fate: Fate| mutation.faults.iter().filter(move |fault| fault.fate == fate);
    for fault in of(Fate::Survived) {
        line(format_args!("\nSURVIVED {} ({})\n  {}", fault.id, fault.clause, fault.text));
    }
    for fault in of(Fate::MisnamedClause) {
        let mut clauses: Vec<&str> = fault.kills.iter().map(|kill| kill.clause.as_str()).collect();
        clauses.sort_unstable();
        clauses.dedup();
        line(format_args!("\nMISNAMED {}: {} is not among {}", fault.id, fault.clause, clauses.join(", ")));
    }
    for fault in mutation.faults.iter().filter(|fault| fault.trouble.is_some()) {
        line(format_args!("\nTROUBLE {}: {}", fault.id, fault.trouble.as_deref().unwrap_or_default()));
    }
    for case in &mutation.idle_cases {
        line(format_args!("\nIDLE {case}: no fault makes it fail"));
    }
    let same = mutation.faults.iter().filter(|fault| fault.same_as.is_some()).count();
    let allowed = of(Fate::Allowed).count();
    line(format_args!(
        "\n{} faults; {same} are caught by exactly the assertions of another one and count with it, {allowed} are allowed by documents and do not count",
        mutation.faults.len()
    ));
    let whole = |strength: &&ClauseStrength| strength.score.killed == strength.score.faults;
    let clauses = mutation.clauses.values().filter(|strength| strength.score.faults > 0);
    line(format_args!(
        "{} of {} clauses have all their faults caught under their name (--format clauses shows each)",
        clauses.clone().filter(whole).count(),
        clauses.count()
    ));
    for (id, Score { killed, faults }) in mutation
        .clauses
        .iter()
        .map(|(id, strength)| (id, strength.score))
        .filter(|(_, score)| score.killed < score.faults)
    {
        line(format_args!("  {id}: {killed} of {faults}"));
    }
    line(format_args!("{} cases catch all of them: corsuite run --minimal", mutation.minimal.len()));
    line(format_args!("\nservers that must not look conformant:"));
    for control in &mutation.controls {
        let verdict = if control.conformant == Some(true) { "CONFORMANT" } else { "not conformant" };
        line(format_args!("  {:<13} {:<53} {verdict}", control.id, control.text));
        for reason in control.reasons() {
            line(format_args!("    {reason}"));
        }
    }
    text
}

fn percent(score: Score) -> usize {
    (score.killed * 100).checked_div(score.faults).unwrap_or(100)
}

/// The score by clause: its level, cases that cite it, faults that break it and how many of them are caught, and faults of
/// any clause that its assertions catch.
pub fn by_clause(mutation: &Mutation, dialect: &Dialect) -> String {
    let mut text =
        format!("{:<32} {:<6} {:>5} {:>6} {:>6} {:>7}\n", "clause", "level", "cases", "faults", "caught", "catches");
    for clause in dialect.clauses.iter() {
        let Some(strength) = mutation.clauses.get(&clause.id) else { continue };
        let Score { faults, killed } = strength.score;
        let level = clause.level.as_str();
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{:<32} {level:<6} {:>5} {faults:>6} {killed:>6} {:>7}",
            clause.id, strength.cases, strength.kills
        );
    }
    text
}

/// The matrix: a row a case, a column a fault, `#` where it is caught.
pub fn matrix(mutation: &Mutation) -> String {
    let mut rows: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
    let counted: Vec<&FaultReport> = mutation.faults.iter().filter(|fault| fault.fate != Fate::Allowed).collect();
    for (at, fault) in counted.iter().enumerate() {
        for kill in &fault.kills {
            rows.entry(&kill.case).or_default().insert(at);
        }
    }
    let width = rows.keys().map(|case| case.len()).max().unwrap_or(0);
    let mut text = String::new();
    for (at, fault) in counted.iter().enumerate() {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{at:>4}  {:<34} {:<28} {} cases", fault.id, fault.clause, distinct(&fault.kills));
    }
    text.push('\n');
    for (case, caught) in &rows {
        let cells: String = (0..counted.len()).map(|at| if caught.contains(&at) { '#' } else { '.' }).collect();
        let _ = writeln!(text, "{case:<width$}  {cells}");
    }
    text
}

fn distinct(kills: &[Kill]) -> usize {
    kills.iter().map(|kill| kill.case.as_str()).collect::<BTreeSet<_>>().len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(id: &str, clause: &str, kills: &[(&str, &str)]) -> FaultReport {
        FaultReport {
            id: id.to_owned(),
            clause: clause.to_owned(),
            text: "Something is wrong.".to_owned(),
            effect: "security".to_owned(),
            seen: String::new(),
            allowed: None,
            fate: Fate::Survived,
            same_as: None,
            trouble: None,
            kills: kills
                .iter()
                .map(|(case, clause)| Kill {
                    case: (*case).to_owned(),
                    step: 1,
                    clause: (*clause).to_owned(),
                    field: "status".to_owned(),
                })
                .collect(),
        }
    }

    fn suite() -> Suite {
        crate::case::load(&crate::case::bundled(), Dialect::oss()).suite
    }

    #[test]
    fn faults_count_once_and_under_their_clause() {
        let faults = vec![
            fault("a", "vary.off", &[("x", "vary.off")]),
            fault("b", "vary.off", &[("x", "vary.off")]),
            fault("c", "vary.off", &[("y", "vary.head")]),
            fault("d", "vary.off", &[]),
            FaultReport { allowed: Some("trim=no".to_owned()), ..fault("e", "xml.trim", &[]) },
        ];
        let mutation = Mutation::new(&suite(), Dialect::oss(), faults, Vec::new());
        let fates: Vec<_> = mutation.faults.iter().map(|fault| fault.fate).collect();
        assert_eq!(fates, [Fate::Killed, Fate::Killed, Fate::MisnamedClause, Fate::Survived, Fate::Allowed]);
        assert_eq!(mutation.faults[1].same_as.as_deref(), Some("a"));
        assert_eq!(mutation.score, Score { killed: 1, faults: 3 });
        assert!(!mutation.is_complete());
        assert_eq!((mutation.clauses["vary.off"].kills, mutation.clauses["vary.head"].kills), (2, 1));
    }

    #[test]
    fn a_cover_is_small() {
        let faults = vec![
            fault("a", "c", &[("x", "c"), ("z", "c")]),
            fault("b", "c", &[("y", "c"), ("z", "c")]),
            fault("c", "c", &[("w", "c"), ("y", "other")]),
        ];
        let faults: Vec<FaultReport> =
            faults.into_iter().map(|fault| FaultReport { fate: Fate::Killed, ..fault }).collect();
        // `y` catches `c` under another clause only.
        assert_eq!(cover(&["w", "x", "y", "z"], &faults), ["w", "z"]);
    }
}

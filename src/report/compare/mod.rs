//! Several reports side by side: [`Comparison::of`], and its forms [`Comparison::terminal`], [`Comparison::markdown`], [`Comparison::html`].
//!
//! A row a clause and a row an open point, a column a report. Where three or more are compared and one alone differs, it is the odd one
//! out. Reports of one server are a trend, in the order of their times.

mod shown;

use std::collections::{BTreeMap, BTreeSet};

use super::{CaseReport, Report, Verdict, headline};
use crate::dialect::{Behaviours, Dialect, Level};

/// What a report says about a clause. The worst of its cases counts, the worst last.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum Standing {
    /// No case of the report asked, or none came so far.
    NotAsked,
    /// Every case that asks for it passed.
    Holds,
    /// The target does not have what it is about.
    Unsupported,
    /// A case that asks for it ended in an error or was skipped.
    NotKnown,
    /// An answer breaks it.
    Broken,
}

impl Standing {
    /// Whether a report says anything.
    const fn is_told(self) -> bool {
        !matches!(self, Self::NotAsked | Self::NotKnown)
    }

    /// A word for tables.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotAsked => "-",
            Self::Holds => "ok",
            Self::Unsupported => "none",
            Self::NotKnown => "?",
            Self::Broken => "FAIL",
        }
    }
}

/// A report.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Column {
    /// Its name: what it was called, or its target.
    pub name: String,
    /// Its target.
    pub target: String,
    /// When it began.
    pub started: String,
    /// What it says, and the dialect.
    pub headline: &'static str,
    /// The cases of that many failed, by level.
    pub failed_must: usize,
    /// Failed cases with a broken `should` alone.
    pub failed_should: usize,
    /// All of its cases.
    pub cases: usize,
}

/// A clause or an open point, and what each report says of it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Row {
    /// Id of the clause, or name of the point.
    pub name: String,
    /// Level of the clause; `may` for a point.
    pub level: Level,
    /// The clause's sentence, or why the point is open.
    pub text: String,
    /// The words of its cells, one a column.
    pub cells: Vec<String>,
    /// Columns that say something else than all the others do.
    pub odd: Option<usize>,
    /// Whether those columns that say something say the same.
    pub agree: bool,
}

/// What has changed between the reports of one target.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Trend {
    /// The target.
    pub target: String,
    /// For each report, oldest first: when, and how many cases failed a `must`, and a `should` alone.
    pub points: Vec<(String, usize, usize)>,
    /// Clauses that were broken in the first and hold in the last.
    pub mended: Vec<String>,
    /// Clauses that held in the first and are broken in the last.
    pub broken: Vec<String>,
}

/// Several reports side by side.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Comparison {
    /// Reports, in the order in which they were given.
    pub columns: Vec<Column>,
    /// Clauses, in the dialect's order, then those that it does not have.
    pub clauses: Vec<Row>,
    /// Open points at which at least one report shows a choice.
    pub choices: Vec<Row>,
    /// Targets with several reports.
    pub trends: Vec<Trend>,
    /// What limits the comparison.
    pub notes: Vec<String>,
}

impl Comparison {
    /// Compares reports, each with the name that it was given, if any. `cited` tells the clauses that a case asks for; where it
    /// knows none, those that the report names count.
    pub fn of(
        reports: &[(Option<String>, Report)],
        dialect: &Dialect,
        cited: &BTreeMap<String, BTreeSet<String>>,
    ) -> Self {
        let columns: Vec<Column> =
            reports.iter().map(|(name, report)| column(name.as_deref(), report, reports)).collect();
        let standings: Vec<BTreeMap<String, Standing>> =
            reports.iter().map(|(_, report)| standings(report, cited)).collect();
        let known: Vec<&str> = dialect.clauses.iter().map(|clause| clause.id.as_str()).collect();
        let all: BTreeSet<&str> = standings.iter().flat_map(BTreeMap::keys).map(String::as_str).collect();
        let others = all.iter().copied().filter(|id| !known.contains(id));
        let ids: Vec<&str> = known.iter().copied().filter(|id| all.contains(id)).chain(others).collect();
        let clauses = ids
            .iter()
            .map(|id| {
                let cells: Vec<Standing> =
                    standings.iter().map(|one| one.get(*id).copied().unwrap_or(Standing::NotAsked)).collect();
                let (level, text) = match dialect.clauses.get(id) {
                    Some(clause) => (clause.level, clause.text.clone()),
                    None => of_report(reports, id),
                };
                let said = |cell: &Standing| cell.is_told().then_some(*cell);
                row(id, level, text, cells.iter().map(|cell| (cell.as_str().to_owned(), said(cell))).collect())
            })
            .collect();
        let choices = Behaviours::POINTS.iter().filter_map(|point| {
            let cells: Vec<(String, Option<String>)> = reports
                .iter()
                .map(|(_, report)| {
                    let value = report.behaviours.get(point.name).cloned();
                    (value.clone().unwrap_or_else(|| Standing::NotAsked.as_str().to_owned()), value)
                })
                .collect();
            let about = dialect.about.get(point.name).cloned().unwrap_or_default();
            cells.iter().any(|(_, value)| value.is_some()).then(|| row(point.name, Level::May, about, cells))
        });
        let mut notes = Vec::new();
        let differs =
            |of: fn(&Report) -> &str| reports.windows(2).any(|pair| matches!(pair, [(_, a), (_, b)] if of(a) != of(b)));
        if differs(|report| &report.suite.dialect) {
            notes.push(
                "the reports are of several dialects: a clause that a dialect does not have is not asked for"
                    .to_owned(),
            );
        }
        if differs(|report| &report.suite.digest) {
            notes.push("the reports are of several versions or parts of the suite".to_owned());
        }
        Self { clauses, choices: choices.collect(), trends: trends(reports, &standings), columns, notes }
    }

    /// Rows in which reports differ, or one breaks a clause: what a reader looks for.
    pub fn telling(&self) -> impl Iterator<Item = &Row> {
        let fails = |row: &&Row| !row.agree || row.cells.iter().any(|cell| cell == Standing::Broken.as_str());
        self.clauses.iter().filter(fails)
    }

    /// How many clauses all reports agree on, of those that at least two were asked for.
    pub fn agreement(&self) -> (usize, usize) {
        let silent = [Standing::NotAsked, Standing::NotKnown].map(Standing::as_str);
        let asked = |row: &&Row| row.cells.iter().filter(|cell| !silent.contains(&cell.as_str())).count() > 1;
        (self.clauses.iter().filter(asked).filter(|row| row.agree).count(), self.clauses.iter().filter(asked).count())
    }
}

fn column(name: Option<&str>, report: &Report, all: &[(Option<String>, Report)]) -> Column {
    let own = target(name, report);
    let same = all.iter().filter(|(name, other)| target(name.as_deref(), other) == own).count();
    Column {
        name: if same > 1 { format!("{own} {}", report.started) } else { own.to_owned() },
        target: report.target.endpoint.clone(),
        started: report.started.clone(),
        headline: headline(report),
        failed_must: report.totals.failed_must,
        failed_should: report.totals.failed_should,
        cases: report.cases.len(),
    }
}

/// What a report is about: reports that were given one name, or none and one endpoint, are of one server.
fn target<'r>(name: Option<&'r str>, report: &'r Report) -> &'r str {
    name.unwrap_or(&report.target.endpoint)
}

/// A row of cells, each as a word and as what counts when cells are compared.
fn row<T: PartialEq>(name: &str, level: Level, text: String, cells: Vec<(String, Option<T>)>) -> Row {
    let said: Vec<(usize, &T)> =
        cells.iter().enumerate().filter_map(|(at, (_, value))| Some((at, value.as_ref()?))).collect();
    let agree = said.iter().all(|(_, value)| said.first().is_none_or(|(_, first)| first == value));
    // One against at least two that are of one mind.
    let alone = |(at, value): &&(usize, &T)| {
        let mut others = said.iter().filter(|(other, _)| other != at).map(|(_, other)| other);
        let first = others.next();
        first.is_some_and(|first| first != value && others.clone().count() > 0 && others.all(|other| other == first))
    };
    let odd = said.iter().find(alone).map(|(at, _)| *at);
    let (name, cells) = (name.to_owned(), cells.into_iter().map(|(word, _)| word).collect());
    Row { name, level, text, cells, odd, agree }
}

/// What the first report that breaks a clause says of it, where the dialect does not have it.
fn of_report(reports: &[(Option<String>, Report)], id: &str) -> (Level, String) {
    let cases = reports.iter().flat_map(|(_, report)| &report.cases);
    let found = cases.flat_map(|case| &case.mismatches).find(|mismatch| mismatch.clause == id);
    found.map_or((Level::Should, String::new()), |mismatch| (mismatch.level, mismatch.text.clone()))
}

fn standings(report: &Report, cited: &BTreeMap<String, BTreeSet<String>>) -> BTreeMap<String, Standing> {
    let mut found: BTreeMap<String, Standing> = BTreeMap::new();
    let mut say = |clause: &str, standing: Standing| {
        let before = found.entry(clause.to_owned()).or_insert(standing);
        *before = standing.max(*before);
    };
    let asks = |case: &CaseReport| -> BTreeSet<String> {
        cited.get(&case.id).cloned().unwrap_or_else(|| case.clauses.iter().cloned().collect())
    };
    for case in &report.cases {
        let standing = match case.verdict {
            Verdict::Pass => Standing::Holds,
            Verdict::Unsupported => Standing::Unsupported,
            Verdict::Error | Verdict::Skip => Standing::NotKnown,
            // What comes after a failure need not have been asked.
            Verdict::Fail => Standing::NotAsked,
        };
        for clause in asks(case) {
            say(&clause, standing);
        }
        for mismatch in &case.mismatches {
            say(&mismatch.clause, Standing::Broken);
        }
    }
    found
}

fn trends(reports: &[(Option<String>, Report)], standings: &[BTreeMap<String, Standing>]) -> Vec<Trend> {
    let mut targets: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (at, (name, report)) in reports.iter().enumerate() {
        targets.entry(target(name.as_deref(), report)).or_default().push(at);
    }
    let mut trends = Vec::new();
    for (target, mut own) in targets {
        // RFC 3339 in UTC sorts as text.
        own.sort_by_key(|at| reports.get(*at).map(|(_, report)| report.started.as_str()));
        let point = |at: &usize| {
            let (_, report) = reports.get(*at)?;
            Some((report.started.clone(), report.totals.failed_must, report.totals.failed_should))
        };
        let (Some(first), Some(last)) =
            (own.first().and_then(|at| standings.get(*at)), own.last().and_then(|at| standings.get(*at)))
        else {
            continue;
        };
        let turned = |from: Standing, to: Standing| {
            let both = first.iter().filter(|(clause, before)| **before == from && last.get(*clause) == Some(&to));
            both.map(|(clause, _)| clause.clone()).collect()
        };
        if own.len() > 1 {
            trends.push(Trend {
                target: target.to_owned(),
                points: own.iter().filter_map(point).collect(),
                mended: turned(Standing::Broken, Standing::Holds),
                broken: turned(Standing::Holds, Standing::Broken),
            });
        }
    }
    trends
}

#[cfg(test)]
mod tests {
    use super::super::MismatchReport;
    use super::super::tests::{case, report};
    use super::*;
    use crate::case::expect::Mismatch;

    /// A report with these clauses broken; `config.put` and `match.first` are asked for.
    pub(super) fn of(endpoint: &str, started: &str, broken: &[&str], max_rules: &str) -> (Option<String>, Report) {
        let cases = ["config.put", "match.first"].map(|clause| {
            let verdict = if broken.contains(&clause) { Verdict::Fail } else { Verdict::Pass };
            let mut one = case(&format!("case-{clause}"), verdict, Level::Must);
            one.clauses = vec![clause.to_owned()];
            one.observed.insert("max_rules".to_owned(), max_rules.to_owned());
            if verdict == Verdict::Fail {
                one.mismatches = vec![MismatchReport::bare(Mismatch::new(clause, "status", "200", "403"), 4)];
            }
            one
        });
        let mut report = report(cases.into());
        (report.target.endpoint, report.started) = (endpoint.to_owned(), started.to_owned());
        (None, report)
    }

    pub(super) fn three() -> Comparison {
        let reports = [
            of("http://a", "2026-01-01T00:00:00Z", &[], "10"),
            of("http://b", "2026-01-02T00:00:00Z", &["match.first"], "20"),
            of("http://c", "2026-01-03T00:00:00Z", &[], "10"),
        ];
        Comparison::of(&reports, Dialect::oss(), &BTreeMap::new())
    }

    #[test]
    fn rows() {
        let all = three();
        let cells: Vec<(&str, Vec<&str>, Option<usize>, bool)> = all
            .clauses
            .iter()
            .chain(&all.choices)
            .map(|row| (row.name.as_str(), row.cells.iter().map(String::as_str).collect(), row.odd, row.agree))
            .collect();
        assert_eq!(
            cells,
            [
                ("config.put", vec!["ok", "ok", "ok"], None, true),
                ("match.first", vec!["ok", "FAIL", "ok"], Some(1), false),
                ("max_rules", vec!["10", "20", "10"], Some(1), false),
            ]
        );
        assert_eq!((all.agreement(), all.telling().count(), all.trends.len()), ((1, 2), 1, 0));
    }

    /// Two are no majority, and who was not asked has no say.
    #[test]
    fn odd_ones() {
        let check = |cells: &[Option<u8>], odd: Option<usize>, agree: bool| {
            let cells = cells.iter().map(|cell| (String::new(), *cell)).collect();
            let made = row("x", Level::Must, String::new(), cells);
            assert_eq!((made.odd, made.agree), (odd, agree));
        };
        check(&[Some(1), Some(2)], None, false);
        check(&[Some(1), Some(2), Some(2)], Some(0), false);
        check(&[Some(2), Some(2), None, Some(1)], Some(3), false);
        check(&[Some(1), Some(2), Some(3)], None, false);
        check(&[Some(1), Some(1), Some(2), Some(2)], None, false);
        check(&[None, Some(2), None], None, true);
        check(&[], None, true);
    }

    #[test]
    fn a_trend() {
        let reports = [
            of("http://a", "2026-01-03T00:00:00Z", &["match.first"], "10"),
            of("http://a", "2026-01-01T00:00:00Z", &["config.put"], "10"),
            of("http://b", "2026-01-02T00:00:00Z", &[], "10"),
        ];
        let all = Comparison::of(&reports, Dialect::oss(), &BTreeMap::new());
        let trend = Trend {
            target: "http://a".to_owned(),
            points: vec![("2026-01-01T00:00:00Z".to_owned(), 1, 0), ("2026-01-03T00:00:00Z".to_owned(), 1, 0)],
            mended: vec!["config.put".to_owned()],
            broken: vec!["match.first".to_owned()],
        };
        assert_eq!(all.trends, [trend]);
        assert_eq!(all.columns[0].name, "http://a 2026-01-03T00:00:00Z");
        // Names say which server a report is of.
        let named =
            reports.iter().zip(["x", "y", "x"]).map(|((_, report), name)| (Some(name.to_owned()), report.clone()));
        let all = Comparison::of(&named.collect::<Vec<_>>(), Dialect::oss(), &BTreeMap::new());
        assert_eq!((all.trends.len(), all.trends[0].target.as_str(), all.columns[1].name.as_str()), (1, "x", "y"));
    }

    /// What is not known is no answer: it is not the odd one, and two of it do not agree.
    #[test]
    fn what_is_not_known_has_no_say() {
        let mut reports =
            ["http://a", "http://b", "http://c"].map(|endpoint| of(endpoint, "2026-01-01T00:00:00Z", &[], "10"));
        reports[2].1.cases[0].verdict = Verdict::Error;
        let all = Comparison::of(&reports, Dialect::oss(), &BTreeMap::new());
        let first = &all.clauses[0];
        assert_eq!((first.cells[2].as_str(), first.odd, first.agree), ("?", None, true));
        let all = Comparison::of(&reports[1..], Dialect::oss(), &BTreeMap::new());
        assert_eq!(all.agreement(), (1, 1));
    }

    /// What a case cites in its steps counts, too; an error says nothing good.
    #[test]
    fn what_cases_ask_for() {
        let (name, mut one) = of("http://a", "2026-01-01T00:00:00Z", &[], "10");
        one.cases[0].verdict = Verdict::Error;
        let cited = BTreeMap::from([("case-match.first".to_owned(), BTreeSet::from(["credentials.never".to_owned()]))]);
        let all = Comparison::of(&[(name, one)], Dialect::oss(), &cited);
        let cells: Vec<(&str, &str)> =
            all.clauses.iter().map(|row| (row.name.as_str(), row.cells[0].as_str())).collect();
        assert_eq!(cells, [("config.put", "?"), ("credentials.never", "ok")]);
    }
}

//! A report against known failures: [`Gate`].

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use jiff::civil::Date;

use super::{Baseline, Known};
use crate::diagnostic::visible;
use crate::dialect::{Level, STABLE};
use crate::report::{Answer, CaseReport, Report, Verdict, headline_of};

/// Most lines that are told of one kind of change.
const TOLD: usize = 40;

/// What a report says that a baseline does not, and the other way round. All but `known` and `unknown` make it red.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Gate {
    /// Cases that fail without an entry, each time.
    pub regressions: Vec<Told>,
    /// Cases that fail without an entry, but not each time they are asked.
    pub flaky: Vec<Told>,
    /// Entries whose failure no longer happens.
    pub fixed: Vec<Told>,
    /// Entries whose case is no longer there.
    pub vanished: Vec<Told>,
    /// Entries whose last day is over.
    pub expired: Vec<Told>,
    /// Cases of which the result is not known; no entry allows that.
    pub unknown: Vec<Told>,
    /// Failures that an entry allows, with its reason, by case.
    pub known: BTreeMap<String, String>,
}

/// One line of it.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Told {
    /// Id of the case.
    pub case: String,
    /// Line of the entry; 0 if there is none.
    pub line: usize,
    /// What is to be said of it.
    pub text: String,
}

impl Told {
    pub(super) fn new(case: &str, line: usize, text: impl Into<String>) -> Self {
        Self { case: case.to_owned(), line, text: text.into() }
    }
}

/// Whether a case fails, and counts.
pub(super) fn fails(case: &CaseReport, strict: bool) -> bool {
    matches!(case.verdict, Verdict::Fail | Verdict::Unsupported) && (strict || case.level == Level::Must)
}

/// Whether nothing is known of a case that something should be known of. One that failed and then was broken off might have failed worse.
pub(super) fn is_unknown(case: &CaseReport) -> bool {
    matches!(case.verdict, Verdict::Error | Verdict::Skip) || (case.verdict == Verdict::Fail && case.reason.is_some())
}

/// Whether what an entry is about still happens in its case, whether it counts or not.
pub(super) fn happens(entry: &Known, case: &CaseReport) -> bool {
    matches!(case.verdict, Verdict::Fail | Verdict::Unsupported)
        && entry.step.is_none_or(|step| case.mismatches.iter().any(|mismatch| mismatch.step == step))
}

/// Whether what an entry is about was asked, and does not happen any more. A case without bucket CORS, or one that ended at an earlier
/// step, says nothing of a step.
pub(super) fn is_fixed(entry: &Known, case: &CaseReport) -> bool {
    let reached = |step: usize| {
        let last = case.mismatches.iter().map(|mismatch| mismatch.step).max().unwrap_or(0);
        // After rules that failed, or a step without an answer, nothing more is asked.
        let ends = case.mismatches.iter().any(|mismatch| mismatch.step == 0 || mismatch.field == "transport");
        !ends || step <= last
    };
    match case.verdict {
        Verdict::Pass => true,
        Verdict::Fail => !happens(entry, case) && entry.step.is_none_or(reached),
        Verdict::Unsupported | Verdict::Error | Verdict::Skip => false,
    }
}

/// Whether these entries allow all that is wrong with a case.
pub(super) fn covers<'k>(entries: impl IntoIterator<Item = &'k Known>, case: &CaseReport) -> bool {
    let own: Vec<&Known> = entries.into_iter().filter(|entry| entry.case == case.id).collect();
    if own.iter().any(|entry| entry.step.is_none()) {
        return true;
    }
    let known = |step| own.iter().any(|entry| entry.step == Some(step));
    !case.mismatches.is_empty() && case.mismatches.iter().all(|mismatch| known(mismatch.step))
}

/// Whether a case answered otherwise when it was asked again.
fn is_flaky(case: &CaseReport) -> bool {
    case.mismatches.iter().any(|mismatch| mismatch.clause == STABLE)
}

impl Gate {
    /// Holds a report against a baseline on this day. `exists` says whether the suite has a case at all: an entry for a case that is not in
    /// the report has vanished if the report is of all cases, or if the suite has it no longer; else another selection or part has it.
    pub fn judge(report: &Report, baseline: &Baseline, exists: &BTreeSet<&str>, today: Date, strict: bool) -> Self {
        let mut gate = Self::default();
        let (expired, valid): (Vec<&Known>, Vec<&Known>) =
            baseline.entries.iter().partition(|entry| entry.expires.is_some_and(|last| last < today));
        for case in &report.cases {
            let headline = visible(&headline_of(case));
            let own = |entry: &&&Known| entry.case == case.id;
            if is_unknown(case) {
                // A failure that counts is one, whatever came after it.
                let counts = fails(case, strict) && !covers(valid.iter().copied(), case);
                if !counts
                    && (case.verdict != Verdict::Skip
                        || case.unjudged_must
                        || valid.iter().any(|entry| entry.case == case.id))
                {
                    let why = case.reason.as_deref().filter(|_| case.verdict == Verdict::Fail);
                    let headline = why.map_or_else(|| headline.clone(), |why| format!("broken off: {}", visible(why)));
                    gate.unknown.push(Told::new(&case.id, 0, format!("{}: {headline}", case.verdict.as_str())));
                }
                if !counts {
                    continue;
                }
            }
            for entry in valid.iter().filter(own) {
                if happens(entry, case) {
                    gate.known.insert(case.id.clone(), entry.reason.clone());
                } else if !entry.flaky && is_fixed(entry, case) {
                    let step = entry.step.map_or_else(String::new, |step| format!("step {step} "));
                    gate.fixed.push(Told::new(&case.id, entry.line, format!("{step}passes: remove its entry")));
                }
            }
            if !fails(case, strict) {
                continue;
            }
            let own_expired = expired.iter().copied().filter(|entry| entry.case == case.id);
            if covers(valid.iter().copied().chain(own_expired), case) {
                continue;
            }
            gate.known.remove(&case.id);
            let told = Told::new(&case.id, 0, headline);
            if is_flaky(case) { gate.flaky.push(told) } else { gate.regressions.push(told) }
        }
        for entry in expired {
            let last = entry.expires.map_or_else(String::new, |last| format!(" after {last}"));
            let now = report
                .cases
                .iter()
                .find(|case| case.id == entry.case)
                .map_or("was not run", |case| case.verdict.as_str());
            gate.expired.push(Told::new(&entry.case, entry.line, format!("expired{last}; its verdict now: {now}")));
        }
        let here: BTreeSet<&str> = report.cases.iter().map(|case| case.id.as_str()).collect();
        let whole = report.suite.complete;
        for entry in valid {
            let id = entry.case.as_str();
            if !here.contains(id) && (whole || !exists.contains(id)) {
                gate.vanished.push(Told::new(id, entry.line, "is not in the suite any more: remove its entry"));
            }
        }
        gate
    }

    /// Writes the reasons of known failures into the report, where every format shows them.
    pub fn mark(&self, report: &mut Report) {
        for case in &mut report.cases {
            case.known = self.known.get(&case.id).cloned();
        }
    }

    /// Yes if the report says what the baseline says; no at any change; unknown if only cases without a result stand in the way.
    pub fn answer(&self) -> Answer {
        let changes = [&self.regressions, &self.flaky, &self.fixed, &self.vanished, &self.expired];
        if changes.iter().any(|told| !told.is_empty()) {
            Answer::No
        } else if self.unknown.is_empty() {
            Answer::Yes
        } else {
            Answer::Unknown
        }
    }

    /// The changes, each kind apart, and the answer.
    pub fn shown(&self, file: &str) -> String {
        let mut text = String::new();
        let kinds = [
            ("new failures", &self.regressions),
            ("new failures, not each time", &self.flaky),
            ("fixed", &self.fixed),
            ("vanished", &self.vanished),
            ("expired", &self.expired),
            ("not known", &self.unknown),
        ];
        for (title, told) in kinds.iter().filter(|(_, told)| !told.is_empty()) {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{title} ({})", told.len());
            for one in told.iter().take(TOLD) {
                let place = if one.line > 0 { format!("  {}:{}", visible(file), one.line) } else { String::new() };
                let _ = writeln!(text, "  {}: {}{place}", visible(&one.case), one.text);
            }
            if told.len() > TOLD {
                let _ = writeln!(text, "  and {} more", told.len() - TOLD);
            }
        }
        let counts: Vec<String> = kinds
            .iter()
            .filter(|(_, told)| !told.is_empty())
            .map(|(title, told)| format!("{} {title}", told.len()))
            .collect();
        let (word, why) = match self.answer() {
            Answer::Yes => ("green", "nothing has changed".to_owned()),
            Answer::No => ("red", counts.join(", ")),
            Answer::Unknown => ("not known", counts.join(", ")),
        };
        let _ = writeln!(text, "baseline {}: {word} ({why}; {} known)", visible(file), self.known.len());
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::expect::Mismatch;
    use crate::diagnostic::SourceFile;
    use crate::report::MismatchReport;
    use crate::report::tests::{case, report};

    fn failing(id: &str, level: Level, steps: &[(usize, &str)]) -> CaseReport {
        let mut failed = case(id, Verdict::Fail, level);
        failed.mismatches = steps
            .iter()
            .map(|(step, clause)| MismatchReport {
                step: *step,
                ..MismatchReport::bare(Mismatch::new(clause, "status", "200", "403"), 4)
            })
            .collect();
        failed
    }

    /// The lines that a report and the text of a baseline give, and the answer.
    fn check(cases: Vec<CaseReport>, known: &str, expected: &[&str], answer: Answer) {
        let baseline = Baseline::load(&SourceFile::new("known.yaml", known)).unwrap();
        let exists = BTreeSet::from(["a", "b", "elsewhere"]);
        let mut report = report(cases);
        report.suite.complete = false;
        let gate = Gate::judge(&report, &baseline, &exists, Date::constant(2026, 6, 1), false);
        let shown = gate.shown("known.yaml");
        let lines: Vec<&str> = shown.lines().collect();
        assert_eq!(lines, expected, "{shown}");
        assert_eq!(gate.answer(), answer, "{shown}");
    }

    const A: &str = "known: [{case: a, reason: why}]";

    #[test]
    fn nothing_new() {
        let passes = || case("b", Verdict::Pass, Level::Must);
        let green = |known: usize| format!("baseline known.yaml: green (nothing has changed; {known} known)");
        check(vec![passes()], "known: []", &[&green(0)], Answer::Yes);
        check(vec![failing("a", Level::Must, &[(1, "config.put")]), passes()], A, &[&green(1)], Answer::Yes);
        check(vec![passes()], "known: [{case: elsewhere, reason: why}]", &[&green(0)], Answer::Yes);
        // A should that nobody asked for is no failure; one that may pass, does.
        check(vec![failing("a", Level::Should, &[(1, "config.put")])], "known: []", &[&green(0)], Answer::Yes);
        check(
            vec![case("a", Verdict::Pass, Level::Must)],
            "known: [{case: a, flaky: true, reason: why}]",
            &[&green(0)],
            Answer::Yes,
        );
    }

    #[test]
    fn what_is_new() {
        check(
            vec![failing("a", Level::Must, &[(1, "config.put")])],
            "known: []",
            &[
                "new failures (1)",
                "  a: config.put: status is 403, expected 200",
                "baseline known.yaml: red (1 new failures; 0 known)",
            ],
            Answer::No,
        );
        check(
            vec![failing("a", Level::Must, &[(1, STABLE)])],
            "known: []",
            &[
                "new failures, not each time (1)",
                "  a: answer.stable: status is 403, expected 200",
                "baseline known.yaml: red (1 new failures, not each time; 0 known)",
            ],
            Answer::No,
        );
        // Known at one step, new at another.
        check(
            vec![failing("a", Level::Must, &[(1, "config.put"), (2, "match.first")])],
            "known: [{case: a, step: 1, reason: why}]",
            &[
                "new failures (1)",
                "  a: config.put: status is 403, expected 200 (and 1 more)",
                "baseline known.yaml: red (1 new failures; 0 known)",
            ],
            Answer::No,
        );
    }

    /// A case that was broken off may have failed worse: neither green nor a failure that is known.
    #[test]
    fn what_was_broken_off() {
        let broken = |level| CaseReport {
            reason: Some("no answer any more".to_owned()),
            unjudged_must: true,
            ..failing("a", level, &[(1, "config.put")])
        };
        let told = ["not known (1)", "  a: fail: broken off: no answer any more"];
        let unknown = |known| [told[0], told[1], known];
        for known in ["known: []", A] {
            let last = "baseline known.yaml: not known (1 not known; 0 known)";
            check(vec![broken(Level::Should)], known, &unknown(last), Answer::Unknown);
        }
        check(
            vec![broken(Level::Must)],
            A,
            &unknown("baseline known.yaml: not known (1 not known; 0 known)"),
            Answer::Unknown,
        );
        let new = [
            "new failures (1)",
            "  a: config.put: status is 403, expected 200",
            "baseline known.yaml: red (1 new failures; 0 known)",
        ];
        check(vec![broken(Level::Must)], "known: []", &new, Answer::No);
    }

    /// A step that was not asked is not mended.
    #[test]
    fn what_was_not_asked() {
        let second = "known: [{case: a, reason: why, step: 2}]";
        let ended = |field: &str| {
            let mut case = failing("a", Level::Should, &[(1, "config.put")]);
            case.mismatches[0].field = field.to_owned();
            case
        };
        check(
            vec![ended("transport")],
            second,
            &["baseline known.yaml: green (nothing has changed; 0 known)"],
            Answer::Yes,
        );
        check(
            vec![case("a", Verdict::Unsupported, Level::Should)],
            second,
            &["baseline known.yaml: green (nothing has changed; 0 known)"],
            Answer::Yes,
        );
        let fixed = [
            "fixed (1)",
            "  a: step 2 passes: remove its entry  known.yaml:1",
            "baseline known.yaml: red (1 fixed; 0 known)",
        ];
        check(vec![ended("status")], second, &fixed, Answer::No);
    }

    #[test]
    fn what_is_over() {
        check(
            vec![case("a", Verdict::Pass, Level::Must)],
            A,
            &[
                "fixed (1)",
                "  a: passes: remove its entry  known.yaml:1",
                "baseline known.yaml: red (1 fixed; 0 known)",
            ],
            Answer::No,
        );
        check(
            vec![failing("a", Level::Must, &[(1, "config.put")])],
            "known: [{case: a, step: 1, reason: why}, {case: a, step: 2, reason: why}]",
            &[
                "fixed (1)",
                "  a: step 2 passes: remove its entry  known.yaml:1",
                "baseline known.yaml: red (1 fixed; 1 known)",
            ],
            Answer::No,
        );
        check(
            vec![case("b", Verdict::Pass, Level::Must)],
            "known: [{case: gone, reason: why}]",
            &[
                "vanished (1)",
                "  gone: is not in the suite any more: remove its entry  known.yaml:1",
                "baseline known.yaml: red (1 vanished; 0 known)",
            ],
            Answer::No,
        );
        check(
            vec![failing("a", Level::Must, &[(1, "config.put")])],
            "known: [{case: a, reason: why, expires: 2026-05-31}]",
            &[
                "expired (1)",
                "  a: expired after 2026-05-31; its verdict now: fail  known.yaml:1",
                "baseline known.yaml: red (1 expired; 0 known)",
            ],
            Answer::No,
        );
        check(
            vec![failing("a", Level::Must, &[(1, "config.put")])],
            "known: [{case: a, reason: why, expires: 2026-06-01}]",
            &["baseline known.yaml: green (nothing has changed; 1 known)"],
            Answer::Yes,
        );
    }

    /// An error is neither the failure that is known nor its absence.
    /// What an entry says besides stays; a day that is over is renewed.
    #[test]
    fn an_updated_baseline_keeps_what_it_says() {
        let update = |known: &str, expires: Option<Date>| {
            let before = Baseline::load(&SourceFile::new("known.yaml", known)).unwrap();
            let report = report(vec![failing("a", Level::Must, &[(1, "config.put"), (2, "match.first")])]);
            before.updated(&report, false, Some("new"), expires, Date::constant(2026, 6, 1)).write()
        };
        let text = update("known: [{case: a, step: 1, reason: old, link: 'https://x', expires: 2099-01-01}]", None);
        insta::assert_snapshot!(text, @"
        # Known failures, for `corsuite run --baseline`.
        known:
          - case: a
            step: 1
            reason: old
            link: https://x
            expires: 2099-01-01
          - case: a
            step: 2
            reason: new
        ");
        let over = "known: [{case: a, reason: old, expires: 2026-01-01}]";
        assert!(update(over, None).contains("expires: 2026-01-01"));
        assert!(update(over, Some(Date::constant(2027, 1, 1))).contains("expires: 2027-01-01"));
    }

    #[test]
    fn what_is_not_known() {
        let mut lost = case("a", Verdict::Error, Level::Must);
        lost.reason = Some("no answer".to_owned());
        let lines = ["not known (1)", "  a: error: no answer", "baseline known.yaml: not known (1 not known; 0 known)"];
        check(vec![lost.clone()], A, &lines, Answer::Unknown);
        check(vec![lost], "known: []", &lines, Answer::Unknown);
        let skipped = case("a", Verdict::Skip, Level::Should);
        check(vec![skipped.clone()], A, &["not known (1)", "  a: skip: skip", lines[2]], Answer::Unknown);
        check(vec![skipped], "known: []", &["baseline known.yaml: green (nothing has changed; 0 known)"], Answer::Yes);
    }

    /// What `update` writes makes the same report green, whatever was in the file.
    #[test]
    fn an_updated_baseline_is_green() {
        let cases = vec![
            failing("a", Level::Must, &[(1, "config.put"), (2, "match.first")]),
            case("b", Verdict::Pass, Level::Must),
            failing("c", Level::Must, &[(0, "config.put")]),
        ];
        let report = report(cases);
        let exists = BTreeSet::from(["a", "b", "c", "lost"]);
        for before in [
            "known: []",
            "known: [{case: a, step: 1, reason: old}, {case: b, reason: fixed}]",
            "known: [{case: c, step: 0, reason: kept}]",
            "known: [{case: a, step: 1, reason: old}, {case: a, step: 2, reason: old}, {case: a, step: 3, reason: over}]",
        ] {
            let before = Baseline::load(&SourceFile::new("known.yaml", before)).unwrap();
            let after = before.updated(&report, false, Some("new"), None, Date::constant(2026, 6, 1));
            let gate = Gate::judge(&report, &after, &exists, Date::constant(2026, 6, 1), false);
            assert_eq!((gate.answer(), gate.known.len()), (Answer::Yes, 2), "{gate:?}");
            for (case, reason) in [("a", "old"), ("c", "kept")] {
                if before.entries.iter().any(|entry| entry.case == case) {
                    assert!(after.entries.iter().any(|entry| entry.case == case && entry.reason == reason));
                }
            }
        }
    }
}

//! One report of the parts of a run: [`join`].

use super::{CaseReport, MismatchReport, Partition, Report, Verdict};
use crate::dialect::CONSISTENT;

/// The parts of a run, each with a name for messages, as the one report that a machine alone would have made: cases in their order, times
/// added up, consistency judged over all of them.
///
/// # Errors
///
/// Why these are not all the parts of one run.
pub fn join(parts: Vec<(String, Report)>) -> Result<Report, String> {
    let mut parts = parts
        .into_iter()
        .map(|(name, report)| match report.suite.partition {
            Some(ref partition) => Ok((name, partition.clone(), report)),
            None => Err(format!("{name} is no part of a run: it was made without --partition")),
        })
        .collect::<Result<Vec<(String, Partition, Report)>, String>>()?;
    parts.sort_by_key(|(_, partition, _)| partition.number);
    let Some((first_name, first, base)) = parts.first().cloned() else { return Err("there is no report".to_owned()) };
    for (name, partition, report) in &parts {
        if !(1..=partition.of).contains(&partition.number) {
            return Err(format!("{name} is part {} of {}, which is none", partition.number, partition.of));
        }
        let what = if partition.of != first.of {
            Some("has another number of parts")
        } else if report.suite.digest != base.suite.digest || report.suite.dialect != base.suite.dialect {
            Some("is of other cases")
        } else if partition.complete != first.complete || partition.selection != first.selection {
            Some("is of another selection")
        } else if report.target.kind != base.target.kind || !same_target(report, &base) {
            Some("is about another server")
        } else if report.tool.version != base.tool.version {
            Some("was made by another version")
        } else {
            None
        };
        if let Some(what) = what {
            return Err(format!("{name} {what} than {first_name}"));
        }
    }
    let numbers: Vec<u64> = parts.iter().map(|(_, partition, _)| partition.number).collect();
    if let Some((name, partition, _)) =
        parts.iter().find(|(_, partition, _)| numbers.iter().filter(|number| **number == partition.number).count() > 1)
    {
        return Err(format!("part {} of {} is there twice, in {name} too", partition.number, partition.of));
    }
    let missing: Vec<String> =
        (1..=first.of).filter(|number| !numbers.contains(number)).take(10).map(|number| number.to_string()).collect();
    if !missing.is_empty() {
        return Err(format!(
            "of {} parts {} are missing: {}",
            first.of,
            first.of - parts.len() as u64,
            missing.join(", ")
        ));
    }
    // A run without keys says nothing of conformance, whatever fails.
    let claims = parts.iter().all(|(_, _, report)| report.conformant.is_some() || !report.breaks_must());
    let mut whole = base;
    whole.suite.complete = first.complete;
    whole.suite.partition = None;
    whole.started = parts.iter().map(|(_, _, report)| report.started.clone()).min().unwrap_or_default();
    whole.elapsed_ms = parts.iter().map(|(_, _, report)| report.elapsed_ms).sum();
    whole.totals.requests = parts.iter().map(|(_, _, report)| report.totals.requests).sum();
    whole.notes = parts.iter().flat_map(|(_, _, report)| report.notes.clone()).collect();
    // Case i belongs to part i mod M + 1, so the parts take turns.
    let mut sources: Vec<std::vec::IntoIter<CaseReport>> =
        parts.into_iter().map(|(_, _, report)| report.cases.into_iter()).collect();
    whole.cases.clear();
    loop {
        let round: Vec<CaseReport> = sources.iter_mut().filter_map(Iterator::next).collect();
        if round.is_empty() {
            break;
        }
        whole.cases.extend(round);
    }
    let mut ids: Vec<&str> = whole.cases.iter().map(|case| case.id.as_str()).collect();
    ids.sort_unstable();
    if let Some(double) = ids.windows(2).find_map(|pair| pair.first().filter(|id| pair.get(1) == Some(id))) {
        return Err(format!("case {double} is in two parts"));
    }
    // Choices are compared anew, and what is known is for the baseline of the whole to say.
    for case in &mut whole.cases {
        case.known = None;
        case.mismatches.retain(|mismatch| !is_comparison(mismatch));
        if case.verdict == Verdict::Fail && case.mismatches.is_empty() {
            case.verdict = Verdict::Pass;
        }
        case.level = case.mismatches.iter().map(|mismatch| mismatch.level).max().unwrap_or(case.level);
    }
    whole.finish(claims);
    Ok(whole)
}

/// Of two cases that show several choices, as [`Report::finish`] writes it down.
fn is_comparison(mismatch: &MismatchReport) -> bool {
    mismatch.clause == CONSISTENT && mismatch.step == 0 && mismatch.request.is_empty()
}

/// The reference that comes with the tool listens on another port each time.
fn same_target(one: &Report, other: &Report) -> bool {
    one.target.kind == super::Kind::Embedded || one.target.endpoint == other.target.endpoint
}

#[cfg(test)]
mod tests {
    use super::super::json;
    use super::super::tests::{case, report};
    use super::*;
    use crate::case::expect::Mismatch;
    use crate::dialect::Level;

    fn part(number: u64, of: u64, ids: &[&str]) -> (String, Report) {
        let mut part = report(ids.iter().map(|id| case(id, Verdict::Pass, Level::Must)).collect());
        part.suite.complete = false;
        part.suite.partition = Some(Partition { number, of, complete: true, selection: "sha256:2".to_owned() });
        part.totals.requests = 10;
        part.finish(true);
        (format!("{number}.json"), part)
    }

    #[test]
    fn parts_make_the_whole() {
        let parts = vec![part(3, 3, &["c"]), part(1, 3, &["a", "d"]), part(2, 3, &["b", "e"])];
        assert!(parts.iter().all(|(_, part)| part.conformant.is_none()));
        let whole = join(parts).unwrap();
        let ids: String = whole.cases.iter().map(|case| case.id.as_str()).collect();
        assert_eq!((ids.as_str(), whole.totals.pass, whole.totals.requests), ("abcde", 5, 30));
        assert_eq!((whole.conformant, &whole.suite.partition), (Some(true), &None));
        assert_eq!(json::write(&json::read(&json::write(&whole)).unwrap()), json::write(&whole));
    }

    /// A server that chooses otherwise in another part is seen when they are joined, and told once.
    #[test]
    fn choices_are_compared_over_all_parts() {
        let mut parts = vec![part(1, 2, &["a"]), part(2, 2, &["b"])];
        for ((_, part), value) in parts.iter_mut().zip(["10", "20"]) {
            part.cases[0].observed.insert("max_rules".to_owned(), value.to_owned());
        }
        let whole = join(parts).unwrap();
        assert_eq!((whole.conformant, whole.cases[1].mismatches.len()), (Some(false), 1));
        let mut again = whole;
        again.finish(true);
        assert_eq!(again.cases[1].mismatches.len(), 1);
        // What was told within a part is told anew: in all of it the first choice is another.
        let mut parts = vec![part(1, 2, &["a"]), part(2, 2, &["b", "d"])];
        for (part, case, value) in [(0, 0, "20"), (1, 0, "10"), (1, 1, "20")] {
            parts[part].1.cases[case].observed.insert("max_rules".to_owned(), value.to_owned());
        }
        parts[1].1.finish(true);
        assert_eq!(parts[1].1.cases[1].verdict, Verdict::Fail);
        let whole = join(parts).unwrap();
        let verdicts: Vec<Verdict> = whole.cases.iter().map(|case| case.verdict).collect();
        assert_eq!(verdicts, [Verdict::Pass, Verdict::Fail, Verdict::Pass]);
    }

    /// Parts that claim nothing make a whole that claims nothing, and what was known to a part need not be known to the whole.
    #[test]
    fn what_parts_do_not_say() {
        let broken = |claims: bool| {
            let mut parts = vec![part(1, 2, &["a"]), part(2, 2, &["b"])];
            for (_, part) in &mut parts {
                part.cases[0].verdict = Verdict::Fail;
                part.cases[0].mismatches =
                    vec![MismatchReport::bare(Mismatch::new("config.put", "status", "200", "403"), 4)];
                part.cases[0].known = Some("by a baseline".to_owned());
                part.finish(claims);
            }
            join(parts).unwrap()
        };
        assert_eq!((broken(true).conformant, broken(false).conformant), (Some(false), None));
        assert!(broken(true).cases.iter().all(|case| case.known.is_none()));
    }

    #[test]
    fn what_is_not_one_run() {
        let check = |parts: Vec<(String, Report)>, expected: &str| {
            let why = join(parts).unwrap_err();
            assert!(why.contains(expected), "{why}");
        };
        check(vec![], "no report");
        check(vec![part(1, 3, &["a"]), part(3, 3, &["b"])], "of 3 parts 1 are missing: 2");
        check(vec![part(1, 2, &["a"]), part(1, 2, &["a"])], "part 1 of 2 is there twice");
        check(vec![part(1, 2, &["a"]), part(2, 3, &["b"])], "another number of parts");
        check(vec![part(1, 2, &["a"]), part(2, 2, &["a"])], "case a is in two parts");
        let changed = |change: fn(&mut Report)| {
            let mut second = part(2, 2, &["b"]);
            change(&mut second.1);
            vec![part(1, 2, &["a"]), second]
        };
        check(changed(|report| report.suite.partition = None), "2.json is no part");
        check(changed(|report| report.suite.digest = "sha256:1".to_owned()), "of other cases");
        check(changed(|report| report.target.endpoint = "http://elsewhere".to_owned()), "another server");
        let selection = |report: &mut Report| report.suite.partition.as_mut().unwrap().selection.clear();
        check(changed(selection), "another selection");
        let beyond = |report: &mut Report| report.suite.partition.as_mut().unwrap().number = 3;
        check(changed(beyond), "2.json is part 3 of 2, which is none");
        check(changed(|report| report.tool.version = "0.2.0".to_owned()), "another version");
    }
}

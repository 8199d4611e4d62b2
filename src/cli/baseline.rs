//! `corsuite baseline`
#![expect(clippy::disallowed_methods, reason = "shell: asks whether there is a file, and what day it is")]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use jiff::civil::Date;

use super::args::{self, BaselineCheck, BaselineDiff, BaselineUpdate};
use super::{Context, Exit, Failure, files, print};
use crate::baseline::{Baseline, Gate, Known};
use crate::case::{Case, Suite};
use crate::diagnostic::visible;
use crate::dialect::Dialect;
use crate::report::{Answer, Report};

pub(super) fn baseline(arguments: &args::Baseline, context: &Context) -> Result<Exit, Failure> {
    match arguments {
        args::Baseline::Update(arguments) => update(arguments, context),
        args::Baseline::Check(arguments) => check(arguments, context),
        args::Baseline::Diff(arguments) => diff(arguments, context),
    }
}

/// Reads a baseline.
pub(super) fn load(path: &Path, context: &Context) -> Result<Baseline, Failure> {
    Baseline::load(&files::read(path)?).map_err(|found| Failure::diagnostics(&found, context))
}

/// The gate of a report, and its known failures marked in it. `suite` is all there is, whatever part of it ran.
pub(super) fn gate(report: &mut Report, baseline: &Baseline, suite: &Suite, dialect: &Dialect, strict: bool) -> Gate {
    let exists: BTreeSet<&str> = applying(suite, dialect).map(|case| case.id.as_str()).collect();
    let gate = Gate::judge(report, baseline, &exists, today(), strict);
    gate.mark(report);
    gate
}

/// Whether a report is of this suite and dialect, without which nothing can be said of cases that it lacks.
pub(super) fn fits(report: &Report, suite: &Suite, dialect: &Dialect) -> Result<(), Failure> {
    if report.suite.dialect != dialect.name {
        let (theirs, ours) = (visible(&report.suite.dialect), visible(&dialect.name));
        return Err(
            Failure::usage(format!("the report is of dialect {theirs}, not {ours}")).help("name it with --dialect")
        );
    }
    let known: BTreeSet<&str> = suite.cases.iter().map(|case| case.id.as_str()).collect();
    match report.cases.iter().find(|case| !known.contains(case.id.as_str())) {
        None => Ok(()),
        Some(case) => Err(Failure::usage(format!("case {} of the report is not in the suite", visible(&case.id)))
            .help("name the folder of its cases with --cases")),
    }
}

fn applying<'s>(suite: &'s Suite, dialect: &'s Dialect) -> impl Iterator<Item = &'s Case> {
    suite.cases.iter().filter(|case| case.applies(dialect))
}

/// By the clock of Greenwich, so that a team has one.
fn today() -> Date {
    jiff::tz::Offset::UTC.to_datetime(jiff::Timestamp::now()).date()
}

pub(super) const fn exit(answer: Answer) -> Exit {
    match answer {
        Answer::Yes => Exit::Yes,
        Answer::No => Exit::No,
        Answer::Unknown => Exit::Unknown,
    }
}

fn update(arguments: &BaselineUpdate, context: &Context) -> Result<Exit, Failure> {
    let before = if arguments.file.exists() { load(&arguments.file, context)? } else { Baseline::default() };
    let report = files::report(&arguments.report)?;
    let after = before.updated(&report, arguments.strict, arguments.reason.as_deref(), arguments.expires, today());
    files::write(&arguments.file, &after.write()).map_err(|error| {
        Failure::unknown(format!("{} cannot be written: {error}", arguments.file.display()))
            .help("name a file in a folder that exists and can be written to")
    })?;
    let lacks = |list: &Baseline, one: &Known| {
        !list.entries.iter().any(|entry| (&entry.case, entry.step) == (&one.case, one.step))
    };
    let gone = before.entries.iter().filter(|entry| lacks(&after, entry)).count();
    let named = |entry: &Known| {
        let step = entry.step.map_or_else(String::new, |step| format!(", step {step}"));
        format!("{}{step}", entry.case)
    };
    let new: Vec<String> = after.entries.iter().filter(|entry| lacks(&before, entry)).map(named).collect();
    let mut text = format!(
        "{}: {} known failures, {} new, {gone} gone\n",
        arguments.file.display(),
        after.entries.len(),
        new.len()
    );
    for case in new {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  new: {}", visible(&case));
    }
    for entry in after.entries.iter().filter(|entry| entry.expires.is_some_and(|last| last < today())) {
        let _ = writeln!(text, "  expired: {}: --expires renews it", visible(&entry.case));
    }
    print(&text)?;
    Ok(Exit::Yes)
}

fn check(arguments: &BaselineCheck, context: &Context) -> Result<Exit, Failure> {
    let baseline = load(&arguments.file, context)?;
    let dialect = files::dialect(&arguments.dialect.dialect, context)?;
    let suite = files::suite(arguments.cases.cases.as_deref(), &dialect, context)?;
    let suite = Suite { cases: applying(&suite, &dialect).cloned().collect() };
    let stale = baseline.stale(&suite, today());
    let mut text = String::new();
    for one in &stale {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{}:{}: {}: {}", arguments.file.display(), one.line, visible(&one.case), one.text);
    }
    let _ = writeln!(text, "{} known failures, {} stale", baseline.entries.len(), stale.len());
    print(&text)?;
    Ok(if stale.is_empty() { Exit::Yes } else { Exit::No })
}

fn diff(arguments: &BaselineDiff, context: &Context) -> Result<Exit, Failure> {
    let baseline = load(&arguments.file, context)?;
    let mut report = files::report(&arguments.report)?;
    let dialect = files::dialect(&arguments.dialect.dialect, context)?;
    let suite = files::suite(arguments.cases.cases.as_deref(), &dialect, context)?;
    fits(&report, &suite, &dialect)?;
    let gate = gate(&mut report, &baseline, &suite, &dialect, arguments.strict);
    print(&gate.shown(&arguments.file.display().to_string()))?;
    Ok(exit(gate.answer()))
}

//! `corsuite baseline`
#![expect(clippy::disallowed_methods, reason = "shell: asks whether there is a file, and what day it is")]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use jiff::civil::Date;

use super::args::{self, BaselineCheck, BaselineDiff, BaselineUpdate};
use super::{Context, Exit, Failure, files, print};
use crate::baseline::{Baseline, Gate};
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
    let after = before.updated(&report, arguments.strict, arguments.reason.as_deref(), arguments.expires);
    super::run::write(&arguments.file, &after.write()).map_err(|error| {
        Failure::unknown(format!("{} cannot be written: {error}", arguments.file.display()))
            .help("name a file in a folder that exists and can be written to")
    })?;
    let lacks = |list: &Baseline, case: &str| !list.entries.iter().any(|entry| entry.case == case);
    let gone = before.entries.iter().filter(|entry| lacks(&after, &entry.case)).count();
    let new: Vec<&str> =
        after.entries.iter().filter(|entry| lacks(&before, &entry.case)).map(|entry| entry.case.as_str()).collect();
    let mut text = format!(
        "{}: {} known failures, {} new, {gone} gone\n",
        arguments.file.display(),
        after.entries.len(),
        new.len()
    );
    for case in new {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  new: {}", visible(case));
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
    let gate = gate(&mut report, &baseline, &suite, &dialect, arguments.strict);
    print(&gate.shown(&arguments.file.display().to_string()))?;
    Ok(exit(gate.answer()))
}

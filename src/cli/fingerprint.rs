//! `corsuite fingerprint`

use std::collections::BTreeSet;

use super::args::Fingerprint;
use super::run::{Job, measure};
use super::{Context, Exit, Failure, files, print, tell};
use crate::case::Case;
use crate::diagnostic::visible;
use crate::dialect::{CONSISTENT, Dialect};
use crate::report::{MismatchReport, Report, fingerprint};

pub(super) fn fingerprint(arguments: &Fingerprint, context: &Context) -> Result<Exit, Failure> {
    let name = &arguments.dialect.dialect;
    if Dialect::bundled(name).is_none() {
        return Err(Failure::usage(format!(
            "--dialect `{name}` is not bundled, and only a bundled one can be extended"
        ))
        .help(format!("give `{}`", Dialect::BUNDLED.join("`, `"))));
    }
    let dialect = files::dialect(name, context)?;
    let report = if let Some(path) = &arguments.report {
        files::report(path)?
    } else {
        let open = |case: &Case| case.steps.iter().flat_map(|step| &step.expect).any(|block| !block.any_of.is_empty());
        let mut suite = files::suite(None, &dialect, context)?;
        suite.cases.retain(open);
        let job = Job {
            suite: &suite,
            dialect: &dialect,
            against: &arguments.against,
            complete: false,
            partition: None,
            fail_fast: false,
            quiet: true,
            known: BTreeSet::new(),
            evidence: None,
        };
        measure(job, context)?.report
    };
    if report.suite.dialect != dialect.name {
        return Err(Failure::usage(format!("the report is of dialect {}", visible(&report.suite.dialect)))
            .help("name it with --dialect"));
    }
    print(&fingerprint::dialect_file(&report, &dialect, &arguments.name))?;
    if report.behaviours.is_empty() {
        return Err(
            Failure::unknown("no answer told a choice").help("`corsuite run` says what is wrong with the server")
        );
    }
    let doubts: Vec<&MismatchReport> = inconsistent(&report).collect();
    for doubt in &doubts {
        let (field, before, now) = (visible(&doubt.field), visible(&doubt.expected), visible(&doubt.actual));
        tell(&format!("warning: {field} is {before}, and {now} in another case: the first one is in the file\n"));
    }
    Ok(if doubts.is_empty() { Exit::Yes } else { Exit::No })
}

/// Where the server did not keep to its choice.
fn inconsistent(report: &Report) -> impl Iterator<Item = &MismatchReport> {
    report.cases.iter().flat_map(|case| &case.mismatches).filter(|mismatch| mismatch.clause == CONSISTENT)
}

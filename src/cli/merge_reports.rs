//! `corsuite merge-reports`

use std::path::PathBuf;

use super::args::MergeReports;
use super::run::{Finish, destinations, finish};
use super::{Context, Exit, Failure, baseline, files};
use crate::diagnostic::visible;
use crate::report::{Report, Setting, join};

pub(super) fn merge_reports(arguments: &MergeReports, context: &Context) -> Result<Exit, Failure> {
    let paths = destinations(&arguments.report)?;
    let dialect = files::dialect(&arguments.dialect.dialect, context)?;
    let suite = files::suite(arguments.cases.cases.as_deref(), &dialect, context)?;
    let known = arguments.baseline.as_deref().map(|path| baseline::load(path, context)).transpose()?;
    let parts = arguments
        .reports
        .iter()
        .map(|path: &PathBuf| Ok((path.display().to_string(), files::report(path)?)))
        .collect::<Result<Vec<(String, Report)>, Failure>>()?;
    let mut report = join(parts).map_err(|why| {
        Failure::usage(visible(&why)).help("give the report of each part of one run once: 1/4, 2/4, 3/4 and 4/4")
    })?;
    baseline::fits(&report, &suite, &dialect)?;
    let known = known.zip(arguments.baseline.as_deref());
    let gate = known.map(|(known, path)| {
        (baseline::gate(&mut report, &known, &suite, &dialect, arguments.strict), path.display().to_string())
    });
    let setting = Setting { suite: &suite, dialect: &dialect, strict: arguments.strict };
    finish(&Finish { report: &report, setting, paths: &paths, gate: gate.as_ref() }, context)
}

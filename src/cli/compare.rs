//! `corsuite compare`

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::args::Compare;
use super::run::{destinations, write_text};
use super::{Context, Exit, Failure, files, print, tell};
use crate::report::compare::Comparison;
use crate::report::{Format, Report};

pub(super) fn compare(arguments: &Compare, context: &Context) -> Result<Exit, Failure> {
    let paths = destinations(&arguments.report)?;
    if let Some((_, path)) = paths.iter().find(|(format, _)| !matches!(format, Format::Markdown | Format::Html)) {
        return Err(Failure::usage(format!(
            "--report for {}: a comparison is written as markdown or html",
            path.display()
        )));
    }
    let dialect = files::dialect(&arguments.dialect.dialect, context)?;
    let suite = files::suite(arguments.cases.cases.as_deref(), &dialect, context)?;
    let cited: BTreeMap<String, BTreeSet<String>> = suite
        .cases
        .iter()
        .map(|case| (case.id.clone(), case.clauses.iter().cloned().chain(case.cited().map(str::to_owned)).collect()))
        .collect();
    let reports: Vec<(Option<String>, Report)> =
        arguments.reports.iter().map(|text| named(text)).collect::<Result<_, Failure>>()?;
    let comparison = Comparison::of(&reports, &dialect, &cited);
    let shown = comparison.terminal(arguments.all);
    if paths.iter().any(|(_, path)| path.as_os_str() == "-") {
        tell(&shown);
    } else {
        print(&shown)?;
    }
    for (format, path) in &paths {
        let text = if *format == Format::Html { comparison.html() } else { comparison.markdown() };
        write_text(path, &text)?;
    }
    Ok(Exit::Yes)
}

/// A report, and its name if it is given one. A file whose own name holds an equals sign is a file.
fn named(text: &str) -> Result<(Option<String>, Report), Failure> {
    match text.split_once('=') {
        Some((name, path)) if !Path::new(text).exists() && !name.is_empty() => {
            Ok((Some(name.to_owned()), files::report(Path::new(path))?))
        }
        _ => Ok((None, files::report(Path::new(text))?)),
    }
}

//! `corsuite check`

use std::sync::Arc;

use super::args::Check;
use super::{Context, Exit, Failure, files, print, runtime, tell};
use crate::case::{self, Suite};
use crate::diagnostic::{Diagnostic, SourceFile, render, visible};
use crate::dialect::Dialect;
use crate::report::{Report, Verdict};
use crate::run::{self, Options};
use crate::serve;

pub(super) fn check(arguments: &Check, context: &Context) -> Result<Exit, Failure> {
    let dialect = files::dialect(&arguments.dialect.dialect, context)?;
    let files = if arguments.paths.is_empty() { case::bundled() } else { files::sources(&arguments.paths)? };
    let (dialects, files): (Vec<_>, Vec<_>) = files.into_iter().partition(Dialect::is_in);
    let mut errors = false;
    for file in &dialects {
        match Dialect::load(file) {
            // A vendor's own dialect is tried on the bundled suite.
            Ok(own) => errors |= check_cases(&case::bundled(), &Arc::new(own), context)?,
            Err(problems) => {
                tell(&render(&problems, context.error_style));
                print(&format!("{}: {}\n", visible(&file.path), count(problems.len(), "problem")))?;
                errors = true;
            }
        }
    }
    if dialects.is_empty() || !files.is_empty() {
        errors |= check_cases(&files, &dialect, context)?;
    }
    Ok(if errors { Exit::Usage } else { Exit::Yes })
}

/// Tells what is wrong with case files; whether it is more than warnings.
fn check_cases(files: &[Arc<SourceFile>], dialect: &Arc<Dialect>, context: &Context) -> Result<bool, Failure> {
    let mut loaded = case::load(files, dialect);
    if !loaded.failed() {
        loaded.diagnostics.extend(against_the_oracle(&loaded.suite, dialect)?);
    }
    tell(&render(&loaded.diagnostics, context.error_style));
    let applying = loaded.suite.cases.iter().filter(|case| case.applies(dialect)).count();
    print(&format!(
        "{} files, {} cases, {applying} of them for dialect {}: {}\n",
        files.len(),
        loaded.suite.cases.len(),
        visible(&dialect.name),
        count(loaded.diagnostics.len(), if loaded.failed() { "problem" } else { "warning" })
    ))?;
    Ok(loaded.failed())
}

fn count(number: usize, what: &str) -> String {
    match number {
        0 => "no problem".to_owned(),
        1 => format!("1 {what}"),
        _ => format!("{number} {what}s"),
    }
}

/// A case that the reference does not pass is probably wrong: warnings at its steps.
fn against_the_oracle(suite: &Suite, dialect: &Arc<Dialect>) -> Result<Vec<Diagnostic>, Failure> {
    let report = in_process(suite, dialect)?;
    let mut found = Vec::new();
    for result in report.cases.iter().filter(|result| result.verdict == Verdict::Fail) {
        let Some(case) = suite.cases.iter().find(|case| case.id == result.id) else { continue };
        for mismatch in &result.mismatches {
            let span = line_span(&case.file.text, mismatch.line);
            let message = format!("case `{}` expects what the reference does not answer", case.id);
            found.push(
                Diagnostic::error(&case.file, span, message)
                    .warning()
                    .label(format!("{}: {} expected, {} answered", mismatch.field, mismatch.expected, mismatch.actual))
                    .help(format!("clause {}: {}", mismatch.clause, mismatch.text)),
            );
        }
    }
    Ok(found)
}

/// The suite against the reference in process.
fn in_process(suite: &Suite, dialect: &Arc<Dialect>) -> Result<Report, Failure> {
    let target = serve::in_process(serve::reference(dialect, serve::owner(), serve::other()), dialect);
    let running = run::run(target, suite, Options::default(), Arc::new(|_| {}));
    runtime()?.block_on(running).map_err(Failure::unknown)
}

fn line_span(text: &str, line: usize) -> std::ops::Range<usize> {
    let mut start = 0;
    for (number, content) in text.split_inclusive('\n').enumerate() {
        if number + 1 == line {
            let indent = content.len() - content.trim_start().len();
            return start + indent..start + content.trim_end().len();
        }
        start += content.len();
    }
    0..0
}

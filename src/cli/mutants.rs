//! `corsuite mutants`

use super::args::{Mutants, MutantsFormat};
use super::{Context, Exit, Failure, files, print, runtime, tell};
use crate::dialect::Dialect;
use crate::mutants::fuzz::{HuntOptions, hunt};
use crate::mutants::measure;
use crate::report::mutation::{by_clause, matrix, terminal};

pub(super) fn mutants(arguments: &Mutants, context: &Context) -> Result<Exit, Failure> {
    let dialect = files::dialect(&arguments.dialect.dialect, context)?;
    if arguments.fuzz {
        return fuzz(arguments, &dialect, context);
    }
    let suite = files::suite(arguments.cases.cases.as_deref(), &dialect, context)?;
    let (suite, _) = files::select(suite, &arguments.selectors, None, &dialect)?;
    let interactive = context.interactive;
    let clock = std::time::Instant::now();
    let seen = move |done: usize, total: usize| {
        if interactive && done.is_multiple_of(20) {
            tell(&format!("\r{done} of {total}"));
        }
    };
    let mut mutation = runtime()?.block_on(measure(&suite, &dialect, usize::from(arguments.jobs), seen));
    mutation.elapsed_ms = u64::try_from(clock.elapsed().as_millis()).unwrap_or(u64::MAX);
    if interactive {
        tell("\r");
    }
    match arguments.format {
        MutantsFormat::Json => {
            print(&format!("{}\n", serde_json::to_string_pretty(&mutation).map_err(Failure::unknown)?))?;
        }
        MutantsFormat::Clauses => print(&by_clause(&mutation, &dialect))?,
        MutantsFormat::Matrix => print(&matrix(&mutation))?,
        MutantsFormat::Terminal => print(&terminal(&mutation))?,
    }
    Ok(if mutation.is_complete() { Exit::Yes } else { Exit::No })
}

/// `corsuite mutants --fuzz`
fn fuzz(arguments: &Mutants, dialect: &Dialect, context: &Context) -> Result<Exit, Failure> {
    // Said before the work, not after it.
    if matches!(arguments.format, MutantsFormat::Clauses | MutantsFormat::Matrix) {
        return Err(Failure::usage("`--fuzz` has no such format").help("`--format terminal` or `--format json`"));
    }
    let options = HuntOptions {
        seeds: arguments.seeds.clone(),
        exchanges: arguments.exchanges,
        jobs: usize::from(arguments.jobs),
    };
    let interactive = context.interactive;
    let seen = move |exchanges: usize, left: usize| {
        if interactive {
            tell(&format!("\r{exchanges} exchanges, {left} faults left   "));
        }
    };
    let found = runtime()?.block_on(hunt(dialect, &options, seen));
    if interactive {
        tell("\r");
    }
    match arguments.format {
        MutantsFormat::Json => {
            print(&format!("{}\n", serde_json::to_string_pretty(&found).map_err(Failure::unknown)?))?;
        }
        _ => print(&crate::report::hunt::terminal(&found))?,
    }
    Ok(if found.is_complete() { Exit::Yes } else { Exit::No })
}

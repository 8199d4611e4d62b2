//! `corsuite list`

use super::args::List;
use super::{Context, Exit, Failure, files, print};
use crate::case::strength;
use crate::diagnostic::visible;
use crate::dialect::Dialect;
use crate::reference::faults::faults;

pub(super) fn list(arguments: &List, context: &Context) -> Result<Exit, Failure> {
    let dialect = files::dialect(&arguments.dialect.dialect, context)?;
    let mut rows: Vec<Vec<String>> = Vec::new();
    if arguments.behaviours {
        for (name, values) in dialect.open_points() {
            let default = dialect.behaviours.value(name).unwrap_or_default();
            let about = dialect.about.get(name).cloned().unwrap_or_default();
            let values: Vec<String> = values
                .iter()
                .map(|value| if *value == default { format!("[{value}]") } else { (*value).to_owned() })
                .collect();
            rows.push(vec![name.to_owned(), values.join(" | "), about]);
        }
    } else if arguments.faults {
        for fault in faults().filter(|fault| fault.applies(&dialect)) {
            let allowed = fault
                .allowed_in(&dialect)
                .map(|(name, value)| format!(" (allowed: {name}={value})"))
                .unwrap_or_default();
            let seen = if fault.seen.is_empty() { String::new() } else { format!(" [{}]", fault.seen) };
            let row = [fault.id, fault.clause, fault.effect.as_str()].map(str::to_owned);
            rows.push([row.to_vec(), vec![format!("{}{allowed}{seen}", fault.text)]].concat());
        }
    } else {
        let suite = files::suite(arguments.cases.cases.as_deref(), &dialect, context)?;
        let (suite, _) = files::select(suite, &arguments.selectors, None, &dialect)?;
        if arguments.clauses {
            rows.push(["clause", "level", "known", "cases", "faults", ""].map(str::to_owned).to_vec());
            // Only the whole bundled suite has been measured, and only under its own dialect.
            let bundled = arguments.cases.cases.is_none()
                && arguments.selectors.is_empty()
                && Dialect::bundled(&dialect.name) == Some(&*dialect);
            for clause in dialect.clauses.iter() {
                let cites = |case: &&crate::case::Case| case.cited().any(|cited| cited == clause.id);
                let count = suite.cases.iter().filter(cites).count();
                let measured =
                    strength(&dialect.name).filter(|_| bundled).and_then(|known| known.clauses.get(&clause.id));
                let caught = measured.map_or_else(|| "-".to_owned(), ToString::to_string);
                if count == 0 && !arguments.selectors.is_empty() {
                    continue;
                }
                rows.push(vec![
                    clause.id.clone(),
                    clause.level.to_string(),
                    clause.confidence.as_str().to_owned(),
                    count.to_string(),
                    caught,
                    format!("{} [{}]", clause.text, clause.source),
                ]);
            }
        } else {
            for case in &suite.cases {
                let level = case.level(&dialect).to_string();
                rows.push(vec![case.theme.clone(), case.id.clone(), level, case.about.clone()]);
            }
        }
    }
    let rows: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(|cell| visible(cell)).collect()).collect();
    print(&columns(&rows)).map(|()| Exit::Yes)
}

/// All columns but the last padded to their widest cell.
fn columns(rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let mut text = String::new();
    for row in rows {
        let line: Vec<String> = row
            .iter()
            .enumerate()
            .map(|(column, cell)| {
                format!("{cell:<width$}", width = if column + 1 == row.len() { 0 } else { width(column) })
            })
            .collect();
        text.extend([line.join("  ").trim_end(), "\n"]);
    }
    text
}

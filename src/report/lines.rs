//! A report as JSON Lines: [`write`]. An event a line: `started`, `case` for each case, `finished`.

use serde::Serialize;

use super::{CaseReport, Report, SuiteIdentity, Target, Tool, Totals};

#[derive(Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
enum Event<'a> {
    Started {
        format_version: u32,
        tool: &'a Tool,
        suite: &'a SuiteIdentity,
        target: &'a Target,
        started: &'a str,
        cases: usize,
    },
    Case(&'a CaseReport),
    Finished {
        elapsed_ms: u64,
        totals: &'a Totals,
        conformant: Option<bool>,
        behaviours: &'a std::collections::BTreeMap<String, String>,
        notes: &'a [String],
    },
}

/// The report, an event a line, in case order.
pub(super) fn write(report: &Report) -> String {
    let started = Event::Started {
        format_version: report.format_version,
        tool: &report.tool,
        suite: &report.suite,
        target: &report.target,
        started: &report.started,
        cases: report.cases.len(),
    };
    let finished = Event::Finished {
        elapsed_ms: report.elapsed_ms,
        totals: &report.totals,
        conformant: report.conformant,
        behaviours: &report.behaviours,
        notes: &report.notes,
    };
    let events = std::iter::once(started).chain(report.cases.iter().map(Event::Case)).chain([finished]);
    // Serializing maps with text keys, text and numbers cannot fail.
    events.map(|event| serde_json::to_string(&event).unwrap_or_default() + "\n").collect()
}

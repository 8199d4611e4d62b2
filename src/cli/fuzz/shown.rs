//! What a campaign found, for people and as a [`Report`].

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use super::kept::case_file;
use crate::campaign::{Campaign, Finding};
use crate::case::{Case, DocumentSource, Operation, Suite, digest};
use crate::diagnostic::visible;
use crate::report::{CaseReport, FORMAT_VERSION, Kind, Report, SuiteIdentity, Target, Tool, Totals, Verdict};
use crate::run::Reading;

/// What there is to say besides the machine itself.
#[derive(Debug)]
pub(in crate::cli) struct Ran {
    pub(in crate::cli) name: String,
    pub(in crate::cli) kind: Kind,
    pub(in crate::cli) started: jiff::Timestamp,
    pub(in crate::cli) elapsed: Duration,
    pub(in crate::cli) reading: Reading,
    pub(in crate::cli) notes: Vec<String>,
    /// Where findings are written.
    pub(in crate::cli) folder: Option<PathBuf>,
}

/// The findings as the failed cases of a report, and the cases.
pub(super) fn report(campaign: &Campaign, ran: &Ran, dialect: &str) -> (Report, Suite) {
    let cases = campaign.findings().iter().map(|finding| Case { id: case_file(finding).0, ..(*finding.case).clone() });
    let suite = Suite { cases: cases.collect() };
    let mut report = Report {
        format_version: FORMAT_VERSION,
        tool: Tool { name: "corsuite".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() },
        suite: SuiteIdentity { digest: digest(&suite), dialect: dialect.to_owned(), complete: false, partition: None },
        target: Target { endpoint: ran.name.clone(), kind: ran.kind },
        started: ran.started.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        elapsed_ms: u64::try_from(ran.elapsed.as_millis()).unwrap_or(u64::MAX),
        totals: Totals::default(),
        conformant: None,
        behaviours: BTreeMap::new(),
        notes: ran.notes.clone(),
        cases: campaign.findings().iter().map(as_case).collect(),
    };
    report.notes.push(summary(campaign, ran));
    report.totals.requests = usize::try_from(ran.reading.answers + ran.reading.lost).unwrap_or(usize::MAX);
    report.finish(false);
    (report, suite)
}

fn as_case(finding: &Finding) -> CaseReport {
    let (id, _) = case_file(finding);
    let stable = finding.is_finished() && finding.is_stable();
    CaseReport {
        about: format!("{} (in {} inputs, first in input {})", finding.kind, finding.count, finding.index),
        theme: "found".to_owned(),
        file: format!("{id}.yaml"),
        id,
        line: finding.mismatch.line,
        clauses: finding.case.clauses.clone(),
        verdict: if stable { Verdict::Fail } else { Verdict::Error },
        level: finding.mismatch.level,
        unjudged_must: false,
        elapsed_ms: 0,
        assertions: 1,
        observed: BTreeMap::new(),
        known: None,
        reason: (!stable).then(|| stability(finding).trim().to_lowercase()),
        mismatches: vec![finding.mismatch.clone()],
        rounds: Vec::new(),
        answers: Vec::new(),
    }
}

const fn stability(finding: &Finding) -> &'static str {
    match (finding.is_finished(), finding.is_stable()) {
        (true, true) => "",
        (true, false) => " UNSTABLE",
        (false, _) => " NOT CONFIRMED",
    }
}

/// The document that a step puts, as far as a line can show it.
fn document(operation: &Operation) -> Option<String> {
    const SHOWN: usize = 400;
    let Operation::PutCors(put) = operation else { return None };
    let text = match &put.body {
        DocumentSource::Rules { rules, .. } => rules.to_xml(),
        DocumentSource::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        DocumentSource::From(step) => return Some(format!("what step {} got", step + 1)),
    };
    let cut: String = text.chars().take(SHOWN).collect();
    Some(if cut.len() < text.len() { format!("{cut}… ({} bytes)", text.len()) } else { cut })
}

/// One line: what was done.
fn summary(campaign: &Campaign, ran: &Ran) -> String {
    let seconds = ran.elapsed.as_secs_f64().max(0.001);
    format!(
        "seed {}, {} inputs, {} requests in {seconds:.1} s ({} with preparation, half within {:.1} ms, 99 % within {:.1} ms, {} without an \
         answer); {} of {} features; {}",
        campaign.plan().seed,
        campaign.inputs(),
        campaign.requests(),
        ran.reading.answers + ran.reading.lost,
        ran.reading.median.as_secs_f64() * 1e3,
        ran.reading.p99.as_secs_f64() * 1e3,
        ran.reading.lost,
        campaign.features(),
        campaign.reachable(),
        campaign.ended().unwrap_or("interrupted"),
    )
}

/// For people: what was done, and each finding so that it can be seen again.
pub(in crate::cli) fn shown(campaign: &Campaign, ran: &Ran) -> String {
    let mut text = String::new();
    let mut line = |words: std::fmt::Arguments<'_>| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{words}");
    };
    // What is certain first, and of that the worst.
    let mut findings: Vec<&Finding> = campaign.findings().iter().collect();
    findings.sort_by_key(|finding| {
        (!(finding.is_finished() && finding.is_stable()), std::cmp::Reverse(finding.mismatch.level))
    });
    for finding in findings {
        line(format_args!(
            "\nFINDING{} ({}) {}",
            stability(finding),
            finding.mismatch.level.as_str(),
            visible(&finding.kind.to_string())
        ));
        line(format_args!("  {} [{}]", visible(&finding.mismatch.text), visible(&finding.mismatch.source)));
        line(format_args!(
            "  in {} inputs, first in input {}; again {} of {} times; {} steps{}",
            finding.count,
            finding.index,
            finding.shown,
            finding.tried,
            finding.case.steps.len(),
            written(finding, ran),
        ));
        for document in finding.case.steps.iter().filter_map(|step| document(&step.operation)) {
            line(format_args!("  rules     {}", visible(&document)));
        }
        line(format_args!("  expected  {}", visible(&finding.mismatch.expected)));
        line(format_args!("  actual    {}", visible(&finding.mismatch.actual)));
        line(format_args!("  {}", visible(&finding.mismatch.curl)));
    }
    line(format_args!("\n{}: {}", visible(&ran.name), visible(&summary(campaign, ran))));
    for (entry, count, expired) in campaign.allowed() {
        let state = match (expired, count) {
            (true, _) => "is expired and silences nothing".to_owned(),
            (false, 0) => "matches nothing: it can go".to_owned(),
            (false, count) => format!("matches {count} inputs"),
        };
        line(format_args!(
            "allowed at line {}, {} ({}): {state}",
            entry.line,
            visible(&entry.clause),
            visible(&entry.reason)
        ));
    }
    for (reason, count) in campaign.passed_over() {
        line(format_args!("{count} inputs not judged: {}", visible(reason)));
    }
    let unstable = campaign.findings().iter().filter(|finding| !(finding.is_finished() && finding.is_stable())).count();
    match (campaign.findings().len() - unstable, unstable) {
        (0, 0) => line(format_args!("no finding")),
        (1, 0) => line(format_args!("1 finding")),
        (more, 0) => line(format_args!("{more} findings")),
        (sure, unsure) => line(format_args!("{sure} findings, {unsure} more that are unstable or not confirmed")),
    }
    if ran.folder.is_none() && !campaign.findings().is_empty() {
        line(format_args!("written nowhere: with --out DIR each finding is kept as a case"));
    }
    text
}

/// The file of a finding, if it has one.
fn written(finding: &Finding, ran: &Ran) -> String {
    let folder = ran.folder.as_ref().filter(|_| finding.is_finished());
    folder.map_or_else(String::new, |folder| {
        let path = folder.join(format!("{}.yaml", case_file(finding).0));
        format!("; {}", visible(&path.display().to_string()))
    })
}

//! A report as SARIF 2.1.0: [`write`]. A clause is a rule, a wrong answer a result at the line of its step.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::{CaseReport, MismatchReport, Report, Verdict};
use crate::diagnostic::visible;
use crate::dialect::{Dialect, Level};

/// What a path in a URI may hold as it is.
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The report; clauses that no case breaks are rules, too, so that a viewer can say what was looked for.
pub(super) fn write(report: &Report, dialect: &Dialect) -> String {
    let cited = |id: &str| {
        report.cases.iter().any(|case| {
            let broken = case.mismatches.iter().map(|mismatch| &mismatch.clause);
            case.clauses.iter().chain(broken).any(|clause| clause == id)
        })
    };
    let mut rules: Vec<Value> = Vec::new();
    let mut ids: Vec<String> = Vec::new();
    for clause in dialect.clauses.iter().filter(|clause| cited(&clause.id)) {
        ids.push(clause.id.clone());
        let mut rule = json!({
            "id": clause.id,
            "shortDescription": {"text": clause.text},
            "help": {"text": format!("{} Source: {}. `corsuite run {}` runs the cases about it.", clause.text, clause.source, clause.id)},
            "defaultConfiguration": {"level": level(clause.level)},
            "properties": {"level": clause.level.as_str(), "source": clause.source},
        });
        if let (Some(url), Some(rule)) = (dialect.url_of(&clause.source), rule.as_object_mut()) {
            rule.insert("helpUri".to_owned(), url.into());
        }
        rules.push(rule);
    }
    let mut results = Vec::new();
    for case in &report.cases {
        for mismatch in &case.mismatches {
            if !ids.contains(&mismatch.clause) {
                ids.push(mismatch.clause.clone());
                rules.push(json!({
                    "id": mismatch.clause,
                    "shortDescription": {"text": mismatch.text},
                    "defaultConfiguration": {"level": level(mismatch.level)},
                }));
            }
            let rule = ids.iter().position(|id| *id == mismatch.clause);
            results.push(result(mismatch, case, rule));
        }
    }
    let notifications: Vec<Value> = report
        .cases
        .iter()
        .filter(|case| matches!(case.verdict, Verdict::Error | Verdict::Unsupported))
        .map(|case| {
            let reason = case.reason.as_deref().unwrap_or(case.verdict.as_str());
            json!({"level": "error", "message": {"text": visible(&format!("{}: {reason}", case.id))}})
        })
        .collect();
    let document = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {"name": report.tool.name, "semanticVersion": report.tool.version, "rules": rules}},
            "invocations": [{
                "executionSuccessful": notifications.is_empty(),
                "startTimeUtc": report.started,
                "toolExecutionNotifications": notifications,
            }],
            "columnKind": "unicodeCodePoints",
            "properties": {
                "endpoint": report.target.endpoint,
                "suite": report.suite.digest,
                "dialect": report.suite.dialect,
                "conformant": report.conformant,
                "behaviours": report.behaviours,
            },
            "results": results,
        }],
    });
    // Serializing maps with text keys, text and numbers cannot fail.
    serde_json::to_string_pretty(&document).unwrap_or_default() + "\n"
}

fn result(mismatch: &MismatchReport, case: &CaseReport, rule: Option<usize>) -> Value {
    let (known, file, case) = (&case.known, case.file.as_str(), case.id.as_str());
    let text = format!("{}: {} is {}, expected {}", mismatch.text, mismatch.field, mismatch.actual, mismatch.expected);
    let mut location = json!({"artifactLocation": {"uri": utf8_percent_encode(file, PATH).to_string()}});
    if mismatch.line > 0
        && let Some(location) = location.as_object_mut()
    {
        location.insert("region".to_owned(), json!({"startLine": mismatch.line}));
    }
    let mut result = json!({
        "ruleId": mismatch.clause,
        "ruleIndex": rule,
        "level": level(mismatch.level),
        "message": {"text": visible(&text)},
        "locations": [{
            "physicalLocation": location,
            "logicalLocations": [{"fullyQualifiedName": format!("{case}/{}", mismatch.step), "kind": "member"}],
        }],
        // The same finding of the next run, though the line has moved.
        "partialFingerprints": {"caseClauseField/v1": format!("{case} {} {} {}", mismatch.step, mismatch.clause, mismatch.field)},
        "properties": {"case": case, "step": mismatch.step, "request": mismatch.request, "response": mismatch.response, "curl": mismatch.curl},
    });
    if let (Some(known), Some(result)) = (known, result.as_object_mut()) {
        let suppression = json!({"kind": "external", "status": "accepted", "justification": visible(known)});
        result.insert("suppressions".to_owned(), json!([suppression]));
    }
    result
}

const fn level(level: Level) -> &'static str {
    match level {
        Level::Must => "error",
        Level::Should => "warning",
        Level::May => "note",
    }
}

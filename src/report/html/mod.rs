//! A report as one page: [`write`].
//!
//! Nothing is loaded from anywhere, and a policy in the page forbids it; its own style and script are let in by their digests. Words of a
//! server or a case file go through [`visible`] and through the template's escaping, so that they are text, whatever they are.

use std::collections::{BTreeMap, BTreeSet};

use askama::Template;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use super::setting::Setting;
use super::story::{Story, stories};
use super::{CaseReport, MismatchReport, Report, Verdict, headline, meaning, terminal};
use crate::case::Case;
use crate::diagnostic::visible;
use crate::dialect::{Dialect, Level};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");
/// Failed cases that are open at once: all of a few, none of many.
const OPEN: usize = 3;

#[derive(Template)]
#[template(path = "page.html", config = "src/report/html/askama.toml")]
struct Page {
    style: &'static str,
    style_hash: String,
    script: &'static str,
    script_hash: String,
    mood: &'static str,
    headline: &'static str,
    why: String,
    endpoint: String,
    dialect: String,
    begun: String,
    facts: Vec<(&'static str, String)>,
    themes: Vec<Theme>,
    verdicts: Vec<(&'static str, usize, bool)>,
    cases: Vec<Shown>,
    clauses: Vec<Clause>,
    behaviours: Vec<(String, String)>,
    notes: Vec<String>,
    colophon: String,
}

struct Theme {
    name: String,
    mood: &'static str,
    cells: Vec<String>,
}

struct Shown {
    id: String,
    about: String,
    clauses: String,
    verdict: &'static str,
    level: &'static str,
    place: Option<String>,
    reason: Option<String>,
    open: bool,
    steps: Vec<Step>,
}

struct Step {
    title: String,
    wrongs: Vec<Wrong>,
    request: String,
    response: Vec<(bool, String)>,
    rules: Option<String>,
    trace: Option<String>,
    curl: String,
}

/// A text in parts, each with whether it is the same in the other text.
type Parts = Vec<(bool, String)>;

struct Wrong {
    clause: String,
    anchor: String,
    level: &'static str,
    text: String,
    source: String,
    field: String,
    expected: Parts,
    actual: Parts,
}

struct Clause {
    id: String,
    anchor: String,
    mood: &'static str,
    level: &'static str,
    text: String,
    sources: Vec<Source>,
    count: usize,
}

struct Source {
    name: String,
    url: Option<String>,
}

/// The report as a page of its own.
pub(super) fn write(report: &Report, setting: &Setting<'_>) -> String {
    let mood = match report.conformant {
        Some(true) => "yes",
        Some(false) => "no",
        None => "unknown",
    };
    let page = Page {
        style: STYLE,
        style_hash: hash(STYLE),
        script: SCRIPT,
        script_hash: hash(SCRIPT),
        mood,
        headline: headline(report),
        why: visible(&meaning(report)),
        endpoint: visible(&report.target.endpoint),
        dialect: visible(&setting.dialect.title),
        // Minutes will do for readers; the other formats have seconds.
        begun: visible(&report.started.chars().take(16).collect::<String>().replace('T', " ")),
        facts: facts(report),
        themes: themes(report),
        verdicts: verdicts(report),
        cases: cases(report, setting),
        clauses: clauses(report, setting.dialect),
        behaviours: report.behaviours.iter().map(|(name, value)| (visible(name), visible(value))).collect(),
        notes: report.notes.iter().map(|note| visible(note)).collect(),
        colophon: visible(&format!(
            "corsuite {}, suite {}, {}",
            report.tool.version, report.suite.digest, report.started
        )),
    };
    // The template is checked when the program is built, and writing to a string cannot fail.
    page.render().unwrap_or_default()
}

/// The source of a policy that lets in exactly this.
/// The style of every page, and its digest for the policy.
pub(crate) fn style() -> (&'static str, String) {
    (STYLE, hash(STYLE))
}

pub(super) fn hash(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(text)))
}

fn facts(report: &Report) -> Vec<(&'static str, String)> {
    let totals = &report.totals;
    vec![
        ("cases", report.cases.len().to_string()),
        ("passed", totals.pass.to_string()),
        ("must failed", totals.failed_must.to_string()),
        ("should failed", totals.failed_should.to_string()),
        ("assertions", totals.assertions.to_string()),
        ("requests", totals.requests.to_string()),
        ("time", format!("{}.{:03} s", report.elapsed_ms / 1000, report.elapsed_ms % 1000)),
    ]
}

fn themes(report: &Report) -> Vec<Theme> {
    let mut themes: BTreeMap<&str, Vec<&CaseReport>> = BTreeMap::new();
    for case in &report.cases {
        themes.entry(&case.theme).or_default().push(case);
    }
    let all: Vec<&CaseReport> = report.cases.iter().collect();
    let rows = themes.iter().map(|(name, cases)| (*name, cases)).chain([("all", &all)]);
    let rows = rows.map(|(name, cases)| {
        let [name, cells @ ..] = terminal::row(name, cases);
        Theme { name, mood: mood(cases.iter().copied()), cells: cells.to_vec() }
    });
    rows.collect()
}

/// How a set of cases fared, as a class of the style.
fn mood<'a>(cases: impl Iterator<Item = &'a CaseReport>) -> &'static str {
    let mut worst = "none";
    for case in cases {
        match case.verdict {
            Verdict::Fail | Verdict::Unsupported if case.level == Level::Must => return "no",
            Verdict::Fail | Verdict::Unsupported | Verdict::Error => worst = "warn",
            Verdict::Pass if worst == "none" => worst = "yes",
            _ => {}
        }
    }
    worst
}

/// Each verdict that there is, how often, and whether it is shown at first: what did not pass, or all where all passed.
fn verdicts(report: &Report) -> Vec<(&'static str, usize, bool)> {
    let order = [Verdict::Fail, Verdict::Unsupported, Verdict::Error, Verdict::Skip, Verdict::Pass];
    let count = |verdict| report.cases.iter().filter(|case| case.verdict == verdict).count();
    let bad = report.cases.iter().any(|case| !matches!(case.verdict, Verdict::Pass | Verdict::Skip));
    let there = order.into_iter().map(|verdict| (verdict, count(verdict))).filter(|(_, count)| *count > 0);
    there.map(|(verdict, count)| (verdict.as_str(), count, !bad || verdict != Verdict::Pass)).collect()
}

/// What did not pass first, the worst of it before the rest; each group in case order.
fn cases(report: &Report, setting: &Setting<'_>) -> Vec<Shown> {
    let by_id: BTreeMap<&str, &Case> = setting.suite.cases.iter().map(|case| (case.id.as_str(), case)).collect();
    let mut sorted: Vec<&CaseReport> = report.cases.iter().collect();
    sorted.sort_by_key(|case| match case.verdict {
        Verdict::Fail | Verdict::Unsupported if case.level == Level::Must => 0,
        Verdict::Fail | Verdict::Unsupported => 1,
        Verdict::Error => 2,
        Verdict::Skip => 3,
        Verdict::Pass => 4,
    });
    let failed = report.totals.fail;
    let shown = sorted.into_iter().map(|case| {
        let stories = match by_id.get(case.id.as_str()) {
            Some(known) if !case.mismatches.is_empty() => stories(known, setting.dialect),
            _ => Vec::new(),
        };
        let place = (case.line > 0).then(|| visible(&format!("{}:{}", case.file, case.line)));
        Shown {
            id: visible(&case.id),
            about: visible(&case.about),
            clauses: visible(&case.clauses.join(", ")),
            verdict: case.verdict.as_str(),
            level: case.level.as_str(),
            place,
            reason: match (&case.known, &case.reason) {
                (Some(known), _) => Some(visible(&format!("known failure: {known}"))),
                (None, reason) => reason.as_deref().map(visible),
            },
            open: case.verdict == Verdict::Fail && failed <= OPEN,
            steps: steps(case, &stories),
        }
    });
    shown.collect()
}

/// The wrong answers of a case, those to one request together.
fn steps(case: &CaseReport, stories: &[Story]) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut before: Option<&MismatchReport> = None;
    for mismatch in &case.mismatches {
        let place = |mismatch: &MismatchReport| (mismatch.step, mismatch.answer, mismatch.request.clone());
        if before.is_none_or(|before| place(before) != place(mismatch)) {
            let story = stories.iter().find(|story| story.step == mismatch.step);
            let first = visible(mismatch.request.lines().next().unwrap_or_default());
            let title = match mismatch.step {
                0 if first.is_empty() => "the case as a whole".to_owned(),
                0 => format!("the rules of the case: {first}"),
                step => format!("step {step}: {first}"),
            };
            steps.push(Step {
                title,
                wrongs: Vec::new(),
                request: lines(&mismatch.request),
                response: Vec::new(),
                rules: story.and_then(|story| story.rules.clone()),
                trace: story.and_then(|story| story.trace.clone()),
                curl: lines(&mismatch.curl),
            });
        }
        if let Some(step) = steps.last_mut() {
            step.wrongs.push(wrong(mismatch));
            let fields: BTreeSet<String> =
                step.wrongs.iter().filter_map(|wrong| Some(wrong.field.strip_prefix("headers.")?.to_owned())).collect();
            let status = step.wrongs.iter().any(|wrong| wrong.field == "status");
            step.response = marked(&mismatch.response, &fields, status);
        }
        before = Some(mismatch);
    }
    steps
}

/// The lines of an answer, and whether what is wrong is in them.
fn marked(response: &str, fields: &BTreeSet<String>, status: bool) -> Vec<(bool, String)> {
    let is_wrong = |(at, line): (usize, &str)| match line.split_once(':') {
        _ if at == 0 => status,
        Some((name, _)) => {
            let name = name.to_ascii_lowercase();
            fields.iter().any(|field| match field.strip_suffix('*') {
                Some(start) => name.starts_with(start),
                None => name == *field,
            })
        }
        None => false,
    };
    response.lines().enumerate().map(|(at, line)| (is_wrong((at, line)), visible(line))).collect()
}

fn wrong(mismatch: &MismatchReport) -> Wrong {
    let (expected, actual) = differing(&visible(&mismatch.expected), &visible(&mismatch.actual));
    Wrong {
        clause: visible(&mismatch.clause),
        anchor: anchor(&mismatch.clause),
        level: mismatch.level.as_str(),
        text: visible(&mismatch.text),
        source: visible(&mismatch.source),
        field: visible(&mismatch.field),
        expected,
        actual,
    }
}

/// Two texts in parts, each with whether it is the same in both: a common start, what differs, a common end.
fn differing(one: &str, other: &str) -> (Parts, Parts) {
    let same = |(left, right): &(char, char)| left == right;
    let start: usize = one.chars().zip(other.chars()).take_while(same).map(|(c, _)| c.len_utf8()).sum();
    let (head, one) = one.split_at(start);
    let other = other.get(start..).unwrap_or_default();
    let end: usize = one.chars().rev().zip(other.chars().rev()).take_while(same).map(|(c, _)| c.len_utf8()).sum();
    let parts = |rest: &str| {
        let (middle, tail) = rest.split_at(rest.len() - end);
        let parts = [(true, head), (false, middle), (true, tail)];
        parts.into_iter().filter(|(_, text)| !text.is_empty()).map(|(same, text)| (same, text.to_owned())).collect()
    };
    (parts(one), parts(other))
}

/// Several lines of a stranger, each made visible.
fn lines(text: &str) -> String {
    text.lines().map(visible).collect::<Vec<_>>().join("\n")
}

/// Every clause that a case is about, in the dialect's order.
fn clauses(report: &Report, dialect: &Dialect) -> Vec<Clause> {
    let mut about: BTreeMap<&str, Vec<&CaseReport>> = BTreeMap::new();
    for case in &report.cases {
        for clause in &case.clauses {
            about.entry(clause).or_default().push(case);
        }
    }
    let broken = |id: &str| {
        let levels = report.cases.iter().flat_map(|case| &case.mismatches).filter(|mismatch| mismatch.clause == id);
        levels.map(|mismatch| mismatch.level).max()
    };
    let known = dialect.clauses.iter().filter_map(|clause| Some((clause, about.get(clause.id.as_str())?)));
    let shown = known.map(|(clause, cases)| Clause {
        id: clause.id.clone(),
        anchor: anchor(&clause.id),
        mood: match broken(&clause.id) {
            Some(Level::Must) => "no",
            Some(_) => "warn",
            None if cases.iter().all(|case| case.verdict == Verdict::Pass) => "yes",
            None => "none",
        },
        level: clause.level.as_str(),
        text: visible(&clause.text),
        sources: clause
            .source
            .split(", ")
            .map(|name| Source { name: visible(name), url: dialect.url_of(name) })
            .collect(),
        count: cases.len(),
    });
    shown.collect()
}

/// A name within the page: clause ids and case ids could be alike.
fn anchor(clause: &str) -> String {
    format!("clause-{}", visible(clause))
}

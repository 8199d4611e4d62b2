//! Known failures, and what has changed since: [`Baseline`] is a file, [`Gate::judge`] holds a report against it.
//!
//! ```yaml
//! known:
//!   - case: rules-21
//!     step: 1
//!     reason: the limit comes with the next release
//!     link: https://tracker.example/123
//!     expires: 2027-01-31
//! ```
//!
//! An entry allows its case to fail, with `step` at that step alone (0 is the `rules` of the case). With `flaky: true` the case may pass,
//! too. What an entry does not allow is a new failure; what it allows and no longer happens is told as well, so that the file stays true.

mod gate;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;

use jiff::civil::Date;

pub use self::gate::{Gate, Told};
use crate::case::{Case, Suite};
use crate::diagnostic::{Diagnostic, SourceFile, visible};
use crate::report::{CaseReport, Report, headline_of};
use crate::yaml::{self, Decoder, Field, Record, Shape};

/// Known failures, in the order of their file.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Baseline {
    /// The entries.
    pub entries: Vec<Known>,
}

/// A known failure.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Known {
    /// Id of the case.
    pub case: String,
    /// The step that fails, from 1, or 0 for the rules of the case; none is any.
    pub step: Option<usize>,
    /// It does not fail each time.
    pub flaky: bool,
    /// Why it is let be.
    pub reason: String,
    /// Where more is said of it.
    pub link: Option<String>,
    /// The last day on which the entry counts.
    pub expires: Option<Date>,
    /// Its line in the file; 0 if it is not in one yet.
    pub line: usize,
}

/// Most steps that a case can have, for the sake of a clear message.
const MAX_STEP: u64 = 10_000;

static KNOWN: Record = Record::new(
    "known-failure",
    "a known failure",
    &[
        Field::required("case", Shape::Text, "the id of the case"),
        Field::optional(
            "step",
            Shape::Integer,
            "the step that fails, 0 for the rules of the case; without it, any step",
        ),
        Field::optional("flaky", Shape::Truth, "whether it may pass, too"),
        Field::required("reason", Shape::Text, "why it is let be"),
        Field::optional("link", Shape::Text, "where more is said of it"),
        Field::optional("expires", Shape::Text, "the last day on which the entry counts, such as 2027-01-31"),
    ],
);

static FILE: Record = Record::new(
    "baseline",
    "a baseline",
    &[Field::required("known", Shape::List(&Shape::Record(&KNOWN)), "known failures")],
);

impl Baseline {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// All that is wrong with it. Cases that no suite has are no mistake of the file: [`Gate`] tells them.
    pub fn load(file: &Arc<SourceFile>) -> Result<Self, Vec<Diagnostic>> {
        let root = yaml::parse(file).map_err(|found| vec![*found])?;
        let mut decoder = Decoder::new(file);
        let list = decoder.fields(&root, &FILE).and_then(|fields| fields.get("known"));
        let items = list.and_then(|node| decoder.list(node, "a list of known failures")).unwrap_or_default();
        let mut entries: Vec<Known> = Vec::new();
        for item in items {
            let Some(known) = decode(&mut decoder, item) else { continue };
            let double = |before: &&Known| {
                before.case == known.case
                    && (before.step == known.step || before.step.is_none() || known.step.is_none())
            };
            if let Some(before) = entries.iter().find(double) {
                let found = decoder
                    .error(&item.span, format!("case `{}` is known already, in line {}", known.case, before.line))
                    .help("one entry a case, or one a step");
                decoder.push(found);
            }
            entries.push(known);
        }
        let problems = decoder.finish();
        if problems.is_empty() { Ok(Self { entries }) } else { Err(problems) }
    }

    /// The entries as a file; comments of the file that they came from are not kept.
    pub fn write(&self) -> String {
        let mut text = String::from("# Known failures, for `corsuite run --baseline`.\n");
        if self.entries.is_empty() {
            text.push_str("known: []\n");
            return text;
        }
        text.push_str("known:\n");
        for entry in &self.entries {
            // Writing to a string cannot fail. Text in JSON's quotes is YAML, too.
            let _ = writeln!(text, "  - case: {}", quoted(&entry.case));
            if let Some(step) = entry.step {
                let _ = writeln!(text, "    step: {step}");
            }
            if entry.flaky {
                text.push_str("    flaky: true\n");
            }
            let _ = writeln!(text, "    reason: {}", quoted(&entry.reason));
            if let Some(link) = &entry.link {
                let _ = writeln!(text, "    link: {}", quoted(link));
            }
            if let Some(expires) = entry.expires {
                let _ = writeln!(text, "    expires: {expires}");
            }
        }
        text
    }

    /// What fits a report: entries that still hold, in their order, and a new one for each case that fails without one. Entries about what
    /// was not judged in this report stay. `about` is the reason of new entries; without it, what went wrong. `expires` is for new entries,
    /// and for those that are over on this day.
    #[must_use]
    pub fn updated(
        &self,
        report: &Report,
        strict: bool,
        about: Option<&str>,
        expires: Option<Date>,
        today: Date,
    ) -> Self {
        let failing: Vec<&CaseReport> = report.cases.iter().filter(|case| gate::fails(case, strict)).collect();
        let fixed = |entry: &Known| {
            let mut own = report.cases.iter().filter(|case| case.id == entry.case && !gate::is_unknown(case));
            own.any(|case| gate::is_fixed(entry, case))
        };
        let mut entries: Vec<Known> = self.entries.clone();
        entries.retain(|entry| entry.flaky || !fixed(entry));
        for entry in entries.iter_mut().filter(|entry| entry.expires.is_some_and(|last| last < today)) {
            entry.expires = expires.or(entry.expires);
        }
        for case in failing {
            if gate::covers(&entries, case) {
                continue;
            }
            let told = about.map_or_else(|| visible(&headline_of(case)), str::to_owned);
            let new = |step| Known {
                case: case.id.clone(),
                step,
                flaky: false,
                reason: told.clone(),
                link: None,
                expires,
                line: 0,
            };
            if !entries.iter().any(|entry| entry.case == case.id) {
                entries.push(new(None));
                continue;
            }
            // Beside entries for steps there are others for further steps.
            let steps: BTreeSet<usize> = case.mismatches.iter().map(|mismatch| mismatch.step).collect();
            let known: BTreeSet<usize> =
                entries.iter().filter(|entry| entry.case == case.id).filter_map(|entry| entry.step).collect();
            entries.extend(steps.difference(&known).map(|step| new(Some(*step))));
        }
        Self { entries }
    }

    /// What is wrong with the entries themselves, on this day: cases and steps that the suite does not have, days that are over.
    pub fn stale(&self, suite: &Suite, today: Date) -> Vec<Told> {
        let problem = |entry: &Known| {
            let case = suite.cases.iter().find(|case| case.id == entry.case);
            match (case, entry.step) {
                (None, _) => Some("no such case".to_owned()),
                (Some(case), Some(step)) if !has_step(case, step) => Some(format!("no step {step}")),
                _ => entry.expires.filter(|last| *last < today).map(|last| format!("expired after {last}")),
            }
        };
        let told = |entry: &Known| Some(Told::new(&entry.case, entry.line, problem(entry)?));
        self.entries.iter().filter_map(told).collect()
    }
}

/// The steps of a case count from 1; its rules are step 0.
fn has_step(case: &Case, step: usize) -> bool {
    let setup = case.steps.iter().filter(|step| step.setup).count();
    if step == 0 { setup > 0 } else { step <= case.steps.len() - setup }
}

fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._/:".contains(c);
    if ["null", "true", "false"].contains(&text.to_ascii_lowercase().as_str()) {
        return format!("\"{text}\"");
    }
    if !text.is_empty()
        && text.chars().all(plain)
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && !text.ends_with(':')
    {
        return text.to_owned();
    }
    serde_json::to_string(text).unwrap_or_default()
}

fn decode(decoder: &mut Decoder, node: &yaml::Node) -> Option<Known> {
    let fields = decoder.fields(node, &KNOWN)?;
    let mut text = |name: &str| fields.get(name).and_then(|node| decoder.text(node, "a text"));
    let (case, reason, link) = (text("case"), text("reason"), text("link"));
    let step = fields.get("step").and_then(|node| decoder.integer(node, MAX_STEP));
    let flaky = fields.get("flaky").and_then(|node| decoder.truth(node)).unwrap_or_default();
    let expires = fields.get("expires").and_then(|node| decoder.day(node));
    let line = decoder.file().position(node.span.start).0;
    let step = step.and_then(|step| usize::try_from(step).ok());
    Some(Known { case: case?, step, flaky, reason: reason?, link, expires, line })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::{Style, render};

    fn check(text: &str, expected: &str) {
        let shown = match Baseline::load(&SourceFile::new("known.yaml", text)) {
            Ok(baseline) => baseline.write(),
            Err(problems) => render(&problems, Style::Plain),
        };
        assert!(shown.contains(expected), "{shown}");
    }

    #[test]
    fn files() {
        check("known: []", "known: []\n");
        check("known: [{case: a, reason: why}]", "  - case: a\n    reason: why\n");
        check(
            "known:\n- {case: a, step: 0, reason: 'a: b', link: https://x, expires: 2027-01-31}\n- {case: a, step: 1, flaky: true, reason: c}",
            "  - case: a\n    step: 0\n    reason: \"a: b\"\n    link: https://x\n    expires: 2027-01-31\n  - case: a\n    step: 1\n    flaky: true\n",
        );
        check("known: [{case: a}]", "`reason`");
        check("known: [{case: a, reason: b, expires: soon}]", "`soon` is no day");
        check(
            "known:\n- {case: a, reason: b}\n- {case: a, step: 2, reason: b}",
            "case `a` is known already, in line 2",
        );
        check("known: [{case: a, reason: b, stop: 2}]", "`step`");
        check("cases: []", "`known`");
    }

    /// Whatever words an entry has, its file is read as it was written.
    #[test]
    fn words_survive() {
        for word in
            ["a: b", "- x", "yes", "null", "2027-01-31", "tab\there", "\"quoted\"", "*", "ünï\u{202e}", "a:", "#"]
        {
            let entry = Known {
                case: word.to_owned(),
                step: None,
                flaky: false,
                reason: word.to_owned(),
                link: Some(word.to_owned()),
                expires: None,
                line: 3,
            };
            let baseline = Baseline { entries: vec![entry] };
            let text = baseline.write();
            assert_eq!(Baseline::load(&SourceFile::new("x.yaml", text.as_str())).unwrap(), baseline, "{text}");
        }
    }
}

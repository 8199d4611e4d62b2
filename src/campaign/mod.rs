//! A differential campaign as a machine of values: [`Campaign`].
//!
//! It gives out cases, takes their reports, and so finds, confirms and shrinks. It has no clock, no file and no connection; who drives it
//! has. What it tells in [`Event`]s is enough to begin again where it was broken off: cases are made anew from seed and index.

mod allowlist;
mod doubt;
mod event;
mod features;
mod finding;
mod inputs;
mod kind;
mod merge;
mod pursue;
mod versus;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;

pub use self::allowlist::{Allowed, Allowlist};
pub use self::doubt::{Doubt, doubts};
pub use self::event::{Event, Plan, Record};
pub use self::features::{predicted, reachable};
pub use self::finding::Finding;
use self::finding::{Made, Stage};
pub use self::inputs::{BLOCK, Input, Reach, block};
pub use self::kind::Kind;
pub use self::merge::merge;
pub use self::versus::as_answered;
use crate::case::{Case, Start, load};
use crate::diagnostic::SourceFile;
use crate::dialect::Dialect;
use crate::report::{CaseReport, Verdict};

/// Inputs that are made ahead.
const AHEAD: u64 = 16 * BLOCK;
/// Cases in a row that could not be judged, after which a campaign ends.
const PATIENCE: u32 = 25;
/// Reasons for passing an input over that are told apart.
const REASONS: usize = 20;

/// What there is for a worker.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_enums, reason = "an output")]
pub enum Next {
    /// A case.
    Case {
        /// By which its report is given back.
        number: u64,
        /// What is to be run.
        case: Arc<Case>,
        /// In which buckets.
        start: Start,
    },
    /// Nothing until another report is given back.
    Later,
    /// Nothing any more.
    Nothing,
}

/// What a case was given out for.
#[derive(Debug)]
enum Purpose {
    Explore { index: u64, features: BTreeSet<String> },
    Confirm(usize),
    Shrink(usize),
    Check(usize),
    Plain(usize),
}

/// A campaign.
#[derive(Debug)]
pub struct Campaign {
    plan: Plan,
    dialect: Arc<Dialect>,
    /// The next block of this part.
    block: u64,
    /// Inputs that were made and not given out.
    made: VecDeque<Input>,
    /// Inputs that need not be given out: judged before a break.
    judged: BTreeSet<u64>,
    /// Findings for which a case waits to be given out.
    waiting: VecDeque<usize>,
    /// The same, but no other case may be out at that time.
    alone: VecDeque<usize>,
    /// The case that must be the only one.
    only: Option<u64>,
    /// The documents' own choices at open points, if the server's are others.
    documented: Option<Arc<Dialect>>,
    out: BTreeMap<u64, (Purpose, Arc<Case>)>,
    number: u64,
    findings: Vec<Finding>,
    seen: BTreeSet<String>,
    inputs: u64,
    requests: u64,
    /// Cases in a row that could not be judged.
    unjudged: u32,
    /// Inputs that could not be judged, by the reason.
    passed_over: BTreeMap<String, u64>,
    allowlist: Allowlist,
    today: Date,
    /// Inputs that fall under each entry.
    silenced: Vec<u64>,
    ended: Option<String>,
    /// Nothing is looked into any more, either.
    stopped: bool,
}

impl Campaign {
    /// Of a plan, held against a dialect whose behaviours are those of the server.
    pub fn new(plan: Plan, dialect: Arc<Dialect>) -> Self {
        let block = plan.part.saturating_sub(1);
        Self {
            plan,
            dialect,
            block,
            made: VecDeque::new(),
            judged: BTreeSet::new(),
            waiting: VecDeque::new(),
            alone: VecDeque::new(),
            only: None,
            documented: None,
            out: BTreeMap::new(),
            number: 0,
            findings: Vec::new(),
            seen: BTreeSet::new(),
            inputs: 0,
            requests: 0,
            unjudged: 0,
            passed_over: BTreeMap::new(),
            allowlist: Allowlist::default(),
            today: Date::MIN,
            silenced: Vec::new(),
            ended: None,
            stopped: false,
        }
    }

    /// With the dialect as it is documented: where the server chose otherwise, a finding is written so that servers of other choices can
    /// be held against it, if it can.
    #[must_use]
    pub fn documented(mut self, dialect: Arc<Dialect>) -> Self {
        self.documented = Some(dialect).filter(|documented| documented.behaviours != self.dialect.behaviours);
        self
    }

    /// With divergences that are no findings on this day.
    #[must_use]
    pub fn allowing(mut self, allowlist: Allowlist, today: Date) -> Self {
        self.silenced = vec![0; allowlist.entries.len()];
        (self.allowlist, self.today) = (allowlist, today);
        self
    }

    /// The same after it was broken off, from what it told. Inputs whose findings were not finished are given out once more, so nothing is
    /// lost; those that are done with are not.
    ///
    /// # Errors
    ///
    /// The first case of a finding that cannot be read, and why.
    pub fn resume(mut self, events: &[Event]) -> Result<Self, String> {
        let campaign = &mut self;
        for event in events {
            let Event::Finished(record) = event else { continue };
            if campaign.findings.iter().any(|finding| finding.kind == record.kind) {
                continue;
            }
            let case = read(&record.case, &campaign.dialect)
                .ok_or_else(|| format!("the case of `{}` cannot be read", record.kind))?;
            campaign.findings.push(Finding {
                kind: record.kind.clone(),
                index: record.index,
                seen: record.seen,
                count: 0,
                shown: record.shown,
                tried: record.tried,
                case: Arc::new(case),
                mismatch: record.mismatch.clone(),
                companions: record.companions.clone(),
                stage: Stage::Finished,
                alone: false,
                others: 0,
                made: Made::Once,
                trial: None,
                in_vain: (0, 0),
                whole: None,
            });
        }
        for event in events {
            let Event::Judged { index, requests, kinds, features, allowed } = event else { continue };
            campaign.seen.extend(features.iter().cloned());
            let known = |kind: &Kind| campaign.findings.iter().any(|finding| finding.kind == *kind);
            if !kinds.iter().all(known) || !campaign.judged.insert(*index) {
                continue;
            }
            campaign.inputs += 1;
            campaign.requests += requests;
            for finding in campaign.findings.iter_mut().filter(|finding| kinds.contains(&finding.kind)) {
                finding.count += 1;
            }
            for entry in allowed {
                if let Some(count) = campaign.silenced.get_mut(*entry) {
                    *count += 1;
                }
            }
        }
        Ok(self)
    }

    /// No new input is made from now on; what was found is confirmed and shrunk.
    pub fn end(&mut self, why: &str) {
        self.ended.get_or_insert_with(|| why.to_owned());
    }

    /// Nothing is made, confirmed or shrunk any more; findings stay as they are.
    pub fn stop(&mut self, why: &str) {
        self.end(why);
        self.waiting.clear();
        self.alone.clear();
        self.stopped = true;
    }

    /// Whether there is nothing to do any more.
    pub fn is_done(&self) -> bool {
        self.ended.is_some()
            && self.out.is_empty()
            && (self.stopped || (self.waiting.is_empty() && self.alone.is_empty()))
    }

    /// Why no new input is made any more.
    pub fn ended(&self) -> Option<&str> {
        self.ended.as_deref()
    }

    /// Whether it ended because the server could not be judged.
    pub const fn gave_up(&self) -> bool {
        self.unjudged >= PATIENCE
    }

    /// What is to be done.
    pub const fn plan(&self) -> &Plan {
        &self.plan
    }

    /// In the order in which they were found.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Inputs that were judged.
    pub const fn inputs(&self) -> u64 {
        self.inputs
    }

    /// Requests of the cases that were given out.
    pub const fn requests(&self) -> u64 {
        self.requests
    }

    /// Inputs that could not be judged, by the reason.
    pub const fn passed_over(&self) -> &BTreeMap<String, u64> {
        &self.passed_over
    }

    /// The entries of the allowlist, how many inputs fall under each, and whether it is expired.
    pub fn allowed(&self) -> impl Iterator<Item = (&Allowed, u64, bool)> {
        let counted = self.allowlist.entries.iter().zip(&self.silenced);
        counted.map(|(entry, count)| (entry, *count, entry.is_expired(self.today)))
    }

    /// How many features there are under its dialect.
    pub fn reachable(&self) -> usize {
        reachable(&self.dialect).count()
    }

    /// How many of the features that can be reached were exercised.
    pub fn features(&self) -> usize {
        reachable(&self.dialect).filter(|feature| self.seen.contains(*feature)).count()
    }

    /// Something to run. What was found is looked into first.
    pub fn take(&mut self) -> Next {
        if self.only.is_some_and(|number| self.out.contains_key(&number)) {
            return Next::Later;
        }
        while let Some(at) = self.waiting.pop_front().filter(|_| !self.stopped) {
            if let Some(next) = self.look_into(at) {
                return next;
            }
        }
        while let Some(at) = self.alone.front().copied() {
            if !self.out.is_empty() {
                return Next::Later;
            }
            self.alone.pop_front();
            if let Some(next) = self.look_into(at) {
                self.only = Some(self.number.saturating_sub(1));
                return next;
            }
        }
        if self.plan.requests.is_some_and(|most| self.requests >= most) {
            self.end("the requests of the plan are made");
        }
        if let Some(most) = self.plan.stop_after {
            let count = |of: fn(&Finding) -> bool| self.findings.iter().filter(|finding| of(finding)).count();
            let (sure, open) = (count(Finding::is_sure), count(Finding::is_open));
            if sure >= most {
                self.end("there are as many findings as the plan asks for");
            } else if self.ended.is_none() && open > 0 && sure + open >= most {
                // It depends on what becomes of these.
                return Next::Later;
            }
        }
        if self.ended.is_some() {
            return if self.out.is_empty() { Next::Nothing } else { Next::Later };
        }
        match self.made.pop_front() {
            Some(Input { index, case, features }) => {
                self.give(Purpose::Explore { index, features }, Arc::new(case), Start::Emptied)
            }
            None => Next::Later,
        }
    }

    /// The number of a [`block`] that should be made and offered soon, if there are few inputs left. It takes a while to make one, so
    /// that is left to whoever has a thread for it.
    pub fn wanted(&mut self) -> Option<u64> {
        if self.ended.is_some() || self.made.len() as u64 >= AHEAD {
            return None;
        }
        loop {
            let number = self.block;
            self.block = self.block.saturating_add(self.plan.parts.max(1));
            let first = number.saturating_mul(BLOCK);
            let done = (first..first.saturating_add(BLOCK)).all(|index| self.judged.contains(&index));
            if !done || number == u64::MAX {
                return Some(number);
            }
        }
    }

    /// Takes the inputs of a block that was wanted.
    pub fn offer(&mut self, inputs: Vec<Input>) {
        self.made.extend(inputs.into_iter().filter(|input| !self.judged.contains(&input.index)));
    }

    fn give(&mut self, purpose: Purpose, case: Arc<Case>, start: Start) -> Next {
        let number = self.number;
        self.number += 1;
        self.requests += case.steps.len() as u64;
        self.out.insert(number, (purpose, Arc::clone(&case)));
        Next::Case { number, case, start }
    }

    /// Puts another case in the place of one that was given out: the one that its report will be about.
    pub fn replace(&mut self, number: u64, case: Arc<Case>) {
        if let Some((_, place)) = self.out.get_mut(&number) {
            *place = case;
        }
    }

    /// What became of a case that was given out, and when.
    pub fn give_back(&mut self, number: u64, report: &CaseReport, now: Timestamp) -> Vec<Event> {
        let Some((purpose, case)) = self.out.remove(&number) else { return Vec::new() };
        let judged = matches!(report.verdict, Verdict::Pass | Verdict::Fail);
        self.unjudged = if judged { 0 } else { self.unjudged + 1 };
        if self.unjudged >= PATIENCE {
            let reason = report.reason.as_deref().unwrap_or("no reason is known");
            self.end(&format!("{PATIENCE} cases in a row could not be judged: {reason}"));
        }
        match purpose {
            Purpose::Explore { index, features } => {
                if !judged {
                    let reason = report.reason.clone().unwrap_or_default();
                    // Reasons may carry words of the server, of which there is no end.
                    let many = self.passed_over.len() >= REASONS && !self.passed_over.contains_key(&reason);
                    let counted = if many { "another reason".to_owned() } else { reason.clone() };
                    *self.passed_over.entry(counted).or_default() += 1;
                    return vec![Event::Unjudged { index, reason }];
                }
                self.inputs += 1;
                let new = features.into_iter().filter(|feature| self.seen.insert(feature.clone())).collect();
                let allowed = self.allowed_in(report);
                let kinds = self.explored((index, now), &case, report);
                vec![Event::Judged { index, requests: case.steps.len() as u64, kinds, features: new, allowed }]
            }
            Purpose::Confirm(at) => self.confirmed(at, judged, report),
            Purpose::Shrink(at) => self.shrunk(at, &case, report),
            Purpose::Check(at) => self.checked(at, report),
            Purpose::Plain(at) => self.plain(at, case, report),
        }
    }

    /// Counts the entries of the allowlist that a report falls under.
    fn allowed_in(&mut self, report: &CaseReport) -> Vec<usize> {
        let found = report.mismatches.iter().filter_map(|one| self.allowlist.find(&Kind::of(one), self.today));
        let found: BTreeSet<usize> = found.collect();
        for entry in &found {
            if let Some(count) = self.silenced.get_mut(*entry) {
                *count += 1;
            }
        }
        found.into_iter().collect()
    }
}

/// The case of a file that [`Campaign`] wrote.
fn read(text: &str, dialect: &Dialect) -> Option<Case> {
    let loaded = load(&[SourceFile::new("finding.yaml", text)], dialect);
    if loaded.failed() { None } else { loaded.suite.cases.into_iter().next() }
}

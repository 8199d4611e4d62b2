//! The machine of a campaign, driven by workers: [`Driver`], and the two sides of it.
#![expect(clippy::disallowed_methods, reason = "shell: the clock of a campaign")]

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::kept::Folder;
use super::log::Log;
use crate::campaign::{Campaign, Event, Finding, Next, as_answered, block};
use crate::case::{Case, Start};
use crate::cli::screen::Screen;
use crate::diagnostic::visible;
use crate::dialect::Dialect;
use crate::report::{CaseReport, Verdict};
use crate::run::{Feed, Meter, Taken};

/// A campaign under way.
pub(super) struct Driver {
    pub(super) inner: Mutex<Inner>,
    pub(super) deadline: Option<Instant>,
    /// Most requests in all.
    pub(super) budget: Option<u64>,
    pub(super) meters: Vec<Arc<Meter>>,
    pub(super) folder: Option<Folder>,
    pub(super) screen: Arc<Screen>,
    pub(super) dialect: Arc<Dialect>,
}

impl std::fmt::Debug for Driver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Driver").field("inner", &self.inner).finish_non_exhaustive()
    }
}

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) machine: Campaign,
    pub(super) log: Option<Log>,
    /// Why the campaign ended before its plan did.
    pub(super) trouble: Option<String>,
    /// Cases that the first server has answered, for the second one, and in which buckets.
    answered: VecDeque<(u64, Arc<Case>, Start)>,
    /// A side that takes no case any more.
    closed: bool,
}

impl Inner {
    pub(super) const fn new(machine: Campaign, log: Option<Log>) -> Self {
        Self { machine, log, trouble: None, answered: VecDeque::new(), closed: false }
    }

    fn gives_up(&mut self, why: &str) {
        self.machine.end(why);
        self.trouble.get_or_insert_with(|| why.to_owned());
    }
}

impl Driver {
    pub(super) fn lock(&self) -> MutexGuard<'_, Inner> {
        // The machine changes by whole steps, whoever panicked while holding it.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes inputs ahead of the workers until none is wanted any more.
    pub(super) fn make_inputs(&self) {
        const PAUSE: Duration = Duration::from_millis(2);
        // Whoever waits for inputs must not wait for ever, should making them panic.
        let _guard = NoMoreInputs(self);
        loop {
            let mut inner = self.lock();
            if inner.machine.ended().is_some() {
                return;
            }
            let wanted = inner.machine.wanted();
            let (seed, reach) = (inner.machine.plan().seed, inner.machine.plan().reach);
            drop(inner);
            match wanted {
                Some(number) => {
                    let inputs = block(seed, number, reach, &self.dialect);
                    self.lock().machine.offer(inputs);
                }
                None => std::thread::sleep(PAUSE),
            }
        }
    }

    /// Requests sent so far, preparation included.
    pub(super) fn sent(&self) -> u64 {
        let readings = self.meters.iter().map(|meter| meter.reading());
        readings.map(|reading| reading.answers + reading.lost).sum()
    }

    fn take(&self) -> Taken {
        let sent = self.budget.map(|budget| (budget, self.sent()));
        let mut inner = self.lock();
        if self.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            inner.machine.end("the time is over");
        }
        if sent.is_some_and(|(budget, sent)| sent >= budget) {
            inner.machine.stop("the budget is spent");
        }
        if inner.closed {
            return Taken::Nothing;
        }
        match inner.machine.take() {
            Next::Case { number, case, start } => Taken::Case { number, case, start },
            Next::Later => Taken::Later,
            Next::Nothing => Taken::Nothing,
        }
    }

    fn give(&self, number: u64, report: &CaseReport, case: Option<&Case>) {
        let mut inner = self.lock();
        let events = inner.machine.give_back(number, report, jiff::Timestamp::now());
        self.told(&mut inner, events, case);
    }

    /// Finishes what waits for an input that will not come any more.
    pub(super) fn conclude(&self) {
        let mut inner = self.lock();
        let events = inner.machine.conclude();
        self.told(&mut inner, events, None);
    }

    /// Keeps what has happened.
    fn told(&self, inner: &mut Inner, events: Vec<Event>, case: Option<&Case>) {
        for event in events {
            match &event {
                Event::Finished(record) => {
                    let finding = inner.machine.findings().iter().find(|finding| finding.kind == record.kind);
                    // The file first: what the log has, is there.
                    if let Some(Err(error)) = finding.map(|finding| self.finished(finding)) {
                        inner.gives_up(&format!("a finding cannot be written: {error}"));
                    }
                }
                Event::Judged { features, .. } => {
                    if let (false, Some(folder), Some(case)) = (features.is_empty(), &self.folder, case)
                        && let Err(error) = folder.input(case)
                    {
                        inner.gives_up(&format!("an input cannot be kept: {error}"));
                    }
                }
                Event::Unjudged { .. } => {}
            }
            if let Some(Err(error)) = inner.log.as_mut().map(|log| log.event(&event)) {
                inner.gives_up(&format!("the log cannot be written: {error}"));
            }
        }
    }

    /// Writes a finding as a case, and says so.
    fn finished(&self, finding: &Finding) -> std::io::Result<()> {
        let mut line = format!("finding: {}", visible(&finding.kind.to_string()));
        if let Some(folder) = &self.folder {
            line = format!("{line}, {}", folder.finding(finding)?.display());
        }
        self.screen.line(&line);
        Ok(())
    }
}

/// Ends the campaign when it is dropped, unless it has ended.
struct NoMoreInputs<'d>(&'d Driver);

impl Drop for NoMoreInputs<'_> {
    fn drop(&mut self) {
        self.0.lock().machine.end("no more inputs could be made, which is a bug of corsuite");
    }
}

/// The server that cases go to first. Alone it is held against the oracle; of two, what it answers is what the second one should.
#[derive(Debug)]
pub(super) struct First {
    pub(super) driver: Arc<Driver>,
    pub(super) alone: bool,
    /// The cases that are out, and in which buckets.
    pub(super) out: Mutex<BTreeMap<u64, (Arc<Case>, Start)>>,
}

impl First {
    fn out(&self) -> MutexGuard<'_, BTreeMap<u64, (Arc<Case>, Start)>> {
        self.out.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Feed for First {
    fn take(&self) -> Taken {
        let taken = self.driver.take();
        if let Taken::Case { number, case, start } = &taken {
            self.out().insert(*number, (Arc::clone(case), *start));
        }
        taken
    }

    fn give(&self, number: u64, report: CaseReport) {
        let Some((case, start)) = self.out().remove(&number) else { return };
        let judged = matches!(report.verdict, Verdict::Pass | Verdict::Fail);
        // Without all answers there is nothing to hold the second one against, or it is a finding already.
        if self.alone || !judged || report.answers.len() < case.steps.len() {
            return self.driver.give(number, &report, Some(&case));
        }
        let case = Arc::new(as_answered(&case, &report.answers, &self.driver.dialect));
        let mut inner = self.driver.lock();
        inner.machine.replace(number, Arc::clone(&case));
        inner.answered.push_back((number, case, start));
    }
}

/// The second of two servers.
#[derive(Debug)]
pub(super) struct Second(pub(super) Arc<Driver>);

impl Feed for Second {
    fn take(&self) -> Taken {
        let mut inner = self.0.lock();
        match inner.answered.pop_front() {
            Some((number, case, start)) => Taken::Case { number, case, start },
            None if inner.closed || inner.machine.is_done() => Taken::Nothing,
            None => Taken::Later,
        }
    }

    fn give(&self, number: u64, report: CaseReport) {
        self.0.give(number, &report, None);
    }
}

/// Ends both sides when one has ended, however that came.
pub(super) struct Side(pub(super) Arc<Driver>);

impl Drop for Side {
    fn drop(&mut self) {
        let mut inner = self.0.lock();
        inner.machine.end("one of the two servers cannot be used any more");
        inner.closed = true;
    }
}

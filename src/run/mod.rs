//! Cases against an implementation: [`run`] plans, schedules, judges, cleans up, and gives a report.
//!
//! One worker has one bucket and takes one case after the other. A case begins with a reset (`worker`); after a change of
//! rules the worker waits until the change shows (`settle`); each step is judged on its first answer. What goes wrong
//! while a case is prepared is an `Error`; what goes wrong in a step is told apart by asking again (`step`).

mod backoff;
mod between;
mod bucket;
pub mod doctor;
mod feed;
mod journal;
mod lease;
mod meter;
mod settle;
mod skip;
mod step;
mod wire;
mod worker;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::{Duration, Instant};

use tokio::sync::{Mutex, watch};

pub use self::bucket::{Leftover, clean_up, fetch_cors};
use self::feed::Once;
pub use self::feed::{Feed, Taken};
pub use self::journal::{Entry, FileJournal, Journal, NoJournal, Pending, pending};
pub use self::meter::{Meter, Reading};
pub use self::wire::Limiter;
use self::wire::Wire;
use self::worker::Worker;
use crate::case::{Case, Suite, digest, digest_of_ids};
use crate::cors::CorsConfiguration;
use crate::dialect::Dialect;
use crate::implementation::Implementation;
use crate::report::{CaseReport, FORMAT_VERSION, Partition, Report, SuiteIdentity, Tool, Totals, Verdict};
pub use crate::request::Addressing;
use crate::request::{Secrets, Site};
use crate::sign::{Credentials, Scheme};

/// Whom to ask, and how.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "an input")]
pub struct Target {
    /// Who answers.
    pub implementation: Arc<dyn Implementation>,
    /// What it is called in the report.
    pub name: String,
    /// `http` or `https`.
    pub protocol: String,
    /// Host and port.
    pub authority: String,
    /// How buckets are named.
    pub addressing: Addressing,
    /// How requests are signed.
    pub scheme: Scheme,
    /// The owner; none for `--auth anonymous`.
    pub credentials: Option<Credentials>,
    /// A second account.
    pub other: Option<Credentials>,
    /// The variables that would name one, for the reason of a skip.
    pub other_variables: &'static str,
    /// What its answers are held against.
    pub dialect: Arc<Dialect>,
}

impl Target {
    /// Where its requests go, and with whose keys.
    pub fn site(&self) -> Site<'_> {
        Site {
            protocol: &self.protocol,
            authority: &self.authority,
            addressing: self.addressing,
            scheme: &self.scheme,
            credentials: self.credentials.as_ref(),
            other: self.other.as_ref(),
            integrity: self.dialect.behaviours.integrity,
            other_variables: self.other_variables,
        }
    }
}

/// Which buckets a run uses.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Buckets {
    /// New ones, named after this prefix, removed at the end.
    Own {
        /// Begins each name.
        prefix: String,
    },
    /// This one: its configuration is saved and restored, only objects that the run wrote are deleted.
    Borrowed(String),
}

/// How to run.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "an input")]
#[expect(clippy::struct_excessive_bools, reason = "switches that have nothing to do with each other")]
pub struct Options {
    /// Workers.
    pub jobs: usize,
    /// Longest wait for a change of rules to show.
    pub settle: Duration,
    /// Buckets.
    pub buckets: Buckets,
    /// No case is left out.
    pub complete: bool,
    /// Run only this part of the cases: its number, from 1, of so many.
    pub partition: Option<(u64, u64)>,
    /// Stop after the first failed case.
    pub fail_fast: bool,
    /// Rules that are in place in a borrowed bucket, for a run without keys.
    pub preconfigured: Option<CorsConfiguration>,
    /// Where created and borrowed buckets are written down.
    pub journal: Arc<dyn Journal>,
    /// Requests a second, over all workers.
    pub rate: Option<f64>,
    /// Most requests of a case that are under way at a time, where they change nothing.
    pub batch: usize,
    /// Pause while the server answers 429 or 503 or takes much longer than at the beginning, all workers together.
    pub back_off: bool,
    /// Reports of cases come with the answers.
    pub keep_answers: bool,
    /// Reports of cases come with all exchanges that their verdicts follow from.
    pub keep_rounds: bool,
    /// Counts answers and their times.
    pub meter: Arc<Meter>,
    /// True ends the run early; what was created is removed all the same.
    pub cancelled: watch::Receiver<bool>,
}

impl Default for Options {
    fn default() -> Self {
        // A sender that is gone never cancels.
        let (_, cancelled) = watch::channel(false);
        Self {
            jobs: 1,
            settle: Duration::ZERO,
            buckets: Buckets::Own { prefix: "corsuite-".to_owned() },
            complete: true,
            partition: None,
            fail_fast: false,
            preconfigured: None,
            journal: Arc::new(NoJournal),
            rate: None,
            batch: 1,
            back_off: false,
            keep_answers: false,
            keep_rounds: false,
            meter: Arc::new(Meter::new()),
            cancelled,
        }
    }
}

/// What happens during a run.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// The run begins.
    Started {
        /// How many cases.
        cases: usize,
    },
    /// A case has its verdict.
    Finished(&'a CaseReport),
    /// Something worth a line.
    Note(&'a str),
}

/// Receives events, from any worker.
pub type Listener = dyn Fn(Event<'_>) + Send + Sync;

/// How the work of a feed ended.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Ended {
    /// The server has no bucket CORS, and this is what it said; no case was run.
    pub unsupported: Option<String>,
    /// Why it ended before the feed did.
    pub stopped: Option<&'static str>,
    /// A worker panicked, which is a bug of corsuite.
    pub broken: bool,
    /// Requests that were sent.
    pub requests: usize,
    /// What is worth a line.
    pub notes: Vec<String>,
}

/// Why a run could not begin.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
#[non_exhaustive]
pub struct SetupError {
    /// What went wrong.
    pub message: String,
    /// The way out.
    pub help: String,
}

impl SetupError {
    pub(crate) fn new(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { message: message.into(), help: help.into() }
    }
}

/// What the workers share.
struct Shared {
    target: Target,
    options: Options,
    wire: Wire,
    /// What answers may echo, and reports must not.
    secrets: Secrets,
    feed: Arc<dyn Feed>,
    /// How often a change of rules was waited for in vain.
    vain_waits: AtomicU32,
    /// How many cases ran while no other did.
    alone: AtomicU32,
    notes: Mutex<Vec<String>>,
    /// Buckets that cases have now, of all workers.
    held: std::sync::Mutex<BTreeSet<String>>,
    stop: watch::Sender<Option<&'static str>>,
    listener: Arc<Listener>,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("target", &self.target).finish_non_exhaustive()
    }
}

impl Shared {
    fn held(&self) -> std::sync::MutexGuard<'_, BTreeSet<String>> {
        // A set of names is whole, whoever panicked while holding it.
        self.held.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Runs the cases of a suite that apply to the target's dialect.
///
/// # Errors
///
/// If the endpoint cannot be reached or refuses what every case needs, before any case has run.
#[expect(clippy::disallowed_methods, reason = "shell: time of the run")]
pub async fn run(
    target: Target,
    suite: &Suite,
    options: Options,
    listener: Arc<Listener>,
) -> Result<Report, SetupError> {
    let started = jiff::Timestamp::now();
    let clock = Instant::now();
    let mut cases: Vec<Case> = suite.cases.iter().filter(|case| case.applies(&target.dialect)).cloned().collect();
    let selection = digest_of_ids(&cases);
    let partition = options.partition.filter(|(_, of)| *of > 1).map(|(number, of)| {
        let mut turn = (1..=of).cycle();
        cases.retain(|_| turn.next() == Some(number));
        // A run without keys claims nothing.
        Partition { number, of, complete: options.complete && target.credentials.is_some(), selection }
    });
    listener(Event::Started { cases: cases.len() });
    let mut report = Report {
        format_version: FORMAT_VERSION,
        tool: Tool { name: "corsuite".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() },
        suite: SuiteIdentity {
            digest: digest(suite),
            dialect: target.dialect.name.clone(),
            complete: options.complete && partition.is_none(),
            partition,
        },
        target: crate::report::Target { endpoint: target.name.clone(), kind: target.implementation.kind() },
        started: started.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        elapsed_ms: 0,
        totals: Totals::default(),
        conformant: None,
        behaviours: std::collections::BTreeMap::new(),
        notes: Vec::new(),
        cases: Vec::new(),
    };
    let claims = target.credentials.is_some();
    let once = Arc::new(Once::of(cases));
    let options = Options { jobs: options.jobs.clamp(1, once.cases.len().max(1)), ..options };
    let dialect = Arc::clone(&target.dialect);
    let ended = work(target, options, Arc::clone(&once) as Arc<dyn Feed>, listener).await?;
    let (verdict, reason) = match &ended {
        Ended { unsupported: Some(why), .. } => (Verdict::Unsupported, why.as_str()),
        Ended { broken: true, .. } => (Verdict::Error, "not run"),
        Ended { stopped, .. } => (Verdict::Skip, stopped.unwrap_or("not run")),
    };
    let pairs = once.cases.iter().zip(once.results());
    report.cases = pairs
        .map(|(case, result)| result.unwrap_or_else(|| CaseReport::unjudged(case, verdict, reason, &dialect)))
        .collect();
    report.totals.requests = ended.requests;
    report.notes = ended.notes;
    report.elapsed_ms = milliseconds(clock.elapsed());
    report.finish(claims);
    Ok(report)
}

/// Takes cases from a feed until it has nothing any more.
///
/// # Errors
///
/// If the endpoint cannot be reached or refuses what every case needs, before any case has run.
pub async fn work(
    target: Target,
    options: Options,
    feed: Arc<dyn Feed>,
    listener: Arc<Listener>,
) -> Result<Ended, SetupError> {
    // A borrowed bucket has one configuration, so one case at a time.
    let jobs = match options.buckets {
        Buckets::Own { .. } => options.jobs.max(1),
        Buckets::Borrowed(_) => 1,
    };
    let shared = Arc::new(shared(target, options, feed, listener));
    let mut first = Worker::new(Arc::clone(&shared), 0);
    let (mut unsupported, mut broken) = (None, false);
    let opened = match first.open().await {
        Ok(lease::Opened::Ready) => first.look_between().await.map(|()| lease::Opened::Ready),
        other => other,
    };
    match opened {
        Ok(lease::Opened::Ready) => broken = workers(&shared, first, jobs).await,
        Ok(lease::Opened::Unsupported(why)) => {
            unsupported = Some(why);
            first.close().await;
        }
        Err(error) => {
            first.close().await;
            return Err(error);
        }
    }
    let notes = shared.notes.lock().await.clone();
    let stopped = *shared.stop.borrow();
    Ok(Ended { unsupported, stopped, broken, requests: shared.wire.sent(), notes })
}

fn shared(target: Target, options: Options, feed: Arc<dyn Feed>, listener: Arc<Listener>) -> Shared {
    Shared {
        wire: Wire::new(Arc::clone(&target.implementation), &options),
        secrets: Secrets::of([&target.credentials, &target.other].into_iter().flatten(), []),
        vain_waits: AtomicU32::new(0),
        alone: AtomicU32::new(0),
        notes: Mutex::new(Vec::new()),
        held: std::sync::Mutex::default(),
        stop: watch::channel(None).0,
        target,
        options,
        feed,
        listener,
    }
}

/// True if one of them broke off.
async fn workers(shared: &Arc<Shared>, first: Worker, jobs: usize) -> bool {
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(drive(first));
    for number in 1..jobs {
        tasks.spawn(drive(Worker::new(Arc::clone(shared), number)));
    }
    let mut broken = false;
    while let Some(ended) = tasks.join_next().await {
        broken |= ended.is_err();
    }
    if broken {
        let text = "a worker broke off, which is a bug of corsuite; its buckets are left over: run `corsuite cleanup`";
        (shared.listener)(Event::Note(text));
        shared.notes.lock().await.push(text.to_owned());
    }
    broken
}

/// Pause of a worker for whom there is nothing at the moment.
const LATER: Duration = Duration::from_millis(2);

/// Takes cases until there is none left or the run is stopped.
async fn drive(mut worker: Worker) {
    loop {
        let shared = Arc::clone(worker.shared());
        if *shared.options.cancelled.borrow() {
            shared.stop.send_replace(Some("interrupted"));
        }
        if shared.stop.borrow().is_some() {
            break;
        }
        let (number, case, start) = match shared.feed.take() {
            Taken::Case { number, case, start } => (number, case, start),
            Taken::Later => {
                tokio::time::sleep(LATER).await;
                continue;
            }
            Taken::Nothing => break,
        };
        let mut cancelled = shared.options.cancelled.clone();
        let report = tokio::select! {
            report = worker.case(&case, start) => report,
            () = interrupted(&mut cancelled) => {
                shared.stop.send_replace(Some("interrupted"));
                break;
            }
        };
        (shared.listener)(Event::Finished(&report));
        if shared.options.fail_fast && report.verdict == Verdict::Fail {
            shared.stop.send_replace(Some("a case failed before it and --fail-fast is given"));
        }
        shared.feed.give(number, report);
    }
    worker.close().await;
}

/// Returns when the run is cancelled; never, if nobody can cancel it.
async fn interrupted(cancelled: &mut watch::Receiver<bool>) {
    if cancelled.wait_for(|cancelled| *cancelled).await.is_err() {
        std::future::pending::<()>().await;
    }
}

fn milliseconds(elapsed: Duration) -> u64 {
    u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
}

//! The suite against every fault of the catalogue, in process: [`measure`]. Generated cases against them: [`fuzz::hunt`].

pub mod fuzz;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Mutex;

use crate::case::{Case, Expectation, Operation, StatusPattern, Step, Suite, TextCondition};
use crate::dialect::{Dialect, Level};
use crate::implementation::Embedded;
use crate::reference::controls::{Control, Manner};
use crate::reference::faults::{Fault, Faulty, faults, find};
use crate::reference::{Reference, Respond};
use crate::report::mutation::{ControlReport, Fate, FaultReport, Kill, Mutation, Passed};
use crate::report::{Report, Verdict};
use crate::run::{self, Options, Target};
use crate::serve;

/// Runs the suite against every fault and every control, so many at a time, and then what a cover of it needs to catch
/// the same. `seen` is told when one is done.
pub async fn measure(
    suite: &Suite,
    dialect: &Dialect,
    jobs: usize,
    seen: impl Fn(usize, usize) + Clone + Send + Sync + 'static,
) -> Mutation {
    let all: Vec<&'static Fault> = faults().filter(|fault| fault.applies(dialect)).collect();
    let dialect = Arc::new(dialect.clone());
    let total = all.len() + Manner::ALL.len();
    let whole = Arc::new(suite.clone());
    let planted = all.iter().map(|fault| (*fault, Arc::clone(&whole))).collect();
    let faults = each(planted, &dialect, jobs, {
        let seen = seen.clone();
        move |done| seen(done, total)
    });
    let faults = faults.await;
    let mut controls = Vec::new();
    for manner in Manner::ALL {
        controls.push(control_report(manner, suite, &dialect).await);
        seen(all.len() + controls.len(), total);
    }
    let mut mutation = Mutation::new(suite, &dialect, faults, controls);
    grow(&mut mutation, suite, &dialect, jobs).await;
    mutation
}

/// Cases against a fault, for each of these. `seen` is told how many are done.
async fn each(
    planted: Vec<(&'static Fault, Arc<Suite>)>,
    dialect: &Arc<Dialect>,
    jobs: usize,
    seen: impl Fn(usize) + Clone + Send + Sync + 'static,
) -> Vec<FaultReport> {
    let faults: Vec<&'static Fault> = planted.iter().map(|(fault, _)| *fault).collect();
    let done = Arc::new(AtomicUsize::new(0));
    let (asked, dialect) = (Arc::clone(dialect), Arc::clone(dialect));
    let work = move |(fault, suite): (&'static Fault, Arc<Suite>)| {
        let (dialect, done, seen) = (Arc::clone(&dialect), Arc::clone(&done), seen.clone());
        async move {
            let report = fault_report(fault, &suite, &dialect).await;
            seen(done.fetch_add(1, Ordering::Relaxed) + 1);
            report
        }
    };
    let reports = spread(planted, jobs, work).await;
    let broken = || Some("the run broke off".to_owned());
    let pairs = reports.into_iter().zip(faults);
    pairs.map(|(report, fault)| report.unwrap_or_else(|| blank(fault, &asked, broken()))).collect()
}

/// Does some work for each item, so many at a time. The results stand in the order of the items; there is none where a task
/// panicked, and none for what it would have taken on.
async fn spread<T, R, F>(
    items: Vec<T>,
    jobs: usize,
    work: impl Fn(T) -> F + Clone + Send + Sync + 'static,
) -> Vec<Option<R>>
where
    T: Clone + Send + Sync + 'static,
    R: Clone + Send + 'static,
    F: Future<Output = R> + Send,
{
    let next = Arc::new(AtomicUsize::new(0));
    let results = Arc::new(Mutex::new(vec![None; items.len()]));
    let items = Arc::new(items);
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..jobs.max(1) {
        let (items, next, results, work) = (Arc::clone(&items), Arc::clone(&next), Arc::clone(&results), work.clone());
        tasks.spawn(async move {
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                let Some(item) = items.get(at) else { break };
                let result = work(item.clone()).await;
                if let Some(place) = results.lock().await.get_mut(at) {
                    *place = Some(result);
                }
            }
        });
    }
    while tasks.join_next().await.is_some() {}
    std::mem::take(&mut *results.lock().await)
}

/// Adds to the cover what it lacks: a fault that is seen only by comparing several cases needs all that take part. Each fault
/// is run against the cases that are to catch it, without the rest of the suite.
async fn grow(mutation: &mut Mutation, suite: &Suite, dialect: &Arc<Dialect>, jobs: usize) {
    let mut left: Vec<FaultReport> =
        mutation.faults.iter().filter(|report| report.fate == Fate::Killed).cloned().collect();
    let compared: Vec<FaultReport> = left.iter().filter(|report| is_compared(report)).cloned().collect();
    let mut chosen: BTreeSet<String> = mutation.minimal.iter().cloned().collect();
    for widening in [Widening::Cover, Widening::Own, Widening::All] {
        let sets: Vec<BTreeSet<String>> = left.iter().map(|report| widening.cases(report, &chosen, suite)).collect();
        let caught = caught(&left, &sets, suite, dialect, jobs).await;
        let pairs = left.iter().zip(&sets).filter(|(report, _)| caught.contains(&report.id));
        chosen.extend(pairs.flat_map(|(_, set)| set.iter().cloned()));
        left.retain(|report| !caught.contains(&report.id));
    }
    // Where answers of several cases are compared, their order counts: all chosen cases at once.
    // One more case for each fault that is not seen then shifts what comes every so many requests.
    let mut unseen: Vec<FaultReport> = compared.clone();
    for _ in 0..MORE_CASES {
        let sets = vec![chosen.clone(); compared.len()];
        let seen = caught(&compared, &sets, suite, dialect, jobs).await;
        unseen = compared.iter().filter(|report| !seen.contains(&report.id)).cloned().collect();
        let more = unseen.iter().filter_map(|report| {
            let own = report.kills.iter().filter(|kill| kill.clause == report.clause);
            own.map(|kill| &kill.case).find(|case| !chosen.contains(*case)).cloned()
        });
        let more: Vec<String> = more.collect();
        if more.is_empty() {
            break;
        }
        chosen.extend(more);
    }
    let enough = left.is_empty() && unseen.is_empty();
    let ids = suite.cases.iter().map(|case| case.id.clone());
    mutation.minimal = ids.filter(|id| !enough || chosen.contains(id)).collect();
}

/// How often [`grow`] looks whether all chosen cases together see what has to be compared.
const MORE_CASES: usize = 8;

/// Whether a fault is seen by comparing answers.
fn is_compared(report: &FaultReport) -> bool {
    let mut own = report.kills.iter().filter(|kill| kill.clause == report.clause);
    own.any(|kill| kill.field.starts_with("behaviour ") || kill.field.starts_with("stability"))
}

/// How far the cases reach that are to catch a fault.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Widening {
    /// Those of the cover that caught it under its clause.
    Cover,
    /// All that caught it under its clause, and all that observe what they compare.
    Own,
    /// All that it made fail, and all that observe what they compare.
    All,
}

impl Widening {
    fn cases(self, report: &FaultReport, chosen: &BTreeSet<String>, suite: &Suite) -> BTreeSet<String> {
        let own = report.kills.iter().filter(|kill| self == Self::All || kill.clause == report.clause);
        let own = own.filter(|kill| self != Self::Cover || chosen.contains(&kill.case));
        let points: BTreeSet<&str> = own.clone().filter_map(|kill| kill.field.strip_prefix("behaviour ")).collect();
        let observes = |case: &&Case| {
            let blocks = case.steps.iter().flat_map(|step| &step.expect).flat_map(|block| &block.any_of);
            blocks.into_iter().any(|alternative| points.contains(alternative.behaviour.as_str()))
        };
        let observers = suite.cases.iter().filter(observes).map(|case| case.id.clone());
        own.map(|kill| kill.case.clone()).chain(observers.filter(|_| self != Self::Cover)).collect()
    }
}

/// The faults that these cases catch under their clause.
async fn caught(
    reports: &[FaultReport],
    sets: &[BTreeSet<String>],
    suite: &Suite,
    dialect: &Arc<Dialect>,
    jobs: usize,
) -> BTreeSet<String> {
    let planted = reports.iter().zip(sets).filter_map(|(report, set)| {
        let cases = suite.cases.iter().filter(|case| set.contains(&case.id)).cloned().collect();
        Some((find(&report.id)?, Arc::new(Suite { cases })))
    });
    let found = each(planted.collect(), dialect, jobs, |_| {}).await;
    let found = Mutation::new(&Suite::default(), dialect, found, Vec::new());
    found.faults.into_iter().filter(|report| report.fate == Fate::Killed).map(|report| report.id).collect()
}

async fn report(responder: impl Respond + 'static, suite: &Suite, dialect: &Arc<Dialect>) -> Result<Report, String> {
    let target = Target { dialect: Arc::clone(dialect), ..serve::in_process(Embedded::new(responder), dialect) };
    let running = run::run(target, suite, Options::default(), Arc::new(|_| {}));
    running.await.map_err(|error| error.to_string())
}

async fn fault_report(fault: &'static Fault, suite: &Suite, dialect: &Arc<Dialect>) -> FaultReport {
    let options = serve::options(dialect, serve::owner(), serve::other());
    let result = report(Faulty::new(options, fault), suite, dialect).await;
    let trouble = match &result {
        Err(error) => Some(error.clone()),
        Ok(report) => {
            let stuck = report.cases.iter().find(|case| matches!(case.verdict, Verdict::Error | Verdict::Skip));
            stuck.map(|case| format!("{}: {}", case.id, case.reason.as_deref().unwrap_or_default()))
        }
    };
    let mismatches = result.iter().flat_map(|report| &report.cases).flat_map(|case| {
        case.mismatches.iter().map(|found| Kill {
            case: case.id.clone(),
            step: found.step,
            clause: found.clause.clone(),
            field: found.field.clone(),
        })
    });
    FaultReport { kills: mismatches.collect(), ..blank(fault, dialect, trouble) }
}

fn blank(fault: &Fault, dialect: &Dialect, trouble: Option<String>) -> FaultReport {
    FaultReport {
        id: fault.id.to_owned(),
        clause: fault.clause.to_owned(),
        text: fault.text.to_owned(),
        effect: fault.effect.as_str().to_owned(),
        seen: fault.seen.to_owned(),
        allowed: fault.allowed_in(dialect).map(|(behaviour, value)| format!("{behaviour}={value}")),
        fate: Fate::Survived,
        same_as: None,
        trouble,
        kills: Vec::new(),
    }
}

async fn control_report(manner: Manner, suite: &Suite, dialect: &Arc<Dialect>) -> ControlReport {
    let reference = Reference::new(serve::options(dialect, serve::owner(), serve::other()));
    let result = report(Control::new(reference, manner), suite, dialect).await;
    let (mut untouched, mut passed) = (Vec::new(), Vec::new());
    for found in result.iter().flat_map(|report| &report.cases) {
        if found.verdict != Verdict::Pass || found.level != Level::Must {
            continue;
        }
        let case = suite.cases.iter().find(|known| known.id == found.id);
        let asks: Vec<&Step> = case.iter().flat_map(|case| &case.steps).filter(|step| asks(step)).collect();
        if asks.is_empty() {
            untouched.push(found.id.clone());
        } else {
            let reason = may_pass(manner, &asks).map(str::to_owned);
            passed.push(Passed { case: found.id.clone(), reason });
        }
    }
    ControlReport {
        id: manner.as_str().to_owned(),
        text: manner.text().to_owned(),
        conformant: result.ok().and_then(|report| report.conformant),
        untouched,
        passed,
    }
}

/// Why a case with these steps may pass against a control; none where it may not.
fn may_pass(manner: Manner, steps: &[&Step]) -> Option<&'static str> {
    let blocks = || steps.iter().flat_map(|step| &step.expect);
    match manner {
        // The rest of its answers is right.
        Manner::Empty => {}
        Manner::Echoes => {
            let preflights = steps.iter().any(|step| matches!(step.operation, Operation::Preflight(_)));
            let fields = blocks().any(|block| !block.headers.is_empty() || block.browser.is_some());
            let about = "it is about status and body of requests, which this server has right";
            return (!preflights && !fields).then_some(about);
        }
        _ => return None,
    }
    let reads = |block: &Expectation| {
        let body =
            block.body.iter().any(|condition| !matches!(condition, TextCondition::Empty | TextCondition::Lacks(_)));
        body || block.error.is_some() || block.cors.is_some()
    };
    if blocks().any(reads) {
        return None;
    }
    let bodiless = |step: &&Step| {
        let method = match &step.operation {
            Operation::Request(request) => request.method.as_str(),
            Operation::Preflight(_) => "OPTIONS",
            _ => "",
        };
        let granted = step.expect.iter().all(|block| !block.status.contains(&StatusPattern::Code(403)));
        method == "HEAD" || method == "DELETE" || (method == "OPTIONS" && granted)
    };
    Some(if steps.iter().all(bodiless) {
        "the right answers to what it sends have no body"
    } else {
        "it is about status and header fields, which this server has right"
    })
}

/// Whether a control answers a step in its manner: a preflight, or a request with an Origin.
fn asks(step: &Step) -> bool {
    let origin = |name: &str| name.trim().eq_ignore_ascii_case("origin");
    match &step.operation {
        Operation::Preflight(_) => true,
        Operation::Request(request) => {
            !request.origin.is_empty() || request.extra.headers.iter().any(|(name, _)| origin(name))
        }
        Operation::PutCors(put) => put.extra.headers.iter().any(|(name, _)| origin(name)),
        Operation::GetCors(extra) | Operation::DeleteCors(extra) => extra.headers.iter().any(|(name, _)| origin(name)),
        Operation::Raw(messages) => messages.iter().any(|message| {
            let named = message.lines.iter().filter_map(|line| line.split(':').next());
            message.method == "OPTIONS" || named.into_iter().any(origin)
        }),
    }
}

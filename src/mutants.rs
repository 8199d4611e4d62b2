//! The suite against every fault of the catalogue, in process: [`measure`].

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Mutex;

use crate::case::{Case, Operation, Suite};
use crate::dialect::{Dialect, Level};
use crate::implementation::Embedded;
use crate::reference::controls::{Control, Manner};
use crate::reference::faults::{Fault, Faulty, faults};
use crate::reference::{Reference, Respond};
use crate::report::mutation::{ControlReport, Fate, FaultReport, Kill, Mutation};
use crate::report::{Report, Verdict};
use crate::run::{self, Options, Target};
use crate::serve;

/// Runs the suite against every fault and every control, so many at a time. `seen` is told when one is done.
pub async fn measure(
    suite: &Suite,
    dialect: &Dialect,
    jobs: usize,
    seen: impl Fn(usize, usize) + Clone + Send + Sync + 'static,
) -> Mutation {
    let suite = Arc::new(suite.clone());
    let dialect = Arc::new(dialect.clone());
    let all: Vec<&'static Fault> = faults().collect();
    let total = all.len() + Manner::ALL.len();
    let next = Arc::new(AtomicUsize::new(0));
    let results = Arc::new(Mutex::new((vec![None; all.len()], vec![None; Manner::ALL.len()])));
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..jobs.max(1) {
        let (suite, dialect, next, results) =
            (Arc::clone(&suite), Arc::clone(&dialect), Arc::clone(&next), Arc::clone(&results));
        let (all, seen) = (all.clone(), seen.clone());
        tasks.spawn(async move {
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                if let Some(fault) = all.get(at) {
                    let report = fault_report(fault, &suite, &dialect).await;
                    if let Some(place) = results.lock().await.0.get_mut(at) {
                        *place = Some(report);
                    }
                } else if let Some(manner) = at.checked_sub(all.len()).and_then(|at| Manner::ALL.get(at)) {
                    let report = control_report(*manner, &suite, &dialect).await;
                    if let Some(place) = results.lock().await.1.get_mut(at - all.len()) {
                        *place = Some(report);
                    }
                } else {
                    break;
                }
                seen(at + 1, total);
            }
        });
    }
    while tasks.join_next().await.is_some() {}
    let (faults, controls) = std::mem::take(&mut *results.lock().await);
    Mutation::new(&suite, &dialect, faults.into_iter().flatten().collect(), controls.into_iter().flatten().collect())
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
    FaultReport {
        id: fault.id.to_owned(),
        clause: fault.clause.to_owned(),
        text: fault.text.to_owned(),
        effect: fault.effect.as_str().to_owned(),
        seen: fault.seen.to_owned(),
        allowed: fault.allowed.map(|(behaviour, value)| format!("{behaviour}={value}")),
        fate: Fate::Survived,
        same_as: None,
        trouble,
        kills: mismatches.collect(),
    }
}

async fn control_report(manner: Manner, suite: &Suite, dialect: &Arc<Dialect>) -> ControlReport {
    let reference = Reference::new(serve::options(dialect, serve::owner(), serve::other()));
    let result = report(Control::new(reference, manner), suite, dialect).await;
    let (mut untouched, mut passed) = (0, Vec::new());
    for case in result.iter().flat_map(|report| &report.cases) {
        if case.verdict == Verdict::Pass && case.level == Level::Must {
            let asks = suite.cases.iter().find(|known| known.id == case.id).is_some_and(asks);
            if asks { passed.push(case.id.clone()) } else { untouched += 1 }
        }
    }
    ControlReport {
        id: manner.as_str().to_owned(),
        text: manner.text().to_owned(),
        conformant: result.ok().and_then(|report| report.conformant),
        untouched,
        passed,
        reason: manner.reason().map(str::to_owned),
    }
}

/// Whether a case has a step that a control answers in its manner: a preflight, or a request with an Origin.
fn asks(case: &Case) -> bool {
    let origin = |name: &str| name.trim().eq_ignore_ascii_case("origin");
    case.steps.iter().any(|step| match &step.operation {
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
    })
}

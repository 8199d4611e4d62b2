//! `corsuite fuzz`
#![expect(clippy::disallowed_methods, reason = "shell: the clock of a campaign, and its files")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sha2::{Digest as _, Sha256};
use tokio::sync::watch;

use super::args::{Auth, Fuzz};
use super::run::{SETTLE, embedded, journal, prefix};
use super::{Context, Exit, Failure, files, interrupted, print, runtime, target, tell};
use crate::campaign::{Campaign, Event, Finding, Next, Plan, reachable};
use crate::case::{Case, DocumentSource, Operation, Suite, write};
use crate::diagnostic::visible;
use crate::dialect::{Dialect, Level};
use crate::report::CaseReport;
use crate::run::{self, Buckets, Feed, NoJournal, Options, SetupError, Taken, Target};

/// Candidates tried to shrink a finding: most need a few dozen, documents in bytes some hundred.
const SHRINK: usize = 400;
/// How long a campaign takes, where neither time nor requests are said.
const TIME: Duration = Duration::from_mins(1);

pub(super) fn fuzz(arguments: &Fuzz, context: &Context) -> Result<Exit, Failure> {
    let dialect = files::dialect(&arguments.dialect.dialect, context)?;
    if arguments.endpoint.auth == Auth::Anonymous {
        return Err(
            Failure::usage("fuzz needs a key").help("it creates buckets and changes their rules: use --auth v4 or v1")
        );
    }
    if let Some(folder) = &arguments.out {
        std::fs::create_dir_all(folder)
            .map_err(|error| Failure::unknown(format!("folder {} cannot be made: {error}", folder.display())))?;
    }
    let seed = arguments.seed.unwrap_or_else(|| {
        // Another one each time, and shown, so that it can be asked for.
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        since.map_or(1, |since| since.as_secs())
    });
    let plan = Plan {
        seed,
        part: arguments.partition.0,
        parts: arguments.partition.1,
        requests: arguments.requests,
        stop_after: arguments.stop_after,
        shrink: SHRINK,
    };
    let time = arguments.time.or_else(|| arguments.requests.is_none().then_some(TIME));
    let runtime = runtime()?;
    let outcome = runtime.block_on(async {
        let (cancel, cancelled) = watch::channel(false);
        let mut options = Options {
            jobs: usize::from(arguments.jobs),
            settle: arguments.settle.unwrap_or(SETTLE),
            buckets: Buckets::Own { prefix: prefix(&arguments.bucket_prefix)? },
            complete: false,
            fail_fast: false,
            preconfigured: None,
            journal: Arc::new(NoJournal),
            rate: arguments.endpoint.rate,
            cancelled,
        };
        let (target, server) = if let Some(endpoint) = &arguments.endpoint.endpoint {
            options.journal = journal(&arguments.journal, context)?.0;
            (target::target(endpoint, &arguments.endpoint, &dialect, context)?, None)
        } else {
            options.settle = arguments.settle.unwrap_or(Duration::ZERO);
            let (target, stop) = embedded(&dialect).await?;
            (target, Some(stop))
        };
        let running = campaign(plan, target, options, time, arguments.out.clone());
        let mut running = std::pin::pin!(running);
        let result = tokio::select! {
            biased;
            () = interrupted() => {
                tell("interrupted: removing what the campaign created; once more to leave at once\n");
                cancel.send_replace(true);
                tokio::select! {
                    result = &mut running => result,
                    () = interrupted() => Err(SetupError::new("interrupted before everything was removed", "run `corsuite cleanup`")),
                }
            }
            result = &mut running => result,
        };
        drop(server);
        result.map_err(|error| Failure::unknown(visible(&error.to_string())).help(error.help))
    });
    runtime.shutdown_background();
    let (name, driver, elapsed) = outcome?;
    let campaign = driver.lock();
    print(&shown(&campaign.machine, &name, elapsed))?;
    let counts = |finding: &Finding| finding.mismatch.level == Level::Must || arguments.strict;
    let unreadable = campaign.machine.findings().iter().any(|finding| !finding.is_finished());
    if let Some(trouble) = &campaign.trouble {
        tell(&format!("error: {trouble}\n"));
    }
    Ok(if campaign.machine.findings().iter().any(counts) {
        Exit::No
    } else if campaign.trouble.is_some() || campaign.machine.gave_up() || unreadable {
        Exit::Unknown
    } else {
        Exit::Yes
    })
}

/// First the cases about open points, so that nothing which the documents allow is a finding; then the campaign.
async fn campaign(
    plan: Plan,
    target: Target,
    options: Options,
    time: Option<Duration>,
    out: Option<PathBuf>,
) -> Result<(String, Arc<Driver>, Duration), SetupError> {
    let name = target.name.clone();
    let target = calibrated(target, &options).await?;
    let started = Instant::now();
    let driver = Arc::new(Driver {
        inner: Mutex::new(Inner { machine: Campaign::new(plan, Arc::clone(&target.dialect)), trouble: None }),
        deadline: time.map(|time| started + time),
        out,
    });
    let listener = Arc::new(|event: run::Event<'_>| {
        if let run::Event::Note(text) = event {
            tell(&format!("note: {}\n", visible(text)));
        }
    });
    let ended = run::work(target, options, Arc::clone(&driver) as Arc<dyn Feed>, listener).await?;
    if let Some(why) = ended.unsupported {
        return Err(SetupError::new(format!("{name} has no bucket CORS: {why}"), "there is nothing to fuzz"));
    }
    if ended.broken || ended.stopped.is_some() {
        let why = ended.stopped.unwrap_or("a worker broke off, which is a bug of corsuite: run `corsuite cleanup`");
        driver.lock().trouble.get_or_insert_with(|| why.to_owned());
    }
    Ok((name, driver, started.elapsed()))
}

/// The target with the dialect set to what the server chose at each open point.
async fn calibrated(target: Target, options: &Options) -> Result<Target, SetupError> {
    let suite = crate::case::load(&crate::case::bundled(), &target.dialect).suite;
    let open = |case: &Case| case.steps.iter().flat_map(|step| &step.expect).any(|block| !block.any_of.is_empty());
    let suite = Suite { cases: suite.cases.into_iter().filter(open).collect() };
    let report = run::run(target.clone(), &suite, options.clone(), Arc::new(|_| {})).await?;
    let mut dialect = Dialect::clone(&target.dialect);
    for (point, value) in &report.behaviours {
        // What a case observes is one of the point's values.
        drop(dialect.behaviours.set(point, value));
    }
    Ok(Target { dialect: Arc::new(dialect), ..target })
}

/// The machine, driven by workers.
#[derive(Debug)]
struct Driver {
    inner: Mutex<Inner>,
    deadline: Option<Instant>,
    out: Option<PathBuf>,
}

#[derive(Debug)]
struct Inner {
    machine: Campaign,
    /// Why the campaign ended before its plan did.
    trouble: Option<String>,
}

impl Driver {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        // The machine changes by whole steps, whoever panicked while holding it.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes a finding as a case, and says so.
    fn finished(&self, finding: &Finding) -> std::io::Result<()> {
        let (id, text) = case_file(finding);
        let mut line = format!("finding: {}", visible(&finding.kind.to_string()));
        if let Some(folder) = &self.out {
            let path = folder.join(format!("{id}.yaml"));
            write_whole(&path, &text)?;
            // Writing to a string cannot fail.
            let _ = write!(line, ", {}", path.display());
        }
        tell(&format!("{line}\n"));
        Ok(())
    }
}

impl Feed for Driver {
    fn take(&self) -> Taken {
        let mut inner = self.lock();
        if self.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            inner.machine.end("the time is over");
        }
        match inner.machine.take() {
            Next::Case(number, case) => Taken::Case(number, case),
            Next::Later => Taken::Later,
            Next::Nothing => Taken::Nothing,
        }
    }

    fn give(&self, number: u64, report: CaseReport) {
        let mut inner = self.lock();
        let events = inner.machine.give_back(number, &report);
        for event in events {
            let Event::Finished { kind, .. } = event else { continue };
            let Some(finding) = inner.machine.findings().iter().find(|finding| finding.kind == kind) else { continue };
            if let Err(error) = self.finished(finding) {
                let trouble = format!("a finding cannot be written: {error}");
                inner.machine.end(&trouble);
                inner.trouble = Some(trouble);
            }
        }
    }
}

/// The id of a finding's case, and a file of it that `corsuite run --cases` takes.
fn case_file(finding: &Finding) -> (String, String) {
    let about = format!("{} (found by corsuite fuzz)", finding.kind);
    let mut case = Case::clone(&finding.case);
    "found".clone_into(&mut case.id);
    case.about.clone_from(&about);
    let id = name_of(&write(&about, std::slice::from_ref(&case)));
    case.id.clone_from(&id);
    (id, write(&about, &[case]))
}

/// `found-` and digits that depend on the content alone.
fn name_of(text: &str) -> String {
    let digest = Sha256::digest(text);
    digest.iter().take(6).fold("found-".to_owned(), |mut name, byte| {
        // Writing to a string cannot fail.
        let _ = write!(name, "{byte:02x}");
        name
    })
}

/// A file that appears whole or not at all.
fn write_whole(path: &Path, text: &str) -> std::io::Result<()> {
    let beside = path.with_extension("part");
    std::fs::write(&beside, text)?;
    std::fs::rename(&beside, path)
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

/// For people: what was done, and each finding so that it can be seen again.
fn shown(campaign: &Campaign, name: &str, elapsed: Duration) -> String {
    let mut text = String::new();
    let mut line = |words: std::fmt::Arguments<'_>| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{words}");
    };
    for finding in campaign.findings() {
        let stability = match (finding.is_finished(), finding.is_stable()) {
            (true, true) => "",
            (true, false) => " UNSTABLE",
            (false, _) => " NOT CONFIRMED",
        };
        line(format_args!(
            "\nFINDING{stability} ({}) {}",
            finding.mismatch.level.as_str(),
            visible(&finding.kind.to_string())
        ));
        line(format_args!("  {} [{}]", visible(&finding.mismatch.text), visible(&finding.mismatch.source)));
        line(format_args!(
            "  in {} inputs, first in input {}; again {} of {} times; {} steps",
            finding.count,
            finding.index,
            finding.shown,
            finding.tried,
            finding.case.steps.len()
        ));
        for document in finding.case.steps.iter().filter_map(|step| document(&step.operation)) {
            line(format_args!("  rules     {}", visible(&document)));
        }
        line(format_args!("  expected  {}", visible(&finding.mismatch.expected)));
        line(format_args!("  actual    {}", visible(&finding.mismatch.actual)));
        line(format_args!("  {}", visible(&finding.mismatch.curl)));
    }
    let seconds = elapsed.as_secs_f64().max(0.001);
    line(format_args!(
        "\n{}: seed {}, {} inputs, {} requests in {seconds:.1} s; {} of {} features; {}",
        visible(name),
        campaign.plan().seed,
        campaign.inputs(),
        campaign.requests(),
        campaign.features(),
        reachable().count(),
        visible(campaign.ended().unwrap_or("interrupted")),
    ));
    match campaign.findings().len() {
        0 => line(format_args!("no finding")),
        1 => line(format_args!("1 finding")),
        more => line(format_args!("{more} findings")),
    }
    text
}

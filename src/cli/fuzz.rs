//! `corsuite fuzz`
#![expect(clippy::disallowed_methods, reason = "shell: the clock of a campaign, and its files")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sha2::{Digest as _, Sha256};
use tokio::sync::watch;

use super::args::{Auth, Fuzz, JournalArgument};
use super::log::{Begun, Header, Log};
use super::run::{SETTLE, embedded, journal, prefix};
use super::{Context, Exit, Failure, files, interrupted, print, runtime, target, tell};
use crate::campaign::{Campaign, Event, Finding, Next, Plan, block, reachable};
use crate::case::{Case, DocumentSource, Operation, Suite, write};
use crate::diagnostic::visible;
use crate::dialect::{Behaviours, Dialect, Level};
use crate::report::{CaseReport, Kind};
use crate::run::{self, Buckets, Feed, Journal, NoJournal, Options, SetupError, Taken, Target, clean_up};

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
    let resumed = arguments.resume.as_deref().map(Log::open).transpose()?;
    let folder = arguments.resume.clone().or_else(|| arguments.out.clone());
    let seed = arguments.seed.unwrap_or_else(|| {
        // Another one each time, and shown, so that it can be asked for.
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        since.map_or(1, |since| since.as_secs())
    });
    let (seed, part, parts) = match &resumed {
        Some(Begun { header, .. }) => (header.plan.seed, header.plan.part, header.plan.parts),
        None => (seed, arguments.partition.0, arguments.partition.1),
    };
    let plan =
        Plan { seed, part, parts, requests: arguments.requests, stop_after: arguments.stop_after, shrink: SHRINK };
    let time = arguments.time.or_else(|| arguments.requests.is_none().then_some(TIME));
    let runtime = runtime()?;
    let outcome = runtime.block_on(async {
        let (cancel, cancelled) = watch::channel(false);
        let mut options = Options {
            jobs: usize::from(arguments.pace.jobs),
            settle: arguments.pace.settle.unwrap_or(SETTLE),
            buckets: Buckets::Own { prefix: prefix(&arguments.bucket_prefix)? },
            complete: false,
            fail_fast: false,
            preconfigured: None,
            journal: Arc::new(NoJournal),
            rate: arguments.endpoint.rate,
            cancelled,
        };
        let (target, server) = if let Some(endpoint) = &arguments.endpoint.endpoint {
            let own = folder.as_ref().map(|folder| folder.join("journal.jsonl"));
            let place = JournalArgument { journal: arguments.journal.journal.clone().or(own) };
            options.journal = journal(&place, context)?.0;
            let target = target::target(endpoint, &arguments.endpoint, &dialect, context)?;
            if resumed.is_some() {
                clean(&target, options.journal.as_ref()).await?;
            }
            (target, None)
        } else {
            options.settle = arguments.pace.settle.unwrap_or(Duration::ZERO);
            let (target, stop) = embedded(&dialect).await?;
            (target, Some(stop))
        };
        let running = campaign(plan, target, options, time, folder.map(|folder| (folder, resumed)));
        let mut running = std::pin::pin!(running);
        let result = tokio::select! {
            biased;
            () = interrupted() => {
                tell("interrupted: removing what the campaign created; once more to leave at once\n");
                cancel.send_replace(true);
                tokio::select! {
                    result = &mut running => result,
                    () = interrupted() => Err(Failure::unknown("interrupted before everything was removed").help("run `corsuite cleanup`")),
                }
            }
            result = &mut running => result,
        };
        drop(server);
        result
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
    kept: Option<(PathBuf, Option<Begun>)>,
) -> Result<(String, Arc<Driver>, Duration), Failure> {
    let name = target.name.clone();
    let target = calibrated(target, &options).await.map_err(unusable)?;
    let started = Instant::now();
    let header = Header {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        // The reference in this process has another port each time.
        endpoint: match target.implementation.kind() {
            Kind::Endpoint => name.clone(),
            _ => "built-in reference".to_owned(),
        },
        plan: plan.clone(),
        behaviours: Behaviours::POINTS
            .iter()
            .filter_map(|point| Some((point.name.to_owned(), target.dialect.behaviours.value(point.name)?.to_owned())))
            .collect(),
    };
    let (machine, log, out) = match kept {
        None => (Campaign::new(plan, Arc::clone(&target.dialect)), None, None),
        Some((folder, None)) => {
            let log = Log::create(&folder, &header)?;
            (Campaign::new(plan, Arc::clone(&target.dialect)), Some(log), Some(folder))
        }
        Some((folder, Some(Begun { log, header: before, events }))) => {
            same_campaign(&before, &header)?;
            let machine = Campaign::resume(plan, Arc::clone(&target.dialect), &events)
                .map_err(|why| Failure::unknown(format!("the log cannot be used: {}", visible(&why))))?;
            (machine, Some(log), Some(folder))
        }
    };
    let driver = Arc::new(Driver {
        inner: Mutex::new(Inner { machine, log, trouble: None }),
        deadline: time.map(|time| started + time),
        out,
    });
    let listener = Arc::new(|event: run::Event<'_>| {
        if let run::Event::Note(text) = event {
            tell(&format!("note: {}\n", visible(text)));
        }
    });
    let maker = tokio::task::spawn_blocking({
        let (driver, dialect) = (Arc::clone(&driver), Arc::clone(&target.dialect));
        move || driver.make_inputs(&dialect)
    });
    let ended = run::work(target, options, Arc::clone(&driver) as Arc<dyn Feed>, listener).await;
    driver.lock().machine.end("interrupted");
    // It ends by itself once nothing is wanted any more.
    drop(maker.await);
    let ended = ended.map_err(unusable)?;
    if let Some(why) = ended.unsupported {
        let text = format!("{} has no bucket CORS: {}", visible(&name), visible(&why));
        return Err(Failure::unknown(text).help("there is nothing to fuzz"));
    }
    if ended.broken || ended.stopped.is_some() {
        let why = ended.stopped.unwrap_or("a worker broke off, which is a bug of corsuite: run `corsuite cleanup`");
        driver.lock().trouble.get_or_insert_with(|| why.to_owned());
    }
    Ok((name, driver, started.elapsed()))
}

fn unusable(error: SetupError) -> Failure {
    Failure::unknown(visible(&error.to_string())).help(error.help)
}

/// Inputs depend on the version and on what the server chose, so a campaign goes on only where both are the same.
fn same_campaign(before: &Header, now: &Header) -> Result<(), Failure> {
    let what = if before.version != now.version {
        format!("the campaign was begun by version {}, this is {}", before.version, now.version)
    } else if before.endpoint != now.endpoint {
        format!("the campaign is about {}, not about {}", before.endpoint, now.endpoint)
    } else if before.behaviours != now.behaviours {
        "the server answers otherwise at an open point than when the campaign was begun".to_owned()
    } else {
        return Ok(());
    };
    Err(Failure::usage(visible(&what)).help("begin another one with --out"))
}

/// Removes what the campaign left when it was broken off.
async fn clean(target: &Target, journal: &dyn Journal) -> Result<(), Failure> {
    let pending = journal.pending(&target.name);
    let pending = pending.map_err(|error| Failure::unknown(format!("the journal cannot be read: {error}")))?;
    let (_, left) = clean_up(target, &pending, journal, None).await;
    for leftover in left {
        tell(&format!("left over: {}: {}\n", visible(&leftover.bucket), visible(&leftover.reason)));
    }
    Ok(())
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
    log: Option<Log>,
    /// Why the campaign ended before its plan did.
    trouble: Option<String>,
}

impl Driver {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        // The machine changes by whole steps, whoever panicked while holding it.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes inputs ahead of the workers until none is wanted any more.
    fn make_inputs(&self, dialect: &Dialect) {
        const PAUSE: Duration = Duration::from_millis(2);
        // Whoever waits for inputs must not wait for ever, should making them panic.
        let _guard = NoMoreInputs(self);
        loop {
            let mut inner = self.lock();
            if inner.machine.ended().is_some() {
                return;
            }
            let (wanted, seed) = (inner.machine.wanted(), inner.machine.plan().seed);
            drop(inner);
            match wanted {
                Some(number) => {
                    let inputs = block(seed, number, dialect);
                    self.lock().machine.offer(inputs);
                }
                None => std::thread::sleep(PAUSE),
            }
        }
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

/// Ends the campaign when it is dropped, unless it has ended.
struct NoMoreInputs<'d>(&'d Driver);

impl Drop for NoMoreInputs<'_> {
    fn drop(&mut self) {
        self.0.lock().machine.end("no more inputs could be made, which is a bug of corsuite");
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
            if let Event::Finished(record) = &event {
                let finding = inner.machine.findings().iter().find(|finding| finding.kind == record.kind);
                // The file first: what the log has, is there.
                if let Some(Err(error)) = finding.map(|finding| self.finished(finding)) {
                    inner.gives_up(&format!("a finding cannot be written: {error}"));
                }
            }
            if let Some(Err(error)) = inner.log.as_mut().map(|log| log.event(&event)) {
                inner.gives_up(&format!("the log cannot be written: {error}"));
            }
        }
    }
}

impl Inner {
    fn gives_up(&mut self, why: &str) {
        self.machine.end(why);
        self.trouble.get_or_insert_with(|| why.to_owned());
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

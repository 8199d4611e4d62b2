//! `corsuite fuzz`
#![expect(clippy::disallowed_methods, reason = "shell: the clock of a campaign")]

mod calibrate;
mod driver;
mod kept;
mod log;
mod shown;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use self::calibrate::calibrated;
use self::driver::{Driver, First, Inner, Second, Side};
pub(super) use self::kept::Folder;
pub(super) use self::log::{Begun, Header, Log};
pub(super) use self::shown::{Ran, shown};
use super::args::{Auth, Fuzz, JournalArgument};
use super::run::{SETTLE, destinations, embedded, journal, prefix, write_reports};
use super::screen::Screen;
use super::{Context, Exit, Failure, files, interrupted, print, runtime, target, tell};
use crate::campaign::{Allowlist, Campaign, Finding, Plan, Reach};
use crate::diagnostic::visible;
use crate::dialect::{Behaviours, Dialect, Level};
use crate::report::{Kind, Setting};
use crate::run::{self, Buckets, Ended, Feed, Journal, Meter, NoJournal, Options, SetupError, Target, clean_up};

/// Candidates tried to shrink a finding: most need a few dozen, documents in bytes and sets of twenty rules a thousand.
const SHRINK: usize = 2_000;
/// Threads that make inputs: one alone gets too little of a busy machine.
const MAKERS: usize = 2;
/// How long a campaign takes, where neither time nor requests are said.
const TIME: Duration = Duration::from_mins(1);

/// What a campaign is begun with.
struct Setup {
    plan: Plan,
    /// Where it is kept, and what is there already.
    kept: Option<(PathBuf, Option<Begun>)>,
    allowlist: Allowlist,
    time: Option<Duration>,
    budget: Option<u64>,
    screen: Arc<Screen>,
}

pub(super) fn fuzz(arguments: &Fuzz, context: &Context) -> Result<Exit, Failure> {
    let reports = destinations(&arguments.report)?;
    let dialect = files::dialect(&arguments.dialect.dialect, context)?;
    if arguments.endpoint.auth == Some(Auth::Anonymous) {
        return Err(
            Failure::usage("fuzz needs a key").help("it creates buckets and changes their rules: use --auth v4 or v1")
        );
    }
    let setup = setup(arguments, &dialect, context)?;
    let screen = Arc::clone(&setup.screen);
    let resumed = matches!(setup.kept, Some((_, Some(_))));
    let folder = setup.kept.as_ref().map(|(folder, _)| folder.clone());
    let runtime = runtime()?;
    let outcome = runtime.block_on(async {
        let (cancel, cancelled) = watch::channel(false);
        let mut options = Options {
            jobs: usize::from(arguments.pace.jobs),
            settle: arguments.pace.settle.unwrap_or(SETTLE),
            buckets: match &arguments.bucket {
                Some(name) => Buckets::Borrowed(name.clone()),
                None => Buckets::Own { prefix: prefix(&arguments.bucket_prefix)? },
            },
            complete: false,
            journal: Arc::new(NoJournal),
            rate: arguments.endpoint.rate,
            batch: usize::from(arguments.batch),
            back_off: true,
            keep_answers: arguments.versus.is_some(),
            cancelled,
            ..Options::default()
        };
        let (target, rival, server) = if let Some(endpoint) = &arguments.endpoint.endpoint {
            let own = folder.as_ref().map(|folder| folder.join("journal.jsonl"));
            let place = JournalArgument { journal: arguments.journal.journal.clone().or(own) };
            options.journal = journal(&place, context)?.0;
            let target = target::target(endpoint, &arguments.endpoint, &dialect, context)?;
            let rival = match &arguments.versus {
                None => None,
                Some(url) => Some(target::target(url, &arguments.endpoint, &dialect, context)?),
            };
            if resumed {
                for target in std::iter::once(&target).chain(&rival) {
                    clean(target, options.journal.as_ref()).await?;
                }
            }
            (target, rival, None)
        } else {
            options.settle = arguments.pace.settle.unwrap_or(Duration::ZERO);
            let (target, stop) = embedded(&dialect).await?;
            (target, None, Some(stop))
        };
        let running = campaign(setup, target, rival, options);
        let mut running = std::pin::pin!(running);
        let result = tokio::select! {
            biased;
            () = interrupted() => {
                screen.line("interrupted: removing what the campaign created; once more to leave at once");
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
    screen.done();
    let (ran, driver) = outcome?;
    let campaign = driver.lock();
    let text = shown(&campaign.machine, &ran);
    if reports.iter().any(|(_, path)| path.as_os_str() == "-") {
        tell(&text);
    } else {
        print(&text)?;
    }
    let (report, suite) = shown::report(&campaign.machine, &ran, &dialect.name);
    write_reports(&report, &Setting { suite: &suite, dialect: &dialect, strict: arguments.strict }, &reports)?;
    let counts = |finding: &Finding| finding.mismatch.level == Level::Must || arguments.strict;
    let unfinished = campaign.machine.findings().iter().any(|finding| !finding.is_finished());
    if let Some(trouble) = &campaign.trouble {
        tell(&format!("error: {trouble}\n"));
    }
    Ok(if campaign.machine.findings().iter().any(counts) {
        Exit::No
    } else if campaign.trouble.is_some() || campaign.machine.gave_up() || unfinished {
        Exit::Unknown
    } else {
        Exit::Yes
    })
}

/// What the arguments ask for, with what is in the folder already.
fn setup(arguments: &Fuzz, dialect: &Arc<Dialect>, context: &Context) -> Result<Setup, Failure> {
    let allowlist = match &arguments.allow {
        None => Allowlist::default(),
        Some(path) => {
            Allowlist::load(&files::read(path)?, dialect).map_err(|found| Failure::diagnostics(&found, context))?
        }
    };
    let goes_on = match (&arguments.resume, &arguments.keep) {
        (Some(folder), _) => Some(folder),
        (None, Some(folder)) if Log::exists(folder) => Some(folder),
        _ => None,
    };
    let resumed = goes_on.map(|folder| Log::open(folder)).transpose()?;
    let folder = goes_on.or(arguments.keep.as_ref()).or(arguments.out.as_ref());
    let seed = arguments.seed.unwrap_or_else(|| {
        // Another one each time, and shown, so that it can be asked for.
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        since.map_or(1, |since| since.as_secs())
    });
    let keys = context.keys(Auth::of(arguments.endpoint.auth, dialect));
    let reach = match &arguments.endpoint.endpoint {
        None => Reach::FULL,
        Some(_) => Reach { second_bucket: arguments.bucket.is_none(), other_account: keys.other.is_some() },
    };
    let (seed, part, parts) = match &resumed {
        Some(Begun { header: Header { plan, .. }, .. }) => (plan.seed, plan.part, plan.parts),
        None => (seed, arguments.partition.0, arguments.partition.1),
    };
    if let Some(wanted) = arguments.seed.filter(|wanted| *wanted != seed) {
        return Err(Failure::usage(format!("the campaign has seed {seed}, not {wanted}"))
            .help("leave --seed out, or keep another one in another folder"));
    }
    Ok(Setup {
        plan: Plan {
            seed,
            part,
            parts,
            requests: arguments.requests,
            stop_after: arguments.stop_after,
            shrink: SHRINK,
            reach,
        },
        kept: folder.map(|folder| (folder.clone(), resumed)),
        allowlist,
        time: arguments.time.or_else(|| arguments.requests.is_none().then_some(TIME)),
        budget: arguments.budget,
        screen: Arc::new(Screen::new(context, "{spinner} {msg}")),
    })
}

/// First the cases about open points, so that nothing which the documents allow is a finding; then the campaign. One server against
/// another needs no such cases: what the first one answers is right.
async fn campaign(
    setup: Setup,
    target: Target,
    rival: Option<Target>,
    options: Options,
) -> Result<(Ran, Arc<Driver>), Failure> {
    let documented = Arc::clone(&target.dialect);
    let target = if rival.is_some() {
        target
    } else {
        calibrated(target, setup.plan.reach, &options).await.map_err(unusable)?
    };
    let (started, clock) = (jiff::Timestamp::now(), Instant::now());
    let name = match &rival {
        None => target.name.clone(),
        Some(rival) => format!("{} against {}", rival.name, target.name),
    };
    let kind = target.implementation.kind();
    let header = Header {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        // The reference in this process has another port each time.
        endpoint: match kind {
            Kind::Endpoint => target.name.clone(),
            _ => "built-in reference".to_owned(),
        },
        versus: rival.as_ref().map(|rival| rival.name.clone()),
        plan: setup.plan.clone(),
        behaviours: Behaviours::POINTS
            .iter()
            .filter_map(|point| Some((point.name.to_owned(), target.dialect.behaviours.value(point.name)?.to_owned())))
            .collect(),
    };
    let machine = Campaign::new(setup.plan, Arc::clone(&target.dialect))
        .documented(documented)
        .allowing(setup.allowlist, jiff::tz::Offset::UTC.to_datetime(started).date());
    let (machine, log, folder) = match setup.kept {
        None => (machine, None, None),
        Some((folder, None)) => {
            let log = Log::create(&folder, &header)?;
            (machine, Some(log), Some(Folder::new(&folder, &header)))
        }
        Some((folder, Some(Begun { log, header: before, events }))) => {
            same_campaign(&before, &header)?;
            let machine = machine.resume(&events).map_err(|why| {
                Failure::unknown(format!("the log cannot be used: {}", visible(&why)))
                    .help("begin another campaign with --out")
            })?;
            (machine, log, Some(Folder::new(&folder, &header)))
        }
    };
    let rival = rival.map(|rival| (rival, Options { meter: Arc::new(Meter::new()), ..options.clone() }));
    let meters = std::iter::once(&options).chain(rival.as_ref().map(|(_, options)| options));
    let driver = Arc::new(Driver {
        inner: Mutex::new(Inner::new(machine, log)),
        deadline: setup.time.map(|time| clock + time),
        budget: setup.budget,
        meters: meters.map(|options| Arc::clone(&options.meter)).collect(),
        folder,
        screen: setup.screen,
        dialect: Arc::clone(&target.dialect),
    });
    let makers: Vec<_> = (0..MAKERS)
        .map(|_| {
            let driver = Arc::clone(&driver);
            tokio::task::spawn_blocking(move || driver.make_inputs())
        })
        .collect();
    let status = tokio::spawn(status(Arc::clone(&driver), clock));
    let meter = Arc::clone(&options.meter);
    let ended = drive(&driver, target, options, rival).await;
    status.abort();
    driver.lock().machine.end("interrupted");
    driver.conclude();
    // It ends by itself once nothing is wanted any more.
    for maker in makers {
        drop(maker.await);
    }
    let mut notes = Vec::new();
    for (name, ended) in ended {
        let ended = ended.map_err(unusable)?;
        if let Some(why) = ended.unsupported {
            let text = format!("{} has no bucket CORS: {}", visible(&name), visible(&why));
            return Err(Failure::unknown(text).help("there is nothing to fuzz"));
        }
        if ended.broken || ended.stopped.is_some() {
            let why = ended.stopped.unwrap_or("a worker broke off, which is a bug of corsuite: run `corsuite cleanup`");
            driver.lock().trouble.get_or_insert_with(|| why.to_owned());
        }
        notes.extend(ended.notes);
    }
    let folder = driver.folder.as_ref().map(|folder| folder.path().to_owned());
    Ok((Ran { name, kind, started, elapsed: clock.elapsed(), reading: meter.reading(), notes, folder }, driver))
}

/// Works until the campaign has nothing to do any more; how that ended, for each server.
async fn drive(
    driver: &Arc<Driver>,
    target: Target,
    options: Options,
    rival: Option<(Target, Options)>,
) -> Vec<(String, Result<Ended, SetupError>)> {
    let screen = Arc::clone(&driver.screen);
    let listener: Arc<run::Listener> = Arc::new(move |event: run::Event<'_>| {
        if let run::Event::Note(text) = event {
            screen.line(&format!("note: {}", visible(text)));
        }
    });
    let out = Mutex::new(BTreeMap::new());
    let name = target.name.clone();
    let Some((rival, rival_options)) = rival else {
        let feed: Arc<dyn Feed> = Arc::new(First { driver: Arc::clone(driver), alone: true, out });
        return vec![(name, run::work(target, options, feed, listener).await)];
    };
    let side = |target: Target, options: Options, feed: Arc<dyn Feed>| {
        let (listener, driver) = (Arc::clone(&listener), Arc::clone(driver));
        async move {
            // The other side waits for this one.
            let _side = Side(driver);
            run::work(target, options, feed, listener).await
        }
    };
    let other = rival.name.clone();
    let first: Arc<dyn Feed> = Arc::new(First { driver: Arc::clone(driver), alone: false, out });
    let second: Arc<dyn Feed> = Arc::new(Second(Arc::clone(driver)));
    let (one, two) = tokio::join!(side(target, options, first), side(rival, rival_options, second));
    vec![(name, one), (other, two)]
}

/// How it goes: on a terminal a line that changes, else a line every minute.
async fn status(driver: Arc<Driver>, clock: Instant) {
    let screen = &driver.screen;
    let pause = if screen.is_interactive() { Duration::from_millis(200) } else { Duration::from_mins(1) };
    let mut before = 0;
    loop {
        tokio::time::sleep(pause).await;
        let sent = driver.sent();
        // Whole milliseconds of a pause: never none.
        let rate = u128::from(sent - before) * 1000 / pause.as_millis().max(1);
        before = sent;
        let reading = driver.meters.first().map(|meter| meter.reading()).unwrap_or_default();
        let (features, reachable, findings, passed_over) = {
            let inner = driver.lock();
            let passed_over: u64 = inner.machine.passed_over().values().sum();
            (inner.machine.features(), inner.machine.reachable(), inner.machine.findings().len(), passed_over)
        };
        let text = format!(
            "{:.0} s, {sent} requests, {rate}/s, half within {:.1} ms, 99 % within {:.1} ms, {} lost, {passed_over} inputs not judged, \
             {features} of {} features, {findings} findings",
            clock.elapsed().as_secs_f64(),
            reading.median.as_secs_f64() * 1e3,
            reading.p99.as_secs_f64() * 1e3,
            reading.lost,
            reachable,
        );
        if screen.is_interactive() {
            screen.bar.set_message(text);
            screen.bar.tick();
        } else {
            screen.line(&text);
        }
    }
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
    } else if before.versus != now.versus {
        "the campaign has another second server, or none".to_owned()
    } else if before.plan.reach != now.plan.reach {
        "the campaign had another bucket or account to use".to_owned()
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
    let pending = pending.map_err(|error| {
        Failure::unknown(format!("the journal cannot be read: {error}"))
            .help("name another one with --journal, and run `corsuite cleanup` with the old one once it is mended")
    })?;
    let (_, left) = clean_up(target, &pending, journal, None).await;
    for leftover in left {
        tell(&format!("left over: {}: {}\n", visible(&leftover.bucket), visible(&leftover.reason)));
    }
    Ok(())
}

//! `corsuite run`

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::watch;

use super::args::{Against, Auth, JournalArgument, LevelChoice, Run};
use super::screen::Screen;
use super::{Context, Exit, Failure, baseline, files, interrupted, print, runtime, target, tell};
use crate::baseline::Gate;
use crate::case::{Suite, strength};
use crate::diagnostic::{Style, visible};
use crate::dialect::{Dialect, Level};
use crate::implementation::{Endpoint, EndpointOptions};
use crate::report::{CaseReport, Format, Report, Setting, Verdict, terminal};
use crate::run::{self, Addressing, Buckets, Event, FileJournal, Journal, NoJournal, Options, SetupError, Target};
use crate::serve;

/// How long a change of rules may take to show, unless said.
pub(super) const SETTLE: Duration = Duration::from_secs(10);

pub(super) fn run(arguments: &Run, context: &Context) -> Result<Exit, Failure> {
    let reports = destinations(&arguments.report)?;
    let to_stdout = reports.iter().any(|(_, path)| path.as_os_str() == "-");
    let dialect = files::dialect(&arguments.dialect.dialect, context)?;
    let suite = files::suite(arguments.cases.cases.as_deref(), &dialect, context)?;
    let level = arguments.level.map(|level| match level {
        LevelChoice::Must => Level::Must,
        LevelChoice::Should => Level::Should,
    });
    let selectors = match strength(&dialect.name).filter(|_| arguments.minimal) {
        Some(measured) => &measured.minimal,
        None if arguments.minimal => {
            return Err(Failure::usage(format!(
                "--minimal: the suite was not measured for dialect {}",
                visible(&dialect.name)
            ))
            .help(format!("it was for `{}`", Dialect::BUNDLED.join("`, `"))));
        }
        None => &arguments.selectors,
    };
    let baseline = arguments.baseline.as_deref().map(|path| baseline::load(path, context)).transpose()?;
    // What the baseline names is looked for in all of it.
    let all = suite.clone();
    let (suite, complete) = files::select(suite, selectors, level, &dialect)?;
    let known = baseline.iter().flat_map(|baseline| &baseline.entries).map(|entry| entry.case.clone()).collect();
    let measured = measure(
        Job {
            suite: &suite,
            dialect: &dialect,
            against: &arguments.against,
            // A suite or a dialect of one's own says nothing about the bundled one's documents.
            complete: complete
                && baseline.is_none()
                && arguments.cases.cases.is_none()
                && Dialect::bundled(&arguments.dialect.dialect).is_some(),
            partition: arguments.partition,
            fail_fast: arguments.fail_fast,
            quiet: to_stdout,
            known,
            evidence: None,
        },
        context,
    )?;
    let mut report = measured.report;
    if report.cases.is_empty() {
        return Err(Failure::usage("this part has no case").help("make fewer parts"));
    }
    let gate = baseline.zip(arguments.baseline.as_deref()).map(|(baseline, path)| {
        let gate = baseline::gate(&mut report, &baseline, &all, &dialect, arguments.strict);
        (gate, path.display().to_string())
    });
    let setting = Setting { suite: &suite, dialect: &dialect, strict: arguments.strict };
    finish(&Finish { report: &report, setting, paths: &reports, gate: gate.as_ref() }, context)
}

/// Cases that are to be run against a server.
pub(super) struct Job<'a> {
    pub(super) suite: &'a Suite,
    pub(super) dialect: &'a Arc<Dialect>,
    pub(super) against: &'a Against,
    pub(super) complete: bool,
    pub(super) partition: Option<(u64, u64)>,
    pub(super) fail_fast: bool,
    /// No line for each failure.
    pub(super) quiet: bool,
    /// Cases that may fail.
    pub(super) known: BTreeSet<String>,
    /// Keep all exchanges, as long as they have at most so many bytes; a run that has more is broken off.
    pub(super) evidence: Option<usize>,
}

/// What came of it.
pub(super) struct Measured {
    pub(super) report: Report,
    /// Who was asked.
    pub(super) target: Target,
    /// There were more exchanges than may be kept.
    pub(super) too_much: bool,
}

/// Runs the cases against the server, or against the built-in reference.
pub(super) fn measure(job: Job<'_>, context: &Context) -> Result<Measured, Failure> {
    let against = job.against;
    if against.endpoint.auth == Some(Auth::Anonymous) && against.bucket.is_none() {
        return Err(Failure::usage("--auth anonymous cannot create a bucket").help("name one with --bucket"));
    }
    let preconfigured = match &against.in_place {
        None => None,
        Some(path) => {
            let file = files::rules(path, context)?;
            Some(super::explain::configuration(&file, job.dialect, context)?)
        }
    };
    let runtime = runtime()?;
    let result = runtime.block_on(async {
        let (cancel, cancelled) = watch::channel(false);
        let mut options = Options {
            jobs: usize::from(against.pace.jobs),
            settle: against.pace.settle.unwrap_or(SETTLE),
            buckets: match &against.bucket {
                Some(name) => Buckets::Borrowed(name.clone()),
                None => Buckets::Own { prefix: prefix(&against.bucket_prefix)? },
            },
            complete: job.complete,
            partition: job.partition,
            fail_fast: job.fail_fast,
            preconfigured,
            journal: Arc::new(NoJournal),
            rate: against.endpoint.rate,
            keep_rounds: job.evidence.is_some(),
            cancelled,
            ..Options::default()
        };
        let (target, server) = if let Some(endpoint) = &against.endpoint.endpoint {
            if against.endpoint.auth != Some(Auth::Anonymous) {
                options.journal = journal(&against.journal, context)?.0;
            }
            (target::target(endpoint, &against.endpoint, job.dialect, context)?, None)
        } else {
            options.settle = against.pace.settle.unwrap_or(Duration::ZERO);
            let (target, stop) = embedded(job.dialect).await?;
            (target, Some(stop))
        };
        let screen = Screen::new(context, "{bar:32} {pos}/{len} {msg}");
        let progress = Arc::new(Progress { screen, quiet: job.quiet, known: job.known });
        let listener = Arc::clone(&progress);
        let kept = Arc::new(Kept { bytes: AtomicUsize::new(0), most: job.evidence, cancel });
        let keeper = Arc::clone(&kept);
        let listener = move |event: Event<'_>| {
            keeper.event(&event);
            listener.event(&event);
        };
        let running = run::run(target.clone(), job.suite, options, Arc::new(listener));
        let mut running = std::pin::pin!(running);
        let result = tokio::select! {
            // The signal is listened for before the first request is sent.
            biased;
            () = interrupted() => {
                progress.line("interrupted: removing what the run created; once more to leave at once");
                kept.cancel.send_replace(true);
                tokio::select! {
                    result = &mut running => result,
                    () = interrupted() => Err(SetupError {
                        message: "interrupted before everything was removed".to_owned(),
                        help: "run `corsuite cleanup`".to_owned(),
                    }),
                }
            }
            result = &mut running => result,
        };
        progress.done();
        drop(server);
        let report = result.map_err(|error| Failure::unknown(visible(&error.to_string())).help(error.help))?;
        Ok(Measured { report, target, too_much: kept.is_full() })
    });
    // Requests that hang are not waited for.
    runtime.shutdown_background();
    result
}

/// How much of the exchanges is kept.
struct Kept {
    bytes: AtomicUsize,
    most: Option<usize>,
    cancel: watch::Sender<bool>,
}

impl Kept {
    fn event(&self, event: &Event<'_>) {
        let Event::Finished(case) = event else { return };
        let attempts = case.rounds.iter().flat_map(|round| &round.attempts);
        let bytes =
            attempts.flat_map(|attempt| attempt.outcome.iter().flatten()).map(|answer| answer.body().len()).sum();
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        if self.is_full() {
            self.cancel.send_replace(true);
        }
    }

    fn is_full(&self) -> bool {
        self.most.is_some_and(|most| self.bytes.load(Ordering::Relaxed) > most)
    }
}

/// A report that is to be told.
pub(super) struct Finish<'a> {
    pub(super) report: &'a Report,
    pub(super) setting: Setting<'a>,
    pub(super) paths: &'a [Destination],
    /// With the name of its file.
    pub(super) gate: Option<&'a (Gate, String)>,
}

/// Shows and writes a report; the exit code is what the baseline says of it, or else the report itself.
pub(super) fn finish(end: &Finish<'_>, context: &Context) -> Result<Exit, Failure> {
    let to_stdout = end.paths.iter().any(|(_, path)| path.as_os_str() == "-");
    let style = if to_stdout { context.error_style } else { context.output_style };
    let mut shown = shown(end.report, style);
    if let Some((gate, file)) = end.gate {
        shown.push('\n');
        shown.push_str(&gate.shown(file));
    }
    if to_stdout {
        tell(&shown);
    } else {
        print(&shown)?;
    }
    write_reports(end.report, &end.setting, end.paths)?;
    let answer = end.gate.map_or_else(|| end.report.answer(end.setting.strict), |(gate, _)| gate.answer());
    Ok(baseline::exit(answer))
}

/// Writes a report to each of these paths; `-` is standard output.
pub(super) fn write_reports(report: &Report, setting: &Setting<'_>, paths: &[Destination]) -> Result<(), Failure> {
    for (format, path) in paths {
        write_text(path, &format.write(report, setting))?;
    }
    Ok(())
}

/// Writes a report that is text already.
pub(super) fn write_text(path: &Path, text: &str) -> Result<(), Failure> {
    if path.as_os_str() == "-" {
        return print(text);
    }
    files::write(path, text).map_err(|error| {
        Failure::unknown(format!("report {} cannot be written: {error}", path.display()))
            .help("name a file in a folder that exists and can be written to")
    })
}

/// The cases that did not pass, except the many that one line explains, then the summary.
fn shown(report: &Report, style: Style) -> String {
    let mut text = String::new();
    let told = |case: &&CaseReport| matches!(case.verdict, Verdict::Fail | Verdict::Error) && case.known.is_none();
    for case in report.cases.iter().filter(told) {
        text.push_str(&terminal::failure(case, style));
        text.push('\n');
    }
    text.push_str(&terminal::summary(report, style));
    text
}

/// Where a report goes, and in which form.
pub(super) type Destination = (Format, PathBuf);

/// From `FORMAT=PATH`.
pub(super) fn destination(text: &str) -> Result<Destination, Failure> {
    let names: Vec<&str> = Format::ALL.iter().map(|(name, _)| *name).collect();
    let bad = |what: &str| {
        Failure::usage(format!("--report `{text}`: {what}"))
            .help(format!("such as json=report.json, or junit=- for standard output; formats are {}", names.join(", ")))
    };
    let (name, path) = text.split_once('=').ok_or_else(|| bad("no `=`"))?;
    let format = Format::named(name).ok_or_else(|| bad("no such format"))?;
    if path.is_empty() {
        return Err(bad("no path"));
    }
    Ok((format, PathBuf::from(path)))
}

/// All of them; standard output takes one.
pub(super) fn destinations(texts: &[String]) -> Result<Vec<Destination>, Failure> {
    let all = texts.iter().map(|text| destination(text)).collect::<Result<Vec<_>, _>>()?;
    if all.iter().filter(|(_, path)| path.as_os_str() == "-").count() > 1 {
        return Err(Failure::usage("two reports on standard output").help("give one of them a file"));
    }
    Ok(all)
}

pub(super) fn prefix(text: &str) -> Result<String, Failure> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let valid = text.bytes().next().is_some_and(plain)
        && text.bytes().all(|byte| plain(byte) || byte == b'-')
        && text.len() <= 40;
    if valid {
        return Ok(text.to_owned());
    }
    Err(Failure::usage(format!("--bucket-prefix `{text}`"))
        .help("at most 40 lower-case letters, digits and hyphens, a letter or digit first"))
}

/// The journal and its path.
pub(super) fn journal(argument: &JournalArgument, context: &Context) -> Result<(Arc<dyn Journal>, PathBuf), Failure> {
    let path = match (&argument.journal, &context.state_folder) {
        (Some(path), _) => path.clone(),
        (None, Some(folder)) => folder.join("journal.jsonl"),
        (None, None) => {
            return Err(Failure::usage("there is no folder for the journal").help("name a file with --journal"));
        }
    };
    let journal = FileJournal::new(&path)
        .map_err(|error| Failure::unknown(format!("journal {} cannot be written: {error}", path.display())))?;
    Ok((Arc::new(journal), path))
}

/// The reference on a free port of this machine, and the handle that stops it when it is dropped.
pub(super) async fn embedded(dialect: &Arc<Dialect>) -> Result<(Target, watch::Sender<()>), Failure> {
    let fail =
        |error: &dyn std::fmt::Display| Failure::unknown(format!("the built-in reference cannot be started: {error}"));
    let address = std::net::SocketAddr::from((std::net::Ipv4Addr::LOCALHOST, 0));
    let listener = serve::bind(address).await.map_err(|error| fail(&error))?;
    let address = listener.local_addr().map_err(|error| fail(&error))?;
    let (stop, mut stopped) = watch::channel(());
    let reference = serve::reference(dialect, serve::owner(), serve::other());
    tokio::spawn(serve::serve(listener, reference, async move {
        // An error says that the sender is gone, which is what is waited for.
        while stopped.changed().await.is_ok() {}
    }));
    let options = EndpointOptions { timeout: Duration::from_secs(10), insecure: false, ca_certificates: None };
    let client = Endpoint::new(&options).map_err(|error| fail(&error))?.as_embedded();
    let auth = Auth::of(None, dialect);
    let target = Target {
        implementation: Arc::new(client),
        name: format!("built-in reference, http://{address}"),
        protocol: "http".to_owned(),
        authority: address.to_string(),
        addressing: Addressing::Path,
        scheme: target::scheme(auth, None, &address.to_string()),
        credentials: Some(serve::owner()),
        other: Some(serve::other()),
        other_variables: auth.variables().other,
        dialect: Arc::clone(dialect),
    };
    Ok((target, stop))
}

/// A bar on a terminal; lines for what is not well otherwise.
struct Progress {
    screen: Screen,
    /// The human report goes to standard error, so lines would only repeat it.
    quiet: bool,
    /// Cases that may fail.
    known: BTreeSet<String>,
}

impl Progress {
    fn event(&self, event: &Event<'_>) {
        match event {
            Event::Started { cases } => self.screen.bar.set_length(*cases as u64),
            Event::Finished(case) => {
                self.screen.bar.inc(1);
                let bad = !matches!(case.verdict, Verdict::Pass | Verdict::Skip | Verdict::Unsupported);
                if bad && !self.quiet && !self.known.contains(&case.id) {
                    self.line(&format!("{} {}", case.verdict.as_str(), case.id));
                }
            }
            Event::Note(text) => self.line(&format!("note: {}", visible(text))),
        }
    }

    fn line(&self, text: &str) {
        self.screen.line(text);
    }

    fn done(&self) {
        self.screen.done();
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::Response;

    use super::*;
    use crate::report::tests::case;
    use crate::trial::{Attempt, Round};

    #[test]
    fn a_run_that_keeps_too_much_is_broken_off() {
        let (cancel, cancelled) = watch::channel(false);
        let kept = Kept { bytes: AtomicUsize::new(0), most: Some(100), cancel };
        let answer = Response::new(Bytes::from(vec![b'a'; 60]));
        let attempt =
            Attempt { at: jiff::Timestamp::UNIX_EPOCH, requests: Vec::new(), bytes: None, outcome: Ok(vec![answer]) };
        let round = Round { step: 0, bucket: None, prefix: String::new(), attempts: vec![attempt] };
        let report = CaseReport { rounds: vec![round], ..case("a", Verdict::Pass, Level::Must) };
        kept.event(&Event::Finished(&report));
        assert!(!kept.is_full() && !*cancelled.borrow());
        kept.event(&Event::Finished(&report));
        assert!(kept.is_full() && *cancelled.borrow());
    }
}

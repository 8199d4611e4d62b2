//! Campaigns: inputs that depend on the seed alone, faults that are found, confirmed and shrunk, and nothing found where there is no fault.
#![cfg(test)]
#![expect(clippy::disallowed_methods, reason = "writes the generated file")]

mod common;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use corsuite::campaign::{BLOCK, Campaign, Event, Input, Next, Plan, Reach, block, reachable};
use corsuite::case::expect::Mismatch;
use corsuite::case::{Case, Operation, Start, Step, load, write};
use corsuite::diagnostic::SourceFile;
use corsuite::dialect::{Dialect, Level};
use corsuite::generate::KNOWN;
use corsuite::implementation::{BoxFuture, Embedded, Implementation, SendError};
use corsuite::reference::Reference;
use corsuite::reference::faults::{Faulty, find};
use corsuite::report::{self, CaseReport, MismatchReport, Verdict};
use corsuite::run::{self, Feed, Options, Taken};
use corsuite::serve;
use http::{Request, Response};
use sha2::{Digest as _, Sha256};

use common::{dialects, run, target};

fn plan(seed: u64, requests: u64) -> Plan {
    Plan { seed, part: 1, parts: 1, requests: Some(requests), stop_after: None, shrink: 400, reach: Reach::FULL }
}

/// Makes what is wanted.
fn fill(campaign: &mut Campaign) {
    while let Some(number) = campaign.wanted() {
        campaign.offer(block(campaign.plan().seed, number, campaign.plan().reach, Dialect::oss()));
    }
}

/// A campaign, and what it told.
#[derive(Debug)]
struct Driver(Mutex<(Campaign, Vec<Event>)>);

impl Feed for Driver {
    fn take(&self) -> Taken {
        let mut inner = self.0.lock().unwrap();
        fill(&mut inner.0);
        match inner.0.take() {
            Next::Case { number, case, start } => Taken::Case { number, case, start },
            Next::Later => Taken::Later,
            Next::Nothing => Taken::Nothing,
        }
    }

    fn give(&self, number: u64, report: CaseReport) {
        let mut inner = self.0.lock().unwrap();
        let events = inner.0.give_back(number, &report, jiff::Timestamp::UNIX_EPOCH);
        inner.1.extend(events);
    }
}

async fn campaign(server: Embedded, plan: Plan) -> Arc<Driver> {
    let dialect = Arc::new(Dialect::oss().clone());
    let driver = Arc::new(Driver(Mutex::new((Campaign::new(plan, dialect), Vec::new()))));
    let options = Options { jobs: 2, complete: false, ..Options::default() };
    run::work(target(server), options, Arc::clone(&driver) as Arc<dyn Feed>, Arc::new(|_| {})).await.unwrap();
    driver
}

fn faulty(id: &str) -> Embedded {
    let options = serve::options(Dialect::oss(), serve::owner(), serve::other());
    Embedded::new(Faulty::new(options, find(id).unwrap()))
}

fn healthy() -> Embedded {
    Embedded::new(Reference::new(serve::options(Dialect::oss(), serve::owner(), serve::other())))
}

fn text(case: &Case) -> String {
    write("An input.", std::slice::from_ref(case))
}

/// The parts of a campaign make together what one machine makes alone.
#[test]
fn parts_make_the_whole() {
    let dialect = Dialect::oss();
    let inputs = |part: u64, parts: u64, blocks: u64| -> BTreeSet<String> {
        let mut campaign = Campaign::new(Plan { part, parts, ..plan(3, u64::MAX) }, Arc::new(dialect.clone()));
        let made = (0..blocks * BLOCK).map(|_| {
            fill(&mut campaign);
            match campaign.take() {
                Next::Case { case, .. } => text(&case),
                other => panic!("{other:?}"),
            }
        });
        made.collect()
    };
    let whole = inputs(1, 1, 4);
    let halves = [inputs(1, 2, 2), inputs(2, 2, 2)];
    assert_eq!(whole.len() as u64, 4 * BLOCK);
    assert!(halves[0].is_disjoint(&halves[1]));
    assert_eq!(halves.iter().flatten().cloned().collect::<BTreeSet<_>>(), whole);
    // And an input is the same whoever asks, and whenever.
    let again = || block(3, 2, Reach::FULL, dialect).iter().map(|input: &Input| text(&input.case)).collect::<Vec<_>>();
    assert_eq!(again(), again());
}

/// The same seed, the same inputs, for ever: before bucket names, time and signatures. Whoever changes what is generated, changes these on
/// purpose.
#[test]
fn inputs_of_a_seed_are_pinned() {
    let first = KNOWN.div_ceil(BLOCK);
    let digest = |seed: u64, number: u64| {
        let cases = block(seed, number, Reach::FULL, Dialect::oss()).into_iter().map(|input| text(&input.case));
        // Ids tell the seed.
        let digest = Sha256::digest(cases.collect::<String>().replace(&format!("input-{seed}-"), "input-"));
        digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect::<String>()
    };
    assert_eq!(digest(1, 0), digest(2, 0), "known inputs are the same for every seed");
    assert_ne!(digest(1, first), digest(2, first));
    insta::assert_snapshot!(
        format!("{} {} {}", digest(1, 0), digest(1, first), digest(0x00c0_ffee, first + 100)),
        @"076ff73a89400961 dcd6960ee70ec030 5ad039559a444a98"
    );
}

#[tokio::test]
async fn nothing_is_found_where_there_is_nothing() {
    let driver = campaign(healthy(), plan(5, 2_000)).await;
    let inner = driver.0.lock().unwrap();
    assert!(inner.0.findings().is_empty(), "{:#?}", inner.0.findings());
    assert!(inner.0.inputs() > 60 && inner.0.requests() >= 2_000);
    assert_eq!(inner.0.ended(), Some("the requests of the plan are made"));
    assert!(inner.1.iter().all(|event| matches!(event, Event::Judged { kinds, .. } if kinds.is_empty())));
}

/// A finding is small, shows on the faulty server, and passes on the healthy one.
#[tokio::test]
async fn a_fault_becomes_a_small_case() {
    let faults =
        ["vary-always", "wildcard-overlap", "method-any", "delete-keeps", "expose-star-accepted", "match-last"];
    let known: Vec<&str> = faults.into_iter().filter(|id| find(id).is_some()).collect();
    assert!(known.len() >= 2, "{known:?}");
    for id in known {
        found(id).await;
    }
}

/// What shows after earlier cases did something to a bucket, or while others do, becomes a case that shows it by itself.
#[tokio::test]
async fn a_case_needs_no_history() {
    for id in [
        "vary-after-delete",
        "delete-keeps-serving",
        "one-configuration-for-all",
        "delete-in-all",
        "vary-of-other-bucket",
        "second-bucket-shadows",
        "space-in-values-500",
        // Once in so many answers.
        "methods-order-changes",
        "every-seventh",
        "age-alternates",
    ] {
        found(id).await;
    }
}

/// Searches for a fault, and judges what was found.
async fn found(id: &str) {
    let driver = campaign(faulty(id), Plan { stop_after: Some(1), ..plan(1, 40_000) }).await;
    let (case, kind) = {
        let inner = driver.0.lock().unwrap();
        let mut sure = inner.0.findings().iter().filter(|finding| finding.is_finished() && finding.is_stable());
        let finding = sure.next().unwrap_or_else(|| panic!("{id} is not found: {:#?}", inner.0.findings()));
        assert!(
            inner
                .1
                .iter()
                .any(|event| matches!(event, Event::Finished(record) if record.shown == 3 && record.tried == 3))
        );
        (text(&finding.case), finding.kind.clone())
    };
    let loaded = load(&[SourceFile::new("found.yaml", case.as_str())], Dialect::oss());
    assert!(!loaded.failed(), "{case}");
    assert!(loaded.suite.cases[0].steps.len() <= 3, "{id}, {kind}: {case}");
    for (server, verdict) in [(faulty(id), Verdict::Fail), (healthy(), Verdict::Pass)] {
        let report = run(target(server), &loaded.suite, Options::default()).await.unwrap();
        assert_eq!(report.cases[0].verdict, verdict, "{id}: {case}");
    }
}

/// A server to which there is a way, so that workers take turns.
#[derive(Debug)]
struct Away(Embedded);

impl Implementation for Away {
    fn send(&self, request: Request<Bytes>) -> BoxFuture<'_, Result<Response<Bytes>, SendError>> {
        Box::pin(async {
            tokio::task::yield_now().await;
            self.0.send(request).await
        })
    }

    fn kind(&self) -> report::Kind {
        self.0.kind()
    }
}

/// Gives out a case to each of four workers, and when all have come back, one that has to be the only one.
#[derive(Debug)]
struct OneAfterMany {
    cases: [Arc<Case>; 2],
    /// How many were given out, how many came back, and how many workers are passed over before the last one.
    out: Mutex<(u64, u64, u64)>,
    last: Mutex<Option<CaseReport>>,
}

impl Feed for OneAfterMany {
    fn take(&self) -> Taken {
        let mut out = self.out.lock().unwrap();
        let number = out.0;
        if number >= 4 && out.1 < 4 {
            return Taken::Later;
        }
        if number == 4 && out.2 > 0 {
            out.2 -= 1;
            return Taken::Later;
        }
        out.0 += 1;
        let [before, only] = &self.cases;
        match number {
            0..4 => Taken::Case { number, case: Arc::clone(before), start: Start::Emptied },
            4 => Taken::Case { number, case: Arc::clone(only), start: Start::OnlyOne },
            _ => Taken::Nothing,
        }
    }

    fn give(&self, number: u64, report: CaseReport) {
        self.out.lock().unwrap().1 += 1;
        if number == 4 {
            *self.last.lock().unwrap() = Some(report);
        }
    }
}

/// What is tried alone finds no rules in the buckets of other workers, not even in the one that the run began with.
#[tokio::test]
async fn other_buckets_are_empty() {
    const CASES: &str = r#"
about: Two cases.
cases:
  - id: before
    about: leaves rules behind
    clauses: [vary.match]
    rules: &rules [{allowed_origins: "https://app.example", allowed_methods: GET}]
    response_vary: true
    steps:
      - request: {method: GET, object: photo.jpg, origin: "https://app.example"}
        expect: {headers: {vary: {contains: Origin}}}
  - id: only
    about: sees them where they count for all buckets
    clauses: [vary.off]
    rules: *rules
    steps:
      - request: {method: GET, object: photo.jpg}
        expect: {headers: {vary: {lacks: Origin}}}
"#;
    let loaded = load(&[SourceFile::new("two.yaml", CASES)], Dialect::oss());
    assert!(!loaded.failed());
    let cases: Vec<Arc<Case>> = loaded.suite.cases.into_iter().map(Arc::new).collect();
    // The last case falls to one worker or another; one of them has the bucket of the beginning.
    for passed_over in 0..8 {
        let feed = Arc::new(OneAfterMany {
            cases: cases.clone().try_into().unwrap(),
            out: Mutex::new((0, 0, passed_over)),
            last: Mutex::new(None),
        });
        let options = Options { jobs: 4, complete: false, ..Options::default() };
        let server = target(Away(faulty("vary-of-other-bucket")));
        run::work(server, options, Arc::clone(&feed) as Arc<dyn Feed>, Arc::new(|_| {})).await.unwrap();
        let report = feed.last.lock().unwrap().take().unwrap();
        assert_eq!(report.verdict, Verdict::Pass, "{report:#?}");
    }
}

/// The report of a case in which one thing is wrong, or nothing.
fn report(case: &Case, wrong: Option<&MismatchReport>, elapsed_ms: u64) -> CaseReport {
    CaseReport {
        id: case.id.clone(),
        about: String::new(),
        theme: String::new(),
        file: String::new(),
        line: 1,
        clauses: Vec::new(),
        verdict: if wrong.is_some() { Verdict::Fail } else { Verdict::Pass },
        level: Level::Must,
        unjudged_must: false,
        elapsed_ms,
        assertions: 1,
        known: None,
        observed: std::collections::BTreeMap::new(),
        reason: None,
        mismatches: wrong.into_iter().cloned().collect(),
        rounds: Vec::new(),
        answers: Vec::new(),
    }
}

fn wrong() -> MismatchReport {
    MismatchReport::bare(Mismatch::new("preflight.ok", "status", "200", "403"), 1)
}

fn next(campaign: &mut Campaign) -> (u64, Arc<Case>) {
    match campaign.take() {
        Next::Case { number, case, .. } => (number, case),
        other => panic!("{other:?}"),
    }
}

/// A document that is taken or refused against what the documents say gives the bucket other rules: what follows from these is no finding.
#[test]
fn what_follows_from_a_wrong_put_is_no_finding() {
    let check = |actual: &str, expected: &[&str]| {
        let mut campaign = Campaign::new(plan(1, 100), Arc::new(Dialect::oss().clone()));
        fill(&mut campaign);
        let is_put = |step: &Step| matches!(step.operation, Operation::PutCors(_));
        let (number, case, at) = std::iter::repeat_with(|| next(&mut campaign))
            .find_map(|(number, case)| {
                let at = case.steps.iter().position(is_put)?;
                let follows = case.steps.get(at + 1).is_some_and(|step| step.bucket == case.steps[at].bucket);
                follows.then_some((number, case, at + 1))
            })
            .unwrap();
        let wrong = |step, field, actual: &str| MismatchReport {
            step,
            ..MismatchReport::bare(Mismatch::new("preflight.ok", field, "200", actual), 1)
        };
        let mut report = report(&case, Some(&wrong(at, "status", actual)), 1);
        report.mismatches.push(wrong(at + 1, "body", "other"));
        campaign.give_back(number, &report, jiff::Timestamp::UNIX_EPOCH);
        let found: Vec<&str> = campaign.findings().iter().map(|one| one.kind.field.as_str()).collect();
        assert_eq!(found, expected, "{actual}");
    };
    check("403", &["status"]);
    // The rules are there all the same, and a server may answer so to each document.
    check("204", &["status", "body"]);
}

/// Where each request costs a time-out, a finding is not made smaller for ever.
#[test]
fn shrinking_ends_after_a_while() {
    let mut campaign = Campaign::new(plan(1, u64::MAX), Arc::new(Dialect::oss().clone()));
    fill(&mut campaign);
    let mut given = 0;
    let finished = loop {
        let (number, case) = next(&mut campaign);
        given += 1;
        let events = campaign.give_back(number, &report(&case, Some(&wrong()), 61_000), jiff::Timestamp::UNIX_EPOCH);
        if let Some(Event::Finished(record)) = events.into_iter().next() {
            break record;
        }
        assert!(given < 50);
    };
    // Found once, confirmed three times, two minutes of shrinking, tried six times more.
    assert_eq!((given, finished.shown), (12, 3));
}

/// What does not show each time is tried while nothing else runs; then it is written without what only this server's choices fix.
#[test]
fn an_unsure_finding_is_tried_alone() {
    let now = jiff::Timestamp::UNIX_EPOCH;
    let mut chosen = Dialect::oss().clone();
    chosen.behaviours.set("allow_methods", "requested").unwrap();
    let documented = Arc::new(Dialect::oss().clone());
    let plan = Plan { shrink: 20, ..plan(1, u64::MAX) };
    let mut campaign = Campaign::new(plan, Arc::new(chosen)).documented(documented);
    fill(&mut campaign);
    let (first, case) = next(&mut campaign);
    let (second, other) = next(&mut campaign);
    campaign.give_back(first, &report(&case, Some(&wrong()), 1), now);
    for _ in 0..3 {
        let (number, case) = next(&mut campaign);
        campaign.give_back(number, &report(&case, None, 1), now);
    }
    assert!(matches!(campaign.take(), Next::Later), "another case is out");
    campaign.give_back(second, &report(&other, None, 1), now);
    let steps = case.steps.len();
    let (finished, last) = loop {
        let (number, case) = next(&mut campaign);
        assert!(matches!(campaign.take(), Next::Later), "it is not alone");
        // It takes all of its steps.
        let shown = wrong();
        let shows = (case.steps.len() == steps).then_some(&shown);
        let events = campaign.give_back(number, &report(&case, shows, 1), now);
        if let Some(Event::Finished(record)) = events.into_iter().next() {
            break (record, case);
        }
    };
    assert_eq!((finished.shown, finished.tried), (3, 3));
    let blocks: Vec<String> =
        last.steps.iter().flat_map(|step| &step.expect).map(|block| block.clause.to_string()).collect();
    assert!(!blocks.is_empty() && !blocks.contains(&"behaviour.consistent".to_owned()));
}

/// A campaign that is broken off anywhere goes on: nothing is lost, nothing is there twice, and nothing is asked twice that was done with.
#[tokio::test]
async fn a_broken_campaign_goes_on() {
    let plan = Plan { stop_after: Some(4), ..plan(1, 6_000) };
    let whole = campaign(faulty("methods-missing"), plan.clone()).await;
    let kinds = |campaign: &Campaign| -> BTreeSet<String> {
        campaign.findings().iter().map(|finding| finding.kind.to_string()).collect()
    };
    let (expected, told) = {
        let inner = whole.0.lock().unwrap();
        (kinds(&inner.0), inner.1.clone())
    };
    assert!(!expected.is_empty());
    for torn in [0, 1, told.len() / 2, told.len()] {
        // As a log keeps it.
        let lines: Vec<String> = told.iter().take(torn).map(|event| serde_json::to_string(event).unwrap()).collect();
        let events: Vec<Event> = lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
        let dialect = Arc::new(Dialect::oss().clone());
        let resumed = Campaign::new(plan.clone(), dialect).resume(&events).unwrap();
        let done = resumed.inputs();
        let mut names: Vec<String> = resumed.findings().iter().map(|finding| finding.kind.to_string()).collect();
        names.dedup();
        assert_eq!(names.len(), resumed.findings().len());
        let driver = Arc::new(Driver(Mutex::new((resumed, Vec::new()))));
        let options = Options { jobs: 2, complete: false, ..Options::default() };
        let feed = Arc::clone(&driver) as Arc<dyn Feed>;
        run::work(target(faulty("methods-missing")), options, feed, Arc::new(|_| {})).await.unwrap();
        let inner = driver.0.lock().unwrap();
        let again: BTreeSet<u64> = inner
            .1
            .iter()
            .filter_map(|event| match event {
                Event::Judged { index, .. } => Some(*index),
                Event::Finished(_) | Event::Unjudged { .. } => None,
            })
            .collect();
        let finished: BTreeSet<u64> = events
            .iter()
            .filter_map(|event| match event {
                Event::Judged { index, kinds, .. } if kinds.is_empty() => Some(*index),
                _ => None,
            })
            .collect();
        assert!(again.is_disjoint(&finished), "torn at {torn}");
        assert!(inner.0.inputs() >= done);
        assert_eq!(kinds(&inner.0), expected, "torn at {torn}");
    }
}

/// The list of features is what many inputs reach. Set `CORSUITE_BLESS=1` and use `--release` to write it anew.
#[test]
fn features_are_reached() {
    let many = std::env::var("CORSUITE_BLESS").is_ok();
    // The inputs that are the same for every seed, and generated ones.
    let blocks = KNOWN.div_ceil(BLOCK) + if many { 600 } else { 6 };
    let mut all = BTreeSet::new();
    for dialect in dialects() {
        let mut seen = BTreeSet::new();
        for number in 0..blocks {
            for input in block(11, number, Reach::FULL, dialect) {
                seen.extend(input.features);
            }
        }
        if many {
            all.extend(seen);
            continue;
        }
        let listed: BTreeSet<&str> = reachable(dialect).collect();
        let strange: Vec<&String> = seen.iter().filter(|feature| !listed.contains(feature.as_str())).collect();
        assert!(strange.is_empty(), "not in src/campaign/features.txt for {}: {strange:?}", dialect.name);
        assert!(seen.len() * 10 > listed.len() * 7, "{}: {} of {} features", dialect.name, seen.len(), listed.len());
    }
    if many {
        let lines: String = all.iter().map(|feature| format!("{feature}\n")).collect();
        std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/src/campaign/features.txt"), lines).unwrap();
    }
}

//! One worker: a bucket, and one case after the other ([`Worker::case`]).
#![expect(clippy::disallowed_methods, reason = "shell: the clock of requests and cases")]

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use http::{Method, StatusCode};
use tokio::time::{Instant, sleep};

use super::bucket::{Held, Owner, Refused, Saved, code, name, prefix, put_simplest};
use super::settle::{Probe, shows};
use super::skip::skip;
use super::{Buckets, Event, Shared, milliseconds};
use crate::case::{BucketRole, Case, Identity, Start};
use crate::cors::CorsConfiguration;
use crate::cors::xml::Document;
use crate::report::{CaseReport, MismatchReport, Verdict};
use crate::request::{self, Draft, Envelope};
use crate::trial::{Round, Trial};

/// A probe must give the new answer this often in a row.
const IN_A_ROW: u32 = 3;
/// Pause between two looks.
const PAUSE: Duration = Duration::from_millis(50);
/// Longest wait once [`IN_VAIN`] waits of the run have been for nothing: a wrong server should not cost ten seconds a case.
const IMPATIENT: Duration = Duration::from_secs(1);
const IN_VAIN: u32 = 2;
/// Longest wait once as many as this have: by then the server is known to be wrong, not slow.
const RESIGNED: Duration = Duration::from_millis(100);
const RESIGNED_AFTER: u32 = 12;
/// A worker whose bucket cannot be prepared this often in a row, for want of any answer, gives up.
const GIVE_UP: u32 = 3;
#[derive(Debug)]
pub(super) struct Worker {
    pub(super) shared: Arc<Shared>,
    pub(super) number: usize,
    pub(super) main: Option<Held>,
    second: Option<Held>,
    /// Names of buckets to remove at the end.
    pub(super) created: Vec<String>,
    /// A name that no bucket has.
    pub(super) missing: String,
    /// What a borrowed bucket was like.
    pub(super) saved: Option<Saved>,
    silent: u32,
    /// No steps are sent together: nothing else may be under way.
    pub(super) one_by_one: bool,
}

/// Why a case has no verdict of its own.
pub(super) enum Abort {
    Error(String),
    Skip(String),
}

/// What the steps of a case added up to.
pub(super) struct Tally<'c> {
    pub(super) trial: Trial<'c>,
    pub(super) mismatches: Vec<MismatchReport>,
    /// All exchanges, where they are kept.
    pub(super) rounds: Vec<Round>,
}

impl Worker {
    pub(super) fn new(shared: Arc<Shared>, number: usize) -> Self {
        let missing = format!("{}missing", name(&prefix(&shared)));
        Self {
            shared,
            number,
            main: None,
            second: None,
            created: Vec::new(),
            missing,
            saved: None,
            silent: 0,
            one_by_one: false,
        }
    }

    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    pub(super) async fn note(&self, text: String) {
        (self.shared.listener)(Event::Note(&text));
        self.shared.notes.lock().await.push(text);
    }

    /// Prepares, runs and judges a case; the [`Start`] is for buckets of our own.
    pub(super) async fn case(&mut self, case: &Case, start: Start) -> CaseReport {
        let shared = Arc::clone(&self.shared);
        if let Some(reason) = skip(case, &shared) {
            return CaseReport::unjudged(case, Verdict::Skip, &reason, &shared.target.dialect);
        }
        let started = Instant::now();
        let in_place = shared.target.credentials.is_none();
        let mut tally = Tally {
            trial: Trial::new(case, &shared.target.dialect, in_place),
            mismatches: Vec::new(),
            rounds: Vec::new(),
        };
        self.one_by_one = start == Start::OnlyOne;
        if self.one_by_one {
            self.out_of_step().await;
        }
        if start != Start::Emptied && self.discard_buckets().await && start == Start::OnlyOne {
            self.empty_others().await;
        }
        let outcome = match self.prepare(case).await {
            Ok(()) => self.steps(case, &mut tally).await,
            Err(reason) => Err(Abort::Error(reason)),
        };
        let ended = outcome.err().map(|abort| match abort {
            Abort::Error(reason) => (Verdict::Error, reason),
            Abort::Skip(reason) => (Verdict::Skip, reason),
        });
        let report = CaseReport::judged(case, &shared.target.dialect, &tally.trial, tally.mismatches, ended);
        CaseReport {
            elapsed_ms: milliseconds(started.elapsed()),
            rounds: tally.rounds,
            answers: if shared.options.keep_answers { tally.trial.into_answers() } else { Vec::new() },
            ..report
        }
    }

    /// Resets the buckets of a case. One that cannot be reset is replaced once.
    async fn prepare(&mut self, case: &Case) -> Result<(), String> {
        if self.shared.target.credentials.is_none() {
            return Ok(());
        }
        if self.silent >= GIVE_UP {
            return Err("the endpoint does not answer any more".to_owned());
        }
        let mut result = self.reset(case).await;
        if result.is_err() && self.discard_buckets().await {
            result = self.reset(case).await;
        }
        match result {
            Ok(()) => {
                self.silent = 0;
                Ok(())
            }
            Err(refused) => {
                let busy = [StatusCode::TOO_MANY_REQUESTS, StatusCode::SERVICE_UNAVAILABLE].map(Some);
                let silent = refused.status.is_none() || busy.contains(&refused.status);
                self.silent = if silent { self.silent + 1 } else { 0 };
                Err(format!("the bucket cannot be prepared: {refused}"))
            }
        }
    }

    /// Removes the buckets that this worker made for its cases, so that the next case gets new ones; false if it makes none.
    async fn discard_buckets(&mut self) -> bool {
        if !matches!(self.shared.options.buckets, Buckets::Own { .. }) {
            return false;
        }
        // Those that are kept would fill the account.
        for held in [self.main.take(), self.second.take()].into_iter().flatten() {
            self.discard(&held.name).await;
        }
        true
    }

    /// Asks preflights of a bucket that is to be removed: one, one, two, two and so on, by which a case that is tried again comes at every
    /// place in the turn of a server that does something every second or third time.
    async fn out_of_step(&self) {
        let Some(held) = self.main.as_ref().filter(|_| matches!(self.shared.options.buckets, Buckets::Own { .. }))
        else {
            return;
        };
        let owner = Owner::of(&self.shared);
        // Nothing depends on the answers.
        drop(owner.ask(put_simplest(), &held.name, None).await);
        for _ in 0..=self.shared.alone.fetch_add(1, Ordering::Relaxed) / 2 % 2 {
            let mut preflight = Draft::new(Method::OPTIONS, "");
            preflight.headers.push(("origin".to_owned(), "https://corsuite.example".to_owned()));
            preflight.headers.push(("access-control-request-method".to_owned(), "GET".to_owned()));
            drop(owner.ask(preflight, &held.name, None).await);
        }
    }

    /// Deletes the rules of the buckets that other workers have.
    async fn empty_others(&self) {
        let others: Vec<String> = self.shared.held().iter().cloned().collect();
        for bucket in others {
            // One that cannot be emptied is what it was: the case is judged all the same.
            drop(Owner::of(&self.shared).ask(Draft::new(Method::DELETE, "cors"), &bucket, None).await);
        }
    }

    async fn reset(&mut self, case: &Case) -> Result<(), Refused> {
        let shared = Arc::clone(&self.shared);
        let roles: &[BucketRole] =
            if case.uses(BucketRole::Second) { &[BucketRole::Main, BucketRole::Second] } else { &[BucketRole::Main] };
        for role in roles {
            if self.held(*role).is_none() {
                *self.slot(*role) = Some(self.make().await?);
            }
            let Some(mut held) = self.slot(*role).take() else { continue };
            let result = Owner::of(&shared).reset(&mut held, case.acl, &case.objects).await;
            let (fresh, old) = (held.fresh, held.rules.clone());
            held.rules = None;
            let bucket = held.name.clone();
            *self.slot(*role) = Some(held);
            result?;
            if fresh {
                continue;
            }
            self.settle(&bucket, None, old.as_ref(), None).await;
            let answer = Owner::of(&shared).ask(Draft::new(Method::GET, "cors"), &bucket, None).await?;
            if !shows(&answer, None) {
                let what = format!("DELETE {bucket}?cors");
                let reason = "the rules are still there".to_owned();
                return Err(Refused { what, unreached: false, status: Some(answer.status()), code: None, reason });
            }
        }
        Ok(())
    }

    pub(super) fn slot(&mut self, role: BucketRole) -> &mut Option<Held> {
        if role == BucketRole::Second { &mut self.second } else { &mut self.main }
    }

    /// The bucket of a role, if there is one of our own.
    pub(super) fn slot_of(&mut self, role: BucketRole) -> Option<&mut Held> {
        match role {
            BucketRole::Main => self.main.as_mut(),
            BucketRole::Second => self.second.as_mut(),
            BucketRole::Missing | BucketRole::Service => None,
        }
    }

    pub(super) fn held(&self, role: BucketRole) -> Option<&Held> {
        match role {
            BucketRole::Main => self.main.as_ref(),
            BucketRole::Second => self.second.as_ref(),
            BucketRole::Missing | BucketRole::Service => None,
        }
    }

    /// An object that is in a bucket, if there is one.
    fn standing_object(&self, bucket: &str) -> Option<String> {
        let held = [&self.main, &self.second].into_iter().flatten().find(|held| held.name == bucket)?;
        let (key, _) = held.objects.iter().find(|(_, content)| content.is_some())?;
        Some(held.key(key))
    }

    /// Waits until a new bucket can be asked about.
    pub(super) async fn await_bucket(&self, bucket: &str) {
        let deadline = Instant::now() + self.shared.options.settle;
        while Instant::now() < deadline {
            let answer = Owner::of(&self.shared).ask(Draft::new(Method::GET, "cors"), bucket, None).await;
            if answer.is_ok_and(|answer| code(&answer).as_deref() != Some("NoSuchBucket")) {
                return;
            }
            sleep(PAUSE).await;
        }
    }

    /// Waits until GetBucketCors shows `document` and a probe gives the answer of the new rules several times in a row, at
    /// most for the time of `--settle`. Then the steps are judged, whatever they answer.
    pub(super) async fn settle(
        &mut self,
        bucket: &str,
        document: Option<&Document>,
        old: Option<&CorsConfiguration>,
        new: Option<&CorsConfiguration>,
    ) {
        let shared = Arc::clone(&self.shared);
        let patience = shared.options.settle;
        if patience.is_zero() {
            return;
        }
        let patience = match shared.vain_waits.load(Ordering::Relaxed) {
            ..IN_VAIN => patience,
            IN_VAIN..RESIGNED_AFTER => patience.min(IMPATIENT),
            RESIGNED_AFTER.. => patience.min(RESIGNED),
        };
        let deadline = Instant::now() + patience;
        let owner = Owner::of(&shared);
        let mut arrived = false;
        while !arrived && Instant::now() < deadline {
            arrived = owner
                .ask(Draft::new(Method::GET, "cors"), bucket, None)
                .await
                .is_ok_and(|answer| shows(&answer, document));
            if !arrived {
                sleep(PAUSE).await;
            }
        }
        let probe = Probe::between(old, new, &shared.target.dialect.behaviours);
        let mut in_a_row = if probe.is_some() { 0 } else { IN_A_ROW };
        while let Some(probe) = probe.as_ref().filter(|_| in_a_row < IN_A_ROW && Instant::now() < deadline) {
            let mut draft = Draft::new(Method::OPTIONS, "");
            draft.headers.push(("origin".to_owned(), probe.origin.clone()));
            draft.headers.push(("access-control-request-method".to_owned(), probe.method.clone()));
            if let Some(header) = &probe.header {
                draft.headers.push(("access-control-request-headers".to_owned(), header.clone()));
            }
            let object = self.standing_object(bucket);
            let envelope = Envelope { bucket: Some(bucket.to_owned()), object, identity: Identity::Anonymous };
            let request = request::build(draft, &envelope, &shared.target.site(), jiff::Timestamp::now());
            let answer = match request {
                Ok(request) => shared.wire.send(&request).await.result.ok(),
                Err(_) => None,
            };
            if answer.is_some_and(|answer| probe.is_new(&answer)) {
                in_a_row += 1;
            } else {
                in_a_row = 0;
                sleep(PAUSE).await;
            }
        }
        if arrived && in_a_row == IN_A_ROW {
            return;
        }
        if shared.vain_waits.fetch_add(1, Ordering::Relaxed) + 1 == IN_VAIN {
            let text = format!(
                "a change of rules did not show within {patience:?}, twice; from here on each wait is at most {IMPATIENT:?}"
            );
            self.note(text).await;
        }
    }
}

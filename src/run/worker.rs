//! One worker: a bucket, and one case after the other ([`Worker::case`]).
#![expect(clippy::disallowed_methods, reason = "shell: the clock of requests and cases")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use tokio::time::{Instant, sleep};

use super::bucket::{Held, Owner, Refused, refusal};
use super::journal::Entry;
use super::request::{self, Draft, Envelope};
use super::settle::{Probe, configuration_of, shows};
use super::wire::Sent;
use super::{Buckets, Event, SetupError, Shared, level_of, milliseconds, shown, skip, unfinished};
use crate::case::expect::{Exchange, Mismatch, check};
use crate::case::{BucketRole, Case, Identity, Operation, Step};
use crate::cors::CorsConfiguration;
use crate::cors::xml::{Document, parse};
use crate::dialect::STABLE;
use crate::report::{CaseReport, MismatchReport, Verdict};

/// A probe must give the new answer this often in a row.
const IN_A_ROW: u32 = 3;
/// Pause between two looks.
const PAUSE: Duration = Duration::from_millis(50);
/// Longest wait once two waits have been for nothing: a wrong server should not cost ten seconds a case.
const IMPATIENT: Duration = Duration::from_secs(1);
/// A worker whose bucket cannot be prepared this often in a row, for want of any answer, gives up.
const GIVE_UP: u32 = 3;
/// The simplest valid document.
const SIMPLEST: &str = "<CORSConfiguration><CORSRule><AllowedOrigin>https://corsuite.example</AllowedOrigin>\
    <AllowedMethod>GET</AllowedMethod></CORSRule></CORSConfiguration>";

/// What [`Worker::open`] found.
#[derive(Debug)]
pub(super) enum Opened {
    /// The server has bucket CORS.
    Ready,
    /// It has not, and this is what it says.
    Unsupported(String),
}

#[derive(Debug)]
pub(super) struct Worker {
    shared: Arc<Shared>,
    number: usize,
    main: Option<Held>,
    second: Option<Held>,
    /// Names of buckets to remove at the end.
    created: Vec<String>,
    /// A name that no bucket has.
    missing: String,
    /// What a borrowed bucket was like.
    saved: Option<Saved>,
    silent: u32,
    vain_waits: u32,
}

/// A borrowed bucket as it was.
#[derive(Debug)]
struct Saved {
    bucket: String,
    cors: Option<String>,
    acl: Option<String>,
    /// What objects of the run begin with.
    objects: String,
}

/// Why a case has no verdict of its own.
enum Abort {
    Error(String),
    Skip(String),
}

/// What the steps of a case added up to.
#[derive(Default)]
struct Tally {
    mismatches: Vec<MismatchReport>,
    observed: BTreeMap<String, String>,
    assertions: usize,
    answers: Vec<Response<Bytes>>,
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
            vain_waits: 0,
        }
    }

    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Prepares the first bucket and asks for the simplest thing that every case needs.
    pub(super) async fn open(&mut self) -> Result<Opened, SetupError> {
        let shared = Arc::clone(&self.shared);
        let owner = Owner::of(&shared);
        if shared.target.credentials.is_none() {
            let Buckets::Borrowed(bucket) = &shared.options.buckets else {
                return Err(SetupError::new("--auth anonymous cannot create a bucket", "name one with --bucket"));
            };
            self.main = Some(Held::new(bucket.clone(), String::new()));
            return owner
                .ask(Draft::new(Method::OPTIONS, ""), bucket, None)
                .await
                .map(|_| Opened::Ready)
                .map_err(|refused| explain(&refused, &shared));
        }
        let mut refused_to_create = None;
        match &shared.options.buckets {
            Buckets::Borrowed(bucket) => self.borrow(bucket).await?,
            Buckets::Own { .. } => match self.make().await {
                Ok(held) => self.main = Some(held),
                // Perhaps the server has nothing at all; the next request tells.
                Err(refused) if not_implemented(refused.status, refused.code.as_deref()) => {
                    self.main = Some(Held::new(self.missing.clone(), String::new()));
                    refused_to_create = Some(refused);
                }
                Err(refused) => return Err(explain(&refused, &shared)),
            },
        }
        let bucket = self.main.as_ref().map(|held| held.name.clone()).unwrap_or_default();
        let answer = owner.ask(put_simplest(), &bucket, None).await.map_err(|refused| explain(&refused, &shared))?;
        if let Some(held) = &mut self.main {
            held.fresh = false;
            held.rules = configuration_of(SIMPLEST.as_bytes(), &shared.target.dialect);
        }
        let said = refusal("PutBucketCors".to_owned(), &answer);
        if not_implemented(said.status, said.code.as_deref()) {
            return Ok(Opened::Unsupported(format!(
                "the server has no bucket CORS: the simplest PutBucketCors {}",
                said.reason
            )));
        }
        if let Some(refused) = refused_to_create {
            return Err(explain(&refused, &shared));
        }
        if matches!(answer.status(), StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            return Err(explain(&said, &shared));
        }
        Ok(Opened::Ready)
    }

    async fn borrow(&mut self, bucket: &str) -> Result<(), SetupError> {
        let shared = Arc::clone(&self.shared);
        let (cors, acl) = Owner::of(&shared).state(bucket).await.map_err(|refused| explain(&refused, &shared))?;
        let objects = format!("corsuite-{}/", random());
        let entry = Entry::Borrow {
            endpoint: shared.target.name.clone(),
            bucket: bucket.to_owned(),
            cors: cors.clone(),
            acl: acl.clone(),
            objects: objects.clone(),
        };
        self.record(&entry)?;
        let mut held = Held::new(bucket.to_owned(), objects.clone());
        held.fresh = false;
        held.acl = acl.as_deref().and_then(crate::case::Acl::parse);
        held.rules = cors.as_deref().and_then(|document| configuration_of(document.as_bytes(), &shared.target.dialect));
        self.saved = Some(Saved { bucket: bucket.to_owned(), cors, acl, objects });
        self.main = Some(held);
        Ok(())
    }

    fn record(&self, entry: &Entry) -> Result<(), SetupError> {
        self.shared.options.journal.record(entry).map_err(|error| {
            SetupError::new(
                format!("the journal cannot be written: {error}"),
                "without it nothing could be cleaned up after a crash; choose another file with --journal",
            )
        })
    }

    /// A new bucket, written down first.
    async fn make(&mut self) -> Result<Held, Refused> {
        let shared = Arc::clone(&self.shared);
        let mut last = None;
        // A name may be taken, though that is next to impossible.
        for _ in 0..3 {
            let bucket = format!("{}-{}", name(&prefix(&shared)), self.number);
            let entry = Entry::Create { endpoint: shared.target.name.clone(), bucket: bucket.clone() };
            self.record(&entry).map_err(|error| Refused {
                what: "journal".to_owned(),
                status: None,
                code: None,
                reason: error.message,
            })?;
            match Owner::of(&shared).create(&bucket).await {
                Ok(()) => {
                    self.created.push(bucket.clone());
                    return Ok(Held::new(bucket, String::new()));
                }
                Err(refused) if refused.status == Some(StatusCode::CONFLICT) => last = Some(refused),
                Err(refused) => {
                    if refused.status.is_some() {
                        // It was refused, so there is nothing to clean up.
                        self.removed(&bucket);
                    } else {
                        self.created.push(bucket);
                    }
                    return Err(refused);
                }
            }
        }
        Err(last.unwrap_or_else(|| Refused {
            what: "PUT bucket".to_owned(),
            status: None,
            code: None,
            reason: "no free name".to_owned(),
        }))
    }

    fn removed(&self, bucket: &str) {
        let entry = Entry::Removed { endpoint: self.shared.target.name.clone(), bucket: bucket.to_owned() };
        // A journal that cannot be written now was written before; cleanup finds the bucket gone.
        drop(self.shared.options.journal.record(&entry));
    }

    /// Removes what the worker created, restores what it borrowed.
    pub(super) async fn close(&mut self) {
        let shared = Arc::clone(&self.shared);
        let owner = Owner::of(&shared);
        for bucket in std::mem::take(&mut self.created) {
            match owner.remove(&bucket).await {
                Ok(()) => self.removed(&bucket),
                Err(refused) => {
                    self.note(format!("bucket {bucket} is left over ({refused}); run `corsuite cleanup`")).await;
                }
            }
        }
        if let Some(Saved { bucket, cors, acl, objects }) = self.saved.take() {
            let restored = owner.restore(&bucket, cors.as_deref(), acl.as_deref(), &objects).await;
            let entry = Entry::Restored { endpoint: shared.target.name.clone(), bucket: bucket.clone() };
            match restored {
                Ok(()) => drop(shared.options.journal.record(&entry)),
                Err(refused) => {
                    self.note(format!("bucket {bucket} is not restored ({refused}); run `corsuite cleanup`")).await;
                }
            }
        }
    }

    async fn note(&self, text: String) {
        (self.shared.listener)(Event::Note(&text));
        self.shared.notes.lock().await.push(text);
    }

    /// Prepares, runs and judges a case.
    pub(super) async fn case(&mut self, case: &Case) -> CaseReport {
        let shared = Arc::clone(&self.shared);
        if let Some(reason) = skip(case, &shared) {
            return unfinished(case, Verdict::Skip, &reason, &shared);
        }
        let started = Instant::now();
        let mut tally = Tally::default();
        let outcome = match self.prepare(case).await {
            Ok(()) => self.steps(case, &mut tally).await,
            Err(reason) => Err(Abort::Error(reason)),
        };
        let base = unfinished(case, Verdict::Pass, "", &shared);
        let (verdict, reason) = match outcome {
            // What was found before counts, whatever came after.
            _ if !tally.mismatches.is_empty() => (Verdict::Fail, None),
            Ok(()) => (Verdict::Pass, None),
            Err(Abort::Error(reason)) => (Verdict::Error, Some(reason)),
            Err(Abort::Skip(reason)) => (Verdict::Skip, Some(reason)),
        };
        let worst = tally.mismatches.iter().map(|mismatch| mismatch.level).max();
        CaseReport {
            verdict,
            reason,
            level: worst.unwrap_or(base.level),
            elapsed_ms: milliseconds(started.elapsed()),
            assertions: tally.assertions,
            observed: tally.observed,
            mismatches: tally.mismatches,
            ..base
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
        if result.is_err() && matches!(self.shared.options.buckets, Buckets::Own { .. }) {
            self.main = None;
            self.second = None;
            result = self.reset(case).await;
        }
        match result {
            Ok(()) => {
                self.silent = 0;
                Ok(())
            }
            Err(refused) => {
                self.silent = if refused.status.is_none() { self.silent + 1 } else { 0 };
                Err(format!("the bucket cannot be prepared: {refused}"))
            }
        }
    }

    async fn reset(&mut self, case: &Case) -> Result<(), Refused> {
        let shared = Arc::clone(&self.shared);
        let roles: &[BucketRole] =
            if case.uses(BucketRole::Second) { &[BucketRole::Main, BucketRole::Second] } else { &[BucketRole::Main] };
        for role in roles {
            if self.held(*role).is_none() {
                let made = self.make().await?;
                *self.slot(*role) = Some(made);
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
                return Err(Refused { what, status: Some(answer.status()), code: None, reason });
            }
        }
        Ok(())
    }

    fn slot(&mut self, role: BucketRole) -> &mut Option<Held> {
        if role == BucketRole::Second { &mut self.second } else { &mut self.main }
    }

    fn held(&self, role: BucketRole) -> Option<&Held> {
        match role {
            BucketRole::Main => self.main.as_ref(),
            BucketRole::Second => self.second.as_ref(),
            BucketRole::Missing | BucketRole::Service => None,
        }
    }

    /// Waits until GetBucketCors shows `document` and a probe gives the answer of the new rules several times in a row, at
    /// most for the time of `--settle`. Then the steps are judged, whatever they answer.
    async fn settle(
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
        let patience = if self.vain_waits >= 2 { patience.min(IMPATIENT) } else { patience };
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
            let envelope = Envelope { bucket: Some(bucket.to_owned()), object: None, identity: Identity::Anonymous };
            let request = request::build(draft, &envelope, &shared.target, jiff::Timestamp::now());
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
            self.vain_waits = 0;
            return;
        }
        self.vain_waits += 1;
        if self.vain_waits == 2 {
            let text = format!(
                "a change of rules did not show within {patience:?}, twice; from here on each wait is at most {IMPATIENT:?}"
            );
            self.note(text).await;
        }
    }

    async fn steps(&mut self, case: &Case, tally: &mut Tally) -> Result<(), Abort> {
        let implicit = case.steps.iter().filter(|step| step.setup).count();
        for (index, step) in case.steps.iter().enumerate() {
            let number = if step.setup { 0 } else { index + 1 - implicit };
            if step.setup && self.shared.target.credentials.is_none() {
                // The rules are in place; `skip` has compared them.
                tally.answers.push(Response::new(Bytes::new()));
                continue;
            }
            let before = tally.mismatches.len();
            let answer = self.step(step, number, tally).await?;
            let Some(answer) = answer else { break };
            self.after(step, &answer, tally).await;
            tally.answers.push(answer);
            if step.setup && tally.mismatches.len() > before {
                break;
            }
        }
        Ok(())
    }

    /// Sends and judges a step. No answer means that there is nothing to go on with.
    async fn step(&mut self, step: &Step, number: usize, tally: &mut Tally) -> Result<Option<Response<Bytes>>, Abort> {
        let shared = Arc::clone(&self.shared);
        let mut last: Option<Response<Bytes>> = None;
        for repetition in 0..step.repeat {
            let request = self.request(step, &tally.answers)?;
            self.touch(step);
            let sent = self.patiently(step, &request, &tally.answers).await?;
            let answer = match sent.result {
                Ok(answer) => answer,
                Err(error) => {
                    let clause = step.expect.first().map_or(STABLE, |block| block.clause.as_str());
                    let mismatch = Mismatch {
                        level: level_of(clause, &shared.target.dialect),
                        ..Mismatch::new(clause, "transport", "an answer", error.to_string())
                    };
                    tally.assertions += 1;
                    tally.mismatches.push(self.report(mismatch, step, number, &request, None, sent.attempts));
                    return Ok(None);
                }
            };
            let (mismatches, observed, assertions) = judge(step, &request, &answer, &tally.answers, &shared);
            tally.assertions += assertions;
            tally.observed.extend(observed);
            let failed = !mismatches.is_empty();
            let mut attempts = sent.attempts;
            if failed && step.repeat == 1 && is_safe(step) {
                attempts += 1;
                let again = self.patiently(step, &self.request(step, &tally.answers)?, &tally.answers).await?;
                let passes =
                    again.result.is_ok_and(|again| judge(step, &request, &again, &tally.answers, &shared).0.is_empty());
                if passes {
                    let unstable =
                        Mismatch::new(STABLE, "stability", "the same answer again", "another answer, which is right");
                    tally.mismatches.push(self.report(unstable, step, number, &request, Some(&answer), attempts));
                }
            }
            for mismatch in mismatches {
                tally.mismatches.push(self.report(mismatch, step, number, &request, Some(&answer), attempts));
            }
            if let Some(before) = last.as_ref().filter(|_| !failed)
                && let Some((field, then, now)) = differs(before, &answer)
            {
                tally.assertions += 1;
                let unstable = Mismatch::new(STABLE, &field, then, now);
                tally.mismatches.push(self.report(unstable, step, number, &request, Some(&answer), repetition + 1));
                return Ok(Some(answer));
            }
            last = Some(answer);
            if failed {
                break;
            }
        }
        Ok(last)
    }

    fn request(&self, step: &Step, earlier: &[Response<Bytes>]) -> Result<Request<Bytes>, Abort> {
        let mut draft = request::draft(&step.operation, earlier);
        let object = match &step.operation {
            Operation::Preflight(preflight) => preflight.object.clone(),
            Operation::Request(request) => request.object.clone(),
            _ => None,
        };
        let held = self.held(step.bucket);
        let bucket = match step.bucket {
            BucketRole::Main | BucketRole::Second => held.map(|held| held.name.clone()),
            BucketRole::Missing => Some(self.missing.clone()),
            BucketRole::Service => None,
        };
        let key = |object: String| held.map_or_else(|| object.clone(), |held| held.key(&object));
        if let Some(form) = &mut draft.form {
            for (name, value) in form.iter_mut().filter(|(name, _)| name == "key") {
                *value = key(std::mem::take(value));
                debug_assert_eq!(name, "key");
            }
        }
        let envelope = Envelope { bucket, object: object.map(key), identity: step.identity };
        request::build(draft, &envelope, &self.shared.target, jiff::Timestamp::now())
            .map_err(|error| Abort::Skip(error.to_string()))
    }

    /// Writes down what a step may change besides rules.
    fn touch(&mut self, step: &Step) {
        let Operation::Request(request) = &step.operation else { return };
        let writes = !matches!(request.method.as_str(), "GET" | "HEAD" | "OPTIONS");
        let Some(held) = self.slot(step.bucket).as_mut().filter(|_| writes) else { return };
        let query = request.extra.query.as_deref().unwrap_or_default();
        if query.split('&').any(|member| member.split('=').next() == Some("acl")) {
            held.acl = None;
        }
        if query.split('&').any(|member| member.split('=').next() == Some("delete")) {
            for content in held.objects.values_mut() {
                *content = None;
            }
        }
        let form_key = request.form.iter().flatten().find(|(name, _)| name == "key").map(|(_, key)| key.clone());
        if let Some(object) = request.object.clone().or(form_key) {
            held.objects.insert(object, None);
        }
    }

    /// After a change of rules: what is known now, and waiting until it shows.
    async fn after(&mut self, step: &Step, answer: &Response<Bytes>, tally: &Tally) {
        let shared = Arc::clone(&self.shared);
        let document = match &step.operation {
            Operation::PutCors(put) => Some(request::document_of(put, &tally.answers)),
            Operation::DeleteCors(_) => None,
            _ => return,
        };
        let Some(held) =
            self.slot(step.bucket).as_mut().filter(|held| step.bucket != BucketRole::Missing && !held.name.is_empty())
        else {
            return;
        };
        if step.bucket == BucketRole::Service {
            return;
        }
        held.fresh = false;
        if !answer.status().is_success() {
            return;
        }
        let old = held.rules.take();
        let new = document.as_ref().and_then(|document| configuration_of(document, &shared.target.dialect));
        held.rules.clone_from(&new);
        let bucket = held.name.clone();
        match document {
            None => self.settle(&bucket, None, old.as_ref(), None).await,
            Some(document) => {
                if let Ok(document) = parse(&document) {
                    // What the oracle would have refused has no answer to wait for.
                    let (old, new) = if new.is_some() { (old.as_ref(), new.as_ref()) } else { (None, None) };
                    self.settle(&bucket, Some(&document), old, new).await;
                }
            }
        }
    }

    /// Sends a request of a step. Without an answer, or while the server stays busy, a known-good request tells whether
    /// it is this request or the endpoint: if that one works, the step is asked once more, and that counts.
    async fn patiently(
        &self,
        step: &Step,
        request: &Request<Bytes>,
        earlier: &[Response<Bytes>],
    ) -> Result<Sent, Abort> {
        let shared = &self.shared;
        let first = shared.wire.send(request).await;
        if first.result.is_ok() && !first.busy {
            return Ok(first);
        }
        let bucket = self.main.as_ref().map(|held| held.name.clone()).unwrap_or_default();
        let good = Owner::of(shared).ask(Draft::new(Method::GET, "cors"), &bucket, None).await;
        match (good, &first.result) {
            (Err(refused), _) => Err(Abort::Error(format!("the endpoint does not answer: {refused}"))),
            (Ok(answer), Ok(_))
                if matches!(answer.status(), StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) =>
            {
                Err(Abort::Error(format!("the endpoint keeps answering {}", answer.status().as_u16())))
            }
            (Ok(_), Ok(_)) => Ok(first),
            (Ok(_), Err(_)) => {
                let request = self.request(step, earlier)?;
                let second = shared.wire.send(&request).await;
                Ok(Sent { attempts: first.attempts + second.attempts, ..second })
            }
        }
    }

    fn report(
        &self,
        mismatch: Mismatch,
        step: &Step,
        number: usize,
        request: &Request<Bytes>,
        answer: Option<&Response<Bytes>>,
        attempts: u32,
    ) -> MismatchReport {
        let clause = self.shared.target.dialect.clauses.get(&mismatch.clause);
        let bucket = self.held(step.bucket).map(|held| held.name.as_str());
        MismatchReport {
            step: number,
            text: clause.map(|clause| clause.text.clone()).unwrap_or_default(),
            source: clause.map(|clause| clause.source.clone()).unwrap_or_default(),
            request: shown::head(request),
            response: answer.map_or_else(String::new, shown::answer),
            attempts,
            curl: shown::curl(request, step.identity, bucket, &self.shared.target.scheme),
            ..MismatchReport::bare(mismatch, step.line)
        }
    }
}

type Judged = (Vec<Mismatch>, Vec<(String, String)>, usize);

/// Holds an answer against all blocks of a step.
fn judge(
    step: &Step,
    request: &Request<Bytes>,
    answer: &Response<Bytes>,
    earlier: &[Response<Bytes>],
    shared: &Shared,
) -> Judged {
    let exchange = Exchange { request, answer, earlier };
    let mut judged: Judged = (Vec::new(), Vec::new(), 0);
    for block in &step.expect {
        let checked = check(block, &exchange, &shared.target.dialect);
        judged.0.extend(checked.mismatches);
        judged.1.extend(checked.observed);
        judged.2 += checked.assertions;
    }
    // The worst first, so that it is read first.
    judged.0.sort_by_key(|mismatch| std::cmp::Reverse(mismatch.level));
    judged
}

/// Whether asking again changes nothing.
fn is_safe(step: &Step) -> bool {
    match &step.operation {
        Operation::GetCors(_) | Operation::Preflight(_) => true,
        Operation::Request(request) => matches!(request.method.as_str(), "GET" | "HEAD"),
        _ => false,
    }
}

/// The first part in which two answers to the same request differ: status, or a header that CORS is about.
fn differs(before: &Response<Bytes>, now: &Response<Bytes>) -> Option<(String, String, String)> {
    if before.status() != now.status() {
        return Some((
            "stability.status".to_owned(),
            before.status().as_u16().to_string(),
            now.status().as_u16().to_string(),
        ));
    }
    let value = |answer: &Response<Bytes>, name: &str| {
        let lines: Vec<String> = answer
            .headers()
            .get_all(name)
            .iter()
            .map(|line| String::from_utf8_lossy(line.as_bytes()).into_owned())
            .collect();
        if lines.is_empty() { "absent".to_owned() } else { lines.join(", ") }
    };
    let names = before.headers().keys().chain(now.headers().keys()).map(http::HeaderName::as_str);
    let mut names: Vec<&str> = names.filter(|name| name.starts_with("access-control-") || *name == "vary").collect();
    names.sort_unstable();
    names.dedup();
    names.into_iter().find_map(|name| {
        let (then, now) = (value(before, name), value(now, name));
        (then != now).then(|| (format!("stability.headers.{name}"), then, now))
    })
}

fn put_simplest() -> Draft {
    let mut draft = Draft::new(Method::PUT, "cors");
    draft.body = Bytes::from_static(SIMPLEST.as_bytes());
    draft.headers.push(("content-type".to_owned(), "application/xml".to_owned()));
    draft.headers.push(("content-md5".to_owned(), request::content_md5(SIMPLEST.as_bytes())));
    draft
}

fn not_implemented(status: Option<StatusCode>, code: Option<&str>) -> bool {
    matches!(status, Some(StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED))
        || code == Some("NotImplemented")
}

/// From what went wrong to what to do about it.
fn explain(refused: &Refused, shared: &Shared) -> SetupError {
    let target = &shared.target;
    let help = match (refused.status, refused.code.as_deref()) {
        (None, _) => "check --endpoint and that the server runs; --timeout sets how long an answer may take",
        (_, Some("InvalidAccessKeyId")) => "check the access key id in the environment",
        (_, Some("SignatureDoesNotMatch")) => "check the secret in the environment, --auth, --region and --addressing",
        (_, Some("SecondLevelDomainForbidden")) => "this endpoint wants --addressing virtual",
        (_, Some("RequestTimeTooSkewed")) => "the clock of this machine or of the server is off",
        (Some(StatusCode::NOT_FOUND), _) => "check --endpoint and --bucket",
        (Some(status), _) if status.is_redirection() => {
            "redirects are not followed: give the address it points to as --endpoint"
        }
        (Some(StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED), _) => {
            "the key may not create buckets or change CORS: grant it, or lend a bucket with --bucket"
        }
        _ => "try the same with --bucket, if the server does not let this key create buckets",
    };
    SetupError::new(format!("{} cannot be used: {refused}", target.name), help)
}

fn prefix(shared: &Shared) -> String {
    match &shared.options.buckets {
        Buckets::Own { prefix } => prefix.clone(),
        Buckets::Borrowed(_) => "corsuite-".to_owned(),
    }
}

fn name(prefix: &str) -> String {
    format!("{prefix}{}", random())
}

/// Ten lower-case hexadecimal digits.
fn random() -> String {
    let id = crate::implementation::request_id().to_ascii_lowercase();
    id.chars().take(10).collect()
}

#[cfg(test)]
mod tests {
    use super::super::bucket::code;
    use super::*;
    use crate::dialect::Level;

    #[test]
    fn level_and_code_of_refusals() {
        assert!(not_implemented(Some(StatusCode::NOT_IMPLEMENTED), None));
        assert!(not_implemented(Some(StatusCode::METHOD_NOT_ALLOWED), None));
        assert!(not_implemented(Some(StatusCode::BAD_REQUEST), Some("NotImplemented")));
        assert!(!not_implemented(Some(StatusCode::FORBIDDEN), Some("AccessDenied")));
        let answer =
            Response::builder().status(403).body(Bytes::from_static(b"<Error><Code>A</Code></Error>")).unwrap();
        assert_eq!(code(&answer).as_deref(), Some("A"));
        assert_eq!(level_of("config.put", crate::dialect::Dialect::oss()), Level::Must);
    }

    #[test]
    fn answers_that_change_are_noticed() {
        let answer = |status: u16, vary: &str| {
            Response::builder().status(status).header("vary", vary).header("date", vary).body(Bytes::new()).unwrap()
        };
        assert_eq!(differs(&answer(200, "a"), &answer(200, "a")), None);
        assert_eq!(differs(&answer(200, "a"), &answer(200, "b")).unwrap().0, "stability.headers.vary");
        assert_eq!(differs(&answer(200, "a"), &answer(403, "a")).unwrap().0, "stability.status");
    }
}

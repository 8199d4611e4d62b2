//! How a worker comes to its buckets and gives them back: [`Worker::open`], [`Worker::make`], [`Worker::close`].

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Response, StatusCode};
use tokio::time::{Instant, sleep};

use super::between::{HELP, traces};
use super::bucket::{
    Held, Owner, Refused, SIMPLEST, SIMPLEST_ORIGIN, Saved, name, prefix, put_simplest, random, refusal,
};
use super::journal::{Entry, Pending};
use super::settle::configuration_of;
use super::worker::Worker;
use super::{Buckets, SetupError, Shared};
use crate::report::Kind;
use crate::request::Draft;

/// Pause between two looks.
const PAUSE: Duration = Duration::from_millis(200);

/// What [`Worker::open`] found.
#[derive(Debug)]
pub(super) enum Opened {
    /// The server has bucket CORS.
    Ready,
    /// It has not, and this is what it says.
    Unsupported(String),
}

impl Worker {
    /// Prepares the first bucket and asks for the simplest thing that every case needs.
    pub(super) async fn open(&mut self) -> Result<Opened, SetupError> {
        let shared = Arc::clone(&self.shared);
        let owner = Owner::of(&shared);
        if shared.target.credentials.is_none() {
            let Buckets::Borrowed(bucket) = &shared.options.buckets else {
                return Err(SetupError::new("--auth anonymous cannot create a bucket", "name one with --bucket"));
            };
            self.main = Some(Held::new(bucket.clone(), String::new()));
            let answer = owner.ask(Draft::new(Method::OPTIONS, ""), bucket, None).await;
            let said = match answer {
                Ok(answer) => refusal(format!("OPTIONS {bucket}"), &answer),
                Err(refused) => return Err(explain(&refused, &shared)),
            };
            return match said.code.as_deref() {
                Some("NoSuchBucket") => Err(explain(&said, &shared)),
                _ => Ok(Opened::Ready),
            };
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
        if answer.status().is_success() && refused_to_create.is_some() {
            self.adopt(&bucket);
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
        if answer.body().trim_ascii_start().to_ascii_lowercase().starts_with(b"<html")
            || answer.body().trim_ascii_start().to_ascii_lowercase().starts_with(b"<!doctype html")
        {
            let message = format!("{} answers a PutBucketCors with a web page", shared.target.name);
            return Err(SetupError::new(
                message,
                "check --endpoint: this is no object store, or something stands before it",
            ));
        }
        if matches!(answer.status(), StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            return Err(explain(&said, &shared));
        }
        Ok(Opened::Ready)
    }

    /// Whether a preflight tells of something between, and whether that takes CORS away. A server that is answered for by nobody is
    /// judged whatever it does.
    pub(super) async fn look_between(&self) -> Result<(), SetupError> {
        let shared = Arc::clone(&self.shared);
        // Between us and the built-in reference stands nothing.
        let alone = shared.target.implementation.kind() == Kind::Embedded || shared.target.credentials.is_none();
        let Some(held) = self.main.as_ref().filter(|_| !alone) else { return Ok(()) };
        let owner = Owner::of(&shared);
        let mut preflight = Draft::new(Method::OPTIONS, "");
        preflight.headers.push(("origin".to_owned(), SIMPLEST_ORIGIN.to_owned()));
        preflight.headers.push(("access-control-request-method".to_owned(), "GET".to_owned()));
        // One without an answer is for cases to judge.
        let Ok(mut answer) = owner.ask(preflight.clone(), &held.name, None).await else { return Ok(()) };
        let Some(told) = traces(&answer).into_iter().next() else { return Ok(()) };
        let lets_in = |answer: &Response<Bytes>| answer.headers().contains_key("access-control-allow-origin");
        let until = Instant::now() + shared.options.settle;
        while !lets_in(&answer) && Instant::now() < until {
            sleep(PAUSE).await;
            answer = owner.ask(preflight.clone(), &held.name, None).await.unwrap_or(answer);
        }
        let in_place = owner.ask(Draft::new(Method::GET, "cors"), &held.name, None).await;
        if !lets_in(&answer) && in_place.is_ok_and(|answer| answer.status().is_success()) {
            let message = format!(
                "{told}, and a preflight that the rules allow is answered {} without Access-Control-Allow-Origin",
                answer.status().as_u16()
            );
            let help = "give the server's own address as --endpoint; `corsuite doctor` says more";
            return Err(SetupError::new(message, help));
        }
        self.note(format!("{told}: {HELP}")).await;
        Ok(())
    }

    async fn borrow(&mut self, bucket: &str) -> Result<(), SetupError> {
        let shared = Arc::clone(&self.shared);
        let interrupted = shared.options.journal.pending(&shared.target.name);
        let interrupted = interrupted.map_err(|error| unwritable(&error))?;
        // Saving what an interrupted run left would lose what the user had.
        if interrupted.iter().any(|entry| matches!(entry, Pending::Restore { bucket: name, .. } if name == bucket)) {
            let message = format!("bucket {bucket} is still borrowed by a run that was interrupted or goes on");
            return Err(SetupError::new(message, "run `corsuite cleanup` first: it restores the bucket"));
        }
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
        self.shared.options.journal.record(entry).map_err(|error| unwritable(&error))
    }

    /// A new bucket, written down first.
    pub(super) async fn make(&mut self) -> Result<Held, Refused> {
        let shared = Arc::clone(&self.shared);
        let mut last = None;
        // A name may be taken, though that is next to impossible.
        for _ in 0..3 {
            let bucket = format!("{}-{}", name(&prefix(&shared)), self.number);
            let entry = Entry::Create { endpoint: shared.target.name.clone(), bucket: bucket.clone() };
            self.record(&entry).map_err(|error| Refused {
                what: "journal".to_owned(),
                unreached: true,
                status: None,
                code: None,
                reason: error.message,
            })?;
            // Before the answer: an interrupted run removes it, too.
            self.created.push(bucket.clone());
            let Err(refused) = Owner::of(&shared).create(&bucket).await else {
                self.await_bucket(&bucket).await;
                shared.held().insert(bucket.clone());
                return Ok(Held::new(bucket, String::new()));
            };
            // A 4xx, or a server without the operation, has made nothing; a bucket of this name is somebody else's.
            let nothing_made = refused.unreached
                || refused.status.is_some_and(|status| status.is_client_error())
                || not_implemented(refused.status, refused.code.as_deref());
            if nothing_made {
                self.created.retain(|name| *name != bucket);
                self.removed(&bucket);
            } else if refused.status.is_none() {
                // Asking a server that does not answer to remove it takes as long again.
                self.created.retain(|name| *name != bucket);
                let text = format!("bucket {bucket} may have been made; `corsuite cleanup` removes it");
                self.note(text).await;
            }
            if refused.status != Some(StatusCode::CONFLICT) {
                return Err(refused);
            }
            last = Some(refused);
        }
        Err(last.unwrap_or_else(|| Refused {
            what: "PUT bucket".to_owned(),
            unreached: false,
            status: None,
            code: None,
            reason: "no free name".to_owned(),
        }))
    }

    /// Gives a bucket up that cannot be reset.
    pub(super) async fn discard(&mut self, bucket: &str) {
        self.shared.held().remove(bucket);
        if Owner::of(&self.shared).remove(bucket).await.is_ok() {
            self.created.retain(|name| name != bucket);
            self.removed(bucket);
        }
    }

    /// Writes down a bucket that a server has made unasked, so that it is removed with the others.
    pub(super) fn adopt(&mut self, bucket: &str) {
        let entry = Entry::Create { endpoint: self.shared.target.name.clone(), bucket: bucket.to_owned() };
        if !self.created.iter().any(|name| name == bucket) && self.record(&entry).is_ok() {
            self.created.push(bucket.to_owned());
        }
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
}

fn unwritable(error: &std::io::Error) -> SetupError {
    SetupError::new(
        format!("the journal cannot be used: {error}"),
        "without it nothing could be cleaned up after a crash; choose another file with --journal",
    )
}

fn not_implemented(status: Option<StatusCode>, code: Option<&str>) -> bool {
    matches!(status, Some(StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED))
        || code == Some("NotImplemented")
}

/// From what went wrong to what to do about it.
pub(super) fn explain(refused: &Refused, shared: &Shared) -> SetupError {
    let target = &shared.target;
    let help = match (refused.status, refused.code.as_deref()) {
        (None, _) if refused.reason.contains("certificate") => {
            "trust the server's certificate with --cacert FILE, or accept any with --insecure"
        }
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
        (Some(StatusCode::BAD_REQUEST), _) => {
            "the server may not take this kind of signature: try another --auth; or lend a bucket with --bucket"
        }
        _ => "try the same with --bucket, if the server does not let this key create buckets",
    };
    SetupError::new(format!("{} cannot be used: {refused}", target.name), help)
}

#[cfg(test)]
mod tests {
    use super::super::bucket::code;
    use super::*;

    #[test]
    fn what_is_not_implemented() {
        assert!(not_implemented(Some(StatusCode::NOT_IMPLEMENTED), None));
        assert!(not_implemented(Some(StatusCode::METHOD_NOT_ALLOWED), None));
        assert!(not_implemented(Some(StatusCode::BAD_REQUEST), Some("NotImplemented")));
        assert!(!not_implemented(Some(StatusCode::FORBIDDEN), Some("AccessDenied")));
        let answer =
            Response::builder().status(403).body(Bytes::from_static(b"<Error><Code>A</Code></Error>")).unwrap();
        assert_eq!(code(&answer).as_deref(), Some("A"));
    }
}

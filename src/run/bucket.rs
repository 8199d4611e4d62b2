//! Buckets of a run: making, borrowing, resetting, removing, and undoing what a crash left ([`clean_up`]).
#![expect(clippy::disallowed_methods, reason = "shell: requests are signed with the time they are sent")]

use std::collections::BTreeMap;
use std::fmt;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};

use super::journal::{Entry, Journal, Pending};
use super::wire::Wire;
use super::{Buckets, Shared, Target};
use crate::case::{Acl, Identity};
use crate::cors::CorsConfiguration;
use crate::implementation::SendError;
use crate::request::{self, Draft, Envelope, content_md5};
use crate::xml;

/// Most objects that are deleted from a bucket of the run before it is removed.
const MAX_OBJECTS: usize = 1000;

/// The simplest valid document.
pub(super) const SIMPLEST: &str = "<CORSConfiguration><CORSRule><AllowedOrigin>https://corsuite.example</AllowedOrigin>\
    <AllowedMethod>GET</AllowedMethod></CORSRule></CORSConfiguration>";

/// Whom it lets in.
pub(super) const SIMPLEST_ORIGIN: &str = "https://corsuite.example";
pub(super) fn put_simplest() -> Draft {
    let mut draft = Draft::new(Method::PUT, "cors");
    draft.body = Bytes::from_static(SIMPLEST.as_bytes());
    draft.headers.push(("content-type".to_owned(), "application/xml".to_owned()));
    draft.headers.push(("content-md5".to_owned(), content_md5(SIMPLEST.as_bytes())));
    draft
}

/// A bucket in use, and what is known of it.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub(super) name: String,
    /// What objects of the run begin with: nothing in a bucket of its own.
    pub(super) prefix: String,
    /// Rules that were put last, where that is known.
    pub(super) rules: Option<CorsConfiguration>,
    /// Nobody has changed the configuration since the bucket was made.
    pub(super) fresh: bool,
    pub(super) acl: Option<Acl>,
    /// Objects that may be there; the content where it is known.
    pub(super) objects: BTreeMap<String, Option<String>>,
}

impl Held {
    pub(super) fn new(name: String, prefix: String) -> Self {
        Self { name, prefix, rules: None, fresh: true, acl: Some(Acl::Private), objects: BTreeMap::new() }
    }

    /// What a request that writes may have changed.
    pub(super) fn touched(&mut self, query: Option<&str>, object: Option<&String>) {
        self.fresh = false;
        let mut members =
            query.unwrap_or_default().split('&').map(|member| member.split('=').next().unwrap_or_default());
        if members.clone().any(|member| member == "acl") {
            self.acl = None;
        }
        if members.any(|member| member == "delete") {
            for content in self.objects.values_mut() {
                *content = None;
            }
        }
        if let Some(object) = object {
            self.objects.insert(object.clone(), None);
        }
    }

    pub(super) fn key(&self, object: &str) -> String {
        format!("{}{object}", self.prefix)
    }
}

/// A borrowed bucket as it was.
#[derive(Debug)]
pub(super) struct Saved {
    pub(super) bucket: String,
    pub(super) cors: Option<String>,
    pub(super) acl: Option<String>,
    /// What objects of the run begin with.
    pub(super) objects: String,
}

pub(super) fn prefix(shared: &Shared) -> String {
    match &shared.options.buckets {
        Buckets::Own { prefix } => prefix.clone(),
        Buckets::Borrowed(_) => "corsuite-".to_owned(),
    }
}

pub(super) fn name(prefix: &str) -> String {
    format!("{prefix}{}", random())
}

/// Ten lower-case hexadecimal digits.
pub(super) fn random() -> String {
    let id = crate::implementation::request_id().to_ascii_lowercase();
    id.chars().take(10).collect()
}

/// Why a request of ours did not do what it is for.
#[derive(Clone, Debug)]
pub(super) struct Refused {
    pub(super) what: String,
    /// The request never reached a server.
    pub(super) unreached: bool,
    pub(super) status: Option<StatusCode>,
    pub(super) code: Option<String>,
    pub(super) reason: String,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what, self.reason)
    }
}

/// Sends requests as the owner.
#[derive(Clone, Copy, Debug)]
pub(super) struct Owner<'a> {
    pub(super) target: &'a Target,
    pub(super) wire: &'a Wire,
}

impl<'a> Owner<'a> {
    pub(super) fn of(shared: &'a Shared) -> Self {
        Self { target: &shared.target, wire: &shared.wire }
    }

    /// Any answer.
    pub(super) async fn ask(
        &self,
        draft: Draft,
        bucket: &str,
        object: Option<String>,
    ) -> Result<Response<Bytes>, Refused> {
        let what = format!(
            "{} {}{}",
            draft.method,
            bucket,
            if draft.query.is_empty() { String::new() } else { format!("?{}", draft.query) }
        );
        let identity = if self.target.credentials.is_some() { Identity::Owner } else { Identity::Anonymous };
        let envelope = Envelope { bucket: Some(bucket.to_owned()), object, identity };
        let refused =
            |reason: String, unreached| Refused { what: what.clone(), unreached, status: None, code: None, reason };
        let request = self.build(draft, &envelope).map_err(|error| refused(error.to_string(), true))?;
        let sent = self.wire.send(&request).await;
        let unreached = |error: &SendError| matches!(error, SendError::Connect(_) | SendError::Unsendable(_));
        sent.result.map_err(|error| refused(error.to_string(), unreached(&error)))
    }

    /// A 2xx answer.
    pub(super) async fn must(
        &self,
        draft: Draft,
        bucket: &str,
        object: Option<String>,
    ) -> Result<Response<Bytes>, Refused> {
        let what = format!("{} {bucket}", draft.method);
        let answer = self.ask(draft, bucket, object).await?;
        if answer.status().is_success() { Ok(answer) } else { Err(refusal(what, &answer)) }
    }

    fn build(&self, draft: Draft, envelope: &Envelope) -> Result<Request<Bytes>, request::Unsendable> {
        request::build(draft, envelope, &self.target.site(), jiff::Timestamp::now())
    }

    pub(super) async fn create(&self, bucket: &str) -> Result<(), Refused> {
        self.must(Draft::new(Method::PUT, ""), bucket, None).await.map(drop)
    }

    /// Brings a bucket to the state that a case starts from, settling apart: no rules, this ACL, these objects.
    pub(super) async fn reset(&self, held: &mut Held, acl: Acl, objects: &[(String, String)]) -> Result<(), Refused> {
        if !held.fresh {
            let what = format!("DELETE {}?cors", held.name);
            let answer = self.ask(Draft::new(Method::DELETE, "cors"), &held.name, None).await?;
            if !answer.status().is_success() && answer.status() != StatusCode::NOT_FOUND {
                return Err(refusal(what, &answer));
            }
        }
        if self.target.dialect.has_acls() && held.acl != Some(acl) {
            held.acl = None;
            self.put_acl(&held.name, acl.as_str()).await?;
            held.acl = Some(acl);
        }
        let wanted = |key: &str| objects.iter().find(|(object, _)| object == key).map(|(_, content)| content);
        let stray: Vec<String> = held.objects.keys().filter(|key| wanted(key).is_none()).cloned().collect();
        for key in stray {
            self.must(Draft::new(Method::DELETE, ""), &held.name, Some(held.key(&key))).await?;
            held.objects.remove(&key);
        }
        for (key, content) in objects {
            if held.objects.get(key) == Some(&Some(content.clone())) {
                continue;
            }
            let mut draft = Draft::new(Method::PUT, "");
            draft.body = Bytes::from(content.clone());
            draft.headers.push(("content-type".to_owned(), "text/plain".to_owned()));
            held.objects.insert(key.clone(), None);
            self.must(draft, &held.name, Some(held.key(key))).await?;
            held.objects.insert(key.clone(), Some(content.clone()));
        }
        Ok(())
    }

    /// Empties and removes a bucket of the run.
    pub(super) async fn remove(&self, bucket: &str) -> Result<(), Refused> {
        if !self.empty(bucket, "").await? {
            return Ok(());
        }
        let answer = self.ask(Draft::new(Method::DELETE, ""), bucket, None).await?;
        if answer.status().is_success() || answer.status() == StatusCode::NOT_FOUND {
            return Ok(());
        }
        Err(refusal(format!("DELETE {bucket}"), &answer))
    }

    /// Deletes the objects that begin with a prefix; false if there is no such bucket.
    async fn empty(&self, bucket: &str, prefix: &str) -> Result<bool, Refused> {
        let query = format!("prefix={}&max-keys={MAX_OBJECTS}", crate::sign::encode_component(prefix));
        // A listing is cut at a thousand; a run writes far fewer objects than ten times that.
        for _ in 0..10 {
            let listing = self.ask(Draft::new(Method::GET, &query), bucket, None).await?;
            if listing.status() == StatusCode::NOT_FOUND {
                return Ok(false);
            }
            if !listing.status().is_success() {
                return Err(refusal(format!("GET {bucket}"), &listing));
            }
            // The prefix is compared here, too: a server that ignores it would give us the user's objects.
            let keys: Vec<String> = listed(&listing).into_iter().filter(|key| key.starts_with(prefix)).collect();
            if keys.is_empty() {
                break;
            }
            for key in keys {
                self.must(Draft::new(Method::DELETE, ""), bucket, Some(key)).await?;
            }
        }
        Ok(true)
    }

    /// Puts a borrowed bucket back: rules, ACL, and the objects that begin with the run's prefix. What fails does not keep
    /// the rest from being tried.
    pub(super) async fn restore(
        &self,
        bucket: &str,
        cors: Option<&str>,
        acl: Option<&str>,
        objects: &str,
    ) -> Result<(), Refused> {
        let rules = self.restore_cors(bucket, cors).await;
        let acl = match acl {
            Some(acl) => self.put_acl(bucket, acl).await,
            None => Ok(()),
        };
        let emptied = if objects.is_empty() { Ok(true) } else { self.empty(bucket, objects).await };
        rules.and(acl).and(emptied).map(drop)
    }

    async fn restore_cors(&self, bucket: &str, cors: Option<&str>) -> Result<(), Refused> {
        // A document without a rule is how some servers say that there is none; it could not be put.
        let has_rules =
            |text: &&str| crate::cors::xml::parse(text.as_bytes()).is_ok_and(|found| !found.rules.is_empty());
        let mut draft = Draft::new(Method::DELETE, "cors");
        if let Some(document) = cors.filter(has_rules) {
            draft = Draft::new(Method::PUT, "cors");
            draft.body = Bytes::from(document.to_owned());
            draft.headers.push(("content-type".to_owned(), "application/xml".to_owned()));
            draft.headers.push(("content-md5".to_owned(), content_md5(document.as_bytes())));
        }
        self.must(draft, bucket, None).await.map(drop)
    }

    async fn put_acl(&self, bucket: &str, acl: &str) -> Result<(), Refused> {
        let mut draft = Draft::new(Method::PUT, "acl");
        draft.headers.push((self.target.dialect.wording.field("acl"), acl.to_owned()));
        self.must(draft, bucket, None).await.map(drop)
    }

    /// The CORS document of a bucket.
    async fn cors_of(&self, bucket: &str) -> Result<Option<String>, Refused> {
        let answer = self.ask(Draft::new(Method::GET, "cors"), bucket, None).await?;
        match answer.status() {
            status if status.is_success() => {
                // What cannot be read cannot be put back.
                crate::cors::xml::parse(answer.body()).map_err(|error| Refused {
                    what: format!("GET {bucket}?cors"),
                    unreached: false,
                    status: Some(status),
                    code: None,
                    reason: format!("its CORS configuration cannot be read: {error}"),
                })?;
                Ok(Some(String::from_utf8_lossy(answer.body()).into_owned()))
            }
            StatusCode::NOT_FOUND if code(&answer).as_deref() == Some("NoSuchCORSConfiguration") => Ok(None),
            _ => Err(refusal(format!("GET {bucket}?cors"), &answer)),
        }
    }

    /// CORS document and ACL of a bucket as they are; no ACL in a dialect whose cases put none.
    pub(super) async fn state(&self, bucket: &str) -> Result<(Option<String>, Option<String>), Refused> {
        let cors = self.cors_of(bucket).await?;
        if !self.target.dialect.has_acls() {
            return Ok((cors, None));
        }
        let answer = self.ask(Draft::new(Method::GET, "acl"), bucket, None).await?;
        let what = format!("GET {bucket}?acl");
        if !answer.status().is_success() {
            return Err(refusal(what, &answer));
        }
        let root = xml::parse(answer.body()).ok();
        let acl = root.and_then(|root| root.all("AccessControlList").next()?.text_of("Grant").map(str::to_owned));
        // An ACL that is not known could not be put back, and cases change it.
        if acl.is_none() {
            let reason = "its ACL cannot be read".to_owned();
            return Err(Refused { what, unreached: false, status: Some(answer.status()), code: None, reason });
        }
        Ok((cors, acl))
    }
}

/// Keys of a listing.
fn listed(answer: &Response<Bytes>) -> Vec<String> {
    let Ok(root) = xml::parse(answer.body()) else { return Vec::new() };
    let keys = root.all("Contents").filter_map(|object| object.text_of("Key"));
    // A client would fold such a key into another one.
    let sendable = |key: &&str| !key.is_empty() && !key.split('/').any(|segment| segment == "." || segment == "..");
    keys.filter(sendable).take(MAX_OBJECTS).map(str::to_owned).collect()
}

/// Code of an error document.
pub(super) fn code(answer: &Response<Bytes>) -> Option<String> {
    let root = xml::parse(answer.body()).ok().filter(|root| root.name == "Error")?;
    root.text_of("Code").map(str::to_owned)
}

pub(super) fn refusal(what: String, answer: &Response<Bytes>) -> Refused {
    let code = code(answer);
    let shown = code.clone().map_or_else(String::new, |code| format!(" {code}"));
    Refused {
        what,
        unreached: false,
        status: Some(answer.status()),
        reason: format!("answered {}{shown}", answer.status().as_u16()),
        code,
    }
}

/// Something that [`clean_up`] could not undo.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Leftover {
    /// The bucket.
    pub bucket: String,
    /// Why.
    pub reason: String,
}

/// Undoes what interrupted runs left at an endpoint, and writes down what is done. Gives the names of the buckets that are
/// as they should be, and those that are not.
pub async fn clean_up(
    target: &Target,
    pending: &[Pending],
    journal: &dyn Journal,
    rate: Option<f64>,
) -> (Vec<String>, Vec<Leftover>) {
    let wire =
        Wire::new(std::sync::Arc::clone(&target.implementation), &super::Options { rate, ..super::Options::default() });
    let owner = Owner { target, wire: &wire };
    let (mut done, mut left) = (Vec::new(), Vec::new());
    for entry in pending {
        let (bucket, result, record) = match entry {
            Pending::Remove(bucket) => {
                let record = Entry::Removed { endpoint: target.name.clone(), bucket: bucket.clone() };
                (bucket, owner.remove(bucket).await, record)
            }
            Pending::Restore { bucket, cors, acl, objects } => {
                let record = Entry::Restored { endpoint: target.name.clone(), bucket: bucket.clone() };
                (bucket, owner.restore(bucket, cors.as_deref(), acl.as_deref(), objects).await, record)
            }
        };
        let written = result
            .map_err(|refused| refused.to_string())
            .and_then(|()| journal.record(&record).map_err(|error| error.to_string()));
        match written {
            Ok(()) => done.push(bucket.clone()),
            Err(reason) => left.push(Leftover { bucket: bucket.clone(), reason }),
        }
    }
    (done, left)
}

/// The CORS document of a bucket; none if it has none.
///
/// # Errors
///
/// If the endpoint does not say.
pub async fn fetch_cors(target: &Target, bucket: &str) -> Result<Option<String>, super::SetupError> {
    let wire = Wire::new(std::sync::Arc::clone(&target.implementation), &super::Options::default());
    let state = Owner { target, wire: &wire }.cors_of(bucket).await;
    state.map_err(|refused| {
        super::SetupError::new(format!("{}: {refused}", target.name), "check --endpoint, --bucket and the keys")
    })
}

//! The bundled object store: [`Reference::respond`] answers one HTTP request.
//!
//! Buckets live in memory. There is no socket, clock or randomness in here: the time and the request id are arguments.
//! Whatever CORS asks for is decided by [`crate::cors::evaluate`] and [`crate::cors::validate`]; this module is the store
//! around them, with the errors and headers that the dialect's vendor documents.
//!
//! # Operations
//!
//! ListBuckets; CreateBucket, DeleteBucket, ListObjects, ListMultipartUploads, DeleteMultipleObjects, Get- and
//! PutBucketAcl, Put-, Get- and DeleteBucketCors, PostObject; PutObject, GetObject (ranges, conditions), HeadObject,
//! DeleteObject, AppendObject, InitiateMultipartUpload; OptionObject on buckets and objects. Path-style and
//! virtual-hosted addresses.
//!
//! # Not covered
//!
//! Bucket policies, versions, parts of multipart uploads, compression. They answer 501 NotImplemented.

mod address;
mod auth;
mod bucket;
pub mod controls;
mod cors;
mod error;
pub mod faults;
mod form;
mod integrity;
pub mod lenient;
mod object;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use jiff::Timestamp;

use self::address::Address;
pub use self::error::ErrorDocument;
pub use self::integrity::checksum;
use crate::cors::CorsConfiguration;
use crate::dialect::{Behaviours, ErrorKind, Integrity, Limits, Wording};
use crate::sign::{Credentials, Query};

/// The time of a request and its id.
#[derive(Clone, Copy, Debug)]
struct Moment<'a> {
    now: Timestamp,
    request_id: &'a str,
}

/// An account and its access keys.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "an input")]
pub struct Account {
    /// Name, shown as the owner of buckets.
    pub name: String,
    /// Its access keys.
    pub keys: Vec<Credentials>,
}

/// Who may read objects.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum Acl {
    /// The owner.
    #[default]
    Private,
    /// Anybody.
    PublicRead,
}

impl Acl {
    /// As the ACL is written in headers and documents.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Private => "private",
            Self::PublicRead => "public-read",
        }
    }

    /// Reads it.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Private, Self::PublicRead].into_iter().find(|acl| acl.as_str() == text)
    }
}

/// What a reference is started with.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "an input")]
pub struct Options {
    /// Numbers of the dialect.
    pub limits: Limits,
    /// What to do at open points.
    pub behaviours: Behaviours,
    /// What to say.
    pub wording: Arc<Wording>,
    /// Who may sign in.
    pub accounts: Vec<Account>,
    /// Names under which a first label is a bucket: with `localhost`, `b.localhost` is bucket `b`.
    pub domains: Vec<String>,
}

/// An object store in memory.
#[derive(Debug)]
pub struct Reference {
    options: Arc<Options>,
    buckets: BTreeMap<String, Bucket>,
}

#[derive(Debug)]
struct Bucket {
    owner: String,
    acl: Acl,
    cors: Option<Arc<CorsConfiguration>>,
    objects: BTreeMap<String, Object>,
    created: Timestamp,
}

#[derive(Debug)]
struct Object {
    body: Bytes,
    content_type: HeaderValue,
    etag: String,
    modified: Timestamp,
    appendable: bool,
}

/// What comes back for a request.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_enums, reason = "whoever carries it must know all")]
pub enum Reply {
    /// An answer.
    Answer(Response<Bytes>),
    /// None: the connection is closed.
    Reset,
    /// None: nothing happens.
    Silence,
}

impl Reply {
    /// The answer, if there is one.
    pub fn answer(self) -> Option<Response<Bytes>> {
        match self {
            Self::Answer(answer) => Some(answer),
            Self::Reset | Self::Silence => None,
        }
    }
}

/// What happens to the bytes of a connection on their way.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "two directions")]
pub struct Wire {
    /// To the server.
    pub received: fn(&[u8]) -> Vec<u8>,
    /// From the server.
    pub sent: fn(&[u8]) -> Vec<u8>,
}

/// Answers requests: a [`Reference`], or something around one.
pub trait Respond: Send + fmt::Debug {
    /// Answers a request that came now. `request_id` has 24 hexadecimal digits and is not used twice.
    fn respond(&mut self, request: &Request<Bytes>, now: Timestamp, request_id: &str) -> Reply;

    /// What it does to bytes.
    fn wire(&self) -> Option<Wire> {
        None
    }

    /// Whether it writes header names as `Content-Length`.
    fn title_case(&self) -> bool {
        false
    }
}

impl Respond for Reference {
    fn respond(&mut self, request: &Request<Bytes>, now: Timestamp, request_id: &str) -> Reply {
        Reply::Answer(Self::respond(self, request, now, request_id))
    }
}

/// Who sends a request.
#[derive(Clone, Copy, Debug)]
enum Sender<'a> {
    /// Whoever signed it, if it is signed.
    Signer,
    /// The account of this name.
    Account(&'a str),
}

/// What a request is for, as far as CORS cares.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Scope {
    /// The list of buckets.
    Service,
    /// Objects, their listing, uploads, deletions.
    Objects,
    /// The bucket itself and its sub-resources.
    Management,
}

/// Whether a path-style request is about the bucket itself or a sub-resource of it, where CORS headers are open
/// (`actual.management`).
pub fn is_management(request: &Request<Bytes>) -> bool {
    Address::of(request, &[]).scope(request) == Scope::Management
}

/// Why the digests of a document, or the want of one, refuse it; none if they do not.
pub fn digest_error(request: &Request<Bytes>, integrity: Integrity) -> Option<ErrorKind> {
    integrity::check(request, integrity, true).err().and_then(|error| error.kind())
}

impl Reference {
    /// An empty store.
    pub fn new(options: Options) -> Self {
        Self { options: Arc::new(options), buckets: BTreeMap::new() }
    }

    /// Answers a request. `request_id` has 24 hexadecimal digits and is not used twice.
    pub fn respond(&mut self, request: &Request<Bytes>, now: Timestamp, request_id: &str) -> Response<Bytes> {
        self.respond_to(Sender::Signer, request, Moment { now, request_id })
    }

    /// Answers a request whose sender the caller vouches for: an account, by its name. What the request says of a signature is passed over.
    pub fn respond_vouched(
        &mut self,
        account: &str,
        request: &Request<Bytes>,
        now: Timestamp,
        request_id: &str,
    ) -> Response<Bytes> {
        self.respond_to(Sender::Account(account), request, Moment { now, request_id })
    }

    fn respond_to(&mut self, sender: Sender<'_>, request: &Request<Bytes>, moment: Moment<'_>) -> Response<Bytes> {
        let address = Address::of(request, &self.options.domains);
        let (answer, fields) = if request.method() == Method::OPTIONS {
            self.option_object(request, &address)
        } else {
            let configuration = self.configuration(&address).cloned();
            let scope = address.scope(request);
            let answer = self.operate(sender, request, &address, scope, moment);
            let fields = self.cors_fields(request, scope, configuration.as_deref(), answer.as_ref().err());
            (answer, fields)
        };
        let mut response = answer.unwrap_or_else(|error| self.say(&error, &address.host, moment.request_id));
        for (name, value) in fields {
            // Appended, so that a Vary that is there is kept (`vary.kept`).
            response.headers_mut().append(name, value);
        }
        finish(&mut response, request.method(), moment, &self.options.wording);
        response
    }

    /// An error in the vendor's words.
    fn say(&self, error: &ErrorDocument, host: &str, request_id: &str) -> Response<Bytes> {
        error.to_response(&self.options.wording, &self.options.behaviours, host, request_id)
    }

    /// Authentication, then the bucket, then the permission, then the operation.
    fn operate(
        &mut self,
        sender: Sender<'_>,
        request: &Request<Bytes>,
        address: &Address,
        scope: Scope,
        moment: Moment<'_>,
    ) -> Result<Response<Bytes>, ErrorDocument> {
        let query = Query::parse(request.uri().query().unwrap_or_default()).without_signature();
        // `length.missing`: before anything else, since the body cannot be read.
        if matches!(*request.method(), Method::PUT | Method::POST)
            && !request.headers().contains_key(header::CONTENT_LENGTH)
            && !request.headers().contains_key(header::TRANSFER_ENCODING)
        {
            return Err(ErrorDocument::new(ErrorKind::NoLength));
        }
        let signer = match sender {
            Sender::Signer => self.authenticate(request, address, moment.now)?,
            Sender::Account(name) => Some(name.to_owned()),
        };
        let Some(name) = address.bucket.as_deref() else {
            return self.service(request.method(), signer.as_deref());
        };
        if !address::is_bucket_name(name) {
            return Err(ErrorDocument::new(ErrorKind::InvalidBucketName).with("bucket", name));
        }
        if address.object.is_none() && *request.method() == Method::PUT && query.iter().next().is_none() {
            return self.create_bucket(name, request, signer.as_deref(), moment.now);
        }
        let bucket = self.buckets.get(name).ok_or_else(|| ErrorDocument::no_such_bucket(name))?;
        auth::authorize(bucket, request, address, signer.as_deref(), self.options.behaviours.bucket_acl)?;
        match (&address.object, scope) {
            (Some(key), _) => self.object(name, key, request, &query, moment),
            (None, _) => self.bucket(name, request, address, &query, moment),
        }
    }

    /// What it does at each point.
    pub fn behaviours(&self) -> &Behaviours {
        &self.options.behaviours
    }

    /// The rules of a bucket.
    pub fn rules(&self, bucket: &str) -> Option<&Arc<CorsConfiguration>> {
        self.buckets.get(bucket)?.cors.as_ref()
    }

    fn configuration(&self, address: &Address) -> Option<&Arc<CorsConfiguration>> {
        self.buckets.get(address.bucket.as_deref()?)?.cors.as_ref()
    }
}

/// What every answer carries.
fn finish(response: &mut Response<Bytes>, method: &Method, moment: Moment<'_>, wording: &Wording) {
    let length = response.body().len();
    let bodiless = matches!(response.status(), StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    let headers = response.headers_mut();
    set(headers, header::SERVER, &wording.server);
    set(headers, header::DATE, &crate::sign::http_date(moment.now));
    set_own(headers, wording, "request-id", moment.request_id);
    if wording.server_time {
        set_own(headers, wording, "server-time", "0");
    }
    if !bodiless && !headers.contains_key(header::CONTENT_LENGTH) {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    // `error.head`, RFC 9110 9.3.2
    if method == Method::HEAD {
        *response.body_mut() = Bytes::new();
    }
}

/// Sets a header field; a value that cannot be one is left out.
fn set(headers: &mut HeaderMap, name: impl header::IntoHeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

/// Sets a field of the vendor's own.
fn set_own(headers: &mut HeaderMap, wording: &Wording, name: &str, value: &str) {
    if let Ok(name) = header::HeaderName::try_from(wording.field(name)) {
        set(headers, name, value);
    }
}

/// An answer without a body.
fn empty(status: StatusCode) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = status;
    response
}

/// 200 with an XML document.
fn document(text: String) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(text));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    response
}

#[cfg(test)]
mod tests;

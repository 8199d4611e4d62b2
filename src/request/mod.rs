//! From a step to the HTTP request to send: [`draft`] says what, [`build`] to where and by whom, [`Outgoing`] is both.
//!
//! The runner sends what is made here, and the oracle answers it. Time is an argument. For people and for evidence, [`head`], [`curl`]
//! and [`redact`] leave secrets out.

mod outgoing;
mod redact;
mod shown;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, Uri, header};
use jiff::{SignedDuration, Timestamp};
use md5::{Digest as _, Md5};

pub use self::outgoing::{Outgoing, Place, RawExchange, RawMessage};
pub use self::redact::{Secrets, redact};
pub use self::shown::{answer, curl, head, without_secret_lines};
use crate::case::{
    ContentMd5, DocumentSource, Extra, Identity, Message, ObjectRequest, Operation, Pad, Preflight, PutCors, document,
};
use crate::dialect::Integrity;
use crate::sign::{self, Credentials, Form, Resource, Scheme, encode_component};

/// The digest of a body, by AWS's name.
const SHA256: HeaderName = HeaderName::from_static("x-amz-content-sha256");
/// Life of a presigned URL, in seconds.
const PRESIGNED: u32 = 300;
/// How far the clock of `as: skewed` is off: more than the 15 minutes that are tolerated.
const SKEW: SignedDuration = SignedDuration::from_mins(20);

/// How a bucket is named in a URL.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Addressing {
    /// As the first segment of the path.
    Path,
    /// As the first label of the host.
    Virtual,
}

/// Where requests go, and with whose keys.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "an input")]
pub struct Site<'a> {
    /// `http` or `https`.
    pub protocol: &'a str,
    /// Host and port.
    pub authority: &'a str,
    /// How buckets are named.
    pub addressing: Addressing,
    /// How requests are signed.
    pub scheme: &'a Scheme,
    /// The owner; none for `--auth anonymous`.
    pub credentials: Option<&'a Credentials>,
    /// A second account.
    pub other: Option<&'a Credentials>,
    /// Whether servers want a digest of documents.
    pub integrity: Integrity,
    /// The variables that would name one, for the reason of a skip.
    pub other_variables: &'static str,
}

/// Where a request goes and who sends it.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "an input")]
pub struct Envelope {
    /// The bucket; none is the service.
    pub bucket: Option<String>,
    /// The object; none is the bucket itself.
    pub object: Option<String>,
    /// Who signs.
    pub identity: Identity,
}

/// A request before it has an address and a signature.
#[derive(Clone, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "the parts of a request")]
pub struct Draft {
    /// Method.
    pub method: Method,
    /// Query, percent-encoded.
    pub query: String,
    /// Header fields, one entry a line.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Bytes,
    /// Whether the body gets a Content-MD5 where servers want one.
    pub wants_digest: bool,
    /// Parts of a browser form, signed when the envelope is known.
    pub form: Option<Vec<(String, String)>>,
}

impl Draft {
    /// A request without body and header fields.
    pub fn new(method: Method, query: &str) -> Self {
        Self { method, query: query.to_owned(), ..Self::default() }
    }

    fn header(&mut self, name: &str, value: impl Into<String>) {
        self.headers.push((name.to_owned(), value.into()));
    }
}

/// What an operation sends. `earlier` are the answers to the steps above.
pub fn draft(operation: &Operation, earlier: &[Response<Bytes>]) -> Draft {
    match operation {
        Operation::PutCors(put) => put_cors(put, earlier),
        Operation::GetCors(extra) => with_extra(Draft::new(Method::GET, "cors"), extra),
        Operation::DeleteCors(extra) => with_extra(Draft::new(Method::DELETE, "cors"), extra),
        Operation::Preflight(preflight) => options(preflight),
        Operation::Request(request) => object_request(request, earlier),
        Operation::Raw(messages) => messages.last().map(message).unwrap_or_default(),
    }
}

/// A request in bytes as a client would understand it; lines that no client can send are left out.
pub fn message(message: &Message) -> Draft {
    // The loader has checked the method.
    let method = Method::from_bytes(message.method.as_bytes()).unwrap_or_default();
    let mut draft = Draft::new(method, message.query.as_deref().unwrap_or_default());
    for line in &message.lines {
        if let Some((name, value)) = line.split_once(':') {
            draft.header(name.trim(), value.trim());
        }
    }
    draft.body = Bytes::from(message.body.clone());
    draft
}

fn with_extra(mut draft: Draft, extra: &Extra) -> Draft {
    if let Some(query) = &extra.query {
        draft.query.clone_from(query);
    }
    draft.headers.extend(extra.headers.iter().cloned());
    draft
}

/// The document of a step.
pub fn document_of(put: &PutCors, earlier: &[Response<Bytes>]) -> Bytes {
    match &put.body {
        DocumentSource::Rules { rules, size: None, .. } => rules.to_xml().into(),
        DocumentSource::Rules { rules, size: Some(size), pad } => {
            // The loader has tried the size.
            let exact = document::write(rules, *size, *pad).or_else(|| document::write(rules, *size, Pad::Space));
            exact.unwrap_or_default().into()
        }
        DocumentSource::Bytes(bytes) => bytes.clone().into(),
        DocumentSource::From(step) => earlier.get(*step).map(|answer| answer.body().clone()).unwrap_or_default(),
    }
}

/// The base64 of a body's MD5.
pub fn content_md5(body: &[u8]) -> String {
    STANDARD.encode(Md5::digest(body))
}

fn put_cors(put: &PutCors, earlier: &[Response<Bytes>]) -> Draft {
    let mut draft = Draft::new(Method::PUT, "cors");
    draft.body = document_of(put, earlier);
    if let Some(kind) = &put.content_type {
        draft.header("content-type", kind);
    }
    match &put.content_md5 {
        ContentMd5::Usual => draft.wants_digest = true,
        ContentMd5::Absent => {}
        ContentMd5::Right => draft.header("content-md5", content_md5(&draft.body)),
        ContentMd5::Wrong => draft.header("content-md5", content_md5(b"another body")),
        ContentMd5::Literal(text) => draft.header("content-md5", text),
    }
    with_extra(draft, &put.extra)
}

fn options(preflight: &Preflight) -> Draft {
    let mut draft = Draft::new(Method::OPTIONS, "");
    for origin in &preflight.origin {
        draft.header("origin", origin);
    }
    for method in &preflight.method {
        draft.header("access-control-request-method", method);
    }
    if let Some(names) = &preflight.request_headers {
        draft.header("access-control-request-headers", names);
    }
    if let Some(body) = &preflight.body {
        draft.body = Bytes::from(body.clone());
    }
    with_extra(draft, &preflight.extra)
}

fn object_request(request: &ObjectRequest, earlier: &[Response<Bytes>]) -> Draft {
    // The loader has checked the method.
    let method = Method::from_bytes(request.method.as_bytes()).unwrap_or_default();
    let mut draft = Draft::new(method, "");
    for origin in &request.origin {
        draft.header("origin", origin);
    }
    if let Some(body) = &request.body {
        draft.body = Bytes::from(body.clone());
    }
    if let Some(step) = request.body_from {
        draft.body = earlier.get(step).map(|answer| answer.body().clone()).unwrap_or_default();
    }
    draft.form.clone_from(&request.form);
    with_extra(draft, &request.extra)
}

/// Why a step cannot be sent.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Unsendable {
    /// There is no second account.
    #[error("needs a second account: set {0}")]
    NoOtherAccount(&'static str),
    /// There is no key at all.
    #[error("needs the owner's access key")]
    Anonymous,
    /// The address cannot be made.
    #[error("the address cannot be made: {0}")]
    Address(String),
}

/// Gives a draft its address and its signature.
///
/// # Errors
///
/// If the site lacks the key that signs it, or no URL can be made.
pub fn build(draft: Draft, envelope: &Envelope, site: &Site<'_>, now: Timestamp) -> Result<Request<Bytes>, Unsendable> {
    let credentials = credentials(envelope.identity, site)?;
    let mut draft = draft;
    if let Some(parts) = draft.form.take() {
        form(&mut draft, &parts, envelope, credentials.as_ref(), site, now);
    }
    if draft.wants_digest && site.integrity == Integrity::Required {
        let digest = content_md5(&draft.body);
        draft.header("content-md5", digest);
    }
    let uri = address(envelope, &draft.query, site)?;
    let authority = uri.authority().map(ToString::to_string).unwrap_or_default();
    // With what a signature adds.
    let mut headers = HeaderMap::with_capacity(draft.headers.len() + 8);
    if let Ok(host) = HeaderValue::from_str(&authority) {
        headers.insert(header::HOST, host);
    }
    for (name, value) in &draft.headers {
        // The loader has checked both.
        if let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_bytes(value.as_bytes()))
        {
            headers.append(name, value);
        }
    }
    let has_body = !draft.body.is_empty() || matches!(draft.method, Method::PUT | Method::POST);
    if has_body {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(draft.body.len()));
    }
    let mut request = Request::new(draft.body);
    *request.method_mut() = draft.method;
    *request.uri_mut() = uri;
    *request.headers_mut() = headers;
    let (mut parts, body) = request.into_parts();
    if let Some(credentials) = credentials.filter(|_| envelope.identity != Identity::Anonymous) {
        signed(&mut parts, &body, &credentials, envelope, site, now);
    }
    Ok(Request::from_parts(parts, body))
}

/// Whether an identity's signature goes into the header.
const fn in_header(identity: Identity) -> bool {
    !matches!(identity, Identity::Anonymous | Identity::Presigned | Identity::Expired)
}

/// A time after another, or before it; at the ends of all times the time itself.
fn later(now: Timestamp, by: SignedDuration) -> Timestamp {
    now.checked_add(by).unwrap_or(now)
}

fn signed(
    parts: &mut Parts,
    body: &[u8],
    credentials: &Credentials,
    envelope: &Envelope,
    site: &Site<'_>,
    now: Timestamp,
) {
    // A browser form carries its own signature.
    let is_form =
        parts.headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"multipart/form-data"));
    if is_form {
        return;
    }
    // Servers take what is not signed over TLS only.
    if matches!(site.scheme, Scheme::AwsV4 { .. })
        && in_header(envelope.identity)
        && !parts.headers.contains_key(SHA256)
        && let Ok(digest) = HeaderValue::try_from(sign::sha256(body))
    {
        parts.headers.insert(SHA256, digest);
    }
    let resource = Resource { bucket: envelope.bucket.clone(), object: envelope.object.clone() };
    let (form, time) = match envelope.identity {
        Identity::Presigned => (Form::Presigned { expires: PRESIGNED }, now),
        Identity::Expired => (Form::Presigned { expires: 60 }, later(now, -SignedDuration::from_mins(5))),
        Identity::Skewed => (Form::Header, later(now, -SKEW)),
        _ => (Form::Header, now),
    };
    sign::sign(parts, site.scheme, form, credentials, &resource, time);
}

fn credentials(identity: Identity, site: &Site<'_>) -> Result<Option<Credentials>, Unsendable> {
    let owner = site.credentials.cloned();
    match identity {
        Identity::Anonymous => Ok(None),
        Identity::Other => match site.other {
            Some(other) => Ok(Some(other.clone())),
            None => Err(Unsendable::NoOtherAccount(site.other_variables)),
        },
        Identity::UnknownKey => Ok(Some(unknown_key())),
        Identity::BadSignature => owner.map(|owner| Some(wrong_secret(owner))).ok_or(Unsendable::Anonymous),
        Identity::Owner | Identity::Skewed | Identity::Presigned | Identity::Expired => {
            owner.map(Some).ok_or(Unsendable::Anonymous)
        }
    }
}

/// A key of no account.
pub fn unknown_key() -> Credentials {
    Credentials::new("LTAI0corsuite0unknown000", "corsuite-unknown-secret")
}

/// The same key with a secret that is not its own.
pub fn wrong_secret(key: Credentials) -> Credentials {
    Credentials { access_key_secret: "corsuite-wrong-secret".to_owned(), ..key }
}

/// Path-style or virtual-hosted URL; the key percent-encoded, its slashes kept.
///
/// # Errors
///
/// If no URL can be made.
pub fn address(envelope: &Envelope, query: &str, site: &Site<'_>) -> Result<Uri, Unsendable> {
    let mut text = [site.protocol, "://"].concat();
    match (&envelope.bucket, site.addressing) {
        (None, _) => text.extend([site.authority, "/"]),
        (Some(bucket), Addressing::Path) => text.extend([site.authority, "/", bucket, "/"]),
        (Some(bucket), Addressing::Virtual) => text.extend([bucket, ".", site.authority, "/"]),
    }
    if envelope.bucket.is_some() {
        for (at, part) in envelope.object.as_deref().unwrap_or_default().split('/').enumerate() {
            text.push_str(if at == 0 { "" } else { "/" });
            text.push_str(&encode_component(part));
        }
    }
    if !query.is_empty() {
        text.extend(["?", query]);
    }
    text.parse().map_err(|_| Unsendable::Address(text))
}

/// multipart/form-data of RFC 7578, with key, policy and signature where the identity has a key.
fn form(
    draft: &mut Draft,
    parts: &[(String, String)],
    envelope: &Envelope,
    credentials: Option<&Credentials>,
    site: &Site<'_>,
    now: Timestamp,
) {
    const BOUNDARY: &str = "corsuite-4f1c2a9d7e";
    let expiration = later(now, SignedDuration::from_mins(10)).strftime("%Y-%m-%dT%H:%M:%S.000Z");
    let bucket = envelope.bucket.as_deref().unwrap_or_default();
    let policy = format!("{{\"expiration\":\"{expiration}\",\"conditions\":[{{\"bucket\":\"{bucket}\"}}]}}");
    let mut fields: Vec<(String, String)> = Vec::new();
    if let Some(credentials) = credentials {
        fields.extend(sign::sign_policy(site.scheme, credentials, policy.as_bytes(), now));
    }
    // The content comes last, as the vendor's page demands.
    let (file, rest): (Vec<_>, Vec<_>) = parts.iter().cloned().partition(|(name, _)| name == "file");
    fields.splice(0..0, rest);
    fields.extend(file);
    let mut body = String::new();
    for (name, value) in fields {
        let filename = if name == "file" { "; filename=\"file\"\r\nContent-Type: text/plain" } else { "" };
        body.extend([
            "--",
            BOUNDARY,
            "\r\nContent-Disposition: form-data; name=\"",
            &name,
            "\"",
            filename,
            "\r\n\r\n",
            &value,
            "\r\n",
        ]);
    }
    body.extend(["--", BOUNDARY, "--\r\n"]);
    draft.body = body.into();
    draft.header("content-type", format!("multipart/form-data; boundary={BOUNDARY}"));
}

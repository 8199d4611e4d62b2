//! Signed requests: [`sign`] adds a signature to a request, [`verify`] finds out who signed one.
//!
//! Both OSS schemes, each as Authorization header or as presigned query ([`Form`]): `V1` is HMAC-SHA1 over a few header
//! fields and the canonicalized resource, `V4` derives a signing key from date and region and signs a canonical request.
//! `AwsV4` is how S3 does the latter; [`verify_aws`] is for servers that speak S3.
//! Time is an argument. Signatures are compared in constant time.
//!
//! Sources: "Include a signature in the Authorization header", "Add signatures to URLs", "Signature Version 4" of the OSS
//! developer reference, "Authenticating Requests (AWS Signature Version 4)" of the S3 API reference; the vectors in the tests were
//! published there, and with vendors' and third parties' client libraries.

mod aws_v4;
mod canonical;
mod oss_v1;
mod oss_v4;
mod v4;

use std::fmt;

use http::request::Parts;
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest as _, Sha256};

use self::aws_v4::AWS;
pub use self::canonical::{
    Query, decode_component, encode_component, hex, http_date, is_of_signature, parse_http_date,
};
use self::oss_v4::OSS;
use crate::dialect::Signature;

/// A request's date may be this far from the server's.
pub const MAX_SKEW: SignedDuration = SignedDuration::from_mins(15);
/// Longest life of a V4 presigned URL.
const MAX_EXPIRES: SignedDuration = SignedDuration::from_hours(7 * 24);

/// An access key; [`fmt::Debug`] shows its id only.
#[derive(Clone, Eq, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "three parts, as vendors issue them")]
pub struct Credentials {
    /// Public part.
    pub access_key_id: String,
    /// Secret part.
    pub access_key_secret: String,
    /// Token of temporary credentials (STS).
    pub security_token: Option<String>,
}

impl Credentials {
    /// A lasting key.
    pub fn new(access_key_id: impl Into<String>, access_key_secret: impl Into<String>) -> Self {
        Self { access_key_id: access_key_id.into(), access_key_secret: access_key_secret.into(), security_token: None }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("access_key_id", &self.access_key_id).finish_non_exhaustive()
    }
}

/// Which algorithm signs.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Scheme {
    /// OSS signature version 1.
    V1,
    /// OSS signature version 4.
    V4 {
        /// Bare region id, `cn-hangzhou`.
        region: String,
    },
    /// AWS signature version 4, service `s3`. The Host field must be there.
    AwsV4 {
        /// Region id, `us-east-1`.
        region: String,
    },
}

impl Scheme {
    /// The scheme of requests that never leave the program.
    pub fn of(signature: Signature) -> Self {
        match signature {
            Signature::Oss => Self::V1,
            Signature::Aws => Self::AwsV4 { region: "us-east-1".to_owned() },
        }
    }
}

/// Where the signature goes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Form {
    /// Into the Authorization header.
    Header,
    /// Into the query; good for so many seconds.
    Presigned {
        /// Life in seconds.
        expires: u32,
    },
}

/// What a request is about. The path of a URL does not say: in virtual-hosted addressing the bucket is in the host.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "an address has these two parts")]
pub struct Resource {
    /// The bucket; none for the service.
    pub bucket: Option<String>,
    /// The object, percent-decoded; none for the bucket.
    pub object: Option<String>,
}

/// Signs a request: adds what the scheme needs (date, token, payload hash) and then the signature. Header fields and query
/// that are there are kept and signed where the scheme signs them.
///
/// ```
/// use corsuite::sign::{Credentials, Form, Resource, Scheme, sign};
///
/// let (mut parts, ()) = http::Request::put("http://oss.example/bucket/?cors").body(()).unwrap().into_parts();
/// let resource = Resource { bucket: Some("bucket".into()), object: None };
/// let now = "2015-10-21T15:56:35Z".parse().unwrap();
/// sign(&mut parts, &Scheme::V1, Form::Header, &Credentials::new("id", "secret"), &resource, now);
/// assert!(parts.headers["authorization"].to_str().unwrap().starts_with("OSS id:"));
/// ```
pub fn sign(
    parts: &mut Parts,
    scheme: &Scheme,
    form: Form,
    credentials: &Credentials,
    resource: &Resource,
    now: Timestamp,
) {
    match (scheme, form) {
        (Scheme::V1, Form::Header) => oss_v1::sign(parts, credentials, resource, now),
        (Scheme::V1, Form::Presigned { expires }) => oss_v1::presign(parts, credentials, resource, now, expires),
        (Scheme::V4 { region }, Form::Header) => OSS.sign(parts, credentials, resource, now, region),
        (Scheme::V4 { region }, Form::Presigned { expires }) => {
            OSS.presign(parts, credentials, resource, now, region, expires);
        }
        (Scheme::AwsV4 { region }, Form::Header) => AWS.sign(parts, credentials, resource, now, region),
        (Scheme::AwsV4 { region }, Form::Presigned { expires }) => {
            AWS.presign(parts, credentials, resource, now, region, expires);
        }
    }
}

/// Signs the policy of a browser form (PostObject): the fields to send beside it.
pub fn sign_policy(scheme: &Scheme, credentials: &Credentials, policy: &[u8], now: Timestamp) -> Vec<(String, String)> {
    match scheme {
        Scheme::V1 => oss_v1::sign_policy(credentials, policy),
        Scheme::V4 { region } => OSS.sign_policy(credentials, policy, now, region),
        Scheme::AwsV4 { region } => AWS.sign_policy(credentials, policy, now, region),
    }
}

/// SHA-256 in hexadecimal digits, as V4 signatures carry it.
pub fn sha256(body: &[u8]) -> String {
    hex(&Sha256::digest(body))
}

/// Who signed a request.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Signer {
    /// Nobody: there is no signature.
    Anonymous,
    /// The holder of this access key.
    Key {
        /// Its id.
        access_key_id: String,
    },
}

/// Why a signature is not accepted.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// No such access key.
    #[error("the access key `{access_key_id}` is not known")]
    UnknownKey {
        /// As sent.
        access_key_id: String,
    },
    /// The signature is another one.
    #[error("the signature of `{access_key_id}` does not match")]
    Mismatch {
        /// As sent.
        access_key_id: String,
        /// The signature as sent.
        provided: String,
        /// What should have been signed.
        string_to_sign: String,
    },
    /// The date is more than [`MAX_SKEW`] off.
    #[error("the date of the request is too far off")]
    Skewed {
        /// The date of the request.
        request_time: Timestamp,
    },
    /// A presigned URL is past its time.
    #[error("the URL has expired")]
    Expired {
        /// When.
        expires: Timestamp,
    },
    /// No date, or none that can be read.
    #[error("a valid date is needed")]
    InvalidDate,
    /// The Authorization header or the query is not of the scheme's form.
    #[error("{0}")]
    Malformed(&'static str),
}

/// Finds out who signed a request, by whichever scheme it uses. `credentials` looks an access key up by its id.
///
/// # Errors
///
/// Why the signature is not accepted.
pub fn verify<'c>(
    parts: &Parts,
    resource: &Resource,
    now: Timestamp,
    credentials: impl Fn(&str) -> Option<&'c Credentials>,
) -> Result<Signer, VerifyError> {
    let query = Query::parse(parts.uri.query().unwrap_or_default());
    if let Some(value) = authorization(parts)? {
        if let Some(rest) = after(value, OSS.algorithm) {
            return OSS.verify(parts, resource, now, rest, &credentials);
        }
        if let Some(rest) = after(value, "OSS") {
            return oss_v1::verify(parts, resource, now, rest, &credentials);
        }
        return Err(NO_SCHEME);
    }
    if query.has(OSS.query.signature) || query.has(OSS.query.algorithm) {
        return OSS.verify_presigned(parts, resource, now, &query, &credentials);
    }
    if query.has("Signature") || query.has("OSSAccessKeyId") {
        return oss_v1::verify_presigned(parts, resource, now, &query, &credentials);
    }
    Ok(Signer::Anonymous)
}

const NO_SCHEME: VerifyError = VerifyError::Malformed("Authorization is of no known scheme");

fn authorization(parts: &Parts) -> Result<Option<&str>, VerifyError> {
    let value = parts.headers.get(http::header::AUTHORIZATION).map(http::HeaderValue::to_str);
    value.transpose().map_err(|_| VerifyError::Malformed("Authorization is not ASCII"))
}

/// What follows the word of a scheme.
fn after<'a>(authorization: &'a str, scheme: &str) -> Option<&'a str> {
    authorization.strip_prefix(scheme)?.strip_prefix(' ')
}

/// The same for AWS signature version 4, the only scheme of S3 that is still to be used. Whether the body has the digest that was signed
/// is for the caller to say.
///
/// # Errors
///
/// Why the signature is not accepted.
pub fn verify_aws<'c>(
    parts: &Parts,
    now: Timestamp,
    credentials: impl Fn(&str) -> Option<&'c Credentials>,
) -> Result<Signer, VerifyError> {
    let (query, resource) = (Query::parse(parts.uri.query().unwrap_or_default()), Resource::default());
    if let Some(value) = authorization(parts)? {
        let rest = after(value, AWS.algorithm).ok_or(NO_SCHEME)?;
        return AWS.verify(parts, &resource, now, rest, &credentials);
    }
    if query.has(AWS.query.signature) || query.has(AWS.query.algorithm) {
        return AWS.verify_presigned(parts, &resource, now, &query, &credentials);
    }
    Ok(Signer::Anonymous)
}

/// Checks the signature of a browser form's policy; `fields` are the form's, names in lower case.
///
/// # Errors
///
/// Why the signature is not accepted.
pub fn verify_policy<'c>(
    fields: &dyn Fn(&str) -> Option<String>,
    credentials: impl Fn(&str) -> Option<&'c Credentials>,
) -> Result<Signer, VerifyError> {
    for flavour in [&OSS, &AWS] {
        if flavour.signs_form(fields) {
            return flavour.verify_policy(fields, &credentials);
        }
    }
    if fields("ossaccesskeyid").is_some() {
        return oss_v1::verify_policy(fields, &credentials);
    }
    Ok(Signer::Anonymous)
}

/// The key of an id, if the token that came with it is the one that belongs to it.
fn known<'c>(
    id: &str,
    token: Option<&str>,
    credentials: &dyn Fn(&str) -> Option<&'c Credentials>,
) -> Result<&'c Credentials, VerifyError> {
    let unknown = || VerifyError::UnknownKey { access_key_id: id.to_owned() };
    credentials(id).filter(|known| known.security_token.as_deref() == token).ok_or_else(unknown)
}

/// Compares a signature with the right one, in time that depends on their length only.
fn compare(right: &str, id: &str, provided: &str, string_to_sign: String) -> Result<Signer, VerifyError> {
    let differ = right.bytes().zip(provided.bytes()).fold(0, |differ, (a, b)| differ | (a ^ b));
    if right.len() == provided.len() && differ == 0 {
        return Ok(Signer::Key { access_key_id: id.to_owned() });
    }
    Err(VerifyError::Mismatch { access_key_id: id.to_owned(), provided: provided.to_owned(), string_to_sign })
}

#[cfg(test)]
mod tests;

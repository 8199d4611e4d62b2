//! The `?cors` sub-resource, OptionObject, and the CORS headers of all other answers.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode, header};

use super::address::{self, Address};
use super::error::Cause;
use super::{ErrorDocument, Reference, Scope, document, empty, integrity};
use crate::cors::{self, CorsConfiguration, CorsRequest, Decision, Denial, Outcome};
use crate::dialect::{
    CorsOnAccessDenied, CorsOnManagement, CorsOnSignatureError, CorsOnSkew, ErrorKind, MaxBody, PreflightBucket,
    VaryOn, VaryOnManagement,
};

impl Reference {
    /// PutBucketCors. Order: size, digest, XML, then the violations in the order of [`cors::validate`]. A refused document
    /// changes nothing (`config.refused-put-keeps`), an accepted one replaces all (`config.overwrite`).
    pub(super) fn put_bucket_cors(
        &mut self,
        bucket: &str,
        request: &Request<Bytes>,
    ) -> Result<Response<Bytes>, ErrorDocument> {
        let behaviours = &self.options.behaviours;
        let limit = match behaviours.max_body {
            MaxBody::Binary => self.options.limits.max_body_bytes,
            MaxBody::Decimal => self.options.limits.max_body_decimal(),
        };
        if request.body().len() > limit {
            return Err(ErrorDocument::too_large(behaviours.max_body_code, limit));
        }
        integrity::check(request, self.options.behaviours.integrity, true)?;
        let written = cors::xml::parse(request.body()).map_err(|error| ErrorDocument::ill_formed(&error))?;
        let configuration = cors::validate(&written, &self.options.limits, behaviours).map_err(|found| {
            let first = found.first();
            first.map_or_else(
                || ErrorDocument::malformed(""),
                |first| ErrorDocument::violation(first, behaviours.max_rules_code),
            )
        })?;
        if let Some(bucket) = self.buckets.get_mut(bucket) {
            bucket.cors = Some(Arc::new(configuration.into_stored(behaviours)));
        }
        Ok(empty(StatusCode::OK))
    }

    /// GetBucketCors (`get.rules`, `get.none`).
    pub(super) fn get_bucket_cors(&self, bucket: &str) -> Result<Response<Bytes>, ErrorDocument> {
        let configuration = self.buckets.get(bucket).and_then(|bucket| bucket.cors.as_ref());
        let configuration =
            configuration.ok_or_else(|| ErrorDocument::new(ErrorKind::NoSuchCors).with("bucket", bucket))?;
        let namespace = self.options.wording.namespace.as_deref();
        Ok(document(cors::xml::write(configuration, &self.options.behaviours, namespace)))
    }

    /// DeleteBucketCors (`delete.ok`, `delete.idempotent`).
    pub(super) fn delete_bucket_cors(&mut self, bucket: &str) -> Response<Bytes> {
        if let Some(bucket) = self.buckets.get_mut(bucket) {
            bucket.cors = None;
        }
        empty(StatusCode::NO_CONTENT)
    }

    /// OptionObject: not authenticated (`preflight.no-auth`), the object not looked up (`preflight.missing-object`), a
    /// bucket as good as an object (`preflight.bucket-root`). Gives the answer and its CORS header fields.
    pub(super) fn option_object(&self, request: &Request<Bytes>, address: &Address) -> (Answer, Vec<HeaderField>) {
        let asked = CorsRequest::from_parts(request.method(), request.headers());
        let behaviours = &self.options.behaviours;
        let on_object = address.object.is_some();
        let denial = |denial| ErrorDocument::denial(denial, &asked, on_object);
        let bucket = match address.bucket.as_deref() {
            None => return (Err(denial(Denial::NotEnabled)), Vec::new()),
            // Where a missing bucket is no 404, a name that none can have is one more of these.
            Some(name)
                if !address::is_bucket_name(name) && behaviours.preflight_bucket == PreflightBucket::NotFound =>
            {
                return (Err(ErrorDocument::new(ErrorKind::InvalidBucketName).with("bucket", name)), Vec::new());
            }
            Some(name) => match (self.buckets.get(name), behaviours.preflight_bucket) {
                // `preflight.missing-bucket`
                (None, PreflightBucket::NotFound) => return (Err(ErrorDocument::no_such_bucket(name)), Vec::new()),
                (found, _) => found,
            },
        };
        let decision = cors::evaluate(bucket.and_then(|bucket| bucket.cors.as_deref()), &asked, behaviours);
        let answer = match &decision.outcome {
            // `preflight.no-bucket`; `preflight.no-bucket-choice` is open.
            Outcome::Deny(Denial::NotEnabled) if bucket.is_none() => {
                if behaviours.preflight_bucket == PreflightBucket::Grant {
                    return granted_to_all();
                }
                Err(ErrorDocument::new(ErrorKind::PreflightNoBucket).about_preflight(&asked, on_object))
            }
            Outcome::Deny(found) => Err(denial(*found)),
            // A preflight without Origin is denied, so what is left is granted.
            Outcome::Allow(_) | Outcome::NotCors => Ok(empty(StatusCode::OK)),
        };
        // `vary.preflight`
        (answer, header_fields(&decision, true, true))
    }

    /// The CORS header fields of the answer to an actual request. They depend on what the request was for and on what
    /// refused it, never the other way round (`actual.authorization`).
    pub(super) fn cors_fields(
        &self,
        request: &Request<Bytes>,
        scope: Scope,
        configuration: Option<&CorsConfiguration>,
        error: Option<&ErrorDocument>,
    ) -> Vec<HeaderField> {
        let behaviours = &self.options.behaviours;
        if configuration.is_none() {
            return Vec::new();
        }
        let (granted, varies) = match scope {
            // `actual.service`
            Scope::Service => (false, false),
            // `actual.every-operation`
            Scope::Objects => (true, true),
            // `actual.management`
            Scope::Management => (
                behaviours.cors_on_management == CorsOnManagement::Present,
                behaviours.vary_on_management == VaryOnManagement::Present,
            ),
        };
        // `actual.forbidden`
        let allowed_by_error = match error.map(|error| error.cause) {
            Some(Cause::Permission) => behaviours.cors_on_access_denied == CorsOnAccessDenied::Present,
            Some(Cause::Signature) => behaviours.cors_on_signature_error == CorsOnSignatureError::Present,
            Some(Cause::Skew) => behaviours.cors_on_skew == CorsOnSkew::Present,
            // `actual.not-found`, `actual.client-errors`
            Some(Cause::Request) | None => true,
        };
        let asked = CorsRequest::from_parts(request.method(), request.headers());
        let decision = cors::evaluate(configuration, &asked, behaviours);
        let granted = granted && allowed_by_error;
        // `vary.match`, `vary.no-match`, `vary.no-origin`, `vary.errors`; `vary.granted`, `vary.not-granted`
        let allowed = matches!(decision.outcome, Outcome::Allow(_));
        let varies = match behaviours.vary {
            VaryOn::ResponseVary => varies,
            VaryOn::Granted => granted && (allowed || scope == Scope::Objects),
        };
        header_fields(&decision, granted, varies)
    }
}

/// What a request is answered, before CORS headers.
type Answer = Result<Response<Bytes>, ErrorDocument>;
type HeaderField = (HeaderName, HeaderValue);

/// What servers say that let everybody ask about a bucket which they do not know.
fn granted_to_all() -> (Answer, Vec<HeaderField>) {
    let star = HeaderValue::from_static("*");
    let fields =
        vec![(header::ACCESS_CONTROL_ALLOW_ORIGIN, star.clone()), (header::ACCESS_CONTROL_ALLOW_METHODS, star)];
    (Ok(empty(StatusCode::OK)), fields)
}

fn header_fields(decision: &Decision, granted: bool, varies: bool) -> Vec<HeaderField> {
    let mut fields = Vec::new();
    if let (Outcome::Allow(grant), true) = (&decision.outcome, granted) {
        for (name, value) in grant.headers() {
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                fields.push((name, value));
            }
        }
    }
    if let Some(members) = decision.vary.filter(|_| varies) {
        fields.push((header::VARY, HeaderValue::from_static(members)));
    }
    fields
}

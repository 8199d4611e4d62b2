//! The `?cors` sub-resource, OptionObject, and the CORS headers of all other answers.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode, header};
use md5::{Digest as _, Md5};

use super::address::{self, Address};
use super::error::Cause;
use super::{ErrorDocument, Reference, Scope, document, empty};
use crate::cors::{self, CorsConfiguration, CorsRequest, Decision, Denial, Outcome};
use crate::dialect::{
    CorsOnAccessDenied, CorsOnManagement, CorsOnSignatureError, CorsOnSkew, MaxBody, VaryOnManagement,
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
            MaxBody::Decimal => 16_000,
        };
        if request.body().len() > limit {
            return Err(ErrorDocument::body_too_large(behaviours.max_body_code));
        }
        check_digest(request)?;
        let written = cors::xml::parse(request.body()).map_err(|error| ErrorDocument::ill_formed(&error))?;
        let configuration = cors::validate(&written, &self.options.limits, behaviours).map_err(|found| {
            found.first().map_or_else(|| ErrorDocument::malformed_xml("", None), ErrorDocument::violation)
        })?;
        if let Some(bucket) = self.buckets.get_mut(bucket) {
            bucket.cors = Some(Arc::new(configuration.into_stored()));
        }
        Ok(empty(StatusCode::OK))
    }

    /// GetBucketCors (`get.rules`, `get.none`).
    pub(super) fn get_bucket_cors(&self, bucket: &str) -> Result<Response<Bytes>, ErrorDocument> {
        let configuration = self.buckets.get(bucket).and_then(|bucket| bucket.cors.as_ref());
        let configuration = configuration.ok_or_else(ErrorDocument::no_such_cors_configuration)?;
        Ok(document(cors::xml::write(configuration)))
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
        let bucket = match address.bucket.as_deref() {
            None => Err(ErrorDocument::denial(Denial::NotEnabled)),
            Some(name) if !address::is_bucket_name(name) => Err(ErrorDocument::invalid_bucket_name(name)),
            // `preflight.missing-bucket`
            Some(name) => self.buckets.get(name).ok_or_else(|| ErrorDocument::no_such_bucket(name)),
        };
        let bucket = match bucket {
            Ok(bucket) => bucket,
            Err(error) => return (Err(error), Vec::new()),
        };
        let decision = cors::evaluate(bucket.cors.as_deref(), &asked, &self.options.behaviours);
        let answer = match &decision.outcome {
            Outcome::Deny(denial) => Err(ErrorDocument::denial(*denial)),
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
        // `vary.match`, `vary.no-match`, `vary.no-origin`, `vary.errors`
        header_fields(&decision, granted && allowed_by_error, varies)
    }
}

/// What a request is answered, before CORS headers.
type Answer = Result<Response<Bytes>, ErrorDocument>;
type HeaderField = (HeaderName, HeaderValue);

fn header_fields(decision: &Decision, granted: bool, varies: bool) -> Vec<HeaderField> {
    let mut fields = Vec::new();
    if let (Outcome::Allow(grant), true) = (&decision.outcome, granted) {
        for (name, value) in grant.headers() {
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                fields.push((name, value));
            }
        }
    }
    if varies && decision.vary {
        fields.push((header::VARY, HeaderValue::from_static("Origin")));
    }
    fields
}

/// `digest.mismatch`, `digest.malformed`: Content-MD5, where it is sent, is the base64 of the body's 16 bytes of MD5.
pub(super) fn check_digest(request: &Request<Bytes>) -> Result<(), ErrorDocument> {
    let Some(sent) = request.headers().get("content-md5") else { return Ok(()) };
    let digest = STANDARD.encode(Md5::digest(request.body()));
    if sent.as_bytes() == digest.as_bytes() { Ok(()) } else { Err(ErrorDocument::invalid_digest()) }
}

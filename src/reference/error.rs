//! Errors: what went wrong, and the document that says so in the vendor's words.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use jiff::Timestamp;

use super::set_own;
use crate::cors::{CorsRequest, Denial, Violation};
use crate::dialect::{
    Behaviours, ErrorDetails, ErrorKind, ErrorText, MaxBodyCode, MaxRulesCode, RefusalAbout, TwoOrigins, Wording,
};
use crate::sign::VerifyError;
use crate::xml::{XmlError, escape};

/// An error before it is written.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct ErrorDocument {
    what: What,
    /// Code in place of the usual one, where it is an open point.
    code: Option<&'static str>,
    /// What it is about, by the names that [`ErrorKind`] gives.
    values: Vec<(&'static str, String)>,
    /// Fine code in place of the usual one.
    ec: Option<&'static str>,
    /// Why, as far as CORS headers depend on it.
    pub(super) cause: Cause,
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum What {
    Kind(ErrorKind),
    /// Of a faulty server.
    Other(StatusCode, &'static str, &'static str),
}

/// What refused a request, as far as CORS headers depend on it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Cause {
    /// The ACL.
    Permission,
    /// The signature check.
    Signature,
    /// The clock.
    Skew,
    /// Anything after authentication.
    Request,
}

impl Cause {
    fn of(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::Anonymous | ErrorKind::Denied | ErrorKind::NotOwner | ErrorKind::Policy => Self::Permission,
            ErrorKind::UnknownKey
            | ErrorKind::WrongSignature
            | ErrorKind::Expired
            | ErrorKind::InvalidDate
            | ErrorKind::MalformedAuthorization
            | ErrorKind::WrongPayload
            | ErrorKind::NoLength => Self::Signature,
            ErrorKind::Skewed => Self::Skew,
            _ => Self::Request,
        }
    }
}

impl ErrorDocument {
    pub(super) fn new(kind: ErrorKind) -> Self {
        Self { what: What::Kind(kind), code: None, values: Vec::new(), ec: None, cause: Cause::of(kind) }
    }

    /// One of a faulty server.
    pub(super) fn other(status: StatusCode, code: &'static str, message: &'static str) -> Self {
        let what = What::Other(status, code, message);
        Self { what, code: None, values: Vec::new(), ec: None, cause: Cause::Request }
    }

    /// What is said; none of a faulty server's own.
    pub(super) const fn kind(&self) -> Option<ErrorKind> {
        match self.what {
            What::Kind(kind) => Some(kind),
            What::Other(..) => None,
        }
    }

    pub(super) fn is(&self, kind: ErrorKind) -> bool {
        self.what == What::Kind(kind)
    }

    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.values.push((name, value.into()));
        self
    }

    /// The order of elements is documented: Code, Message, RequestId, HostId, what it is about, EC, RecommendDoc (OSS);
    /// Code, Message, what it is about, RequestId, HostId (S3).
    pub(super) fn to_response(
        &self,
        wording: &Wording,
        behaviours: &Behaviours,
        host: &str,
        request_id: &str,
    ) -> Response<Bytes> {
        let (status, text) = match &self.what {
            What::Kind(kind) => {
                let text = wording.error(*kind);
                (text.status, Some(text))
            }
            What::Other(status, ..) => (*status, None),
        };
        let (code, message) = match &self.what {
            What::Other(_, code, message) => ((*code).to_owned(), (*message).to_owned()),
            What::Kind(kind) => {
                let text = wording.error(*kind);
                let code = self.code.map_or_else(|| text.code.clone(), str::to_owned);
                (code, ErrorText::filled(&text.message, &self.values))
            }
        };
        // `preflight.about`; `preflight.about-choice` is open.
        let refuses = [ErrorKind::NotAllowed, ErrorKind::NotEnabled, ErrorKind::PreflightNoBucket];
        let names =
            behaviours.refusal_about == RefusalAbout::Named || !self.kind().is_some_and(|kind| refuses.contains(&kind));
        let details = text.into_iter().filter(|_| names).flat_map(|text| &text.elements);
        let details = details.map(|(name, value)| (name.as_str(), ErrorText::filled(value, &self.values)));
        let ids = [("RequestId", request_id.to_owned()), ("HostId", host.to_owned())];
        let mut elements = vec![("Code", code), ("Message", message)];
        match behaviours.error_details {
            ErrorDetails::Last => elements.extend(ids.into_iter().chain(details)),
            ErrorDetails::First => elements.extend(details.chain(ids)),
        }
        let usual = text.and_then(|text| text.ec.as_deref());
        let fine = wording.fine_codes.as_ref().zip(self.ec.or(usual));
        if let Some((page, ec)) = fine {
            elements.push(("EC", ec.to_owned()));
            elements.push(("RecommendDoc", format!("{page}{ec}")));
        }
        let mut text = String::with_capacity(512);
        text.push_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error>\n");
        for (name, value) in &elements {
            for part in ["  <", name, ">", &escape(value), "</", name, ">\n"] {
                text.push_str(part);
            }
        }
        text.push_str("</Error>\n");
        let mut response = Response::new(Bytes::from(text));
        *response.status_mut() = status;
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/xml"));
        if let Some((_, ec)) = fine {
            set_own(response.headers_mut(), wording, "ec", ec);
        }
        response
    }

    pub(super) fn no_such_bucket(name: &str) -> Self {
        Self::new(ErrorKind::NoSuchBucket).with("bucket", name)
    }

    pub(super) fn ill_formed(error: &XmlError) -> Self {
        Self::new(ErrorKind::IllFormed).with("detail", error.to_string())
    }

    pub(super) fn malformed(detail: impl Into<String>) -> Self {
        Self::new(ErrorKind::Malformed).with("detail", detail)
    }

    pub(super) fn invalid_argument(name: &str, value: &str) -> Self {
        Self::new(ErrorKind::InvalidArgument).with("name", name).with("value", value)
    }

    /// `limit.body-refused`; the code is open (`limit.body-code`).
    pub(super) fn too_large(code: MaxBodyCode, limit: usize) -> Self {
        match code {
            MaxBodyCode::MalformedXml => Self::malformed("the document is too large"),
            MaxBodyCode::Other => Self::invalid_argument("Content-Length", "too large"),
            code => {
                let error = Self::new(ErrorKind::TooLarge).with("limit", limit.to_string());
                Self { code: Some(code.as_str()), ..error }
            }
        }
    }

    pub(super) fn not_implemented(what: &str) -> Self {
        Self::new(ErrorKind::NotImplemented).with("what", what)
    }

    pub(super) fn method_not_allowed(method: &str, kind: &str) -> Self {
        Self::new(ErrorKind::MethodNotAllowed).with("method", method).with("kind", kind)
    }

    pub(super) fn policy(detail: &str) -> Self {
        Self::new(ErrorKind::Policy).with("detail", detail)
    }

    /// What PutBucketCors answers to the first violation of a document.
    pub(super) fn violation(violation: &Violation, code: MaxRulesCode) -> Self {
        let kind = violation.kind();
        let error = match &violation.refusal {
            crate::cors::Refusal::Structure => Self::malformed(violation.message.clone()),
            crate::cors::Refusal::Value { name, value } => Self::new(kind).with("name", *name).with("value", value),
            crate::cors::Refusal::TooManyRules { limit } => match code {
                MaxRulesCode::MalformedXml => Self::malformed(violation.message.clone()),
                code => {
                    let error = Self::new(kind).with("limit", limit.to_string());
                    Self { code: Some(code.as_str()), ..error }
                }
            },
        };
        Self { ec: violation.ec, ..error }
    }

    /// What OptionObject answers to a denied preflight.
    pub(super) fn denial(denial: Denial, asked: &CorsRequest, on_object: bool) -> Self {
        let kind = match denial {
            // Of two Origin lines no single one is there.
            Denial::NoOrigin | Denial::SeveralOrigins(TwoOrigins::BadRequest) => ErrorKind::NoOrigin,
            Denial::NoRequestMethod => ErrorKind::NoRequestMethod,
            Denial::UnknownRequestMethod => ErrorKind::UnknownRequestMethod,
            Denial::OddRequestHeader => ErrorKind::OddRequestHeader,
            Denial::NotEnabled => ErrorKind::NotEnabled,
            Denial::NoRule | Denial::SeveralOrigins(_) => ErrorKind::NotAllowed,
        };
        Self::new(kind).about_preflight(asked, on_object)
    }

    /// The method that was asked for, and whether it was about a bucket or an object.
    pub(super) fn about_preflight(self, asked: &CorsRequest, on_object: bool) -> Self {
        let method = asked.request_method.as_deref().unwrap_or(b"OPTIONS");
        let odd = asked.requested_headers().into_iter().find(|name| !crate::cors::is_token(name));
        self.with("method", String::from_utf8_lossy(method))
            .with("kind", if on_object { "OBJECT" } else { "BUCKET" })
            .with("value", String::from_utf8_lossy(odd.unwrap_or_default()))
    }

    /// What the signature check answers.
    pub(super) fn signature(error: &VerifyError, now: Timestamp) -> Self {
        match error {
            VerifyError::UnknownKey { access_key_id } => Self::new(ErrorKind::UnknownKey).with("key", access_key_id),
            VerifyError::Mismatch { access_key_id, provided, string_to_sign } => {
                let bytes: Vec<String> = string_to_sign.bytes().map(|byte| format!("{byte:02X}")).collect();
                Self::new(ErrorKind::WrongSignature)
                    .with("key", access_key_id)
                    .with("provided", provided)
                    .with("string", string_to_sign)
                    .with("bytes", bytes.join(" "))
            }
            VerifyError::Skewed { request_time } => Self::new(ErrorKind::Skewed)
                .with("tolerated", crate::sign::MAX_SKEW.as_millis().to_string())
                .with("request_time", milliseconds(*request_time))
                .with("server_time", milliseconds(now)),
            VerifyError::Expired { expires } => Self::new(ErrorKind::Expired)
                .with("expires", milliseconds(*expires))
                .with("server_time", milliseconds(now)),
            VerifyError::InvalidDate => Self::new(ErrorKind::InvalidDate),
            VerifyError::Malformed(detail) => Self::new(ErrorKind::MalformedAuthorization).with("detail", *detail),
        }
    }
}

/// `2026-01-01T12:00:00.000Z`
fn milliseconds(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string()
}

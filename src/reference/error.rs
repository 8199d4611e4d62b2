//! Error answers as OSS documents them: [`ErrorDocument`].

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use jiff::Timestamp;

use super::set;
use crate::cors::{Denial, Refusal, Violation};
use crate::dialect::{MaxBodyCode, TwoOrigins};
use crate::sign::VerifyError;
use crate::xml::{XmlError, escape};

/// An error before it is written.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct ErrorDocument {
    /// HTTP status.
    pub status: StatusCode,
    /// Code.
    pub code: &'static str,
    /// Message.
    pub message: &'static str,
    /// Elements between HostId and EC, in order.
    pub extras: Vec<(&'static str, String)>,
    /// Fine code, where it is documented.
    pub ec: Option<&'static str>,
    /// Why, as far as CORS headers depend on it.
    pub(super) cause: Cause,
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

fn new(status: StatusCode, code: &'static str, message: &'static str) -> ErrorDocument {
    ErrorDocument { status, code, message, extras: Vec::new(), ec: None, cause: Cause::Request }
}

impl ErrorDocument {
    fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.extras.push((name, value.into()));
        self
    }

    fn ec(mut self, ec: Option<&'static str>) -> Self {
        self.ec = ec;
        self
    }

    fn cause(mut self, cause: Cause) -> Self {
        self.cause = cause;
        self
    }

    /// The order of elements is documented: Code, Message, RequestId, HostId, extras, EC, RecommendDoc.
    pub(super) fn to_response(&self, host: &str, request_id: &str) -> Response<Bytes> {
        let mut elements = vec![
            ("Code", self.code.to_owned()),
            ("Message", self.message.to_owned()),
            ("RequestId", request_id.to_owned()),
            ("HostId", host.to_owned()),
        ];
        elements.extend(self.extras.iter().cloned());
        if let Some(ec) = self.ec {
            elements.push(("EC", ec.to_owned()));
            elements.push(("RecommendDoc", format!("https://api.aliyun.com/troubleshoot?q={ec}")));
        }
        let lines: String =
            elements.iter().map(|(name, value)| format!("  <{name}>{}</{name}>\n", escape(value))).collect();
        let text = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error>\n{lines}</Error>\n");
        let mut response = Response::new(Bytes::from(text));
        *response.status_mut() = self.status;
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/xml"));
        if let Some(ec) = self.ec {
            set(response.headers_mut(), "x-oss-ec", ec);
        }
        response
    }

    /// One of a faulty server.
    pub(super) fn other(status: StatusCode, code: &'static str, message: &'static str) -> Self {
        new(status, code, message)
    }

    pub(super) fn no_such_bucket(name: &str) -> Self {
        new(StatusCode::NOT_FOUND, "NoSuchBucket", "The specified bucket does not exist.")
            .with("BucketName", name)
            .ec(Some("0015-00000101"))
    }

    pub(super) fn invalid_bucket_name(name: &str) -> Self {
        new(StatusCode::BAD_REQUEST, "InvalidBucketName", "The specified bucket is not valid.").with("BucketName", name)
    }

    pub(super) fn bucket_exists(name: &str) -> Self {
        let message = "The requested bucket name is not available.";
        new(StatusCode::CONFLICT, "BucketAlreadyExists", message).with("BucketName", name)
    }

    pub(super) fn bucket_not_empty(name: &str) -> Self {
        let message = "The bucket you tried to delete is not empty.";
        new(StatusCode::CONFLICT, "BucketNotEmpty", message).with("BucketName", name)
    }

    pub(super) fn no_such_key(key: &str) -> Self {
        new(StatusCode::NOT_FOUND, "NoSuchKey", "The specified key does not exist.").with("Key", key)
    }

    pub(super) fn no_such_cors_configuration() -> Self {
        new(StatusCode::NOT_FOUND, "NoSuchCORSConfiguration", "The CORS Configuration does not exist.")
            .ec(Some("0034-00000001"))
    }

    pub(super) fn anonymous() -> Self {
        let message = "Anonymous access is forbidden for this operation.";
        new(StatusCode::FORBIDDEN, "AccessDenied", message).cause(Cause::Permission)
    }

    pub(super) fn bucket_acl() -> Self {
        let message = "You have no right to access this object because of bucket acl.";
        new(StatusCode::FORBIDDEN, "AccessDenied", message).cause(Cause::Permission)
    }

    pub(super) fn not_owner() -> Self {
        let message = "The bucket you access does not belong to you.";
        new(StatusCode::FORBIDDEN, "AccessDenied", message).cause(Cause::Permission)
    }

    pub(super) fn invalid_digest() -> Self {
        new(StatusCode::BAD_REQUEST, "InvalidDigest", "The Content-MD5 you specified was invalid.")
    }

    /// With the generic fine code of documents that are not well-formed.
    pub(super) fn ill_formed(error: &XmlError) -> Self {
        Self::malformed_xml(error.to_string(), Some("0031-00000001"))
    }

    pub(super) fn malformed_xml(detail: impl Into<String>, ec: Option<&'static str>) -> Self {
        let message = "The XML you provided was not well-formed or did not validate against our published schema.";
        new(StatusCode::BAD_REQUEST, "MalformedXML", message).with("ErrorDetail", detail).ec(ec)
    }

    pub(super) fn invalid_argument(name: &str, value: &str) -> Self {
        new(StatusCode::BAD_REQUEST, "InvalidArgument", "Invalid Argument. Parameter is invalid.")
            .with("ArgumentName", name)
            .with("ArgumentValue", value)
    }

    /// `limit.body-refused`; the code is open (`limit.body-code`).
    pub(super) fn body_too_large(code: MaxBodyCode) -> Self {
        match code {
            MaxBodyCode::MalformedXml => Self::malformed_xml("the document is too large", None),
            MaxBodyCode::Other => Self::invalid_argument("Content-Length", "too large"),
            MaxBodyCode::EntityTooLarge => {
                let message = "Your proposed upload exceeds the maximum allowed size.";
                new(StatusCode::BAD_REQUEST, "EntityTooLarge", message)
            }
        }
    }

    pub(super) fn missing_content_length() -> Self {
        let message = "You must provide the Content-Length HTTP header.";
        new(StatusCode::LENGTH_REQUIRED, "MissingContentLength", message).cause(Cause::Signature)
    }

    pub(super) fn not_implemented(what: &str) -> Self {
        let message = "A header or query you provided implies functionality that is not implemented.";
        new(StatusCode::NOT_IMPLEMENTED, "NotImplemented", message).with("Header", what)
    }

    pub(super) fn method_not_allowed(method: &str, kind: &str) -> Self {
        let message = "The specified method is not allowed against this resource.";
        new(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", message)
            .with("Method", method)
            .with("ResourceType", kind)
    }

    pub(super) fn conflict(code: &'static str, message: &'static str) -> Self {
        new(StatusCode::CONFLICT, code, message)
    }

    pub(super) fn precondition_failed() -> Self {
        let message = "At least one of the pre-conditions you specified did not hold.";
        new(StatusCode::PRECONDITION_FAILED, "PreconditionFailed", message)
    }

    pub(super) fn invalid_range() -> Self {
        new(StatusCode::RANGE_NOT_SATISFIABLE, "InvalidRange", "The requested range cannot be satisfied.")
    }

    pub(super) fn no_such_upload() -> Self {
        new(StatusCode::NOT_FOUND, "NoSuchUpload", "The specified upload does not exist.")
    }

    pub(super) fn policy(message: &'static str) -> Self {
        new(StatusCode::FORBIDDEN, "AccessDenied", message).cause(Cause::Permission)
    }

    /// What PutBucketCors answers to the first violation of a document.
    pub(super) fn violation(violation: &Violation) -> Self {
        match &violation.refusal {
            Refusal::Structure => Self::malformed_xml(violation.message.clone(), violation.ec),
            Refusal::Value { name, value } => Self::invalid_argument(name, value).ec(violation.ec),
            Refusal::TooManyRules => {
                let message = "The CORS Rules num is beyond limit.";
                new(StatusCode::BAD_REQUEST, "CORSRuleBeyondLimit", message).ec(violation.ec)
            }
        }
    }

    /// What OptionObject answers to a denied preflight. The spelling of the last message is the vendor's.
    pub(super) fn denial(denial: Denial) -> Self {
        const NEEDS_METHOD: &str = "Insufficient information. Request Access-Control-Request-Method header needed.";
        let bad = |message, ec| new(StatusCode::BAD_REQUEST, "BadRequest", message).ec(ec);
        let forbidden = |message, ec| new(StatusCode::FORBIDDEN, "AccessForbidden", message).ec(ec);
        match denial {
            Denial::NoOrigin => bad("Insufficient information. Origin request header needed.", Some("0034-00000101")),
            Denial::SeveralOrigins(TwoOrigins::BadRequest) => {
                bad("Insufficient information. Origin request header needed.", None)
            }
            Denial::NoRequestMethod => bad(NEEDS_METHOD, Some("0034-00000102")),
            Denial::UnknownRequestMethod => bad(NEEDS_METHOD, None),
            Denial::NotEnabled => {
                forbidden("CORSResponse: CORS is not enabled for this bucket.", Some("0003-00000601"))
            }
            Denial::NoRule | Denial::SeveralOrigins(TwoOrigins::Forbid) => forbidden(
                "CORSResponse: This CORS request is not allowed. This is usually because the evalution of Origin, \
                 request method / Access-Control-Request-Method or Access-Control-Requet-Headers are not whitelisted \
                 by the resource's CORS spec.",
                Some("0003-00000602"),
            ),
        }
    }
}

impl ErrorDocument {
    /// What the signature check answers.
    pub(super) fn signature(error: &VerifyError, now: Timestamp) -> Self {
        let forbidden = |code, message| new(StatusCode::FORBIDDEN, code, message).cause(Cause::Signature);
        match error {
            VerifyError::UnknownKey { access_key_id } => {
                let message = "The OSS Access Key Id you provided does not exist in our records.";
                forbidden("InvalidAccessKeyId", message).with("OSSAccessKeyId", access_key_id).ec(Some("0002-00000902"))
            }
            VerifyError::Mismatch { access_key_id, provided, string_to_sign } => {
                let message = "The request signature we calculated does not match the signature you provided. Check \
                               your key and signing method.";
                let bytes: Vec<String> = string_to_sign.bytes().map(|byte| format!("{byte:02X}")).collect();
                forbidden("SignatureDoesNotMatch", message)
                    .with("OSSAccessKeyId", access_key_id)
                    .with("SignatureProvided", provided)
                    .with("StringToSign", string_to_sign)
                    .with("StringToSignBytes", bytes.join(" "))
            }
            VerifyError::Skewed { request_time } => {
                let message = "The difference between the request time and the current time is too large.";
                forbidden("RequestTimeTooSkewed", message)
                    .cause(Cause::Skew)
                    .with("MaxAllowedSkewMilliseconds", crate::sign::MAX_SKEW.as_millis().to_string())
                    .with("RequestTime", milliseconds(*request_time))
                    .with("ServerTime", milliseconds(now))
            }
            VerifyError::Expired { expires } => forbidden("AccessDenied", "Request has expired.")
                .with("Expires", milliseconds(*expires))
                .with("ServerTime", milliseconds(now)),
            VerifyError::InvalidDate => {
                forbidden("AccessDenied", "OSS authentication requires a valid Date.").ec(Some("0002-00000503"))
            }
            VerifyError::Malformed(detail) => {
                let message = "The authorization of the request is not of a documented form.";
                let error = new(StatusCode::BAD_REQUEST, "InvalidArgument", message).cause(Cause::Signature);
                error.with("ArgumentName", "Authorization").with("ArgumentValue", *detail)
            }
        }
    }
}

/// `2026-01-01T12:00:00.000Z`
fn milliseconds(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string()
}

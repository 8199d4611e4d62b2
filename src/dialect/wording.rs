//! What a vendor's servers say: [`Wording`].

use std::collections::BTreeMap;

use http::StatusCode;

use crate::yaml::{Decoder, Field, Node, Record, Shape, Span};

/// Names and sentences of a vendor's servers.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Wording {
    /// What the vendor's own header fields begin with: `x-oss-`.
    pub header_prefix: String,
    /// The Server field.
    pub server: String,
    /// Namespace of the documents that servers write.
    pub namespace: Option<String>,
    /// Address of a page about a fine error code, without the code; none where errors have no such codes.
    pub fine_codes: Option<String>,
    /// Whether every answer says in a field of the vendor's how long it took.
    pub server_time: bool,
    errors: BTreeMap<ErrorKind, ErrorText>,
}

impl Wording {
    /// A header field of the vendor's own: `request-id` is `x-oss-request-id`.
    pub fn field(&self, name: &str) -> String {
        format!("{}{name}", self.header_prefix)
    }

    /// What is said about an error.
    pub fn error(&self, kind: ErrorKind) -> &ErrorText {
        static NONE: ErrorText = ErrorText {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            code: String::new(),
            message: String::new(),
            elements: Vec::new(),
            ec: None,
        };
        // A dialect that lacks one does not load.
        self.errors.get(&kind).unwrap_or(&NONE)
    }
}

/// An error as a vendor words it. In message and elements `{name}` stands for a value that the error is about.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct ErrorText {
    /// HTTP status.
    pub status: StatusCode,
    /// Code.
    pub code: String,
    /// Message.
    pub message: String,
    /// Elements that say more, in order.
    pub elements: Vec<(String, String)>,
    /// Fine code.
    pub ec: Option<String>,
}

impl ErrorText {
    /// A text with values in the place of their names.
    pub fn filled(text: &str, values: &[(&'static str, String)]) -> String {
        let mut filled = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            filled.push_str(before);
            let value = after.split_once('}').and_then(|(name, after)| {
                let value = values.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value.as_str());
                Some((value, after)).filter(|_| name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'))
            });
            let Some((value, after)) = value else {
                filled.push('{');
                rest = after;
                continue;
            };
            filled.push_str(value);
            rest = after;
        }
        filled.push_str(rest);
        filled
    }
}

macro_rules! errors {
    ($($(#[$doc:meta])* $variant:ident = $name:literal),+ $(,)?) => {
        /// What goes wrong in an object store, whatever a vendor calls it.
        #[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
        #[non_exhaustive]
        pub enum ErrorKind { $($(#[$doc])* $variant),+ }

        impl ErrorKind {
            const NAMES: &'static [(&'static str, Self)] = &[$(($name, Self::$variant)),+];
        }
    };
}

errors! {
    /// No such bucket; `{bucket}`.
    NoSuchBucket = "no_such_bucket",
    /// The name is none; `{bucket}`.
    InvalidBucketName = "invalid_bucket_name",
    /// The name is taken; `{bucket}`.
    BucketExists = "bucket_exists",
    /// Buckets have no ACLs.
    NoAcls = "no_acls",
    /// The bucket has objects; `{bucket}`.
    BucketNotEmpty = "bucket_not_empty",
    /// No such object; `{key}`.
    NoSuchKey = "no_such_key",
    /// The bucket has no rules; `{bucket}`.
    NoSuchCors = "no_such_cors",
    /// Nobody may do this unsigned.
    Anonymous = "anonymous",
    /// The ACL refuses.
    Denied = "denied",
    /// The bucket is somebody else's.
    NotOwner = "not_owner",
    /// Content-MD5 is no digest; `{value}`.
    MalformedDigest = "malformed_digest",
    /// Content-MD5 is another digest.
    WrongDigest = "wrong_digest",
    /// A checksum is another one; `{name}`.
    WrongChecksum = "wrong_checksum",
    /// Neither Content-MD5 nor a checksum where one is needed.
    NoDigest = "no_digest",
    /// Not well-formed; `{detail}`.
    IllFormed = "ill_formed",
    /// Not of the documented structure; `{detail}`.
    Malformed = "malformed",
    /// A value that is not allowed; `{name}`, `{value}`.
    InvalidArgument = "invalid_argument",
    /// An AllowedMethod that is not allowed; `{name}`, `{value}`.
    InvalidMethod = "invalid_method",
    /// A second asterisk; `{name}`, `{value}`.
    TwoWildcards = "two_wildcards",
    /// An asterisk where none may be; `{name}`, `{value}`.
    NoWildcard = "no_wildcard",
    /// A character that may not be; `{name}`, `{value}`.
    InvalidCharacter = "invalid_character",
    /// A MaxAgeSeconds that is no number; `{name}`, `{value}`.
    InvalidAge = "invalid_age",
    /// Too many rules; `{limit}`.
    TooManyRules = "too_many_rules",
    /// The document is too large; `{limit}`.
    TooLarge = "too_large",
    /// No Content-Length.
    NoLength = "no_length",
    /// Not implemented; `{what}`.
    NotImplemented = "not_implemented",
    /// Not by this method; `{method}`, `{kind}`.
    MethodNotAllowed = "method_not_allowed",
    /// The object is there and must not be overwritten.
    ObjectExists = "object_exists",
    /// The object does not grow.
    NotAppendable = "not_appendable",
    /// The object has another length.
    WrongPosition = "wrong_position",
    /// If-Match and the like.
    PreconditionFailed = "precondition_failed",
    /// Range.
    InvalidRange = "invalid_range",
    /// No such multipart upload.
    NoSuchUpload = "no_such_upload",
    /// The policy of a browser form refuses; `{detail}`.
    Policy = "policy",
    /// A preflight without Origin.
    NoOrigin = "no_origin",
    /// A preflight without Access-Control-Request-Method.
    NoRequestMethod = "no_request_method",
    /// An Access-Control-Request-Method that no rule can name; `{method}`.
    UnknownRequestMethod = "unknown_request_method",
    /// A name in Access-Control-Request-Headers that is none; `{value}`.
    OddRequestHeader = "odd_request_header",
    /// A preflight on a bucket that does not exist, where that is no 404; `{method}`, `{kind}`.
    PreflightNoBucket = "preflight_no_bucket",
    /// A preflight on a bucket without rules; `{method}`, `{kind}`.
    NotEnabled = "not_enabled",
    /// A preflight that no rule allows; `{method}`, `{kind}`.
    NotAllowed = "not_allowed",
    /// No such access key; `{key}`.
    UnknownKey = "unknown_key",
    /// Another signature; `{key}`, `{provided}`, `{string}`, `{bytes}`.
    WrongSignature = "wrong_signature",
    /// The clock; `{tolerated}`, `{request_time}`, `{server_time}`.
    Skewed = "skewed",
    /// A presigned URL past its time; `{expires}`, `{server_time}`.
    Expired = "expired",
    /// No date.
    InvalidDate = "invalid_date",
    /// A signature of no known form; `{detail}`.
    MalformedAuthorization = "malformed_authorization",
    /// The digest that was signed is not the body's.
    WrongPayload = "wrong_payload",
}

pub(super) static NAMES: Record = Record::new(
    "names",
    "the vendor's names",
    &[
        Field::optional("header_prefix", Shape::Text, "what its own header fields begin with"),
        Field::optional("server", Shape::Text, "the Server field"),
        Field::optional("namespace", Shape::Text, "namespace of the documents that servers write"),
        Field::optional("fine_codes", Shape::Text, "address of a page about a fine error code, without the code"),
        Field::optional(
            "server_time",
            Shape::Truth,
            "whether every answer says in a field of its own how long it took",
        ),
    ],
);

pub(super) static ERROR: Record = Record::new(
    "error",
    "an error",
    &[
        Field::optional("status", Shape::Integer, "HTTP status"),
        Field::optional("code", Shape::Text, "Code"),
        Field::optional("message", Shape::Text, "Message; `{name}` stands for a value"),
        Field::optional("elements", Shape::MapOf(&Shape::Text), "elements that say more"),
        Field::optional("ec", Shape::Text, "fine code"),
    ],
);

/// The sections `names` and `errors`; what they leave out is as `base` has it.
pub(super) fn decode(
    decoder: &mut Decoder,
    span: &Span,
    (names, errors): (Option<&Node>, Option<&Node>),
    base: Option<&Wording>,
) -> Option<Wording> {
    let mut wording = base.cloned().unwrap_or_else(|| Wording {
        header_prefix: String::new(),
        server: String::new(),
        namespace: None,
        fine_codes: None,
        server_time: false,
        errors: BTreeMap::new(),
    });
    if let Some(fields) = names.and_then(|node| decoder.fields(node, &NAMES)) {
        let server_time = fields.get("server_time").and_then(|node| decoder.truth(node));
        wording.server_time = server_time.unwrap_or(wording.server_time);
        let mut text = |name: &str| fields.get(name).and_then(|node| decoder.text(node, "text"));
        wording.server = text("server").unwrap_or(wording.server);
        wording.namespace = text("namespace").or(wording.namespace);
        wording.fine_codes = text("fine_codes").or(wording.fine_codes);
        if let Some(prefix) = text("header_prefix") {
            if http::HeaderName::from_bytes(prefix.as_bytes()).is_err() || prefix.to_ascii_lowercase() != prefix {
                let span = fields.get("header_prefix").map_or(fields.span.clone(), |node| node.span.clone());
                let found = decoder.error(&span, "not the beginning of a header field in lower case");
                decoder.push(found);
            }
            wording.header_prefix = prefix;
        }
    }
    for (key, body) in errors.map(|node| decoder.map(node, "a map of errors").unwrap_or_default()).unwrap_or_default() {
        let Some((_, kind)) = ErrorKind::NAMES.iter().find(|(name, _)| *name == key.text) else {
            let names = ErrorKind::NAMES.iter().map(|(name, _)| *name);
            let found = decoder.error(&key.span, format!("unknown error `{}`", key.text)).suggest(&key.text, names);
            decoder.push(found);
            continue;
        };
        if let Some(error) = error(decoder, body, wording.errors.get(kind)) {
            wording.errors.insert(*kind, error);
        }
    }
    let missing: Vec<&str> =
        ErrorKind::NAMES.iter().filter(|(_, kind)| !wording.errors.contains_key(kind)).map(|(name, _)| *name).collect();
    if wording.header_prefix.is_empty() || !missing.is_empty() {
        let lacks = if missing.is_empty() { "header_prefix".to_owned() } else { missing.join("`, `") };
        let found =
            decoder.error(errors.or(names).map_or(span, |node| &node.span), format!("the dialect lacks `{lacks}`"));
        decoder.push(found);
    }
    missing.is_empty().then_some(wording)
}

fn error(decoder: &mut Decoder, node: &Node, base: Option<&ErrorText>) -> Option<ErrorText> {
    let fields = decoder.fields(node, &ERROR)?;
    let status = match fields.get("status") {
        Some(node) => {
            let number = decoder.integer(node, 599)?;
            let status = u16::try_from(number).ok().filter(|status| (400..=599).contains(status));
            if status.is_none() {
                let found = decoder.error(&node.span, "not the status of an error").label("400 to 599");
                decoder.push(found);
            }
            StatusCode::from_u16(status?).ok()
        }
        None => base.map(|base| base.status),
    };
    let mut text = |name: &str| fields.get(name).and_then(|node| decoder.text(node, "text"));
    let code = text("code").or_else(|| base.map(|base| base.code.clone()));
    let message = text("message").or_else(|| base.map(|base| base.message.clone()));
    let ec = text("ec").or_else(|| base.and_then(|base| base.ec.clone()));
    let elements = match fields.get("elements") {
        Some(node) => {
            let entries = decoder.map(node, "a map of elements").unwrap_or_default();
            let mut found = Vec::new();
            for (key, value) in entries {
                let named = key.text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
                if !named || !key.text.starts_with(|first: char| first.is_ascii_alphabetic()) {
                    let problem = decoder
                        .error(&key.span, "not the name of an element")
                        .label("a letter, then letters, digits and hyphens");
                    decoder.push(problem);
                }
                found.extend(decoder.text(value, "text").map(|text| (key.text.clone(), text)));
            }
            found
        }
        None => base.map(|base| base.elements.clone()).unwrap_or_default(),
    };
    let (Some(status), Some(code), Some(message)) = (status, code, message) else {
        let found = decoder.error(&fields.span, "an error needs `status`, `code` and `message`");
        decoder.push(found);
        return None;
    };
    Some(ErrorText { status, code, message, elements, ec })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_take_the_place_of_their_names() {
        let values = [("name", "AllowedOrigin".to_owned()), ("value", "{name}*".to_owned())];
        let check = |text: &str, expected: &str| assert_eq!(ErrorText::filled(text, &values), expected, "{text}");
        check("plain", "plain");
        check("{name} \"{value}\" no.", "AllowedOrigin \"{name}*\" no.");
        check("{none}{", "{");
        check("{Not a name} {", "{Not a name} {");
    }
}

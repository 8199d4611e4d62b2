//! What both schemes share: encoding, queries, date formats, header access.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Uri};
use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use sha1::Sha1;
use sha2::Sha256;

/// RFC 3986 unreserved characters stay.
const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// In a path the slash stays, too.
const PATH: &AsciiSet = &COMPONENT.remove(b'/');

/// Percent-encodes all but unreserved characters.
pub fn encode_component(text: &str) -> String {
    utf8_percent_encode(text, COMPONENT).to_string()
}

/// The same, slashes kept.
pub(super) fn encode_path(text: &str) -> String {
    utf8_percent_encode(text, PATH).to_string()
}

/// Undoes percent-encoding; bytes that are not UTF-8 become U+FFFD. A plus sign stays one.
pub fn decode_component(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// The members of a query, decoded, in order; a member without `=` has no value.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Query(Vec<(String, Option<String>)>);

impl Query {
    /// From what follows the question mark.
    pub fn parse(text: &str) -> Self {
        let members = text.split('&').filter(|member| !member.is_empty());
        Self(
            members
                .map(|member| match member.split_once('=') {
                    Some((name, value)) => (decode_component(name), Some(decode_component(value))),
                    None => (decode_component(member), None),
                })
                .collect(),
        )
    }

    /// Whether a member is there.
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(member, _)| member == name)
    }

    /// Its value; the empty text for a member without one.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(member, _)| member == name).map(|(_, value)| value.as_deref().unwrap_or_default())
    }

    /// The members that ask for something, those of a presigned URL left out.
    #[must_use]
    pub fn without_signature(mut self) -> Self {
        self.0.retain(|(name, _)| !is_of_signature(name));
        self
    }

    /// All members.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_deref()))
    }
}

/// Whether a member of a query belongs to the signature of a presigned URL, by whichever scheme.
pub fn is_of_signature(name: &str) -> bool {
    const NAMES: [&str; 18] = [
        "OSSAccessKeyId",
        "Expires",
        "Signature",
        "security-token",
        "x-oss-signature-version",
        "x-oss-credential",
        "x-oss-date",
        "x-oss-expires",
        "x-oss-signature",
        "x-oss-additional-headers",
        "x-oss-security-token",
        "X-Amz-Algorithm",
        "X-Amz-Credential",
        "X-Amz-Date",
        "X-Amz-Expires",
        "X-Amz-SignedHeaders",
        "X-Amz-Signature",
        "X-Amz-Security-Token",
    ];
    NAMES.contains(&name)
}

/// Adds members to the query of a request.
pub(super) fn add_query(parts: &mut Parts, members: &[(&str, &str)]) {
    let mut text = parts.uri.path_and_query().map_or("/", PathAndQuery::as_str).to_owned();
    for (name, value) in members {
        text.push(if text.contains('?') { '&' } else { '?' });
        text.push_str(&encode_component(name));
        text.push('=');
        text.push_str(&encode_component(value));
    }
    let mut uri = parts.uri.clone().into_parts();
    // The text was a path and query before, and what is added is percent-encoded.
    if let Ok(path_and_query) = text.parse() {
        uri.path_and_query = Some(path_and_query);
        if let Ok(uri) = Uri::from_parts(uri) {
            parts.uri = uri;
        }
    }
}

/// Sets a header field; a value that cannot be one is left out.
pub(super) fn set(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

/// The value of a header field, several lines joined, outer white space off.
pub(super) fn field(headers: &HeaderMap, name: &str) -> String {
    let lines: Vec<String> =
        headers.get_all(name).iter().map(|line| String::from_utf8_lossy(line.as_bytes()).trim().to_owned()).collect();
    lines.join(",")
}

/// `x-oss-*` names, sorted, without duplicates.
pub(super) fn oss_fields(headers: &HeaderMap) -> Vec<&str> {
    let mut names: Vec<&str> = headers.keys().map(http::HeaderName::as_str).collect();
    names.retain(|name| name.starts_with("x-oss-"));
    names.sort_unstable();
    names
}

/// The IMF-fixdate of RFC 9110.
pub fn http_date(time: Timestamp) -> String {
    time.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// Reads an IMF-fixdate; none if it is no valid one.
pub fn parse_http_date(text: &str) -> Option<Timestamp> {
    let date = jiff::civil::DateTime::strptime("%a, %d %b %Y %H:%M:%S GMT", text).ok()?;
    jiff::tz::TimeZone::UTC.to_timestamp(date).ok()
}

/// `20231216T162057Z`
pub(super) fn basic_date(time: Timestamp) -> String {
    time.strftime("%Y%m%dT%H%M%SZ").to_string()
}

/// Reads `20231216T162057Z`.
pub(super) fn parse_basic_date(text: &str) -> Option<Timestamp> {
    let date = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", text).ok()?;
    jiff::tz::TimeZone::UTC.to_timestamp(date).ok()
}

pub(super) fn hmac_sha1(key: &[u8], data: &[u8]) -> String {
    let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(key) else {
        return String::new();
    };
    mac.update(data);
    STANDARD.encode(mac.finalize().into_bytes())
}

pub(super) fn hmac_sha256(key: &[u8], data: &[u8]) -> Vec<u8> {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
        return Vec::new();
    };
    mac.update(data);
    mac.finalize().into_bytes().to_vec()
}

/// In hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |half: u8| char::from(DIGITS.get(usize::from(half)).copied().unwrap_or_default());
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

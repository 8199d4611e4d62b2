//! Credentials left out: [`redact`] of a request that was sent, [`Secrets`] of what came back.
//!
//! Only what signing added is touched. Who has the case and the time of a request can make it anew with keys of his own, and gets the
//! same after [`redact`].

use std::borrow::Cow;

use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{HeaderValue, Request, Response, Uri, header};
use percent_encoding::percent_decode_str;
use regex::bytes::Regex;

use crate::sign::{Credentials, encode_component};

/// Stands for a credential in a request.
const HIDDEN: &str = "***";
/// Query members and parts of a form that are a credential; their values are hidden whole …
const SECRET: [&str; 10] = [
    "OSSAccessKeyId",
    "AWSAccessKeyId",
    "Signature",
    "security-token",
    "x-oss-security-token",
    "x-oss-signature",
    "X-Amz-Security-Token",
    "X-Amz-Signature",
    "x-amz-security-token",
    "x-amz-signature",
];
/// … and one that names a key and what it is signed for.
const CREDENTIAL: [&str; 3] = ["x-oss-credential", "X-Amz-Credential", "x-amz-credential"];
/// Header fields that are a credential.
const TOKEN: [&str; 2] = ["x-oss-security-token", "x-amz-security-token"];
/// Access keys that are shorter are words of everyday; hiding them would hide more than them.
const SHORTEST_ID: usize = 8;

/// The request with `***` for access keys, signatures and security tokens, wherever signing puts them.
pub fn redact(request: &Request<Bytes>) -> Request<Bytes> {
    let mut hidden = request.clone();
    if let Some(target) = request.uri().path_and_query()
        && let Ok(shown) = hidden_target(target.as_str()).parse::<PathAndQuery>()
    {
        let mut parts = request.uri().clone().into_parts();
        parts.path_and_query = Some(shown);
        if let Ok(uri) = Uri::from_parts(parts) {
            *hidden.uri_mut() = uri;
        }
    }
    for (name, value) in hidden.headers_mut().iter_mut() {
        let shown = hidden_line(name.as_str(), &String::from_utf8_lossy(value.as_bytes()));
        if let Some(shown) = shown.and_then(|shown| HeaderValue::from_str(&shown).ok()) {
            *value = shown;
        }
    }
    if is_form(request) {
        let body = form(request.body());
        if hidden.headers().contains_key(header::CONTENT_LENGTH) {
            hidden.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
        }
        *hidden.body_mut() = body;
    }
    hidden
}

/// Whether a request is a browser form.
pub(super) fn is_form(request: &Request<Bytes>) -> bool {
    let kind = request.headers().get(header::CONTENT_TYPE);
    kind.is_some_and(|kind| kind.as_bytes().starts_with(b"multipart/form-data"))
}

/// A path and its query, or a request line.
pub(super) fn hidden_target(target: &str) -> String {
    let Some((path, query)) = target.split_once('?') else { return target.to_owned() };
    let members = query.split('&').map(|member| match member.split_once('=') {
        Some((name, value)) => match hidden_value(name, value, "%2F") {
            Some(shown) => Cow::Owned(format!("{name}={shown}")),
            None => Cow::Borrowed(member),
        },
        None => Cow::Borrowed(member),
    });
    format!("{path}?{}", members.collect::<Vec<_>>().join("&"))
}

/// The value of a header field, if it is one that holds a credential. The name is in lower case.
pub(super) fn hidden_line(name: &str, value: &str) -> Option<String> {
    if TOKEN.contains(&name) {
        return Some(HIDDEN.to_owned());
    }
    if name != "authorization" {
        return None;
    }
    let (scheme, rest) = value.split_once(' ').unwrap_or((value, ""));
    if scheme == "OSS" && rest.contains(':') {
        return Some(format!("OSS {HIDDEN}:{HIDDEN}"));
    }
    let known: Option<Vec<String>> = rest.split(',').map(|member| hidden_member(member.trim())).collect();
    Some(known.map_or_else(|| HIDDEN.to_owned(), |members| format!("{scheme} {}", members.join(","))))
}

/// A member of the Authorization field of V4.
fn hidden_member(member: &str) -> Option<String> {
    match member.split_once('=')? {
        ("Signature", _) => Some(format!("Signature={HIDDEN}")),
        ("Credential", value) => Some(format!("Credential={}", credential(value, "/"))),
        ("AdditionalHeaders" | "SignedHeaders", _) => Some(member.to_owned()),
        _ => None,
    }
}

/// The value of a query member or a part of a form, if it is a credential.
fn hidden_value(name: &str, value: &str, slash: &str) -> Option<String> {
    if SECRET.contains(&name) {
        return Some(HIDDEN.to_owned());
    }
    CREDENTIAL.contains(&name).then(|| credential(value, slash))
}

/// `key/date/region/service/request` without the key.
fn credential(value: &str, slash: &str) -> String {
    let ends: Vec<&str> = value.rsplitn(5, slash).collect();
    match ends.as_slice() {
        [request, service, region, date, _] => [HIDDEN, date, region, service, request].join(slash),
        _ => HIDDEN.to_owned(),
    }
}

/// A form without its credentials.
fn form(body: &Bytes) -> Bytes {
    let mut shown: Vec<Cow<'_, str>> = Vec::new();
    let mut part: Option<String> = None;
    let text = String::from_utf8_lossy(body);
    for line in text.split("\r\n") {
        let named = line.strip_prefix("Content-Disposition: form-data; name=\"").and_then(|rest| rest.split_once('"'));
        if line.starts_with("--") {
            part = None;
        } else if let Some((name, _)) = named {
            part = Some(name.to_owned());
        }
        let is_value = named.is_none() && !line.is_empty();
        let hidden = part.as_deref().filter(|_| is_value).and_then(|name| hidden_value(name, line, "/"));
        shown.push(hidden.map_or(Cow::Borrowed(line), Cow::Owned));
    }
    Bytes::from(shown.join("\r\n"))
}

/// Credentials that an answer may echo, in every form that servers are known to send them back.
#[derive(Clone, Debug, Default)]
pub struct Secrets {
    any: Option<Regex>,
}

impl Secrets {
    /// Of keys, and of the requests that were signed with them.
    pub fn of<'a>(
        keys: impl IntoIterator<Item = &'a Credentials>,
        requests: impl IntoIterator<Item = &'a Request<Bytes>>,
    ) -> Self {
        let mut words: Vec<String> = Vec::new();
        for key in keys {
            words.extend(Some(key.access_key_id.clone()).filter(|id| id.len() >= SHORTEST_ID));
            words.push(key.access_key_secret.clone());
            words.extend(key.security_token.clone());
        }
        words.extend(requests.into_iter().flat_map(signatures));
        let mut forms: Vec<String> =
            words.iter().filter(|word| !word.is_empty()).flat_map(|word| forms(word)).collect();
        // Of two that begin alike the longer one.
        forms.sort_by(|one, other| other.len().cmp(&one.len()).then_with(|| one.cmp(other)));
        forms.dedup();
        if forms.is_empty() {
            return Self::default();
        }
        let escaped: Vec<String> = forms.iter().map(|form| regex::escape(form)).collect();
        // Escaped texts are a pattern, unless they are too many: then nothing at all is told.
        Self { any: Regex::new(&escaped.join("|")).or_else(|_| Regex::new("(?s-u:.+)")).ok() }
    }

    /// Whether any of them is in a text.
    pub fn are_in(&self, text: &[u8]) -> bool {
        self.any.as_ref().is_some_and(|any| any.is_match(text))
    }

    /// A text with `***` for each.
    pub fn hide(&self, text: String) -> String {
        match &self.any {
            Some(any) if any.is_match(text.as_bytes()) => {
                String::from_utf8_lossy(&any.replace_all(text.as_bytes(), HIDDEN.as_bytes())).into_owned()
            }
            _ => text,
        }
    }

    /// An answer with as many `*` for each as it has bytes, in header fields and body.
    pub fn hide_in(&self, answer: &Response<Bytes>) -> Response<Bytes> {
        let mut hidden = answer.clone();
        for value in hidden.headers_mut().values_mut() {
            if let Some(shown) = self.stars(value.as_bytes()).and_then(|shown| HeaderValue::from_bytes(&shown).ok()) {
                *value = shown;
            }
        }
        if let Some(shown) = self.stars(answer.body()) {
            *hidden.body_mut() = shown.into();
        }
        hidden
    }

    fn stars(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        let any = self.any.as_ref().filter(|any| any.is_match(bytes))?;
        let stars = |found: &regex::bytes::Captures<'_>| vec![b'*'; found.get(0).map_or(0, |all| all.len())];
        Some(any.replace_all(bytes, stars).into_owned())
    }
}

/// The signatures and tokens that a request carries.
fn signatures(request: &Request<Bytes>) -> Vec<String> {
    let mut found = Vec::new();
    let mut values: Vec<(String, String)> = Vec::new();
    for member in request.uri().query().unwrap_or_default().split('&') {
        if let Some((name, value)) = member.split_once('=') {
            values.push((name.to_owned(), percent_decode_str(value).decode_utf8_lossy().into_owned()));
        }
    }
    if is_form(request) {
        let text = String::from_utf8_lossy(request.body());
        for part in text.split("Content-Disposition: form-data; name=\"").skip(1) {
            if let Some((name, rest)) = part.split_once('"')
                && let Some((_, value)) = rest.split_once("\r\n\r\n")
            {
                values.push((name.to_owned(), value.split("\r\n").next().unwrap_or_default().to_owned()));
            }
        }
    }
    let secret = |name: &str| !name.ends_with("AccessKeyId") && SECRET.contains(&name);
    found.extend(values.into_iter().filter(|(name, _)| secret(name)).map(|(_, value)| value));
    for (name, value) in request.headers() {
        let value = String::from_utf8_lossy(value.as_bytes());
        if TOKEN.contains(&name.as_str()) {
            found.push(value.into_owned());
        } else if name == header::AUTHORIZATION {
            let signature = value.rsplit_once("Signature=").or_else(|| value.rsplit_once(':'));
            found.extend(signature.map(|(_, signature)| signature.trim().to_owned()));
        }
    }
    found
}

/// As it is, in a URL, as bytes in hexadecimal digits, in XML, in JSON.
fn forms(word: &str) -> Vec<String> {
    let encoded = encode_component(word);
    let lower = encoded.replace("%2F", "%2f").replace("%2B", "%2b").replace("%3D", "%3d");
    let spaced = |word: &str| word.bytes().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(" ");
    let escaped = word.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let quoted = escaped.replace('"', "&quot;").replace('\'', "&apos;");
    let entities = |write: fn(char) -> String| {
        let one = |c: char| if c.is_ascii_alphanumeric() || "-._".contains(c) { c.to_string() } else { write(c) };
        word.chars().map(one).collect::<String>()
    };
    let mut all = vec![
        entities(|c| format!("&#{};", u32::from(c))),
        entities(|c| format!("&#x{:X};", u32::from(c))),
        entities(|c| format!("&#x{:x};", u32::from(c))),
        word.replace('/', "\\/"),
        escaped,
        quoted,
        lower,
    ];
    for bytes in [spaced(word), spaced(&encoded)] {
        all.extend([bytes.to_ascii_lowercase(), bytes]);
    }
    all.extend([encoded, word.to_owned()]);
    all
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::case::{self, Step};
    use crate::diagnostic::SourceFile;
    use crate::dialect::Dialect;
    use crate::request::{Addressing, Outgoing, Place, Site};
    use crate::sign::Scheme;

    const STEPS: &str = "
about: t
cases:
  - id: t
    clauses: [get.none]
    steps:
      - {get_cors: , as: owner, expect: {status: 200}}
      - {get_cors: , as: presigned, expect: {status: 200}}
      - {get_cors: , as: expired, expect: {status: 200}}
      - {get_cors: , as: unknown-key, expect: {status: 200}}
      - {get_cors: , as: bad-signature, expect: {status: 200}}
      - request: {method: POST, form: {key: k, file: content}}
        expect: {status: 204}
      - {get_cors: , as: anonymous, expect: {status: 403}}
";

    fn steps() -> Vec<Step> {
        let loaded = case::load(&[SourceFile::new("config/t.yaml", STEPS)], Dialect::oss());
        assert!(!loaded.failed(), "{:?}", loaded.diagnostics);
        loaded.suite.cases[0].steps.clone()
    }

    fn sent(scheme: &Scheme, key: &Credentials) -> Vec<Request<Bytes>> {
        let site = Site {
            protocol: "http",
            authority: "h:1",
            addressing: Addressing::Path,
            scheme,
            credentials: Some(key),
            other: None,
            integrity: crate::dialect::Integrity::Optional,
            other_variables: "",
        };
        let place = Place { bucket: Some("b".to_owned()), prefix: String::new() };
        let at: Timestamp = "2026-01-02T03:04:05Z".parse().unwrap();
        let steps = steps();
        let all = steps.iter().flat_map(|step| Outgoing::of(step, &[], &place, &site, at).unwrap().requests);
        all.collect()
    }

    fn key(word: &str, token: bool) -> Credentials {
        let key = Credentials::new(format!("{word}/id"), format!("{word}+secret"));
        Credentials { security_token: token.then(|| format!("{word}=token")), ..key }
    }

    fn text(request: &Request<Bytes>) -> String {
        format!("{request:?}")
    }

    #[test]
    fn who_has_other_keys_gets_the_same() {
        let region = || "cn-hangzhou".to_owned();
        for scheme in [Scheme::V1, Scheme::V4 { region: region() }, Scheme::AwsV4 { region: region() }] {
            for token in [false, true] {
                let (one, other) = (sent(&scheme, &key("first-key", token)), sent(&scheme, &key("2nd", token)));
                assert_eq!(one.len(), 7);
                for (one, other) in one.iter().zip(&other) {
                    let hidden = text(&redact(one));
                    assert!(!hidden.contains("first-key"), "{hidden}");
                    assert_eq!(hidden, text(&redact(other)));
                }
                let unsigned = &one[6];
                assert_eq!(text(&redact(unsigned)), text(unsigned));
            }
        }
    }

    #[test]
    fn what_is_shown_of_a_signature() {
        let region = || "r".to_owned();
        let shown: Vec<String> = [Scheme::V1, Scheme::V4 { region: region() }, Scheme::AwsV4 { region: region() }]
            .iter()
            .flat_map(|scheme| sent(scheme, &key("k", true)).into_iter().take(2))
            .map(|request| {
                let request = redact(&request);
                let field = request.headers().get("authorization").map(|value| value.to_str().unwrap().to_owned());
                format!("{} {}", request.uri(), field.unwrap_or_default()).trim_end().to_owned()
            })
            .collect();
        insta::assert_snapshot!(shown.join("\n"), @"
        http://h:1/b/?cors OSS ***:***
        http://h:1/b/?cors&security-token=***&OSSAccessKeyId=***&Expires=1767323345&Signature=***
        http://h:1/b/?cors OSS4-HMAC-SHA256 Credential=***/20260102/r/oss/aliyun_v4_request,Signature=***
        http://h:1/b/?cors&x-oss-signature-version=OSS4-HMAC-SHA256&x-oss-credential=***%2F20260102%2Fr%2Foss%2Faliyun_v4_request&x-oss-date=20260102T030405Z&x-oss-expires=300&x-oss-security-token=***&x-oss-signature=***
        http://h:1/b/?cors AWS4-HMAC-SHA256 Credential=***/20260102/r/s3/aws4_request,SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token,Signature=***
        http://h:1/b/?cors&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=***%2F20260102%2Fr%2Fs3%2Faws4_request&X-Amz-Date=20260102T030405Z&X-Amz-Expires=300&X-Amz-SignedHeaders=host&X-Amz-Security-Token=***&X-Amz-Signature=***
        ");
    }

    #[test]
    fn echoes_are_hidden() {
        let key = key("first-key", true);
        let sent = sent(&Scheme::V1, &key);
        let secrets = Secrets::of([&key], &sent);
        let echo = format!("{} {} {}", text(&sent[0]), text(&sent[1]), String::from_utf8_lossy(sent[5].body()));
        let hidden = secrets.hide(echo);
        for secret in sent.iter().flat_map(signatures).chain(["first-key/id".to_owned(), "first-key=token".to_owned()])
        {
            assert!(!secret.is_empty() && !hidden.contains(&secret), "{secret}: {hidden}");
        }
        let spaced = "66 69 72 73 74 2d 6b 65 79 2B 73 65 63 72 65 74 ";
        for (echo, shown) in [
            ("first-key+secret", "****************"),
            ("a first-key%2Bsecret b", "a ****************** b"),
            (&spaced.to_uppercase(), &format!("{} ", "*".repeat(47))),
            ("first-key&#43;secret", "********************"),
            ("first-key&#x2B;secret", "*********************"),
            ("the first key", "the first key"),
        ] {
            let answer = Response::builder().header("x", echo).body(Bytes::from(echo.to_owned())).unwrap();
            let hidden = secrets.hide_in(&answer);
            assert_eq!((hidden.headers()["x"].to_str().unwrap(), &hidden.body()[..]), (shown, shown.as_bytes()));
        }
    }

    #[test]
    fn words_of_everyday_are_left() {
        let secrets = Secrets::of([&Credentials::new("test", "long-secret")], []);
        assert_eq!(secrets.hide("a test of long-secret".to_owned()), "a test of ***");
    }
}

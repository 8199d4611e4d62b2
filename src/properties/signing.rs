//! Signatures and digests a second time, and what has to break one: [`round_trip`], [`same_digest`].
//!
//! The twin writes the string to sign from the vendor's pages and makes the HMAC of two hashes itself (RFC 2104).

use arbitrary::Unstructured;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Request};
use jiff::{SignedDuration, Timestamp};
use sha1::Sha1;
use sha2::{Digest, Sha256};

use crate::sign::{Credentials, Form, Resource, Scheme, Signer, VerifyError, sign, verify};

const NOW: Timestamp = Timestamp::constant(1_700_000_000, 0);
const METHODS: [&str; 5] = ["GET", "PUT", "POST", "DELETE", "HEAD"];
/// Members of queries, and whether V1 signs them.
const MEMBERS: [(&str, bool); 9] = [
    ("cors", true),
    ("acl", true),
    ("append", true),
    ("position=7", true),
    ("uploadId=AbC", true),
    ("prefix=a", false),
    ("max-keys=10", false),
    ("callback", true),
    ("callback-var=x", true),
];
const FIELDS: [(&str, &str); 6] = [
    ("content-type", "text/plain"),
    ("content-md5", "1B2M2Y8AsgTpgAmY7PhCfg=="),
    ("x-oss-meta-b", "two  words"),
    ("x-oss-meta-a", "one"),
    ("x-custom", "not signed"),
    ("x-oss-acl", "private"),
];

/// A request that may be signed.
struct Unsigned {
    parts: Parts,
    resource: Resource,
    scheme: Scheme,
    form: Form,
    credentials: Credentials,
}

fn choose<T: Copy>(u: &mut Unstructured<'_>, of: &[T]) -> Option<T> {
    u.choose(of).ok().or(of.first()).copied()
}

fn unsigned(u: &mut Unstructured<'_>) -> Option<Unsigned> {
    let bucket = u.ratio(9, 10).unwrap_or(true).then(|| "examplebucket".to_owned());
    let keys = ["photo.jpg", "a/b c/\u{fc}.txt", "quote'd+plus%25", "~tilde_-.", "a//b"];
    let object = if bucket.is_some() && u.ratio(1, 2).unwrap_or(true) { choose(u, &keys) } else { None };
    let resource = Resource { bucket, object: object.map(str::to_owned) };
    let key: Vec<String> = object.unwrap_or_default().split('/').map(crate::sign::encode_component).collect();
    let bucket = resource.bucket.as_ref().map_or(String::new(), |bucket| format!("{bucket}/"));
    let mut members: Vec<&str> = Vec::new();
    for _ in 0..u.int_in_range(0..=3).unwrap_or(0) {
        let member = choose(u, &MEMBERS)?.0;
        if !members.contains(&member) {
            members.push(member);
        }
    }
    let query = if members.is_empty() { String::new() } else { format!("?{}", members.join("&")) };
    let uri = format!("http://oss.example/{bucket}{}{query}", key.join("/"));
    let mut builder = Request::builder().method(choose(u, &METHODS)?).uri(uri);
    for _ in 0..u.int_in_range(0..=3).unwrap_or(0) {
        let (name, value) = choose(u, &FIELDS)?;
        builder = builder.header(name, value);
    }
    let (parts, ()) = builder.body(()).ok()?.into_parts();
    let scheme =
        if u.arbitrary().unwrap_or(false) { Scheme::V4 { region: "cn-hangzhou".to_owned() } } else { Scheme::V1 };
    let form = if u.arbitrary().unwrap_or(false) { Form::Presigned { expires: 300 } } else { Form::Header };
    let mut credentials = Credentials::new("keyId", "keySecret");
    if u.ratio(1, 4).unwrap_or(false) {
        credentials.security_token = Some("a+token/=".to_owned());
    }
    Some(Unsigned { parts, resource, scheme, form, credentials })
}

/// What is signed is verified; what the twin signs is the same; after any change of what a signature covers it is not
/// accepted.
pub fn round_trip(u: &mut Unstructured<'_>) {
    let Some(Unsigned { mut parts, resource, scheme, form, credentials }) = unsigned(u) else { return };
    let before = parts.clone();
    sign(&mut parts, &scheme, form, &credentials, &resource, NOW);
    let known = credentials.clone();
    let check = |parts: &Parts, resource: &Resource, now: Timestamp, known: &Credentials| {
        verify(parts, resource, now, |id| (id == known.access_key_id).then_some(known))
    };
    let signer = Signer::Key { access_key_id: credentials.access_key_id.clone() };
    assert_eq!(check(&parts, &resource, NOW, &known), Ok(signer), "{parts:?}");
    if form == Form::Header {
        let mut twin = before.clone();
        for name in ["x-oss-date", "x-oss-content-sha256", "date", "x-oss-security-token"] {
            if let Some(value) = parts.headers.get(name) {
                twin.headers.insert(name, value.clone());
            }
        }
        let expected = match &scheme {
            Scheme::V1 => v1(&twin, &resource, &credentials),
            // No twin: requests of AWS are not made here.
            Scheme::AwsV4 { .. } => return,
            Scheme::V4 { region } => v4(&twin, &resource, &credentials, region),
        };
        let found = parts.headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
        assert_eq!(found, expected, "the twin signs otherwise: {before:?}");
    }

    let mut changes: Vec<(&str, Parts, Resource, Timestamp, Credentials)> = Vec::new();
    let mut push = |what, parts: Parts, resource: &Resource, now, known: &Credentials| {
        changes.push((what, parts, resource.clone(), now, known.clone()));
    };
    let mut other = parts.clone();
    other.method = if parts.method == "GET" { http::Method::PUT } else { http::Method::GET };
    push("another method", other, &resource, NOW, &known);
    let elsewhere = Resource { bucket: Some("otherbucket".to_owned()), ..resource.clone() };
    push("another bucket", parts.clone(), &elsewhere, NOW, &known);
    if resource.bucket.is_some() {
        let another = Resource { object: Some("another".to_owned()), ..resource.clone() };
        push("another object", parts.clone(), &another, NOW, &known);
    }
    for (name, value) in [("content-type", "text/other"), ("content-md5", "other"), ("x-oss-meta-c", "more")] {
        let mut other = parts.clone();
        other.headers.insert(name, HeaderValue::from_static(value));
        push("another field", other, &resource, NOW, &known);
    }
    for keep in [0, 1, 12] {
        push("a part of the signature", with_short_signature(&parts, keep), &resource, NOW, &known);
    }
    let secret = Credentials { access_key_secret: "another".to_owned(), ..known.clone() };
    push("another secret", parts.clone(), &resource, NOW, &secret);
    let token = Credentials { security_token: Some("another".to_owned()), ..known.clone() };
    push("another token", parts.clone(), &resource, NOW, &token);
    push("a later time", parts.clone(), &resource, NOW + SignedDuration::from_mins(16), &known);
    if form == Form::Header {
        push("an earlier time", parts.clone(), &resource, NOW - SignedDuration::from_mins(16), &known);
    }
    for (what, parts, resource, now, known) in changes {
        let found = check(&parts, &resource, now, &known);
        assert!(found.is_err(), "{what} is accepted: {parts:?}");
    }
    let nobody = verify(&parts, &resource, NOW, |_| None);
    assert!(matches!(nobody, Err(VerifyError::UnknownKey { .. })), "{nobody:?}");
}

/// Two implementations of Content-MD5 agree (RFC 1864).
pub fn same_digest(body: &[u8]) {
    let again = STANDARD.encode(md5_again::compute(body).0);
    assert_eq!(crate::request::content_md5(body), again, "{body:?}");
}

/// The signature cut after so many characters, in Authorization or in the query.
fn with_short_signature(parts: &Parts, keep: usize) -> Parts {
    let cut = |text: &str, begins: usize, ends: usize| {
        let end = (begins + keep).min(ends);
        [text.get(..end), text.get(ends..)].into_iter().flatten().collect::<String>()
    };
    let mut other = parts.clone();
    if let Some(value) = parts.headers.get("authorization").and_then(|value| value.to_str().ok()) {
        // `OSS id:signature` or `OSS4-HMAC-SHA256 …,Signature=signature`
        let begins = value.find("Signature=").map(|at| at + 10).or(value.find(':').map(|at| at + 1));
        let short = cut(value, begins.unwrap_or(value.len()), value.len());
        if let Ok(short) = HeaderValue::from_str(&short) {
            other.headers.insert("authorization", short);
        }
    } else {
        let text = parts.uri.to_string();
        let begins = text.find("ignature=").map_or(text.len(), |at| at + 9);
        let ends = text.get(begins..).and_then(|rest| rest.find('&')).map_or(text.len(), |at| begins + at);
        if let Ok(uri) = cut(&text, begins, ends).parse() {
            other.uri = uri;
        }
    }
    other
}

/// Whatever stands in Authorization or in a query, there is an answer, and it is not a key that nobody has.
pub fn any_authorization(authorization: &[u8], query: &str) {
    let target = format!("/bucket/?{query}");
    let Ok(mut request) = Request::get(target.as_str()).body(Bytes::new()) else { return };
    if let Ok(value) = HeaderValue::from_bytes(authorization) {
        request.headers_mut().insert("authorization", value);
    }
    request.headers_mut().insert("x-oss-date", HeaderValue::from_static("20231114T221320Z"));
    let (parts, _) = request.into_parts();
    let resource = Resource { bucket: Some("bucket".to_owned()), object: None };
    let key = Credentials::new("keyId", "keySecret");
    let found = verify(&parts, &resource, NOW, |id| (id == "keyId").then_some(&key));
    let signed = matches!(found, Ok(Signer::Key { .. }));
    assert!(!signed, "a signature was guessed: {parts:?}");
}

fn hmac<D: Digest>(key: &[u8], text: &[u8]) -> Vec<u8> {
    // RFC 2104 with blocks of 64 bytes, as SHA-1 and SHA-256 have them.
    let mut block = if key.len() > 64 { D::digest(key).to_vec() } else { key.to_vec() };
    block.resize(64, 0);
    let pad = |byte: u8| block.iter().map(|key| key ^ byte).collect::<Vec<u8>>();
    let inner = D::digest([pad(0x36).as_slice(), text].concat());
    D::digest([pad(0x5c).as_slice(), inner.as_slice()].concat()).to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn line(parts: &Parts, name: &str) -> String {
    let lines: Vec<&str> =
        parts.headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).map(str::trim).collect();
    lines.join(",")
}

/// `x-oss-*` and these other fields, sorted, each as `name:value` and a line end.
fn fields(parts: &Parts, more: &[&str]) -> String {
    let mut names: Vec<String> = parts.headers.keys().map(ToString::to_string).collect();
    names.retain(|name| name.starts_with("x-oss-") || more.contains(&name.as_str()));
    names.sort();
    names.iter().map(|name| format!("{name}:{}\n", line(parts, name))).collect()
}

fn resource_path(resource: &Resource) -> String {
    match (&resource.bucket, &resource.object) {
        (Some(bucket), Some(object)) => format!("/{bucket}/{object}"),
        (Some(bucket), None) => format!("/{bucket}/"),
        (None, _) => "/".to_owned(),
    }
}

fn v1(parts: &Parts, resource: &Resource, credentials: &Credentials) -> String {
    let date = if parts.headers.contains_key("x-oss-date") { "x-oss-date" } else { "date" };
    let head = ["content-md5", "content-type", date].map(|name| line(parts, name)).join("\n");
    let query = parts.uri.query().unwrap_or_default();
    let mut signed: Vec<&str> = query.split('&').filter(|member| MEMBERS.contains(&(member, true))).collect();
    signed.sort_by_key(|member| member.split('=').map(str::to_owned).collect::<Vec<_>>());
    let signed = if signed.is_empty() { String::new() } else { format!("?{}", signed.join("&")) };
    let text = format!("{}\n{head}\n{}{}{signed}", parts.method, fields(parts, &[]), resource_path(resource));
    let signature = hmac::<Sha1>(credentials.access_key_secret.as_bytes(), text.as_bytes());
    format!("OSS {}:{}", credentials.access_key_id, STANDARD.encode(signature))
}

fn v4(parts: &Parts, resource: &Resource, credentials: &Credentials, region: &str) -> String {
    let path: Vec<String> = resource_path(resource).split('/').map(crate::sign::encode_component).collect();
    let query = parts.uri.query().unwrap_or_default();
    let mut members: Vec<&str> = query.split('&').collect();
    members.sort_by_key(|member| member.split('=').map(str::to_owned).collect::<Vec<_>>());
    let canonical = format!(
        "{}\n{}\n{}\n{}\n\n{}",
        parts.method,
        path.join("/"),
        members.join("&"),
        fields(parts, &["content-type", "content-md5"]),
        line(parts, "x-oss-content-sha256"),
    );
    let time = line(parts, "x-oss-date");
    let day: String = time.chars().take(8).collect();
    let scope = format!("{day}/{region}/oss/aliyun_v4_request");
    let text = format!("OSS4-HMAC-SHA256\n{time}\n{scope}\n{}", hex(&Sha256::digest(canonical)));
    let mut key = format!("aliyun_v4{}", credentials.access_key_secret).into_bytes();
    for part in scope.split('/') {
        key = hmac::<Sha256>(&key, part.as_bytes());
    }
    let signature = hex(&hmac::<Sha256>(&key, text.as_bytes()));
    format!("OSS4-HMAC-SHA256 Credential={}/{scope},Signature={signature}", credentials.access_key_id)
}

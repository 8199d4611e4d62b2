//! Requests and answers for people: heads with secrets left out, and command lines that send a request again.

use std::fmt::Write as _;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, Version};

use super::RawExchange;
use super::redact::{hidden_line, hidden_target, is_form, redact};
use crate::case::Identity;
use crate::sign::{Scheme, is_of_signature};

/// Longest piece of a body that is shown, in characters.
const BODY: usize = 2000;
/// What signing adds, which `corsuite sign` adds anew.
const ADDED_BY_SIGNING: [&str; 8] = [
    "authorization",
    "date",
    "x-oss-date",
    "x-oss-content-sha256",
    "x-oss-security-token",
    "x-amz-date",
    "x-amz-content-sha256",
    "x-amz-security-token",
];

/// A request as text, secrets left out.
pub fn head(request: &Request<Bytes>) -> String {
    let request = redact(request);
    let target = request.uri().path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    let mut text = format!("{} {target} HTTP/1.1\n", request.method());
    fields(&mut text, request.headers());
    body(&mut text, request.body());
    text
}

/// Requests in bytes as text, secrets left out.
pub(super) fn bytes(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&without_secret_lines(bytes)).replace("\r\n", "\n")
}

/// Requests in bytes, secrets left out.
pub fn without_secret_lines(bytes: &[u8]) -> Vec<u8> {
    let mut shown = Vec::with_capacity(bytes.len());
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let text = String::from_utf8_lossy(line);
        let (name, value) = text.split_once(':').unwrap_or((&text, ""));
        let name = name.to_ascii_lowercase();
        match text.strip_suffix(" HTTP/1.1\r\n") {
            Some(request) => shown.extend_from_slice(format!("{} HTTP/1.1\r\n", hidden_target(request)).as_bytes()),
            None => match hidden_line(&name, value.trim()) {
                Some(hidden) => shown.extend_from_slice(format!("{name}: {hidden}\r\n").as_bytes()),
                None => shown.extend_from_slice(line),
            },
        }
    }
    shown
}

/// A command line that sends the bytes again; where they are signed, the signature has to be put in.
pub(super) fn send_bytes(raw: &RawExchange) -> String {
    let mut text = String::new();
    for byte in without_secret_lines(&raw.bytes()) {
        match byte {
            b'\r' => text.push_str("\\r"),
            b'\n' => text.push_str("\\n"),
            b'%' => text.push_str("%%"),
            b'\\' => text.push_str("\\\\"),
            b'\'' => text.push_str("'\\''"),
            b' '..=b'~' => text.push(char::from(byte)),
            _ => {
                // Writing to a string cannot fail.
                let _ = write!(text, "\\{byte:03o}");
            }
        }
    }
    let (host, port) = (raw.host(), raw.port());
    let peer = if raw.secure {
        format!("openssl s_client -quiet -connect {host}:{port}")
    } else {
        format!("nc {} {port}", raw.bare_host())
    };
    format!("printf '{text}' | {peer}")
}

/// An answer as text.
pub fn answer(answer: &Response<Bytes>) -> String {
    let version = if answer.version() == Version::HTTP_10 { "1.0" } else { "1.1" };
    let mut text = format!("HTTP/{version} {}\n", answer.status());
    fields(&mut text, answer.headers());
    body(&mut text, answer.body());
    text
}

fn fields(text: &mut String, headers: &HeaderMap) {
    for (name, value) in headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        text.extend([name.as_str(), ": ", &value, "\n"]);
    }
}

fn body(text: &mut String, body: &Bytes) {
    if body.is_empty() {
        return;
    }
    let shown = String::from_utf8_lossy(body);
    text.push('\n');
    text.extend(shown.chars().take(BODY));
    if shown.chars().count() > BODY {
        text.extend(["… (", &body.len().to_string(), " bytes)"]);
    }
}

/// A command line that sends the request again. The signature of a signed request is made by `corsuite sign`, from the
/// environment, by the same scheme.
pub fn curl(request: &Request<Bytes>, identity: Identity, bucket: Option<&str>, scheme: &Scheme) -> String {
    let signs = identity != Identity::Anonymous;
    let form_upload = is_form(request);
    let signs = signs && !form_upload;
    let presigned = matches!(identity, Identity::Presigned | Identity::Expired);
    let url = without_signature(&request.uri().to_string(), presigned);
    let mut arguments: Vec<String> = Vec::new();
    let skipped =
        |name: &str| (signs && ADDED_BY_SIGNING.contains(&name)) || name == "host" || name == "content-length";
    for (name, value) in request.headers() {
        if !skipped(name.as_str()) {
            let value = String::from_utf8_lossy(value.as_bytes());
            // curl drops a field without a value unless it is written with a semicolon.
            let value = hidden_line(name.as_str(), &value).map_or(value, Into::into);
            let field = if value.is_empty() { format!("{name};") } else { format!("{name}: {value}") };
            arguments.push(format!("-H {}", quote(&field)));
        }
    }
    let method =
        if request.method() == http::Method::HEAD { "-I".to_owned() } else { format!("-X {}", request.method()) };
    // curl would add a Content-Type of its own, which is signed.
    if !request.body().is_empty() && !request.headers().contains_key("content-type") {
        arguments.push("-H content-type:".to_owned());
    }
    // Nor does it send a length where there is no body.
    if request.body().is_empty() && matches!(*request.method(), http::Method::PUT | http::Method::POST) {
        arguments.push("-H 'content-length: 0'".to_owned());
    }
    let data = match std::str::from_utf8(request.body()) {
        Ok("") => String::new(),
        // The form carries its signature.
        Ok(_) if form_upload => " --data-binary @FORM".to_owned(),
        Ok(text) if text.len() <= BODY => format!(" --data-binary {}", quote(text)),
        Ok(_) | Err(_) => " --data-binary @BODY".to_owned(),
    };
    let headers = arguments.join(" ");
    let space = if headers.is_empty() { "" } else { " " };
    let send = format!("curl -sS -i {method}{space}{headers}{data}");
    if !signs {
        return format!("{send} {}", quote(&url));
    }
    let mut sign = format!("corsuite sign {} {}", request.method(), quote(&url));
    if let Some(bucket) = bucket {
        sign.extend([" --bucket ", &quote(bucket)]);
    }
    match scheme {
        Scheme::V1 => sign.push_str(" --auth v1"),
        Scheme::V4 { region } => sign.extend([" --region ", &quote(region)]),
        Scheme::AwsV4 { region } => sign.extend([" --auth aws-v4 --region ", &quote(region)]),
    }
    sign.push_str(match identity {
        Identity::Other => " --as other",
        Identity::Skewed => " --as skewed",
        Identity::Presigned => " --as presigned",
        Identity::Expired => " --as expired",
        Identity::UnknownKey => " --as unknown-key",
        Identity::BadSignature => " --as bad-signature",
        Identity::Owner | Identity::Anonymous => "",
    });
    let signed = headers.replace("-H content-type:", "").trim_end().to_owned();
    let space = if signed.is_empty() { "" } else { " " };
    format!("{sign}{space}{signed} | {send} -K -")
}

fn without_signature(url: &str, presigned: bool) -> String {
    let Some((path, query)) = url.split_once('?').filter(|_| presigned) else { return url.to_owned() };
    let is_signature = |member: &&str| !is_of_signature(member.split('=').next().unwrap_or_default());
    let rest: Vec<&str> = query.split('&').filter(is_signature).collect();
    if rest.is_empty() { path.to_owned() } else { format!("{path}?{}", rest.join("&")) }
}

/// For a POSIX shell.
fn quote(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._/:=@%+,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: &str, headers: &[(&str, &str)], body: &str) -> Request<Bytes> {
        let mut request = Request::builder().method(method).uri("http://h:1/b/k?cors&Signature=s%3D&x=1");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(Bytes::from(body.to_owned())).unwrap()
    }

    #[test]
    fn no_secret_is_shown() {
        let text = head(&request("PUT", &[("authorization", "OSS id:secret"), ("origin", "https://a")], "<x/>"));
        insta::assert_snapshot!(text, @"
        PUT /b/k?cors&Signature=***&x=1 HTTP/1.1
        authorization: OSS ***:***
        origin: https://a

        <x/>
        ");
    }

    #[test]
    fn no_secret_of_a_form_is_shown() {
        let part = |name: &str, value: &str| {
            format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
        };
        let body = [
            part("key", "k"),
            part("Signature", "s3cr3t"),
            part("policy", "p0licy"),
            part("file", "content"),
            "--b--\r\n".to_owned(),
        ]
        .concat();
        let upload = request("POST", &[("content-type", "multipart/form-data; boundary=b")], &body);
        let shown = head(&upload) + &curl(&upload, Identity::Owner, None, &Scheme::V1);
        assert!(shown.contains("content") && !shown.contains("s3cr3t"), "{shown}");
    }

    #[test]
    fn command_lines() {
        let v4 = Scheme::V4 { region: "cn-hangzhou".to_owned() };
        let preflight = request("OPTIONS", &[("origin", "https://a"), ("access-control-request-headers", "")], "");
        let bare = request("PUT", &[("authorization", "OSS id:s")], "x");
        let put = request(
            "PUT",
            &[("authorization", "OSS id:s"), ("date", "now"), ("content-type", "application/xml")],
            "it's",
        );
        let text = [
            curl(&preflight, Identity::Anonymous, Some("b"), &v4),
            curl(&put, Identity::Owner, Some("b"), &v4),
            curl(&put, Identity::Expired, None, &Scheme::V1),
            curl(&bare, Identity::Owner, None, &Scheme::V1),
        ];
        insta::assert_snapshot!(text.join("\n"), @r"
        curl -sS -i -X OPTIONS -H 'origin: https://a' -H 'access-control-request-headers;' 'http://h:1/b/k?cors&Signature=s%3D&x=1'
        corsuite sign PUT 'http://h:1/b/k?cors&Signature=s%3D&x=1' --bucket b --region cn-hangzhou -H 'content-type: application/xml' | curl -sS -i -X PUT -H 'content-type: application/xml' --data-binary 'it'\''s' -K -
        corsuite sign PUT 'http://h:1/b/k?cors&x=1' --auth v1 --as expired -H 'content-type: application/xml' | curl -sS -i -X PUT -H 'content-type: application/xml' --data-binary 'it'\''s' -K -
        corsuite sign PUT 'http://h:1/b/k?cors&Signature=s%3D&x=1' --auth v1 | curl -sS -i -X PUT -H content-type: --data-binary x -K -
        ");
    }
}

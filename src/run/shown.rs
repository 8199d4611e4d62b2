//! Requests and answers for people: heads with secrets left out, and command lines that send a request again.

use bytes::Bytes;
use http::{HeaderMap, Request, Response, Version};

use crate::case::Identity;
use crate::sign::Scheme;

/// Longest piece of a body that is shown, in characters.
const BODY: usize = 2000;
/// Query members and header fields that hold secrets.
const SECRET_QUERY: [&str; 5] =
    ["Signature", "x-oss-signature", "security-token", "x-oss-security-token", "X-Amz-Signature"];
const SECRET_FIELDS: [&str; 3] = ["authorization", "x-oss-security-token", "x-amz-security-token"];
/// What signing adds, which `corsuite sign` adds anew.
const ADDED_BY_SIGNING: [&str; 5] =
    ["authorization", "date", "x-oss-date", "x-oss-content-sha256", "x-oss-security-token"];

/// A request as text, secrets left out.
pub fn head(request: &Request<Bytes>) -> String {
    let target = request.uri().path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let query: Vec<String> = query
        .split('&')
        .map(|member| match member.split_once('=') {
            Some((name, _)) if SECRET_QUERY.contains(&name) => format!("{name}=***"),
            _ => member.to_owned(),
        })
        .collect();
    let query = query.join("&");
    let mark = if query.is_empty() { "" } else { "?" };
    let mut text = format!("{} {path}{mark}{query} HTTP/1.1\n", request.method());
    fields(&mut text, request.headers());
    body(&mut text, request.body());
    text
}

/// An answer as text.
pub(super) fn answer(answer: &Response<Bytes>) -> String {
    let version = if answer.version() == Version::HTTP_10 { "1.0" } else { "1.1" };
    let mut text = format!("HTTP/{version} {}\n", answer.status());
    fields(&mut text, answer.headers());
    body(&mut text, answer.body());
    text
}

fn fields(text: &mut String, headers: &HeaderMap) {
    for (name, value) in headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        let shown = if SECRET_FIELDS.contains(&name.as_str()) { "***" } else { &value };
        text.extend([name.as_str(), ": ", shown, "\n"]);
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
    let signs = matches!(
        identity,
        Identity::Owner | Identity::Other | Identity::Skewed | Identity::Presigned | Identity::Expired
    );
    let is_form =
        request.headers().get("content-type").is_some_and(|kind| kind.as_bytes().starts_with(b"multipart/form-data"));
    let signs = signs && !is_form;
    let presigned = matches!(identity, Identity::Presigned | Identity::Expired);
    let url = without_signature(&request.uri().to_string(), presigned);
    let mut arguments: Vec<String> = Vec::new();
    let skipped =
        |name: &str| (signs && ADDED_BY_SIGNING.contains(&name)) || name == "host" || name == "content-length";
    for (name, value) in request.headers() {
        if !skipped(name.as_str()) {
            let value = String::from_utf8_lossy(value.as_bytes());
            // curl drops a field without a value unless it is written with a semicolon.
            let field = if value.is_empty() { format!("{name};") } else { format!("{name}: {value}") };
            let shown = if SECRET_FIELDS.contains(&name.as_str()) { format!("{name}: ***") } else { field };
            arguments.push(format!("-H {}", quote(&shown)));
        }
    }
    let headers = arguments.join(" ");
    let space = if headers.is_empty() { "" } else { " " };
    let method =
        if request.method() == http::Method::HEAD { "-I".to_owned() } else { format!("-X {}", request.method()) };
    let data = match std::str::from_utf8(request.body()) {
        Ok("") => String::new(),
        Ok(text) if text.len() <= BODY => format!(" --data-binary {}", quote(text)),
        Ok(_) | Err(_) => " --data-binary @BODY".to_owned(),
    };
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
    }
    sign.push_str(match identity {
        Identity::Other => " --as other",
        Identity::Skewed => " --as skewed",
        Identity::Presigned => " --as presigned",
        Identity::Expired => " --as expired",
        _ => "",
    });
    format!("{sign}{space}{headers} | {send} -K -")
}

fn without_signature(url: &str, presigned: bool) -> String {
    const SIGNATURE: [&str; 9] = [
        "OSSAccessKeyId",
        "Expires",
        "Signature",
        "security-token",
        "x-oss-signature",
        "x-oss-signature-version",
        "x-oss-credential",
        "x-oss-date",
        "x-oss-expires",
    ];
    let Some((path, query)) = url.split_once('?').filter(|_| presigned) else { return url.to_owned() };
    let is_signature = |member: &&str| !SIGNATURE.contains(&member.split('=').next().unwrap_or_default());
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
        authorization: ***
        origin: https://a

        <x/>
        ");
    }

    #[test]
    fn command_lines() {
        let v4 = Scheme::V4 { region: "cn-hangzhou".to_owned() };
        let preflight = request("OPTIONS", &[("origin", "https://a"), ("access-control-request-headers", "")], "");
        let put = request(
            "PUT",
            &[("authorization", "OSS id:s"), ("date", "now"), ("content-type", "application/xml")],
            "it's",
        );
        let text = [
            curl(&preflight, Identity::Anonymous, Some("b"), &v4),
            curl(&put, Identity::Owner, Some("b"), &v4),
            curl(&put, Identity::Expired, None, &Scheme::V1),
        ];
        insta::assert_snapshot!(text.join("\n"), @r"
        curl -sS -i -X OPTIONS -H 'origin: https://a' -H 'access-control-request-headers;' 'http://h:1/b/k?cors&Signature=s%3D&x=1'
        corsuite sign PUT 'http://h:1/b/k?cors&Signature=s%3D&x=1' --bucket b --region cn-hangzhou -H 'content-type: application/xml' | curl -sS -i -X PUT -H 'content-type: application/xml' --data-binary 'it'\''s' -K -
        corsuite sign PUT 'http://h:1/b/k?cors&x=1' --auth v1 --as expired -H 'content-type: application/xml' | curl -sS -i -X PUT -H 'content-type: application/xml' --data-binary 'it'\''s' -K -
        ");
    }
}

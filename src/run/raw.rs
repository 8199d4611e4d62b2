//! From requests in bytes to the bytes: [`Outgoing`] is what a step sends.

use bytes::Bytes;
use http::{HeaderName, Request};

use super::shown;
use crate::case::{Framing, Message};
use crate::implementation::{RawExchange, RawMessage};

/// What a step sends, and as what it is judged.
#[derive(Clone, Debug)]
pub(super) struct Outgoing {
    /// The requests as a client understands them; several only in bytes.
    pub(super) requests: Vec<Request<Bytes>>,
    /// The bytes, where it is them that count.
    pub(super) raw: Option<RawExchange>,
}

impl Outgoing {
    /// Sent by an HTTP client.
    pub(super) fn http(request: Request<Bytes>) -> Self {
        Self { requests: vec![request], raw: None }
    }

    /// Sent as bytes; the requests have their address and signature.
    pub(super) fn raw(messages: &[Message], requests: Vec<Request<Bytes>>) -> Self {
        let last = messages.len().saturating_sub(1);
        let written = messages.iter().zip(&requests).enumerate().map(|(at, (message, request))| {
            let mut bytes = Vec::new();
            write(&mut bytes, message, request, at == last);
            RawMessage { method: request.method().clone(), bytes: bytes.into() }
        });
        let first = requests.first().map(Request::uri);
        let raw = RawExchange {
            secure: first.and_then(http::Uri::scheme_str) == Some("https"),
            authority: first.and_then(http::Uri::authority).map(ToString::to_string).unwrap_or_default(),
            messages: written.collect(),
        };
        Self { requests, raw: Some(raw) }
    }

    /// For people, secrets left out.
    pub(super) fn head(&self, at: usize) -> String {
        match (&self.raw, self.requests.get(at)) {
            (Some(raw), _) => shown::bytes(&raw.bytes()),
            (None, Some(request)) => shown::head(request),
            (None, None) => String::new(),
        }
    }
}

/// Request line, Host, the lines of the case, what signing added, the framing. The last request ends the connection, so
/// that bytes after its answer are seen.
fn write(bytes: &mut Vec<u8>, message: &Message, request: &Request<Bytes>, last: bool) {
    let mut line = |text: &[u8]| {
        bytes.extend_from_slice(text);
        bytes.extend_from_slice(b"\r\n");
    };
    let target = request.uri().path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    line(format!("{} {target} HTTP/1.1", message.method).as_bytes());
    let named = |name: &HeaderName| {
        let own = message.lines.iter().filter_map(|line| line.split(':').next());
        own.into_iter().any(|own| own.trim().eq_ignore_ascii_case(name.as_str()))
    };
    if let Some(host) = request.headers().get(http::header::HOST) {
        line(&[b"Host: ", host.as_bytes()].concat());
    }
    for own in &message.lines {
        // The loader has checked that each character is a byte.
        line(&own.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')).collect::<Vec<u8>>());
    }
    for (name, value) in request.headers() {
        let ours = name == http::header::HOST || name == http::header::CONTENT_LENGTH;
        if !ours && !named(name) {
            line(&[name.as_str().as_bytes(), b": ", value.as_bytes()].concat());
        }
    }
    if last && !named(&http::header::CONNECTION) {
        line(b"Connection: close");
    }
    let body = message.body.as_bytes();
    match message.framing {
        Framing::Absent => line(b""),
        Framing::Length => {
            if !body.is_empty() || matches!(message.method.as_str(), "PUT" | "POST") {
                line(format!("Content-Length: {}", body.len()).as_bytes());
            }
            line(b"");
            bytes.extend_from_slice(body);
        }
        Framing::Chunked => {
            line(b"Transfer-Encoding: chunked");
            line(b"");
            let (head, tail) = body.split_at(body.len() / 2);
            for chunk in [head, tail].into_iter().filter(|chunk| !chunk.is_empty()) {
                line(format!("{:x}", chunk.len()).as_bytes());
                line(chunk);
            }
            line(b"0");
            line(b"");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_sent_as_they_are() {
        let ask = Message {
            method: "OPTIONS".to_owned(),
            lines: vec!["ORIGIN:  a\u{ff}".to_owned(), "origin: b".to_owned()],
            ..Message::default()
        };
        let put = Message {
            method: "PUT".to_owned(),
            body: "abc".to_owned(),
            framing: Framing::Chunked,
            ..Message::default()
        };
        let request = |method: &str| {
            let request = Request::builder().method(method).uri("http://h:1/b/?cors").header("host", "h:1");
            request.header("origin", "a").header("authorization", "OSS id:s").body(Bytes::new()).unwrap()
        };
        let sent = Outgoing::raw(&[ask, put], vec![request("OPTIONS"), request("PUT")]);
        let raw = sent.raw.as_ref().unwrap();
        assert!(raw.bytes().windows(14).any(|window| window == b"ORIGIN:  a\xff\r\n\x6f"));
        insta::assert_snapshot!(shown::bytes(&raw.bytes()), @"
        OPTIONS /b/?cors HTTP/1.1
        Host: h:1
        ORIGIN:  a�
        origin: b
        authorization: ***

        PUT /b/?cors HTTP/1.1
        Host: h:1
        origin: a
        authorization: ***
        Connection: close
        Transfer-Encoding: chunked

        1
        a
        2
        bc
        0
        ");
        insta::assert_snapshot!(shown::send_bytes(raw), @r"printf 'OPTIONS /b/?cors HTTP/1.1\r\nHost: h:1\r\nORIGIN:  a\377\r\norigin: b\r\nauthorization: ***\r\n\r\nPUT /b/?cors HTTP/1.1\r\nHost: h:1\r\norigin: a\r\nauthorization: ***\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n2\r\nbc\r\n0\r\n\r\n' | nc h 1");
    }
}

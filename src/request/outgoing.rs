//! From requests in bytes to the bytes: [`Outgoing`] is what a step sends.

use bytes::Bytes;
use http::{HeaderName, Method, Request, Response};
use jiff::Timestamp;

use super::{Draft, Envelope, Site, Unsendable, build, draft, message, shown};
use crate::case::{Framing, Message, Operation, Step};

/// Requests as bytes, for one connection.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "an input")]
pub struct RawExchange {
    /// Over TLS.
    pub secure: bool,
    /// Host and port to connect to.
    pub authority: String,
    /// What is sent, in one piece.
    pub messages: Vec<RawMessage>,
}

/// One request of a [`RawExchange`].
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "an input")]
pub struct RawMessage {
    /// Its method, which decides whether its answer has a body.
    pub method: Method,
    /// All of it.
    pub bytes: Bytes,
}

impl RawExchange {
    /// All that is sent.
    pub fn bytes(&self) -> Vec<u8> {
        self.messages.iter().flat_map(|message| message.bytes.iter().copied()).collect()
    }

    /// What is left when so many requests are answered.
    #[must_use]
    pub fn rest(&self, answered: usize) -> Self {
        Self { messages: self.messages.iter().skip(answered).cloned().collect(), ..self.clone() }
    }

    /// The host of the authority.
    pub fn host(&self) -> String {
        let parsed = self.authority.parse::<http::uri::Authority>();
        parsed.map_or_else(|_| self.authority.clone(), |authority| authority.host().to_owned())
    }

    /// The host as a certificate or a program names it: an IPv6 address without brackets.
    pub fn bare_host(&self) -> String {
        let host = self.host();
        host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).map_or_else(|| host.clone(), str::to_owned)
    }

    /// Its port, or that of the protocol.
    pub fn port(&self) -> u16 {
        let parsed = self.authority.parse::<http::uri::Authority>().ok().and_then(|authority| authority.port_u16());
        parsed.unwrap_or(if self.secure { 443 } else { 80 })
    }
}

/// What a step sends, and as what it is judged.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "a value")]
pub struct Outgoing {
    /// When it was made, which its signatures tell.
    pub at: Timestamp,
    /// The requests as a client understands them; several only in bytes.
    pub requests: Vec<Request<Bytes>>,
    /// The bytes, where it is them that count.
    pub raw: Option<RawExchange>,
}

/// What the bucket of a step is called at the server.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "an input")]
pub struct Place {
    /// Its name; none is the service.
    pub bucket: Option<String>,
    /// What objects of the run begin with there.
    pub prefix: String,
}

impl Outgoing {
    /// What a step sends to a place, with addresses and signatures of a time. `earlier` are the answers to the steps above.
    ///
    /// # Errors
    ///
    /// If the site lacks the key that signs it, or no URL can be made.
    pub fn of(
        step: &Step,
        earlier: &[Response<Bytes>],
        place: &Place,
        site: &Site<'_>,
        at: Timestamp,
    ) -> Result<Self, Unsendable> {
        let one = |mut draft: Draft, object: Option<&String>| {
            let key = |object: &str| format!("{}{object}", place.prefix);
            for (_, value) in draft.form.iter_mut().flatten().filter(|(name, _)| name == "key") {
                *value = key(value);
            }
            let object = object.map(|object| key(object));
            build(draft, &Envelope { bucket: place.bucket.clone(), object, identity: step.identity }, site, at)
        };
        let object = match &step.operation {
            Operation::Preflight(preflight) => preflight.object.as_ref(),
            Operation::Request(request) => request.object.as_ref(),
            Operation::Raw(messages) => {
                let requests = messages.iter().map(|each| one(message(each), each.object.as_ref()));
                let requests: Vec<_> = requests.collect::<Result<_, _>>()?;
                return Ok(Self { at, raw: Some(raw(messages, &requests)), requests });
            }
            Operation::PutCors(_) | Operation::GetCors(_) | Operation::DeleteCors(_) => None,
        };
        Ok(Self { at, requests: vec![one(draft(&step.operation, earlier), object)?], raw: None })
    }

    /// A request for people, secrets left out.
    pub fn head(&self, at: usize) -> String {
        match (&self.raw, self.requests.get(at)) {
            (Some(raw), _) => shown::bytes(&raw.bytes()),
            (None, Some(request)) => shown::head(request),
            (None, None) => String::new(),
        }
    }

    /// A command line that sends a request again.
    pub fn curl(&self, at: usize, step: &Step, place: &Place, site: &Site<'_>) -> String {
        match (&self.raw, self.requests.get(at)) {
            (Some(raw), _) => shown::send_bytes(raw),
            (None, Some(request)) => shown::curl(request, step.identity, place.bucket.as_deref(), site.scheme),
            (None, None) => String::new(),
        }
    }
}

/// Requests that have their address and signature, in bytes.
fn raw(messages: &[Message], requests: &[Request<Bytes>]) -> RawExchange {
    let last = messages.len().saturating_sub(1);
    let written = messages.iter().zip(requests).enumerate().map(|(at, (message, request))| {
        let mut bytes = Vec::new();
        write(&mut bytes, message, request, at == last);
        RawMessage { method: request.method().clone(), bytes: bytes.into() }
    });
    let first = requests.first().map(Request::uri);
    RawExchange {
        secure: first.and_then(http::Uri::scheme_str) == Some("https"),
        authority: first.and_then(http::Uri::authority).map(ToString::to_string).unwrap_or_default(),
        messages: written.collect(),
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
        let raw = &raw(&[ask, put], &[request("OPTIONS"), request("PUT")]);
        assert!(raw.bytes().windows(14).any(|window| window == b"ORIGIN:  a\xff\r\n\x6f"));
        insta::assert_snapshot!(shown::bytes(&raw.bytes()), @"
        OPTIONS /b/?cors HTTP/1.1
        Host: h:1
        ORIGIN:  a�
        origin: b
        authorization: OSS ***:***

        PUT /b/?cors HTTP/1.1
        Host: h:1
        origin: a
        authorization: OSS ***:***
        Connection: close
        Transfer-Encoding: chunked

        1
        a
        2
        bc
        0
        ");
        insta::assert_snapshot!(shown::send_bytes(raw), @r"printf 'OPTIONS /b/?cors HTTP/1.1\r\nHost: h:1\r\nORIGIN:  a\377\r\norigin: b\r\nauthorization: OSS ***:***\r\n\r\nPUT /b/?cors HTTP/1.1\r\nHost: h:1\r\norigin: a\r\nauthorization: OSS ***:***\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n2\r\nbc\r\n0\r\n\r\n' | nc h 1");
    }
}

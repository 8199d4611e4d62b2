//! Bytes as they are: [`exchange`] sends a [`RawExchange`] on a connection and reads the answers.

use bytes::{Bytes, BytesMut};
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, Version, header};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::Notify;
use tokio::time::{Duration, Instant, timeout, timeout_at};

use super::connection::{PIPE, altered, connection};
use super::{MAX_ANSWER, SendError};
use crate::reference::{Reply, Wire};
use crate::request::{RawExchange, RawMessage};

/// Header fields of an answer.
const MAX_FIELDS: usize = 128;
/// Interim answers (1xx) before an answer.
const MAX_INTERIM: usize = 8;
/// Longest that a server in this process may take.
const IN_MEMORY: Duration = Duration::from_secs(1);
/// How long bytes that should not be there are waited for after the last answer, if the server does not close.
const LINGER: Duration = Duration::from_millis(250);

/// Sends and reads over pipes to a server in this process.
pub(super) async fn in_memory<F, A>(
    raw: &RawExchange,
    wire: Option<Wire>,
    answer: F,
) -> Result<Vec<Response<Bytes>>, SendError>
where
    F: Fn(Request<Bytes>) -> A + Clone + Send + Sync,
    A: Future<Output = Reply> + Send,
{
    let mut answers = Vec::new();
    while answers.len() < raw.messages.len() {
        answers.extend(over_pipe(&raw.rest(answers.len()), wire, answer.clone()).await?);
    }
    Ok(answers)
}

async fn over_pipe<F, A>(raw: &RawExchange, wire: Option<Wire>, answer: F) -> Result<Vec<Response<Bytes>>, SendError>
where
    F: Fn(Request<Bytes>) -> A + Clone + Send + Sync,
    A: Future<Output = Reply> + Send,
{
    let (client, peer) = tokio::io::duplex(PIPE);
    let never = || SendError::Broken("no answer ever comes".to_owned());
    let reading = async { timeout(IN_MEMORY, exchange(client, raw)).await.unwrap_or_else(|_| Err(never())) };
    // Silence need not be waited for.
    let silent = Notify::new();
    let answer = |request: Request<Bytes>| {
        let (answered, silent) = (answer(request), &silent);
        async move {
            let reply = answered.await;
            if matches!(reply, Reply::Silence) {
                silent.notify_one();
            }
            reply
        }
    };
    let serving = async {
        match wire {
            // What a peer does wrong ends its connection and nothing else.
            None => drop(connection(peer, false, answer).await),
            Some(wire) => {
                let (inner, server) = tokio::io::duplex(PIPE);
                let served = connection(server, false, answer);
                drop(tokio::join!(altered(peer, inner, wire), served));
            }
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        answers = reading => answers,
        () = silent.notified() => Err(never()),
        () = serving => Err(SendError::Broken("the connection was closed".to_owned())),
    }
}

/// Sends the bytes and reads an answer to each request, interim ones passed over. What follows the last answer belongs to
/// its body, also where an answer has none: whoever judges it sees it. A server may close the connection after an answer;
/// then there are fewer answers, one at least, and the rest has to be sent again.
pub(super) async fn exchange<S>(mut stream: S, raw: &RawExchange) -> Result<Vec<Response<Bytes>>, SendError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    // A server may answer and close before it has read all; what it said is what counts.
    drop(stream.write_all(&raw.bytes()).await);
    drop(stream.flush().await);
    let mut buffer = BytesMut::new();
    let mut answers = Vec::new();
    let mut ended = false;
    for RawMessage { method, .. } in &raw.messages {
        let mut interim = 0;
        loop {
            match parse(&buffer, method, ended).map_err(SendError::Broken)? {
                Some((answer, used)) => {
                    drop(buffer.split_to(used));
                    if !answer.status().is_informational() {
                        answers.push(answer);
                        break;
                    }
                    interim += 1;
                    if interim > MAX_INTERIM {
                        return Err(SendError::Broken("interim answers without end".to_owned()));
                    }
                }
                // A server may close a connection whenever an answer is complete; the rest is sent again (RFC 9112 9.5).
                None if ended && buffer.is_empty() && !answers.is_empty() => return Ok(answers),
                None if ended && buffer.is_empty() => {
                    let text =
                        format!("the connection was closed after {} of {} answers", answers.len(), raw.messages.len());
                    return Err(SendError::Broken(text));
                }
                None if ended => return Err(SendError::Broken("the answer ended early".to_owned())),
                None => ended = more(&mut stream, &mut buffer).await?,
            }
        }
    }
    // One wait for all of it: a server that drips bytes for ever is not listened to for ever.
    let until = Instant::now() + LINGER;
    while !ended {
        match timeout_at(until, more(&mut stream, &mut buffer)).await {
            // A reset after the last answer takes nothing away from it.
            Ok(Err(SendError::TooLarge)) => return Err(SendError::TooLarge),
            Ok(Err(_)) | Err(_) => break,
            Ok(Ok(end)) => ended = end,
        }
    }
    if let Some(last) = answers.last_mut().filter(|_| !buffer.is_empty()) {
        let body = [last.body(), &buffer[..]].concat();
        *last.body_mut() = body.into();
    }
    Ok(answers)
}

/// Reads a piece; true at the end of the stream.
async fn more(stream: &mut (impl AsyncRead + Unpin), buffer: &mut BytesMut) -> Result<bool, SendError> {
    let count = stream.read_buf(buffer).await.map_err(|error| SendError::Broken(error.to_string()))?;
    if buffer.len() > MAX_ANSWER { Err(SendError::TooLarge) } else { Ok(count == 0) }
}

/// An answer at the front of `bytes` and its length, by RFC 9112 section 6.3; none while it is not complete.
fn parse(bytes: &[u8], method: &Method, ended: bool) -> Result<Option<(Response<Bytes>, usize)>, String> {
    let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
    let mut head = httparse::Response::new(&mut fields);
    let length = match head.parse(bytes) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(error) => return Err(format!("the answer is no HTTP: {error}")),
    };
    let status = StatusCode::from_u16(head.code.unwrap_or_default()).map_err(|error| error.to_string())?;
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = status;
    if head.version == Some(0) {
        *response.version_mut() = Version::HTTP_10;
    }
    for field in head.headers.iter() {
        let name = HeaderName::from_bytes(field.name.as_bytes()).map_err(|error| error.to_string())?;
        let value = HeaderValue::from_bytes(field.value).map_err(|error| error.to_string())?;
        response.headers_mut().append(name, value);
    }
    let rest = bytes.get(length..).unwrap_or_default();
    let bodiless = method == Method::HEAD
        || status.is_informational()
        || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    let framed = if bodiless { Some((Vec::new(), 0)) } else { body(&response, rest, ended)? };
    Ok(framed.map(|(body, used)| {
        *response.body_mut() = body.into();
        (response, length + used)
    }))
}

type Framed = Option<(Vec<u8>, usize)>;

fn body(response: &Response<Bytes>, rest: &[u8], ended: bool) -> Result<Framed, String> {
    let headers = response.headers();
    let last_coding = headers.get_all(header::TRANSFER_ENCODING).iter().next_back();
    if last_coding.is_some_and(|coding| coding.as_bytes().to_ascii_lowercase().ends_with(b"chunked")) {
        return chunks(rest);
    }
    let mut lengths = headers.get_all(header::CONTENT_LENGTH).iter();
    let Some(length) = lengths.next() else {
        // The end of the connection ends the body.
        return Ok(ended.then(|| (rest.to_vec(), rest.len())));
    };
    if lengths.any(|other| other != length) {
        return Err("the answer has two different Content-Length".to_owned());
    }
    // Digits and nothing else (RFC 9110 8.6): `parse` alone takes a sign.
    let digits = length.to_str().ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    let length: usize = digits.and_then(|text| text.parse().ok()).ok_or("Content-Length is no number")?;
    Ok(rest.get(..length).map(|body| (body.to_vec(), length)))
}

/// RFC 9112 section 7.1; trailer fields are passed over.
fn chunks(bytes: &[u8]) -> Result<Framed, String> {
    let mut body = Vec::new();
    let mut at = 0;
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        let (used, size) = match httparse::parse_chunk_size(rest) {
            Ok(httparse::Status::Complete(found)) => found,
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(_) => return Err("the answer has a chunk without a size".to_owned()),
        };
        at += used;
        let size = usize::try_from(size).map_err(|error| error.to_string())?;
        if size == 0 {
            let trailer = bytes.get(at..).unwrap_or_default();
            if trailer.starts_with(b"\r\n") {
                return Ok(Some((body, at + 2)));
            }
            let end = trailer.windows(4).position(|window| window == b"\r\n\r\n");
            return Ok(end.map(|end| (body, at + end + 4)));
        }
        let Some(end) = at.checked_add(size) else { return Err("a chunk is too large".to_owned()) };
        let (Some(chunk), Some(line_end)) = (bytes.get(at..end), bytes.get(end..end.saturating_add(2))) else {
            return Ok(None);
        };
        if line_end != b"\r\n" {
            return Err("a chunk does not end where it should".to_owned());
        }
        body.extend_from_slice(chunk);
        at = end + 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(answers: &'static str, methods: &[Method]) -> Result<Vec<(u16, String)>, String> {
        let (client, mut server) = tokio::io::duplex(4096);
        let raw = RawExchange {
            secure: false,
            authority: "localhost".to_owned(),
            messages: methods
                .iter()
                .map(|method| RawMessage { method: method.clone(), bytes: Bytes::from_static(b"sent") })
                .collect(),
        };
        let sent = raw.bytes().len();
        tokio::spawn(async move {
            let mut sent = vec![0; sent];
            server.read_exact(&mut sent).await.unwrap();
            server.write_all(answers.as_bytes()).await.unwrap();
        });
        let answers = exchange(client, &raw).await.map_err(|error| error.to_string())?;
        Ok(answers
            .iter()
            .map(|answer| (answer.status().as_u16(), String::from_utf8_lossy(answer.body()).into_owned()))
            .collect())
    }

    #[tokio::test]
    async fn answers_are_told_apart() {
        let check = async |text, methods: &[Method], expected: &[(u16, &str)]| {
            let expected: Vec<_> = expected.iter().map(|(status, body)| (*status, (*body).to_owned())).collect();
            assert_eq!(read(text, methods).await, Ok(expected), "{text}");
        };
        let two = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabHTTP/1.1 404 No\r\ncontent-length: 1\r\n\r\nc";
        check(two, &[Method::GET, Method::GET], &[(200, "ab"), (404, "c")]).await;
        let interim = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No\r\n\r\n";
        check(interim, &[Method::GET], &[(204, "")]).await;
        let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;x=y\r\na\r\n2\r\nbc\r\n0\r\nT: v\r\n\r\n";
        check(chunked, &[Method::GET], &[(200, "abc")]).await;
        check("HTTP/1.0 200 OK\r\n\r\nuntil the end", &[Method::GET], &[(200, "until the end")]).await;
    }

    #[tokio::test]
    async fn a_server_may_close_after_an_answer() {
        let one = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\na";
        assert_eq!(read(one, &[Method::GET, Method::GET]).await, Ok(vec![(200, "a".to_owned())]));
        let half = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\naHTTP/1.1 200";
        assert!(read(half, &[Method::GET, Method::GET]).await.is_err());
    }

    #[tokio::test]
    async fn a_body_that_should_not_be_there_is_seen() {
        let head = read("HTTP/1.1 404 No\r\nContent-Length: 3\r\n\r\nabc", &[Method::HEAD]).await;
        assert_eq!(head, Ok(vec![(404, "abc".to_owned())]));
        let empty = read("HTTP/1.1 204 No\r\n\r\nxy", &[Method::DELETE]).await;
        assert_eq!(empty, Ok(vec![(204, "xy".to_owned())]));
    }

    /// Bytes that come without end after a complete answer are waited for once, not again with each of them.
    #[tokio::test(start_paused = true)]
    async fn a_server_that_drips_is_left() {
        let (client, mut server) = tokio::io::duplex(4096);
        let message = RawMessage { method: Method::GET, bytes: Bytes::from_static(b"sent") };
        let raw = RawExchange { secure: false, authority: "localhost".to_owned(), messages: vec![message] };
        tokio::spawn(async move {
            server.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na").await.unwrap();
            while server.write_all(b"x").await.is_ok() {
                tokio::time::sleep(LINGER / 2).await;
            }
        });
        let started = Instant::now();
        let answers = exchange(client, &raw).await.unwrap();
        assert!(started.elapsed() <= LINGER, "{:?}", started.elapsed());
        assert!(answers[0].body().starts_with(b"ax"));
    }

    #[tokio::test]
    async fn what_is_no_answer_is_told() {
        for (text, expected) in [
            ("", "no usable HTTP answer: the connection was closed after 0 of 1 answers"),
            ("SSH-2.0\r\n", "no usable HTTP answer: the answer is no HTTP: invalid HTTP version"),
            ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab", "no usable HTTP answer: the answer ended early"),
            ("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", "no usable HTTP answer: Content-Length is no number"),
            ("HTTP/1.1 200 OK\r\nContent-Length: +0\r\n\r\n", "no usable HTTP answer: Content-Length is no number"),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfoo",
                "no usable HTTP answer: the answer has a chunk without a size",
            ),
        ] {
            assert_eq!(read(text, &[Method::GET]).await, Err(expected.to_owned()), "{text}");
        }
    }
}

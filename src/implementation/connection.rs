//! The server's end of one connection: [`connection`], over a socket or a pipe.
//!
//! HTTP/1.1 with keep-alive. Limits: [`MAX_HEADERS`] header fields, [`MAX_BODY`] bytes of body, [`HEADER_TIMEOUT`] for a
//! request's head, [`BODY_TIMEOUT`] for its body.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1::{self, Connection};
use hyper::service::{HttpService, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, DuplexStream};

use crate::reference::{Reply, Wire};

/// Header fields of a request.
pub const MAX_HEADERS: usize = 200;
/// Bytes of body: far above the 16 KB of a CORS document, so that the store itself refuses those.
pub const MAX_BODY: usize = 16 << 20;
/// Time for a request's head to arrive.
pub const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// Time for its body.
pub const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// Bytes that a pipe holds.
pub(super) const PIPE: usize = 1 << 16;

/// Why a connection ends without an answer.
#[derive(Debug, thiserror::Error)]
#[error("no answer is given")]
#[non_exhaustive]
pub struct NoAnswer;

/// Answers the requests of a connection one after the other until the peer closes it. `title_case` writes header names
/// as `Content-Length`.
pub fn connection<I, F, A>(
    stream: I,
    title_case: bool,
    answer: F,
) -> Connection<TokioIo<I>, impl HttpService<Incoming, ResBody = Full<Bytes>, Error = NoAnswer, Future: Send>>
where
    I: AsyncRead + AsyncWrite + Unpin,
    F: Fn(Request<Bytes>) -> A + Clone + Send,
    A: Future<Output = Reply> + Send,
{
    let service = service_fn(move |request: Request<Incoming>| one(request, answer.clone()));
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_headers(MAX_HEADERS)
        .title_case_headers(title_case)
        .serve_connection(TokioIo::new(stream), service)
}

async fn one<F, A>(request: Request<Incoming>, answer: F) -> Result<Response<Full<Bytes>>, NoAnswer>
where
    F: Fn(Request<Bytes>) -> A,
    A: Future<Output = Reply>,
{
    let (parts, body) = request.into_parts();
    let collected = tokio::time::timeout(BODY_TIMEOUT, Limited::new(body, MAX_BODY).collect()).await;
    let Ok(Ok(body)) = collected else {
        let mut response = Response::new(Bytes::from_static(b"the body is too large or did not arrive\n"));
        *response.status_mut() = StatusCode::PAYLOAD_TOO_LARGE;
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        return Ok(response.map(Full::new));
    };
    match answer(Request::from_parts(parts, body.to_bytes())).await {
        Reply::Answer(response) => Ok(response.map(Full::new)),
        Reply::Reset => Err(NoAnswer),
        Reply::Silence => std::future::pending().await,
    }
}

/// Carries bytes between a peer and the server's end of a pipe, changing them on the way as a fault has it.
pub async fn altered<S: AsyncRead + AsyncWrite>(peer: S, server: DuplexStream, wire: Wire) {
    let (mut from_peer, mut to_peer) = tokio::io::split(peer);
    let (mut from_server, mut to_server) = tokio::io::split(server);
    let received = carry(&mut from_peer, &mut to_server, wire.received);
    let sent = carry(&mut from_server, &mut to_peer, wire.sent);
    tokio::join!(received, sent);
}

async fn carry(from: &mut (impl AsyncRead + Unpin), to: &mut (impl AsyncWrite + Unpin), change: fn(&[u8]) -> Vec<u8>) {
    let mut buffer = vec![0_u8; PIPE];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        let piece = change(buffer.get(..count).unwrap_or_default());
        if to.write_all(&piece).await.is_err() {
            break;
        }
    }
    // A peer that is gone needs no farewell.
    drop(to.shutdown().await);
}

//! Whoever answers HTTP requests: [`Implementation`], and the three that there are.
//!
//! [`Embedded`] is the reference in process, [`Endpoint`] a server somewhere, [`Service`] a tower service of yours, so that
//! a Rust server runs the suite in its own `cargo test`. Each also takes bytes as they are ([`RawExchange`]), for what no
//! HTTP client sends.
#![expect(clippy::disallowed_methods, reason = "shell: the clock of the embedded reference")]

mod connection;
mod endpoint;
mod raw;
mod service;

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};

pub use self::connection::{BODY_TIMEOUT, HEADER_TIMEOUT, MAX_BODY, MAX_HEADERS, NoAnswer, altered, connection};
pub use self::endpoint::{ClientError, Endpoint, EndpointOptions, reach};
pub use self::service::Service;
use crate::reference::{Reply, Respond, Wire};
use crate::report::Kind;
pub use crate::request::{RawExchange, RawMessage};

/// A future in a box.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Largest answer that is read, in bytes: far above what any case asks for.
pub const MAX_ANSWER: usize = 4 << 20;

/// Answers HTTP requests.
pub trait Implementation: Send + Sync + fmt::Debug {
    /// Sends a request with an absolute URL and a Host field, and reads the whole answer.
    fn send(&self, request: Request<Bytes>) -> BoxFuture<'_, Result<Response<Bytes>, SendError>>;

    /// Sends bytes on a connection of their own, and reads an answer to each request in them. Unless written, there is no
    /// such connection, and what needs it is skipped.
    fn exchange(&self, raw: RawExchange) -> BoxFuture<'_, Result<Vec<Response<Bytes>>, SendError>> {
        drop(raw);
        let reason = "this implementation has no connection to write bytes to".to_owned();
        Box::pin(std::future::ready(Err(SendError::Unsendable(reason))))
    }

    /// What it is, for the report.
    fn kind(&self) -> Kind;
}

/// Why there is no answer.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// No connection.
    #[error("no connection: {0}")]
    Connect(String),
    /// No answer in time.
    #[error("no answer within {0:?}")]
    Timeout(Duration),
    /// The answer is no HTTP, or ended early.
    #[error("no usable HTTP answer: {0}")]
    Broken(String),
    /// The answer is larger than [`MAX_ANSWER`].
    #[error("the answer is larger than {MAX_ANSWER} bytes")]
    TooLarge,
    /// The request cannot be sent by this client.
    #[error("the request cannot be sent: {0}")]
    Unsendable(String),
}

/// 24 upper-case hexadecimal digits that are not given twice.
pub fn request_id() -> String {
    let mut bytes = [0_u8; 12];
    if getrandom::fill(&mut bytes).is_err() {
        // A machine without randomness still has a clock; ids need not be secret.
        let now = jiff::Timestamp::now().as_nanosecond().to_be_bytes();
        bytes.copy_from_slice(now.last_chunk().unwrap_or(&[0; 12]));
    }
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

/// The reference, or a faulty one, in this process, without a socket.
#[derive(Clone, Debug)]
pub struct Embedded(Arc<Mutex<dyn Respond>>);

impl Embedded {
    /// Around a store.
    pub fn new(responder: impl Respond + 'static) -> Self {
        Self(Arc::new(Mutex::new(responder)))
    }

    /// Answers a request now.
    pub fn respond(&self, request: &Request<Bytes>) -> Reply {
        let mut responder = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        responder.respond(request, jiff::Timestamp::now(), &request_id())
    }

    /// What it does to bytes on their way.
    pub fn wire(&self) -> Option<Wire> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).wire()
    }

    /// Whether it writes header names as `Content-Length`.
    pub fn title_case(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).title_case()
    }
}

impl Implementation for Embedded {
    fn send(&self, request: Request<Bytes>) -> BoxFuture<'_, Result<Response<Bytes>, SendError>> {
        Box::pin(std::future::ready(match self.respond(&request) {
            Reply::Answer(answer) => Ok(answer),
            Reply::Reset => Err(SendError::Broken("the connection was closed".to_owned())),
            Reply::Silence => Err(SendError::Broken("no answer ever comes".to_owned())),
        }))
    }

    fn exchange(&self, raw: RawExchange) -> BoxFuture<'_, Result<Vec<Response<Bytes>>, SendError>> {
        Box::pin(async move {
            let responder = self.clone();
            let answer = move |request: Request<Bytes>| std::future::ready(responder.respond(&request));
            raw::in_memory(&raw, self.wire(), answer).await
        })
    }

    fn kind(&self) -> Kind {
        Kind::Embedded
    }
}

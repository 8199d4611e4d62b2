//! The reference behind a socket: [`serve`].
//!
//! At most [`MAX_CONNECTIONS`] connections; the limits of each are those of [`connection`].

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::dialect::Dialect;
use crate::implementation::{Embedded, Implementation, altered, connection};
use crate::reference::{Account, Options, Reference};
use crate::run::{Addressing, Target};
use crate::sign::{Credentials, Scheme};

/// Connections at a time: several times what one machine's load generator opens.
pub const MAX_CONNECTIONS: usize = 1024;
/// Time that open requests get when the server stops.
const GRACE: Duration = Duration::from_secs(2);

/// The access key of the reference's owner, unless another one is given.
pub fn owner() -> Credentials {
    Credentials::new("corsuite-owner", "corsuite-owner-secret")
}

/// The access key of its second account.
pub fn other() -> Credentials {
    Credentials::new("corsuite-other", "corsuite-other-secret")
}

/// What a reference of a dialect with two accounts is started with.
pub fn options(dialect: &Dialect, owner: Credentials, other: Credentials) -> Options {
    let account = |name: &str, key| Account { name: name.to_owned(), keys: vec![key] };
    Options {
        limits: dialect.limits,
        behaviours: dialect.behaviours,
        wording: Arc::clone(&dialect.wording),
        accounts: vec![account("owner", owner), account("other", other)],
        domains: vec!["localhost".to_owned()],
    }
}

/// An empty reference of a dialect with two accounts.
pub fn reference(dialect: &Dialect, owner: Credentials, other: Credentials) -> Embedded {
    Embedded::new(Reference::new(options(dialect, owner, other)))
}

/// A reference, or something around one, as the target of a run in this process, with the accounts of [`owner()`] and
/// [`other()`].
pub fn in_process(implementation: impl Implementation + 'static, dialect: &Dialect) -> Target {
    Target {
        implementation: Arc::new(implementation),
        name: "reference".to_owned(),
        protocol: "http".to_owned(),
        authority: "localhost".to_owned(),
        addressing: Addressing::Path,
        scheme: Scheme::of(dialect.behaviours.signature),
        credentials: Some(owner()),
        other: Some(other()),
        other_variables: "the second account",
        dialect: Arc::new(dialect.clone()),
    }
}

/// Opens the socket.
///
/// # Errors
///
/// If the address cannot be used.
pub async fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    TcpListener::bind(address).await
}

/// Answers connections until `stop` returns; requests in flight are finished first.
pub async fn serve(listener: TcpListener, reference: Embedded, stop: impl Future<Output = ()>) {
    let graceful = GracefulShutdown::new();
    let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let title_case = reference.title_case();
    let mut stop = std::pin::pin!(stop);
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &slots) => accepted,
            () = &mut stop => break,
        };
        // A connection that fails while it is accepted is the peer's affair; so is a lack of descriptors, for a moment.
        let Ok((stream, slot)) = accepted else {
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        let responder = reference.clone();
        let answer = move |request| std::future::ready(responder.respond(&request));
        let Some(wire) = reference.wire() else {
            let watched = graceful.watch(connection(stream, title_case, answer));
            tokio::spawn(async move {
                // What a peer does wrong ends its connection and nothing else.
                drop(watched.await);
                drop(slot);
            });
            continue;
        };
        let (inner, server) = tokio::io::duplex(1 << 16);
        let watched = graceful.watch(connection(server, title_case, answer));
        tokio::spawn(async move {
            drop(tokio::join!(altered(stream, inner, wire), watched));
            drop(slot);
        });
    }
    drop(listener);
    tokio::select! {
        () = graceful.shutdown() => {}
        () = tokio::time::sleep(GRACE) => {}
    }
}

async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> io::Result<(tokio::net::TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let slot = Arc::clone(slots).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    // Answers are small; waiting to fill a packet costs 40 ms each.
    stream.set_nodelay(true)?;
    Ok((stream, slot))
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::sync::oneshot;

    use super::*;

    /// Sends bytes to a new server and gives all that comes back until it closes.
    async fn exchange(bytes: &[u8]) -> String {
        let listener = bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let server = tokio::spawn(serve(listener, reference(Dialect::oss(), owner(), other()), async {
            drop(stopped.await);
        }));
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        let mut text = Vec::new();
        stream.read_to_end(&mut text).await.unwrap();
        stop.send(()).unwrap();
        server.await.unwrap();
        String::from_utf8_lossy(&text).into_owned()
    }

    #[tokio::test]
    async fn keep_alive_then_close() {
        let one = "OPTIONS /missing/ HTTP/1.1\r\nHost: localhost\r\nOrigin: https://a\r\n";
        let text = exchange(format!("{one}\r\n{one}Connection: close\r\n\r\n").as_bytes()).await;
        assert_eq!(text.matches("HTTP/1.1 404").count(), 2, "{text}");
        assert_eq!(text.matches("<Code>NoSuchBucket</Code>").count(), 2);
    }

    #[tokio::test]
    async fn a_put_without_length_is_refused() {
        let text = exchange(b"PUT /bucket/?cors HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await;
        assert!(text.starts_with("HTTP/1.1 411"), "{text}");
    }

    #[tokio::test]
    async fn garbage_ends_the_connection() {
        let text = exchange(b"\x00\x01\x02 garbage\r\n\r\n").await;
        assert!(text.is_empty() || text.starts_with("HTTP/1.1 400"), "{text}");
    }
}

//! Whoever answers HTTP requests: [`Implementation`], and the three that there are.
//!
//! [`Embedded`] is the reference in process, [`Endpoint`] a server somewhere, [`Service`] a tower service of yours, so that
//! a Rust server runs the suite in its own `cargo test`.
#![expect(clippy::disallowed_methods, reason = "shell: the clock of the embedded reference")]

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full, Limited};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;

use crate::reference::Reference;
use crate::report::Kind;

/// A future in a box.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Largest answer that is read, in bytes: far above what any case asks for.
pub const MAX_ANSWER: usize = 4 << 20;

/// Answers HTTP requests.
pub trait Implementation: Send + Sync + fmt::Debug {
    /// Sends a request with an absolute URL and a Host field, and reads the whole answer.
    fn send(&self, request: Request<Bytes>) -> BoxFuture<'_, Result<Response<Bytes>, SendError>>;

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

/// The reference, in this process, without a socket.
#[derive(Clone, Debug)]
pub struct Embedded(Arc<Mutex<Reference>>);

impl Embedded {
    /// Around a store.
    pub fn new(reference: Reference) -> Self {
        Self(Arc::new(Mutex::new(reference)))
    }

    /// Answers a request now.
    pub fn respond(&self, request: &Request<Bytes>) -> Response<Bytes> {
        let mut reference = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        reference.respond(request, jiff::Timestamp::now(), &request_id())
    }
}

impl Implementation for Embedded {
    fn send(&self, request: Request<Bytes>) -> BoxFuture<'_, Result<Response<Bytes>, SendError>> {
        Box::pin(std::future::ready(Ok(self.respond(&request))))
    }

    fn kind(&self) -> Kind {
        Kind::Embedded
    }
}

/// A tower service of `http` types, in this process.
#[derive(Clone)]
pub struct Service<S>(S);

impl<S> Service<S> {
    /// Around a service; each request is sent to a clone of it.
    ///
    /// ```
    /// use bytes::Bytes;
    /// use corsuite::implementation::{Implementation, Service};
    /// use http_body_util::Full;
    ///
    /// #[derive(Clone)]
    /// struct Mine;
    /// impl tower_service::Service<http::Request<Full<Bytes>>> for Mine {
    ///     type Response = http::Response<Full<Bytes>>;
    ///     type Error = std::convert::Infallible;
    ///     type Future = std::future::Ready<Result<Self::Response, Self::Error>>;
    ///     fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Self::Error>> {
    ///         std::task::Poll::Ready(Ok(()))
    ///     }
    ///     fn call(&mut self, _: http::Request<Full<Bytes>>) -> Self::Future {
    ///         std::future::ready(Ok(http::Response::new(Full::default())))
    ///     }
    /// }
    ///
    /// let service = Service::new(Mine);
    /// # tokio::runtime::Runtime::new().unwrap().block_on(async {
    /// let request = http::Request::get("http://mine.example/").body(Bytes::new()).unwrap();
    /// assert_eq!(service.send(request).await.unwrap().status(), 200);
    /// # });
    /// ```
    pub fn new(service: S) -> Self {
        Self(service)
    }
}

impl<S> fmt::Debug for Service<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Service").finish_non_exhaustive()
    }
}

impl<S, B> Implementation for Service<S>
where
    S: tower_service::Service<Request<Full<Bytes>>, Response = Response<B>> + Clone + Send + Sync + 'static,
    S::Future: Send,
    S::Error: fmt::Display,
    B: hyper::body::Body + Send,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    fn send(&self, request: Request<Bytes>) -> BoxFuture<'_, Result<Response<Bytes>, SendError>> {
        let mut service = self.0.clone();
        Box::pin(async move {
            let broken = |error: &dyn fmt::Display| SendError::Broken(error.to_string());
            std::future::poll_fn(|context| service.poll_ready(context)).await.map_err(|error| broken(&error))?;
            let answer = service.call(request.map(Full::new)).await.map_err(|error| broken(&error))?;
            let (parts, body) = answer.into_parts();
            let body =
                Limited::new(body, MAX_ANSWER).collect().await.map_err(|error| SendError::Broken(error.to_string()))?;
            Ok(Response::from_parts(parts, body.to_bytes()))
        })
    }

    fn kind(&self) -> Kind {
        Kind::InProcess
    }
}

/// How to reach an endpoint.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "an input")]
pub struct EndpointOptions {
    /// For a whole request and answer.
    pub timeout: Duration,
    /// Accept any certificate.
    pub insecure: bool,
    /// Certificates in PEM to trust besides the usual ones.
    pub ca_certificates: Option<Vec<u8>>,
}

/// A server somewhere.
#[derive(Clone, Debug)]
pub struct Endpoint {
    client: reqwest::Client,
    timeout: Duration,
    kind: Kind,
}

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The certificates cannot be read.
    #[error("the certificates cannot be read: {0}")]
    Certificates(String),
    /// The client cannot be built.
    #[error("the HTTP client cannot be started: {0}")]
    Client(String),
}

impl Endpoint {
    /// A client: connections are kept, redirects and proxies are not followed, nothing is sent twice unasked.
    ///
    /// # Errors
    ///
    /// If certificates cannot be read or the client cannot be built.
    pub fn new(options: &EndpointOptions) -> Result<Self, ClientError> {
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls(options)?)
            .redirect(Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .connect_timeout(options.timeout)
            .timeout(options.timeout)
            .http1_only()
            .dns_resolver(Arc::new(Loopback))
            .user_agent(concat!("corsuite/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| ClientError::Client(error.to_string()))?;
        Ok(Self { client, timeout: options.timeout, kind: Kind::Endpoint })
    }

    /// The same, reported as the embedded reference, which it is when the server was started for this run.
    #[must_use]
    pub fn as_embedded(self) -> Self {
        Self { kind: Kind::Embedded, ..self }
    }

    async fn exchange(&self, request: Request<Bytes>) -> Result<Response<Bytes>, SendError> {
        let unsendable = |error: &dyn fmt::Display| SendError::Unsendable(error.to_string());
        let request = reqwest::Request::try_from(request).map_err(|error| unsendable(&error))?;
        let mut answer = self.client.execute(request).await.map_err(|error| self.explain(&error))?;
        let mut body = BytesMut::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| self.explain(&error))? {
            if body.len() + chunk.len() > MAX_ANSWER {
                return Err(SendError::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        let mut response = Response::new(body.freeze());
        *response.status_mut() = answer.status();
        *response.headers_mut() = std::mem::take(answer.headers_mut());
        Ok(response)
    }

    fn explain(&self, error: &reqwest::Error) -> SendError {
        if error.is_timeout() {
            return SendError::Timeout(self.timeout);
        }
        // The innermost cause says most.
        let mut cause: &dyn std::error::Error = error;
        while let Some(inner) = cause.source() {
            cause = inner;
        }
        let text = cause.to_string();
        if error.is_connect() { SendError::Connect(text) } else { SendError::Broken(text) }
    }
}

impl Implementation for Endpoint {
    fn send(&self, request: Request<Bytes>) -> BoxFuture<'_, Result<Response<Bytes>, SendError>> {
        Box::pin(self.exchange(request))
    }

    fn kind(&self) -> Kind {
        self.kind
    }
}

/// Names under `localhost` are this machine (RFC 6761 6.3), whatever the system's resolver knows.
#[derive(Debug)]
struct Loopback;

impl Resolve for Loopback {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let name = name.as_str();
            let addresses: Vec<SocketAddr> = if name == "localhost" || name.ends_with(".localhost") {
                vec![SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0)]
            } else {
                tokio::net::lookup_host((name, 0)).await?.collect()
            };
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

fn tls(options: &EndpointOptions) -> Result<rustls::ClientConfig, ClientError> {
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject as _;

    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| ClientError::Client(error.to_string()))?;
    if options.insecure {
        let verifier = Arc::new(AnyCertificate(provider));
        return Ok(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth());
    }
    let mut roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if let Some(pem) = &options.ca_certificates {
        let bad = |error: &dyn fmt::Display| ClientError::Certificates(error.to_string());
        let before = roots.len();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|error| bad(&error))?;
            roots.add(certificate).map_err(|error| bad(&error))?;
        }
        if roots.len() == before {
            return Err(ClientError::Certificates("no certificate in PEM form in the file".to_owned()));
        }
    }
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

/// `--insecure`: the user says that any certificate will do.
#[derive(Debug)]
struct AnyCertificate(Arc<rustls::crypto::CryptoProvider>);

impl rustls::client::danger::ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _end_entity: &rustls::pki_types::CertificateDer<'_>,
        _intermediates: &[rustls::pki_types::CertificateDer<'_>],
        _server_name: &rustls::pki_types::ServerName<'_>,
        _ocsp_response: &[u8],
        _now: rustls::pki_types::UnixTime,
    ) -> Result<rustls::client::danger::ServerCertVerified, rustls::Error> {
        Ok(rustls::client::danger::ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &rustls::pki_types::CertificateDer<'_>,
        signature: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(
            message,
            certificate,
            signature,
            &self.0.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &rustls::pki_types::CertificateDer<'_>,
        signature: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.0.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

//! A server somewhere: [`Endpoint`].

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{Request, Response, Uri};
use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::{BoxFuture, Implementation, MAX_ANSWER, SendError};
use super::{RawExchange, raw};
use crate::report::Kind;

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
    /// Where the last request went.
    last: Arc<Mutex<Option<Url>>>,
    tls: Arc<rustls::ClientConfig>,
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
        let tls = tls(options)?;
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls.clone())
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
        Ok(Self { client, last: Arc::default(), tls: Arc::new(tls), timeout: options.timeout, kind: Kind::Endpoint })
    }

    /// The same, reported as the embedded reference, which it is when the server was started for this run.
    #[must_use]
    pub fn as_embedded(self) -> Self {
        Self { kind: Kind::Embedded, ..self }
    }

    async fn execute(&self, request: Request<Bytes>) -> Result<Response<Bytes>, SendError> {
        let (parts, body) = request.into_parts();
        let url = self.url(&parts.uri).map_err(SendError::Unsendable)?;
        let mut request = reqwest::Request::new(parts.method, url);
        *request.headers_mut() = parts.headers;
        *request.body_mut() = Some(body.into());
        let mut answer = self.client.execute(request).await.map_err(|error| self.explain(&error))?;
        // Most answers come in one piece, or have no body.
        let mut body = Bytes::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| self.explain(&error))? {
            if body.len() + chunk.len() > MAX_ANSWER {
                return Err(SendError::TooLarge);
            }
            if body.is_empty() {
                body = chunk;
            } else {
                let mut longer = BytesMut::from(body);
                longer.extend_from_slice(&chunk);
                body = longer.freeze();
            }
        }
        let mut response = Response::new(body);
        *response.status_mut() = answer.status();
        *response.headers_mut() = std::mem::take(answer.headers_mut());
        Ok(response)
    }

    /// The address as the client takes it. Reading the host of one costs more than all of the rest, and it is nearly always the host of the
    /// request before.
    fn url(&self, uri: &Uri) -> Result<Url, String> {
        // An address is whole, whoever panicked while holding it.
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |url: &&mut Url| {
            uri.scheme_str() == Some(url.scheme()) && uri.authority().is_some_and(|one| one == url.authority())
        };
        if let Some(url) = last.as_mut().filter(same) {
            url.set_path(uri.path());
            url.set_query(uri.query());
            return Ok(url.clone());
        }
        let url = Url::parse(&uri.to_string()).map_err(|error| error.to_string())?;
        *last = Some(url.clone());
        Ok(url)
    }

    async fn exchange_bytes(&self, raw: RawExchange) -> Result<Vec<Response<Bytes>>, SendError> {
        let mut answers = Vec::new();
        while answers.len() < raw.messages.len() {
            answers.extend(self.one_connection(&raw.rest(answers.len())).await?);
        }
        Ok(answers)
    }

    async fn one_connection(&self, raw: &RawExchange) -> Result<Vec<Response<Bytes>>, SendError> {
        let unreachable = |error: &dyn fmt::Display| SendError::Connect(error.to_string());
        let (host, port) = (raw.host(), raw.port());
        let stream = connect(&host, port).await.map_err(|error| unreachable(&error))?;
        stream.set_nodelay(true).map_err(|error| unreachable(&error))?;
        if !raw.secure {
            return raw::exchange(stream, raw).await;
        }
        let name = rustls::pki_types::ServerName::try_from(raw.bare_host()).map_err(|error| unreachable(&error))?;
        let stream = TlsConnector::from(Arc::clone(&self.tls)).connect(name, stream).await;
        raw::exchange(stream.map_err(|error| unreachable(&error))?, raw).await
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
        Box::pin(self.execute(request))
    }

    fn exchange(&self, raw: RawExchange) -> BoxFuture<'_, Result<Vec<Response<Bytes>>, SendError>> {
        let limit = self.timeout;
        Box::pin(async move {
            let answers = tokio::time::timeout(limit, self.exchange_bytes(raw)).await;
            answers.unwrap_or(Err(SendError::Timeout(limit)))
        })
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
            let addresses = resolve(name.as_str(), 0).await?;
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

async fn resolve(name: &str, port: u16) -> std::io::Result<Vec<SocketAddr>> {
    if name == "localhost" || name.ends_with(".localhost") {
        return Ok(vec![SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)]);
    }
    let literal = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    Ok(tokio::net::lookup_host((literal, port)).await?.collect())
}

/// The addresses of a name, and how long a connection to one of them took.
///
/// # Errors
///
/// If the name has no address, which gives an empty list; else if none takes a connection in that time.
pub async fn reach(
    host: &str,
    port: u16,
    limit: Duration,
) -> Result<(Vec<SocketAddr>, Duration), (Vec<SocketAddr>, String)> {
    let slow = || format!("nothing within {limit:?}");
    let addresses = match tokio::time::timeout(limit, resolve(host, port)).await {
        Ok(Ok(addresses)) if !addresses.is_empty() => addresses,
        Ok(Ok(_)) => return Err((Vec::new(), "the name has no address".to_owned())),
        Ok(Err(error)) => return Err((Vec::new(), error.to_string())),
        Err(_) => return Err((Vec::new(), slow())),
    };
    let begun = tokio::time::Instant::now();
    match tokio::time::timeout(limit, TcpStream::connect(addresses.as_slice())).await {
        Ok(Ok(_)) => Ok((addresses, begun.elapsed())),
        Ok(Err(error)) => Err((addresses, error.to_string())),
        Err(_) => Err((addresses, slow())),
    }
}

async fn connect(host: &str, port: u16) -> std::io::Result<TcpStream> {
    TcpStream::connect(resolve(host, port).await?.as_slice()).await
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_the_same_whatever_was_asked_before() {
        let options = EndpointOptions { timeout: Duration::from_secs(1), insecure: false, ca_certificates: None };
        let endpoint = Endpoint::new(&options).unwrap();
        let hosts =
            ["http://a.example", "http://A.example", "http://a.example:80", "https://a.example", "http://[::1]:1"];
        let paths = ["", "/", "//x", "/a/../b", "/%2e%2e/c", "/a%2Fb%3F", "/a|b\"{}", "/.", "/a//", "/ü"];
        let queries = ["", "?", "?cors", "?a='b'&c=%20", "?/..?x"];
        let addresses: Vec<String> = hosts
            .iter()
            .flat_map(|host| paths.iter().map(move |path| format!("{host}{path}")))
            .flat_map(|address| queries.iter().map(move |query| format!("{address}{query}")))
            .collect();
        for before in addresses.iter().step_by(17) {
            for address in &addresses {
                let uri: Uri = address.parse().unwrap();
                endpoint.url(&before.parse().unwrap()).unwrap();
                assert_eq!(endpoint.url(&uri), Ok(Url::parse(&uri.to_string()).unwrap()), "{address} after {before}");
            }
        }
    }
}

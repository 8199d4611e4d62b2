//! An endpoint over TLS: certificates that are trusted, that are not, and that do not matter.
#![cfg(test)]

mod common;

use std::sync::Arc;
use std::time::Duration;

use corsuite::dialect::Dialect;
use corsuite::implementation::{ClientError, Endpoint, EndpointOptions};
use corsuite::run::{Options, Target};
use corsuite::serve;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use common::{assert_all_pass, run, suite, target};

/// A reference behind TLS: its port, and its certificate in PEM.
async fn start() -> (u16, String) {
    let plain = serve::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let inner = plain.local_addr().unwrap();
    let reference = serve::reference(Dialect::oss(), serve::owner(), serve::other());
    tokio::spawn(serve::serve(plain, reference, std::future::pending()));

    let issued = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(issued.signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![issued.cert.der().clone()], key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                if let Ok(mut outer) = acceptor.accept(stream).await {
                    let mut inner = tokio::net::TcpStream::connect(inner).await.unwrap();
                    drop(tokio::io::copy_bidirectional(&mut outer, &mut inner).await);
                }
            });
        }
    });
    (port, issued.cert.pem())
}

fn over_tls(port: u16, insecure: bool, ca: Option<&str>) -> Target {
    let ca_certificates = ca.map(|pem| pem.as_bytes().to_vec());
    let client =
        Endpoint::new(&EndpointOptions { timeout: Duration::from_secs(10), insecure, ca_certificates }).unwrap();
    Target { protocol: "https".to_owned(), authority: format!("localhost:{port}"), ..target(client) }
}

#[tokio::test]
async fn the_suite_over_tls() {
    let (port, pem) = start().await;
    let options = || Options { jobs: 4, ..Options::default() };
    assert_all_pass(&run(over_tls(port, false, Some(&pem)), &suite(), options()).await.unwrap());
    assert_all_pass(&run(over_tls(port, true, None), &suite(), options()).await.unwrap());
    let refused = run(over_tls(port, false, None), &suite(), options()).await.unwrap_err();
    assert!(refused.to_string().contains("certificate") && refused.help.contains("--cacert"), "{refused:?}");
}

#[test]
fn certificates_that_cannot_be_read() {
    let options = |pem: &str| EndpointOptions {
        timeout: Duration::from_secs(1),
        insecure: false,
        ca_certificates: Some(pem.as_bytes().to_vec()),
    };
    for pem in ["", "not PEM", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        assert!(matches!(Endpoint::new(&options(pem)), Err(ClientError::Certificates(_))), "{pem}");
    }
}

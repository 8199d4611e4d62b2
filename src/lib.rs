//! corsuite: does an object store's bucket CORS do what its documentation says?
//!
//! This page is the map. Modules stand in reading order; each uses only those above it.
//!
//! | module | holds |
//! |---|---|
//! | [`diagnostic`] | what is wrong with a text, where, and one renderer for it |
//! | [`yaml`], [`xml`] | strict readers that know places: case files and dialects; CORS documents and answers |
//! | [`dialect`] | what a vendor documents, as data: limits, behaviours, clauses |
//! | [`cors`] | the rules of CORS: [`cors::evaluate`] is the oracle |
//! | [`browser`] | what a browser does with an answer |
//! | [`sign`] | signing and verifying requests |
//! | [`mod@reference`] | an object store in memory that answers as documented |
//! | [`case`] | the suite as text, and [`case::expect::check`], the one comparator |
//! | [`trial`] | what is asked of a case in turn, and the verdict that follows from the answers |
//! | [`request`] | from a step of a case to the HTTP request to send |
//! | [`predict`] | what the oracle expects of a case |
//! | [`generate`] | configurations, requests, documents and whole cases from bytes |
//! | [`shrink`] | smaller cases that still show the same |
//! | [`report`] | the result of a run, and its formats |
//! | [`baseline`] | known failures, and what has changed since |
//! | [`certificate`] | a verdict that others can judge anew: [`certificate::issue`], [`certificate::verify`] |
//! | [`campaign`] | generated cases, findings, features: a campaign as a machine of values |
//! | `audit` | what bites in the rules of a live bucket, and preflights at their edges (feature `cli`) |
//! | `properties` | laws and second opinions, for tests and fuzz targets (feature `properties`) |
//! | [`implementation`] | whoever answers requests: the reference, an endpoint, a service in process |
//! | [`run`] | cases against an implementation: [`run::run`] |
//! | [`serve`] | the reference behind a socket |
//! | [`mutants`] | the suite against every fault: [`mutants::measure`] |
//! | [`cli`] | the command line |
//!
//! Down to `properties` all is values in, values out: no files, sockets, clock, randomness, environment or async.
//!
//! # The suite in your own `cargo test`
//!
//! Wrap your server's [tower service](https://docs.rs/tower-service) in [`implementation::Service`]:
//!
//! ```
//! use std::sync::Arc;
//!
//! use corsuite::dialect::Dialect;
//! use corsuite::implementation::Service;
//! use corsuite::run::{Addressing, Options, Target, run};
//! use corsuite::sign::{Credentials, Scheme};
//!
//! # use bytes::Bytes;
//! # use corsuite::serve;
//! # use http_body_util::{BodyExt as _, Full};
//! # #[derive(Clone)]
//! # struct MyServer(corsuite::implementation::Embedded);
//! # impl tower_service::Service<http::Request<Full<Bytes>>> for MyServer {
//! #     type Response = http::Response<Full<Bytes>>;
//! #     type Error = std::convert::Infallible;
//! #     type Future = std::pin::Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;
//! #     fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Self::Error>> {
//! #         std::task::Poll::Ready(Ok(()))
//! #     }
//! #     fn call(&mut self, request: http::Request<Full<Bytes>>) -> Self::Future {
//! #         let reference = self.0.clone();
//! #         Box::pin(async move {
//! #             let (parts, body) = request.into_parts();
//! #             let body = body.collect().await?.to_bytes();
//! #             let answer = reference.respond(&http::Request::from_parts(parts, body)).answer();
//! #             Ok(answer.unwrap_or_default().map(Full::new))
//! #         })
//! #     }
//! # }
//! # let key = |text: &str| Credentials::new(format!("corsuite-{text}"), format!("corsuite-{text}-secret"));
//! # let my_server = MyServer(serve::reference(Dialect::oss(), serve::owner(), serve::other()));
//! # tokio::runtime::Runtime::new().unwrap().block_on(async {
//! let dialect = Dialect::oss();
//! let suite = corsuite::case::load(&corsuite::case::bundled(), dialect).suite;
//! let target = Target {
//!     implementation: Arc::new(Service::new(my_server)),
//!     name: "my server".to_owned(),
//!     protocol: "http".to_owned(),
//!     authority: "localhost".to_owned(),
//!     addressing: Addressing::Path,
//!     scheme: Scheme::V4 { region: "cn-hangzhou".to_owned() },
//!     credentials: Some(key("owner")),
//!     other: Some(key("other")),
//!     other_variables: "the second account",
//!     dialect: Arc::new(dialect.clone()),
//! };
//! let report = run(target, &suite, Options::default(), Arc::new(|_| {})).await.unwrap();
//! assert_eq!(report.conformant, Some(true));
//! # });
//! ```

pub mod diagnostic;

pub mod yaml;

pub mod xml;

pub mod dialect;

pub mod cors;

pub mod browser;

pub mod sign;

pub mod reference;

pub mod case;

pub mod trial;

pub mod request;

pub mod predict;

pub mod generate;

pub mod shrink;

pub mod report;

pub mod baseline;

pub mod certificate;

pub mod campaign;

#[cfg(feature = "cli")]
pub mod audit;

#[cfg(any(test, feature = "properties"))]
pub mod properties;

#[cfg(feature = "net")]
pub mod implementation;

#[cfg(feature = "net")]
pub mod run;

#[cfg(feature = "net")]
pub mod serve;

#[cfg(feature = "net")]
pub mod mutants;

#[cfg(feature = "cli")]
pub mod cli;

/// Compares a text with a file of `snapshots/`.
#[cfg(test)]
macro_rules! assert_snapshot {
    ($name:literal, $text:expr) => {{
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path(concat!(env!("CARGO_MANIFEST_DIR"), "/snapshots"));
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.bind(|| insta::assert_snapshot!($name, $text));
    }};
}
#[cfg(test)]
pub(crate) use assert_snapshot;

/// So many cases a law; failures are kept under `tests/`.
#[cfg(test)]
pub(crate) fn laws(cases: u32) -> proptest::test_runner::Config {
    use proptest::test_runner::FileFailurePersistence::Direct;
    let kept = Direct(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/proptest-regressions.txt"));
    proptest::test_runner::Config { cases, failure_persistence: Some(Box::new(kept)), ..Default::default() }
}

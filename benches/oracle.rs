//! Throughput of the oracle, the reader of documents, the reference and the whole suite in process.
//!
//! Compare the groups of one run with each other; absolute numbers depend on the machine.

use std::hint::black_box;
use std::sync::Arc;

use corsuite::case;
use corsuite::cors::{CorsConfiguration, CorsRequest, evaluate, validate, xml};
use corsuite::dialect::Dialect;
use corsuite::run::{Addressing, Options, Target, run};
use corsuite::serve;
use corsuite::sign::Scheme;
use criterion::{Criterion, criterion_group, criterion_main};

fn ten_rules() -> (String, CorsConfiguration) {
    let rules: String = (0..10)
        .map(|n| format!("<CORSRule><AllowedOrigin>https://*.n{n}.example</AllowedOrigin><AllowedMethod>GET</AllowedMethod><AllowedHeader>x-*</AllowedHeader></CORSRule>"))
        .collect();
    let document = format!("<CORSConfiguration>{rules}</CORSConfiguration>");
    let parsed = xml::parse(document.as_bytes()).unwrap_or_else(|error| unreachable!("{error}"));
    let dialect = Dialect::oss();
    let configuration = validate(&parsed, &dialect.limits, &dialect.behaviours).unwrap_or_default();
    (document, configuration)
}

fn oracle(criterion: &mut Criterion) {
    let (document, configuration) = ten_rules();
    let mut headers = http::HeaderMap::new();
    headers.insert("origin", http::HeaderValue::from_static("https://a.n9.example"));
    headers.insert("access-control-request-method", http::HeaderValue::from_static("GET"));
    headers.insert("access-control-request-headers", http::HeaderValue::from_static("x-one,x-two"));
    let request = CorsRequest::from_parts(&http::Method::OPTIONS, &headers);
    let dialect = Dialect::oss();
    criterion.bench_function("evaluate, last of ten rules", |bencher| {
        bencher.iter(|| evaluate(Some(black_box(&configuration)), black_box(&request), &dialect.behaviours));
    });
    criterion.bench_function("parse and validate, ten rules", |bencher| {
        bencher.iter(|| {
            xml::parse(black_box(document.as_bytes()))
                .map(|document| validate(&document, &dialect.limits, &dialect.behaviours))
        });
    });
}

fn suite(criterion: &mut Criterion) {
    let Ok(runtime) = tokio::runtime::Runtime::new() else { return };
    let suite = case::load(&case::bundled(), Dialect::oss()).suite;
    criterion.bench_function("the whole suite, in process", |bencher| {
        bencher.iter(|| {
            let target = Target {
                implementation: Arc::new(serve::reference(Dialect::oss(), serve::owner(), serve::other())),
                name: "reference".to_owned(),
                protocol: "http".to_owned(),
                authority: "localhost".to_owned(),
                addressing: Addressing::Path,
                scheme: Scheme::V1,
                credentials: Some(serve::owner()),
                other: Some(serve::other()),
                other_variables: "",
                dialect: Arc::new(Dialect::oss().clone()),
            };
            runtime.block_on(run(target, &suite, Options::default(), Arc::new(|_| {})))
        });
    });
    criterion.bench_function("loading the bundled cases", |bencher| {
        bencher.iter(|| case::load(&case::bundled(), Dialect::oss()));
    });
}

criterion_group!(benches, oracle, suite);
criterion_main!(benches);

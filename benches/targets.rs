//! What an execution of each fuzz target costs without the engine: its laws, second opinions in place, on its seeds and on
//! bytes of the generator; beside `empty`, which looks at the input and does nothing. And what grows with the input.
//!
//! Compare the groups of one run with each other; absolute numbers depend on the machine.

#![expect(clippy::disallowed_methods, reason = "reads the seeds")]

use std::hint::black_box;
use std::path::Path;

use corsuite::cors::{CorsConfiguration, CorsRequest, CorsRule, Kind, Origin, Pattern, evaluate, xml};
use corsuite::dialect::Dialect;
use corsuite::generate;
use corsuite::properties::targets;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

/// The committed seeds of a target, and as many inputs of random bytes.
fn inputs(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(target);
    let mut paths: Vec<_> =
        std::fs::read_dir(folder).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    let mut inputs: Vec<Vec<u8>> = paths.into_iter().filter_map(|path| std::fs::read(path).ok()).collect();
    for index in 0..inputs.len() as u64 {
        inputs.push(generate::bytes(1, index, 256));
    }
    inputs
}

fn executions(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("executions");
    let empty: targets::Target = |data| {
        black_box(data);
    };
    for (name, target) in [("empty", empty)].into_iter().chain(targets::ALL) {
        let inputs = inputs(if name == "empty" { "wildcard" } else { name });
        group.throughput(Throughput::Elements(inputs.len() as u64));
        group.bench_function(name, |bencher| bencher.iter(|| inputs.iter().for_each(|input| target(black_box(input)))));
    }
    group.finish();
}

/// Bytes in a second, for inputs of one, ten and a hundred sizes: in linear time the three of a group are alike.
fn linear(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("linear");
    for times in [1_usize, 10, 100] {
        let rules =
            "<CORSRule><AllowedOrigin>https://*.n.example</AllowedOrigin><AllowedMethod>GET</AllowedMethod></CORSRule>";
        let document = format!("<CORSConfiguration>{}</CORSConfiguration>", rules.repeat(10 * times));
        group.throughput(Throughput::Bytes(document.len() as u64));
        group.bench_function(format!("a document of {} bytes", document.len()), |bencher| {
            bencher.iter(|| xml::parse(black_box(document.as_bytes())));
        });
    }
    for times in [1_usize, 10, 100] {
        let label = "ab".repeat(500 * times);
        let Some(pattern) = Pattern::new(format!("{label}*{label}")) else { return };
        let value = "ab".repeat(1500 * times);
        group.throughput(Throughput::Bytes(value.len() as u64));
        group.bench_function(format!("a pattern and {} bytes", value.len()), |bencher| {
            bencher.iter(|| pattern.matches_ignore_case(black_box(value.as_bytes())));
        });
    }
    let Some(all) = Pattern::new("x-*") else { return };
    let rule = CorsRule {
        allowed_origins: vec![Pattern::star()],
        allowed_methods: vec!["GET".to_owned()],
        allowed_headers: vec![all],
        ..CorsRule::default()
    };
    let configuration = CorsConfiguration { rules: vec![rule], response_vary: false };
    for times in [1_usize, 10, 100] {
        let line = "x-custom,".repeat(20 * times);
        let request = CorsRequest {
            kind: Kind::Preflight,
            origins: vec![Origin::new("https://app.example")],
            method: "OPTIONS".to_owned(),
            request_method: Some(b"GET".to_vec()),
            request_headers: vec![line.into_bytes()],
        };
        group.throughput(Throughput::Elements(20 * times as u64));
        group.bench_function(format!("a preflight for {} headers", 20 * times), |bencher| {
            bencher.iter(|| evaluate(Some(&configuration), black_box(&request), &Dialect::oss().behaviours));
        });
    }
    group.finish();
}

criterion_group!(benches, executions, linear);
criterion_main!(benches);

//! What an execution of each fuzz target costs without the engine: its laws, second opinions in place, on its seeds and on
//! bytes of the generator; beside `empty`, which looks at the input and does nothing.
//!
//! Compare the groups of one run with each other; absolute numbers depend on the machine.

#![expect(clippy::disallowed_methods, reason = "reads the seeds")]

use std::hint::black_box;
use std::path::Path;

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

criterion_group!(benches, executions);
criterion_main!(benches);

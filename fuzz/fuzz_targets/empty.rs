//! Nothing: what the engine itself costs, to compare the others with.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    std::hint::black_box(data);
});

#[cfg(not(fuzzing))]
fn main() {}

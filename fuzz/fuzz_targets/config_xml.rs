//! Two parsers and two readings of the documents agree on a document; what is stored is written and read again.
#![cfg_attr(fuzzing, no_main)]

use corsuite::properties::targets::config_xml;

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| config_xml(data));

// Every other change keeps the tags whole.
#[cfg(fuzzing)]
libfuzzer_sys::fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    if seed % 2 == 0 {
        return libfuzzer_sys::fuzzer_mutate(data, size, max_size);
    }
    let made = corsuite::generate::mutate(&data[..size], seed.into(), max_size);
    data[..made.len()].copy_from_slice(&made);
    made.len()
});

#[cfg(not(fuzzing))]
fn main() {
    corsuite_fuzz::replay(config_xml);
}

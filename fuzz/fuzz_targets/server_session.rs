//! A generated session against a model of two buckets, and the comparator on its answers.
#![cfg_attr(fuzzing, no_main)]

use corsuite::properties::targets::server_session;

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| server_session(data));

#[cfg(not(fuzzing))]
fn main() {
    corsuite_fuzz::replay(server_session);
}

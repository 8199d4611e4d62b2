//! Two matchers agree on a pattern and a value.
#![cfg_attr(fuzzing, no_main)]

use corsuite::properties::targets::wildcard;

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| wildcard(data));

#[cfg(not(fuzzing))]
fn main() {
    corsuite_fuzz::replay(wildcard);
}

//! Two implementations sign alike, and no changed request is accepted.
#![cfg_attr(fuzzing, no_main)]

use corsuite::properties::targets::sign_verify;

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| sign_verify(data));

#[cfg(not(fuzzing))]
fn main() {
    corsuite_fuzz::replay(sign_verify);
}

//! Any case file is read or told what is wrong with it; what is read is written and read again.
#![cfg_attr(fuzzing, no_main)]

use corsuite::properties::targets::case_yaml;

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| case_yaml(data));

#[cfg(not(fuzzing))]
fn main() {
    corsuite_fuzz::replay(case_yaml);
}

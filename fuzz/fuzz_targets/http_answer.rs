//! The comparator has one verdict on any answer, however it is written.
#![cfg_attr(fuzzing, no_main)]

use corsuite::properties::targets::http_answer;

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| http_answer(data));

#[cfg(not(fuzzing))]
fn main() {
    corsuite_fuzz::replay(http_answer);
}

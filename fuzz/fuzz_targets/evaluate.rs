//! Two readings of the rules agree, and changed rules and requests decide as they must.
#![cfg_attr(fuzzing, no_main)]

use corsuite::properties::targets::evaluate;

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| evaluate(data));

#[cfg(not(fuzzing))]
fn main() {
    corsuite_fuzz::replay(evaluate);
}

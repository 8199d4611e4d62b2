//! A stranger's words take effect neither in a terminal nor in JSON nor in XML.
#![cfg_attr(fuzzing, no_main)]

use corsuite::properties::targets::report_escape;

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| report_escape(data));

#[cfg(not(fuzzing))]
fn main() {
    corsuite_fuzz::replay(report_escape);
}

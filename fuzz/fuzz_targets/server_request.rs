//! What holds for every answer, for one request of any bytes.
#![cfg_attr(fuzzing, no_main)]

use corsuite::properties::targets::server_request;

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| server_request(data));

#[cfg(not(fuzzing))]
fn main() {
    corsuite_fuzz::replay(server_request);
}

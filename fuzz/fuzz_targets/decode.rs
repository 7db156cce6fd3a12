//! Any bytes as a record. `worker/src/decode/tests/any.rs` runs the same function on a few.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| k2i_worker::decode::check_any(bytes));

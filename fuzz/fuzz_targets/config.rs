//! Any bytes as a configuration file. `common/runtime/src/config/tests/robust.rs` runs the same function on a few.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| k2i_runtime::config::check_any(bytes));

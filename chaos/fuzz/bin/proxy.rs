//! Any bytes into the proxy, from both sides, whatever the rules.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| chaos_fuzz::proxy(data));

//! Any bytes on a connection.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| embedded_kafka_fuzz::stream(data));

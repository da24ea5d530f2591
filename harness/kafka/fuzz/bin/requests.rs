//! A sequence of requests, most of them well formed, and faults in between.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| embedded_kafka_fuzz::requests(data));

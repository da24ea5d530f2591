//! The gate from the outside, with programs that only pretend to run trials.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

mod duet;
mod history;
#[path = "../program/mod.rs"]
mod program;
mod record;
mod revision;

//! Streaming workloads: what flows through a trial, and the reference worker it flows through.
//!
//! - [`spec`]: the `workload:` part of a scenario file, and its validation into a [`Workload`]
//! - [`arrival`]: when each message is due (constant, steps, bursts), exact in both directions
//! - [`generator`]: the events themselves, pure functions of seed and position, and their bytes
//! - `keys`, `market`, `lateness`: which key, what values, how late; one random stream each
//! - [`stamp`]: the record header that lets an oracle follow every message
//! - [`worker`]: a consumer–processor–producer on librdkafka with a declared service-time law
//!
//! `CONTRACT.md` says what any worker must do to be measured; `examples/worker.py` is a small one.

pub mod arrival;
mod clock;
pub mod generator;
mod keys;
mod lateness;
mod market;
pub mod spec;
pub mod stamp;
mod stream;
pub mod worker;

pub use arrival::Arrival;
pub use clock::WallClock;
pub use generator::{Event, Generator, fingerprint};
pub use market::{Symbol, Tick};
pub use spec::{Problem, Workload, WorkloadSpec};
pub use stamp::Stamp;

//! The repository's rules, held as tests (`tests/tidy.rs`), and its benchmark program
//! (`src/bin/bench.rs`, started by the script `ci/bench`).
//!
//! - [`target`]: one line a target, `name measured target ok|short`;
//! - [`calibration`]: error rates of the statistics, counted (`ci/calibration`);
//! - [`micro`]: the generator and the recorder, in loops;
//! - [`page`]: `report.html` of a long run, its size and its time;
//! - [`conformance`]: the embedded cluster and Apache Kafka, case by case (`ci/kafka-conformance`);
//! - [`bare`]: the pipeline of plain clients that ours is held against;
//! - [`broker`]: the embedded Kafka cluster held against other brokers;
//! - [`docker`]: brokers in containers held against Kafka's performance tools and OpenMessaging
//!   Benchmark (`ci/bench docker`);
//! - [`proxy`]: the fault proxy held against no proxy and against Toxiproxy;
//! - [`runs`]: figures from whole runs of the `stormgauge` program.

pub mod bare;
pub mod broker;
pub mod calibration;
pub mod conformance;
pub mod docker;
mod frame;
pub mod micro;
pub mod page;
pub mod proxy;
pub mod runs;
pub mod target;

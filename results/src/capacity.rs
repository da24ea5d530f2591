//! Capacity: the highest rate that an allocation sustains, and what demand costs in workers.
//!
//! A *probe* is one trial at one constant rate. A rate is *sustained* when, after a warm-up that
//! is found and not fixed, the backlog does not grow, the response p99 keeps its objective, and
//! nothing was lost. [`Search`] brackets the highest such rate to a stated resolution and tries
//! both ends of the bracket twice. The metric is Theodolite's resource demand (Henning and
//! Hasselbring, "Theodolite: Scalability Benchmarking of Distributed Stream Processing Engines",
//! 2021), with a tested trend in place of a bare threshold.

mod curve;
mod search;
mod sustained;
mod trend;

pub use curve::{
    AllocationCapacity, CAPACITY_SCHEMA, CapacityResult, DemandPoint, Resolved, resources,
};
pub use search::{Search, SearchEnd};
pub use sustained::{Probe, SustainRules, Sustained, sustained};
pub use trend::{Trend, backlog, trend};

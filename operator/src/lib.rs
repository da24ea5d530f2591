//! Kubernetes operator that allocates workers to streaming jobs.
//!
//! | module | what it holds |
//! |---|---|
//! | [`allocation`] | pure: observation and state in, decision with a reason out |
//! | [`observe`] | brokers' offsets and workers' metrics made into an observation |
//! | [`crd`] | the `StreamingJob` resource |
//! | [`reconcile`] | one pass over one job in five steps |
//! | `run` | arguments, connection, controller, shutdown |
//! | `leader` | which of several operators serves jobs |
//! | `context`, `events`, `metrics`, `server`, `clock` | what all passes share |

pub mod allocation;
pub mod clock;
mod context;
pub mod crd;
mod events;
mod exposition;
mod leader;
mod metrics;
pub mod observe;
pub mod reconcile;
mod run;
mod server;

pub use context::Context;
pub use leader::{Election, LEASE};
pub use run::{Args, LogFormat, control, lead, run, shutdown_on_signals};

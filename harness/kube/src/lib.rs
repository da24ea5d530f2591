//! An embedded Kubernetes control plane with emulated nodes, for tests.
//!
//! The API server is a pure core in a thin shell:
//!
//! - [`store`]: objects by key, one version counter, the latest changes, selectors;
//! - [`registry`]: the resource types, built in and from custom resource definitions;
//! - `schema`: decoding, defaulting, pruning and validation;
//! - `patch` and `apply`: JSON, merge and strategic patches; server-side apply;
//! - [`cluster`]: every verb as a function on the state, garbage collection with it;
//! - [`api`]: the HTTP shell — discovery, tables, watches — in memory and on a socket;
//! - `controllers` and `nodes`: ordinary clients of it that stand in for the controllers, the
//!   scheduler and the kubelets;
//! - [`ControlGroup`]: what the kernel lets nodes and containers take;
//! - [`EmbeddedKube`]: all of it put together;
//! - [`clock`]: the door through which time and random bits come in.

mod age;
pub mod api;
mod apply;
mod cgroup;
pub mod clock;
pub mod cluster;
mod control_plane;
mod controllers;
mod convert;
mod error;
mod json;
mod nodes;
mod patch;
pub mod registry;
pub mod schema;
pub mod store;

pub use cgroup::{ControlGroup, Hierarchy, Limits, Throttled, Version};
pub use control_plane::{ControlPlaneConfig, EmbeddedKube, StartError};
pub use error::{ApiError, Cause};
pub use nodes::{
    CLOCK_FILE, ClockShift, DrainRound, NodeHandle, NodeSpec, NodesError, OomKiller, Pressure,
    ProcessEvent, ProcessStatus, ProcessView, SPOT_TAINT, Slowness, StartTroubles, StoppedTime,
};

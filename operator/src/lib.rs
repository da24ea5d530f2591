//! Kubernetes operator that allocates workers to streaming jobs.
//!
//! | module | what it holds |
//! |---|---|
//! | [`allocation`] | pure: observation and state in, decision with a reason out |
//! | [`crd`] | the `StreamingJob` resource |

pub mod allocation;
pub mod clock;
pub mod crd;
pub mod observe;

//! The environment `docker`: its pipeline held against Kafka's own performance tools, and against
//! OpenMessaging Benchmark where one is built.

pub mod load;
pub mod omb;
pub mod pipeline;
mod process;
pub mod tools;
pub mod topic;

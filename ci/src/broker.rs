//! The embedded Kafka cluster held against other brokers, and its own limits.

pub mod backlog;
pub mod clients;
mod connection;
pub mod consumer_group;
pub mod group;
pub mod memory;
pub mod round_trip;
pub mod through;

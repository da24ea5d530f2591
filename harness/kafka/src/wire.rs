//! Frames to requests and responses to frames. Runs outside the cluster's lock.

mod admin;
mod chain;
mod errors;
mod fetch;
pub(crate) mod frame;
pub(crate) mod request;
pub(crate) mod response;
mod schema;
mod shape;
mod throttle;
mod transactional;

pub(crate) use admin::{AdminRequest, AdminResponse};
pub(crate) use chain::Output;
pub(crate) use errors::error_name;
pub(crate) use fetch::{FetchAnswer, FetchedPartition, FetchedTopic};
pub(crate) use request::{ProducePartition, ProduceTopic, ProduceWork, Request};
pub(crate) use response::Response;
pub(crate) use schema::{Api, served};
pub(crate) use transactional::{TransactionRequest, TransactionResponse};

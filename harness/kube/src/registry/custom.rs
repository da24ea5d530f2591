//! Custom resource definitions.
use serde_json::Value;
use super::{Registry, ResourceType};
use crate::error::Cause;
pub(crate) fn check(_: &Value, _: &Registry) -> Result<(), Vec<Cause>> { Ok(()) }
pub(crate) fn accept(_: &mut Value, _: &str) {}
pub(crate) fn types(_: &Value) -> Vec<ResourceType> { Vec::new() }
pub(crate) fn group_and_plural(_: &Value) -> (String, String) { Default::default() }

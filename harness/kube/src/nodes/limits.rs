//! What nodes and containers may take: their control groups.

use std::io;

use k8s_openapi::api::core::v1::Container;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use super::NodeSpec;
use crate::cgroup::{ControlGroup, Limits};
use crate::controllers::{cpu_millis, whole};

/// The group that holds a node to its capacity.
pub(super) fn of_node(top: &ControlGroup, node: &NodeSpec) -> io::Result<ControlGroup> {
    let cpu_millis = Some(u64::from(node.cpu_millis));
    top.child(&node.name, Limits { cpu_millis, memory_bytes: Some(node.memory_bytes) })
}

/// What a container may take.
///
/// # Errors
/// The sentence says what cannot be read.
pub(super) fn of_container(container: &Container) -> Result<Limits, String> {
    let limits = container.resources.as_ref().and_then(|resources| resources.limits.as_ref());
    let limit = |name, what, read: fn(&Quantity) -> Option<u64>| {
        let Some(limit) = limits.and_then(|limits| limits.get(name)) else { return Ok(None) };
        let read = read(limit).map(Some);
        read.ok_or_else(|| format!("limits.{name}: {:?} is no amount of {what}", limit.0))
    };
    Ok(Limits {
        cpu_millis: limit("cpu", "processors", cpu_millis)?,
        memory_bytes: limit("memory", "memory", whole)?,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_limit_is_read_or_refused() {
        let of = |resources: serde_json::Value| {
            let container = json!({"name": "main", "resources": resources});
            of_container(&serde_json::from_value(container).unwrap())
        };
        let limits = |cpu_millis, memory_bytes| Ok(Limits { cpu_millis, memory_bytes });
        assert_eq!(of(json!({"limits": {"memory": "64Mi"}})), limits(None, Some(64 << 20)));
        assert_eq!(of(json!({"limits": {"cpu": "1500m"}})), limits(Some(1500), None));
        assert_eq!(of(json!({"requests": {"memory": "64Mi"}})), limits(None, None));
        assert!(of(json!({"limits": {"memory": "much"}})).unwrap_err().contains("\"much\""));
        assert!(of(json!({"limits": {"cpu": "-1"}})).unwrap_err().contains("limits.cpu"));
    }
}

//! Managers.
use serde_json::Value;
use crate::cluster::{Part, Write};
use crate::registry::ResourceType;
pub(crate) struct Change<'a> { pub(crate) before: &'a Value, pub(crate) after: &'a Value, pub(crate) part: Part }
pub(crate) fn track_update(_: &ResourceType, change: &Change<'_>, _: &mut Value, _: &Write) { let _ = (change.before, change.after, change.part); }

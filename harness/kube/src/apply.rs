//! Server-side apply: a manager says what it wants of an object, and owns exactly that.
//!
//! See "Server-Side Apply" in the Kubernetes documentation. Pure functions: live object and
//! configuration in, merged object or conflicts out.

mod fields;
pub(crate) mod managers;
mod merge;
mod shape;

use serde_json::{Value, json};

use crate::cluster::{Part, Write};
use crate::error::ApiError;
use crate::json::{object_mut, remove_at, set_at};
use crate::registry::ResourceType;
use fields::FieldSet;
use managers::Entry;
use shape::Shape;

/// What an application comes to.
#[derive(Debug)]
pub(crate) struct Applied {
    /// The merged object, still without defaults.
    pub(crate) object: Value,
    entries: Vec<Entry>,
}

impl Applied {
    /// Writes who manages what into the finished object.
    pub(crate) fn record(self, object: &mut Value) {
        managers::write(object, self.entries);
    }
}

/// The configuration without what a manager cannot own.
pub(crate) fn configuration(kind: &ResourceType, config: Value, part: Part) -> Value {
    let mut config = merge::without_nulls(config);
    if part == Part::Status {
        object_mut(&mut config).retain(|name, _| {
            ["apiVersion", "kind", "metadata", "status"].contains(&name.as_str())
        });
    } else if kind.status && !kind.is("", "nodes") {
        remove_at(&mut config, &["status"]);
    }
    config
}

/// Applies a configuration to an object, or to nothing.
pub(crate) fn apply(
    kind: &ResourceType,
    live: Option<&Value>,
    config: &Value,
    force: bool,
    write: &Write,
) -> Result<Applied, ApiError> {
    let shape = Shape::of(kind);
    let nothing = json!({});
    let live = live.unwrap_or(&nothing);
    let mut entries = managers::read(live);
    let mut own = Entry::new(kind, "Apply", write);
    own.fields = FieldSet::of(shape, config);
    managers::leave_out_unmanaged(&mut own.fields, kind, write.part);
    if write.part == Part::Status {
        own.fields.retain_top(|name| name == "status");
    }
    let mut changed = FieldSet::changed(shape, live, config);
    managers::leave_out_unmanaged(&mut changed, kind, write.part);

    let others = entries.iter().filter(|entry| !entry.is_of_same(&own));
    let conflicts: Vec<(&Entry, Vec<String>)> = others
        .map(|entry| (entry, changed.common_leaves(&entry.fields)))
        .filter(|(_, paths)| !paths.is_empty())
        .collect();
    if !conflicts.is_empty() && !force {
        return Err(conflict(&conflicts));
    }

    let mut object = live.clone();
    merge::lay_over(shape, &mut object, config);
    let mut kept = own.fields.clone();
    let mut before = FieldSet::default();
    for entry in &mut entries {
        if entry.is_of_same(&own) {
            before = std::mem::take(&mut entry.fields);
            // An application that changes nothing keeps its time, and so the object its version.
            if before == own.fields {
                own.time.clone_from(&entry.time);
            }
        } else {
            entry.fields.subtract(&changed);
            kept.union(&entry.fields);
        }
    }
    let mut gone = before;
    gone.subtract(&own.fields);
    merge::take_out(shape, &mut object, &gone, Some(&kept));
    match entries.iter_mut().find(|entry| entry.is_of_same(&own)) {
        Some(entry) => *entry = own,
        None => entries.push(own),
    }
    set_at(&mut object, &["apiVersion"], kind.api_version().into());
    Ok(Applied { object, entries })
}

fn conflict(conflicts: &[(&Entry, Vec<String>)]) -> ApiError {
    let mut causes = Vec::new();
    let mut lines = Vec::new();
    for (entry, paths) in conflicts {
        let mut who = format!("conflict with \"{}\"", entry.manager);
        if !entry.subresource.is_empty() {
            who.push_str(&format!(" with subresource \"{}\"", entry.subresource));
        }
        if entry.operation == "Update" {
            who.push_str(&format!(" using {}", entry.api_version));
        }
        for path in paths {
            lines.push(format!("{who}: {path}"));
            causes.push(json!({ "reason": "FieldManagerConflict", "message": who, "field": path }));
        }
    }
    let plural = if causes.len() == 1 { "conflict" } else { "conflicts" };
    let mut error = ApiError::new(
        409,
        "Conflict",
        format!("Apply failed with {} {plural}: {}", causes.len(), lines.join(", ")),
    );
    error.details = json!({ "causes": causes });
    error
}

//! Who manages which fields: `metadata.managedFields`.

use serde_json::{Value, json};

use super::fields::FieldSet;
use super::shape::Shape;
use crate::cluster::{Part, Write};
use crate::json::{at, list_at, remove_at, set_at, str_at};
use crate::registry::ResourceType;

/// Entries of managers that update; older ones are merged into one.
const UPDATERS_MAX: usize = 10;

/// Name of the entry into which old updates are merged.
const ANCIENT: &str = "ancient-changes";

/// What an update did.
#[derive(Debug)]
pub(crate) struct Change<'a> {
    pub(crate) before: &'a Value,
    pub(crate) after: &'a Value,
    pub(crate) part: Part,
}

/// What one manager manages by one kind of operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) manager: String,
    /// `Apply` or `Update`.
    pub(super) operation: String,
    pub(super) api_version: String,
    /// `status` or `scale` for writes through these, else empty.
    pub(super) subresource: String,
    pub(super) time: String,
    pub(super) fields: FieldSet,
}

impl Entry {
    pub(super) fn new(kind: &ResourceType, operation: &str, write: &Write) -> Self {
        let subresource = match write.part {
            Part::Main => "",
            Part::Status => "status",
            Part::Scale => "scale",
        };
        Self {
            manager: write.manager.clone(),
            operation: operation.to_owned(),
            api_version: kind.api_version(),
            subresource: subresource.to_owned(),
            time: write.moment.rfc3339(),
            fields: FieldSet::default(),
        }
    }

    pub(super) fn is_of_same(&self, other: &Self) -> bool {
        self.manager == other.manager
            && self.operation == other.operation
            && self.subresource == other.subresource
    }

    fn read(value: &Value) -> Self {
        let text = |field| str_at(value, &[field]).to_owned();
        Self {
            manager: text("manager"),
            operation: text("operation"),
            api_version: text("apiVersion"),
            subresource: text("subresource"),
            time: text("time"),
            fields: FieldSet::from_json(value.get("fieldsV1").unwrap_or(&Value::Null)),
        }
    }

    fn write(&self) -> Value {
        let mut value = json!({
            "manager": self.manager,
            "operation": self.operation,
            "apiVersion": self.api_version,
            "time": self.time,
            "fieldsType": "FieldsV1",
            "fieldsV1": self.fields.to_json(),
        });
        if !self.subresource.is_empty() {
            set_at(&mut value, &["subresource"], self.subresource.as_str().into());
        }
        value
    }
}

/// The entries of an object.
pub(super) fn read(object: &Value) -> Vec<Entry> {
    let entries = list_at(object, &["metadata", "managedFields"]).iter();
    entries.map(Entry::read).filter(|entry| !entry.operation.is_empty()).collect()
}

/// Writes the entries that still have fields.
pub(super) fn write(object: &mut Value, mut entries: Vec<Entry>) {
    entries.retain(|entry| !entry.fields.is_empty());
    merge_ancient(&mut entries);
    if entries.is_empty() {
        remove_at(object, &["metadata", "managedFields"]);
    } else {
        let entries: Vec<Value> = entries.iter().map(Entry::write).collect();
        set_at(object, &["metadata", "managedFields"], entries.into());
    }
}

fn merge_ancient(entries: &mut Vec<Entry>) {
    let updater = |entry: &Entry| entry.operation == "Update";
    while entries.iter().filter(|entry| updater(entry)).count() > UPDATERS_MAX {
        let oldest = (0..entries.len())
            .filter(|index| updater(&entries[*index]) && entries[*index].manager != ANCIENT)
            .min_by(|a, b| entries[*a].time.cmp(&entries[*b].time));
        let Some(oldest) = oldest else { return };
        let mut old = entries.remove(oldest);
        match entries.iter_mut().find(|entry| entry.manager == ANCIENT) {
            Some(ancient) => ancient.fields.union(&old.fields),
            None => {
                ANCIENT.clone_into(&mut old.manager);
                old.subresource.clear();
                entries.push(old);
            }
        }
    }
}

/// Takes out of a set what nobody manages: identity and what the server writes itself.
pub(super) fn leave_out_unmanaged(set: &mut FieldSet, kind: &ResourceType, part: Part) {
    for name in ["apiVersion", "kind"] {
        set.remove_path(&[name]);
    }
    for name in [
        "name",
        "namespace",
        "uid",
        "resourceVersion",
        "generation",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "managedFields",
        "selfLink",
    ] {
        set.remove_path(&["metadata", name]);
    }
    if kind.status && part != Part::Status {
        set.remove_path(&["status"]);
    }
}

/// Records in `object` what the writer changed: it manages that now, and nobody else does.
pub(crate) fn track_update(
    kind: &ResourceType,
    change: &Change<'_>,
    object: &mut Value,
    write: &Write,
) {
    // A client may write the entries itself; an empty list starts them anew.
    let given = at(change.after, &["metadata", "managedFields"]).is_some();
    let mut entries = read(if given { change.after } else { change.before });
    let shape = Shape::of(kind);
    let mut changed = FieldSet::changed(shape, change.before, change.after);
    leave_out_unmanaged(&mut changed, kind, change.part);
    let mut removed = FieldSet::of(shape, change.before);
    removed.subtract(&FieldSet::of(shape, change.after));
    for entry in &mut entries {
        entry.fields.subtract(&removed);
        entry.fields.subtract(&changed);
    }
    if !changed.is_empty() {
        let mut own = Entry::new(kind, "Update", write);
        match entries.iter_mut().find(|entry| entry.is_of_same(&own)) {
            Some(entry) => {
                entry.time.clone_from(&own.time);
                entry.fields.union(&changed);
            }
            None => {
                own.fields = changed;
                entries.push(own);
            }
        }
    }
    self::write(object, entries);
}

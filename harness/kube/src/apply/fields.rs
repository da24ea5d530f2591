//! Sets of fields, and their form in `managedFields` (`FieldsV1`).
//!
//! After "structured-merge-diff", which Kubernetes uses: a path is a sequence of field names, keys
//! of list elements and values of sets.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::shape::{Merge, Shape, element_key};

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    /// A field of an object.
    Field(String),
    /// The element of a list with this key (canonical JSON text).
    Key(String),
    /// The element of a set (canonical JSON text).
    Value(String),
}

/// A set of paths, as a tree.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct FieldSet {
    /// Whether the path to this node is in the set.
    pub(super) here: bool,
    pub(super) children: BTreeMap<Step, FieldSet>,
}

impl FieldSet {
    pub(super) fn leaf() -> Self {
        Self { here: true, children: BTreeMap::new() }
    }

    pub(super) fn is_empty(&self) -> bool {
        !self.here && self.children.is_empty()
    }

    /// The leaves of a value, and the elements of its lists.
    pub(super) fn of(shape: Shape<'_>, value: &Value) -> Self {
        Self::changed(shape, &Value::Null, value)
    }

    /// The leaves and elements of `after` that `before` does not have with the same value.
    pub(super) fn changed(shape: Shape<'_>, before: &Value, after: &Value) -> Self {
        let mut set = Self::default();
        match shape.merge(after) {
            // An empty map or list is a leaf itself.
            Merge::Fields if after.as_object().is_some_and(Map::is_empty) => {
                set.here = !before.is_object();
            }
            Merge::Elements(_) | Merge::Set if after.as_array().is_some_and(Vec::is_empty) => {
                set.here = !before.is_array();
            }
            Merge::Fields => {
                for (name, value) in after.as_object().into_iter().flatten() {
                    let old = before.get(name).unwrap_or(&Value::Null);
                    set.add(
                        Step::Field(name.clone()),
                        Self::changed(shape.field(name), old, value),
                    );
                }
            }
            Merge::Elements(keys) => {
                let old: BTreeMap<String, &Value> = before
                    .as_array()
                    .into_iter()
                    .flatten()
                    .map(|item| (element_key(&keys, item), item))
                    .collect();
                for item in after.as_array().into_iter().flatten() {
                    let key = element_key(&keys, item);
                    let same = old.get(&key).copied();
                    let inner = same.unwrap_or(&Value::Null);
                    let mut child = Self::changed(shape.element(), inner, item);
                    child.here |= same.is_none();
                    set.add(Step::Key(key), child);
                }
            }
            Merge::Set => {
                let old = before.as_array().map(Vec::as_slice).unwrap_or_default();
                for item in after.as_array().into_iter().flatten() {
                    if !old.contains(item) {
                        set.add(Step::Value(item.to_string()), Self::leaf());
                    }
                }
            }
            Merge::Whole => set.here = before != after && !after.is_null(),
        }
        set
    }

    fn add(&mut self, step: Step, child: Self) {
        if !child.is_empty() {
            self.children.insert(step, child);
        }
    }

    /// Everything in either set.
    pub(super) fn union(&mut self, other: &Self) {
        self.here |= other.here;
        for (step, child) in &other.children {
            self.children.entry(step.clone()).or_default().union(child);
        }
    }

    /// Takes out what is in the other set.
    pub(super) fn subtract(&mut self, other: &Self) {
        self.here &= !other.here;
        for (step, gone) in &other.children {
            if let Some(child) = self.children.get_mut(step) {
                child.subtract(gone);
                if child.is_empty() {
                    self.children.remove(step);
                }
            }
        }
    }

    /// The paths in both sets, as text, leaves only.
    pub(super) fn common_leaves(&self, other: &Self) -> Vec<String> {
        fn walk(one: &FieldSet, other: &FieldSet, path: &str, found: &mut Vec<String>) {
            if one.here && other.here && one.children.is_empty() {
                found.push(path.to_owned());
            }
            for (step, child) in &one.children {
                if let Some(same) = other.children.get(step) {
                    walk(child, same, &format!("{path}{}", step.text()), found);
                }
            }
        }
        let mut found = Vec::new();
        walk(self, other, "", &mut found);
        found
    }

    /// Only the fields of the first level that `wanted` allows.
    pub(super) fn retain_top(&mut self, wanted: impl Fn(&str) -> bool) {
        self.children.retain(|step, _| matches!(step, Step::Field(name) if wanted(name)));
    }

    /// Takes a field out, given by its path from the top.
    pub(super) fn remove_path(&mut self, path: &[&str]) {
        let [name, rest @ ..] = path else { return };
        let step = Step::Field((*name).to_owned());
        if rest.is_empty() {
            self.children.remove(&step);
        } else if let Some(child) = self.children.get_mut(&step) {
            child.remove_path(rest);
            if child.is_empty() {
                self.children.remove(&step);
            }
        }
    }

    /// The names of the paths' first steps, for walks over several sets.
    pub(super) fn steps(&self) -> BTreeSet<&Step> {
        self.children.keys().collect()
    }

    /// The set as `FieldsV1`.
    pub(super) fn to_json(&self) -> Value {
        let mut map = Map::new();
        if self.here && !self.children.is_empty() {
            map.insert(".".into(), Value::Object(Map::new()));
        }
        for (step, child) in &self.children {
            map.insert(step.to_json_name(), child.to_json());
        }
        Value::Object(map)
    }

    /// Reads `FieldsV1`; names that mean nothing are left out.
    pub(super) fn from_json(value: &Value) -> Self {
        fn node(value: &Value) -> FieldSet {
            let mut set = FieldSet::default();
            let map = value.as_object();
            set.here = map.is_none_or(Map::is_empty) || value.get(".").is_some();
            for (name, inner) in map.into_iter().flatten() {
                if let Some(step) = Step::from_json_name(name) {
                    set.children.insert(step, node(inner));
                }
            }
            set
        }
        let mut root = node(value);
        root.here = false;
        root
    }
}

impl Step {
    fn to_json_name(&self) -> String {
        match self {
            Self::Field(name) => format!("f:{name}"),
            Self::Key(key) => format!("k:{key}"),
            Self::Value(value) => format!("v:{value}"),
        }
    }

    fn from_json_name(name: &str) -> Option<Self> {
        let canonical = |text: &str| {
            let value: Value = serde_json::from_str(text).ok()?;
            match value.as_object() {
                Some(map) => {
                    let sorted: BTreeMap<_, _> = map.iter().collect();
                    serde_json::to_string(&sorted).ok()
                }
                None => Some(value.to_string()),
            }
        };
        match name.split_once(':')? {
            ("f", field) => Some(Self::Field(field.to_owned())),
            ("k", key) => Some(Self::Key(canonical(key)?)),
            ("v", value) => Some(Self::Value(canonical(value)?)),
            _ => None,
        }
    }

    /// The step as conflicts show it: `.spec`, `[name="main"]`.
    fn text(&self) -> String {
        match self {
            Self::Field(name) => format!(".{name}"),
            Self::Value(value) => format!("[={value}]"),
            Self::Key(key) => {
                let map: BTreeMap<String, Value> = serde_json::from_str(key).unwrap_or_default();
                let parts: Vec<String> =
                    map.iter().map(|(name, value)| format!("{name}={value}")).collect();
                format!("[{}]", parts.join(","))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const PODS: Shape<'_> = Shape::Builtin("pods", "");

    fn pod() -> Value {
        json!({
            "metadata": { "labels": { "app": "a" }, "finalizers": ["x.dev/y"] },
            "spec": { "containers": [
                { "name": "main", "args": ["-v"], "ports": [{ "containerPort": 80 }] },
            ]},
        })
    }

    #[test]
    fn sets_are_written_as_kubernetes_writes_them_and_read_back() {
        let set = FieldSet::of(PODS, &pod());
        let wanted = json!({
            "f:metadata": { "f:labels": { "f:app": {} }, "f:finalizers": { "v:\"x.dev/y\"": {} } },
            "f:spec": { "f:containers": { "k:{\"name\":\"main\"}": {
                ".": {},
                "f:name": {},
                "f:args": {},
                "f:ports": { "k:{\"containerPort\":80,\"protocol\":\"TCP\"}": {
                    ".": {}, "f:containerPort": {},
                }},
            }}},
        });
        assert_eq!(set.to_json(), wanted);
        assert_eq!(FieldSet::from_json(&wanted), set);
    }

    #[test]
    fn only_what_differs_has_changed() {
        let mut after = pod();
        after["spec"]["containers"][0]["args"] = json!(["-q"]);
        let changed = FieldSet::changed(PODS, &pod(), &after);
        let wanted = json!({
            "f:spec": { "f:containers": { "k:{\"name\":\"main\"}": { "f:args": {} } } },
        });
        assert_eq!(changed.to_json(), wanted);
        assert_eq!(
            FieldSet::of(PODS, &pod()).common_leaves(&changed),
            [".spec.containers[name=\"main\"].args"]
        );
    }

    #[test]
    fn a_set_less_itself_is_empty() {
        let mut set = FieldSet::of(PODS, &pod());
        let same = set.clone();
        set.union(&same);
        assert_eq!(set, same);
        set.subtract(&same);
        assert!(set.is_empty());
    }
}

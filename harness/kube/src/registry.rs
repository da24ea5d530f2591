//! Which resource types the server knows: the built-in ones and those of CRDs.

pub(crate) mod builtin;
pub(crate) mod columns;
pub(crate) mod custom;
pub(crate) mod jsonpath;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use crate::schema::Schema;

/// Where a type keeps the numbers behind its `scale` subresource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScalePaths {
    /// Steps to the desired replicas, as `["spec", "replicas"]`.
    pub spec_replicas: Vec<String>,
    /// Steps to the observed replicas.
    pub status_replicas: Vec<String>,
    /// Where the label selector of the scaled pods is.
    pub selector: ScaleSelector,
}

/// How a type gives the label selector of its `scale` subresource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScaleSelector {
    /// The type does not say.
    None,
    /// A string in selector syntax at these steps.
    Text(Vec<String>),
    /// A `LabelSelector` object at these steps.
    Object(Vec<String>),
}

/// One column of a table.
#[derive(Debug, Clone)]
pub struct Column {
    /// Heading.
    pub name: String,
    /// `string`, `integer`, `number`, `boolean` or `date`.
    pub kind: String,
    /// Display hint, as `name`; usually empty.
    pub format: String,
    /// What the column means.
    pub description: String,
    /// 0 is always shown, anything higher only in wide output.
    pub priority: i64,
    /// Where the cell comes from.
    pub cell: Cell,
}

/// How a cell is computed from an object.
#[derive(Debug, Clone)]
pub enum Cell {
    /// The built-in function of that object; `now` gives ages.
    Function(fn(&Value, jiff::Timestamp) -> Value),
    /// A JSON path of a custom resource definition.
    Path(String),
}

/// A resource type in one version of its API group.
#[derive(Debug, Clone)]
pub struct ResourceType {
    /// API group, empty for the core.
    pub group: String,
    /// Version, as `v1alpha1`.
    pub version: String,
    /// Kind, as `Pod`.
    pub kind: String,
    /// Kind of its lists, as `PodList`.
    pub list_kind: String,
    /// Plural name used in paths.
    pub plural: String,
    /// Singular name.
    pub singular: String,
    /// Abbreviations for command lines.
    pub short_names: Vec<String>,
    /// Groups of resources such as `all`.
    pub categories: Vec<String>,
    /// Whether objects live in a namespace.
    pub namespaced: bool,
    /// Whether there is a `status` subresource (which then owns `status`).
    pub status: bool,
    /// The `scale` subresource, if any.
    pub scale: Option<ScalePaths>,
    /// Whether an update may leave out its resourceVersion.
    pub unconditional_update: bool,
    /// Table columns after the name.
    pub columns: Vec<Column>,
    /// What objects look like.
    pub schema: Schema,
    /// Group and plural under which objects are stored.
    pub stored_as: (String, String),
}

impl ResourceType {
    /// `v1` or `apps/v1`.
    pub fn api_version(&self) -> String {
        api_version(&self.group, &self.version)
    }

    /// Whether the type comes from a custom resource definition.
    pub fn is_custom(&self) -> bool {
        matches!(self.schema, Schema::Structural(_))
    }

    /// Whether the type is the built-in one of that name.
    pub(crate) fn is(&self, group: &str, plural: &str) -> bool {
        self.group == group && self.plural == plural
    }
}

/// `v1` or `apps/v1`.
pub(crate) fn api_version(group: &str, version: &str) -> String {
    if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") }
}

/// All types, by group, version and plural name.
#[derive(Debug, Clone)]
pub struct Registry {
    types: BTreeMap<(String, String, String), Arc<ResourceType>>,
    /// Versions of each group, the preferred one first.
    groups: Vec<(String, Vec<String>)>,
}

impl Registry {
    /// The built-in types.
    pub fn builtin() -> Self {
        let mut registry = Self { types: BTreeMap::new(), groups: Vec::new() };
        for resource in builtin::all() {
            registry.add(resource);
        }
        registry
    }

    /// Adds or replaces one type.
    pub fn add(&mut self, resource: ResourceType) {
        let key = (resource.group.clone(), resource.version.clone(), resource.plural.clone());
        match self.groups.iter_mut().find(|(group, _)| *group == resource.group) {
            Some((_, versions)) if versions.contains(&resource.version) => {}
            Some((_, versions)) => versions.push(resource.version.clone()),
            None => self.groups.push((resource.group.clone(), vec![resource.version.clone()])),
        }
        self.types.insert(key, Arc::new(resource));
    }

    /// Removes every version of a type.
    pub fn remove(&mut self, group: &str, plural: &str) {
        self.types.retain(|(g, _, p), _| g != group || p != plural);
        for (name, versions) in &mut self.groups {
            versions.retain(|version| {
                self.types.keys().any(|(group, of, _)| group == name && of == version)
            });
        }
        self.groups.retain(|(_, versions)| !versions.is_empty());
    }

    /// The type of that path.
    pub fn find(&self, group: &str, version: &str, plural: &str) -> Option<&Arc<ResourceType>> {
        self.types.get(&(group.to_owned(), version.to_owned(), plural.to_owned()))
    }

    /// The type as stored under that group and plural, in any of its versions.
    pub fn stored(&self, group: &str, plural: &str) -> Option<&Arc<ResourceType>> {
        let mut all = self.types.values().filter(|kind| {
            kind.stored_as.0 == group && kind.stored_as.1 == plural && kind.group == group
        });
        all.next()
    }

    /// The API groups (the core is the empty one) with their versions, preferred first.
    pub fn groups(&self) -> &[(String, Vec<String>)] {
        &self.groups
    }

    /// The types of one group and version.
    pub fn types_of<'a>(
        &'a self,
        group: &'a str,
        version: &'a str,
    ) -> impl Iterator<Item = &'a Arc<ResourceType>> {
        self.types
            .iter()
            .filter(move |((g, v, _), _)| g == group && v == version)
            .map(|(_, kind)| kind)
    }
}

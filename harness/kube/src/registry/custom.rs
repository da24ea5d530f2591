//! Custom resource definitions: what is wrong with them, and the types that they make.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Cell, Column, Registry, ResourceType, ScalePaths, ScaleSelector, columns, jsonpath};
use crate::cluster::is_subdomain;
use crate::error::Cause;
use crate::json::{at, default_at, int_at, list_at, set_at, str_at};
use crate::schema::{Schema, Structural};

/// The API group and plural name of a definition.
pub(crate) fn group_and_plural(definition: &Value) -> (String, String) {
    let text = |path: &[&str]| str_at(definition, path).to_owned();
    (text(&["spec", "group"]), text(&["spec", "names", "plural"]))
}

/// Checks what the type of a definition does not say.
pub(crate) fn check(definition: &Value, registry: &Registry) -> Result<(), Vec<Cause>> {
    let mut causes = Vec::new();
    let (group, plural) = group_and_plural(definition);
    let name = str_at(definition, &["metadata", "name"]);
    if name != format!("{plural}.{group}") {
        let why = "must be spec.names.plural+\".\"+spec.group";
        causes.push(Cause::invalid("metadata.name", &name.into(), why));
    }
    if !group.contains('.') || !is_subdomain(&group) {
        let why = "should be a domain with at least one dot";
        causes.push(Cause::invalid("spec.group", &group.as_str().into(), why));
    }
    if registry.stored(&group, &plural).is_some_and(|kind| !kind.is_custom()) {
        let why = "is the name of a built-in resource";
        causes.push(Cause::invalid("spec.names.plural", &plural.as_str().into(), why));
    }
    for field in ["kind", "plural"] {
        if str_at(definition, &["spec", "names", field]).is_empty() {
            causes.push(Cause::required(format!("spec.names.{field}"), ""));
        }
    }
    let scope = at(definition, &["spec", "scope"]).unwrap_or(&Value::Null);
    let scopes = [json!("Cluster"), json!("Namespaced")];
    if !scopes.contains(scope) {
        causes.push(Cause::not_supported("spec.scope", scope, &scopes));
    }
    check_versions(definition, &mut causes);
    if causes.is_empty() { Ok(()) } else { Err(causes) }
}

fn check_versions(definition: &Value, causes: &mut Vec<Cause>) {
    let versions = list_at(definition, &["spec", "versions"]);
    let stored = |version: &&Value| at(version, &["storage"]) == Some(&Value::Bool(true));
    if versions.iter().filter(stored).count() != 1 {
        let why = "must have exactly one version marked as storage version";
        causes.push(Cause::invalid("spec.versions", &json!(versions.len()), why));
    }
    for (index, version) in versions.iter().enumerate() {
        let place = format!("spec.versions[{index}]");
        if str_at(version, &["name"]).is_empty() {
            causes.push(Cause::required(format!("{place}.name"), ""));
        }
        let schema = at(version, &["schema", "openAPIV3Schema"]);
        let place = format!("{place}.schema.openAPIV3Schema");
        match schema.cloned().map(Structural::new) {
            None => causes.push(Cause::required(place, "schemas are required")),
            Some(Err(why)) => causes.push(Cause::invalid(place, &Value::Null, &why)),
            Some(Ok(structural)) if str_at(structural.root(), &["type"]) != "object" => {
                let why = "must be \"object\" at the root";
                let given = at(structural.root(), &["type"]).unwrap_or(&Value::Null);
                causes.push(Cause::invalid(format!("{place}.type"), given, why));
            }
            Some(Ok(_)) => {}
        }
    }
}

/// Fills in the names that follow from others, and says that the definition is in use.
pub(crate) fn accept(definition: &mut Value, now: &str) {
    let kind = str_at(definition, &["spec", "names", "kind"]).to_owned();
    let names = |field| ["spec", "names", field];
    default_at(definition, &names("singular"), kind.to_lowercase().into());
    default_at(definition, &names("listKind"), format!("{kind}List").into());
    default_at(definition, &["spec", "conversion", "strategy"], json!("None"));
    let accepted = at(definition, &["spec", "names"]).cloned().unwrap_or_default();
    set_at(definition, &["status", "acceptedNames"], accepted);
    let versions = list_at(definition, &["spec", "versions"]).iter();
    let stored: Vec<Value> = versions
        .filter(|version| at(version, &["storage"]) == Some(&Value::Bool(true)))
        .map(|version| str_at(version, &["name"]).into())
        .collect();
    set_at(definition, &["status", "storedVersions"], stored.into());
    let mut conditions = list_at(definition, &["status", "conditions"]).to_vec();
    let wanted = [
        ("NamesAccepted", "NoConflicts", "no conflicts found"),
        ("Established", "InitialNamesAccepted", "the initial names have been accepted"),
    ];
    for (kind, reason, message) in wanted {
        if !conditions.iter().any(|condition| str_at(condition, &["type"]) == kind) {
            conditions.push(json!({
                "type": kind, "status": "True", "reason": reason, "message": message,
                "lastTransitionTime": now,
            }));
        }
    }
    set_at(definition, &["status", "conditions"], conditions.into());
}

/// The types of a definition, one for each version that is served.
pub(crate) fn types(definition: &Value) -> Vec<ResourceType> {
    let mut versions: Vec<&Value> = list_at(definition, &["spec", "versions"])
        .iter()
        .filter(|version| at(version, &["served"]) == Some(&Value::Bool(true)))
        .collect();
    versions.sort_by_key(|version| version_priority(str_at(version, &["name"])));
    versions.into_iter().filter_map(|version| of_version(definition, version)).collect()
}

/// Orders versions as Kubernetes prefers them: stable before beta before alpha, newer first.
fn version_priority(name: &str) -> (u8, std::cmp::Reverse<u32>, std::cmp::Reverse<u32>) {
    let digits = name.strip_prefix('v').unwrap_or_default();
    let (major, rest) =
        digits.split_at(digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len()));
    let number = |text: &str| std::cmp::Reverse(text.parse().unwrap_or(0));
    if let Some(minor) = rest.strip_prefix("beta") {
        (1, number(major), number(minor))
    } else if let Some(minor) = rest.strip_prefix("alpha") {
        (2, number(major), number(minor))
    } else {
        (0, number(major), number(""))
    }
}

fn of_version(definition: &Value, version: &Value) -> Option<ResourceType> {
    let (group, plural) = group_and_plural(definition);
    let names = at(definition, &["spec", "names"])?;
    let text = |field| str_at(names, &[field]).to_owned();
    let texts = |field| {
        let all = list_at(names, &[field]).iter().filter_map(Value::as_str);
        all.map(str::to_owned).collect::<Vec<_>>()
    };
    let structural = Structural::new(at(version, &["schema", "openAPIV3Schema"])?.clone()).ok()?;
    Some(ResourceType {
        group: group.clone(),
        version: str_at(version, &["name"]).to_owned(),
        kind: text("kind"),
        list_kind: text("listKind"),
        plural: plural.clone(),
        singular: text("singular"),
        short_names: texts("shortNames"),
        categories: texts("categories"),
        namespaced: str_at(definition, &["spec", "scope"]) == "Namespaced",
        status: at(version, &["subresources", "status"]).is_some(),
        scale: at(version, &["subresources", "scale"]).and_then(scale_paths),
        unconditional_update: false,
        columns: printer_columns(version),
        schema: Schema::Structural(Arc::new(structural)),
        stored_as: (group, plural),
    })
}

fn scale_paths(scale: &Value) -> Option<ScalePaths> {
    let path = |field| jsonpath::fields(str_at(scale, &[field]));
    Some(ScalePaths {
        spec_replicas: path("specReplicasPath")?,
        status_replicas: path("statusReplicasPath")?,
        selector: match scale.get("labelSelectorPath").and(path("labelSelectorPath")) {
            Some(steps) => ScaleSelector::Text(steps),
            None => ScaleSelector::None,
        },
    })
}

fn printer_columns(version: &Value) -> Vec<Column> {
    let declared = list_at(version, &["additionalPrinterColumns"]);
    if declared.is_empty() {
        return vec![columns::age()];
    }
    let text = |column: &Value, field| str_at(column, &[field]).to_owned();
    declared
        .iter()
        .map(|column| Column {
            name: text(column, "name"),
            kind: text(column, "type"),
            format: text(column, "format"),
            description: text(column, "description"),
            priority: int_at(column, &["priority"]).unwrap_or(0),
            cell: Cell::Path(text(column, "jsonPath")),
        })
        .collect()
}

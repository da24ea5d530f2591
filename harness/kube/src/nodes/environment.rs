//! What a container's environment variables, command and arguments come to.
//!
//! Source: `makeEnvironmentVariables` of the kubelet and `third_party/forked/golang/expansion`.
//! Config maps are looked up before; the resolution itself is a function of what was found.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{Container, EnvVar, EnvVarSource, ObjectFieldSelector, Pod};

/// The data of each config map that the container names; none where there is no such config map.
pub(super) type ConfigMaps = BTreeMap<String, Option<BTreeMap<String, String>>>;

/// The addresses that variables can name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PodAddresses {
    /// `status.podIP`.
    pub(super) pod: String,
    /// `status.hostIP`.
    pub(super) host: String,
}

/// The names of the config maps that the container refers to.
pub(super) fn config_maps(container: &Container) -> BTreeSet<String> {
    let whole = container.env_from.iter().flatten().filter_map(|source| {
        source.config_map_ref.as_ref().map(|reference| reference.name.clone())
    });
    let keys = container.env.iter().flatten().filter_map(|variable| {
        let source = variable.value_from.as_ref()?;
        source.config_map_key_ref.as_ref().map(|reference| reference.name.clone())
    });
    whole.chain(keys).collect()
}

/// The container's variables in the order in which they were defined; a later one wins.
///
/// # Errors
/// The sentence names the variable or source that cannot be resolved.
pub(super) fn resolve(
    pod: &Pod,
    container: &Container,
    addresses: &PodAddresses,
    maps: &ConfigMaps,
) -> Result<BTreeMap<String, String>, String> {
    let mut resolved = BTreeMap::new();
    for source in container.env_from.iter().flatten() {
        if source.secret_ref.is_some() {
            return Err("envFrom.secretRef: secrets are not emulated".to_owned());
        }
        let Some(reference) = &source.config_map_ref else { continue };
        let optional = reference.optional == Some(true);
        let Some(data) = find(maps, &reference.name, optional)? else { continue };
        let prefix = source.prefix.as_deref().unwrap_or_default();
        for (key, value) in data {
            let name = format!("{prefix}{key}");
            if is_name(&name) {
                resolved.insert(name, value.clone());
            }
        }
    }
    for variable in container.env.iter().flatten() {
        let value = match &variable.value_from {
            None => Some(expand(variable.value.as_deref().unwrap_or_default(), &resolved)),
            Some(source) => from_source(pod, variable, source, addresses, maps)?,
        };
        if let Some(value) = value {
            resolved.insert(variable.name.clone(), value);
        }
    }
    match resolved.iter().find(|(name, value)| !is_name(name) || value.contains('\0')) {
        Some((name, _)) => Err(format!("env {name:?}: not a name and value without NUL")),
        None => Ok(resolved),
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(['=', '\0'])
}

fn find<'a>(
    maps: &'a ConfigMaps,
    name: &str,
    optional: bool,
) -> Result<Option<&'a BTreeMap<String, String>>, String> {
    match maps.get(name).and_then(Option::as_ref) {
        Some(data) => Ok(Some(data)),
        None if optional => Ok(None),
        None => Err(format!("configmap {name:?} not found")),
    }
}

fn from_source(
    pod: &Pod,
    variable: &EnvVar,
    source: &EnvVarSource,
    addresses: &PodAddresses,
    maps: &ConfigMaps,
) -> Result<Option<String>, String> {
    if let Some(field) = &source.field_ref {
        let value = field_value(pod, field, addresses);
        return value.map(Some).map_err(|problem| format!("env {}: {problem}", variable.name));
    }
    let Some(reference) = &source.config_map_key_ref else {
        return Err(format!(
            "env {}: valueFrom takes fieldRef or configMapKeyRef on an emulated node",
            variable.name
        ));
    };
    let optional = reference.optional == Some(true);
    let Some(data) = find(maps, &reference.name, optional)? else { return Ok(None) };
    match data.get(&reference.key) {
        Some(value) => Ok(Some(value.clone())),
        None if optional => Ok(None),
        None => Err(format!("configmap {:?} has no key {:?}", reference.name, reference.key)),
    }
}

fn field_value(
    pod: &Pod,
    field: &ObjectFieldSelector,
    addresses: &PodAddresses,
) -> Result<String, String> {
    let meta = &pod.metadata;
    let spec = pod.spec.as_ref();
    let path = field.field_path.as_str();
    let own = |value: Option<&String>| Ok(value.cloned().unwrap_or_default());
    match path {
        "metadata.name" => own(meta.name.as_ref()),
        "metadata.namespace" => own(meta.namespace.as_ref()),
        "metadata.uid" => own(meta.uid.as_ref()),
        "spec.nodeName" => own(spec.and_then(|spec| spec.node_name.as_ref())),
        "spec.serviceAccountName" => own(spec.and_then(|spec| spec.service_account_name.as_ref())),
        "status.podIP" | "status.podIPs" => Ok(addresses.pod.clone()),
        "status.hostIP" | "status.hostIPs" => Ok(addresses.host.clone()),
        _ => {
            if let Some(key) = subscript(path, "metadata.annotations") {
                return own(meta.annotations.as_ref().and_then(|all| all.get(key)));
            }
            if let Some(key) = subscript(path, "metadata.labels") {
                return own(meta.labels.as_ref().and_then(|all| all.get(key)));
            }
            Err(format!("fieldPath {path:?} is not supported"))
        }
    }
}

/// The key in `field['key']`.
fn subscript<'a>(path: &'a str, field: &str) -> Option<&'a str> {
    path.strip_prefix(field)?.strip_prefix("['")?.strip_suffix("']")
}

/// Replaces `$(NAME)` by the variable's value. `$$` stands for `$`; a reference to a variable that
/// is not defined stays as it is.
pub(super) fn expand(text: &str, variables: &BTreeMap<String, String>) -> String {
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        expanded.push_str(before);
        if let Some(escaped) = after.strip_prefix('$') {
            expanded.push('$');
            rest = escaped;
            continue;
        }
        let reference = after.strip_prefix('(').and_then(|inner| inner.split_once(')'));
        match reference {
            Some((name, behind)) => {
                match variables.get(name) {
                    Some(value) => expanded.push_str(value),
                    None => expanded.extend(["$(", name, ")"]),
                }
                rest = behind;
            }
            None => {
                expanded.push('$');
                rest = after;
            }
        }
    }
    expanded.push_str(rest);
    expanded
}

#[cfg(test)]
mod tests;

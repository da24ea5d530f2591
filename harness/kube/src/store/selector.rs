//! Label and field selectors.

use serde_json::Value;

use crate::error::ApiError;
use crate::json::{at, str_at};

/// One condition on labels.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Requirement {
    In(String, Vec<String>),
    NotIn(String, Vec<String>),
    Exists(String),
    Absent(String),
}

/// A label selector: all of its requirements must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LabelSelector(Vec<Requirement>);

impl LabelSelector {
    /// Reads `a=b,c!=d,e in (f,g),h notin (i),j,!k`.
    pub fn parse(text: &str) -> Result<Self, ApiError> {
        let mut requirements = Vec::new();
        for part in split_outside_parentheses(text) {
            let part = part.trim();
            if part.is_empty() {
                continue;
            }
            requirements.push(requirement(part).ok_or_else(|| {
                ApiError::bad_request(format!("unable to parse label selector: \"{part}\""))
            })?);
        }
        Ok(Self(requirements))
    }

    /// Whether the object's labels satisfy every requirement.
    pub fn matches(&self, object: &Value) -> bool {
        let labels = at(object, &["metadata", "labels"]);
        let label = |key: &str| labels.and_then(|all| all.get(key)).and_then(Value::as_str);
        self.0.iter().all(|requirement| match requirement {
            Requirement::In(key, values) => {
                label(key).is_some_and(|have| values.iter().any(|value| value == have))
            }
            Requirement::NotIn(key, values) => {
                label(key).is_none_or(|have| values.iter().all(|value| value != have))
            }
            Requirement::Exists(key) => label(key).is_some(),
            Requirement::Absent(key) => label(key).is_none(),
        })
    }
}

fn split_outside_parentheses(text: &str) -> Vec<&str> {
    let (mut parts, mut start, mut open) = (Vec::new(), 0, false);
    for (at, character) in text.char_indices() {
        match character {
            '(' => open = true,
            ')' => open = false,
            ',' if !open => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

fn requirement(part: &str) -> Option<Requirement> {
    let key = |text: &str| {
        let text = text.trim();
        let legal = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
        (!text.is_empty() && text.chars().all(legal)).then(|| text.to_owned())
    };
    if let Some(rest) = part.strip_prefix('!') {
        return Some(Requirement::Absent(key(rest)?));
    }
    if let Some(inner) = part.strip_suffix(')') {
        let (head, values) = inner.split_once('(')?;
        let values = values.split(',').map(|value| value.trim().to_owned()).collect();
        let (name, operator) = head.trim().rsplit_once(char::is_whitespace)?;
        return match operator {
            "in" => Some(Requirement::In(key(name)?, values)),
            "notin" => Some(Requirement::NotIn(key(name)?, values)),
            _ => None,
        };
    }
    if let Some((name, value)) = part.split_once("!=") {
        return Some(Requirement::NotIn(key(name)?, vec![value.trim().to_owned()]));
    }
    match part.split_once("==").or_else(|| part.split_once('=')) {
        Some((name, value)) => Some(Requirement::In(key(name)?, vec![value.trim().to_owned()])),
        None => Some(Requirement::Exists(key(part)?)),
    }
}

/// A field selector: dotted paths that must, or must not, equal a value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FieldSelector(Vec<(String, bool, String)>);

impl FieldSelector {
    /// Reads `metadata.name=a,status.phase!=Running`.
    pub fn parse(text: &str) -> Result<Self, ApiError> {
        let mut terms = Vec::new();
        for part in text.split(',').filter(|part| !part.trim().is_empty()) {
            let (path, equal, value) = if let Some((path, value)) = part.split_once("!=") {
                (path, false, value)
            } else if let Some((path, value)) =
                part.split_once("==").or_else(|| part.split_once('='))
            {
                (path, true, value)
            } else {
                return Err(ApiError::bad_request(format!(
                    "invalid field selector: '{part}'; can't understand '{part}'"
                )));
            };
            let path = path.trim();
            if !is_selectable(path) {
                return Err(ApiError::bad_request(format!("field label not supported: {path}")));
            }
            // Both forms of events are stored as the core form.
            let path = match path.strip_prefix("regarding.") {
                Some(rest) => format!("involvedObject.{rest}"),
                None if path == "reportingController" => "reportingComponent".to_owned(),
                None => path.to_owned(),
            };
            terms.push((path, equal, value.trim().to_owned()));
        }
        Ok(Self(terms))
    }

    /// Whether the object's fields satisfy every term; a missing field equals the empty string.
    pub fn matches(&self, object: &Value) -> bool {
        self.0.iter().all(|(path, equal, value)| {
            let steps: Vec<&str> = path.split('.').collect();
            let matched = match at(object, &steps) {
                Some(Value::Bool(flag)) => flag.to_string() == *value,
                _ => str_at(object, &steps) == value,
            };
            matched == *equal
        })
    }
}

fn is_selectable(path: &str) -> bool {
    const PATHS: &[&str] = &[
        "metadata.name",
        "metadata.namespace",
        "spec.nodeName",
        "spec.restartPolicy",
        "spec.schedulerName",
        "spec.unschedulable",
        "spec.type",
        "status.phase",
        "status.podIP",
        "status.replicas",
        "type",
        "reason",
        "reportingController",
        "reportingComponent",
    ];
    PATHS.contains(&path) || path.starts_with("involvedObject.") || path.starts_with("regarding.")
}

/// What a list or a watch is restricted to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// One namespace, or all.
    pub namespace: Option<String>,
    /// Conditions on labels.
    pub labels: LabelSelector,
    /// Conditions on fields.
    pub fields: FieldSelector,
}

impl Selection {
    /// Whether an object (of the right resource) is meant.
    pub fn matches(&self, object: &Value) -> bool {
        self.namespace
            .as_deref()
            .is_none_or(|namespace| str_at(object, &["metadata", "namespace"]) == namespace)
            && self.labels.matches(object)
            && self.fields.matches(object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn label_selectors_choose_as_kubernetes_does() {
        let object = json!({ "metadata": { "labels": { "app": "a", "x.dev/tier": "" } } });
        let table = [
            ("", true),
            ("app=a", true),
            ("app == a, x.dev/tier", true),
            ("app!=a", false),
            ("other!=a", true),
            ("app in (b, a)", true),
            ("app notin (a)", false),
            ("other notin (a)", true),
            ("!app", false),
            ("!other", true),
            ("x.dev/tier=", true),
        ];
        for (text, wanted) in table {
            assert_eq!(LabelSelector::parse(text).unwrap().matches(&object), wanted, "{text}");
        }
        for text in ["app in a", "app (a)", "a b", "!", "=a", "app=a)", "in (a)"] {
            assert_eq!(LabelSelector::parse(text).map_err(|error| error.code), Err(400), "{text}");
        }
    }

    #[test]
    fn field_selectors_compare_known_fields() {
        let pod = json!({ "metadata": { "name": "a" }, "spec": { "nodeName": "n" } });
        let matches = |text: &str| FieldSelector::parse(text).unwrap().matches(&pod);
        assert!(matches("metadata.name=a,spec.nodeName!=m"));
        assert!(matches("status.phase="), "a missing field is empty");
        assert!(!matches("metadata.name!=a"));
        assert_eq!(FieldSelector::parse("spec.image=a").unwrap_err().code, 400);
    }
}

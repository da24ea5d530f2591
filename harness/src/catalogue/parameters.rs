//! The parameters of faults, read from the schema that scenario files are held against.

use schemars::schema_for;
use serde::Serialize;
use serde_json::Value;

/// The most values that are listed where they are used; more of them get a name of their own.
const LISTED_MAX: usize = 4;

/// A parameter of a fault.
#[derive(Debug, Serialize)]
pub struct Parameter {
    /// The name in scenario files.
    pub name: String,
    /// What may be given: values, or the name of a [`Word`].
    pub form: String,
    /// Whether the fault cannot do without.
    pub required: bool,
    /// What it says.
    pub description: String,
}

/// A form with so many values that it has a name.
#[derive(Debug)]
pub struct Word {
    /// The name.
    pub name: String,
    /// What it is.
    pub description: String,
    /// Its values, each with what it means.
    pub values: Vec<(String, String)>,
}

/// The schema of all faults.
pub(super) struct Schema(Value);

impl Schema {
    pub(super) fn of_faults() -> Self {
        Self(schema_for!(chaos::Fault).to_value())
    }

    /// The parameters of a kind of fault, those that it cannot do without first.
    pub(super) fn parameters(&self, kind: &str) -> Vec<Parameter> {
        let alternatives = list(&self.0["oneOf"]);
        let Some(fault) = alternatives.iter().find_map(|fault| fault["properties"].get(kind))
        else {
            return Vec::new();
        };
        let fault = self.resolved(fault);
        let required = list(&fault["required"]);
        let properties = fault["properties"].as_object().into_iter().flatten();
        let mut parameters: Vec<Parameter> = properties
            .map(|(name, schema)| Parameter {
                name: name.clone(),
                form: self.form(schema),
                required: required.iter().any(|other| other == name),
                description: sentence(schema),
            })
            .collect();
        parameters.sort_by_key(|parameter| !parameter.required);
        parameters
    }

    /// The named forms, by name.
    pub(super) fn words(&self) -> Vec<Word> {
        let definitions = self.0["$defs"].as_object().into_iter().flatten();
        let words = definitions.filter(|(_, schema)| is_word(schema)).map(|(name, schema)| Word {
            name: snake(name),
            description: sentence(schema),
            values: list(&schema["oneOf"])
                .iter()
                .map(|value| (self.form(value), sentence(value)))
                .collect(),
        });
        words.collect()
    }

    /// What a schema allows, in a few words.
    fn form(&self, schema: &Value) -> String {
        if let Some(name) = referred(schema)
            && is_word(self.resolved(schema))
        {
            return snake(name);
        }
        let schema = self.resolved(schema);
        if let Some(value) = schema["const"].as_str() {
            return value.to_owned();
        }
        if let Some(alternatives) = schema["oneOf"].as_array() {
            return self.joined(alternatives, " or ");
        }
        if let Some(items) = schema["prefixItems"].as_array() {
            return format!("[{}]", self.joined(items, ", "));
        }
        if let Some(properties) = schema["properties"].as_object() {
            let each = properties.iter().map(|(name, schema)| match &schema["properties"] {
                Value::Null => name.clone(),
                _ => format!("{name}: {}", self.form(schema)),
            });
            return format!("{{ {} }}", each.collect::<Vec<_>>().join(", "));
        }
        if schema.get("items").is_some() {
            return format!("[{}, …]", self.form(&schema["items"]));
        }
        let types = schema["type"].as_array().and_then(|types| types.first());
        match types.unwrap_or(&schema["type"]).as_str() {
            Some("integer") => "whole number".to_owned(),
            Some("string") => "text".to_owned(),
            other => other.unwrap_or("anything").to_owned(),
        }
    }

    fn joined(&self, schemas: &[Value], separator: &str) -> String {
        schemas.iter().map(|schema| self.form(schema)).collect::<Vec<_>>().join(separator)
    }

    /// The schema itself, or the one that it refers to.
    fn resolved<'a>(&'a self, schema: &'a Value) -> &'a Value {
        referred(schema).map_or(schema, |name| &self.0["$defs"][name])
    }
}

fn referred(schema: &Value) -> Option<&str> {
    schema["$ref"].as_str()?.strip_prefix("#/$defs/")
}

fn is_word(schema: &Value) -> bool {
    list(&schema["oneOf"]).len() > LISTED_MAX
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// The description in one line.
fn sentence(schema: &Value) -> String {
    let words = schema["description"].as_str().unwrap_or_default().split_whitespace();
    words.collect::<Vec<_>>().join(" ")
}

/// `RequestKind` as `request_kind`.
fn snake(name: &str) -> String {
    let mut snake = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(kind: &str, name: &str) -> (String, bool) {
        let parameters = Schema::of_faults().parameters(kind);
        let parameter = parameters.into_iter().find(|parameter| parameter.name == name);
        let parameter = parameter.unwrap_or_else(|| panic!("{kind} has {name}"));
        (parameter.form, parameter.required)
    }

    #[test]
    fn forms_are_short_and_long_ones_are_words() {
        assert_eq!(form("broker_errors", "api"), ("request_kind".to_owned(), true));
        assert_eq!(form("broker_errors", "requests").0, "all or { share } or { count }");
        assert_eq!(form("broker_disk", "state").0, "{ slow: { delay } } or full");
        assert_eq!(form("network_delay", "jitter"), ("text".to_owned(), false));
        assert_eq!(form("broker_throttle", "fetch_bytes_per_s").0, "whole number");
        let words = Schema::of_faults().words();
        let kinds = words.iter().find(|word| word.name == "request_kind").unwrap();
        let produce = ("produce".to_owned(), "Producers write.".to_owned());
        assert!(kinds.values.contains(&produce), "{kinds:?}");
    }
}

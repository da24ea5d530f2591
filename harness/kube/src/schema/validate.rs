//! Validation of custom resources, with the messages of Kubernetes.

use std::cmp::Ordering;

use serde_json::{Number, Value};

use super::{Structural, format};
use crate::error::Cause;
use crate::json::{at, list_at, str_at};

/// What is wrong with an object; its metadata is checked elsewhere.
pub(super) fn validate(structural: &Structural, object: &Value) -> Vec<Cause> {
    let mut walk = Walk { structural, causes: Vec::new() };
    walk.value(structural.root(), object, "");
    walk.causes
}

struct Walk<'a> {
    structural: &'a Structural,
    causes: Vec<Cause>,
}

/// Whether the bound in the schema is exceeded in that direction.
fn beyond(schema: &Value, bound: &str, number: &Number, outside: Ordering) -> Option<Value> {
    let limit = schema.get(bound)?;
    let exclusive = match bound {
        "minimum" => schema.get("exclusiveMinimum"),
        _ => schema.get("exclusiveMaximum"),
    };
    let exclusive = exclusive == Some(&Value::Bool(true));
    let order = match (number.as_i64(), limit.as_i64()) {
        (Some(number), Some(limit)) => number.cmp(&limit),
        _ => number.as_f64()?.partial_cmp(&limit.as_f64()?)?,
    };
    // Definitions carry bounds as floating-point numbers; whole ones are shown as such.
    let shown = match limit.as_f64().filter(|limit| limit.fract() == 0.0 && limit.abs() < 1e15) {
        Some(whole) => Value::from(whole as i64),
        None => limit.clone(),
    };
    (order == outside || exclusive && order == Ordering::Equal).then_some(shown)
}

fn count(schema: &Value, bound: &str) -> Option<usize> {
    usize::try_from(schema.get(bound)?.as_u64()?).ok()
}

impl Walk<'_> {
    fn refuse(&mut self, path: &str, value: &Value, why: &str) {
        let why = format!("{path} in body {why}");
        self.causes.push(Cause::invalid(path, value, &why));
    }

    fn value(&mut self, schema: &Value, value: &Value, path: &str) {
        if !self.has_type(schema, value, path) {
            return;
        }
        let allowed = list_at(schema, &["enum"]);
        if !allowed.is_empty() && !allowed.contains(value) {
            self.causes.push(Cause::not_supported(path, value, allowed));
        }
        match value {
            Value::Object(_) => self.object(schema, value, path),
            Value::Array(items) => self.array(schema, value, items, path),
            Value::String(text) => self.string(schema, value, text, path),
            Value::Number(number) => self.number(schema, value, number, path),
            Value::Null | Value::Bool(_) => {}
        }
        self.combinations(schema, value, path);
    }

    fn has_type(&mut self, schema: &Value, value: &Value, path: &str) -> bool {
        let set = |name: &str| schema.get(name) == Some(&Value::Bool(true));
        if value.is_null() && (set("nullable") || schema.get("type").is_none()) {
            return true;
        }
        if set("x-kubernetes-int-or-string") {
            let fits = value.is_string() || value.is_i64() || value.is_u64();
            if !fits {
                self.causes.push(Cause::type_invalid(path, value, "integer or string"));
            }
            return fits;
        }
        let wanted = str_at(schema, &["type"]);
        let fits = match wanted {
            "object" => value.is_object(),
            "array" => value.is_array(),
            "string" => value.is_string(),
            "boolean" => value.is_boolean(),
            "number" => value.is_number(),
            "integer" => {
                value.is_i64()
                    || value.is_u64()
                    || value.as_f64().is_some_and(|number| number.fract() == 0.0)
            }
            _ => true,
        };
        if !fits {
            self.causes.push(Cause::type_invalid(path, value, wanted));
        }
        fits
    }

    fn object(&mut self, schema: &Value, value: &Value, path: &str) {
        let inner = |name: &str| {
            if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
        };
        for name in list_at(schema, &["required"]).iter().filter_map(Value::as_str) {
            if value.get(name).is_none() {
                self.causes.push(Cause::required(inner(name), ""));
            }
        }
        let Some(map) = value.as_object() else { return };
        if count(schema, "maxProperties").is_some_and(|most| map.len() > most) {
            self.refuse(path, value, "has too many properties");
        }
        if count(schema, "minProperties").is_some_and(|least| map.len() < least) {
            self.refuse(path, value, "has too few properties");
        }
        for (name, value) in map {
            if path.is_empty() && ["apiVersion", "kind", "metadata"].contains(&name.as_str()) {
                continue;
            }
            let known = at(schema, &["properties", name]);
            if let Some(schema) = known.or_else(|| schema.get("additionalProperties")) {
                self.value(schema, value, &inner(name));
            }
        }
    }

    fn array(&mut self, schema: &Value, value: &Value, items: &[Value], path: &str) {
        if let Some(most) = count(schema, "maxItems").filter(|most| items.len() > *most) {
            self.causes.push(Cause {
                field: path.to_owned(),
                reason: "FieldValueTooMany",
                message: format!("Too many: {}: must have at most {most} items", items.len()),
            });
        }
        if let Some(least) = count(schema, "minItems").filter(|least| items.len() < *least) {
            self.refuse(path, value, &format!("should have at least {least} items"));
        }
        self.unique(schema, items, path);
        if let Some(schema) = schema.get("items") {
            for (index, item) in items.iter().enumerate() {
                self.value(schema, item, &format!("{path}[{index}]"));
            }
        }
    }

    /// Elements of sets and of lists with keys must differ.
    fn unique(&mut self, schema: &Value, items: &[Value], path: &str) {
        let keys: Vec<&str> = list_at(schema, &["x-kubernetes-list-map-keys"])
            .iter()
            .filter_map(Value::as_str)
            .collect();
        let by_key = match str_at(schema, &["x-kubernetes-list-type"]) {
            "map" => true,
            "set" => false,
            _ if schema.get("uniqueItems") == Some(&Value::Bool(true)) => false,
            _ => return,
        };
        let mut seen = std::collections::BTreeSet::new();
        for (index, item) in items.iter().enumerate() {
            let id = if by_key {
                let parts: Vec<Option<&Value>> = keys.iter().map(|key| item.get(key)).collect();
                serde_json::to_string(&parts).unwrap_or_default()
            } else {
                item.to_string()
            };
            if !seen.insert(id) {
                self.causes.push(Cause {
                    field: format!("{path}[{index}]"),
                    reason: "FieldValueDuplicate",
                    message: format!("Duplicate value: {item}"),
                });
            }
        }
    }

    fn string(&mut self, schema: &Value, value: &Value, text: &str, path: &str) {
        let length = text.chars().count();
        if let Some(most) = count(schema, "maxLength").filter(|most| length > *most) {
            self.causes.push(Cause {
                field: path.to_owned(),
                reason: "FieldValueTooLong",
                message: format!("Too long: may not be more than {most} bytes"),
            });
        }
        if let Some(least) = count(schema, "minLength").filter(|least| length < *least) {
            self.refuse(path, value, &format!("should be at least {least} chars long"));
        }
        let pattern = str_at(schema, &["pattern"]);
        if self.structural.patterns.get(pattern).is_some_and(|regex| !regex.is_match(text)) {
            self.refuse(path, value, &format!("should match '{pattern}'"));
        }
        let wanted = str_at(schema, &["format"]);
        if !wanted.is_empty() && !format::holds(wanted, text) {
            self.refuse(path, value, &format!("must be of type {wanted}: {value}"));
        }
    }

    fn number(&mut self, schema: &Value, value: &Value, number: &Number, path: &str) {
        if let Some(least) = beyond(schema, "minimum", number, Ordering::Less) {
            self.refuse(path, value, &format!("should be greater than or equal to {least}"));
        }
        if let Some(most) = beyond(schema, "maximum", number, Ordering::Greater) {
            self.refuse(path, value, &format!("should be less than or equal to {most}"));
        }
        let step = schema.get("multipleOf").and_then(Value::as_f64).filter(|step| *step > 0.0);
        if let (Some(step), Some(number)) = (step, number.as_f64())
            && (number / step).fract() != 0.0
        {
            self.refuse(path, value, &format!("should be a multiple of {step}"));
        }
        let fits = match str_at(schema, &["format"]) {
            "int32" => number.as_i64().is_some_and(|number| i32::try_from(number).is_ok()),
            "int64" => number.is_i64() || number.is_f64(),
            _ => true,
        };
        if !fits {
            let wanted = str_at(schema, &["format"]);
            self.refuse(path, value, &format!("must be of type {wanted}: \"{value}\""));
        }
    }

    fn combinations(&mut self, schema: &Value, value: &Value, path: &str) {
        for inner in list_at(schema, &["allOf"]) {
            self.value(inner, value, path);
        }
        let matching = |all: &[Value]| all.iter().filter(|it| self.matches(it, value)).count();
        let (any, one) = (list_at(schema, &["anyOf"]), list_at(schema, &["oneOf"]));
        let none_of_any = !any.is_empty() && matching(any) == 0;
        let not_one = !one.is_empty() && matching(one) != 1;
        let negated = schema.get("not").is_some_and(|inner| self.matches(inner, value));
        if none_of_any {
            self.refuse(path, value, "must validate at least one schema (anyOf)");
        }
        if not_one {
            self.refuse(path, value, "must validate one and only one schema (oneOf)");
        }
        if negated {
            self.refuse(path, value, "must not validate the schema (not)");
        }
    }

    fn matches(&self, schema: &Value, value: &Value) -> bool {
        let mut walk = Walk { structural: self.structural, causes: Vec::new() };
        walk.value(schema, value, "value");
        walk.causes.is_empty()
    }
}

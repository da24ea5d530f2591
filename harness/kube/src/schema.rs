//! What objects look like: decoding, defaulting, pruning and validation.

pub(crate) mod builtin;
mod default;
mod format;
mod prune;
mod validate;

use std::collections::BTreeMap;
use std::sync::Arc;

use regex::{Regex, RegexBuilder};
use serde_json::Value;

use crate::error::{ApiError, Cause};
use crate::json::str_at;
use crate::registry::ResourceType;

/// Bytes that one compiled pattern of a schema may take.
const PATTERN_BYTES_MAX: usize = 1 << 20;
/// Unknown fields and causes that one answer names.
const NAMED_MAX: usize = 50;

/// How objects of a type are decoded.
#[derive(Debug, Clone)]
pub enum Schema {
    /// A built-in type: read as its Kubernetes type and written back.
    Typed(fn(Value) -> Result<Value, String>),
    /// A custom resource: the OpenAPI v3 schema of its definition.
    Structural(Arc<Structural>),
}

/// A structural schema with its patterns compiled.
#[derive(Debug)]
pub struct Structural {
    root: Value,
    patterns: BTreeMap<String, Regex>,
}

impl Structural {
    /// Reads a schema; says what is wrong with it.
    pub fn new(root: Value) -> Result<Self, String> {
        let mut patterns = BTreeMap::new();
        compile_patterns(&root, &mut patterns)?;
        Ok(Self { root, patterns })
    }

    /// The schema of the whole object.
    pub fn root(&self) -> &Value {
        &self.root
    }
}

fn compile_patterns(schema: &Value, patterns: &mut BTreeMap<String, Regex>) -> Result<(), String> {
    match schema {
        Value::Object(map) => {
            // A property may itself be called `pattern`; its value is then no text.
            if let Some(Value::String(pattern)) = map.get("pattern") {
                let compiled = RegexBuilder::new(pattern).size_limit(PATTERN_BYTES_MAX).build();
                let compiled = compiled.map_err(|error| format!("pattern {pattern}: {error}"))?;
                patterns.insert(pattern.clone(), compiled);
            }
            map.values().try_for_each(|inner| compile_patterns(inner, patterns))
        }
        Value::Array(items) => items.iter().try_for_each(|one| compile_patterns(one, patterns)),
        _ => Ok(()),
    }
}

/// Decodes, prunes, defaults and validates an object. `strict` refuses unknown fields.
pub(crate) fn admit(kind: &ResourceType, object: Value, strict: bool) -> Result<Value, ApiError> {
    let (object, causes) = match &kind.schema {
        Schema::Typed(decode) => {
            let original = strict.then(|| object.clone());
            let mut decoded = decode(object).map_err(|why| {
                ApiError::bad_request(format!(
                    "{} in version \"{}\" cannot be handled as a {}: {why}",
                    kind.kind, kind.version, kind.kind
                ))
            })?;
            if let Some(original) = original {
                let mut unknown = Vec::new();
                prune::lost_fields(&original, &decoded, "", &mut unknown);
                refuse_unknown(kind, &unknown)?;
            }
            builtin::default(kind, &mut decoded);
            let causes = builtin::validate(kind, &decoded);
            (decoded, causes)
        }
        Schema::Structural(structural) => {
            let mut object = object;
            let mut unknown = Vec::new();
            prune::prune(structural.root(), &mut object, &mut unknown);
            if strict {
                refuse_unknown(kind, &unknown)?;
            }
            default::default(structural.root(), &mut object);
            let causes = validate::validate(structural, &object);
            (object, causes)
        }
    };
    if causes.is_empty() {
        return Ok(object);
    }
    let name = str_at(&object, &["metadata", "name"]);
    let causes: Vec<Cause> = causes.into_iter().take(NAMED_MAX).collect();
    Err(ApiError::invalid(&kind.group, &kind.kind, name, causes))
}

fn refuse_unknown(kind: &ResourceType, unknown: &[String]) -> Result<(), ApiError> {
    if unknown.is_empty() {
        return Ok(());
    }
    let fields: Vec<String> =
        unknown.iter().take(NAMED_MAX).map(|path| format!("unknown field \"{path}\"")).collect();
    Err(ApiError::bad_request(format!(
        "{} in version \"{}\" cannot be handled as a {}: strict decoding error: {}",
        kind.kind,
        kind.version,
        kind.kind,
        fields.join(", ")
    )))
}

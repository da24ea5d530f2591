//! JSON patch, JSON merge patch and strategic merge patch as functions on documents.

pub(crate) mod strategic;

use json_patch::PatchOperation;
use serde_json::Value;

use crate::cluster::PatchKind;
use crate::error::ApiError;
use crate::json::{DEPTH_MAX, depth, encoded_len};

/// Operations in one JSON patch.
const OPERATIONS_MAX: usize = 10_000;

/// Bytes that the copies and moves of one JSON patch may duplicate: doubling operations would
/// otherwise fill the memory from a small request.
const COPIED_BYTES_MAX: usize = 3 * 1024 * 1024;

/// The document with the patch applied. `plural` is the resource, for the keys of its lists.
pub(crate) fn patched(
    kind: PatchKind,
    plural: &str,
    mut document: Value,
    patch: Value,
) -> Result<Value, ApiError> {
    match kind {
        PatchKind::Json => json(document, patch),
        PatchKind::Merge | PatchKind::Apply { .. } => {
            if !patch.is_object() {
                return Err(ApiError::bad_request("a merge patch must be an object"));
            }
            json_patch::merge(&mut document, &patch);
            Ok(document)
        }
        PatchKind::Strategic => {
            if !patch.is_object() {
                return Err(ApiError::bad_request("a strategic merge patch must be an object"));
            }
            strategic::merge(plural, document, patch)
        }
    }
}

fn json(mut document: Value, patch: Value) -> Result<Value, ApiError> {
    let operations: Vec<PatchOperation> = serde_json::from_value(patch).map_err(|error| {
        ApiError::bad_request(format!("the JSON patch cannot be read: {error}"))
    })?;
    if operations.len() > OPERATIONS_MAX {
        return Err(ApiError::too_large(format!(
            "the JSON patch has {} operations, more than {OPERATIONS_MAX}",
            operations.len()
        )));
    }
    let mut copied_bytes = 0_usize;
    for operation in &operations {
        let moved = match operation {
            PatchOperation::Copy(copy) => copy.from.resolve(&document).ok(),
            PatchOperation::Move(from) => from.from.resolve(&document).ok(),
            _ => None,
        };
        copied_bytes = copied_bytes.saturating_add(moved.map_or(0, encoded_len));
        if copied_bytes > COPIED_BYTES_MAX {
            return Err(ApiError::too_large(format!(
                "the JSON patch copies more than {COPIED_BYTES_MAX} bytes"
            )));
        }
        let inserted = match operation {
            PatchOperation::Add(add) => Some(&add.value),
            PatchOperation::Replace(replace) => Some(&replace.value),
            _ => moved,
        };
        let levels = operation.path().tokens().count() + inserted.map_or(0, depth);
        if levels >= DEPTH_MAX {
            return Err(ApiError::bad_request(format!(
                "the JSON patch nests deeper than {DEPTH_MAX} levels"
            )));
        }
        json_patch::patch(&mut document, std::slice::from_ref(operation)).map_err(|error| {
            ApiError::new(422, "Invalid", format!("the server rejected our request: {error}"))
        })?;
    }
    if document.is_object() {
        Ok(document)
    } else {
        Err(ApiError::bad_request("the JSON patch does not leave an object"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn copies_that_double_the_document_are_stopped() {
        let mut operations = vec![json!({ "op": "add", "path": "/a", "value": "x".repeat(1000) })];
        for index in 0..40 {
            operations.push(json!({ "op": "copy", "from": "", "path": format!("/b{index}") }));
        }
        let error = patched(PatchKind::Json, "", json!({}), operations.into()).unwrap_err();
        assert_eq!(error.code, 413);
    }

    #[test]
    fn nesting_is_bounded() {
        let mut operations = vec![json!({ "op": "add", "path": "/a", "value": {} })];
        let mut path = String::from("/a");
        for _ in 0..200 {
            path.push_str("/a");
            operations.push(json!({ "op": "add", "path": path, "value": {} }));
        }
        let error = patched(PatchKind::Json, "", json!({}), operations.into()).unwrap_err();
        assert_eq!(error.code, 400);
    }

    #[test]
    fn a_failed_test_refuses_the_patch() {
        let patch = json!([{ "op": "test", "path": "/a", "value": 2 }]);
        let error = patched(PatchKind::Json, "", json!({ "a": 1 }), patch).unwrap_err();
        assert_eq!(error.code, 422);
    }
}

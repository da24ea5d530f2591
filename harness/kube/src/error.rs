//! What the API answers when it cannot do what was asked: the `Status` object.

use serde_json::{Value, json};

/// One field that was refused, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// Dotted path of the field, as in `spec.scaling.minReplicas`.
    pub field: String,
    /// Machine-readable class, as in `FieldValueInvalid`.
    pub reason: &'static str,
    /// Sentence for people, without the field's path.
    pub message: String,
}

impl Cause {
    /// A value that is there and is not allowed.
    pub(crate) fn invalid(field: impl Into<String>, value: &Value, why: &str) -> Self {
        let shown = match value {
            Value::Object(_) | Value::Array(_) => json_short(value),
            other => json_short(other),
        };
        Self {
            field: field.into(),
            reason: "FieldValueInvalid",
            message: format!("Invalid value: {shown}: {why}"),
        }
    }

    /// A value of the wrong type.
    pub(crate) fn type_invalid(field: impl Into<String>, value: &Value, wanted: &str) -> Self {
        let field = field.into();
        let got = match value {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(number) if number.is_f64() => "number",
            Value::Number(_) => "integer",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        };
        Self {
            message: format!(
                "Invalid value: \"{got}\": {field} in body must be of type {wanted}: \"{got}\""
            ),
            field,
            reason: "FieldValueTypeInvalid",
        }
    }

    /// A value that must be there and is not.
    pub(crate) fn required(field: impl Into<String>, why: &str) -> Self {
        let message =
            if why.is_empty() { "Required value".into() } else { format!("Required value: {why}") };
        Self { field: field.into(), reason: "FieldValueRequired", message }
    }

    /// A value outside of an enumeration.
    pub(crate) fn not_supported(field: impl Into<String>, value: &Value, all: &[Value]) -> Self {
        let allowed: Vec<String> = all.iter().map(Value::to_string).collect();
        Self {
            field: field.into(),
            reason: "FieldValueNotSupported",
            message: format!(
                "Unsupported value: {}: supported values: {}",
                json_short(value),
                allowed.join(", ")
            ),
        }
    }
}

/// JSON text of a value, cut to a length that fits in a message.
fn json_short(value: &Value) -> String {
    let mut text = value.to_string();
    if text.len() > 200 {
        let cut = (0..=200).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(cut);
        text.push('…');
    }
    text
}

/// A refusal with its HTTP code and its machine-readable reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ApiError {
    /// HTTP status code.
    pub code: u16,
    /// Reason as in Kubernetes: `NotFound`, `Conflict`, `Invalid`, …
    pub reason: &'static str,
    /// Sentence for people.
    pub message: String,
    /// The `details` of the Status object, or null.
    pub details: Value,
}

impl ApiError {
    pub(crate) fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self { code, reason, message: message.into(), details: Value::Null }
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    /// No such object.
    pub(crate) fn not_found(group: &str, plural: &str, name: &str) -> Self {
        let mut error = Self::new(
            404,
            "NotFound",
            format!("{} \"{name}\" not found", qualified(plural, group)),
        );
        error.details = json!({ "name": name, "group": group, "kind": plural });
        error
    }

    /// No such path.
    pub(crate) fn no_route() -> Self {
        Self::new(404, "NotFound", "the server could not find the requested resource")
    }

    pub(crate) fn already_exists(group: &str, plural: &str, name: &str) -> Self {
        let what = qualified(plural, group);
        let mut error =
            Self::new(409, "AlreadyExists", format!("{what} \"{name}\" already exists"));
        error.details = json!({ "name": name, "group": group, "kind": plural });
        error
    }

    /// A stale resourceVersion or a failed precondition.
    pub(crate) fn conflict(group: &str, plural: &str, name: &str, why: &str) -> Self {
        let what = qualified(plural, group);
        let mut error = Self::new(
            409,
            "Conflict",
            format!("Operation cannot be fulfilled on {what} \"{name}\": {why}"),
        );
        error.details = json!({ "name": name, "group": group, "kind": plural });
        error
    }

    /// The object breaks its schema or a rule of its type.
    pub(crate) fn invalid(group: &str, kind: &str, name: &str, causes: Vec<Cause>) -> Self {
        let lines: Vec<String> =
            causes.iter().map(|cause| format!("{}: {}", cause.field, cause.message)).collect();
        let summary = match lines.as_slice() {
            [one] => one.clone(),
            many => format!("[{}]", many.join(", ")),
        };
        let what = qualified(kind, group);
        let mut error =
            Self::new(422, "Invalid", format!("{what} \"{name}\" is invalid: {summary}"));
        let causes: Vec<Value> = causes
            .into_iter()
            .map(|cause| {
                json!({ "reason": cause.reason, "message": cause.message, "field": cause.field })
            })
            .collect();
        error.details = json!({ "name": name, "group": group, "kind": kind, "causes": causes });
        error
    }

    /// The history needed to go on from a resourceVersion has been dropped.
    pub(crate) fn expired(asked: u64, oldest: u64) -> Self {
        Self::new(410, "Expired", format!("too old resource version: {asked} ({oldest})"))
    }

    /// A resourceVersion that has not been given out yet.
    pub(crate) fn too_large_version(asked: u64, current: u64) -> Self {
        let mut error = Self::new(
            504,
            "Timeout",
            format!("Too large resource version: {asked}, current: {current}"),
        );
        error.details = json!({
            "retryAfterSeconds": 1,
            "causes": [{
                "reason": "ResourceVersionTooLarge", "message": "Too large resource version"
            }]
        });
        error
    }

    /// The client is to try again in a second.
    pub(crate) fn retry_later(code: u16, reason: &'static str, message: &str) -> Self {
        let mut error = Self::new(code, reason, message);
        error.details = json!({ "retryAfterSeconds": 1 });
        error
    }

    pub(crate) fn method_not_allowed() -> Self {
        Self::new(
            405,
            "MethodNotAllowed",
            "the server does not allow this method on the requested resource",
        )
    }

    pub(crate) fn too_large(message: impl Into<String>) -> Self {
        Self::new(413, "RequestEntityTooLarge", message)
    }

    /// The error as a `Status` object.
    pub fn to_status(&self) -> Value {
        let mut status = json!({
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "code": self.code,
        });
        if !self.details.is_null() {
            status["details"] = self.details.clone();
        }
        status
    }
}

/// `deployments.apps`, or `pods` for the core group.
fn qualified(plural: &str, group: &str) -> String {
    if group.is_empty() { plural.to_owned() } else { format!("{plural}.{group}") }
}

//! Reading requests and writing answers.

use axum::body::Body;
use axum::response::Response;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::Value;

use crate::error::ApiError;
use crate::json::int_at;

/// Bytes of a request's body.
const BODY_BYTES_MAX: usize = 3 * 1024 * 1024;

/// The query of a request, as pairs in order.
#[derive(Debug, Default)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    pub(super) fn read(uri: &http::Uri) -> Result<Self, ApiError> {
        let pairs = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(uri);
        pairs.map(|pairs| Self(pairs.0)).map_err(|error| ApiError::bad_request(error.to_string()))
    }

    /// The value of a parameter, empty if it is not there.
    pub(super) fn get(&self, name: &str) -> &str {
        let found = self.0.iter().find(|(key, _)| key == name);
        found.map_or("", |(_, value)| value.as_str())
    }

    pub(super) fn flag(&self, name: &str) -> bool {
        ["1", "true", "True", "TRUE", "t", "T"].contains(&self.get(name))
    }
}

/// The media type of a request's body, without parameters.
pub(super) fn media_type(headers: &HeaderMap) -> &str {
    let text = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    text.split(';').next().unwrap_or_default().trim()
}

/// Reads a JSON body; an empty one is null.
pub(super) async fn read_json(body: Body) -> Result<Value, ApiError> {
    let bytes = axum::body::to_bytes(body, BODY_BYTES_MAX).await.map_err(|_| {
        ApiError::too_large(format!(
            "the request could not be read or is larger than {BODY_BYTES_MAX} bytes"
        ))
    })?;
    if bytes.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_slice(&bytes)
        .map_err(|error| ApiError::bad_request(format!("the body is not valid JSON: {error}")))
}

/// A JSON answer.
pub(super) fn json(code: u16, value: &Value) -> Response {
    typed_json(code, value, "application/json")
}

/// A JSON answer with a media type of its own.
pub(super) fn typed_json(code: u16, value: &Value, media_type: &'static str) -> Response {
    let mut response = Response::new(Body::from(value.to_string()));
    *response.status_mut() = StatusCode::from_u16(code).unwrap_or(StatusCode::OK);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}

/// A `Status` answer for a refusal.
pub(super) fn refusal(error: &ApiError) -> Response {
    let mut response = json(error.code, &error.to_status());
    if let Some(seconds) = int_at(&error.details, &["retryAfterSeconds"]) {
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    response
}

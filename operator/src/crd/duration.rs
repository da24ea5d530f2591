//! Durations as people write them: `500ms`, `1m30s`.

use std::borrow::Cow;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// A duration in text, such as `500ms` or `1m 30s`; it is read when the job is validated, so
/// that a wrong one is reported with its field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DurationText(String);

impl DurationText {
    /// Text that is not yet known to be a duration.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Reads the duration.
    ///
    /// # Errors
    /// Says what is wrong with the text.
    pub fn parse(&self) -> Result<Duration, humantime::DurationError> {
        humantime::parse_duration(&self.0)
    }
}

impl From<Duration> for DurationText {
    fn from(duration: Duration) -> Self {
        Self(humantime::format_duration(duration).to_string())
    }
}

impl JsonSchema for DurationText {
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "maxLength": 64,
            "pattern": "^([0-9]+ ?(ns|us|ms|s|sec|m|min|h|hr|d|days?) ?)+$",
        })
    }
}

//! Which records cannot be processed: they are put aside as dead letters, because a worker that
//! stopped at them would stop for ever.
//!
//! Only what the payload says of itself is looked at: that it is a document, and of a schema
//! version that this worker knows.

use std::fmt;

use serde::Deserialize;

use crate::generator::SCHEMA_VERSIONS;

/// Why a record cannot be processed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// The payload is no JSON object.
    Malformed,
    /// The payload bears no schema version that is known.
    Schema,
}

impl Rejection {
    /// Name of the header in which a dead letter says why it is one.
    pub const HEADER: &'static str = "stormgauge-rejected";

    /// The word in that header.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Schema => "schema",
        }
    }

    /// Looks at a payload.
    pub(crate) fn of(payload: Option<&[u8]>) -> Option<Self> {
        #[derive(Deserialize)]
        struct Envelope {
            schema_version: Option<u64>,
        }
        let Ok(envelope) = serde_json::from_slice::<Envelope>(payload.unwrap_or_default()) else {
            return Some(Self::Malformed);
        };
        let known = envelope.schema_version.and_then(|version| u8::try_from(version).ok());
        let known = known.is_some_and(|version| SCHEMA_VERSIONS.contains(&version));
        (!known).then_some(Self::Schema)
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_of_known_versions_pass_and_others_are_told_apart() {
        let of = |payload: &str| Rejection::of(Some(payload.as_bytes()));
        assert_eq!(of("{\"schema_version\":1,\"symbol\":\"ABCD\"}"), None);
        assert_eq!(of("{\"schema_version\":2}  "), None);
        assert_eq!(of("{\"schema_version\":3}"), Some(Rejection::Schema));
        assert_eq!(of("{\"schema_version\":300}"), Some(Rejection::Schema));
        assert_eq!(of("{}"), Some(Rejection::Schema));
        assert_eq!(of("{\"schema_version\":1,\"symb"), Some(Rejection::Malformed));
        assert_eq!(of("7"), Some(Rejection::Malformed));
        assert_eq!(Rejection::of(None), Some(Rejection::Malformed));
    }
}

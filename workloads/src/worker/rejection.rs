//! Which records cannot be processed: they are put aside as dead letters, because a worker that
//! stopped at them would stop for ever.
//!
//! Of the payload only that is looked at which it says of itself: that it is a document, and of a
//! schema version that this worker knows. What workers died of is known from [`super::attempts`].

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
    /// Workers have died of it, as often as they may.
    Deadly,
}

/// What a worker sees in a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Finding {
    /// It can be processed.
    Sound,
    /// It kills who processes it.
    Poison,
    /// It cannot be processed.
    Unfit(Rejection),
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
            Self::Deadly => "deadly",
        }
    }
}

impl Finding {
    /// Looks at a payload.
    pub(crate) fn of(payload: Option<&[u8]>) -> Self {
        #[derive(Deserialize)]
        struct Envelope {
            schema_version: Option<u64>,
            #[serde(default)]
            poison: bool,
        }
        let Ok(envelope) = serde_json::from_slice::<Envelope>(payload.unwrap_or_default()) else {
            return Self::Unfit(Rejection::Malformed);
        };
        let known = envelope.schema_version.and_then(|version| u8::try_from(version).ok());
        let known = known.is_some_and(|version| SCHEMA_VERSIONS.contains(&version));
        match envelope.poison {
            _ if !known => Self::Unfit(Rejection::Schema),
            true => Self::Poison,
            false => Self::Sound,
        }
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
    use crate::worker::poison;

    #[test]
    fn documents_of_known_versions_pass_and_others_are_told_apart() {
        let of = |payload: &str| Finding::of(Some(payload.as_bytes()));
        let (malformed, schema) =
            (Finding::Unfit(Rejection::Malformed), Finding::Unfit(Rejection::Schema));
        assert_eq!(of("{\"schema_version\":1,\"symbol\":\"ABCD\"}"), Finding::Sound);
        assert_eq!(of("{\"schema_version\":2,\"poison\":false}  "), Finding::Sound);
        assert_eq!(of("{\"schema_version\":3}"), schema);
        assert_eq!(of("{\"schema_version\":300}"), schema);
        assert_eq!(of("{\"poison\":true}"), schema);
        assert_eq!(of("{\"schema_version\":1,\"symb"), malformed);
        assert_eq!(of("7"), malformed);
        assert_eq!(Finding::of(None), malformed);
        let mut document = b"{\"schema_version\":1}".to_vec();
        poison(&mut document);
        assert_eq!(Finding::of(Some(&document)), Finding::Poison);
    }
}

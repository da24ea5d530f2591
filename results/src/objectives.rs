//! Objectives: a bound for each indicator that a scenario cares about.
//!
//! ```yaml
//! objectives:
//!   p99_response: < 100ms
//!   recovery: < 15s
//!   lost: 0                     # the same as <= 0
//!   throughput: ">= 1000/s"     # quoted, since > opens a block of text in YAML
//!   cost: < 0.12/h
//! ```

mod bound;
mod indicator;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde::{Serialize, Serializer};

pub use bound::{Amount, Bound, BoundError, Relation};
pub use indicator::{IndicatorName, Unit};

use bound::BoundText;

/// The bounds that a trial must keep, by indicator. Each bound fits its indicator's unit.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Objectives(BTreeMap<IndicatorName, Bound>);

impl Objectives {
    /// No objectives.
    pub fn new() -> Objectives {
        Objectives::default()
    }

    /// Sets the bound of `indicator` from text such as `< 100ms`, in place of one set before.
    ///
    /// # Errors
    /// When the text is no bound, or one that does not fit the indicator's unit.
    pub fn set(&mut self, indicator: IndicatorName, bound: &str) -> Result<(), BoundError> {
        self.0.insert(indicator, Bound::parse_for(indicator, bound)?);
        Ok(())
    }

    /// The bound of `indicator`.
    pub fn get(&self, indicator: IndicatorName) -> Option<&Bound> {
        self.0.get(&indicator)
    }

    /// All indicators with their bounds, in a fixed order.
    pub fn iter(&self) -> impl Iterator<Item = (IndicatorName, &Bound)> {
        self.0.iter().map(|(indicator, bound)| (*indicator, bound))
    }

    /// Whether nothing is bounded.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for Objectives {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(&self.0)
    }
}

impl<'de> Deserialize<'de> for Objectives {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObjectivesVisitor;

        impl<'de> Visitor<'de> for ObjectivesVisitor {
            type Value = Objectives;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(formatter, "indicators with bounds, such as `p99_response: < 100ms`")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Objectives, A::Error> {
                let mut objectives = Objectives::new();
                while let Some(name) = map.next_key::<Cow<'de, str>>()? {
                    let indicator: IndicatorName = name.parse().map_err(A::Error::custom)?;
                    if objectives.get(indicator).is_some() {
                        return Err(A::Error::custom(format!("{name} is bounded twice")));
                    }
                    let BoundText(text) = map.next_value()?;
                    objectives.set(indicator, &text).map_err(A::Error::custom)?;
                }
                Ok(objectives)
            }
        }

        deserializer.deserialize_map(ObjectivesVisitor)
    }
}

impl JsonSchema for Objectives {
    fn schema_name() -> Cow<'static, str> {
        "Objectives".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let bound = generator.subschema_for::<Bound>();
        let properties: serde_json::Map<String, serde_json::Value> = IndicatorName::ALL
            .iter()
            .map(|indicator| (indicator.as_str().to_owned(), bound.clone().to_value()))
            .collect();
        json_schema!({
            "type": "object",
            "description": "The bounds that a trial must keep, by indicator.",
            "properties": properties,
            "additionalProperties": false,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objectives_read_from_yaml_and_back_from_json() {
        let yaml = "p99_response: < 100ms\nrecovery: <= 15s\nlost: 0\nthroughput: '>= 1000/s'\n\
                    cost: < 0.12/h\nworker_seconds: 12.5\n";
        let objectives: Objectives = serde_saphyr::from_str(yaml).unwrap();
        let json = serde_json::to_string(&objectives).unwrap();
        assert_eq!(
            json,
            concat!(
                r#"{"p99_response":"< 100ms","recovery":"<= 15s","lost":"<= 0","#,
                r#""throughput":">= 1000/s","cost":"< 0.12/h","worker_seconds":"<= 12.5"}"#,
            )
        );
        assert_eq!(serde_json::from_str::<Objectives>(&json).unwrap(), objectives);
    }

    #[test]
    fn an_unknown_indicator_is_answered_with_the_allowed_ones() {
        let error = serde_saphyr::from_str::<Objectives>("p98_response: < 1s\n").unwrap_err();
        let error = error.to_string();
        assert!(error.contains("`p98_response`"), "{error}");
        for indicator in IndicatorName::ALL {
            assert!(error.contains(indicator.as_str()), "{error}");
        }
    }

    #[test]
    fn a_wrong_bound_is_answered_with_its_indicator() {
        for (yaml, part) in [
            ("lost: < 100ms", "lost"),
            ("recovery: -1", "recovery"),
            ("p99_response: [1]", "bound"),
            ("lost: 0\nlost: 1", "lost"),
        ] {
            let error = serde_saphyr::from_str::<Objectives>(yaml).unwrap_err().to_string();
            assert!(error.contains(part), "{yaml}: {error}");
        }
    }

    #[test]
    fn the_schema_knows_every_indicator() {
        let schema = schemars::schema_for!(Objectives).to_value();
        for indicator in IndicatorName::ALL {
            assert!(schema["properties"].get(indicator.as_str()).is_some(), "{indicator}");
        }
    }
}

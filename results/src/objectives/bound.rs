//! One bound: a relation and an amount.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error, Visitor};
use serde::{Serialize, Serializer};

use super::{IndicatorName, Unit};

/// What an objective demands of an indicator, such as `< 100ms`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bound {
    /// How the measured value must relate to the amount.
    pub relation: Relation,
    /// The amount.
    pub amount: Amount,
}

/// How a measured value must relate to a bound's amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// `<`
    Below,
    /// `<=`, also meant by an amount alone.
    AtMost,
    /// `=`
    Exactly,
    /// `>=`
    AtLeast,
    /// `>`
    Above,
}

/// A bound's amount, with its unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Amount {
    /// A duration such as `100ms` or `1m 30s`.
    Time(Duration),
    /// A plain number.
    Count(f64),
    /// `1000/s`
    PerSecond(f64),
    /// `0.12/h`, money per hour.
    PerHour(f64),
    /// `5%`, a share in per cent.
    Percent(f64),
}

/// Why a text is no bound.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BoundError {
    /// The amount cannot be read.
    #[error(
        "`{text}` is no bound: write a relation (<, <=, =, >=, >) and an amount \
         (100ms, 15s, 0, 1000/s, 0.12/h, 5%)"
    )]
    Syntax {
        /// What was written.
        text: String,
    },
    /// No measurement can keep the bound.
    #[error("`{text}` can never hold: amounts are finite and not negative")]
    Impossible {
        /// What was written.
        text: String,
    },
    /// The amount has another unit than the indicator.
    #[error("{indicator}: `{text}` does not fit: write {example}")]
    Unit {
        /// The indicator.
        indicator: IndicatorName,
        /// What was written.
        text: String,
        /// What would fit.
        example: &'static str,
    },
    /// A bound of an indicator cannot be read.
    #[error("{indicator}: {source}")]
    Of {
        /// The indicator.
        indicator: IndicatorName,
        /// What is wrong.
        source: Box<BoundError>,
    },
}

impl Bound {
    /// Reads a bound for `indicator` and checks that its unit fits.
    ///
    /// # Errors
    /// When `text` is no bound, or does not fit the indicator's unit. A throughput needs its
    /// relation written out, since an amount alone would mean "at most".
    pub fn parse_for(indicator: IndicatorName, text: &str) -> Result<Bound, BoundError> {
        let bound: Bound = text
            .parse()
            .map_err(|source| BoundError::Of { indicator, source: Box::new(source) })?;
        let example = match indicator.unit() {
            Unit::Milliseconds => "a duration, such as `< 100ms`",
            Unit::Seconds if indicator == IndicatorName::WorkerSeconds => {
                "a duration or a number of seconds, such as `< 20m` or `< 1200`"
            }
            Unit::Seconds => "a duration, such as `< 15s`",
            Unit::Count => "a number, such as `0` or `< 10`",
            Unit::PerSecond => "a rate with its relation, such as `>= 1000/s`",
            Unit::MoneyPerHour => "money per hour, such as `< 0.12/h`",
            Unit::Share => "a share in per cent, such as `< 5%`",
        };
        let bare = !text.trim_start().starts_with(['<', '>', '=', '≤', '≥']);
        let fits = match (indicator.unit(), bound.amount) {
            (Unit::Seconds, Amount::Count(_)) => indicator == IndicatorName::WorkerSeconds,
            (Unit::Milliseconds | Unit::Seconds, Amount::Time(_))
            | (Unit::Count, Amount::Count(_))
            | (Unit::MoneyPerHour, Amount::PerHour(_))
            | (Unit::Share, Amount::Percent(_)) => true,
            (Unit::PerSecond, Amount::PerSecond(_)) => !bare,
            _ => false,
        };
        if !fits {
            return Err(BoundError::Unit { indicator, text: text.to_owned(), example });
        }
        Ok(bound)
    }

    /// The amount in the given unit, as [`IndicatorName::value`] gives values.
    pub fn limit(&self, unit: Unit) -> f64 {
        match self.amount {
            Amount::Time(time) if unit == Unit::Milliseconds => time.as_nanos() as f64 / 1e6,
            Amount::Time(time) => time.as_nanos() as f64 / 1e9,
            Amount::Count(number) | Amount::PerSecond(number) | Amount::PerHour(number) => number,
            Amount::Percent(number) => number / 100.0,
        }
    }

    /// Whether `value`, in the given unit, keeps the bound. NaN keeps none.
    pub fn holds(&self, value: f64, unit: Unit) -> bool {
        let limit = self.limit(unit);
        match self.relation {
            Relation::Below => value < limit,
            Relation::AtMost => value <= limit,
            Relation::Exactly => value == limit,
            Relation::AtLeast => value >= limit,
            Relation::Above => value > limit,
        }
    }
}

impl FromStr for Bound {
    type Err = BoundError;

    fn from_str(text: &str) -> Result<Bound, BoundError> {
        // Longer signs first, so that `<=` is not read as `<`.
        const SIGNS: [(&str, Relation); 8] = [
            ("<=", Relation::AtMost),
            (">=", Relation::AtLeast),
            ("==", Relation::Exactly),
            ("≤", Relation::AtMost),
            ("≥", Relation::AtLeast),
            ("<", Relation::Below),
            (">", Relation::Above),
            ("=", Relation::Exactly),
        ];
        let trimmed = text.trim();
        let (relation, rest) = SIGNS
            .iter()
            .find_map(|(sign, relation)| Some((*relation, trimmed.strip_prefix(sign)?)))
            .unwrap_or((Relation::AtMost, trimmed));
        let amount = parse_amount(rest.trim())
            .ok_or_else(|| BoundError::Syntax { text: text.to_owned() })?;
        let number = match amount {
            Amount::Time(time) => time.as_secs_f64(),
            Amount::Count(number)
            | Amount::PerSecond(number)
            | Amount::PerHour(number)
            | Amount::Percent(number) => number,
        };
        let nothing_is_below = relation == Relation::Below && number == 0.0;
        if !number.is_finite() || number < 0.0 || nothing_is_below {
            return Err(BoundError::Impossible { text: text.to_owned() });
        }
        Ok(Bound { relation, amount })
    }
}

fn parse_amount(text: &str) -> Option<Amount> {
    if let Some(number) = text.strip_suffix("/s") {
        return number.trim().parse().ok().map(Amount::PerSecond);
    }
    if let Some(number) = text.strip_suffix("/h") {
        return number.trim().parse().ok().map(Amount::PerHour);
    }
    if let Some(number) = text.strip_suffix('%') {
        return number.trim().parse().ok().map(Amount::Percent);
    }
    if let Ok(number) = text.parse() {
        return Some(Amount::Count(number));
    }
    humantime::parse_duration(text).ok().map(Amount::Time)
}

impl fmt::Display for Bound {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = match self.relation {
            Relation::Below => "<",
            Relation::AtMost => "<=",
            Relation::Exactly => "=",
            Relation::AtLeast => ">=",
            Relation::Above => ">",
        };
        match self.amount {
            Amount::Time(time) => write!(formatter, "{sign} {}", humantime::format_duration(time)),
            Amount::Count(number) => write!(formatter, "{sign} {number}"),
            Amount::PerSecond(number) => write!(formatter, "{sign} {number}/s"),
            Amount::PerHour(number) => write!(formatter, "{sign} {number}/h"),
            Amount::Percent(number) => write!(formatter, "{sign} {number}%"),
        }
    }
}

impl Serialize for Bound {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Bound {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        BoundText::deserialize(deserializer)?.0.parse().map_err(D::Error::custom)
    }
}

/// The text of a bound; a bare number in YAML or JSON is read as its text.
pub(super) struct BoundText(pub(super) String);

impl<'de> Deserialize<'de> for BoundText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct BoundVisitor;

        impl Visitor<'_> for BoundVisitor {
            type Value = BoundText;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(formatter, "a bound, such as `< 100ms`, `0` or `< 0.12/h`")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<BoundText, E> {
                Ok(BoundText(text.to_owned()))
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<BoundText, E> {
                Ok(BoundText(number.to_string()))
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<BoundText, E> {
                Ok(BoundText(number.to_string()))
            }

            fn visit_f64<E: Error>(self, number: f64) -> Result<BoundText, E> {
                Ok(BoundText(number.to_string()))
            }
        }

        deserializer.deserialize_any(BoundVisitor)
    }
}

impl JsonSchema for Bound {
    fn schema_name() -> Cow<'static, str> {
        "Bound".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": ["string", "number"],
            "description": "A relation (<, <=, =, >=, >; none means <=) and an amount.",
            "examples": ["< 100ms", "<= 15s", "0", ">= 1000/s", "< 0.12/h"],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_read_as_the_bounds_they_mean() {
        let ms = |ms| Amount::Time(Duration::from_millis(ms));
        let table = [
            ("< 100ms", Relation::Below, ms(100), "< 100ms"),
            ("<100ms", Relation::Below, ms(100), "< 100ms"),
            (" <=  15s ", Relation::AtMost, ms(15_000), "<= 15s"),
            ("≤ 1m 30s", Relation::AtMost, ms(90_000), "<= 1m 30s"),
            ("250ms", Relation::AtMost, ms(250), "<= 250ms"),
            ("0", Relation::AtMost, Amount::Count(0.0), "<= 0"),
            ("= 0", Relation::Exactly, Amount::Count(0.0), "= 0"),
            ("== 3", Relation::Exactly, Amount::Count(3.0), "= 3"),
            ("> 1", Relation::Above, Amount::Count(1.0), "> 1"),
            (">= 1000/s", Relation::AtLeast, Amount::PerSecond(1000.0), ">= 1000/s"),
            ("≥ 1000 /s", Relation::AtLeast, Amount::PerSecond(1000.0), ">= 1000/s"),
            ("< 0.12/h", Relation::Below, Amount::PerHour(0.12), "< 0.12/h"),
        ];
        for (text, relation, amount, shown) in table {
            let bound: Bound = text.parse().unwrap();
            assert_eq!(bound, Bound { relation, amount }, "{text}");
            assert_eq!(bound.to_string(), shown);
            assert_eq!(shown.parse(), Ok(bound));
        }
    }

    #[test]
    fn texts_that_mean_nothing_are_errors() {
        for text in ["", "<", "fast", "< 10 parsecs", "<< 3", "< 1/min", "/s", "< 100ms/h"] {
            assert!(matches!(text.parse::<Bound>(), Err(BoundError::Syntax { .. })), "{text}");
        }
        for text in ["< -1", "< NaN", "<= inf", "-0.5/h", "< 0", "< 0ms", "< 1e999"] {
            assert!(matches!(text.parse::<Bound>(), Err(BoundError::Impossible { .. })), "{text}");
        }
    }

    #[test]
    fn a_unit_that_does_not_fit_is_answered_with_one_that_does() {
        for (indicator, text, part) in [
            (IndicatorName::P99Response, "< 100", "`< 100ms`"),
            (IndicatorName::Recovery, "< 15", "`< 15s`"),
            (IndicatorName::Lost, "< 1/s", "`0`"),
            (IndicatorName::Throughput, "1000/s", "`>= 1000/s`"),
            (IndicatorName::Cost, "< 0.12", "`< 0.12/h`"),
            (IndicatorName::WorkerSeconds, "< 20/s", "`< 20m`"),
        ] {
            let error = Bound::parse_for(indicator, text).unwrap_err().to_string();
            assert!(error.starts_with(indicator.as_str()) && error.contains(part), "{error}");
        }
    }

    #[test]
    fn bounds_hold_where_they_say() {
        let bound: Bound = "< 100ms".parse().unwrap();
        assert!(bound.holds(99.999, Unit::Milliseconds));
        assert!(!bound.holds(100.0, Unit::Milliseconds));
        assert!(!bound.holds(f64::NAN, Unit::Milliseconds));
        let bound: Bound = "<= 15s".parse().unwrap();
        assert!(bound.holds(15.0, Unit::Seconds));
        assert!(!bound.holds(15_000.0, Unit::Seconds));
        let bound: Bound = ">= 3".parse().unwrap();
        assert!(bound.holds(3.0, Unit::Count) && !bound.holds(2.0, Unit::Count));
    }
}

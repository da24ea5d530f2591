//! Conditions on the run: comparisons joined by `and`, written as one line of text.

mod contradiction;

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::view::{Phase, View};

pub(super) use contradiction::conflict;

const QUANTITIES: &str = "time, phase, lag_records, lag_time, replicas, fault";
const TEXT_BYTES_MAX: usize = 1000;

/// What must hold at one moment, such as `lag_records > 50000 and replicas < 4`.
///
/// Its quantities are `time` (from the start of the load) and `lag_time`, both compared with a
/// duration such as `30s`; `lag_records` and `replicas`, compared with a number; `phase`
/// (`warm-up`, `steady`, `burst`, `fault`, `recovery`) and `fault` (the name of one that is in
/// force), which know only `==` and `!=`. What is not known makes no comparison true.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Condition {
    terms: Vec<Term>,
}

/// One comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Term {
    Time(Relation, Duration),
    Phase(Relation, Phase),
    LagRecords(Relation, u64),
    LagTime(Relation, Duration),
    Replicas(Relation, u32),
    Fault(Relation, String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Relation {
    Equal,
    Unequal,
    Less,
    AtMost,
    More,
    AtLeast,
}

/// Why a text is no condition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ConditionError(String);

impl Condition {
    /// Whether it holds at this moment.
    pub fn holds(&self, view: &View) -> bool {
        self.terms.iter().all(|term| term.holds(view))
    }

    /// The faults that are in force whenever it holds.
    pub(super) fn needs(&self) -> impl Iterator<Item = &str> {
        self.named_with(Relation::Equal)
    }

    /// Every fault that it names.
    pub(super) fn faults(&self) -> impl Iterator<Item = &str> {
        self.needs().chain(self.named_with(Relation::Unequal))
    }

    fn named_with(&self, wanted: Relation) -> impl Iterator<Item = &str> {
        self.terms.iter().filter_map(move |term| match term {
            Term::Fault(relation, name) if *relation == wanted => Some(name.as_str()),
            _ => None,
        })
    }
}

impl Term {
    fn holds(&self, view: &View) -> bool {
        let reading = &view.reading;
        match self {
            Self::Time(relation, bound) => relation.holds(Some(view.time), *bound),
            Self::LagRecords(relation, bound) => relation.holds(reading.lag_records, *bound),
            Self::LagTime(relation, bound) => relation.holds(reading.lag_time, *bound),
            Self::Replicas(relation, bound) => relation.holds(reading.replicas, *bound),
            Self::Phase(relation, phase) => relation.is(view.phase() == *phase),
            Self::Fault(relation, name) => relation.is(view.faults.contains(name)),
        }
    }

    fn parts(&self) -> (&'static str, Relation, String) {
        let text = |duration: &Duration| humantime::format_duration(*duration).to_string();
        match self {
            Self::Time(relation, bound) => ("time", *relation, text(bound)),
            Self::Phase(relation, phase) => ("phase", *relation, phase.name().to_owned()),
            Self::LagRecords(relation, bound) => ("lag_records", *relation, bound.to_string()),
            Self::LagTime(relation, bound) => ("lag_time", *relation, text(bound)),
            Self::Replicas(relation, bound) => ("replicas", *relation, bound.to_string()),
            Self::Fault(relation, name) => ("fault", *relation, name.clone()),
        }
    }
}

impl Relation {
    const ALL: [(Self, &'static str); 6] = [
        (Self::Equal, "=="),
        (Self::Unequal, "!="),
        (Self::Less, "<"),
        (Self::AtMost, "<="),
        (Self::More, ">"),
        (Self::AtLeast, ">="),
    ];

    fn sign(self) -> &'static str {
        Self::ALL.into_iter().find(|(relation, _)| *relation == self).map_or("", |(_, sign)| sign)
    }

    fn holds<T: Ord>(self, known: Option<T>, bound: T) -> bool {
        let Some(order) = known.map(|known| known.cmp(&bound)) else { return false };
        match self {
            Self::Equal => order == Ordering::Equal,
            Self::Unequal => order != Ordering::Equal,
            Self::Less => order == Ordering::Less,
            Self::AtMost => order != Ordering::Greater,
            Self::More => order == Ordering::Greater,
            Self::AtLeast => order != Ordering::Less,
        }
    }

    /// For what has no order.
    fn is(self, same: bool) -> bool {
        same == (self == Self::Equal)
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, term) in self.terms.iter().enumerate() {
            let and = if index == 0 { "" } else { " and " };
            write!(formatter, "{and}{term}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Term {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (quantity, relation, value) = self.parts();
        write!(formatter, "{quantity} {} {value}", relation.sign())
    }
}

impl From<Condition> for String {
    fn from(condition: Condition) -> Self {
        condition.to_string()
    }
}

impl TryFrom<String> for Condition {
    type Error = ConditionError;

    fn try_from(text: String) -> Result<Self, ConditionError> {
        text.parse()
    }
}

impl FromStr for Condition {
    type Err = ConditionError;

    fn from_str(text: &str) -> Result<Self, ConditionError> {
        if text.len() > TEXT_BYTES_MAX {
            let message = format!("{} bytes; allowed: up to {TEXT_BYTES_MAX}", text.len());
            return Err(ConditionError(message));
        }
        let terms = text.split(" and ").map(|term| term.trim().parse()).collect::<Result<_, _>>();
        Ok(Self { terms: terms? })
    }
}

impl FromStr for Term {
    type Err = ConditionError;

    fn from_str(text: &str) -> Result<Self, ConditionError> {
        let (quantity, relation, value) = split(text)?;
        let error = |allowed: &str| {
            ConditionError(format!("`{text}`: `{value}` is no value for it; allowed: {allowed}"))
        };
        let duration = || humantime::parse_duration(value).map_err(|_| error("like 500ms or 30s"));
        let term = match quantity {
            "time" => Self::Time(relation, duration()?),
            "lag_time" => Self::LagTime(relation, duration()?),
            "lag_records" => {
                Self::LagRecords(relation, value.parse().map_err(|_| error("a whole number"))?)
            }
            "replicas" => {
                Self::Replicas(relation, value.parse().map_err(|_| error("a whole number"))?)
            }
            "phase" => {
                let known = Phase::ALL.into_iter().find(|phase| phase.name() == value);
                let names = Phase::ALL.map(Phase::name).join(", ");
                Self::Phase(relation, known.ok_or_else(|| error(&names))?)
            }
            "fault" if value.is_empty() => return Err(error("the name of a fault")),
            "fault" => Self::Fault(relation, value.to_owned()),
            _ => {
                let message = format!("`{text}`: no quantity `{quantity}`; allowed: {QUANTITIES}");
                return Err(ConditionError(message));
            }
        };
        let ordered = !matches!(relation, Relation::Equal | Relation::Unequal);
        if ordered && matches!(term, Self::Phase(..) | Self::Fault(..)) {
            let message = format!("`{text}`: a {quantity} has no order; allowed: == and !=");
            return Err(ConditionError(message));
        }
        Ok(term)
    }
}

/// Quantity, sign and value of a comparison.
fn split(text: &str) -> Result<(&str, Relation, &str), ConditionError> {
    let is_sign = |c: char| "<>=!".contains(c);
    let start = text.find(is_sign).unwrap_or(text.len());
    let (quantity, rest) = text.split_at(start);
    let end = rest.find(|c| !is_sign(c)).unwrap_or(rest.len());
    let (sign, value) = rest.split_at(end);
    let relation = Relation::ALL.into_iter().find(|(_, known)| *known == sign);
    let relation = relation.map(|(relation, _)| relation).ok_or_else(|| {
        ConditionError(format!(
            "`{text}` is no comparison; allowed: a quantity ({QUANTITIES}), then ==, !=, <, <=, > \
             or >=, then a value"
        ))
    })?;
    Ok((quantity.trim(), relation, value.trim()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::schedule::view::Reading;

    fn condition(text: &str) -> Condition {
        text.parse().unwrap()
    }

    fn view() -> View {
        View {
            time: Duration::from_secs(30),
            reading: Reading {
                phase: Phase::Steady,
                lag_records: Some(50_000),
                lag_time: Some(Duration::from_millis(2500)),
                replicas: None,
            },
            faults: ["crash-1".to_owned()].into(),
            disturbed: true,
        }
    }

    #[test]
    fn comparisons_hold_as_they_read() {
        let cases = [
            ("lag_records > 50000", false),
            ("lag_records >= 50000", true),
            ("lag_records<50001", true),
            ("lag_records != 50000", false),
            ("lag_time <= 2s", false),
            ("lag_time > 2s 400ms", true),
            ("time == 30s", true),
            ("time < 30s", false),
            ("phase == fault", true),
            ("phase != steady", true),
            ("fault == crash-1", true),
            ("fault != crash-1", false),
            ("fault != other fault", true),
            ("time > 29s and lag_records > 1 and fault == crash-1", true),
            ("time > 29s and lag_records > 1 and fault == other", false),
        ];
        for (text, expected) in cases {
            assert_eq!(condition(text).holds(&view()), expected, "{text}");
        }
    }

    #[test]
    fn nothing_holds_of_what_is_not_known() {
        for sign in ["==", "!=", "<", "<=", ">", ">="] {
            assert!(!condition(&format!("replicas {sign} 3")).holds(&view()), "{sign}");
        }
    }

    #[test]
    fn what_is_no_condition_is_refused_with_what_is_allowed() {
        let no_comparison = "is no comparison; allowed: a quantity (time, phase, lag_records, \
                             lag_time, replicas, fault), then ==, !=, <, <=, > or >=, then a value";
        let cases = [
            ("", format!("`` {no_comparison}")),
            ("lag_records = 3", format!("`lag_records = 3` {no_comparison}")),
            ("time > 3s and ", format!("`` {no_comparison}")),
            (
                "lag > 3",
                "`lag > 3`: no quantity `lag`; allowed: time, phase, lag_records, lag_time, \
                 replicas, fault"
                    .to_owned(),
            ),
            (
                "replicas > -1",
                "`replicas > -1`: `-1` is no value for it; allowed: a whole number".to_owned(),
            ),
            (
                "lag_time > 3",
                "`lag_time > 3`: `3` is no value for it; allowed: like 500ms or 30s".to_owned(),
            ),
            (
                "phase == drain",
                "`phase == drain`: `drain` is no value for it; allowed: warm-up, steady, burst, \
                 fault, recovery"
                    .to_owned(),
            ),
            (
                "fault > crash-1",
                "`fault > crash-1`: a fault has no order; allowed: == and !=".to_owned(),
            ),
            ("fault ==", "`fault ==`: `` is no value for it; allowed: the name of a fault".into()),
        ];
        for (text, expected) in cases {
            assert_eq!(text.parse::<Condition>().unwrap_err().to_string(), expected);
        }
        let long = format!("fault == {}", "x".repeat(TEXT_BYTES_MAX));
        assert_eq!(
            long.parse::<Condition>().unwrap_err().to_string(),
            "1009 bytes; allowed: up to 1000"
        );
    }

    #[test]
    fn it_survives_a_round_trip_and_names_its_faults() {
        let text = "lag_time >= 2s 500ms and fault == a and fault != b and phase != warm-up";
        let parsed = condition(text);
        assert_eq!(parsed.to_string(), text);
        let json = serde_json::to_value(&parsed).unwrap();
        assert_eq!(json, text);
        assert_eq!(serde_json::from_value::<Condition>(json).unwrap(), parsed);
        assert_eq!(parsed.needs().collect::<Vec<_>>(), ["a"]);
        assert_eq!(parsed.faults().collect::<Vec<_>>(), ["a", "b"]);
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in ".{0,60}") {
            if let Ok(parsed) = text.parse::<Condition>() {
                prop_assert_eq!(parsed.to_string().parse::<Condition>().unwrap(), parsed);
            }
        }
    }
}

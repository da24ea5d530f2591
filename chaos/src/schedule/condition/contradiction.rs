//! Conditions that can never hold, or never together.

use std::mem::discriminant;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::{Condition, Relation, Term};

/// What keeps these conditions from holding together at any of these times, if something does.
pub(in crate::schedule) fn conflict<'a>(
    conditions: impl IntoIterator<Item = &'a Condition>,
    times: RangeInclusive<Duration>,
) -> Option<String> {
    let (first, last) = times.into_inner();
    let window = [Term::Time(Relation::AtLeast, first), Term::Time(Relation::AtMost, last)];
    let given = conditions.into_iter().flat_map(|condition| &condition.terms);
    let terms: Vec<Term> = window.into_iter().chain(given.cloned()).collect();
    terms.iter().enumerate().find_map(|(place, term)| {
        if term.excludes(term) {
            return Some(format!("`{term}` never holds"));
        }
        let other = terms[..place].iter().find(|other| other.excludes(term))?;
        Some(format!("`{other}` and `{term}` never hold together"))
    })
}

impl Term {
    /// Whether the two never hold together.
    fn excludes(&self, other: &Self) -> bool {
        if discriminant(self) != discriminant(other) {
            return false;
        }
        let ((_, mine, value), (_, theirs, other_value)) = (self.parts(), other.parts());
        let sides = [mine, theirs];
        let has = |relation| sides.contains(&relation);
        if has(Relation::Equal) && has(Relation::Unequal) {
            return value == other_value;
        }
        match (self, other) {
            (Self::Phase(Relation::Equal, mine), Self::Phase(_, theirs)) => mine != theirs,
            _ => self
                .bounds()
                .zip(other.bounds())
                .is_some_and(|((low, high), (from, to))| low.max(from) > high.min(to)),
        }
    }

    /// The least and the greatest value of an ordered quantity for which it holds; the least is
    /// above the greatest where there is none.
    fn bounds(&self) -> Option<(u128, u128)> {
        let (relation, value) = match self {
            Self::Time(relation, value) | Self::LagTime(relation, value) => {
                (relation, value.as_nanos())
            }
            Self::LagRecords(relation, value) => (relation, u128::from(*value)),
            Self::Replicas(relation, value) => (relation, u128::from(*value)),
            Self::Phase(..) | Self::Fault(..) => return None,
        };
        Some(match relation {
            Relation::Equal => (value, value),
            Relation::Unequal => (0, u128::MAX),
            Relation::Less => value.checked_sub(1).map_or((1, 0), |greatest| (0, greatest)),
            Relation::AtMost => (0, value),
            Relation::More => (value + 1, u128::MAX),
            Relation::AtLeast => (value, u128::MAX),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::schedule::view::{Reading, View};

    const ALWAYS: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(60);

    fn found(text: &str) -> Option<String> {
        conflict([&text.parse().unwrap()], ALWAYS)
    }

    #[test]
    fn what_can_never_hold_is_found() {
        let cases = [
            ("replicas < 0", "`replicas < 0` never holds"),
            (
                "lag_records > 5 and lag_records < 6",
                "`lag_records > 5` and `lag_records < 6` never hold together",
            ),
            (
                "lag_time == 5s and replicas > 3 and lag_time != 5s",
                "`lag_time == 5s` and `lag_time != 5s` never hold together",
            ),
            ("time > 60s", "`time <= 1m` and `time > 1m` never hold together"),
            (
                "phase == burst and phase == fault",
                "`phase == burst` and `phase == fault` never hold together",
            ),
            ("fault == a and fault != a", "`fault == a` and `fault != a` never hold together"),
        ];
        for (text, expected) in cases {
            assert_eq!(found(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_may_hold_is_let_through() {
        let texts = [
            "lag_records > 5 and lag_records < 7",
            "lag_records >= 5 and lag_records <= 5",
            "lag_time < 5s and time > 50s",
            "fault == a and fault == b and fault != c",
            "phase != burst and phase != fault and phase == steady",
            "replicas != 3 and replicas != 4",
            "time == 60s",
        ];
        for text in texts {
            assert_eq!(found(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn nothing_that_holds_is_called_a_conflict(
            lag in 0_u64..6,
            signs in proptest::collection::vec((0_usize..6, 0_u64..6), 1..4),
        ) {
            let sign = |at: usize| ["==", "!=", "<", "<=", ">", ">="][at];
            let terms = signs.iter().map(|(at, bound)| format!("lag_records {} {bound}", sign(*at)));
            let text = terms.collect::<Vec<_>>().join(" and ");
            let condition: Condition = text.parse().unwrap();
            let reading = Reading { lag_records: Some(lag), ..Reading::default() };
            let view = View { reading, ..View::default() };
            prop_assert!(!condition.holds(&view) || found(&text).is_none(), "{text} at {lag}");
        }
    }
}

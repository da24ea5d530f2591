//! Which strategy is best by an indicator, and which cannot be told from it, as [`Section`] ranks
//! them: what may be noise is no place.

use crate::objectives::IndicatorName;
use crate::ranking::{RANKED, Section};

/// How one strategy stands by one indicator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// The best, and some other is really worse.
    Best,
    /// Not told from the best.
    Alike,
    /// Neither.
    Other,
}

/// The standings of all strategies of a scenario, and what is to be said about the row.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Standings {
    /// One a strategy, in the order asked for.
    pub(super) each: Vec<Standing>,
    /// A few words about all of them; empty when marks say enough.
    pub(super) note: &'static str,
}

/// Finds them for `strategies`. There are none for indicators that are not compared, and a strategy
/// without a valid trial, or that did not recover in half of them, has no place.
pub(super) fn standings(
    ranking: &Section,
    strategies: &[&str],
    indicator: IndicatorName,
) -> Standings {
    let nothing = |note| Standings { each: vec![Standing::Other; strategies.len()], note };
    let compared = ranking.differences.iter().any(|difference| difference.indicator == indicator);
    if !RANKED.contains(&indicator) {
        return nothing("");
    }
    let order = ranking.order(indicator);
    let [(best, least), others @ ..] = &order[..] else { return nothing("") };
    let told = |strategy: &str| {
        let difference = ranking.difference(indicator, &best.label, strategy);
        difference.is_some_and(|difference| difference.real)
    };
    if !others.iter().any(|(other, _)| told(&other.label)) {
        return match compared {
            _ if others.is_empty() || order.len() < strategies.len() => nothing(""),
            _ if others.iter().all(|(_, value)| value == least) => nothing("all alike"),
            true => nothing("differences may be noise"),
            false => nothing(""),
        };
    }
    let of = |strategy: &&str| match order.iter().find(|(other, _)| other.label == **strategy) {
        Some(_) if best.label == **strategy => Standing::Best,
        Some(_) if !told(strategy) => Standing::Alike,
        _ => Standing::Other,
    };
    Standings { each: strategies.iter().map(of).collect(), note: "" }
}

#[cfg(test)]
mod tests {
    use super::Standing::{Alike, Best, Other};
    use super::*;
    use crate::record::RunRecord;
    use crate::sample::Sample;
    use crate::verdict::VerdictKind;

    /// Trials of strategies A, B, … with these p99 response times.
    fn trials(strategies: &[&[f64]]) -> Vec<RunRecord> {
        let of = |(name, p99s): (&'static str, &&[f64])| -> Vec<RunRecord> {
            let trials = (1..).zip(p99s.iter()).map(|(repetition, p99_ms)| {
                let mut record = Sample::new(name, repetition).record();
                record.seed = u64::from(repetition);
                record.indicators.p99_ms = Some(*p99_ms);
                record
            });
            trials.collect()
        };
        ["A", "B", "C"].into_iter().zip(strategies).flat_map(of).collect()
    }

    fn by_p99(records: &[RunRecord]) -> Standings {
        let ranking = Section::of_strategies(&records.iter().collect::<Vec<_>>());
        standings(&ranking, &["A", "B", "C"], IndicatorName::P99Response)
    }

    #[test]
    fn only_what_is_really_worse_makes_a_best() {
        let fast: &[f64] = &[10.0, 10.4, 10.1];
        let three = by_p99(&trials(&[fast, &[10.2, 10.1, 10.3], &[30.0, 30.9, 30.2]]));
        assert_eq!((three.each, three.note), (vec![Best, Alike, Other], ""));
        let noise = by_p99(&trials(&[fast, &[10.2, 10.1, 10.3], &[10.3, 10.0, 10.2]]));
        assert_eq!((noise.each, noise.note), (vec![Other; 3], "differences may be noise"));
        assert_eq!(by_p99(&trials(&[fast, fast, fast])).note, "all alike");
    }

    #[test]
    fn single_trials_have_no_best() {
        let single = by_p99(&trials(&[&[10.0], &[20.0], &[30.0]]));
        assert_eq!((single.each, single.note), (vec![Other; 3], ""));
    }

    #[test]
    fn an_invalid_trial_is_in_no_comparison_whatever_else_its_strategy_did() {
        let mut records = trials(&[&[1.0, 10.4, 10.1], &[30.2, 30.1, 30.3], &[90.0, 90.2, 90.4]]);
        records[0].verdict.kind = VerdictKind::Invalid;
        records[1].verdict.kind = VerdictKind::Fail;
        assert_eq!(by_p99(&records).each, [Best, Other, Other]);
        records[2].verdict.kind = VerdictKind::Invalid;
        records[1].verdict.kind = VerdictKind::Invalid;
        assert_eq!(by_p99(&records).each, [Other, Best, Other]);
    }

    #[test]
    fn what_is_not_compared_has_no_best() {
        let records = trials(&[&[10.0, 10.1], &[30.0, 30.1], &[90.0, 90.1]]);
        let ranking = Section::of_strategies(&records.iter().collect::<Vec<_>>());
        let found = standings(&ranking, &["A", "B", "C"], IndicatorName::Lost);
        assert_eq!((found.each, found.note), (vec![Other; 3], ""));
    }
}

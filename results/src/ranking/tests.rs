use super::*;
use crate::sample::Sample;

/// A trial with this p99 and cost.
fn trial(strategy: &'static str, repetition: u32, p99_ms: f64, cost: f64) -> RunRecord {
    let mut record = Sample::new(strategy, repetition).record();
    record.seed = u64::from(repetition);
    record.indicators.p99_ms = Some(p99_ms);
    record.indicators.cost = Some(cost);
    record.indicators.recovery_s = None;
    record
}

fn three(strategy: &'static str, p99s: [f64; 3], cost: f64) -> Vec<RunRecord> {
    (1..).zip(p99s).map(|(n, p99)| trial(strategy, n, p99, cost + f64::from(n) * 1e-6)).collect()
}

fn ranked(records: &[RunRecord]) -> Section {
    let ranking = Ranking::from_records(records, IndicatorName::P99Response).unwrap();
    ranking.sections.into_iter().next().unwrap()
}

#[test]
fn real_differences_give_places_and_noise_shares_one() {
    let mut records = three("Fast", [10.0, 10.4, 10.1], 3.0);
    records.extend(three("Same", [10.2, 10.1, 10.3], 2.0));
    records.extend(three("Slow", [30.0, 30.9, 30.2], 1.0));
    let section = ranked(&records);
    let places: Vec<(&str, Option<usize>)> =
        section.contestants.iter().map(|c| (c.label.as_str(), c.rank)).collect();
    assert_eq!(places, [("Fast", Some(1)), ("Same", Some(1)), ("Slow", Some(3))]);
    let p99 = |first: &str, second: &str| {
        let mut all = section.differences.iter();
        all.find(|d| d.indicator == IndicatorName::P99Response && d.is_between(first, second))
            .unwrap()
    };
    assert!(p99("Fast", "Slow").real && p99("Fast", "Slow").paired);
    assert!(!p99("Fast", "Same").real);
    assert!(p99("Fast", "Same").sentence.ends_with("which may be noise."));
}

#[test]
fn nobody_beats_a_pareto_optimal_contestant_in_both() {
    let mut records = three("Fast", [10.0, 10.0, 10.0], 3.0);
    records.extend(three("Worse", [20.0, 20.0, 20.0], 3.5));
    records.extend(three("Cheap", [30.0, 30.0, 30.0], 1.0));
    let marked: Vec<Option<bool>> = ranked(&records).contestants.iter().map(|c| c.pareto).collect();
    assert_eq!(marked, [Some(true), Some(false), Some(true)]);
}

#[test]
fn one_trial_each_is_ranked_and_told_nothing_of() {
    let section = ranked(&[trial("A", 1, 10.0, 1.0), trial("B", 1, 90.0, 2.0)]);
    assert!(section.differences.is_empty());
    assert_eq!(section.contestants[1].rank, Some(1));
    assert_eq!(section.contestants[1].estimates[&IndicatorName::P99Response].interval, None);
}

#[test]
fn other_runs_and_environments_are_named_and_compared_without_pairs() {
    let mut records = three("A", [10.0, 11.0, 12.0], 1.0);
    for mut other in three("A", [20.0, 22.0, 24.0], 1.0) {
        other.run = "again".to_owned();
        other.environment.name = "docker".to_owned();
        other.seed += 100;
        records.push(other);
    }
    let section = ranked(&records);
    assert!(section.contestants[1].label.ends_with(" @ again (docker)"));
    // scipy.stats.ttest_ind(log([10,11,12]), log([20,22,24]), equal_var=False): p = 0.000741.
    let difference = &section.differences[0];
    assert!(!difference.paired && (difference.p_value - 0.000_741).abs() < 2e-6, "{difference:?}");
    assert!((difference.ratio - 0.5).abs() < 1e-9);
}

#[test]
fn repetitions_that_are_counted_in_steps_tell_no_chance() {
    let mut records = Vec::new();
    for (strategy, recovery_s) in [("A", 7.5), ("B", 8.5)] {
        for mut record in three(strategy, [10.0, 10.0, 10.0], 1.0) {
            record.indicators.recovery_s = Some(recovery_s);
            records.push(record);
        }
    }
    let section = ranked(&records);
    let recovery = |d: &&Difference| d.indicator == IndicatorName::Recovery;
    assert_eq!(section.differences.iter().find(recovery), None);
}

#[test]
fn invalid_trials_are_in_no_figure_and_have_no_rank() {
    let mut records = three("Broken", [1.0, 1.0, 1.0], 0.1);
    records.iter_mut().for_each(|record| record.verdict.kind = VerdictKind::Invalid);
    records.extend(three("Sound", [10.0, 11.0, 12.0], 1.0));
    let section = ranked(&records);
    let [sound, broken] = &section.contestants[..] else { panic!("{section:?}") };
    assert_eq!((sound.rank, sound.pareto, sound.invalid), (Some(1), Some(true), 0));
    assert_eq!((broken.rank, broken.pareto, broken.invalid), (None, None, 3));
}

#[test]
fn what_cannot_be_ranked_is_refused() {
    let by = |records: &[RunRecord], by| Ranking::from_records(records, by).unwrap_err();
    assert_eq!(by(&[], IndicatorName::Cost), RankingError::Empty);
    let one = trial("A", 1, 10.0, 1.0);
    let twice = by(&[one.clone(), one.clone()], IndicatorName::Cost).to_string();
    assert!(twice.contains("is there twice; name each folder once"), "{twice}");
    let lost = by(&[one], IndicatorName::Lost).to_string();
    assert!(lost.contains("cannot rank by lost; allowed: p99_response, "), "{lost}");
}

//! A share of the seeded histories that `examples/histories` runs in their hundred thousands.

use std::collections::BTreeMap;

use embedded_kafka::Defect;

#[path = "../examples/histories"]
mod histories {
    pub(crate) mod model;
}

use histories::model;

fn run(seed: u64, defect: Option<Defect>) -> model::Outcome {
    model::run(seed, defect, false)
}

#[test]
fn no_history_violates_an_invariant() {
    let mut faults = BTreeMap::new();
    for seed in 1..=200 {
        let outcome = run(seed, None);
        assert_eq!(outcome.violation, None, "seed {seed}");
        for (fault, count) in outcome.faults {
            *faults.entry(fault).or_insert(0) += count;
        }
    }
    assert_eq!(faults.len(), 11, "every kind of fault has struck: {faults:?}");
}

#[test]
fn the_same_seed_gives_the_same_requests_answers_and_logs() {
    for seed in 1..=20 {
        let (one, other) = (run(seed, None), model::run(seed, None, true));
        assert!(one.lines.is_empty() && other.lines.len() > 10, "only the second is to be read");
        assert_eq!(one.digest, other.digest, "seed {seed}");
        assert_eq!(one.operations, other.operations, "seed {seed}");
    }
    let digests = (1..=20).map(|seed| (seed, run(seed, None).digest));
    let mut distinct: Vec<u64> = digests.clone().map(|(_, digest)| digest).collect();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(distinct.len(), 20, "other seeds are other histories");
    assert_ne!(model::combine(digests), 0);
}

/// The first history from `seed` on that a planted bug spoils. What a seed draws changes whenever
/// the cluster does, so the next few are looked at as well.
fn caught(defect: Defect, seed: u64, invariant: &str) {
    const HISTORIES: u64 = 60;
    for seed in seed..seed + HISTORIES {
        let violation = run(seed, Some(defect)).violation;
        if violation.is_some_and(|violation| violation.invariant == invariant) {
            assert_eq!(run(seed, None).violation, None, "seed {seed} without {defect:?}");
            return;
        }
    }
    panic!("{defect:?} does not violate {invariant} within {HISTORIES} histories");
}

#[test]
fn a_high_watermark_moved_too_early_loses_what_was_acknowledged() {
    caught(Defect::HighWatermarkTooEarly, 72, "acknowledged");
}

#[test]
fn a_high_watermark_moved_too_early_lets_consumers_read_what_goes() {
    caught(Defect::HighWatermarkTooEarly, 9, "offsets");
}

#[test]
fn truncation_to_the_high_watermark_makes_replicas_differ() {
    caught(Defect::TruncateToHighWatermark, 600, "agreement");
}

#[test]
fn a_zombie_leader_makes_replicas_differ() {
    caught(Defect::ZombieLeaderNotFenced, 7, "agreement");
}

#[test]
fn a_partition_given_before_it_is_released_has_two_owners() {
    caught(Defect::ReleaseNotAwaited, 1, "owners");
}

#[test]
fn a_sync_before_the_assignment_leaves_partitions_without_an_owner() {
    caught(Defect::SyncBeforeAssignment, 4, "ownership");
}

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
    let kinds = ["crash", "leader move", "connection loss"];
    assert!(kinds.iter().all(|kind| faults.get(kind) > Some(&10)), "{faults:?}");
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

use super::*;

const TRIAL: u32 = 7;

fn oracle() -> Oracle {
    Oracle::new(&plan())
}

/// Ten messages a second from the epoch on.
fn plan() -> OraclePlan {
    let spec: workloads::WorkloadSpec = serde_json::from_value(serde_json::json!({
        "events": { "market_data":
            { "symbols": 2, "correlation": 0.5, "volatility": 0.2, "skew": 0.0 } },
        "arrival": { "rate_per_s": 10.0, "shape": "constant" },
    }))
    .unwrap();
    let workload = spec.validate(std::time::Duration::from_secs(10)).unwrap();
    OraclePlan {
        trial: TRIAL,
        keys: 2,
        symbols: 2,
        partitions: 2,
        guarantee: Guarantee::AtLeastOnce,
        arrival: workload.arrival().clone(),
        origin_us: 0,
    }
}

/// Messages alternate between two keys: position p has key p % 2 and sequence p / 2.
fn stamp(position: u64) -> Stamp {
    let (key, sequence) = ((position % 2) as u32, (position / 2) as u32);
    let intended_us = position * 100_000;
    Stamp { schema_version: 1, trial: TRIAL, position, intended_us, key, sequence }
}

fn describe(position: u64) -> String {
    format!("message {position}")
}

/// Sends and acknowledges `sent` messages, observes `results`, and returns the delivery check.
fn check(sent: u64, results: &[u64]) -> Delivery {
    let ledger = Ledger::new(sent);
    (0..sent).for_each(|position| {
        ledger.sending(position);
        ledger.acknowledged(position);
    });
    let mut oracle = oracle();
    results.iter().for_each(|position| {
        oracle.observe(&ledger, Some(&stamp(*position)));
    });
    oracle.verify(&ledger, None, describe)
}

fn found(delivery: &Delivery) -> [u64; 4] {
    [delivery.lost, delivery.duplicated, delivery.reordered, delivery.unexpected]
}

#[test]
fn a_message_that_was_sent_twice_may_have_two_results_and_no_more() {
    let ledger = Ledger::new(3).with_repeats();
    (0..3).for_each(|position| ledger.sending(position));
    (0..3).for_each(|position| ledger.acknowledged(position));
    ledger.repeating(1);
    let mut oracle = oracle();
    for position in [0, 1, 1, 2] {
        oracle.observe(&ledger, Some(&stamp(position)));
    }
    assert_eq!(found(&oracle.verify(&ledger, None, describe)), [0, 0, 0, 0]);
    oracle.observe(&ledger, Some(&stamp(1)));
    oracle.observe(&ledger, Some(&stamp(2)));
    assert_eq!(found(&oracle.verify(&ledger, None, describe)), [0, 2, 0, 0]);
}

#[test]
fn a_key_that_moves_has_an_order_before_and_an_order_after() {
    // By their CRC-32, the first key moves from 1 partition to 7, and of 7 the second does not.
    let seen = |partitions: i32, results: &[u64]| {
        let ledger = Ledger::new(20);
        ledger.eras.note(0, 1);
        ledger.eras.note(10, partitions);
        (0..20).for_each(|position| ledger.sending(position));
        let mut oracle = oracle();
        for position in results {
            oracle.observe(&ledger, Some(&stamp(*position)));
        }
        found(&oracle.verify(&ledger, None, describe))[2]
    };
    let moved: Vec<bool> =
        (0..2).map(|key| partition_of(workloads::Symbol::of(key).as_bytes(), 7) != 0).collect();
    for (key, moved) in (0u64..).zip(moved) {
        let late = [8 + key, 12 + key, 6 + key];
        assert_eq!(seen(7, &late), 1, "6 comes after 8");
        let across = [12 + key, 8 + key];
        assert_eq!(seen(7, &across), u64::from(!moved));
        assert_eq!(seen(1, &across), 1, "nothing moved");
        assert_eq!(seen(7, &[14 + key, 12 + key]), 1, "both come after the move");
    }
}

#[test]
fn a_clean_run_raises_nothing() {
    assert_eq!(found(&check(6, &[0, 1, 2, 3, 4, 5])), [0, 0, 0, 0]);
}

#[test]
fn keys_may_overtake_each_other() {
    assert_eq!(found(&check(6, &[1, 3, 5, 0, 2, 4])), [0, 0, 0, 0]);
}

#[test]
fn a_duplicate_does_not_hide_a_loss() {
    let delivery = check(4, &[0, 1, 2, 2]);
    assert_eq!(found(&delivery), [1, 1, 0, 0]);
    assert_eq!(delivery.lost_examples[0], "message 3");
}

#[test]
fn a_swap_within_a_key_is_one_reordering() {
    assert_eq!(found(&check(6, &[0, 1, 4, 2, 3, 5])), [0, 0, 1, 0]);
}

#[test]
fn a_repetition_from_further_back_is_no_reordering() {
    assert_eq!(found(&check(6, &[0, 1, 2, 3, 0, 1, 2, 3, 4, 5])), [0, 4, 0, 0]);
}

#[test]
fn results_that_belong_to_nothing_are_unexpected() {
    let ledger = Ledger::new(4);
    ledger.sending(0);
    let mut oracle = oracle();
    oracle.observe(&ledger, None);
    oracle.observe(&ledger, Some(&stamp(3)));
    oracle.observe(&ledger, Some(&Stamp { trial: TRIAL + 1, ..stamp(0) }));
    oracle.observe(&ledger, Some(&Stamp { key: 99, ..stamp(0) }));
    assert_eq!(found(&oracle.verify(&ledger, None, describe)), [0, 0, 0, 4]);
}

#[test]
fn a_result_of_a_message_whose_send_failed_is_unexpected() {
    let ledger = Ledger::new(2);
    (0..2).for_each(|position| ledger.sending(position));
    ledger.failed(1);
    let mut oracle = oracle();
    assert!(oracle.observe(&ledger, Some(&stamp(0))));
    assert!(!oracle.observe(&ledger, Some(&stamp(1))));
    let delivery = oracle.verify(&ledger, None, describe);
    assert_eq!((found(&delivery), delivery.observed), ([0, 0, 0, 1], 1));
}

#[test]
fn an_unknown_outcome_is_neither_lost_nor_failed() {
    let ledger = Ledger::new(3);
    (0..3).for_each(|position| ledger.sending(position));
    ledger.acknowledged(0);
    ledger.failed(1);
    let mut oracle = oracle();
    oracle.observe(&ledger, Some(&stamp(0)));
    let delivery = oracle.verify(&ledger, None, describe);
    assert_eq!((delivery.failed, delivery.unknown, delivery.lost), (1, 1, 0));
}

#[test]
fn more_findings_than_examples_are_all_counted() {
    let delivery = check(100, &[]);
    assert_eq!(delivery.lost, 100);
    assert_eq!(delivery.lost_examples.len(), EXAMPLES_MAX);
}

/// Positions 1 and 3 are not in the log, 2 and 3 have no result.
#[test]
fn what_the_log_lacks_is_told_apart_from_what_the_job_lost() {
    let ledger = Ledger::new(5);
    (0..5).for_each(|position| ledger.sending(position));
    (0..4).for_each(|position| ledger.acknowledged(position));
    let mut oracle = oracle();
    for position in [0, 1] {
        oracle.observe(&ledger, Some(&stamp(position)));
    }
    let log = SourceLog::new(5);
    log.note(0);
    log.note(2);
    let delivery = oracle.verify(&ledger, Some(&log), describe);
    let audit = delivery.audit.unwrap();
    assert_eq!((delivery.lost, audit.absent, audit.absent_and_lost), (2, 2, 1));
    assert!(!audit.explains(delivery.lost), "as many, but not the same");
}

/// What was found while these offsets of partition 1 were read, in this order.
fn read(offsets: &[i64]) -> (Option<u64>, u64) {
    let mut oracle = oracle();
    offsets.iter().for_each(|offset| oracle.read(1, *offset));
    let checks = oracle.check_harness(&Ledger::new(0), &[]);
    (checks.skipped, checks.rewound)
}

#[test]
fn offsets_must_be_read_one_after_the_other_from_the_first() {
    assert_eq!(read(&[]), (Some(0), 0));
    assert_eq!(read(&[0, 1, 2]), (Some(0), 0));
    assert_eq!(read(&[2, 3]), (Some(2), 0), "the beginning is missing");
    assert_eq!(read(&[0, 1, 7]), (Some(5), 0));
    assert_eq!(read(&[0, 1, 1, 2]), (Some(0), 1));
    assert_eq!(read(&[0, 1, 4, 5, 2, 3, 6]), (Some(2), 2), "two polls changed places");
    assert_eq!(read(&[i64::MAX, i64::MIN]), (Some(i64::MAX as u64), 1));
}

#[test]
fn what_was_not_read_at_the_end_is_skipped() {
    let left = |guarantee, ends: &[i64]| {
        let mut oracle = Oracle::new(&OraclePlan { guarantee, ..plan() });
        (0..5).for_each(|offset| oracle.read(1, offset));
        oracle.ended(ends);
        oracle.check_harness(&Ledger::new(0), &[]).skipped
    };
    assert_eq!(left(Guarantee::AtLeastOnce, &[0, 5]), Some(0));
    assert_eq!(left(Guarantee::AtLeastOnce, &[3, 7]), Some(5), "partition 0 was never read");
    assert_eq!(left(Guarantee::AtLeastOnce, &[0, 4]), Some(0), "the log was cut since");
    assert_eq!(left(Guarantee::ExactlyOnce, &[3, 7]), None);
}

#[test]
fn an_intended_time_off_the_schedule_by_a_microsecond_is_found() {
    let ledger = Ledger::new(10);
    let mut oracle = oracle();
    for position in 0..4 {
        ledger.sending(position);
        let late = u64::from(position == 2);
        let stamp = stamp(position);
        let stamp = Stamp { intended_us: stamp.intended_us + late, ..stamp };
        assert!(oracle.observe(&ledger, Some(&stamp)));
    }
    assert_eq!(oracle.check_harness(&ledger, &[]).misstamped, 1);
}

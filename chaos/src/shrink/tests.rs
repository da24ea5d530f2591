use std::cell::Cell;

use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;

const PLENTY: Limits = Limits { repeats: 5, confirm: 3, trials: 10_000 };

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

/// Numbers that can be left out, and a length that can be cut.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Toy {
    parts: Vec<u32>,
    length: u32,
}

impl Case for Toy {
    fn parts(&self) -> usize {
        self.parts.len()
    }

    fn only(&self, parts: &[usize]) -> Option<Self> {
        let parts = parts.iter().map(|part| self.parts[*part]).collect();
        Some(Self { parts, ..self.clone() })
    }

    fn respects(&self) -> usize {
        1
    }

    fn simpler(&self, _respect: usize) -> Vec<Self> {
        let lengths = [self.length / 4, self.length / 2, self.length * 3 / 4];
        let shorter = lengths.into_iter().filter(|length| *length < self.length);
        shorter.map(|length| Self { length, ..self.clone() }).collect()
    }
}

fn toy(parts: u32) -> Toy {
    Toy { parts: (0..parts).collect(), length: 100 }
}

/// It fails when it has all of these parts and is at least as long.
fn is_bad(case: &Toy, needed: &[u32], length: u32) -> bool {
    needed.iter().all(|part| case.parts.contains(part)) && case.length >= length
}

fn always() -> bool {
    true
}

fn said(fails: bool) -> Said {
    if fails { Said::Failed } else { Said::Kept }
}

#[test]
fn what_is_left_is_what_is_needed_exactly() {
    for needed in [&[0][..], &[19], &[3, 7], &[0, 19], &[4, 5, 6, 13]] {
        let found =
            shrink(toy(20), PLENTY, always, async |case: &Toy| said(is_bad(case, needed, 30)));
        let found = block_on(found);
        assert_eq!(found.case.parts, needed);
        assert!((30..40).contains(&found.case.length), "{:?}", found.case);
        assert!(found.is_complete);
        let each = Tally { failed: 3, tried: 3 };
        assert_eq!((found.before, found.after), (each, each));
    }
}

#[test]
fn what_fails_without_any_part_keeps_none() {
    let found = block_on(shrink(toy(9), PLENTY, always, async |_: &Toy| Said::Failed));
    assert_eq!(found.case, Toy { parts: Vec::new(), length: 0 });
}

#[test]
fn what_does_not_fail_again_is_left_as_it_is() {
    let found = block_on(shrink(toy(9), PLENTY, always, async |_: &Toy| Said::Kept));
    assert_eq!((found.case, found.before), (toy(9), Tally { failed: 0, tried: 3 }));
}

#[test]
fn what_was_seen_to_fail_only_once_is_shrunk_where_smaller_cases_fail() {
    let found = block_on(shrink(toy(8), PLENTY, always, async |case: &Toy| {
        said(case.parts.len() < 8 && is_bad(case, &[2, 5], 0))
    }));
    assert_eq!((found.case.parts, found.before.failed), (vec![2, 5], 0));
}

proptest! {
    #[test]
    fn every_part_left_is_needed_and_few_questions_are_asked(
        size in 1_usize..40,
        needed in proptest::collection::btree_set(0_usize..40, 0..6),
    ) {
        let items: Vec<usize> = (0..size).collect();
        let asked = Cell::new(0);
        let needed: Vec<usize> = needed.into_iter().filter(|item| *item < size).collect();
        let found = block_on(ddmin(&items, async |items: &[usize]| {
            asked.set(asked.get() + 1);
            needed.iter().all(|item| items.contains(item))
        }));
        prop_assert_eq!(&found, &needed);
        prop_assert!(asked.get() <= size * size + 3 * size + 1);
    }

    /// Where parts can stand in for each other there are several smallest cases.
    #[test]
    fn no_part_can_be_left_out_of_what_is_left(
        size in 2_usize..24,
        bad in proptest::collection::vec(proptest::collection::btree_set(0_usize..24, 1..4), 1..4),
    ) {
        let items: Vec<usize> = (0..size).collect();
        let fails = |items: &[usize]| {
            items.len() == size || bad.iter().any(|bad| bad.iter().all(|b| items.contains(b)))
        };
        let found = block_on(ddmin(&items, async |items: &[usize]| fails(items)));
        prop_assert!(fails(&found));
        for left_out in 0..found.len() {
            let mut rest = found.clone();
            rest.remove(left_out);
            prop_assert!(!fails(&rest));
        }
    }
}

#[test]
fn a_flaky_failure_is_mostly_shrunk_to_what_is_needed_and_its_probability_is_told() {
    let (mut exact, mut failed, mut tried) = (0, 0, 0);
    let limits = Limits { repeats: 6, ..PLENTY };
    for seed in 0..200 {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let found = block_on(shrink(toy(8), limits, always, async |case: &Toy| {
            said(is_bad(case, &[2, 5], 0) && random.random_bool(0.6))
        }));
        // Whatever was let go, nothing that is needed is ever lost.
        assert!(is_bad(&found.case, &[2, 5], 0));
        exact += u32::from(found.case.parts == [2, 5]);
        failed += found.after.failed;
        tried += found.after.tried;
    }
    assert!(exact >= 150, "{exact} of 200");
    let share = f64::from(failed) / f64::from(tried);
    assert!((share - 0.6).abs() < 0.08, "{share}");
}

#[test]
fn rarer_failures_are_tried_more_often_before_they_are_let_go() {
    let repeats = |failed, tried| {
        let mut trials =
            Trials::new(Limits { repeats: 9, ..PLENTY }, always, async |_: &u8| Said::Kept);
        trials.expect(Tally { failed, tried });
        assert!(!block_on(trials.fails(&1)));
        trials.spent()
    };
    assert_eq!([repeats(3, 3), repeats(2, 3), repeats(1, 3), repeats(1, 30)], [2, 3, 5, 9]);
}

#[test]
fn no_more_is_tried_than_allowed_and_the_best_so_far_is_kept() {
    for trials in 0..40 {
        let limits = Limits { trials, ..PLENTY };
        let found =
            shrink(toy(20), limits, always, async |case: &Toy| said(is_bad(case, &[3, 7], 0)));
        let found = block_on(found);
        assert!(found.trials <= trials.max(3) + 3, "{} of {trials}", found.trials);
        assert!(is_bad(&found.case, &[3, 7], 0));
    }
}

#[test]
fn whoever_stops_keeps_what_was_found() {
    let left = Cell::new(8);
    let found = block_on(shrink(toy(20), PLENTY, always, async |case: &Toy| {
        left.set(left.get() - 1);
        if left.get() < 0 { Said::Stop } else { said(is_bad(case, &[3, 7], 0)) }
    }));
    assert!(is_bad(&found.case, &[3, 7], 0) && found.case.parts.len() < 20);
    assert_eq!((found.is_complete, found.after), (false, Tally::default()));
}

#[test]
fn when_the_time_is_over_the_best_so_far_is_still_counted() {
    let left = Cell::new(6);
    let may_go_on = || {
        left.set(left.get() - 1);
        left.get() >= 0
    };
    let found = shrink(toy(20), PLENTY, may_go_on, async |case: &Toy| said(is_bad(case, &[3], 0)));
    let found = block_on(found);
    assert!(found.case.parts.contains(&3) && found.case.parts.len() < 20);
    assert_eq!((found.is_complete, found.after.failed), (false, 3));
}

#[test]
fn a_case_of_which_nothing_can_be_told_is_let_go() {
    let found =
        block_on(shrink(toy(4), PLENTY, always, async |case: &Toy| match case.parts.len() {
            4 => Said::Failed,
            _ => Said::Nothing,
        }));
    assert_eq!(found.case.parts.len(), 4);
}

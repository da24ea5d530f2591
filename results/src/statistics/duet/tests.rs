use proptest::prelude::*;

use super::*;

/// Deviations that are symmetric, uncorrelated with their neighbours and of about 2 %.
fn noise(pairs: usize) -> Vec<f64> {
    let signs = [1.0, -1.0, -1.0, 1.0, -1.0, 1.0, 1.0, -1.0];
    (0..pairs).map(|pair| signs[pair % 8] * (0.01 + 0.001 * (pair * 7 % 23) as f64)).collect()
}

fn shifted(pairs: usize, change: f64) -> Vec<f64> {
    noise(pairs).into_iter().map(|ratio| ratio + f64::ln_1p(change)).collect()
}

#[test]
fn looks_are_at_stated_numbers_of_pairs() {
    assert_eq!(Rules::default().looks(), [9, 13, 19, 28, 41, 60]);
    assert_eq!(Rules { pairs_max: 9, ..Rules::default() }.looks(), [9]);
    assert_eq!(Rules { pairs_max: 11, ..Rules::default() }.looks(), [9, 11]);
}

#[test]
fn a_change_beyond_the_tolerance_fails_at_a_look() {
    let decision = decide(&shifted(9, 0.12), &Rules::default());
    assert_eq!(decision.outcome, Outcome::Fail);
    assert!(decision.low.unwrap() > 0.05 && decision.low.unwrap() < 0.12);
    assert!(decision.high.unwrap() > 0.12 && decision.next_look.is_none());
    assert!((decision.estimate.unwrap() - 0.12).abs() < 0.01);
}

#[test]
fn no_change_passes_at_a_look_and_waits_between() {
    assert_eq!(decide(&shifted(9, 0.0), &Rules::default()).outcome, Outcome::Pass);
    let between = decide(&shifted(11, 0.0), &Rules::default());
    assert_eq!((between.outcome, between.next_look), (Outcome::Extend, Some(13)));
    assert!(between.high.unwrap() < 0.05);
}

#[test]
fn at_the_tolerance_itself_it_extends_and_ends_inconclusive() {
    for pairs in [9, 13, 19, 28, 41] {
        let decision = decide(&shifted(pairs, 0.05), &Rules::default());
        assert_eq!(decision.outcome, Outcome::Extend, "{decision:?}");
        assert!(decision.next_look.unwrap() > pairs);
    }
    for pairs in [60, 100] {
        let decision = decide(&shifted(pairs, 0.05), &Rules::default());
        assert_eq!((decision.outcome, decision.pairs), (Outcome::Inconclusive, 60));
        assert_eq!(decision.next_look, None);
        assert!(decision.detectable.unwrap() > 0.05);
    }
}

#[test]
fn too_few_pairs_have_no_interval() {
    for pairs in [0, 1, 5] {
        let decision = decide(&shifted(pairs, 0.5), &Rules::default());
        assert_eq!((decision.outcome, decision.next_look), (Outcome::Extend, Some(9)));
        assert_eq!((decision.low, decision.high, decision.detectable), (None, None, None));
    }
}

#[test]
fn the_interval_is_that_of_the_signed_rank_test_at_the_looks_level() {
    // At the first look one of 512 choices of signs: between the first and the last value. That is
    // the fewest pairs: one of 256 is more than may be spent.
    let ratios = shifted(9, 0.0);
    let decision = decide(&ratios, &Rules::default());
    let (low, high) = paired::signed_rank_interval(&ratios, 1.0 - 2.0 / 512.0).unwrap();
    assert_eq!(decision.low, Some(low.exp_m1()));
    assert_eq!(decision.high, Some(high.exp_m1()));
    assert_eq!(decision.level, 1.0 / 512.0);
}

#[test]
fn correlated_neighbours_are_pooled_and_decide_later() {
    // Each value four times: as much as a quarter of the pairs.
    let repeated: Vec<f64> = shifted(15, 0.12).into_iter().flat_map(|ratio| [ratio; 4]).collect();
    let decision = decide(&repeated[..19], &Rules::default());
    assert!(decision.lag1.unwrap() > 0.5 && decision.pooled >= 2);
    assert_eq!((decision.outcome, decision.low), (Outcome::Extend, None));
    let decision = decide(&repeated, &Rules::default());
    assert!(decision.pooled >= 2 && decision.outcome == Outcome::Fail, "{decision:?}");
}

#[test]
fn what_cannot_be_used_is_inconclusive() {
    let mut ratios = shifted(10, 0.5);
    ratios[3] = f64::NAN;
    let decision = decide(&ratios, &Rules::default());
    assert_eq!((decision.outcome, decision.next_look), (Outcome::Inconclusive, None));
    let default = Rules::default();
    for rules in [
        Rules { tolerance: f64::NAN, ..default },
        Rules { tolerance: -1.0, ..default },
        Rules { alpha: 0.0, ..default },
        Rules { alpha: f64::NAN, ..default },
        Rules { pairs_min: 0, ..default },
        Rules { pairs_max: 8, ..default },
    ] {
        let decision = decide(&shifted(10, 0.5), &rules);
        assert_eq!(decision.outcome, Outcome::Inconclusive, "{rules:?}");
        assert!(rules.looks().is_empty() && decision.low.is_none());
    }
}

proptest! {
    #[test]
    fn a_slower_candidate_never_looks_better(
        ratios in prop::collection::vec(-0.3f64..0.3, 10..=60),
        slower in 0.0f64..0.5,
    ) {
        let rules = Rules::default();
        let before = decide(&ratios, &rules);
        let slowed: Vec<f64> = ratios.iter().map(|ratio| ratio + slower).collect();
        let after = decide(&slowed, &rules);
        prop_assert!(before.outcome != Outcome::Fail || after.outcome == Outcome::Fail);
        prop_assert!(after.outcome != Outcome::Pass || before.outcome == Outcome::Pass);
        prop_assert!(before.low.is_none() || before.low <= after.low.map(|low| low + 1e-9));
    }
}

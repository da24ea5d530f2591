//! Several tests at once.

/// Which of several tests reject, so that a false rejection among all of them has a probability
/// of `alpha` at most, however they depend on each other. In the order of `p_values`; a p value
/// that is NaN rejects nothing and still counts as a test.
///
/// Source: Holm, "A simple sequentially rejective multiple test procedure", 1979.
pub fn holm(p_values: &[f64], alpha: f64) -> Vec<bool> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|&a, &b| p_values[a].total_cmp(&p_values[b]));
    // Of either sign, NaN belongs behind every probability.
    order.sort_by_key(|&index| p_values[index].is_nan());
    let mut rejected = vec![false; p_values.len()];
    for (done, index) in order.into_iter().enumerate() {
        let left = (p_values.len() - done) as f64;
        // NaN must stop here, too.
        if p_values[index].is_nan() || p_values[index] > alpha / left {
            break;
        }
        rejected[index] = true;
    }
    rejected
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_holms_method_worked_by_hand() {
        // 0.005 ≤ 0.05/4 and 0.01 ≤ 0.05/3 reject; 0.03 > 0.05/2 stops.
        assert_eq!(holm(&[0.01, 0.04, 0.03, 0.005], 0.05), [true, false, false, true]);
    }

    #[test]
    fn one_test_is_held_to_alpha_itself() {
        assert_eq!(holm(&[0.05], 0.05), [true]);
        assert_eq!(holm(&[0.0501], 0.05), [false]);
        assert!(holm(&[], 0.05).is_empty());
    }

    #[test]
    fn nan_rejects_nothing_and_counts_as_a_test() {
        assert_eq!(holm(&[-f64::NAN, 0.02, f64::NAN], 0.05), [false, false, false]);
        assert_eq!(holm(&[f64::NAN, 0.02], 0.05), [false, true]);
    }
}

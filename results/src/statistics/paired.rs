//! The centre of paired differences, and its interval.
//!
//! All that is assumed is that each difference is symmetric about the centre and that their signs
//! are independent. When the order within each pair is drawn at random that holds by
//! construction, whatever the noise. Equal differences make the interval wider than stated, never
//! narrower.

use super::signed_rank;

/// The median of the averages of all pairs of values, each value with itself included: a centre
/// that is nearly as efficient as the mean on normal noise, and that outliers hardly move. `None`
/// when there are no values, or one is not finite. The work grows with n².
///
/// Source: Hodges and Lehmann, "Estimates of location based on rank tests", 1963.
pub fn hodges_lehmann(values: &[f64]) -> Option<f64> {
    super::median(&averages(values)?)
}

/// The interval for the centre by Wilcoxon's signed rank test, two-sided, with at least the given
/// confidence; `None` when there are too few values to reach it, or one is not finite.
///
/// Exact for up to 100 values, approximate above.
///
/// Source: Tukey's inversion of the test, for example Hollander and Wolfe, "Nonparametric
/// Statistical Methods", section 3.3.
pub fn signed_rank_interval(values: &[f64], confidence: f64) -> Option<(f64, f64)> {
    let bounds = bounds(values, (1.0 - confidence) / 2.0)?;
    Some((bounds.low, bounds.high))
}

/// A lower and an upper bound, each wrong with probability [`Bounds::level`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Bounds {
    /// The lower bound.
    pub(super) low: f64,
    /// The upper bound.
    pub(super) high: f64,
    /// How probable it is that the centre is below the lower bound; as for the upper.
    pub(super) level: f64,
}

/// Bounds of which each is wrong with a probability of `level` at most; `None` when there are too
/// few values to reach it, or one is not finite.
pub(super) fn bounds(values: &[f64], level: f64) -> Option<Bounds> {
    if !(level > 0.0 && level < 0.5) {
        return None;
    }
    let (rank, level) = signed_rank::critical(values.len(), level)?;
    let mut averages = averages(values)?;
    averages.sort_by(f64::total_cmp);
    let low = *averages.get(rank)?;
    let high = averages[averages.len() - 1 - rank];
    Some(Bounds { low, high, level })
}

/// The n(n+1)/2 averages of pairs (Walsh averages).
fn averages(values: &[f64]) -> Option<Vec<f64>> {
    if !values.iter().all(|value| value.is_finite()) {
        return None;
    }
    let mut averages = Vec::with_capacity(values.len() * (values.len() + 1) / 2);
    for (index, first) in values.iter().enumerate() {
        averages.extend(values[index..].iter().map(|second| first / 2.0 + second / 2.0));
    }
    Some(averages)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Hamilton's depression scale, before and after: Hollander and Wolfe, table 3.1.
    const DEPRESSION: [f64; 9] =
        [-0.952, 0.147, -1.022, -0.430, -0.620, -0.590, -0.490, 0.080, -0.010];

    #[test]
    fn a_centre_worked_by_hand() {
        // 1, 2, 10 and (1+2)/2, (1+10)/2, (2+10)/2: the middle two are 2 and 5.5.
        assert_eq!(hodges_lehmann(&[10.0, 1.0, 2.0]), Some(3.75));
        assert_eq!(hodges_lehmann(&[]), None);
        assert_eq!(hodges_lehmann(&[1.0, f64::NAN]), None);
    }

    #[test]
    fn the_published_example_of_the_signed_rank_interval() {
        // Hollander and Wolfe, examples 3.3 and 3.4: -0.46, and (-0.786, -0.010) at 96 %.
        let centre = hodges_lehmann(&DEPRESSION).unwrap();
        assert!((centre - -0.46).abs() < 1e-9, "{centre}");
        let (low, high) = signed_rank_interval(&DEPRESSION, 0.96).unwrap();
        assert!((low - -0.786).abs() < 1e-9 && (high - -0.010).abs() < 1e-9, "{low} {high}");
    }

    #[test]
    fn what_cannot_be_told_is_absent() {
        assert_eq!(signed_rank_interval(&[1.0, 2.0, 3.0, 4.0, 5.0], 0.95), None);
        assert_eq!(signed_rank_interval(&[1.0; 6], 0.95), Some((1.0, 1.0)));
        assert_eq!(signed_rank_interval(&[f64::INFINITY; 20], 0.95), None);
        assert_eq!(signed_rank_interval(&[1.0; 20], f64::NAN), None);
        assert_eq!(signed_rank_interval(&[1.0; 20], 1.0), None);
    }

    proptest! {
        #[test]
        fn the_interval_holds_the_centre_and_turns_with_the_sign(
            values in prop::collection::vec(-1e6f64..1e6, 8..40),
        ) {
            let (low, high) = signed_rank_interval(&values, 0.9).unwrap();
            let centre = hodges_lehmann(&values).unwrap();
            prop_assert!(low <= centre && centre <= high);
            let turned: Vec<f64> = values.iter().map(|value| -value).collect();
            prop_assert_eq!(signed_rank_interval(&turned, 0.9), Some((-high, -low)));
        }
    }
}

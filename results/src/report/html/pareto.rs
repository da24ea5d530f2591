//! Which of several offers are worth a thought: those that no other beats in every respect.

/// Whether each (cost, slowness) is Pareto-optimal, less being better in both: no other is at
/// least as good in both and better in one.
pub(super) fn optimal(offers: &[(f64, f64)]) -> Vec<bool> {
    let beats = |other: &(f64, f64), offer: &(f64, f64)| {
        other.0 <= offer.0 && other.1 <= offer.1 && (other.0 < offer.0 || other.1 < offer.1)
    };
    offers.iter().map(|offer| !offers.iter().any(|other| beats(other, offer))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_nothing_beats_is_optimal() {
        assert_eq!(
            optimal(&[(1.0, 9.0), (2.0, 5.0), (2.0, 6.0), (3.0, 5.0), (4.0, 1.0)]),
            [true, true, false, false, true]
        );
        assert_eq!(optimal(&[(1.0, 1.0), (1.0, 1.0)]), [true, true]);
        assert_eq!(optimal(&[]), [false; 0]);
    }
}

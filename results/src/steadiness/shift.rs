//! Do two parts of a series differ in level by more than chance?

use crate::statistics::median;

/// The standard errors by which a difference is held to be more than chance.
const ERRORS: f64 = 2.576;
/// The fewest rows of a part.
const PART_MIN: usize = 5;
/// An autocorrelation near 1 would leave no sample at all.
const CORRELATION_MAX: f64 = 0.8;
/// The share of differences between rows that is kept.
const KEPT: f64 = 0.9;
/// The mean square of a standard normal sample whose largest tenth is left out.
const KEPT_SQUARE: f64 = 0.6232;

/// The difference between two parts of a series of logarithms.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Shift {
    /// Mean of the later part less that of the earlier.
    pub(super) difference: f64,
    /// Its standard error.
    pub(super) error: f64,
}

impl Shift {
    /// Whether it is more than chance.
    pub(super) fn is_real(&self) -> bool {
        self.difference.abs() > ERRORS * self.error
    }
}

/// The shift between the first `cut` values and the rest; `None` when a part is too short.
///
/// The noise is taken to be AR(1). Its variance and autocorrelation come from the differences
/// between rows that are one and two apart, which a change of level or a drift hardly moves: their
/// mean squares are 2σ²(1 − ρ) and 2σ²(1 − ρ²). As ρ is known badly from few rows, 1 / √n is
/// added to it. Each part then counts as n (1 − ρ) / (1 + ρ) independent rows.
pub(super) fn at(values: &[f64], cut: usize) -> Option<Shift> {
    if cut < PART_MIN || values.len() < cut + PART_MIN {
        return None;
    }
    let (early, late) = values.split_at(cut);
    let (near, far) = (difference_square(values, 1), difference_square(values, 2));
    let estimate = if near > 0.0 { far / near - 1.0 } else { 0.0 };
    let rho = (estimate + 1.0 / (values.len() as f64).sqrt()).clamp(0.0, CORRELATION_MAX);
    let variance = near / (2.0 * (1.0 - rho));
    let rows_a_sample = (1.0 + rho) / (1.0 - rho);
    let samples = |part: &[f64]| part.len() as f64 / rows_a_sample;
    Some(Shift {
        difference: mean(late) - mean(early),
        error: (variance * (1.0 / samples(early) + 1.0 / samples(late))).sqrt(),
    })
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The mean square of the differences between rows that are `apart`, less their median, which is
/// a drift's; without the largest tenth, which may be a jump's.
fn difference_square(values: &[f64], apart: usize) -> f64 {
    let mut differences: Vec<f64> =
        values.iter().zip(&values[apart..]).map(|(early, late)| late - early).collect();
    let drift = median(&differences).unwrap_or(0.0);
    differences.iter_mut().for_each(|difference| *difference = (*difference - drift).powi(2));
    differences.sort_by(f64::total_cmp);
    differences.truncate(((differences.len() as f64 * KEPT).round() as usize).max(1));
    mean(&differences) / KEPT_SQUARE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shift_worked_by_hand() {
        // Differences one apart: 1 −1 1 −1 4 −1 1 −1 1, of median 1: without the 4 the mean square
        // is 4 · 4 / 8 = 2. Two apart: 0 0 0 3 3 0 0 0, of median 0: without one 3 it is 9 / 7. So
        // ρ is 9/14 − 1 + 1/√10 = −0.0409, taken as 0, and a part of 5 rows counts as 5.
        let values = [1.0, 2.0, 1.0, 2.0, 1.0, 5.0, 4.0, 5.0, 4.0, 5.0];
        let shift = at(&values, 5).unwrap();
        assert!((shift.difference - 3.2).abs() < 1e-12);
        let variance: f64 = 2.0 / KEPT_SQUARE / 2.0;
        assert!((shift.error - (2.0 * variance / 5.0).sqrt()).abs() < 1e-12);
        // 3.2 is 3.99 standard errors.
        assert!(shift.is_real());
    }

    #[test]
    fn parts_that_are_too_short_show_nothing() {
        assert_eq!(at(&[1.0; 9], 5), None);
        assert_eq!(at(&[1.0; 20], 4), None);
        assert_eq!(at(&[1.0; 20], 16), None);
        assert_eq!(at(&[1.0; 20], 10).map(|shift| shift.is_real()), Some(false));
    }
}

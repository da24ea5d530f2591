//! Where a series has settled.

/// With fewer batches than these the rule says nothing.
const BATCHES_MIN: usize = 4;

/// What [`mser`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WarmUp {
    /// The rows to leave out at the start, a multiple of the batch.
    pub rows: usize,
    /// Whether the series had settled in its first half. If not, it is too short to tell where it
    /// settles, or never does.
    pub settled: bool,
}

/// Where to cut a series so that the mean of the rest is known best: the cut that makes the
/// squared standard error of the mean of what is left smallest, looked for in the first half, on
/// averages of `batch` rows. `None` with fewer than four batches, or when a row is not finite.
///
/// Source: White, Cobb and Spratt, "A comparison of five steady-state truncation heuristics for
/// simulation", 2000.
pub fn mser(values: &[f64], batch: usize) -> Option<WarmUp> {
    let batch = batch.max(1);
    let batches: Vec<f64> =
        values.chunks_exact(batch).map(|rows| rows.iter().sum::<f64>() / batch as f64).collect();
    if batches.len() < BATCHES_MIN || !values.iter().all(|value| value.is_finite()) {
        return None;
    }
    let last = batches.len() / 2;
    let mean = batches.iter().sum::<f64>() / batches.len() as f64;
    // A later cut must be better by more than rounding makes it seem.
    let rounding = 1e-12 * mean * mean;
    let mut best = (0, f64::INFINITY);
    for cut in 0..=last {
        let error = squared_error(&batches[cut..]);
        if error + rounding < best.1 {
            best = (cut, error);
        }
    }
    Some(WarmUp { rows: best.0 * batch, settled: best.0 < last })
}

/// [`mser`] on averages of five rows, as its authors recommend it (MSER-5): for 20 rows or more.
pub fn mser5(values: &[f64]) -> Option<WarmUp> {
    mser(values, 5)
}

/// The sum of squared deviations over the square of the number of values.
fn squared_error(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n * n)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_start_that_differs_is_cut_off() {
        let mut rows = vec![50.0; 10];
        rows.extend((0..40).map(|row| f64::from(row % 3)));
        assert_eq!(mser5(&rows), Some(WarmUp { rows: 10, settled: true }));
    }

    #[test]
    fn a_cut_worked_by_hand() {
        // Averages of five: 8, 1, 0, 1, 0, 1. Squared errors: cut 0: 46.83/36 = 1.30; cut 1:
        // 1.2/25 = 0.048; cut 2: 1/16 = 0.0625; cut 3: 0.667/9 = 0.074.
        let rows: Vec<f64> =
            [8.0, 1.0, 0.0, 1.0, 0.0, 1.0].into_iter().flat_map(|value| [value; 5]).collect();
        assert_eq!(mser5(&rows), Some(WarmUp { rows: 5, settled: true }));
    }

    #[test]
    fn a_series_that_never_settles_says_so() {
        let rising: Vec<f64> = (0..60).map(f64::from).collect();
        assert_eq!(mser5(&rising), Some(WarmUp { rows: 30, settled: false }));
    }

    #[test]
    fn a_constant_needs_no_cut_and_too_little_says_nothing() {
        for constant in [3.0, 20f64.ln(), 1e9 / 3.0, 0.0] {
            let found = mser5(&[constant; 60]);
            assert_eq!(found, Some(WarmUp { rows: 0, settled: true }), "{constant}");
        }
        assert_eq!(mser5(&[3.0; 19]), None);
        assert_eq!(mser5(&[f64::NAN; 40]), None);
    }

    proptest! {
        #[test]
        fn the_cut_is_in_the_first_half(values in prop::collection::vec(-1e9f64..1e9, 20..200)) {
            let found = mser5(&values).unwrap();
            prop_assert!(found.rows <= values.len() / 2 && found.rows.is_multiple_of(5));
        }
    }
}

//! Straight lines with steps, fitted by least squares.

/// A line with one step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Fit {
    /// The first value after the step.
    pub(super) at: usize,
    /// How far the values step.
    pub(super) step: f64,
    /// How far they rise from one value to the next.
    pub(super) slope: f64,
}

/// Writes to `level` the values less their drift: the slope of the best line with one step. Both
/// are fitted at once, so that a step is not taken for drift nor drift for a step; and whatever
/// line is added to the values, the outcome stays the same.
pub(super) fn without_drift(values: &[f64], part_min: usize, level: &mut Vec<f64>) {
    level.clear();
    level.extend_from_slice(values);
    let slope = best_fit(values, part_min).map_or(0.0, |fit| fit.slope);
    for (index, value) in level.iter_mut().enumerate() {
        *value -= slope * index as f64;
    }
}

/// The line with one step that leaves the least squares, both parts having `part_min` values at
/// least; `None` when there are too few values.
pub(super) fn best_fit(values: &[f64], part_min: usize) -> Option<Fit> {
    best_fit_where(values, part_min, |_| true)
}

/// As [`best_fit`], with a step only where it is `allowed`.
pub(super) fn best_fit_where(
    values: &[f64],
    part_min: usize,
    allowed: impl Fn(usize) -> bool,
) -> Option<Fit> {
    let n = values.len();
    if part_min == 0 || n < 2 * part_min || n < 4 {
        return None;
    }
    let line = Line::through(values);
    // Of a step at τ, what no line explains: the step's correlation with what no line explains of
    // the values says how much it takes away.
    let mut after = 0.0;
    let mut best = (0.0, Fit { at: part_min, step: 0.0, slope: line.slope });
    for at in (part_min..n).rev() {
        after += line.rest(values, at);
        if at > n - part_min || !allowed(at) {
            continue;
        }
        let (left, right) = (at as f64, (n - at) as f64);
        let with_time = left * right / 2.0;
        let squares = left * right / n as f64 - with_time * with_time / line.time_squares;
        let taken = after * after / squares;
        if taken > best.0 {
            let step = after / squares;
            best =
                (taken, Fit { at, step, slope: line.slope - step * with_time / line.time_squares });
        }
    }
    Some(best.1)
}

/// A straight line by least squares, and what makes it.
struct Line {
    middle: f64,
    mean: f64,
    slope: f64,
    time_squares: f64,
}

impl Line {
    fn through(values: &[f64]) -> Line {
        let n = values.len() as f64;
        let middle = (n - 1.0) / 2.0;
        let mean = values.iter().sum::<f64>() / n;
        let time_squares = (n * n - 1.0) * n / 12.0;
        let products = |(index, value): (usize, &f64)| (index as f64 - middle) * (value - mean);
        let slope = values.iter().enumerate().map(products).sum::<f64>() / time_squares;
        Line { middle, mean, slope, time_squares }
    }

    /// What the line leaves of a value.
    fn rest(&self, values: &[f64], index: usize) -> f64 {
        values[index] - self.mean - self.slope * (index as f64 - self.middle)
    }
}

/// Takes the mean and the line out of `values`.
pub(super) fn remove_line(values: &mut [f64]) {
    let line = Line::through(values);
    for index in 0..values.len() {
        values[index] = line.rest(values, index);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_line_with_a_step_is_found_exactly() {
        let values: Vec<f64> =
            (0..30).map(|i| 2.0 + 0.5 * f64::from(i) + if i >= 12 { 7.0 } else { 0.0 }).collect();
        let fit = best_fit(&values, 5).unwrap();
        assert_eq!(fit.at, 12);
        assert!((fit.step - 7.0).abs() < 1e-9 && (fit.slope - 0.5).abs() < 1e-9, "{fit:?}");
    }

    #[test]
    fn too_few_values_have_no_fit() {
        assert_eq!(best_fit(&[1.0; 9], 5), None);
        assert_eq!(best_fit(&[], 0), None);
    }

    proptest! {
        #[test]
        fn what_is_left_does_not_depend_on_a_drift(
            values in prop::collection::vec(-1.0f64..1.0, 16..60),
            slope in -1.0f64..1.0,
        ) {
            let drifting: Vec<f64> =
                values.iter().enumerate().map(|(i, value)| value + slope * i as f64).collect();
            let (mut plain, mut without) = (Vec::new(), Vec::new());
            without_drift(&values, 5, &mut plain);
            without_drift(&drifting, 5, &mut without);
            // Two places of a step may be as good as each other but for rounding.
            let same = best_fit(&values, 5).unwrap().at == best_fit(&drifting, 5).unwrap().at;
            for (plain, without) in plain.iter().zip(&without) {
                prop_assert!(!same || (plain - without).abs() < 1e-7);
            }
        }
    }
}

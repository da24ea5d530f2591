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
        if at > n - part_min {
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

/// Levels between steps, with one slope for all of them, by least squares.
pub(super) struct Levels {
    /// Sums over the values before each index: of deviations from the mean of all values, of
    /// their squares, and of their products with the index.
    sums: Vec<[f64; 3]>,
}

/// A level's sums about its own means: of squares, of products with time, of time squared.
#[derive(Default)]
struct Level {
    squares: f64,
    products: f64,
    times: f64,
}

impl Levels {
    pub(super) fn of(values: &[f64]) -> Levels {
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let mut sums = vec![[0.0; 3]];
        let mut sum = [0.0; 3];
        for (index, value) in values.iter().enumerate() {
            let value = value - mean;
            sum = [sum[0] + value, sum[1] + value * value, sum[2] + value * index as f64];
            sums.push(sum);
        }
        Levels { sums }
    }

    /// How many values there are.
    pub(super) fn len(&self) -> usize {
        self.sums.len() - 1
    }

    /// The sum of squares that levels between `steps`, which must rise, leave.
    pub(super) fn squares(&self, steps: &[usize]) -> f64 {
        let all = self.pooled(steps);
        all.squares - all.products * all.products / all.times
    }

    /// What levels between `steps` leave of the `values`, of which this was made.
    pub(super) fn rest(&self, values: &[f64], steps: &[usize]) -> Vec<f64> {
        let all = self.pooled(steps);
        let slope = all.products / all.times;
        let mut rest = Vec::with_capacity(values.len());
        for (start, end) in self.bounds(steps) {
            let line = Line { slope, ..Line::through(&values[start..end]) };
            rest.extend((0..end - start).map(|index| line.rest(&values[start..end], index)));
        }
        rest
    }

    /// Where each level starts and ends.
    fn bounds(&self, steps: &[usize]) -> impl Iterator<Item = (usize, usize)> {
        let starts = [0].into_iter().chain(steps.iter().copied());
        starts.zip(steps.iter().copied().chain([self.len()]))
    }

    fn pooled(&self, steps: &[usize]) -> Level {
        self.bounds(steps).fold(Level::default(), |all, (start, end)| {
            let n = (end - start) as f64;
            let middle = (start + end - 1) as f64 / 2.0;
            let [sum, squares, products] =
                [0, 1, 2].map(|k| self.sums[end][k] - self.sums[start][k]);
            Level {
                squares: all.squares + squares - sum * sum / n,
                products: all.products + products - sum * middle,
                times: all.times + n * (n * n - 1.0) / 12.0,
            }
        })
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
    fn levels_with_a_slope_leave_nothing_of_themselves() {
        let level = |i: i32| [3.0, 9.0, -2.0][(i / 10) as usize];
        let values: Vec<f64> = (0..30).map(|i| level(i) - 0.25 * f64::from(i)).collect();
        let levels = Levels::of(&values);
        assert!(levels.squares(&[10, 20]) < 1e-9);
        assert!(levels.rest(&values, &[10, 20]).iter().all(|rest| rest.abs() < 1e-12));
        // Without the second step: 9 and -2 about their mean, with the slope 5.5 * 10 * 10 over
        // (10 * 99 + 20 * 399) / 12 less.
        let rest = levels.rest(&values, &[10]);
        let slope = -5.5 * 100.0 / ((990.0 + 7_980.0) / 12.0);
        assert!((rest[10] - (5.5 + 9.5 * slope)).abs() < 1e-12, "{}", rest[10]);
        let squares: f64 = rest.iter().map(|rest| rest * rest).sum();
        assert!((levels.squares(&[10]) - squares).abs() < 1e-9);
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

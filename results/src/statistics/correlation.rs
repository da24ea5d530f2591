//! How much each value of a series tells about the next.

/// The correlation between each value and the next, −1 to 1; `None` with fewer than three values,
/// when all are equal, or when one is not finite. Of independent values it is near −1/n, with a
/// standard deviation near 1/√n.
pub fn lag1(values: &[f64]) -> Option<f64> {
    if values.len() < 3 {
        return None;
    }
    let (deviations, squares) = deviations(values)?;
    Some(products(&deviations, 1) / squares)
}

/// How many independent values tell as much about the mean as these: n / (1 + 2 Σ ρ), with the
/// autocorrelations summed in neighbouring pairs as long as a pair is positive. At most n; n as
/// well when all values are equal or one is not finite.
///
/// Source: Geyer, "Practical Markov chain Monte Carlo", 1992, section 3.3 (initial positive
/// sequence).
pub fn effective_samples(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    let Some((deviations, squares)) = deviations(values) else { return n };
    let mut time = -1.0;
    for lag in (0..values.len()).step_by(2) {
        let pair = (products(&deviations, lag) + products(&deviations, lag + 1)) / squares;
        if pair <= 0.0 {
            break;
        }
        time += 2.0 * pair;
    }
    // A series that swings about its mean is worth more than n; that is not to be relied on.
    n / time.max(1.0)
}

/// The deviations from the mean and the sum of their squares; `None` when that is no positive
/// number.
fn deviations(values: &[f64]) -> Option<(Vec<f64>, f64)> {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let deviations: Vec<f64> = values.iter().map(|value| value - mean).collect();
    let squares = products(&deviations, 0);
    // Rounding may give even equal values a deviation.
    let varied = values.iter().any(|value| *value != values[0]);
    (varied && squares.is_finite() && squares > 0.0).then_some((deviations, squares))
}

fn products(deviations: &[f64], lag: usize) -> f64 {
    deviations.iter().zip(deviations.iter().skip(lag)).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lag1_worked_by_hand() {
        // Deviations -2, -1, 0, 1, 2: products 2 + 0 + 0 + 2 over squares 10.
        assert_eq!(lag1(&[1.0, 2.0, 3.0, 4.0, 5.0]), Some(0.4));
        // Deviations -1, 1, -1, 1: products -3 over 4.
        assert_eq!(lag1(&[0.0, 2.0, 0.0, 2.0]), Some(-0.75));
    }

    #[test]
    fn what_has_no_correlation_is_absent() {
        assert_eq!(lag1(&[1.0, 2.0]), None);
        assert_eq!(lag1(&[0.1; 30]), None);
        assert_eq!(lag1(&[1.0, 2.0, f64::NAN]), None);
        assert_eq!(effective_samples(&[0.1; 30]), 30.0);
        assert_eq!(effective_samples(&[]), 0.0);
    }

    #[test]
    fn effective_samples_worked_by_hand() {
        // Autocorrelations 1, 0.4, -0.1, -0.4, -0.4: the pair (1, 0.4) is positive, the next is
        // not: 5 / (2 * 1.4 - 1).
        let effective = effective_samples(&[1.0, 2.0, 3.0, 4.0, 5.0]);
        assert!((effective - 5.0 / 1.8).abs() < 1e-12, "{effective}");
        // A swing is not worth more than its length.
        assert_eq!(effective_samples(&[0.0, 2.0, 0.0, 2.0]), 4.0);
    }

    #[test]
    fn repeated_values_are_worth_one_each() {
        let independent: Vec<f64> = (0..200).map(|i| f64::from(i * 7919 % 1009)).collect();
        let repeated: Vec<f64> = independent.iter().flat_map(|value| [*value; 5]).collect();
        let worth = effective_samples(&repeated) / effective_samples(&independent);
        assert!((0.6..1.6).contains(&worth), "{worth}");
    }
}

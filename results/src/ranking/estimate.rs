//! One indicator of one contestant.

use serde::Serialize;

use crate::comparison::median_of_trials;
use crate::objectives::IndicatorName;
use crate::statistics::student::mean_interval;

/// Confidence of every interval in a ranking.
pub(super) const CONFIDENCE: f64 = 0.95;

/// An indicator over the trials of a contestant, in the indicator's unit.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Estimate {
    /// The median over the trials; for counts of messages the worst trial's.
    pub value: f64,
    /// The 95 % interval for the typical trial: Student's over the logarithms, so it is for the
    /// geometric mean. Absent with one trial, with a value that is zero or absent, and for counts.
    pub interval: Option<(f64, f64)>,
    /// The values of the trials, by seed; absent where it was not measured or never recovered.
    pub values: Vec<Option<f64>>,
}

impl Estimate {
    /// `None` when half of the trials or more have no value.
    pub(super) fn new(indicator: IndicatorName, values: Vec<Option<f64>>) -> Option<Estimate> {
        if indicator.counts_messages() {
            let value = values.iter().flatten().copied().reduce(f64::max)?;
            return Some(Estimate { value, interval: None, values });
        }
        let value = median_of_trials(&values)?;
        let interval = logarithms(&values)
            .and_then(|logarithms| mean_interval(&logarithms, CONFIDENCE))
            .map(|(low, high)| (low.exp(), high.exp()))
            .filter(|(low, high)| low.is_finite() && high.is_finite());
        Some(Estimate { value, interval, values })
    }
}

/// The natural logarithms, if every value is there and above zero.
pub(super) fn logarithms(values: &[Option<f64>]) -> Option<Vec<f64>> {
    values.iter().map(|value| value.filter(|value| *value > 0.0).map(f64::ln)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn p99(values: &[Option<f64>]) -> Option<Estimate> {
        Estimate::new(IndicatorName::P99Response, values.to_vec())
    }

    #[test]
    fn an_interval_is_over_ratios() {
        // Logarithms 0, ln 2, ln 4: mean ln 2, error ln 2 / √3, t(0.975; 2) = 4.30265.
        let found = p99(&[Some(1.0), Some(2.0), Some(4.0)]).unwrap();
        let (low, high) = found.interval.unwrap();
        let factor = (2f64.ln() / 3f64.sqrt() * 4.302_65).exp();
        assert_eq!(found.value, 2.0);
        assert!((high - 2.0 * factor).abs() < 1e-4 && (low - 2.0 / factor).abs() < 1e-4);
    }

    #[test]
    fn what_cannot_be_told_has_no_interval() {
        assert_eq!(p99(&[Some(3.0)]).unwrap().interval, None);
        assert_eq!(p99(&[Some(3.0), Some(0.0)]).unwrap().interval, None);
        assert_eq!(p99(&[Some(3.0), Some(4.0), None]).unwrap().interval, None);
        assert_eq!(p99(&[Some(3.0), None]), None);
    }

    #[test]
    fn a_loss_in_one_trial_is_a_loss() {
        let lost = Estimate::new(IndicatorName::Lost, vec![Some(0.0), Some(7.0), Some(0.0)]);
        assert_eq!(lost.unwrap().value, 7.0);
    }
}

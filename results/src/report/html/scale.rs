//! Axes: where a value lies, and which values are written beside the axis.

use crate::report::format::count;

/// No axis goes further: a hostile number must not push the others into one pixel row of infinity.
const AXIS_MAX: f64 = 1e15;
/// An axis of smaller values than this would be one of rounding errors.
const AXIS_MIN: f64 = 1e-6;
/// The least value on a logarithmic axis; smaller ones lie on its end.
const LOG_MIN: f64 = 1e-3;

/// An axis from one value to another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Scale {
    low: f64,
    high: f64,
    /// Distance of ticks; absent on a logarithmic axis.
    step: Option<f64>,
}

impl Scale {
    /// From zero to a round number not below any of the values, with about `ticks` steps.
    pub(super) fn linear(values: impl Iterator<Item = f64>, ticks: usize) -> Scale {
        let top = usable(values).fold(0.0, f64::max);
        let top = if top > AXIS_MIN { top } else { 1.0 };
        let step = round_step(top / ticks.max(1) as f64);
        Scale { low: 0.0, high: (top / step - 1e-9).ceil() * step, step: Some(step) }
    }

    /// As [`Scale::linear`], for what is counted in whole numbers.
    pub(super) fn whole(values: impl Iterator<Item = f64>, ticks: usize) -> Scale {
        let scale = Scale::linear(values, ticks);
        match scale.step {
            Some(step) if step < 1.0 => Scale { high: scale.high.ceil(), step: Some(1.0), ..scale },
            _ => scale,
        }
    }

    /// From a 1, 2 or 5 times a power of ten not above any of the values to one not below any.
    pub(super) fn logarithmic(values: impl Iterator<Item = f64>) -> Scale {
        let positive = usable(values).map(|value| value.max(LOG_MIN));
        let (low, high) =
            positive.fold((f64::INFINITY, 0.0f64), |(low, high), v| (low.min(v), high.max(v)));
        if high == 0.0 {
            return Scale { low: 1.0, high: 10.0, step: None };
        }
        let (below, above) = (round_below(low), round_above(high));
        let above = if above > below { above } else { round_above(below * 1.5) };
        Scale { low: below, high: above, step: None }
    }

    /// From 0 to `high_s`, of time in seconds, with about `ticks` steps.
    pub(super) fn time(high_s: f64, ticks: usize) -> Scale {
        let sane = high_s.is_finite() && high_s > 0.0;
        let high = if sane { high_s.min(AXIS_MAX) } else { 1.0 };
        let wanted = high / ticks.max(1) as f64;
        let round = [1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0];
        let step = round.into_iter().find(|step| *step >= 0.9 * wanted);
        let hours = || (round_step(wanted / 3600.0) * 3600.0).max(3600.0);
        Scale { low: 0.0, high, step: Some(step.unwrap_or_else(hours)) }
    }

    /// Between two values, without round ends.
    pub(super) fn between(low: f64, high: f64) -> Scale {
        Scale { low, high: if high > low { high } else { low + 1.0 }, step: Some(1.0) }
    }

    /// The value at its high end.
    pub(super) fn high(&self) -> f64 {
        self.high
    }

    /// Where `value` lies, 0 at the low end to 1 at the high one; what lies outside is moved to
    /// the nearer end. `None` for what is no number.
    pub(super) fn share(&self, value: f64) -> Option<f64> {
        if value.is_nan() {
            return None;
        }
        let value = value.clamp(self.low, self.high);
        let share = match self.step {
            Some(_) => (value - self.low) / (self.high - self.low),
            None => (value / self.low).ln() / (self.high / self.low).ln(),
        };
        share.is_finite().then_some(share)
    }

    /// The values to write beside the axis, at most `most`.
    pub(super) fn ticks(&self, most: usize) -> Vec<f64> {
        match self.step {
            Some(step) => {
                let first = (self.low / step).ceil();
                let number = ((self.high / step + 1e-9).floor() - first).clamp(0.0, 1e3) as usize;
                let every = (number / most.max(1) + 1).max(1);
                (0..=number).step_by(every).map(|index| (first + index as f64) * step).collect()
            }
            None => self.log_ticks(most),
        }
    }

    fn log_ticks(&self, most: usize) -> Vec<f64> {
        let first = self.low.log10().floor() as i32;
        let last = self.high.log10().ceil() as i32;
        let within =
            |value: &f64| *value >= self.low * (1.0 - 1e-9) && *value <= self.high * (1.0 + 1e-9);
        let of = |factors: &[f64], every: usize| -> Vec<f64> {
            let decades = (first..=last).step_by(every);
            let values = decades.flat_map(|d| factors.iter().map(move |f| f * 10f64.powi(d)));
            values.filter(within).collect()
        };
        let every = of(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0], 1);
        let finest = of(&[1.0, 2.0, 5.0], 1);
        if finest.len() < 3 && every.len() <= most {
            return every;
        }
        if finest.len() <= most {
            return finest;
        }
        (1..=20).map(|every| of(&[1.0], every)).find(|t| t.len() <= most).unwrap_or_default()
    }
}

fn usable(values: impl Iterator<Item = f64>) -> impl Iterator<Item = f64> {
    values.filter(|value| value.is_finite() && *value >= 0.0).map(|value| value.min(AXIS_MAX))
}

/// 1, 2 or 5 times a power of ten, not below `wanted`.
fn round_step(wanted: f64) -> f64 {
    round_above(wanted.max(1e-9))
}

fn round_above(value: f64) -> f64 {
    let power = 10f64.powi(value.log10().floor() as i32);
    let factors = [1.0, 2.0, 5.0, 10.0];
    factors.map(|f| f * power).into_iter().find(|v| *v >= value * (1.0 - 1e-9)).unwrap_or(value)
}

fn round_below(value: f64) -> f64 {
    let power = 10f64.powi(value.log10().floor() as i32);
    let factors = [5.0, 2.0, 1.0];
    factors.map(|f| f * power).into_iter().find(|v| *v <= value * (1.0 + 1e-9)).unwrap_or(power)
}

/// A number for an axis: `0.05`, `20`, `1.5k`, `2M`.
pub(super) fn number_tick(value: f64) -> String {
    let (scaled, unit) = match value.abs() {
        large if large >= 1e9 => (value / 1e9, "G"),
        large if large >= 1e6 => (value / 1e6, "M"),
        large if large >= 1e4 => (value / 1e3, "k"),
        large if large >= 1e3 => return count(value.round() as u64),
        _ => (value, ""),
    };
    format!("{}{unit}", short(scaled))
}

/// A duration in milliseconds for an axis: `200 µs`, `5 ms`, `2 s`, `1,000 s`.
pub(super) fn milliseconds_tick(ms: f64) -> String {
    if ms < 0.9995 {
        format!("{} µs", short(ms * 1e3))
    } else if ms < 999.5 {
        format!("{} ms", short(ms))
    } else {
        format!("{} s", number_tick(ms / 1e3))
    }
}

/// A time for an axis: `0`, `30 s`, `5 min`, `2 h`, in the unit that fits the axis' step.
pub(super) fn time_tick(s: f64) -> String {
    let hours = (s / 3600.0).abs();
    if s.abs() < 0.5 {
        "0".to_owned()
    } else if s.abs() < 120.0 || s % 60.0 != 0.0 {
        format!("{} s", short(s))
    } else if hours >= 2.0 && s % 1800.0 == 0.0 {
        format!("{} h", short(s / 3600.0))
    } else {
        format!("{} min", short(s / 60.0))
    }
}

/// A few digits, without zeros at the end.
fn short(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn linear(top: f64, ticks: usize) -> Vec<f64> {
        Scale::linear([top].into_iter(), ticks).ticks(10)
    }

    #[test]
    fn linear_axes_end_at_round_numbers() {
        assert_eq!(linear(3_500.0, 4), [0.0, 1_000.0, 2_000.0, 3_000.0, 4_000.0]);
        assert_eq!(linear(24.0, 4), [0.0, 10.0, 20.0, 30.0]);
        assert_eq!(linear(0.0, 2), [0.0, 0.5, 1.0]);
        assert_eq!(Scale::whole([0.0].into_iter(), 4).ticks(9), [0.0, 1.0]);
        assert_eq!(Scale::linear([40.0].into_iter(), 4).share(10.0), Some(0.25));
    }

    #[test]
    fn logarithmic_axes_hold_every_value_between_round_ends() {
        let scale = Scale::logarithmic([14.0, 4_870.0].into_iter());
        assert_eq!(scale.ticks(4), [10.0, 100.0, 1_000.0]);
        assert_eq!(scale.ticks(9), [10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1e3, 2e3, 5e3]);
        assert_eq!(scale.share(10.0), Some(0.0));
        assert_eq!(scale.share(5_000.0), Some(1.0));
        // Zero has no logarithm and lies at the end.
        assert_eq!(scale.share(0.0), Some(0.0));
        assert_eq!(scale.share(f64::NAN), None);
        let one = Scale::logarithmic([20.0].into_iter());
        assert!(one.share(20.0).is_some() && one.ticks(4).len() > 1);
        assert_eq!(Scale::logarithmic(std::iter::empty()).ticks(3), [1.0, 10.0]);
    }

    #[test]
    fn time_has_the_steps_of_clocks() {
        let ticks = |high, number| Scale::time(high, number).ticks(9);
        assert_eq!(ticks(15.1, 4), [0.0, 5.0, 10.0, 15.0]);
        assert_eq!(ticks(3_600.0, 4), [0.0, 900.0, 1_800.0, 2_700.0, 3_600.0]);
        assert_eq!(ticks(86_400.0, 4), [0.0, 36_000.0, 72_000.0]);
        assert_eq!([0.0, 90.0, 900.0, 7_200.0].map(time_tick), ["0", "90 s", "15 min", "2 h"]);
    }

    #[test]
    fn ticks_read_well() {
        let numbers = [0.0, 0.05, 20.0, 1_500.0, 20_000.0, 2.5e6].map(number_tick);
        assert_eq!(numbers, ["0", "0.05", "20", "1,500", "20k", "2.5M"]);
        let times = [0.2, 5.0, 200.0, 2_000.0, 1e6].map(milliseconds_tick);
        assert_eq!(times, ["200 µs", "5 ms", "200 ms", "2 s", "1,000 s"]);
    }

    proptest! {
        #[test]
        fn whatever_comes_lies_on_the_axis(values in prop::collection::vec(any::<f64>(), 0..20)) {
            let all = || values.iter().copied();
            for scale in [Scale::linear(all(), 4), Scale::whole(all(), 3), Scale::logarithmic(all())]
            {
                for value in &values {
                    match scale.share(*value) {
                        Some(share) => prop_assert!((0.0..=1.0).contains(&share)),
                        None => prop_assert!(value.is_nan()),
                    }
                }
                let ticks = scale.ticks(6);
                prop_assert!(ticks.len() <= 7, "{ticks:?}");
                prop_assert!(ticks.iter().all(|tick| tick.is_finite()));
            }
        }
    }
}

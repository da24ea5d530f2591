//! What was counted, held against its target.

use results::statistics::share_interval;

/// The largest share of errors, and the largest upper bound of it (one-sided, 95 %).
pub const ERRORS_MAX: (f64, f64) = (0.01, 0.017);
/// The smallest share of changes found.
pub const FOUND_MIN: f64 = 0.95;

/// What is wanted of a share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// Errors: at most [`ERRORS_MAX`].
    Errors,
    /// Changes found: at least [`FOUND_MIN`].
    Found,
    /// Shown for information.
    None,
}

/// One line of the table.
#[derive(Debug, Clone)]
pub struct Line {
    /// What was counted.
    pub what: String,
    /// The kind of noise.
    pub noise: String,
    /// How many had it.
    pub count: u64,
    /// Of how many trials.
    pub trials: u64,
    /// What is wanted.
    pub target: Target,
}

impl Line {
    /// Whether the target is met; nothing wanted is met.
    pub fn met(&self) -> bool {
        let share = self.count as f64 / self.trials as f64;
        match self.target {
            Target::Errors => share <= ERRORS_MAX.0 && self.upper() <= ERRORS_MAX.1,
            Target::Found => share >= FOUND_MIN,
            Target::None => true,
        }
    }

    /// The upper bound of the share, with a confidence of 95 %.
    fn upper(&self) -> f64 {
        // Two-sided at 90 %: each side errs by 5 %.
        share_interval(self.count, self.trials, 0.9).map_or(1.0, |(_, high)| high)
    }

    /// A row of a markdown table.
    pub fn row(&self) -> String {
        let percent = |share: f64| format!("{:.2} %", share * 100.0);
        let share = percent(self.count as f64 / self.trials as f64);
        let target = match self.target {
            Target::Errors => {
                format!("≤ {}, bound ≤ {}", percent(ERRORS_MAX.0), percent(ERRORS_MAX.1))
            }
            Target::Found => format!("≥ {}", percent(FOUND_MIN)),
            Target::None => "–".to_owned(),
        };
        let word = match (self.target, self.met()) {
            (Target::None, _) => "",
            (_, true) => "ok",
            (_, false) => "short",
        };
        let (count, trials) = (self.count, self.trials);
        let (what, noise, upper) = (&self.what, &self.noise, percent(self.upper()));
        format!(
            "| {what} | {noise} | {count} of {trials} | {share} | {upper} | {target} | {word} |"
        )
    }
}

/// The head of the table.
pub const HEAD: &str = "| what | noise | count | share | 95 % bound | target | |\n\
                        |---|---|---:|---:|---:|---|---|";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_held_against_its_target() {
        let line = |count, trials, target| Line {
            what: "false alarms".to_owned(),
            noise: "independent".to_owned(),
            count,
            trials,
            target,
        };
        assert!(line(10, 1_000, Target::Errors).met());
        assert!(!line(11, 1_000, Target::Errors).met());
        // One of 100 may be one in twenty.
        assert!(!line(1, 100, Target::Errors).met());
        assert!(line(95, 100, Target::Found).met() && !line(94, 100, Target::Found).met());
        assert_eq!(
            line(10, 1_000, Target::Errors).row(),
            "| false alarms | independent | 10 of 1000 | 1.00 % | 1.69 % \
             | ≤ 1.00 %, bound ≤ 1.70 % | ok |"
        );
    }
}

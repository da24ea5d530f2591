//! From the times and conditions of a scenario file to cues, one for each time that is known.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::condition::conflict;
use super::cue::{Cue, Start, Trigger};
use super::{FAULTS_MAX, HEALING, HOLD_MIN, ScheduleProblem};
use crate::fault::{FaultSpec, text};

/// The cues of one fault of the list; none where its times are unsound.
pub(super) fn cues(
    index: usize,
    spec: &FaultSpec,
    load: Duration,
    problems: &mut Vec<ScheduleProblem>,
) -> Vec<Cue> {
    let mut timing = Timing { index, spec, load, problems };
    timing.check_hold();
    let before = timing.problems.len();
    timing.check_fields();
    if timing.problems.len() > before {
        return Vec::new();
    }
    let cues = match spec.at {
        Some(at) => timing.times(at),
        None => timing.trigger(),
    };
    if problems.len() > before { Vec::new() } else { cues }
}

struct Timing<'a> {
    index: usize,
    spec: &'a FaultSpec,
    load: Duration,
    problems: &'a mut Vec<ScheduleProblem>,
}

impl Timing<'_> {
    fn problem(&mut self, field: &str, message: impl Into<String>) {
        let path = format!("faults[{}].{field}", self.index);
        self.problems.push(ScheduleProblem { path, message: message.into() });
    }

    fn check_hold(&mut self) {
        let hold = self.spec.r#for;
        if hold < HOLD_MIN {
            let message = format!("lasts {}; allowed: {} and above", text(hold), text(HOLD_MIN));
            self.problem("for", message);
        }
    }

    /// Which fields go together.
    fn check_fields(&mut self) {
        let FaultSpec { at, every, when, r#while, from, until, count, .. } = self.spec;
        let conditional = at.is_none() && (when.is_some() || r#while.is_some());
        if at.is_none() && !conditional {
            let allowed = "a time such as `at: 30s`, or a condition in `when` or `while`";
            self.problem("at", format!("nothing says when; allowed: {allowed}"));
            return;
        }
        if at.is_some() && when.is_some() {
            let instead = "`at`, or `when` with `from`";
            self.problem(
                "when",
                format!("both a time and a condition say when; allowed: {instead}"),
            );
        }
        if every.is_some() && at.is_none() {
            self.problem("every", "allowed: only with `at`, its first time");
        }
        if from.is_some() && !conditional {
            self.problem("from", "allowed: only with `when` or `while` in place of `at`");
        }
        if every.is_some() && until.is_some() == count.is_some() {
            let message = "nobody knows how often; allowed: with one of `count` and `until`";
            self.problem("every", message);
        } else if at.is_some() && every.is_none() {
            for (field, given) in [("until", until.is_some()), ("count", count.is_some())] {
                if given {
                    self.problem(field, "allowed: only with `every`, or a condition");
                }
            }
        }
        if let Some(count) = count.filter(|count| !(1..=FAULTS_MAX).contains(&(*count as usize))) {
            self.problem("count", format!("{count} times; allowed: 1 to {FAULTS_MAX}"));
        }
    }

    /// A time, or one after the other.
    fn times(&mut self, at: Duration) -> Vec<Cue> {
        let (hold, load) = (self.spec.r#for, self.load);
        let end = at.saturating_add(hold);
        if at >= load {
            self.problem("at", format!("due at {}; allowed: before {}", text(at), text(load)));
        } else if end > load {
            let message = format!(
                "ends at {}, after the load; allowed: at most {}, so that at + for is within {}",
                text(end),
                text(load - at),
                text(load)
            );
            self.problem("for", message);
        }
        let count = self.spec.every.map_or(1, |period| self.repetitions(at, period));
        let period = self.spec.every.unwrap_or_default();
        let last = at.saturating_add(period.saturating_mul(count.saturating_sub(1)));
        self.check_conditions(at..=last);
        let times = (0..count).map(|number| at.saturating_add(period.saturating_mul(number)));
        let lasts = &self.spec.r#while;
        times.map(|time| Cue { start: Start::At(time), lasts: lasts.clone() }).collect()
    }

    /// How often a fault comes that comes again with this period.
    fn repetitions(&mut self, at: Duration, period: Duration) -> u32 {
        let (hold, load) = (self.spec.r#for, self.load);
        let shortest = hold.saturating_add(HEALING);
        if period < shortest {
            let shortest = text(shortest);
            let message = format!(
                "again after {}; allowed: {shortest} and above, so that it is \
                 over by then",
                text(period)
            );
            self.problem("every", message);
            return 0;
        }
        let last_start = load.saturating_sub(hold);
        if let Some(until) = self.spec.until
            && !(at..=last_start).contains(&until)
        {
            let (at, last) = (text(at), text(last_start));
            self.problem("until", format!("{}; allowed: {at} to {last}", text(until)));
            return 0;
        }
        let end = self.spec.until.unwrap_or(last_start);
        let possible = end.saturating_sub(at).as_nanos() / period.as_nanos() + 1;
        let wanted = self.spec.count.map_or(possible, u128::from);
        if wanted > possible.min(FAULTS_MAX as u128) {
            let field = if self.spec.count.is_some() { "count" } else { "every" };
            let most = possible.min(FAULTS_MAX as u128);
            let message = format!("{wanted} times; allowed: up to {most} within {}", text(load));
            self.problem(field, message);
            return 0;
        }
        u32::try_from(wanted).unwrap_or(0)
    }

    /// A condition that makes the fault due.
    fn trigger(&mut self) -> Vec<Cue> {
        let spec = self.spec;
        let Some(condition) = spec.when.as_ref().or(spec.r#while.as_ref()).cloned() else {
            return Vec::new();
        };
        let Some(last) = self.load.checked_sub(spec.r#for) else {
            let allowed = format!("up to {}, the load", text(self.load));
            self.problem("for", format!("lasts {}; allowed: {allowed}", text(spec.r#for)));
            return Vec::new();
        };
        let (from, until) = (spec.from.unwrap_or_default(), spec.until.unwrap_or(last));
        if from > last {
            self.problem("from", format!("{}; allowed: up to {}", text(from), text(last)));
        } else if until < from || until > last {
            let message = format!("{}; allowed: {} to {}", text(until), text(from), text(last));
            self.problem("until", message);
        } else {
            self.check_conditions(from..=until);
        }
        let trigger = Trigger { condition, from, until, count: spec.count.unwrap_or(1) };
        vec![Cue { start: Start::When(trigger), lasts: spec.r#while.clone() }]
    }

    /// All conditions have to hold together at the moment at which the fault begins.
    fn check_conditions(&mut self, times: RangeInclusive<Duration>) {
        let FaultSpec { when, r#while, .. } = self.spec;
        let field = if when.is_some() { "when" } else { "while" };
        if let Some(conflict) = conflict([when, r#while].into_iter().flatten(), times) {
            self.problem(field, format!("it would never begin: {conflict}"));
        }
    }
}

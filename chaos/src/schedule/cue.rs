//! When a fault is due and when it is over: a pure function of what was seen of the run so far.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::condition::Condition;
use super::view::View;
use crate::fault::text;

/// How often a condition is looked at, and how late a fault may be that waits for one.
pub const LOOK_EVERY: Duration = Duration::from_millis(20);

/// What a fault waits for, and what it lasts for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cue {
    /// What makes it due.
    pub start: Start,
    /// It is in force only while this holds, and never longer than its time.
    #[serde(default, rename = "while", skip_serializing_if = "Option::is_none")]
    pub lasts: Option<Condition>,
}

/// What makes a fault due. Times are from the start of the load.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Start {
    /// This time.
    At(#[serde(with = "humantime_serde")] Duration),
    /// Each time that a condition begins to hold.
    When(Trigger),
}

/// A condition that makes a fault due.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trigger {
    /// What has to hold.
    pub condition: Condition,
    /// Before this time it is not looked at.
    #[serde(with = "humantime_serde")]
    pub from: Duration,
    /// The last time at which the fault may begin.
    #[serde(with = "humantime_serde")]
    pub until: Duration,
    /// How often the fault comes at most.
    pub count: u32,
}

impl Cue {
    /// A fault that begins at this time and lasts as long as it is to last.
    pub fn at(time: Duration) -> Self {
        Self { start: Start::At(time), lasts: None }
    }

    /// The one time at which it is due, unless a condition says when.
    pub fn time(&self) -> Option<Duration> {
        match self.start {
            Start::At(time) => Some(time),
            Start::When(_) => None,
        }
    }

    /// The first time at which it may be due.
    pub fn earliest(&self) -> Duration {
        match &self.start {
            Start::At(time) => *time,
            Start::When(trigger) => trigger.from,
        }
    }

    /// How often it comes at most.
    pub fn count(&self) -> u32 {
        match &self.start {
            Start::At(_) => 1,
            Start::When(trigger) => trigger.count,
        }
    }

    /// Whether a condition has a say in when it begins or ends.
    pub fn is_conditional(&self) -> bool {
        self.lasts.is_some() || self.time().is_none()
    }

    fn holds_on(&self, view: &View) -> bool {
        self.lasts.as_ref().is_none_or(|condition| condition.holds(view))
    }
}

impl fmt::Display for Cue {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.start {
            Start::At(time) => write!(formatter, "at {}", text(*time))?,
            Start::When(trigger) => write!(formatter, "when {}", trigger.condition)?,
        }
        self.lasts.iter().try_for_each(|lasts| write!(formatter, " while {lasts}"))
    }
}

/// What is to be done about a fault now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Due {
    /// It begins.
    Now,
    /// Nothing before this time, at which it is to be looked at again.
    Wait(Duration),
    /// It does not begin, for this reason, although it should have.
    Missed(String),
    /// It has come as often as it will.
    Over,
}

/// A cue followed from look to look. It knows no clock: equal looks give equal answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watch {
    cue: Cue,
    begun: u32,
    /// Whether the trigger's condition held at the last look.
    held: bool,
    missed: bool,
}

impl Watch {
    /// Before the first look.
    pub fn new(cue: Cue) -> Self {
        Self { cue, begun: 0, held: false, missed: false }
    }

    /// Whether the fault begins now. To be asked only while it is not in force.
    pub fn look(&mut self, view: &View) -> Due {
        if self.missed || self.begun >= self.cue.count() {
            return Due::Over;
        }
        match &self.cue.start {
            Start::At(time) if view.time < *time => Due::Wait(*time),
            Start::At(_) if self.cue.holds_on(view) => self.begin(),
            Start::At(_) => {
                let lasts = self.cue.lasts.as_ref().map(ToString::to_string).unwrap_or_default();
                self.miss(format!("`{lasts}` did not hold when it was due"))
            }
            Start::When(trigger) if view.time < trigger.from => Due::Wait(trigger.from),
            Start::When(trigger) if view.time > trigger.until && self.begun > 0 => Due::Over,
            Start::When(trigger) if view.time > trigger.until => {
                let (from, until) = (text(trigger.from), text(trigger.until));
                let condition = trigger.condition.to_string();
                self.miss(format!("`{condition}` did not hold from {from} to {until}"))
            }
            Start::When(trigger) => {
                let holds = trigger.condition.holds(view) && self.cue.holds_on(view);
                let begins = holds && !self.held;
                self.held = holds;
                if begins { self.begin() } else { Due::Wait(view.time.saturating_add(LOOK_EVERY)) }
            }
        }
    }

    /// Whether the fault, which is in force, goes on.
    pub fn goes_on(&mut self, view: &View) -> bool {
        let holds_on = self.cue.holds_on(view);
        if let Start::When(trigger) = &self.cue.start {
            self.held = trigger.condition.holds(view) && holds_on;
        }
        holds_on
    }

    /// Whether anything but time has a say.
    pub fn is_conditional(&self) -> bool {
        self.cue.is_conditional()
    }

    /// How often it has begun.
    pub fn begun(&self) -> u32 {
        self.begun
    }

    fn begin(&mut self) -> Due {
        self.begun += 1;
        Due::Now
    }

    fn miss(&mut self, reason: String) -> Due {
        self.missed = true;
        Due::Missed(reason)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::schedule::view::Reading;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn lag(time_s: u64, lag_records: u64) -> View {
        let reading = Reading { lag_records: Some(lag_records), ..Reading::default() };
        View { time: seconds(time_s), reading, ..View::default() }
    }

    fn when_lagging(count: u32) -> Cue {
        let condition = "lag_records > 5".parse().unwrap();
        let (from, until) = (seconds(10), seconds(20));
        Cue { start: Start::When(Trigger { condition, from, until, count }), lasts: None }
    }

    #[test]
    fn a_time_is_due_once() {
        let mut watch = Watch::new(Cue::at(seconds(5)));
        assert_eq!(watch.look(&lag(0, 0)), Due::Wait(seconds(5)));
        assert_eq!(watch.look(&lag(7, 0)), Due::Now);
        assert_eq!(watch.look(&lag(8, 0)), Due::Over);
    }

    #[test]
    fn a_time_is_missed_if_what_it_lasts_for_does_not_hold_then() {
        let lasts = Some("lag_records > 5".parse().unwrap());
        let cue = Cue { lasts, ..Cue::at(seconds(5)) };
        let mut watch = Watch::new(cue.clone());
        let missed = "`lag_records > 5` did not hold when it was due";
        assert_eq!(watch.look(&lag(5, 5)), Due::Missed(missed.to_owned()));
        assert_eq!(watch.look(&lag(6, 6)), Due::Over);
        let mut watch = Watch::new(cue);
        assert_eq!(watch.look(&lag(5, 6)), Due::Now);
        assert!(watch.goes_on(&lag(6, 6)) && !watch.goes_on(&lag(7, 5)));
    }

    #[test]
    fn a_condition_is_looked_at_in_its_window_and_comes_when_it_begins_to_hold() {
        let mut watch = Watch::new(when_lagging(2));
        assert_eq!(watch.look(&lag(3, 9)), Due::Wait(seconds(10)));
        assert_eq!(watch.look(&lag(10, 5)), Due::Wait(seconds(10) + LOOK_EVERY));
        assert_eq!(watch.look(&lag(11, 6)), Due::Now);
        assert!(watch.goes_on(&lag(12, 9)));
        let still = watch.look(&lag(13, 9));
        assert_eq!(still, Due::Wait(seconds(13) + LOOK_EVERY), "it has held all the time");
        assert_eq!(watch.look(&lag(14, 0)), Due::Wait(seconds(14) + LOOK_EVERY));
        assert_eq!(watch.look(&lag(20, 6)), Due::Now, "the end of the window is part of it");
        assert_eq!((watch.look(&lag(20, 9)), watch.begun()), (Due::Over, 2));
    }

    #[test]
    fn what_ceased_and_held_again_while_the_fault_was_in_force_makes_it_due_again() {
        let mut watch = Watch::new(when_lagging(2));
        assert_eq!(watch.look(&lag(11, 6)), Due::Now);
        assert!(watch.goes_on(&lag(12, 5)));
        assert_eq!(watch.look(&lag(13, 6)), Due::Now);
    }

    #[test]
    fn a_condition_that_never_held_is_missed_and_one_that_did_is_not() {
        let mut never = Watch::new(when_lagging(2));
        let missed = "`lag_records > 5` did not hold from 10s to 20s";
        assert_eq!(never.look(&lag(21, 9)), Due::Missed(missed.to_owned()));
        assert_eq!(never.look(&lag(22, 9)), Due::Over);
        let mut once = Watch::new(when_lagging(2));
        assert_eq!(once.look(&lag(11, 6)), Due::Now);
        assert_eq!(once.look(&lag(21, 6)), Due::Over);
    }

    #[test]
    fn a_cue_survives_a_round_trip() {
        let lasts = Some("phase != burst".parse().unwrap());
        for cue in [Cue::at(seconds(90)), Cue { lasts, ..when_lagging(3) }] {
            let text = serde_json::to_string(&cue).unwrap();
            assert_eq!(serde_json::from_str::<Cue>(&text).unwrap(), cue, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_fault_begins_only_in_its_window_when_its_condition_begins_to_hold(
            lags in proptest::collection::vec(0_u64..=10, 30),
            count in 1_u32..5,
        ) {
            let mut watch = Watch::new(when_lagging(count));
            let (mut was_lagging, mut begun, mut last) = (false, 0, Due::Over);
            for (time_s, lag_records) in (0..).zip(lags) {
                last = watch.look(&lag(time_s, lag_records));
                let in_window = (10..=20).contains(&time_s);
                let begins = in_window && lag_records > 5 && !was_lagging && begun < count;
                prop_assert_eq!(last == Due::Now, begins, "at {} s", time_s);
                begun += u32::from(begins);
                was_lagging = in_window && lag_records > 5;
            }
            prop_assert_eq!((watch.begun(), last), (begun, Due::Over));
        }
    }
}

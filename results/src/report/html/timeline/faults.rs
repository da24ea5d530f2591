//! The faults over time: a lane each, and a shade through every picture below.

use std::fmt::Display;

use crate::record::{FaultSpan, FaultState, RunRecord};
use crate::report::format;
use crate::report::html::escape::clipped;
use crate::report::html::markup::Markup;
use crate::report::html::plot::{Across, segment};
use crate::report::html::scale::Scale;
use crate::report::html::trace::Coordinate;
use crate::report::html::trials::{Scenario, Strategy};

use super::stretch;

/// The most lanes; further faults are shaded, but not named.
const LANES_MAX: usize = 12;
const LANE: f64 = 29.0;
/// The name above the bar.
const NAME: f64 = 13.0;
const BAR: f64 = 10.0;
/// The longest name in a lane, in characters.
const NAME_CHARACTERS: usize = 18;

/// The lanes that every column of the scenario needs.
pub(super) fn lanes(scenario: &Scenario<'_>) -> usize {
    let of = |strategy: &Strategy<'_>| strategy.median_trial().faults.len();
    scenario.strategies.iter().map(of).max().unwrap_or(0).min(LANES_MAX)
}

/// Pixels that lanes take.
pub(super) fn height(lanes: usize) -> f64 {
    lanes as f64 * LANE
}

/// The stretch of time in which a fault was in place, as shares of the axis.
fn in_place(fault: &FaultSpan, time: &Scale) -> Option<(f64, f64)> {
    let from_s = fault.landed_s.or(fault.installed_s).unwrap_or(fault.due_s);
    let to_s = match fault.state {
        FaultState::Landed => fault.healed_s.unwrap_or(time.high()),
        FaultState::Skipped | FaultState::Indeterminate => fault.healed_s.unwrap_or(from_s),
    };
    let (from, to) = (time.share(from_s)?, time.share(to_s)?);
    Some((from, to.max(from + 0.004)))
}

/// Shades the time of each fault that landed, from `first_top` to `height` of the whole picture.
pub(super) fn shades(
    markup: &mut Markup,
    strategy: &Strategy<'_>,
    time: &Scale,
    first_top: f64,
    height: f64,
) {
    let landed = |fault: &&FaultSpan| fault.state == FaultState::Landed;
    for fault in strategy.median_trial().faults.iter().filter(landed).take(100) {
        if let Some(span) = in_place(fault, time) {
            let top = first_top - super::TITLE;
            stretch(markup, "shade", span, top, height - first_top);
        }
    }
}

/// Draws the lanes.
pub(super) fn write(markup: &mut Markup, strategy: &Strategy<'_>, time: &Scale, lanes: usize) {
    for (index, fault) in strategy.median_trial().faults.iter().take(lanes).enumerate() {
        let Some((from, to)) = in_place(fault, time) else { continue };
        let top = index as f64 * LANE + NAME;
        let landed = fault.state == FaultState::Landed;
        let class = if landed { "fault-bar" } else { "fault-bar not-landed" };
        stretch(markup, class, (from, to), top, BAR);
        let recovered = landed.then(|| recovered(fault, time)).flatten();
        if let Some(until) = recovered {
            let never = fault.recovery_s().is_none();
            recovery(markup, (from, until), top + BAR / 2.0, never);
        }
        name(markup, fault, (from, to.max(recovered.unwrap_or(to))), top - 4.0);
    }
}

/// The share of the axis at which the system had recovered; its end when it never had.
fn recovered(fault: &FaultSpan, time: &Scale) -> Option<f64> {
    let until_s = match fault.recovery_s() {
        Some(recovery_s) => fault.installed_s? + recovery_s,
        None => time.high(),
    };
    time.share(until_s)
}

/// A line to where the system had recovered, with an end that can be seen; one that goes on, in
/// dashes, where it never had.
fn recovery(markup: &mut Markup, (from, until): (f64, f64), y: f64, never: bool) {
    let class = if never { "recovery never" } else { "recovery" };
    segment(markup, class, (from, y), (until, y));
    if !never {
        segment(markup, class, (until, y - 5.0), (until, y + 5.0));
    }
}

/// The fault's name above its bar: from its start on, or up to its end where there is less room.
fn name(markup: &mut Markup, fault: &FaultSpan, (from, to): (f64, f64), y: f64) {
    let (class, x) = if from < 0.4 { ("tick", from) } else { ("tick end", to) };
    let attributes: [(&str, &dyn Display); 3] =
        [("class", &class), ("x", &Across(x)), ("y", &Coordinate(y))];
    markup.element("text", &attributes, |markup| {
        markup.text(clipped(&fault.name, NAME_CHARACTERS));
        markup.leaf("tspan", &[("class", &"strong")], format_args!(" {}", outcome(fault)));
    });
}

/// How long the system took to recover, or why that is not to be said.
fn outcome(fault: &FaultSpan) -> String {
    match (fault.state, fault.recovery_s()) {
        (FaultState::Landed, Some(recovery_s)) => format::seconds(recovery_s),
        (FaultState::Landed, None) => "never".to_owned(),
        (state, _) => state.word().to_owned(),
    }
}

/// The faults in words.
pub(super) fn description(trial: &RunRecord) -> String {
    let of = |fault: &FaultSpan| {
        let name = clipped(&fault.name, 60);
        match (fault.state, fault.recovery_s()) {
            (FaultState::Landed, Some(recovery_s)) => {
                format!("{name} recovered after {}", format::seconds(recovery_s))
            }
            (FaultState::Landed, None) => format!("{name} never recovered"),
            (state, _) => format!("{name} {}", state.word()),
        }
    };
    if trial.faults.is_empty() {
        return "No faults.".to_owned();
    }
    let faults: Vec<String> = trial.faults.iter().take(LANES_MAX).map(of).collect();
    format!("Faults: {}.", faults.join(", "))
}

//! The faults over time: bars in lanes above the pictures, and a shade through all of them. A few
//! faults have a lane and a name each; more of them share lanes, and have the numbers that they
//! have in the table of faults.

use std::fmt::Display;

use crate::record::{FaultSpan, FaultState, RunRecord};
use crate::report::format;
use crate::report::html::escape::clipped;
use crate::report::html::faults::Named;
use crate::report::html::markup::Markup;
use crate::report::html::plot::{Across, segment};
use crate::report::html::scale::Scale;
use crate::report::html::tables::ROWS_MAX;
use crate::report::html::trace::Coordinate;
use crate::report::html::trials::Scenario;

use super::stretch;

/// The most faults that have a lane and a name each.
const NAMED_MAX: usize = 12;
/// The height of a lane with a name, of which the name takes a part, and of its bar.
const NAMED_LANE: f64 = 29.0;
const NAME: f64 = 13.0;
const BAR: f64 = 10.0;
/// The longest name in a lane, in characters.
const NAME_CHARACTERS: usize = 18;
/// The height of numbers above lanes without names, and of all those lanes as far as they can be
/// told apart.
const NUMBERS: f64 = 18.0;
const SHARED_LANES: f64 = 180.0;
/// The least distance of two numbers, as a share of the axis: three digits on a telephone.
const NUMBER_APART: f64 = 0.1;
/// The least distance of two faults in a lane, as a share of the axis.
const APART: f64 = 0.004;

/// How the faults of a scenario are laid out, in each of its columns alike.
pub(super) struct Lanes<'a> {
    faults: Vec<Named<'a>>,
    named: bool,
    count: usize,
}

impl<'a> Lanes<'a> {
    /// The lanes that every column of the scenario needs.
    pub(super) fn of(scenario: &Scenario<'a>, time: &Scale) -> Lanes<'a> {
        let medians = || scenario.strategies.iter().map(|strategy| strategy.median_trial());
        let most = medians().map(|trial| trial.faults.len()).max().unwrap_or(0);
        let named = most <= NAMED_MAX;
        let shared = || medians().map(|trial| share_lanes(trial, time).1).max().unwrap_or(0);
        let count = if named { most } else { shared() };
        Lanes { faults: Named::all(scenario), named, count }
    }

    /// Whether there is nothing to be laid out.
    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    fn lane(&self) -> f64 {
        match self.named {
            true => NAMED_LANE,
            false => (SHARED_LANES / self.count as f64).clamp(4.0, 16.0),
        }
    }

    /// Pixels that the lanes take.
    pub(super) fn height(&self) -> f64 {
        let numbers = if self.named { 0.0 } else { NUMBERS };
        numbers + self.count as f64 * self.lane()
    }

    /// Draws the lanes of one trial.
    pub(super) fn write(&self, markup: &mut Markup, trial: &RunRecord, time: &Scale) {
        let (lanes, _) = share_lanes(trial, time);
        let mut numbered_to = f64::NEG_INFINITY;
        for (index, (fault, lane)) in drawn(trial).zip(lanes).enumerate() {
            let Some((from, to)) = in_place(fault, time) else { continue };
            let number = 1 + self.faults.iter().position(|named| named.is(fault)).unwrap_or(0);
            if self.named {
                let top = index as f64 * NAMED_LANE + NAME;
                bar(markup, fault, number, (from, to), (top, BAR), time);
                name(markup, fault, (from, extent(fault, time).map_or(to, |it| it.1)), top - 4.0);
                continue;
            }
            let top = NUMBERS + lane as f64 * self.lane();
            let height = (self.lane() * 0.7).min(BAR);
            bar(markup, fault, number, (from, to), (top, height), time);
            if from >= numbered_to + NUMBER_APART {
                numbered_to = from;
                let attributes: [(&str, &dyn Display); 3] =
                    [("class", &"tick"), ("x", &Across(from)), ("y", &11)];
                markup.leaf("text", &attributes, number);
            }
        }
    }
}

/// The faults of a trial that are drawn.
fn drawn(trial: &RunRecord) -> impl Iterator<Item = &FaultSpan> {
    trial.faults.iter().take(ROWS_MAX)
}

/// The first lane that is free for each fault, from its start until the system had recovered; and
/// how many lanes that takes.
fn share_lanes(trial: &RunRecord, time: &Scale) -> (Vec<usize>, usize) {
    let mut free_from: Vec<f64> = Vec::new();
    let mut lane_of = |fault: &FaultSpan| {
        let Some((from, to)) = extent(fault, time) else { return 0 };
        let free = free_from.iter().position(|free_from| *free_from <= from);
        let lane = free.unwrap_or_else(|| {
            free_from.push(0.0);
            free_from.len() - 1
        });
        free_from[lane] = to + APART;
        lane
    };
    let lanes: Vec<usize> = drawn(trial).map(&mut lane_of).collect();
    (lanes, free_from.len())
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

/// The stretch of time in which a fault was in place or felt, as shares of the axis.
fn extent(fault: &FaultSpan, time: &Scale) -> Option<(f64, f64)> {
    let (from, to) = in_place(fault, time)?;
    Some((from, to.max(recovered(fault, time).unwrap_or(to))))
}

/// The share of the axis at which the system had recovered; its end when it never had.
fn recovered(fault: &FaultSpan, time: &Scale) -> Option<f64> {
    if fault.state != FaultState::Landed {
        return None;
    }
    let until_s = match fault.recovery_s() {
        Some(recovery_s) => fault.installed_s? + recovery_s,
        None => time.high(),
    };
    time.share(until_s)
}

/// Shades the time in which a fault that landed was in force, from a top on and over a height.
pub(super) fn shades(markup: &mut Markup, trial: &RunRecord, time: &Scale, over: (f64, f64)) {
    let landed = drawn(trial).filter(|fault| fault.state == FaultState::Landed);
    let mut spans: Vec<(f64, f64)> = landed.filter_map(|fault| in_place(fault, time)).collect();
    spans.sort_by(|a, b| a.0.total_cmp(&b.0));
    // Faults that overlap are one shade, through which lines can be seen.
    let mut shades: Vec<(f64, f64)> = Vec::new();
    for (from, to) in spans {
        match shades.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(to),
            _ => shades.push((from, to)),
        }
    }
    shades.into_iter().for_each(|span| stretch(markup, "shade", span, over, ""));
}

/// The bar of a fault, with a line to where the system had recovered.
fn bar(
    markup: &mut Markup,
    fault: &FaultSpan,
    number: usize,
    span: (f64, f64),
    (top, height): (f64, f64),
    time: &Scale,
) {
    let landed = fault.state == FaultState::Landed;
    let class = if landed { "fault-bar" } else { "fault-bar not-landed" };
    let (name, kind) = (clipped(&fault.name, 80), clipped(&fault.kind, 60));
    let title = format!("{number} {name} ({kind}): {}", outcome(fault));
    stretch(markup, class, span, (top, height), &title);
    if let Some(until) = recovered(fault, time) {
        recovery(markup, (span.0, until), (top, height), fault.recovery_s().is_none());
    }
}

/// A line to where the system had recovered, with an end that can be seen; one that goes on, in
/// dashes, where it never had.
fn recovery(markup: &mut Markup, (from, to): (f64, f64), (top, height): (f64, f64), never: bool) {
    let class = if never { "recovery never" } else { "recovery" };
    let y = top + height / 2.0;
    segment(markup, class, (from, y), (to, y));
    if !never {
        segment(markup, class, (to, top), (to, top + height));
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

/// The faults in words: each, or how many where a reader would be lost.
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
    match trial.faults.len() {
        0 => "No faults.".to_owned(),
        1..=NAMED_MAX => {
            let faults: Vec<String> = trial.faults.iter().map(of).collect();
            format!("Faults: {}.", faults.join(", "))
        }
        faults => {
            format!("{}, each with a row in the table of faults.", format::counted(faults, "fault"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::Sample;

    fn trial(spans: &[(f64, f64)]) -> RunRecord {
        let mut record = Sample::new("A", 1).record();
        let fault = record.faults[0].clone();
        let at = |&(from_s, to_s): &(f64, f64)| {
            let mut fault = fault.clone();
            (fault.installed_s, fault.landed_s) = (Some(from_s), Some(from_s));
            fault.healed_s = Some(to_s);
            fault.recovery.as_mut().unwrap().total_s = Some(0.0);
            fault
        };
        record.faults = spans.iter().map(at).collect();
        record
    }

    #[test]
    fn faults_share_a_lane_unless_they_overlap() {
        let time = Scale::between(0.0, 100.0);
        let lanes = |spans: &[(f64, f64)]| share_lanes(&trial(spans), &time);
        assert_eq!(lanes(&[(0.0, 5.0), (10.0, 15.0), (20.0, 25.0)]), (vec![0, 0, 0], 1));
        assert_eq!(lanes(&[(0.0, 50.0), (10.0, 15.0), (20.0, 25.0)]), (vec![0, 1, 1], 2));
        assert_eq!(lanes(&[(0.0, 5.0), (5.1, 15.0)]), (vec![0, 1], 2), "too near to be told apart");
        assert_eq!(lanes(&[]), (vec![], 0));
    }

    #[test]
    fn shades_do_not_grow_darker_where_faults_overlap() {
        let time = Scale::between(0.0, 100.0);
        let mut markup = Markup::new();
        let trial = trial(&[(0.0, 50.0), (10.0, 15.0), (40.0, 60.0), (70.0, 80.0)]);
        shades(&mut markup, &trial, &time, (0.0, 10.0));
        assert_eq!(markup.finish().matches("class=\"shade\"").count(), 2);
    }
}

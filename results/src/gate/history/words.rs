//! What a history says, in words.

use crate::gate::Change;
use crate::objectives::IndicatorName;
use crate::report::format;

/// A value with its unit; a history of several currencies is none.
pub(super) fn value(indicator: IndicatorName, value: f64) -> String {
    format::value(indicator, value, "")
}

/// A share in percent, to a tenth.
pub(super) fn percent(share: f64) -> f64 {
    (share * 1e3).round() / 10.0
}

pub(super) fn unmeasured(indicator: IndicatorName, measured: usize, unmeasured: usize) -> String {
    let was = match indicator {
        IndicatorName::Recovery => "was not over at the end of the newest run",
        _ => "was not measured in the newest run",
    };
    format!(
        "{} {was}; it was known in {measured} of {} runs.",
        format::capitalized(indicator.words()),
        measured + unmeasured
    )
}

pub(super) fn too_few(indicator: IndicatorName, runs: usize, needed: usize) -> String {
    format!(
        "Nothing can be said of {} yet: it takes {needed} comparable runs, and there are {runs}.",
        indicator.words()
    )
}

pub(super) fn no_change(indicator: IndicatorName, runs: usize, part_min: usize) -> String {
    format!(
        "{} shows no change over {runs} runs; a change is seen {part_min} runs after it at the \
         earliest.",
        format::capitalized(indicator.words())
    )
}

pub(super) fn change(change: &Change, is_small: bool) -> String {
    let (before, after) =
        (value(change.indicator, change.before), value(change.indicator, change.after));
    let moved = match (change.is_worse, change.after > change.before) {
        (true, true) => "changed for the worse, up",
        (true, false) => "changed for the worse, down",
        (false, true) => "changed for the better, up",
        (false, false) => "changed for the better, down",
    };
    let share = if change.before > 0.0 {
        format!(" ({:+} %)", percent(change.after / change.before - 1.0))
    } else {
        String::new()
    };
    let tolerated = if is_small { ", which is tolerated" } else { "" };
    format!(
        "{} {moved} from {before} to {after}{share}{tolerated}, {}, since run {}; {} runs ago, \
         p = {:.1e}.",
        format::capitalized(change.indicator.words()),
        commits(change),
        change.run,
        change.runs_after,
        change.p_value,
    )
}

/// Where the change entered.
fn commits(change: &Change) -> String {
    if change.last_before == change.first_after {
        return format!(
            "with no change of the program ({}), so look at the machine",
            change.first_after
        );
    }
    format!("between revisions {} and {}", change.last_before, change.first_after)
}

//! What a history says, in words.

use crate::gate::Change;
use crate::objectives::IndicatorName;
use crate::report::format;

/// A value with its unit, absent when the system never recovered; a history of several currencies
/// is none.
pub(super) fn value(indicator: IndicatorName, value: Option<f64>) -> String {
    value.map_or("never".to_owned(), |value| format::value(indicator, value, ""))
}

pub(super) fn unmeasured(indicator: IndicatorName, measured: usize, unmeasured: usize) -> String {
    format!(
        "{} was not measured in the newest run; it was in {measured} of {}.",
        format::capitalized(indicator.words()),
        format::counted(measured + unmeasured, "run")
    )
}

pub(super) fn recovers_no_more(indicator: IndicatorName) -> String {
    format!(
        "{} was not over at the end of the newest run, and was in runs before.",
        format::capitalized(indicator.words())
    )
}

pub(super) fn too_few(indicator: IndicatorName, runs: usize, needed: usize) -> String {
    format!(
        "Nothing can be said of {} yet: it takes {needed} comparable runs, and there are {runs}.",
        indicator.words()
    )
}

pub(super) fn no_step(indicator: IndicatorName, runs: usize, part_min: usize) -> String {
    format!(
        "{} shows no step over {runs} runs; a step is seen {part_min} runs after it at the \
         earliest.",
        format::capitalized(indicator.words())
    )
}

pub(super) fn none_worse(series: usize) -> String {
    format!("None of {series} series became worse by a step; a slow drift is not looked for.")
}

pub(super) fn change(change: &Change) -> String {
    let rose = change.after.is_none_or(|after| change.before.is_some_and(|before| after > before));
    let moved = format!(
        "changed for the {}, {} from {} to {}",
        if change.is_worse { "worse" } else { "better" },
        if rose { "up" } else { "down" },
        value(change.indicator, change.before),
        value(change.indicator, change.after),
    );
    let share = match (change.before, change.after) {
        (Some(before), Some(after)) if before > 0.0 => {
            format!(" ({:+} %)", format::percent(after / before - 1.0))
        }
        _ => String::new(),
    };
    let tolerated = if change.is_tolerated { ", which is tolerated" } else { "" };
    let largest = match change.steps {
        1 => String::new(),
        steps => format!(" in {steps} steps since its best level, of which the largest came"),
    };
    format!(
        "{} {moved}{share}{tolerated}{largest} {}, since run {}; {} runs ago, p = {:.1e}.",
        format::capitalized(change.indicator.words()),
        commits(change),
        change.run,
        change.runs_after,
        change.p_value,
    )
}

/// Where the change entered: a range of commits as `git log` takes it, where the revisions tell.
fn commits(change: &Change) -> String {
    let (before, after) = (&change.last_before, &change.first_after);
    if ![before, after].into_iter().all(|revision| is_commit(revision)) {
        return format!("between revisions {before} and {after}, which are not both commits");
    }
    if before == after {
        return format!("with no change of the program ({after}), so look at the machine");
    }
    format!("with a commit of {before}..{after}")
}

/// Whether a revision tells the sources: neither unknown, nor with changes of its own.
fn is_commit(revision: &str) -> bool {
    !revision.is_empty() && revision != "unknown" && !revision.ends_with("-dirty")
}

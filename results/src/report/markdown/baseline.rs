//! Whether each trial had a steady baseline, and how well its p99 is known.

use crate::record::RunRecord;
use crate::report::format::{self, count, milliseconds, seconds};
use crate::report::markdown::table::Table;
use crate::report::markdown::{line, name_of};
use crate::steadiness::{LEVEL_RATIO_MAX, STEADY_SECONDS_MIN, Steadiness, SteadyP99, SteadyState};

/// A row a trial.
pub(super) fn table(trials: &[&RunRecord]) -> String {
    let mut table = Table::new([
        "trial",
        "steady phase",
        "steady",
        "warm-up planned",
        "warm-up found",
        "autocorrelation",
        "effective seconds",
        "steady p99",
        "effective responses",
    ]);
    for trial in trials {
        table.row(cells(trial, &trial.steadiness));
    }
    let mut text = table.render();
    line(
        &mut text,
        &format!(
            "\nThe steady phase lasts from the planned warm-up to the first burst or fault. It is \
             not steady if the level of its p99 changed by a factor of {LEVEL_RATIO_MAX} or more, \
             and by more than chance; under {STEADY_SECONDS_MIN} s that cannot be told. The \
             warm-up found is that of MSER-5. Autocorrelation is that of one second's p99 with \
             the next one's; it makes responses tell less than their number, and the interval at \
             95 % wider."
        ),
    );
    text
}

fn cells(trial: &RunRecord, steadiness: &Steadiness) -> Vec<String> {
    let known = |value: Option<f64>, shown: fn(f64) -> String| {
        value.map_or(format::ABSENT.to_owned(), shown)
    };
    let p99 = steadiness.p99.as_ref();
    vec![
        name_of(trial),
        format!("{} s", count(steadiness.seconds)),
        match steadiness.state {
            SteadyState::Steady => "yes".to_owned(),
            SteadyState::Unsteady => "NO".to_owned(),
            SteadyState::TooShort => "too short to tell".to_owned(),
        },
        seconds(steadiness.warm_up_planned_s),
        known(steadiness.warm_up_found_s, seconds),
        known(steadiness.autocorrelation, |rho| format!("{rho:.2}")),
        known(steadiness.effective_seconds, |effective| format!("{effective:.0}")),
        p99.map_or(format::ABSENT.to_owned(), interval),
        p99.map_or(format::ABSENT.to_owned(), |p99| {
            format!("{} of {}", count(p99.effective_responses as u64), count(p99.responses))
        }),
    ]
}

fn interval(p99: &SteadyP99) -> String {
    let end = |end_ms: Option<f64>| end_ms.map_or("?".to_owned(), milliseconds);
    format!("{} ({} to {})", milliseconds(p99.value_ms), end(p99.low_ms), end(p99.high_ms))
}

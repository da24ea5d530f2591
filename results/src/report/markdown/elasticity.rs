//! How well the workers matched the load, trial by trial.

use crate::record::RunRecord;
use crate::report::format::{milliseconds, share};
use crate::report::markdown::table::Table;
use crate::report::markdown::{line, name_of};

/// A row a trial, after SPEC-RG-2016-01.
pub(super) fn table(trials: &[&RunRecord]) -> String {
    let mut table = Table::new([
        "trial",
        "time with too few",
        "missing on average",
        "time with too many",
        "too many on average",
        "instability",
        "jitter a minute",
    ]);
    let mut basis = None;
    for trial in trials {
        let Some(elasticity) = trial.indicators.elasticity else { continue };
        basis = Some(elasticity);
        table.row(vec![
            name_of(trial),
            share(elasticity.under_share),
            share(elasticity.under_accuracy),
            share(elasticity.over_share),
            share(elasticity.over_accuracy),
            share(elasticity.instability),
            format!("{:+.1}", elasticity.jitter_per_minute),
        ]);
    }
    let Some(basis) = basis else {
        return "The mean service time is not known, so nothing can be said.\n".to_owned();
    };
    let mut text = table.render();
    line(
        &mut text,
        &format!(
            "\nReady workers against those that the load needed: offered rate × {} a message (as \
             the scenario declares) ÷ a utilisation of {}, in whole workers. Averages are over \
             time, relative to the need. Instability is the time in which both did not move in \
             the same direction; jitter is how much more often the workers changed than the need.",
            milliseconds(basis.mean_service_ms),
            share(basis.utilisation),
        ),
    );
    text
}

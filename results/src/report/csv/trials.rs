//! `trials.csv`: a line for each trial.

use super::{CSV_SCHEMA, FOLLOWING, LEADING, file, owned, text, value};
use crate::comparison::groups;
use crate::record::RunRecord;

/// `trials.csv`: a line for each trial, by scenario, strategy and repetition.
///
/// # Errors
/// Never, since it is written to memory.
pub fn trials(records: &[RunRecord]) -> csv::Result<String> {
    let mut headings = owned(&["schema", "strategy", "verdict"]);
    headings.extend(LEADING.map(|(_, name)| name.to_owned()));
    headings.extend(owned(&["repetition", "seed"]));
    headings.extend(FOLLOWING.map(|(_, name)| name.to_owned()));
    headings.extend(owned(&["currency", "scenario", "trial", "run", "started_at", "revision"]));
    file(&headings, groups(records).into_iter().flatten().map(line))
}

fn line(trial: &RunRecord) -> Vec<String> {
    let figures = &trial.indicators;
    let mut line = vec![CSV_SCHEMA.to_owned(), text(&trial.strategy)];
    line.push(trial.verdict.kind.word().to_owned());
    line.extend(LEADING.map(|(indicator, _)| value(indicator, indicator.value(figures))));
    line.extend([trial.repetition.to_string(), trial.seed.to_string()]);
    line.extend(FOLLOWING.map(|(indicator, _)| value(indicator, indicator.value(figures))));
    let identity = [
        &figures.currency,
        &trial.scenario.name,
        &trial.trial,
        &trial.run,
        &trial.started_at,
        &trial.program.git_revision,
    ];
    line.extend(identity.map(|name| text(name)));
    line
}

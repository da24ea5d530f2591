//! `history.csv`: the run in one line, to append to those of earlier runs.
//!
//! A file with a line a run is what programs that find change points read, apache-otava among
//! them: a column of time, columns to tell a run by, and a column of numbers for each series.

use super::{CSV_SCHEMA, FOLLOWING, LEADING, file, owned, text, value};
use crate::comparison::Comparison;
use crate::record::RunRecord;

/// `history.csv`: the headings and one line, of the run that `comparison` was made of. The column
/// of a strategy's figure is `scenario.strategy.figure`.
///
/// # Errors
/// Never, since it is written to memory.
pub fn history(comparison: &Comparison, records: &[RunRecord]) -> csv::Result<String> {
    let first = records.iter().min_by(|one, other| one.started_at.cmp(&other.started_at));
    let of_first = |part: fn(&RunRecord) -> &str| first.map_or_else(String::new, |r| text(part(r)));
    let mut headings = owned(&["schema", "time", "run", "revision"]);
    let mut line = vec![
        CSV_SCHEMA.to_owned(),
        of_first(|record| &record.started_at),
        of_first(|record| &record.run),
        of_first(|record| &record.program.git_revision),
    ];
    for row in &comparison.rows {
        for (indicator, name) in LEADING.into_iter().chain(FOLLOWING) {
            headings.push(format!("{}.{}.{name}", plain(&row.scenario), plain(&row.strategy)));
            line.push(value(indicator, row.summary(indicator).value));
        }
    }
    file(&headings, [line])
}

/// A name that needs no quotes in any reader's configuration.
fn plain(name: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
    name.chars().map(|c| if is_plain(c) { c } else { '_' }).collect()
}

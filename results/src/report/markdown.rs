//! `report.md`: the findings for a reader, with the verdict in its first line.

mod conduct;
mod differences;
mod faults;
mod table;
mod trials;

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::comparison::{Comparison, StrategyRow};
use crate::record::RunRecord;
use crate::report::{TABLE_COLUMNS, cell_spread, cell_value};
use crate::verdict::VerdictKind;

use table::{Table, escape};

/// The report on `comparison`, which was made of `records`. `files` are the names of the files
/// that stand beside it, each with what it holds.
pub fn markdown(comparison: &Comparison, records: &[RunRecord], files: &[(&str, &str)]) -> String {
    let mut text = first_line(comparison);
    for reason in &comparison.verdict.reasons {
        line(&mut text, &format!("- {}", escape(reason)));
    }
    for scenario in comparison.scenarios() {
        let rows: Vec<&StrategyRow> =
            comparison.rows.iter().filter(|row| row.scenario == scenario).collect();
        let trials: Vec<&RunRecord> = sorted(records, scenario);
        let title = |title: &str| {
            let of = comparison.has_scenarios().then(|| format!(": {}", escape(scenario)));
            format!("\n## {title}{}\n", of.unwrap_or_default())
        };
        line(&mut text, &title("Comparison"));
        text.push_str(&comparison_table(&rows));
        line(&mut text, &title("How the strategies differ"));
        for sentence in differences::sentences(&rows, &trials) {
            line(&mut text, &format!("- {}", escape(&sentence)));
        }
        line(&mut text, &title("Faults"));
        text.push_str(&faults::table(&rows, &trials));
        line(&mut text, &title("Delivery"));
        text.push_str(&conduct::delivery(&trials));
        line(&mut text, &title("Trials over time"));
        text.push_str(&trials::over_time(&trials));
        line(&mut text, &title("p99 within each trial"));
        text.push_str(&trials::intervals(&trials));
        line(&mut text, &title("Health of the harness"));
        text.push_str(&conduct::health(&trials));
        line(&mut text, &title("What is emulated and what is real"));
        text.push_str(&conduct::environment(&trials));
        line(&mut text, &title("How to replay it"));
        text.push_str(&replay(&trials));
    }
    if !files.is_empty() {
        line(&mut text, "\n## Files\n");
        for (name, what) in files {
            line(&mut text, &format!("- `{}`: {}", name.replace('`', "'"), escape(what)));
        }
    }
    text
}

fn first_line(comparison: &Comparison) -> String {
    let trials: usize = comparison.rows.iter().map(|row| row.trials.len()).sum();
    let strategies: BTreeSet<&str> =
        comparison.rows.iter().map(|row| row.strategy.as_str()).collect();
    format!(
        "# {}: {}, {}, {}\n\n",
        comparison.verdict.kind.word().to_uppercase(),
        escape(&comparison.scenarios().join(" and ")),
        plural(strategies.len(), "strategy", "strategies"),
        plural(trials, "trial", "trials"),
    )
}

fn comparison_table(rows: &[&StrategyRow]) -> String {
    let mut headings = vec!["strategy".to_owned(), "verdict".to_owned()];
    headings.extend(TABLE_COLUMNS.map(|(_, heading)| heading.to_owned()));
    let mut table = Table::new(headings);
    for row in rows {
        let mut cells = vec![row.strategy.clone(), word(row.verdict.kind)];
        cells.extend(TABLE_COLUMNS.map(|(indicator, _)| {
            let value = cell_value(row, indicator);
            cell_spread(row, indicator)
                .map_or(value.clone(), |spread| format!("{value} ({spread})"))
        }));
        table.row(cells);
    }
    let trials = rows.iter().map(|row| row.trials.len()).max().unwrap_or(0);
    let currency = rows.iter().map(|row| row.currency.as_str()).find(|c| !c.is_empty());
    let mut text = table.render();
    if trials > 1 {
        line(
            &mut text,
            "\nMedian over the trials, and least to greatest in parentheses. Lost, dup and \
             reordered are those of the worst trial.",
        );
    } else {
        line(&mut text, "\nOne trial a strategy: nothing is known of the spread.");
    }
    if let Some(currency) = currency {
        line(&mut text, &format!("Cost is in {} per hour of load.", escape(currency)));
    }
    text
}

fn word(kind: VerdictKind) -> String {
    match kind {
        VerdictKind::Pass => kind.word().to_owned(),
        _ => kind.word().to_uppercase(),
    }
}

fn replay(trials: &[&RunRecord]) -> String {
    let mut commands: Vec<&str> = trials.iter().map(|trial| trial.replay.as_str()).collect();
    commands.sort_unstable();
    commands.dedup();
    let mut text = String::new();
    for command in commands {
        // An indented block needs no escapes, as long as the command is one line.
        line(&mut text, &format!("    {}", command.replace(char::is_control, " ")));
    }
    text
}

/// The records of a scenario by strategy and repetition.
fn sorted<'a>(records: &'a [RunRecord], scenario: &str) -> Vec<&'a RunRecord> {
    let mut trials: Vec<&RunRecord> =
        records.iter().filter(|record| record.scenario.name == scenario).collect();
    trials.sort_by_key(|trial| (&trial.strategy, trial.repetition, &trial.run));
    trials
}

/// A trial's short name in tables.
fn name_of(trial: &RunRecord) -> String {
    format!("{} #{}", trial.strategy, trial.repetition)
}

fn plural(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

fn line(text: &mut String, line: &str) {
    // Writing to a string does not fail.
    let _ = writeln!(text, "{line}");
}

#[cfg(test)]
mod tests;

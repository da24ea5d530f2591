//! `report.md`: the findings for a reader, with the verdict in its first line.

mod baseline;
mod conduct;
pub(super) mod differences;
mod elasticity;
mod faults;
mod gate;
mod page;
mod table;
mod trials;

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::comparison::{Comparison, StrategyRow};
use crate::ranking::Section;
use crate::record::RunRecord;
use crate::report::format::counted;
use crate::report::{TABLE_COLUMNS, cell_spread, cell_value};
use crate::verdict::VerdictKind;

pub use gate::gate_markdown;
use page::Page;
pub(super) use table::{Table, escape};

/// The most reasons of a verdict that stand open.
const REASONS_OPEN_MAX: usize = 20;

/// The report on `comparison`, which was made of `records`: at most 64 kB, so that it fits a
/// comment on a pull request, with the verdict in its first line, the table below it, and all
/// else folded. Its last line is a hidden mark by which a program finds its earlier comment.
/// `files` are the names of the files that stand beside it, each with what it holds.
pub fn markdown(comparison: &Comparison, records: &[RunRecord], files: &[(&str, &str)]) -> String {
    let mut page = Page::default();
    page.open(&first_line(comparison));
    reasons(&mut page, &comparison.verdict.reasons);
    for scenario in comparison.scenarios() {
        let title = |title: &str| match comparison.has_scenarios() {
            true => format!("{title}: {scenario}"),
            false => title.to_owned(),
        };
        let rows = rows_of(comparison, scenario);
        page.open(&format!("\n## {}\n\n", escape(&title("Comparison"))));
        page.open(&comparison_table(&rows));
    }
    for scenario in comparison.scenarios() {
        let title = |title: &str| match comparison.has_scenarios() {
            true => format!("{title}: {scenario}"),
            false => title.to_owned(),
        };
        let rows = rows_of(comparison, scenario);
        let trials: Vec<&RunRecord> = sorted(records, scenario);
        let ranking = Section::of_strategies(&trials);
        let differences = list(&differences::sentences(&ranking, &rows, &trials));
        page.fold(&title("How the strategies differ"), &differences);
        page.fold(&title("Faults"), &faults::tables(&rows, &trials));
        page.fold(&title("Workers against the load"), &elasticity::table(&trials));
        page.fold(&title("Delivery"), &conduct::delivery(&trials));
        page.fold(&title("Trials over time"), &trials::over_time(&trials));
        page.fold(&title("Baseline"), &baseline::table(&trials));
        page.fold(&title("p99 within each trial"), &trials::intervals(&trials));
        page.fold(&title("Health of the harness"), &conduct::health(&trials));
        page.fold(&title("What is emulated and what is real"), &conduct::environment(&trials));
        page.fold(&title("How to replay it"), &replay(&trials));
    }
    if !files.is_empty() {
        let file = |(name, what): &(&str, &str)| {
            format!("- `{}`: {}\n", name.replace('`', "'"), escape(what))
        };
        page.fold("Files", &files.iter().map(file).collect::<String>());
    }
    page.finish(&format!("report of {}", comparison.scenarios().join(" and ")))
}

/// The reasons of a verdict: the first of them open, more of them folded.
fn reasons(page: &mut Page, reasons: &[String]) {
    let (open, folded) = reasons.split_at(reasons.len().min(REASONS_OPEN_MAX));
    page.open(&list(open));
    if !folded.is_empty() {
        page.fold(&format!("{} more reasons", folded.len()), &list(folded));
    }
}

fn list(sentences: &[String]) -> String {
    sentences.iter().map(|sentence| format!("- {}\n", escape(sentence))).collect()
}

fn rows_of<'a>(comparison: &'a Comparison, scenario: &str) -> Vec<&'a StrategyRow> {
    comparison.rows.iter().filter(|row| row.scenario == scenario).collect()
}

fn first_line(comparison: &Comparison) -> String {
    let trials: usize = comparison.rows.iter().map(|row| row.trials.len()).sum();
    let strategies: BTreeSet<&str> =
        comparison.rows.iter().map(|row| row.strategy.as_str()).collect();
    format!(
        "# {}: {}, {}, {}\n\n",
        comparison.verdict.kind.word().to_uppercase(),
        escape(&comparison.scenarios().join(" and ")),
        counted(strategies.len(), "strategy"),
        counted(trials, "trial"),
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
        line(&mut text, &format!("    {}", command.replace(super::misleads, " ")));
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

fn line(text: &mut String, line: &str) {
    // Writing to a string does not fail.
    let _ = writeln!(text, "{line}");
}

#[cfg(test)]
mod tests;

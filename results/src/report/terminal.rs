//! The comparison as a table for a terminal: no colour codes, and never wider than asked for
//! if that can be.

mod faults;

pub use faults::faults_table;

use tabled::builder::Builder;
use tabled::settings::formatting::AlignmentStrategy;
use tabled::settings::object::{Columns, Rows};
use tabled::settings::{Alignment, Padding, Style};

use crate::comparison::{Comparison, StrategyRow};
use crate::objectives::IndicatorName;
use crate::report::{TABLE_COLUMNS, cell_spread, cell_value, misleads};

/// The comparison as a table: a row a strategy, or, where that is wider than `width` columns, a
/// column a strategy. With several trials, the second line of a cell is least to greatest.
pub fn table(comparison: &Comparison, width: usize) -> String {
    let cells = cells(comparison);
    let wide = render(&cells);
    if widest(&wide) <= width {
        return wide;
    }
    let tall: Vec<Vec<String>> = (0..cells[0].len())
        .map(|column| cells.iter().map(|row| row[column].clone()).collect())
        .collect();
    render(&tall)
}

/// The table's cells, its headings first.
fn cells(comparison: &Comparison) -> Vec<Vec<String>> {
    let has_scenarios = comparison.has_scenarios();
    let mut headings = vec!["strategy".to_owned(), "verdict".to_owned()];
    if has_scenarios {
        headings.insert(0, "scenario".to_owned());
    }
    headings.extend(TABLE_COLUMNS.map(|(_, heading)| heading.to_owned()));
    let mut cells = vec![headings];
    for row in &comparison.rows {
        let mut line = vec![printable(&row.strategy), row.verdict.kind.word().to_owned()];
        if has_scenarios {
            line.insert(0, printable(&row.scenario));
        }
        line.extend(TABLE_COLUMNS.map(|(indicator, _)| cell(row, indicator)));
        cells.push(line);
    }
    cells
}

fn cell(row: &StrategyRow, indicator: IndicatorName) -> String {
    match cell_spread(row, indicator) {
        Some(spread) => format!("{}\n{spread}", cell_value(row, indicator)),
        None => cell_value(row, indicator),
    }
}

fn render(cells: &[Vec<String>]) -> String {
    let mut table = Builder::from_iter(cells.iter().cloned()).build();
    table
        .with(Style::sharp())
        .with(Padding::new(1, 1, 0, 0))
        .with(Alignment::left())
        .with(AlignmentStrategy::PerLine)
        .modify(Columns::new(1..), Alignment::right())
        .modify(Rows::first(), Alignment::left());
    table.to_string()
}

/// Names come from files: what misleads a reader must not reach a terminal.
pub(super) fn printable(text: &str) -> String {
    text.chars().map(|c| if misleads(c) { '?' } else { c }).collect()
}

fn widest(text: &str) -> usize {
    text.lines().map(|line| line.chars().count()).max().unwrap_or(0)
}

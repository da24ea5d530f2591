//! What a capacity run found, for a terminal, a spreadsheet, a reader and a program.

use tabled::builder::Builder;
use tabled::settings::object::Columns;
use tabled::settings::{Alignment, Style};

use crate::capacity::{AllocationCapacity, CapacityResult, DemandPoint, Resolved, resources};
use crate::report::csv::{CSV_SCHEMA, file, number, owned, text};
use crate::report::format;
use crate::report::markdown::{Table, escape};
use crate::report::terminal::printable;
use crate::statistics::median;

const ALLOCATION_HEADINGS: [&str; 6] =
    ["workers", "sustained/s", "refused/s", "per worker/s", "probes", "known"];
const DEMAND_HEADINGS: [&str; 5] =
    ["demand/s", "strategy", "workers", "p99, median second", "sustained"];

/// The two tables for a terminal.
pub fn capacity_table(result: &CapacityResult) -> String {
    let mut text = String::new();
    let allocations = result.allocations.iter().map(|found| allocation(found).to_vec());
    let demands = result.demands.iter().map(|point| demand(point).to_vec());
    let parts: [(&[&str], Vec<Vec<String>>); 2] =
        [(&ALLOCATION_HEADINGS, allocations.collect()), (&DEMAND_HEADINGS, demands.collect())];
    for (headings, rows) in parts {
        if rows.is_empty() {
            continue;
        }
        let mut builder = Builder::from_iter([headings.iter().map(ToString::to_string)]);
        rows.into_iter().for_each(|row| {
            builder.push_record(row.iter().map(|cell| printable(cell)));
        });
        let mut table = builder.build();
        table.with(Style::sharp()).modify(Columns::new(..), Alignment::right());
        text.push_str(&table.to_string());
        text.push('\n');
    }
    text
}

/// The report for a reader, as markdown.
pub fn capacity_markdown(result: &CapacityResult) -> String {
    let scenario = escape(&result.scenario.name);
    let mut text = format!("# Capacity: {scenario}\n\n{}\n", summary(result));
    if !result.allocations.is_empty() {
        let mut table = Table::new(ALLOCATION_HEADINGS.into_iter().chain(["refused because"]));
        for found in &result.allocations {
            let mut cells = allocation(found).to_vec();
            cells.push(found.reason.clone());
            table.row(cells);
        }
        text.push_str(&format!(
            "\n## Highest sustained rate of a fixed allocation\n\nA rate is sustained when, after \
             a warm-up that is found by the marginal standard error rule, the backlog is shown \
             (99 % interval) to grow by less than {} % of the rate, the response p99 keeps the \
             objective in half of the seconds or more, and nothing is lost. Workers have the \
             settings of {}. Each end of the bracket was probed twice where it is \
             \"confirmed\".\n\n{}",
            result.resolution * 50.0,
            escape(&result.strategy),
            table.render()
        ));
    }
    if !result.demands.is_empty() {
        let mut table = Table::new(DEMAND_HEADINGS);
        result.demands.iter().for_each(|point| table.row(demand(point).to_vec()));
        text.push_str(&format!(
            "\n## Workers against demand\n\nThe mean of the ready workers after the warm-up where \
             the demand was sustained, with its 95 % interval over the repetitions (Student's t). \
             Every strategy sees the same load, in shuffled order.\n\n{}",
            table.render()
        ));
    }
    text.push_str(&format!(
        "\nSeed {}, environment {}, {}; program {} ({}, {}).\n",
        result.seed,
        escape(&result.environment),
        escape(&result.machine.summary()),
        escape(&result.program.version),
        escape(&result.program.git_revision),
        escape(&result.program.profile),
    ));
    text
}

/// A row an allocation and a row a demand; which it is stands in the second column.
///
/// # Errors
/// When the text cannot be written as CSV.
pub fn capacity_csv(result: &CapacityResult) -> csv::Result<String> {
    let headings = [
        "schema",
        "kind",
        "strategy",
        "workers",
        "workers_low",
        "workers_high",
        "rate_per_s",
        "refused_per_s",
        "known",
        "p99_ms",
        "sustained",
        "refused",
        "invalid",
        "not_played",
    ];
    let schema = || CSV_SCHEMA.to_owned();
    let absent = String::new;
    let allocations = result.allocations.iter().map(|found| {
        let rate = |rate| number(rate, 3);
        let (low, high) = (rate(found.sustained_per_s), rate(found.refused_per_s));
        let (strategy, workers) = (text(&result.strategy), found.workers.to_string());
        let known = word(found.resolved).to_owned();
        let mut line = vec![schema(), "allocation".to_owned(), strategy, workers];
        line.extend([absent(), absent(), low, high, known]);
        line.extend([absent(), absent(), absent(), absent(), absent()]);
        line
    });
    let demands = result.demands.iter().map(|point| {
        let found = resources(point);
        let interval = found.and_then(|(_, interval)| interval);
        let three = |value| number(value, 3);
        let mut line = vec![schema(), "demand".to_owned(), text(&point.strategy)];
        line.push(three(found.map(|(mean, _)| mean)));
        line.push(three(interval.map(|(low, _)| low)));
        line.push(three(interval.map(|(_, high)| high)));
        line.extend([three(Some(point.demand_per_s)), absent(), absent()]);
        line.push(three(median(&point.p99_ms)));
        line.extend([point.workers.len().to_string(), point.refused.to_string()]);
        line.extend([point.invalid.to_string(), point.not_played.to_string()]);
        line
    });
    file(&owned(&headings), allocations.chain(demands))
}

/// The result as JSON.
///
/// # Errors
/// When it cannot be written as JSON.
pub fn capacity_json(result: &CapacityResult) -> Result<String, serde_json::Error> {
    serde_json::to_string_pretty(result)
}

/// One sentence for each allocation.
fn summary(result: &CapacityResult) -> String {
    let sentence = |found: &AllocationCapacity| {
        let verb = if found.workers == 1 { "sustains" } else { "sustain" };
        let workers = format!("{} {verb}", format::counted(found.workers, "worker"));
        let sustained = match found.sustained_per_s {
            Some(rate) => format!("{}/s", format::count(rate.round() as u64)),
            None => "no rate that was probed".to_owned(),
        };
        let doubt = match (found.resolved, found.refused_per_s) {
            (Resolved::Confirmed, Some(rate)) => {
                format!(", and not {}/s", format::count(rate.round() as u64))
            }
            (Resolved::Invalid, _) => {
                let reason = escape(&found.reason);
                format!("; more could not be asked, since the harness was at its limit: {reason}")
            }
            _ => "; this is not confirmed".to_owned(),
        };
        format!("- {workers} {sustained}{doubt}.\n")
    };
    result.allocations.iter().map(sentence).collect()
}

fn allocation(found: &AllocationCapacity) -> [String; 6] {
    [
        found.workers.to_string(),
        rate(found.sustained_per_s),
        rate(found.refused_per_s),
        rate(found.per_worker()),
        found.probes.to_string(),
        word(found.resolved).to_owned(),
    ]
}

fn demand(point: &DemandPoint) -> [String; 5] {
    let workers = match resources(point) {
        Some((mean, Some((low, high)))) => format!("{mean:.2} [{:.2}, {high:.2}]", low.max(0.0)),
        Some((mean, None)) => format!("{mean:.2}"),
        None if point.refused > 0 => "not met".to_owned(),
        None => format::ABSENT.to_owned(),
    };
    let sustained = point.workers.len();
    let tried = sustained + point.refused as usize;
    let mut words = format!("{sustained} of {tried}");
    if point.invalid > 0 {
        words.push_str(&format!(", {} invalid", point.invalid));
    }
    if point.not_played > 0 {
        words.push_str(&format!(", {} not played", point.not_played));
    }
    [
        format::count(point.demand_per_s.round() as u64),
        point.strategy.clone(),
        workers,
        median(&point.p99_ms).map_or(format::ABSENT.to_owned(), format::milliseconds),
        words,
    ]
}

fn rate(rate: Option<f64>) -> String {
    rate.map_or(format::ABSENT.to_owned(), |rate| format::count(rate.round() as u64))
}

fn word(resolved: Resolved) -> &'static str {
    match resolved {
        Resolved::Confirmed => "confirmed",
        Resolved::Open => "open",
        Resolved::Invalid => "invalid",
    }
}

#[cfg(test)]
mod tests;

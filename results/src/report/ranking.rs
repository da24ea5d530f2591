//! Runs side by side, for a terminal, a spreadsheet, a reader and a program.

use tabled::builder::Builder;
use tabled::settings::object::Columns;
use tabled::settings::{Alignment, Style};

use crate::objectives::IndicatorName;
use crate::ranking::{Contestant, Ranking, Section};
use crate::report::format;
use crate::report::markdown::{Table, escape};
use crate::report::terminal::printable;

/// The columns between the name and the marks.
const SHOWN: [(IndicatorName, &str); 7] = [
    (IndicatorName::P99Response, "p99"),
    (IndicatorName::Recovery, "recovery"),
    (IndicatorName::Cost, "cost/h"),
    (IndicatorName::Throughput, "throughput/s"),
    (IndicatorName::Lost, "lost"),
    (IndicatorName::Duplicated, "dup"),
    (IndicatorName::Reordered, "reordered"),
];

/// A table a scenario for a terminal, each with the differences below it.
pub fn ranking_table(ranking: &Ranking) -> String {
    let mut text = String::new();
    for section in &ranking.sections {
        let mut builder = Builder::default();
        builder.push_record(headings(ranking.by));
        for contestant in &section.contestants {
            builder.push_record(row(contestant).map(|cell| printable(&cell)));
        }
        let mut table = builder.build();
        table.with(Style::sharp()).modify(Columns::new(2..), Alignment::right());
        text.push_str(&format!("{}\n{table}\n", printable(&section.scenario)));
        for line in notes(section) {
            text.push_str(&format!("  {}\n", printable(&line)));
        }
    }
    text
}

/// The same as markdown.
pub fn ranking_markdown(ranking: &Ranking) -> String {
    let mut text = String::new();
    for section in &ranking.sections {
        let mut table = Table::new(headings(ranking.by));
        section.contestants.iter().for_each(|contestant| table.row(row(contestant).to_vec()));
        text.push_str(&format!("## {}\n\n{}\n", escape(&section.scenario), table.render()));
        for line in notes(section) {
            text.push_str(&format!("- {}\n", escape(&line)));
        }
        text.push('\n');
    }
    text
}

/// A row a contestant and indicator.
///
/// # Errors
/// When the text cannot be written as CSV.
pub fn ranking_csv(ranking: &Ranking) -> Result<String, csv::Error> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record([
        "scenario",
        "run",
        "environment",
        "strategy",
        "rank",
        "pareto",
        "indicator",
        "value",
        "low",
        "high",
        "trials",
    ])?;
    for section in &ranking.sections {
        for contestant in &section.contestants {
            for (indicator, estimate) in &contestant.estimates {
                let interval = estimate.interval;
                let bound = |bound: Option<f64>| bound.map_or(String::new(), |b| b.to_string());
                writer.write_record([
                    section.scenario.clone(),
                    contestant.run.clone(),
                    contestant.environment.clone(),
                    contestant.strategy.clone(),
                    contestant.rank.map_or(String::new(), |rank| rank.to_string()),
                    contestant.pareto.to_string(),
                    indicator.as_str().to_owned(),
                    estimate.value.to_string(),
                    bound(interval.map(|(low, _)| low)),
                    bound(interval.map(|(_, high)| high)),
                    estimate.values.len().to_string(),
                ])?;
            }
        }
    }
    let bytes = writer.into_inner().map_err(|error| error.into_error())?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The ranking as JSON.
///
/// # Errors
/// When it cannot be written as JSON.
pub fn ranking_json(ranking: &Ranking) -> Result<String, serde_json::Error> {
    serde_json::to_string_pretty(ranking)
}

fn headings(by: IndicatorName) -> Vec<String> {
    let mut headings = vec![format!("rank by {by}"), "strategy".to_owned()];
    headings.extend(SHOWN.map(|(_, heading)| heading.to_owned()));
    headings.extend(["p99 and cost", "verdict"].map(str::to_owned));
    headings
}

fn row(contestant: &Contestant) -> [String; 11] {
    let [p99, recovery, cost, throughput, lost, duplicated, reordered] =
        SHOWN.map(|(indicator, _)| cell(contestant, indicator));
    [
        contestant.rank.map_or(format::ABSENT.to_owned(), |rank| rank.to_string()),
        contestant.label.clone(),
        p99,
        recovery,
        cost,
        throughput,
        lost,
        duplicated,
        reordered,
        if contestant.pareto { "unbeaten" } else { "beaten" }.to_owned(),
        contestant.verdict.word().to_owned(),
    ]
}

/// The value, with its interval where there is one.
fn cell(contestant: &Contestant, indicator: IndicatorName) -> String {
    let Some(estimate) = contestant.estimates.get(&indicator) else {
        return format::ABSENT.to_owned();
    };
    let short = |value| format::short(indicator, value);
    match estimate.interval {
        Some((low, high)) => {
            format!("{} [{}, {}]", short(estimate.value), short(low), short(high))
        }
        None => short(estimate.value),
    }
}

/// What the numbers allow to be said.
fn notes(section: &Section) -> Vec<String> {
    let mut notes = Vec::new();
    let fewest = section.contestants.iter().map(|c| c.seeds.len()).min().unwrap_or(0);
    if section.contestants.len() > 1 && fewest < 2 {
        notes.push(
            "With one trial of a strategy nothing tells a difference from noise; \
             run it with --repetitions 3 or more."
                .to_owned(),
        );
    }
    notes.extend(section.differences.iter().map(|difference| difference.sentence.clone()));
    notes
}

//! Runs side by side, for a terminal, a spreadsheet, a reader and a program.

use tabled::builder::Builder;
use tabled::settings::object::Columns;
use tabled::settings::{Alignment, Style};

use crate::objectives::IndicatorName;
use crate::ranking::{Contestant, Ranking, Section};
use crate::report::csv::{CSV_SCHEMA, file, owned, text, value};
use crate::report::format;
use crate::report::markdown::{Table, escape};
use crate::report::terminal::printable;

/// The most comparisons that are put in words for a scenario.
const DIFFERENCES_MAX: usize = 60;

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
        text.push_str(&format!("{}\n{table}\n", printable(&title(ranking, section))));
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
        let title = escape(&title(ranking, section));
        text.push_str(&format!("## {title}\n\n{}\n", table.render()));
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
pub fn ranking_csv(ranking: &Ranking) -> csv::Result<String> {
    let headings = [
        "schema",
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
        "invalid",
    ];
    let mut lines = Vec::new();
    for section in &ranking.sections {
        for contestant in &section.contestants {
            for (indicator, estimate) in &contestant.estimates {
                let shown = |shown| value(*indicator, shown);
                let (low, high) = estimate.interval.unzip();
                let mut line = vec![CSV_SCHEMA.to_owned(), text(&section.scenario)];
                line.extend([text(&contestant.run), text(&contestant.environment)]);
                line.push(text(&contestant.strategy));
                line.push(contestant.rank.map_or(String::new(), |rank| rank.to_string()));
                line.push(contestant.pareto.map_or(String::new(), |pareto| pareto.to_string()));
                line.push(indicator.as_str().to_owned());
                line.extend([shown(Some(estimate.value)), shown(low), shown(high)]);
                line.push(estimate.values.len().to_string());
                line.push(contestant.invalid.to_string());
                lines.push(line);
            }
        }
    }
    file(&owned(&headings), lines)
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
        contestant.pareto.map_or(format::ABSENT, beaten).to_owned(),
        contestant.verdict.word().to_owned(),
    ]
}

fn beaten(pareto: bool) -> &'static str {
    if pareto { "unbeaten" } else { "beaten" }
}

/// The scenario, with its digest where two scenarios of one name differ.
fn title(ranking: &Ranking, section: &Section) -> String {
    let same = ranking.sections.iter().filter(|other| other.scenario == section.scenario);
    if same.count() == 1 {
        return section.scenario.clone();
    }
    let digest: String = section.digest.chars().take(12).collect();
    format!("{} (a scenario of its own: digest {digest})", section.scenario)
}

/// The value, with its interval where there is one.
fn cell(contestant: &Contestant, indicator: IndicatorName) -> String {
    let never = indicator == IndicatorName::Recovery && contestant.never_recovered > 0;
    let short = |value| format::short(indicator, value);
    match contestant.estimates.get(&indicator) {
        None if never => "never".to_owned(),
        None => format::ABSENT.to_owned(),
        Some(estimate) if never => format!("{} – never", short(estimate.value)),
        Some(estimate) => match estimate.interval {
            Some((low, high)) => {
                format!("{} [{}, {}]", short(estimate.value), short(low), short(high))
            }
            None => short(estimate.value),
        },
    }
}

/// What the numbers allow to be said.
fn notes(section: &Section) -> Vec<String> {
    let mut notes = Vec::new();
    let fewest = section.contestants.iter().map(|c| c.seeds.len()).min().unwrap_or(0);
    if section.contestants.len() > 1 && fewest < 2 {
        notes.push(
            "With one valid trial of a strategy nothing tells a difference from noise; \
             run it with --repetitions 3 or more."
                .to_owned(),
        );
    }
    for contestant in &section.contestants {
        let (label, valid) = (&contestant.label, contestant.seeds.len());
        if contestant.invalid > 0 {
            let all = format::counted(valid + contestant.invalid, "trial");
            notes.push(format!(
                "{} of {all} of {label} did not test what they claim, and are in no figure.",
                contestant.invalid
            ));
        }
        if contestant.never_recovered > 0 {
            notes.push(format!(
                "Under {label} the system did not recover in {} of {}, so its recovery is compared \
                 with no other.",
                contestant.never_recovered,
                format::counted(valid, "trial")
            ));
        }
    }
    notes.extend(section.agreement.iter().flat_map(|agreement| agreement.sentences.clone()));
    let (real, noise): (Vec<_>, Vec<_>) = section.differences.iter().partition(|d| d.real);
    let sentences = real.into_iter().chain(noise).map(|difference| difference.sentence.clone());
    notes.extend(sentences.take(DIFFERENCES_MAX));
    let left = section.differences.len().saturating_sub(DIFFERENCES_MAX);
    if left > 0 {
        notes.push(format!("{left} more comparisons are in `-o json`."));
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::RunRecord;
    use crate::sample::Sample;

    fn ranking(strategy: &'static str) -> Ranking {
        let trial = |strategy, repetition, p99_ms| {
            let mut record: RunRecord = Sample::new(strategy, repetition).record();
            record.indicators.p99_ms = Some(p99_ms);
            record.indicators.cost = Some(1.0);
            record
        };
        let records = [
            trial(strategy, 1, 10.0),
            trial(strategy, 2, 11.0),
            trial("Slow", 1, 30.0),
            trial("Slow", 2, 31.0),
        ];
        Ranking::from_records(&records, IndicatorName::P99Response).unwrap()
    }

    #[test]
    fn a_name_from_a_file_stays_a_name() {
        let hostile = ranking("=a|b<i>");
        let page = ranking_markdown(&hostile);
        assert!(page.contains("| =a\\|b&lt;i> |"), "{page}");
        assert!(ranking_csv(&hostile).unwrap().contains(",'=a|b<i>,"));
        assert!(ranking_table(&ranking("a\u{7}b")).contains("a?b"));
    }

    #[test]
    fn every_comparison_says_whether_it_may_be_noise() {
        let table = ranking_table(&ranking("Fast"));
        assert!(table.contains("The p99 response time under Fast was 0.3"), "{table}");
        let mut lines = table.lines().filter(|line| line.contains(" times that under "));
        assert!(lines.all(|line| line.ends_with("noise.") || line.ends_with(").")), "{table}");
    }
}

//! How the strategies differ, in sentences that say no more than the trials show.

use crate::comparison::StrategyRow;
use crate::objectives::IndicatorName;
use crate::record::RunRecord;
use crate::report::format;

/// What is compared in words, and whether less is better.
const COMPARED: [(IndicatorName, bool); 4] = [
    (IndicatorName::P99Response, true),
    (IndicatorName::Recovery, true),
    (IndicatorName::Throughput, false),
    (IndicatorName::Cost, true),
];

/// A strategy with its values of one indicator, all of them measured.
struct Entry<'a> {
    strategy: &'a str,
    median: f64,
    min: f64,
    max: f64,
}

/// The sentences for the rows of one scenario and their records.
pub(in crate::report) fn sentences(rows: &[&StrategyRow], trials: &[&RunRecord]) -> Vec<String> {
    let mut sentences = Vec::new();
    for (indicator, less_is_better) in COMPARED {
        sentences.extend(rows.iter().filter_map(|row| never(row, indicator)));
        sentences.extend(extremes(rows, indicator, less_is_better));
    }
    sentences.extend(delivery(rows));
    sentences.push(workers(rows, trials));
    sentences
}

/// Trials that did not recover, which have no place among the numbers.
fn never(row: &StrategyRow, indicator: IndicatorName) -> Option<String> {
    (indicator == IndicatorName::Recovery && row.never_recovered > 0).then(|| {
        let (never, all) = (row.never_recovered, row.trials.len());
        format!("Under {}, the system did not recover in {never} of {all} trials.", row.strategy)
    })
}

fn extremes(
    rows: &[&StrategyRow],
    indicator: IndicatorName,
    less_is_better: bool,
) -> Option<String> {
    let mut entries: Vec<Entry<'_>> = rows.iter().filter_map(|row| entry(row, indicator)).collect();
    if entries.len() < 2 {
        return None;
    }
    entries.sort_by(|left, right| {
        let order = left.median.total_cmp(&right.median);
        if less_is_better { order } else { order.reverse() }
    });
    let (best, worst) = (entries.first()?, entries.last()?);
    let words = indicator.words();
    let shown = |value| format::value(indicator, value, &rows[0].currency);
    let least = entries.iter().map(|entry| entry.min).fold(f64::INFINITY, f64::min);
    let greatest = entries.iter().map(|entry| entry.max).fold(0.0, f64::max);
    if shown(least) == shown(greatest) {
        let strategies: Vec<&str> = entries.iter().map(|entry| entry.strategy).collect();
        let (words, strategies) = (format::capitalized(words), strategies.join(" and "));
        return Some(format!("{words} was {} under {strategies} alike.", shown(least)));
    }
    let apart = if less_is_better { best.max < worst.min } else { best.min > worst.max };
    if !apart {
        return Some(format!(
            "These trials do not tell the strategies apart by {words}: the values of the best and \
             the worst median, {} and {}, overlap.",
            best.strategy, worst.strategy
        ));
    }
    let (greater, smaller) = if less_is_better { (worst, best) } else { (best, worst) };
    let ratio = if smaller.median > 0.0 {
        format!(" ({:.1} : 1)", greater.median / smaller.median)
    } else {
        String::new()
    };
    let (first, last) = if less_is_better { ("lowest", "highest") } else { ("highest", "lowest") };
    let several = rows.iter().any(|row| row.trials.len() > 1);
    let (manner, spread) = if several {
        let every = format!(
            " Every trial of {} is better than every trial of {}.",
            best.strategy, worst.strategy
        );
        ("By the median over the trials", every)
    } else {
        ("In one trial each", String::new())
    };
    Some(format!(
        "{manner}, {words} was {first} under {}, {}, and {last} under {}, {}{ratio}.{spread}",
        best.strategy,
        shown(best.median),
        worst.strategy,
        shown(worst.median),
    ))
}

fn entry<'a>(row: &'a StrategyRow, indicator: IndicatorName) -> Option<Entry<'a>> {
    let summary = row.summary(indicator);
    if summary.absent() > 0 {
        return None;
    }
    let (median, min, max) = (summary.value?, summary.min?, summary.max?);
    Some(Entry { strategy: &row.strategy, median, min, max })
}

fn delivery(rows: &[&StrategyRow]) -> Vec<String> {
    let counted = [
        (IndicatorName::Lost, "lost messages"),
        (IndicatorName::Duplicated, "duplicated results"),
        (IndicatorName::Reordered, "reordered results"),
        (IndicatorName::Unexpected, "unexpected results"),
    ];
    let mut clean = Vec::new();
    let mut sentences = Vec::new();
    for (indicator, words) in counted {
        let guilty: Vec<String> = rows
            .iter()
            .filter_map(|row| Some((row, row.summary(indicator).max.filter(|max| *max > 0.0)?)))
            .map(|(row, max)| format!("{} {}", row.strategy, format::short(indicator, max)))
            .collect();
        if guilty.is_empty() {
            clean.push(words);
        } else {
            let who = guilty.join(", ");
            sentences.push(format!("Most {words} in a trial: {who}; others none."));
        }
    }
    if !clean.is_empty() {
        sentences.push(format!("No trial has {}.", clean.join(" or ")));
    }
    sentences
}

fn workers(rows: &[&StrategyRow], trials: &[&RunRecord]) -> String {
    let most = |row: &&StrategyRow| {
        let of_strategy = trials.iter().filter(|trial| trial.strategy == row.strategy);
        let peak = of_strategy.flat_map(|trial| &trial.series).map(|second| second.replicas).max();
        format!("{} {}", row.strategy, peak.map_or(format::ABSENT.to_owned(), |p| p.to_string()))
    };
    format!("Most workers at once: {}.", rows.iter().map(most).collect::<Vec<_>>().join(", "))
}

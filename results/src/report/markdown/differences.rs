//! How the strategies differ, in sentences that say no more than the trials show.

use crate::comparison::StrategyRow;
use crate::objectives::IndicatorName;
use crate::ranking::{RANKED, Section};
use crate::record::RunRecord;
use crate::report::format;

/// The sentences for one scenario: its ranking, its rows and their records.
pub(in crate::report) fn sentences(
    ranking: &Section,
    rows: &[&StrategyRow],
    trials: &[&RunRecord],
) -> Vec<String> {
    let mut sentences = Vec::new();
    for indicator in RANKED {
        sentences.extend(rows.iter().filter_map(|row| never(row, indicator)));
        sentences.extend(extremes(ranking, indicator, &rows[0].currency));
    }
    sentences.extend(delivery(rows));
    sentences.push(workers(rows, trials));
    sentences
}

/// Trials that did not recover, which have no place among the numbers.
fn never(row: &StrategyRow, indicator: IndicatorName) -> Option<String> {
    (indicator == IndicatorName::Recovery && row.never_recovered > 0).then(|| {
        let (never, all) = (row.never_recovered, format::counted(row.trials.len(), "trial"));
        format!("Under {}, the system did not recover in {never} of {all}.", row.strategy)
    })
}

/// The best and the worst by an indicator, and what is known of their difference.
fn extremes(ranking: &Section, indicator: IndicatorName, currency: &str) -> Option<String> {
    let order = ranking.order(indicator);
    let [(best, top), .., (worst, bottom)] = &order[..] else { return None };
    let words = indicator.words();
    let shown = |value: f64| format::value(indicator, value, currency);
    if order.iter().all(|(_, value)| shown(*value) == shown(*top)) {
        let strategies: Vec<&str> = order.iter().map(|(of, _)| of.label.as_str()).collect();
        let (words, strategies) = (format::capitalized(words), strategies.join(" and "));
        return Some(format!("{words} was {} under {strategies} alike.", shown(*top)));
    }
    let (first, last) = if top < bottom { ("lowest", "highest") } else { ("highest", "lowest") };
    let (greater, smaller) = (top.max(*bottom), top.min(*bottom));
    let ratio =
        if smaller > 0.0 { format!(" ({:.1} : 1)", greater / smaller) } else { String::new() };
    let several = order.iter().any(|(contestant, _)| contestant.seeds.len() > 1);
    let manner = if several { "By the median over the trials" } else { "In one trial each" };
    let known = ranking.difference(indicator, &best.label, &worst.label);
    let known = match known {
        Some(difference) => format!(" {}", difference.sentence),
        None if several => " Whether that is noise is not known.".to_owned(),
        None => String::new(),
    };
    Some(format!(
        "{manner}, {words} was {first} under {}, {}, and {last} under {}, {}{ratio}.{known}",
        best.label,
        shown(*top),
        worst.label,
        shown(*bottom),
    ))
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
            let others = if guilty.len() < rows.len() { "; others none" } else { "" };
            sentences.push(format!("Most {words} in a trial: {}{others}.", guilty.join(", ")));
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

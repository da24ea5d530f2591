//! Which faults the operator's conditions and events showed, under each strategy.

use std::collections::BTreeMap;

use crate::comparison::{StrategyRow, median_of_trials};
use crate::detection::Detection;
use crate::record::RunRecord;
use crate::report::format::{self, share};
use crate::report::markdown::line;
use crate::report::markdown::table::Table;

/// A row for each strategy in which a fault landed.
pub(super) fn table(rows: &[&StrategyRow], trials: &[&RunRecord]) -> String {
    let mut table = Table::new([
        "strategy",
        "faults shown by the operator",
        "recall",
        "after",
        "alarms",
        "false alarms",
        "precision",
    ]);
    let mut is_empty = true;
    for row in rows {
        let of_strategy = trials.iter().filter(|trial| trial.strategy == row.strategy);
        let detections: Vec<Detection<'_>> =
            of_strategy.map(|trial| Detection::of(&trial.faults, &trial.alarms)).collect();
        if detections.iter().any(|detection| !detection.faults.is_empty()) {
            is_empty = false;
            table.row(cells(&row.strategy, &detections));
        }
    }
    if is_empty {
        return String::new();
    }
    let mut text = table.render();
    line(
        &mut text,
        "\nAlarms are conditions of the job that turn bad and warning events about it. One shows the \
         fault in whose time it falls, from installation to 5 s after healing; one in no fault's \
         time is false. Sums over the trials; the time is the median.",
    );
    text
}

fn cells(strategy: &str, detections: &[Detection<'_>]) -> Vec<String> {
    let landed: usize = detections.iter().map(|detection| detection.faults.len()).sum();
    let detected: usize = detections.iter().map(Detection::detected).sum();
    let shown: u64 = detections.iter().map(|detection| detection.shown).sum();
    let false_alarms: usize = detections.iter().map(|detection| detection.false_alarms.len()).sum();
    let alarms = shown + false_alarms as u64;
    let times: Vec<Option<f64>> =
        detections.iter().filter_map(Detection::detect_s).map(Some).collect();
    let precision = (alarms > 0).then(|| share(shown as f64 / alarms as f64));
    vec![
        strategy.to_owned(),
        format!("{detected} of {landed}{}", by_what(detections)),
        share(detected as f64 / landed as f64),
        median_of_trials(&times).map_or(format::ABSENT.to_owned(), format::seconds),
        alarms.to_string(),
        false_alarms.to_string(),
        precision.unwrap_or(format::ABSENT.to_owned()),
    ]
}

/// The first alarms with how many faults each showed.
fn by_what(detections: &[Detection<'_>]) -> String {
    let mut counted: BTreeMap<&str, usize> = BTreeMap::new();
    for (alarm, _) in detections.iter().flat_map(|d| &d.faults).filter_map(|(_, first)| *first) {
        *counted.entry(&alarm.what).or_default() += 1;
    }
    let each: Vec<String> =
        counted.into_iter().map(|(what, count)| format!("{what}: {count}")).collect();
    if each.is_empty() { String::new() } else { format!(" ({})", each.join(", ")) }
}

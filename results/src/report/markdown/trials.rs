//! Each trial by itself: its course over time, and how well its p99 is known.

use crate::record::RunRecord;
use crate::report::format::{self, milliseconds};
use crate::report::markdown::table::Table;
use crate::report::markdown::{line, name_of};
use crate::report::misleads;
use crate::report::sparkline::{Scale, sparkline};
use crate::statistics::quantile_ranks;

/// The widest line of blocks.
const WIDTH: usize = 60;
const CONFIDENCE: f64 = 0.95;

/// The course of p99 and replicas over each trial, with the faults under it.
pub(super) fn over_time(trials: &[&RunRecord]) -> String {
    let mut text = String::from("```text\n");
    for trial in trials {
        let p99: Vec<Option<f64>> = trial.series.iter().map(|row| row.response_p99_ms).collect();
        let replicas: Vec<Option<f64>> =
            trial.series.iter().map(|row| Some(f64::from(row.replicas))).collect();
        let shown_ms = |ms: Option<f64>| ms.map_or(format::ABSENT.to_owned(), milliseconds);
        let (least, greatest) = (least(&p99), greatest(&p99));
        let heading: String =
            name_of(trial).chars().map(|c| if misleads(c) || c == '`' { ' ' } else { c }).collect();
        line(&mut text, &heading);
        line(
            &mut text,
            &format!(
                "  p99      {}  {} to {}, log scale",
                sparkline(&p99, WIDTH, Scale::Logarithmic),
                shown_ms(least),
                shown_ms(greatest)
            ),
        );
        line(
            &mut text,
            &format!(
                "  replicas {}  up to {}",
                sparkline(&replicas, WIDTH, Scale::Linear),
                trial.series.iter().map(|row| row.replicas).max().unwrap_or(0)
            ),
        );
        line(&mut text, &format!("  faults   {}", fault_line(trial)));
    }
    text.push_str("```\n");
    text
}

/// A `#` where a fault was in place, in the columns of the sparklines above it.
fn fault_line(trial: &RunRecord) -> String {
    let rows = trial.series.len();
    let columns = rows.min(WIDTH);
    let mut from_s = 0.0;
    let mark = |column: usize| {
        let to_s = trial.series[(column + 1) * rows / columns - 1].t_s;
        let in_place = trial.faults.iter().any(|fault| fault.was_in_place(from_s, to_s));
        from_s = to_s;
        if in_place { '#' } else { '.' }
    };
    (0..columns).map(mark).collect()
}

/// The interval of each trial's p99 from its own samples.
pub(super) fn intervals(trials: &[&RunRecord]) -> String {
    let mut table = Table::new(["trial", "samples", "p99", "interval within the trial"]);
    for trial in trials {
        let p99 = trial.response.p99_us.map(|us| milliseconds(us as f64 / 1e3));
        table.row(vec![
            name_of(trial),
            format::count(trial.response.count),
            p99.unwrap_or(format::ABSENT.to_owned()),
            interval(trial).unwrap_or("too few samples".to_owned()),
        ]);
    }
    let mut text = table.render();
    line(
        &mut text,
        "\nThe intervals hold at 95 % if responses were independent, and are from the order \
         statistics of one trial, widened by the histogram's buckets. Responses that wait in one \
         queue are not independent, and trials differ by more than that: compare trials, not \
         these intervals.",
    );
    text
}

fn interval(trial: &RunRecord) -> Option<String> {
    let latencies = trial.response.decode().ok()?;
    let (low, high) = quantile_ranks(latencies.count(), 0.99, CONFIDENCE);
    let (low_us, _) = latencies.rank_bounds_us(low?)?;
    let (_, high_us) = latencies.rank_bounds_us(high?)?;
    let shown = |us: u64| milliseconds(us as f64 / 1e3);
    Some(format!("{} to {}", shown(low_us), shown(high_us)))
}

fn least(values: &[Option<f64>]) -> Option<f64> {
    values.iter().flatten().copied().reduce(f64::min)
}

fn greatest(values: &[Option<f64>]) -> Option<f64> {
    values.iter().flatten().copied().reduce(f64::max)
}

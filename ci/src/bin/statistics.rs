//! Our statistics for other programs to compare with: a line of JSON in, `{"values": [..],
//! "confidence": 0.95, "quantile": 0.5}`, and a line of JSON out, to the end of the input.

use ci::micro::now;
use results::statistics::changes::{ChangeRules, change_points};
use results::statistics::energy::Scan;
use results::statistics::{correlation, median, paired, quantile_ranks, share_interval, student};
use serde::Deserialize;
use std::hint::black_box;
use std::io::{self, BufRead, Write};

/// How often a pass is repeated to be timed.
const PASSES: u32 = 200;

#[derive(Deserialize)]
struct Request {
    values: Vec<f64>,
    confidence: f64,
    quantile: f64,
}

fn main() -> anyhow::Result<()> {
    for line in io::stdin().lock().lines() {
        let answer = answer(&serde_json::from_str(&line?)?);
        writeln!(io::stdout(), "{answer}")?;
    }
    Ok(())
}

fn answer(request: &Request) -> serde_json::Value {
    let Request { values, confidence, quantile } = request;
    let count = values.len() as u64;
    let mut scan = Scan::default();
    let split = scan.best_split(values, 2);
    let start = now();
    for _ in 0..PASSES {
        black_box(scan.best_split(black_box(values), 2));
    }
    let pass_s = start.elapsed().as_secs_f64() / f64::from(PASSES);
    let start = now();
    let changes = change_points(values, &ChangeRules::default());
    let changes_s = start.elapsed().as_secs_f64();
    serde_json::json!({
        "median": median(values),
        "hodges_lehmann": paired::hodges_lehmann(values),
        "signed_rank": paired::signed_rank_interval(values, *confidence),
        "mean": student::mean_interval(values, *confidence),
        "lag1": correlation::lag1(values),
        "ranks": quantile_ranks(count, *quantile, *confidence),
        "share": share_interval(count / 10, count, *confidence),
        "split": split.map(|split| (split.at, split.statistic)),
        "changes": changes.iter().map(|point| point.index).collect::<Vec<_>>(),
        "pass_s": pass_s,
        "changes_s": changes_s,
    })
}

//! Prints one line a target: `name measured target ok|short`. Exits 0 whether or not they are met.

use ci::target::{
    Wanted::{AtLeast, AtMost},
    report,
};
use ci::{bare, micro, page, runs};
use clap::Parser;
use std::io::Write;
use std::path::PathBuf;

/// Rate at which both pipelines are offered more than they can carry.
const SATURATING_PER_S: u64 = 350_000;
const SATURATING_MESSAGES: u64 = 3_500_000;

/// Measures the targets of the main job.
#[derive(Debug, Parser)]
struct Args {
    /// The `stormgauge` program, built in release
    program: PathBuf,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let workload = micro::workload()?;
    let per_s = micro::generator_per_s(&workload);
    report("generator_and_serialiser", per_s, AtLeast, 1e6, "/s")?;
    report("recorder", micro::recorder_ns(), AtMost, 50.0, "ns")?;

    let pipeline = runs::record(&args.program, "pipeline", "cost_optimized")?;
    let planned = pipeline.workload.planned as f64 / 22.0;
    let carried = if pipeline.indicators.missed_sends == 0 { planned } else { 0.0 };
    report("pipeline_rate", carried, AtLeast, 1e5, "/s")?;
    let p99_ms = pipeline.indicators.p99_ms.unwrap_or(f64::INFINITY);
    report("pipeline_p99", p99_ms, AtMost, 100.0, "ms")?;
    report("pipeline_lost", pipeline.indicators.lost as f64, AtMost, 0.0, "")?;

    let saturated = runs::record(&args.program, "saturated", "high_throughput")?;
    let drained_s = saturated.phases.last().map_or(f64::INFINITY, |phase| phase.end_s);
    let ours = saturated.delivery.observed as f64 / drained_s;
    let theirs = bare::throughput_per_s(SATURATING_PER_S, SATURATING_MESSAGES).await?;
    let both = format!("pipeline {ours:.0}/s, bare pipeline {theirs:.0}/s");
    writeln!(std::io::stdout(), "# saturated: {both}")?;
    report("pipeline_over_bare", ours / theirs, AtLeast, 0.75, "")?;

    let steady = runs::record(&args.program, "steady", "cost_optimized")?;
    let dispatch_ms = steady.health.dispatch_error_p99_us as f64 / 1e3;
    report("dispatch_error_p99_at_50000", dispatch_ms, AtMost, 1.0, "ms")?;
    let memory_mib = steady.health.rss_bytes_max as f64 / f64::from(1 << 20);
    report("harness_memory_60s_at_50000", memory_mib, AtMost, 1024.0, "MiB")?;

    let (page_bytes, page_took) = page::one_hour(&steady)?;
    report("report_html_one_hour_bytes", page_bytes as f64, AtMost, 2e6, "B")?;
    report("report_html_one_hour_s", page_took.as_secs_f64(), AtMost, 1.0, "s")?;

    let (took, passed) = runs::smoke(&args.program)?;
    report("suite_smoke", took.as_secs_f64(), AtMost, 60.0, "s")?;
    report("suite_smoke_passes", f64::from(u8::from(passed)), AtLeast, 1.0, "")?;
    Ok(())
}

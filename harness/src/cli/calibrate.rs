//! `stormgauge calibrate`: what the duet gate is worth on this machine.

use super::gate::duet::{
    budget, calibration_file, plan, rules, say_pair, scenario, setting, this_program,
};
use super::options::{Form, Stop, runtime};
use super::print;
use crate::duet::{self, Folder, Played};
use crate::exit::{Exit, Failure};
use crate::progress::Progress;
use crate::scenario::spec::StrategyName;
use anyhow::{Context, anyhow};
use clap::Args;
use results::calibration::{CALIBRATION_PAIRS_MIN, Calibration, Rate};
use results::gate::log_ratios;
use std::path::{Path, PathBuf};

/// Gates that are drawn for each rate.
const GATES: u32 = 1_000;
/// So many pairs are spoiled at most for each that counts.
const SPOILED_FACTOR: usize = 2;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  stormgauge calibrate                        about nine minutes with the built-in scenario
  stormgauge calibrate scenario.yaml --pairs 60 --tolerance 0.03")]
pub(super) struct CalibrateArgs {
    /// Scenario file, or the name of a built-in scenario
    #[arg(default_value = "duet")]
    scenario: String,
    /// Pairs to play, this program against itself
    #[arg(long, value_name = "N", default_value_t = 40)]
    pairs: usize,
    /// Relative change that the gate lets pass
    #[arg(long, value_name = "SHARE")]
    tolerance: Option<f64>,
    /// Most pairs that the gate plays
    #[arg(long, value_name = "PAIRS", default_value_t = budget())]
    budget: usize,
    /// Strategy to play [default: the scenario's first]
    #[arg(long, value_name = "STRATEGY")]
    strategies: Option<StrategyName>,
    /// Seed of order, load and drawing
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Folder for the pairs; must be new or empty [default: stormgauge-out/<run>]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// File to write [default: stormgauge-out/calibration/<scenario>.json]
    #[arg(long, value_name = "FILE")]
    calibration: Option<PathBuf>,
    /// Form of the result on standard output
    #[arg(short = 'o', long, value_enum, default_value_t)]
    output: Form,
    /// No progress on standard error
    #[arg(long, short)]
    quiet: bool,
}

impl CalibrateArgs {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        const PAIRS_MAX: usize = 10_000;
        if !(CALIBRATION_PAIRS_MIN..=PAIRS_MAX).contains(&self.pairs) {
            let (pairs, least) = (self.pairs, CALIBRATION_PAIRS_MIN);
            let error = anyhow!("--pairs {pairs}: must be from {least} to {PAIRS_MAX}");
            return Err(Failure::usage(error));
        }
        let rules = rules(self.tolerance, self.budget)?;
        let (text, scenario) = scenario(&self.scenario, self.strategies)?;
        let file = self.calibration.clone().unwrap_or_else(|| calibration_file(&scenario));
        let program = this_program()?;
        let folder = Folder::create(self.out.as_deref(), "calibrate", &text)?;
        let plan = plan(scenario, (program.clone(), program), self.seed)?;
        let progress = Progress::new(self.quiet);
        let runtime = runtime()?;
        let stop = Stop::watch(&runtime, None)?;
        let more = |played: &Played| {
            let counted = log_ratios(&played.pairs).len();
            let spoiled = played.pairs.len() - counted;
            let so_far = format!("{counted} of {} pairs", self.pairs);
            say_pair(&progress, played.pairs.last(), &so_far);
            Ok(counted < self.pairs && spoiled <= SPOILED_FACTOR * counted.max(5))
        };
        let played = runtime.block_on(duet::play(&plan, &folder, &stop.cancel, more))?;
        progress.finish();
        if let Some(exit) = stop.exit() {
            progress.say("no calibration was written");
            return Ok(exit);
        }
        let (took, drawing) = (played.seconds_per_pair(), (self.seed, GATES));
        let setting = setting(&plan, rules);
        let calibration = Calibration::of_pairs(&setting, &played.pairs, took, drawing)
            .map_err(|error| Failure { exit: Exit::Inconclusive, error: error.into() })?;
        self.conclude(&calibration, &file)
    }

    fn conclude(&self, calibration: &Calibration, file: &Path) -> Result<Exit, Failure> {
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder)
                .with_context(|| format!("cannot create {}", folder.display()))
                .map_err(Failure::not_ready)?;
        }
        calibration.write(file).map_err(Failure::not_ready)?;
        let text = match self.output {
            Form::Json => serde_json::to_string_pretty(calibration).map_err(Failure::internal)?,
            Form::Table => describe(calibration),
        };
        print(&text)?;
        crate::note!("calibration written to {}", file.display());
        Ok(Exit::Pass)
    }
}

fn describe(calibration: &Calibration) -> String {
    let percent = |share: f64| format!("{} %", (share * 1e3).round() / 10.0);
    let rate = |rate: Rate| {
        format!("{} ({} to {})", percent(rate.share), percent(rate.low), percent(rate.high))
    };
    let needed = calibration.pairs_needed.map_or("more than any".to_owned(), |n| n.to_string());
    let rows = [
        ("scenario", format!("{}, {}", calibration.scenario, calibration.strategy)),
        ("machine", calibration.machine.summary()),
        ("pairs", format!("{}, {} spoiled", calibration.log_ratios.len(), calibration.spoiled)),
        ("time a pair", format!("{:.1} s", calibration.seconds_per_pair)),
        ("noise from pair to pair", percent(calibration.noise)),
        ("correlation of neighbours", format!("{:+.2}", calibration.lag1.unwrap_or(0.0))),
        ("false alarms", rate(calibration.false_alarms)),
        ("power at", percent(calibration.change)),
        ("", rate(calibration.power)),
        ("pairs needed for that", format!("{needed} in one look")),
    ];
    let lines = rows.iter().map(|(name, value)| format!("{name:<26} {value}\n"));
    lines.collect()
}

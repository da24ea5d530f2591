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
use results::calibration::{CALIBRATION_PAIRS_MIN, Calibration, Measured, Rate};
use results::gate::{Pair, log_ratios};
use results::report::format::percent;
use results::statistics::duet::Rules;
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
        const PAIRS_MAX: usize = 1_000;
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
        check_count(&played.pairs, self.pairs)?;
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
        calibration.worries().iter().for_each(|worry| crate::note!("{worry}"));
        crate::note!("calibration written to {}", file.display());
        Ok(Exit::Pass)
    }
}

/// Refuses fewer pairs than were asked for: too many were spoiled for the others to be more than
/// the machine at its best.
fn check_count(pairs: &[Pair], wanted: usize) -> Result<(), Failure> {
    let (counted, played) = (log_ratios(pairs).len(), pairs.len());
    if counted >= wanted {
        return Ok(());
    }
    let last = pairs.iter().rev().find_map(Pair::spoiled).unwrap_or_default();
    let error = anyhow!(
        "only {counted} of {played} pairs count, and {wanted} were to, so no calibration was \
         written; the last that does not: {last}"
    );
    Err(Failure { exit: Exit::Inconclusive, error })
}

fn describe(calibration: &Calibration) -> String {
    let shown = |share: f64| format!("{} %", percent(share));
    let rate =
        |rate: Rate| format!("{} ({} to {})", shown(rate.share), shown(rate.low), shown(rate.high));
    let Rules { tolerance, alpha, pairs_min, pairs_max } = calibration.rules;
    let Measured { gates, failed, passed, found } = calibration.measured;
    let change = shown(calibration.change);
    let needed = calibration.pairs_needed.map_or("more than any".to_owned(), |n| n.to_string());
    let rows = [
        ("scenario", format!("{}, {}", calibration.scenario, calibration.strategy)),
        ("machine", calibration.machine.summary()),
        (
            "gate",
            format!(
                "{} tolerated, {} errors, {pairs_min} to {pairs_max} pairs",
                shown(tolerance),
                shown(alpha)
            ),
        ),
        ("pairs", format!("{}, {} spoiled", calibration.log_ratios.len(), calibration.spoiled)),
        ("time a pair", format!("{:.1} s", calibration.seconds_per_pair)),
        ("noise from pair to pair", shown(calibration.noise)),
        ("correlation of neighbours", format!("{:+.2}", calibration.lag1.unwrap_or(0.0))),
        ("pairs to find", format!("{change} in one look: {needed}")),
        (
            "false alarms, drawn",
            format!("{} of {}", rate(calibration.false_alarms), calibration.gates),
        ),
        (
            "false alarms, as measured",
            format!("{failed} of {gates}, one begun at each pair; {passed} pass"),
        ),
        ("found, drawn", format!("{} of {}", rate(calibration.power), calibration.gates)),
        ("found, as measured", format!("{found} of {gates}")),
    ];
    let lines = rows.iter().map(|(name, value)| format!("{name:<26} {value}\n"));
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use results::gate::{Half, Role};

    #[test]
    fn fewer_pairs_than_were_asked_for_are_inconclusive() {
        let died = || Half::spoiled("It died.");
        let (first, baseline, candidate) = (Role::Baseline, died(), died());
        let pairs = [Pair { number: 1, seed: 1, first, baseline, candidate }];
        let failure = check_count(&pairs, 10).unwrap_err();
        assert_eq!(failure.exit, Exit::Inconclusive);
        let words = "only 0 of 1 pairs count, and 10 were to";
        assert!(failure.to_string().starts_with(words), "{failure}");
        assert!(failure.to_string().contains("It died."), "{failure}");
    }
}

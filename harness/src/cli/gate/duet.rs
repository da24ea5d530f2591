//! `stormgauge gate --duet`: is this program slower than that one?

use super::render;
use crate::cli::options::{GateForm, Stop, runtime};
use crate::cli::print;
use crate::duet::{self, DuetPlan, Folder, Played, revision};
use crate::exit::{Exit, Failure};
use crate::progress::Progress;
use crate::scenario::ValidatedScenario;
use crate::scenario::builtin;
use crate::scenario::spec::StrategyName;
use crate::scenario::validated::Overrides;
use anyhow::{Context, anyhow};
use clap::Args;
use results::calibration::Calibration;
use results::gate::{self, DuetSetting, Pair};
use results::statistics::duet::Rules;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// The files with the result, which are written anew after each pair.
const FILES: [(&str, GateForm); 3] =
    [("gate.json", GateForm::Json), ("gate.md", GateForm::Md), ("junit.xml", GateForm::Junit)];

#[derive(Debug, Args)]
pub(super) struct DuetArgs {
    /// Play this program, or another, against a baseline in pairs of short trials
    #[arg(long, value_name = "SCENARIO", num_args = 0..=1, default_missing_value = "duet")]
    duet: Option<String>,
    /// Program that is known to be good
    #[arg(long, value_name = "PATH", requires = "duet", conflicts_with = "baseline_rev")]
    baseline_bin: Option<PathBuf>,
    /// Revision that is known to be good, to be built in a work tree of its own
    #[arg(long, value_name = "REV", requires = "duet")]
    baseline_rev: Option<String>,
    /// Program in question [default: this one]
    #[arg(long, value_name = "PATH", requires = "duet")]
    candidate_bin: Option<PathBuf>,
    /// Strategy to play [default: the scenario's first]
    #[arg(long, value_name = "STRATEGY", requires = "duet")]
    strategies: Option<StrategyName>,
    /// Most pairs that are played for a decision
    #[arg(long, value_name = "PAIRS", requires = "duet", default_value_t = budget())]
    budget: usize,
    /// Seed of the order, and of the first pair's load; each further pair adds one
    #[arg(long, requires = "duet", default_value_t = 1)]
    seed: u64,
    /// Folder for the results; must be new or empty [default: stormgauge-out/<run>]
    #[arg(long, value_name = "DIR", requires = "duet")]
    out: Option<PathBuf>,
    /// What is known of this machine [default: stormgauge-out/calibration/<scenario>.json]
    #[arg(long, value_name = "FILE", requires = "duet")]
    calibration: Option<PathBuf>,
    /// No progress on standard error
    #[arg(long, short, requires = "duet")]
    quiet: bool,
}

/// Pairs at the last look, where no flag says otherwise.
pub(in crate::cli) fn budget() -> usize {
    Rules::default().pairs_max
}

impl DuetArgs {
    pub(super) fn run(self, tolerance: Option<f64>, form: GateForm) -> Result<Exit, Failure> {
        let rules = rules(tolerance, self.budget)?;
        let named = self.duet.as_deref().unwrap_or_default();
        let (text, scenario) = scenario(named, self.strategies)?;
        let candidate = self.candidate_bin.as_deref().map_or_else(this_program, program)?;
        let calibration = calibration(self.calibration.as_deref(), &scenario)?;
        let progress = Progress::new(self.quiet);
        let runtime = runtime()?;
        let stop = Stop::watch(&runtime, None)?;
        let baseline = runtime.block_on(self.baseline(&progress, &stop.cancel))?;
        let folder = Folder::create(self.out.as_deref(), "gate-duet", &text)?;
        let plan = plan(scenario, (baseline, candidate), self.seed)?;
        let setting = setting(&plan, rules);
        announce(&progress, &setting, &folder);
        let judge = |played: &Played| {
            let (pairs, took) = (played.pairs.clone(), played.seconds_per_pair());
            gate::duet(setting.clone(), pairs, took, calibration.as_ref())
        };
        let write = |played: &Played| {
            let result = judge(played);
            for (name, form) in FILES {
                folder.write(name, render(&result, form)?.as_bytes())?;
            }
            Ok(result)
        };
        let more = |played: &Played| {
            let result = write(played)?;
            let so_far = result.lines.last().map(|line| line.shown.clone()).unwrap_or_default();
            say_pair(&progress, played.pairs.last(), &so_far);
            Ok(gate::duet_goes_on(&played.pairs, &rules))
        };
        let played = runtime.block_on(duet::play(&plan, &folder, &stop.cancel, more))?;
        progress.finish();
        let result = write(&played)?;
        print(&render(&result, form)?)?;
        Ok(stop.exit().unwrap_or_else(|| Exit::of(result.verdict.kind)))
    }

    async fn baseline(
        &self,
        progress: &Progress,
        cancel: &CancellationToken,
    ) -> Result<PathBuf, Failure> {
        match (&self.baseline_bin, &self.baseline_rev) {
            (Some(path), _) => program(path),
            (None, Some(name)) => {
                revision::build(name, Path::new("."), &revision::cache()?, progress, cancel).await
            }
            (None, None) => {
                let error =
                    anyhow!("--duet: name a baseline with --baseline-bin or --baseline-rev");
                Err(Failure::usage(error))
            }
        }
    }
}

/// The rules of a gate with this tolerance and budget.
///
/// # Errors
/// When a flag has a value that means nothing.
pub(in crate::cli) fn rules(tolerance: Option<f64>, budget: usize) -> Result<Rules, Failure> {
    // The work of a look grows with the square of its pairs.
    const BUDGET_MAX: usize = 500;
    let known = Rules::default();
    let tolerance = tolerance.unwrap_or(known.tolerance);
    if !(0.0..=10.0).contains(&tolerance) {
        let error = anyhow!("--tolerance {tolerance}: must be from 0 to 10, such as 0.05 for 5 %");
        return Err(Failure::usage(error));
    }
    if !(known.pairs_min..=BUDGET_MAX).contains(&budget) {
        let least = known.pairs_min;
        let error = anyhow!("--budget {budget}: must be from {least} to {BUDGET_MAX} pairs");
        return Err(Failure::usage(error));
    }
    Ok(Rules { tolerance, pairs_max: budget, ..known })
}

/// A scenario by file or name: its text, and what both programs will make of it.
///
/// # Errors
/// When it cannot be read or validated, or there is none of that name.
pub(in crate::cli) fn scenario(
    named: &str,
    strategy: Option<StrategyName>,
) -> Result<(String, Arc<ValidatedScenario>), Failure> {
    let whole = crate::cli::options::scenario(named, &Overrides::default())?;
    let text = match builtin::scenario(named) {
        Some(text) if !Path::new(named).is_file() => text.to_owned(),
        _ => std::fs::read_to_string(named)
            .with_context(|| named.to_owned())
            .map_err(Failure::usage)?,
    };
    let strategy = strategy.or_else(|| whole.spec.strategies.first().copied());
    let strategies = strategy.map(|strategy| vec![strategy]);
    let overrides = Overrides { repetitions: Some(1), strategies, ..Overrides::default() };
    let scenario = ValidatedScenario::parse(named, &text, &overrides).map_err(Failure::usage)?;
    Ok((text, Arc::new(scenario)))
}

/// A program by path, from anywhere.
fn program(path: &Path) -> Result<PathBuf, Failure> {
    let usable = |path: &Path| -> anyhow::Result<PathBuf> {
        let found = path.canonicalize()?;
        let data = found.metadata()?;
        let runs = data.is_file() && data.permissions().mode() & 0o111 != 0;
        anyhow::ensure!(runs, "is no program that can be run");
        Ok(found)
    };
    usable(path).with_context(|| path.display().to_string()).map_err(Failure::usage)
}

/// The path of this program.
pub(in crate::cli) fn this_program() -> Result<PathBuf, Failure> {
    std::env::current_exe().context("cannot find this program").map_err(Failure::internal)
}

/// Who plays what.
pub(in crate::cli) fn plan(
    scenario: Arc<ValidatedScenario>,
    (baseline, candidate): (PathBuf, PathBuf),
    seed: u64,
) -> Result<DuetPlan, Failure> {
    let (launcher, patience) = (this_program()?, DuetPlan::patience(&scenario));
    let strategy = scenario.spec.strategies[0];
    Ok(DuetPlan { scenario, strategy, launcher, baseline, candidate, seed, patience })
}

/// What a duet is about, for its record.
pub(in crate::cli) fn setting(plan: &DuetPlan, rules: Rules) -> DuetSetting {
    DuetSetting {
        scenario: plan.scenario.spec.name.clone(),
        digest: plan.scenario.digest.clone(),
        strategy: plan.strategy.as_str().to_owned(),
        rules,
        baseline: plan.baseline.display().to_string(),
        candidate: plan.candidate.display().to_string(),
    }
}

/// Where the calibration for a scenario is kept.
pub(in crate::cli) fn calibration_file(scenario: &ValidatedScenario) -> PathBuf {
    let file = format!("{}.json", scenario.spec.name);
    Path::new(crate::run::ROOT).join("calibration").join(file)
}

/// The calibration that was named, or the one that is kept for the scenario if there is any.
fn calibration(
    named: Option<&Path>,
    scenario: &ValidatedScenario,
) -> Result<Option<Calibration>, Failure> {
    let path = named.map_or_else(|| calibration_file(scenario), Path::to_owned);
    if named.is_none() && !path.exists() {
        return Ok(None);
    }
    Calibration::read(&path).map(Some).map_err(Failure::usage)
}

fn announce(progress: &Progress, setting: &DuetSetting, folder: &Folder) {
    progress.say(&format!(
        "duet of {}: {} to {} pairs, {} % tolerated, results in {}",
        setting.scenario,
        setting.rules.pairs_min,
        setting.rules.pairs_max,
        (setting.rules.tolerance * 1e4).round() / 100.0,
        folder.path().display()
    ));
    progress.say(&format!("baseline {}, candidate {}", setting.baseline, setting.candidate));
}

/// A line for a pair that has been played.
pub(in crate::cli) fn say_pair(progress: &Progress, pair: Option<&Pair>, so_far: &str) {
    let Some(pair) = pair else { return };
    let line = match (pair.baseline.p99_ms, pair.candidate.p99_ms, pair.log_ratio()) {
        (Some(baseline_ms), Some(candidate_ms), Some(ratio)) => format!(
            "pair {}, {} first: p99 {baseline_ms:.1} ms and {candidate_ms:.1} ms, {:+.1} %; so \
             far {so_far}",
            pair.number,
            pair.first.word(),
            ratio.exp_m1() * 100.0
        ),
        _ => pair.spoiled().unwrap_or_default(),
    };
    progress.say(&line);
}

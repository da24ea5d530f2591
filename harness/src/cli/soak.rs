//! `stormgauge soak FILE --hours H`

use super::options::{Form, Stop, runtime, scenario};
use crate::exit::{Exit, Failure};
use crate::progress::Progress;
use crate::run::ROOT;
use crate::scenario::spec::StrategyName;
use crate::scenario::validated::Overrides;
use crate::soak::folder::Folder;
use crate::soak::state::Soak;
use crate::soak::{self, SoakPlan};
use clap::Args;
use results::report::format;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// The longest soak, in hours: a year.
const HOURS_MAX: f64 = 8_760.0;

#[derive(Debug, Args)]
#[command(after_help = "\
The folders of the last three rounds stay, and those of all that failed. The same command goes on
with a soak that was stopped or killed.

Examples:
  stormgauge soak scenario.yaml --hours 8
  stormgauge soak smoke --hours 0.5 --intensity 0.8 --out soaks/smoke")]
pub(super) struct SoakArgs {
    /// Scenario file, or the name of a built-in scenario
    file: String,
    /// For how long, in hours; time before a kill counts
    #[arg(long, value_name = "H")]
    hours: f64,
    /// Seed of the first round; each further round adds one
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How much breaks, 0 to 1: how many kinds of fault, how often and for how long
    #[arg(long, value_name = "X", default_value_t = 0.5)]
    intensity: f64,
    /// Strategies that take turns, separated by commas
    #[arg(long, value_delimiter = ',', value_name = "A,B")]
    strategies: Option<Vec<StrategyName>>,
    /// Multiply every arrival rate
    #[arg(long, value_name = "X")]
    rate_scale: Option<f64>,
    /// For how long a failure is shrunk; 0s for not at all
    #[arg(long, value_name = "TIME", default_value = "15m")]
    #[arg(value_parser = humantime::parse_duration)]
    shrink_for: Duration,
    /// End after so many rounds that fail
    #[arg(long, value_name = "N", default_value_t = 5)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1000))]
    failures: u32,
    /// Folder of the soak [default: stormgauge-out/soak-<scenario>]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Form of the result on standard output
    #[arg(short = 'o', long, value_enum, default_value_t)]
    output: Form,
    /// No progress on standard error
    #[arg(long, short)]
    quiet: bool,
}

impl SoakArgs {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let plan = self.plan()?;
        let named = &plan.scenario.spec.name;
        let path = self.out.unwrap_or_else(|| Path::new(ROOT).join(format!("soak-{named}")));
        let (folder, mut state) = Folder::open(&path, &plan.scenario, self.intensity, self.seed)?;
        let progress = Progress::new(self.quiet);
        progress.say(&format!(
            "{named}: soak from seed {}, {} rounds so far, results in {}",
            state.first_seed,
            state.rounds(),
            path.display()
        ));
        let runtime = runtime()?;
        let stop = Stop::watch(&runtime, None)?;
        let run = soak::run(&plan, &folder, &mut state, &progress, &stop.cancel);
        let outcome = runtime.block_on(run);
        progress.finish();
        super::print(&shown(&state, &folder, self.output)?)?;
        outcome?;
        Ok(stop.exit().unwrap_or_else(|| soak::exit(&state)))
    }

    fn plan(&self) -> Result<SoakPlan, Failure> {
        let refused = |what: String| Failure::usage(anyhow::anyhow!(what));
        if !(self.hours > 0.0 && self.hours <= HOURS_MAX) {
            return Err(refused(format!(
                "--hours {}: must be above 0 and up to {HOURS_MAX}",
                self.hours
            )));
        }
        super::chaos::check_intensity(self.intensity)?;
        let overrides = Overrides {
            rate_scale: super::options::checked_scale(self.rate_scale)?,
            repetitions: Some(1),
            strategies: self.strategies.clone(),
            ..Overrides::default()
        };
        let scenario = scenario(&self.file, &overrides)?;
        let program = std::env::current_exe().map_err(|error| {
            Failure::internal(anyhow::anyhow!("cannot find this program: {error}"))
        })?;
        Ok(SoakPlan {
            program,
            scenario: Arc::unwrap_or_clone(scenario),
            intensity: self.intensity,
            length: Duration::from_secs_f64(self.hours * 3600.0),
            shrink_for: (!self.shrink_for.is_zero()).then_some(self.shrink_for),
            failures: self.failures,
        })
    }
}

fn shown(soak: &Soak, folder: &Folder, form: Form) -> Result<String, Failure> {
    if form == Form::Json {
        return serde_json::to_string_pretty(soak).map_err(Failure::internal);
    }
    let mut text = format!(
        "{} rounds in {}: {} kept, {} failed, {} unclear\n",
        soak.rounds(),
        format::seconds(soak.spent_s),
        soak.kept,
        soak.failed,
        soak.unclear
    );
    for failure in &soak.failures {
        let round = folder.round(failure.seed);
        text.push_str(&format!(
            "seed {}: {}\n  {}\n",
            failure.seed,
            failure.reason,
            round.display()
        ));
    }
    Ok(text)
}

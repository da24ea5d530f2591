//! Flags that several verbs share, and the life of a run around them.

use super::chaos::ChaosOptions;
use crate::capacity::{self, CapacityOutcome};
use crate::cli::print;
use crate::environment::docker::{self, DockerSettings};
use crate::environment::{Capability, Place};
use crate::exit::{Exit, Failure};
use crate::progress::Progress;
use crate::run::{self, RunOutcome, RunPlan, reports};
use crate::scenario::spec::StrategyName;
use crate::scenario::validated::Overrides;
use crate::scenario::{ScenarioSpec, ValidatedScenario};
use clap::{Args, ValueEnum};
use results::{Comparison, RunRecord};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Where a run takes place.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum EnvironmentName {
    /// Embedded brokers and control plane, real processes, on this machine.
    #[default]
    Local,
    /// The same with Apache Kafka in containers.
    Docker,
}

/// Flags that say where to run.
#[derive(Debug, Args)]
pub(crate) struct EnvironmentOptions {
    /// Environment to run in
    #[arg(long = "env", value_enum, default_value_t)]
    name: EnvironmentName,
    /// Image of the brokers with --env docker: Apache Kafka's, or one that takes its variables
    #[arg(long, value_name = "IMAGE", default_value = docker::KAFKA_IMAGE)]
    kafka_image: String,
}

impl EnvironmentOptions {
    /// Where that is.
    pub(crate) fn place(&self) -> Place {
        match self.name {
            EnvironmentName::Local => Place::Local,
            EnvironmentName::Docker => {
                Place::Docker(DockerSettings { image: self.kafka_image.clone() })
            }
        }
    }
}

impl EnvironmentName {
    /// What can be done there.
    pub(crate) fn capability(self) -> Capability {
        match self {
            Self::Local => Capability::LOCAL,
            Self::Docker => Capability::DOCKER,
        }
    }
}

/// Form of what goes to standard output.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// A table for people.
    #[default]
    Table,
    /// JSON.
    Json,
    /// Comma-separated values, a row a strategy.
    Csv,
    /// Markdown, at most 64 kB: a comment on a pull request.
    Md,
    /// JUnit XML: everything held against a strategy.
    Junit,
    /// JSON for dashboards of benchmarks: name, unit, value, less is better.
    Dashboard,
    /// OpenMetrics text.
    Openmetrics,
    /// A page with pictures.
    Html,
}

impl Format {
    /// Refuses the forms that only a comparison of trials has.
    ///
    /// # Errors
    /// When the form is one of them.
    pub(crate) fn of_tables(self) -> Result<TableFormat, Failure> {
        match self {
            Self::Table => Ok(TableFormat::Table),
            Self::Json => Ok(TableFormat::Json),
            Self::Csv => Ok(TableFormat::Csv),
            Self::Md => Ok(TableFormat::Md),
            _ => Err(Failure::usage(anyhow::anyhow!(
                "-o: only a comparison of trials has this form; allowed here: table, json, csv, md"
            ))),
        }
    }
}

/// Form of what is tables and nothing else.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum TableFormat {
    /// A table for people.
    #[default]
    Table,
    /// JSON.
    Json,
    /// Comma-separated values.
    Csv,
    /// Markdown.
    Md,
}

/// Form of what has no columns for CSV and no page for markdown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// A table for people.
    #[default]
    Table,
    /// JSON.
    Json,
}

/// Form of what a gate found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum GateForm {
    /// A table for people.
    #[default]
    Table,
    /// JSON.
    Json,
    /// Markdown, at most 64 kB: a comment on a pull request.
    Md,
    /// Test results for CI, as JUnit XML.
    Junit,
}

/// Flags of `suite` and `run`.
#[derive(Debug, Args)]
pub(crate) struct RunOptions {
    #[command(flatten)]
    environment: EnvironmentOptions,
    /// Seed of the workload, the faults' targets and the order; each repetition adds one
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Folder for the results; must be new or empty [default: stormgauge-out/<run>]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Strategies to compare, separated by commas
    #[arg(long, value_delimiter = ',', value_name = "A,B")]
    strategies: Option<Vec<StrategyName>>,
    /// How often each strategy is tried
    #[arg(long, value_name = "N")]
    repetitions: Option<u32>,
    /// Multiply every arrival rate
    #[arg(long, value_name = "X")]
    rate_scale: Option<f64>,
    /// End after this time with exit code 124, writing what there is (90s, 10m)
    #[arg(long, value_parser = humantime::parse_duration)]
    deadline: Option<Duration>,
    /// Form of the result on standard output
    #[arg(short = 'o', long, value_enum, default_value_t)]
    output: Format,
    /// No progress on standard error
    #[arg(long, short)]
    quiet: bool,
    #[command(flatten)]
    chaos: ChaosOptions,
}

impl RunOptions {
    /// What the flags change in a scenario.
    ///
    /// # Errors
    /// When a flag has a value that no scenario could have.
    pub(crate) fn overrides(&self) -> Result<Overrides, Failure> {
        let rate_scale = checked_scale(self.rate_scale)?;
        let (repetitions, strategies) = (self.repetitions, self.strategies.clone());
        Ok(Overrides { rate_scale, repetitions, strategies, ..Overrides::default() })
    }

    /// Runs the scenarios, prints the result and says how it went.
    ///
    /// # Errors
    /// When the environment cannot be got ready or the harness itself fails.
    pub(crate) fn execute(
        &self,
        name: &str,
        scenarios: Vec<Arc<ValidatedScenario>>,
    ) -> Result<Exit, Failure> {
        let plan = RunPlan {
            place: self.environment.place(),
            name: name.to_owned(),
            scenarios,
            seed: self.seed,
            out: self.out.clone(),
        };
        let chaos = self.chaos.asked()?;
        let searched = if chaos.is_none() { capacity::asked_for(&plan)? } else { None };
        // Said before the run, not after it.
        let tables = searched.map(|_| self.output.of_tables()).transpose()?;
        let progress = Progress::new(self.quiet);
        let runtime = runtime()?;
        let stop = Stop::watch(&runtime, self.deadline)?;
        let exit = if let (Some(scenario), Some(form)) = (searched, tables) {
            let run = capacity::run(&plan, scenario, &progress, &stop.cancel);
            let outcome = runtime.block_on(run);
            progress.finish();
            outcome.and_then(|outcome| conclude_capacity(&outcome, form, &progress))
        } else if let Some(asked) = chaos {
            let run = crate::random::run(&plan, &asked, &progress, &stop.cancel);
            let outcome = runtime.block_on(run);
            progress.finish();
            outcome.and_then(|outcome| self.compare(&outcome, &progress))
        } else {
            let outcome = runtime.block_on(run::run(&plan, &progress, &stop.cancel));
            progress.finish();
            outcome.and_then(|outcome| self.conclude(&plan, &outcome, &progress))
        };
        match (stop.exit(), exit) {
            (Some(stopped), Ok(_)) => Ok(stopped),
            (_, exit) => exit,
        }
    }

    fn conclude(
        &self,
        plan: &RunPlan,
        outcome: &RunOutcome,
        progress: &Progress,
    ) -> Result<Exit, Failure> {
        let rows = run::expectation_rows(&plan.scenarios, &outcome.records);
        if !rows.is_empty() {
            print(&run::expectation_table(&rows))?;
            let complete = rows.len() == plan.trials(&outcome.directory).len();
            let good = complete && rows.iter().all(|row| row.ok);
            return Ok(if good { Exit::Pass } else { Exit::GateFailed });
        }
        self.compare(outcome, progress)
    }

    fn compare(&self, outcome: &RunOutcome, progress: &Progress) -> Result<Exit, Failure> {
        if outcome.records.is_empty() {
            progress.say("no trial was finished");
            return Ok(Exit::Inconclusive);
        }
        let comparison = Comparison::from_records(&outcome.records).map_err(Failure::internal)?;
        print(&render(&comparison, &outcome.records, self.output)?)?;
        progress.say(&format!("reports: {}", outcome.directory.path().display()));
        let verdict = &comparison.verdict;
        progress.say(&format!("verdict: {}", verdict.kind.word()));
        verdict.reasons.iter().for_each(|reason| progress.say(&format!("  {reason}")));
        Ok(Exit::of(verdict.kind))
    }
}

/// The value of `--rate-scale`, if rates can be multiplied by it.
///
/// # Errors
/// When they cannot.
pub(crate) fn checked_scale(scale: Option<f64>) -> Result<Option<f64>, Failure> {
    match scale {
        Some(scale) if !(scale.is_finite() && scale > 0.0) => {
            Err(Failure::usage(anyhow::anyhow!("--rate-scale {scale}: must be a number above 0")))
        }
        scale => Ok(scale),
    }
}

/// Prints what a capacity run found and says how it went.
fn conclude_capacity(
    outcome: &CapacityOutcome,
    form: TableFormat,
    progress: &Progress,
) -> Result<Exit, Failure> {
    print(&capacity::shown(&outcome.result, form)?)?;
    progress.say(&format!("reports: {}", outcome.directory.path().display()));
    Ok(outcome.exit())
}

/// A comparison in the form asked for.
///
/// # Errors
/// When it cannot be rendered.
pub(crate) fn render(
    comparison: &Comparison,
    records: &[RunRecord],
    format: Format,
) -> Result<String, Failure> {
    use results::report;
    match format {
        Format::Table => Ok(reports::table(comparison, records)),
        Format::Json => report::comparison_json(comparison).map_err(Failure::internal),
        Format::Csv => report::csv::summary(comparison).map_err(Failure::internal),
        Format::Md => Ok(reports::markdown(comparison, records)),
        Format::Junit => reports::junit(comparison, records),
        Format::Dashboard => report::dashboard_json(comparison).map_err(Failure::internal),
        Format::Openmetrics => Ok(report::openmetrics(records)),
        Format::Html => reports::html(comparison, records),
    }
}

pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::internal)
}

/// Signals so close together are one request: `timeout` signals its child, then the child's group.
const ONE_REQUEST: Duration = Duration::from_secs(1);

/// Waits for any of the signals.
async fn received(signals: &mut [Signal]) {
    let any = signals.iter_mut().map(|signal| Box::pin(signal.recv()));
    futures::future::select_all(any).await;
}

/// Ends a run early: the user, a signal, or the deadline.
pub(crate) struct Stop {
    pub(crate) cancel: CancellationToken,
    timed_out: Arc<AtomicBool>,
}

impl Stop {
    pub(crate) fn watch(
        runtime: &tokio::runtime::Runtime,
        deadline: Option<Duration>,
    ) -> Result<Self, Failure> {
        let _guard = runtime.enter();
        let mut signals = [SignalKind::interrupt(), SignalKind::terminate()]
            .map(signal)
            .into_iter()
            .collect::<Result<Vec<Signal>, _>>()
            .map_err(Failure::internal)?;
        let stop = Self { cancel: CancellationToken::new(), timed_out: Arc::default() };
        let (cancel, timed_out) = (stop.cancel.clone(), Arc::clone(&stop.timed_out));
        runtime.spawn(async move {
            let limit = deadline.unwrap_or(Duration::from_secs(u64::from(u32::MAX)));
            tokio::select! {
                () = received(&mut signals) => {}
                () = tokio::time::sleep(limit) => timed_out.store(true, Ordering::Relaxed),
            }
            cancel.cancel();
            crate::note!(
                "stopping: healing faults and writing what there is; again to stop at once"
            );
            let repeats = async {
                loop {
                    received(&mut signals).await;
                }
            };
            let _ = tokio::time::timeout(ONE_REQUEST, repeats).await;
            received(&mut signals).await;
            // Children die with this process; `clean` finds what else there is.
            std::process::exit(Exit::Interrupted as i32)
        });
        Ok(stop)
    }

    /// The exit code of an early end.
    pub(crate) fn exit(&self) -> Option<Exit> {
        let stopped =
            if self.timed_out.load(Ordering::Relaxed) { Exit::Timeout } else { Exit::Interrupted };
        self.cancel.is_cancelled().then_some(stopped)
    }
}

/// A scenario by file or by the name of a built-in one.
///
/// # Errors
/// When it cannot be read or validated, or there is none of that name.
pub(crate) fn scenario(
    named: &str,
    overrides: &Overrides,
) -> Result<Arc<ValidatedScenario>, Failure> {
    use crate::scenario::builtin;
    let path = std::path::Path::new(named);
    let parsed = match builtin::scenario(named) {
        Some(text) if !path.is_file() => {
            ValidatedScenario::parse(&format!("built-in {named}"), text, overrides)
        }
        _ => ValidatedScenario::read(path, overrides),
    };
    parsed.map(Arc::new).map_err(Failure::usage)
}

/// The schema's root for scenarios.
pub(crate) fn scenario_schema() -> schemars::Schema {
    schemars::schema_for!(ScenarioSpec)
}

//! A capacity run: searches the highest sustained rate of fixed allocations, then gives each
//! strategy some demands to see what it spends on them.

mod demand;
mod prober;
mod reports;
mod searching;

use crate::exit::{Exit, Failure};
use crate::progress::Progress;
use crate::run::{RunDirectory, RunPlan};
use crate::scenario::ValidatedScenario;
use crate::scenario::capacity::CapacitySpec;
use chaos::journal::JournalEntry;
use prober::Prober;
use results::capacity::{CAPACITY_SCHEMA, CapacityResult, Resolved};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// What a capacity run gave.
#[derive(Debug)]
pub struct CapacityOutcome {
    /// What it found.
    pub result: CapacityResult,
    /// Where the files are.
    pub directory: RunDirectory,
}

impl CapacityOutcome {
    /// The exit code: a pass when every asked capacity is confirmed and every demand was tried as
    /// often as asked.
    pub fn exit(&self) -> Exit {
        let open = |resolved: Resolved| resolved != Resolved::Confirmed;
        let unsure = self.result.allocations.iter().any(|found| open(found.resolved));
        let untried = self.result.demands.iter().any(|point| point.invalid + point.not_played > 0);
        if unsure || untried { Exit::Inconclusive } else { Exit::Pass }
    }
}

/// The scenario of a plan whose capacity is to be searched for, if there is one.
///
/// # Errors
/// When it is not the plan's only scenario.
pub fn asked_for(plan: &RunPlan) -> Result<Option<&Arc<ValidatedScenario>>, Failure> {
    match plan.scenarios.iter().find(|scenario| scenario.spec.capacity.is_some()) {
        Some(scenario) if plan.scenarios.len() > 1 => Err(Failure::usage(anyhow::anyhow!(
            "scenario {}: one with `capacity` is a run of its own; take it out of the suite",
            scenario.spec.name
        ))),
        found => Ok(found),
    }
}

/// Runs every search and every demand. The reports are written anew after each, so that whatever
/// ends the run leaves what was found.
///
/// # Errors
/// When the folder cannot be written or an environment cannot be got ready.
pub async fn run(
    plan: &RunPlan,
    scenario: &ValidatedScenario,
    progress: &Progress,
    cancel: &CancellationToken,
) -> Result<CapacityOutcome, Failure> {
    crate::trial::check_variables().map_err(Failure::usage)?;
    let (directory, journal) = RunDirectory::create(plan)?;
    let mut prober =
        Prober::new(scenario, plan.seed, &directory, &journal, progress, cancel.clone());
    let result = measure(scenario, &mut prober, &directory).await;
    let ended = journal.append(JournalEntry::RunEnded { run: directory.name() });
    let result = result?;
    ended.map_err(Failure::not_ready)?;
    Ok(CapacityOutcome { result, directory })
}

async fn measure(
    scenario: &ValidatedScenario,
    prober: &mut Prober<'_>,
    directory: &RunDirectory,
) -> Result<CapacityResult, Failure> {
    let Some(capacity) = &scenario.spec.capacity else {
        return Err(Failure::internal(anyhow::anyhow!("the scenario has no capacity part")));
    };
    let mut result = empty(scenario, capacity, prober.seed());
    for &workers in &capacity.allocations {
        let found = searching::search(prober, capacity, workers).await?;
        result.allocations.push(found);
        reports::write(directory, &result)?;
    }
    for &rate in &capacity.demands {
        let spec = &scenario.spec;
        let points = demand::give(prober, &spec.strategies, rate, spec.repetitions).await?;
        result.demands.extend(points);
        reports::write(directory, &result)?;
    }
    Ok(result)
}

fn empty(scenario: &ValidatedScenario, capacity: &CapacitySpec, seed: u64) -> CapacityResult {
    let identity = crate::trial::identity();
    CapacityResult {
        schema: CAPACITY_SCHEMA.to_owned(),
        scenario: scenario.identity(),
        environment: "local".to_owned(),
        program: identity.0,
        machine: identity.1,
        strategy: scenario.spec.strategies[0].as_str().to_owned(),
        seed,
        resolution: capacity.resolution,
        allocations: Vec::new(),
        demands: Vec::new(),
    }
}

pub(crate) use reports::shown;

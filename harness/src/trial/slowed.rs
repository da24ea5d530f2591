//! A slower reference worker on request, without another scenario: the proof that a gate bites.
//!
//! `WORKER_SLOWED_BY=0.1` in the environment of this program makes every service time of the
//! reference worker 10 % longer. It is no part of the scenario, so that a trial with it may be
//! compared with one without; the record names it among the environment's settings.

use crate::scenario::spec::ScenarioSpec;
use std::collections::BTreeMap;

/// The variable, here and in the worker.
const VARIABLE: &str = "WORKER_SLOWED_BY";

/// Adds the variable to `variables` if it is set and the scenario has the reference worker.
pub(super) fn add_to(variables: &mut BTreeMap<String, String>, spec: &ScenarioSpec) {
    let asked = std::env::var(VARIABLE).ok().filter(|share| !share.is_empty());
    if let Some(share) = asked.filter(|_| spec.job.worker.command.is_none()) {
        variables.insert(VARIABLE.to_owned(), share);
    }
}

/// Refuses a value that the worker would refuse, before anything is started.
pub(crate) fn check() -> anyhow::Result<()> {
    let share = std::env::var(VARIABLE).unwrap_or_default();
    let problem = workloads::worker::parse_slowed_by(&share).err();
    problem.map_or(Ok(()), |problem| Err(anyhow::anyhow!("{VARIABLE} {problem}")))
}

//! Faults of the operator: killed, there twice, without its lease, or with a wrong clock.

mod lease;
#[cfg(test)]
mod tests;
mod wrong_clock;

use super::super::operator_endpoint;
use super::super::operator_process::{Operator, OperatorProcess};
use crate::clock;
use chaos::{Installed, Refusal};
use futures::FutureExt;
use futures::future::BoxFuture;
use results::report::format::counted;
use std::sync::Arc;

pub(in crate::environment) use lease::take as take_lease;
pub(in crate::environment) use wrong_clock::set_clock;

/// Kills the operator.
pub(in crate::environment) async fn kill(
    operator: &Arc<Operator>,
) -> Result<Box<dyn Installed>, Refusal> {
    let started = operator.pid().and_then(clock::start_ticks);
    let pid = operator.kill().await;
    let pid = pid.ok_or_else(|| Refusal::Failed("no operator runs".to_owned()))?;
    Ok(Box::new(Killed { operator: Arc::clone(operator), pid, started }))
}

/// Starts a second operator.
pub(in crate::environment) fn double(
    operator: &Arc<Operator>,
) -> Result<Box<dyn Installed>, Refusal> {
    let second = operator.second().map_err(|error| Refusal::Failed(error.to_string()))?;
    Ok(Box::new(Doubled { operator: Arc::clone(operator), second: Some(second), passes: 0 }))
}

struct Killed {
    operator: Arc<Operator>,
    /// The id that its process had.
    pid: u32,
    /// When that process had started: another one may get its id.
    started: Option<u64>,
}

impl Killed {
    fn sentence(&self) -> Option<String> {
        let gone = clock::start_ticks(self.pid) != self.started || self.started.is_none();
        (gone && self.operator.pid().is_none())
            .then(|| format!("process {} is gone, no operator runs", self.pid))
    }

    fn restart(&self) -> Result<String, String> {
        match self.operator.restart() {
            Ok(Some(pid)) => Ok(format!("process {pid} runs in place of {}", self.pid)),
            Ok(None) => Err("the operator ended as soon as it had started".to_owned()),
            Err(error) => Err(format!("the operator could not be started: {error}")),
        }
    }
}

impl Installed for Killed {
    fn evidence(&mut self) -> BoxFuture<'_, Option<String>> {
        let sentence = self.sentence();
        async move { sentence }.boxed()
    }

    fn heal(&mut self) -> BoxFuture<'_, Result<String, String>> {
        let restarted = self.restart();
        async move { restarted }.boxed()
    }
}

struct Doubled {
    operator: Arc<Operator>,
    /// Nothing once it is over.
    second: Option<OperatorProcess>,
    /// Passes that the second one was seen to have made.
    passes: u64,
}

impl Doubled {
    /// A second operator that has done nothing proves nothing.
    async fn sentence(&mut self) -> Option<String> {
        let second = self.second.as_ref().filter(|second| second.is_alive())?;
        let (first_pid, second_pid) = (self.operator.pid()?, second.pid()?);
        self.passes = operator_endpoint::passes(second.log()).await.unwrap_or(0).max(self.passes);
        let passes = passes_of(self.passes);
        (self.passes > 0).then(|| {
            format!("processes {first_pid} and {second_pid} run; the second made {passes}")
        })
    }

    async fn end(&mut self) -> String {
        // For the last count; a second one that no longer answers has made those seen before.
        let _ = self.sentence().await;
        if let Some(second) = self.second.take() {
            second.stop().await;
        }
        format!("one operator is left; the second made {} in all", passes_of(self.passes))
    }
}

fn passes_of(count: u64) -> String {
    format!("{} over jobs", counted(count, "pass"))
}

impl Installed for Doubled {
    fn evidence(&mut self) -> BoxFuture<'_, Option<String>> {
        self.sentence().boxed()
    }

    fn heal(&mut self) -> BoxFuture<'_, Result<String, String>> {
        self.end().map(Ok).boxed()
    }
}

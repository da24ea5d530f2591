//! From a trial that failed to a minimal scenario file beside the report.

use super::case::Candidate;
use super::finding::Finding;
use super::{Round, Stage};
use crate::clock::Anchor;
use crate::exit::Failure;
use crate::scenario::ValidatedScenario;
use chaos::shrink::{self, Limits, Said, Shrunk, Tally};
use results::VerdictKind;
use results::file::write_atomic;
use results::report::format;
use results::statistics::share_interval;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// The file of the smallest scenario that fails.
const MINIMAL: &str = "minimal.yaml";
/// The file that says what was tried on the way there.
const TRIED: &str = "shrinking.csv";

const LIMITS: Limits = Limits { repeats: 5, confirm: 3, trials: 1_000 };
/// Of the interval of the failure probability.
const CONFIDENCE: f64 = 0.95;

/// Shrinks the scenario of a failed trial for as long as `limit`. What was found so far is in the
/// file at any time, so that whoever ends this keeps it.
pub(super) async fn shrink(
    stage: &Stage<'_>,
    round: &Round,
    failed: &Finding,
    limit: Duration,
) -> Result<(), Failure> {
    let mut search = Search { stage, round, failed, tried: String::new(), number: 0, error: None };
    let start = Anchor::now();
    let first = Candidate(Arc::clone(&round.scenario));
    let may_go_on = || start.elapsed() < limit;
    let found = shrink::shrink(first, LIMITS, may_go_on, async |candidate: &Candidate| {
        search.try_once(&candidate.0).await
    });
    let found = found.await;
    if let Some(error) = search.error {
        return Err(error);
    }
    search.write(&found.case.0, &words(&found, start.elapsed()))?;
    let faults = round.scenario.spec.faults.len();
    let left = format::counted(found.case.0.spec.faults.len(), "fault");
    let progress = stage.progress;
    progress.say(&format!("shrunk from {faults} to {left}:"));
    words(&found, start.elapsed()).iter().for_each(|line| progress.say(&format!("  {line}")));
    crate::note!("minimal: {}", search.replay());
    Ok(())
}

struct Search<'a> {
    stage: &'a Stage<'a>,
    round: &'a Round,
    failed: &'a Finding,
    /// A row a trial.
    tried: String,
    number: u32,
    /// The harness's own, which ends the search.
    error: Option<Failure>,
}

impl Search<'_> {
    async fn try_once(&mut self, scenario: &Arc<ValidatedScenario>) -> Said {
        if self.stage.cancel.is_cancelled() || self.error.is_some() {
            return Said::Stop;
        }
        match self.trial(scenario).await {
            Ok(said) => said,
            Err(error) => {
                self.error = Some(error);
                Said::Stop
            }
        }
    }

    async fn trial(&mut self, scenario: &Arc<ValidatedScenario>) -> Result<Said, Failure> {
        self.number += 1;
        let round = Round { scenario: Arc::clone(scenario), ..self.round.clone() };
        let mut plan = self.stage.plan(&round, self.replay());
        plan.directory = self.folder().join(self.number.to_string());
        let faults = format::counted(scenario.spec.faults.len(), "fault");
        self.stage.progress.probe(&format!("shrinking, {faults}"), self.number.into());
        let (_, finding) = self.stage.try_once(&plan).await?;
        // Only what is in the rows is wanted of so many trials.
        let _left = std::fs::remove_dir_all(&plan.directory);
        if self.stage.cancel.is_cancelled() {
            return Ok(Said::Stop);
        }
        let said = self.said(&finding);
        self.note(scenario, said)?;
        if said == Said::Failed {
            self.write(scenario, &["Still being shrunk, or stopped in that.".to_owned()])?;
        }
        Ok(said)
    }

    /// Whether a trial failed as the first one did: in one of its ways at least.
    fn said(&self, finding: &Finding) -> Said {
        match finding.verdict.kind {
            VerdictKind::Fail if finding.broken.is_disjoint(&self.failed.broken) => Said::Nothing,
            VerdictKind::Fail => Said::Failed,
            VerdictKind::Pass => Said::Kept,
            VerdictKind::Inconclusive | VerdictKind::Invalid => Said::Nothing,
        }
    }

    fn note(&mut self, scenario: &ValidatedScenario, said: Said) -> Result<(), Failure> {
        if self.tried.is_empty() {
            self.tried.push_str("trial,outcome,load_s,rate_per_s,faults\n");
        }
        let spec = &scenario.spec;
        let names = spec.faults.iter().filter_map(|fault| fault.name.as_deref());
        let row = format!(
            "{},{},{},{},{}\n",
            self.number,
            format!("{said:?}").to_lowercase(),
            spec.duration.as_secs_f64(),
            spec.workload.arrival.rate_per_s,
            names.collect::<Vec<_>>().join(" ")
        );
        self.tried.push_str(&row);
        let path = self.stage.directory.path().join(TRIED);
        write_atomic(&path, self.tried.as_bytes()).map_err(Failure::not_ready)
    }

    /// Writes the scenario with what is known of it as a comment.
    fn write(&self, scenario: &ValidatedScenario, words: &[String]) -> Result<(), Failure> {
        let mut text = String::new();
        let replay = format!("Run it: {}", self.replay());
        let first = self.failed.verdict.reasons.iter().map(|why| format!("It failed first: {why}"));
        for line in first.chain(words.iter().cloned()).chain([replay]) {
            text.push_str(&format!("# {line}\n"));
        }
        text.push_str(&scenario.yaml);
        write_atomic(&self.file(), text.as_bytes()).map_err(Failure::not_ready)
    }

    fn replay(&self) -> String {
        let (strategy, seed) = (self.round.strategy, self.round.seed);
        format!("{} --chaos listed", self.stage.directory.replay_of(&self.file(), strategy, seed))
    }

    fn file(&self) -> PathBuf {
        self.stage.directory.path().join(MINIMAL)
    }

    fn folder(&self) -> PathBuf {
        self.stage.directory.path().join("shrinking")
    }
}

/// What shrinking gave, a sentence each.
fn words(found: &Shrunk<Candidate>, took: Duration) -> Vec<String> {
    let took = format::seconds(took.as_secs_f64());
    let mut words = vec![
        format!("The scenario as it failed first failed again in {}.", often(found.before)),
        format!("This one failed in {}, after it had been chosen.", often(found.after)),
    ];
    let trials = format::counted(found.trials, "trial");
    words.push(if found.is_complete {
        format!("Nothing smaller failed, in {trials} and {took}.")
    } else {
        format!("There may be a smaller one: it was looked for in {trials} and {took}.")
    });
    words
}

/// A share that was counted, with its interval (Clopper and Pearson, 1934).
fn often(tally: Tally) -> String {
    let Tally { failed, tried } = tally;
    match share_interval(failed.into(), tried.into(), CONFIDENCE) {
        Some((low, high)) => format!(
            "{failed} of {} (95 % interval of the probability: {:.0} to {:.0} %)",
            format::counted(tried, "trial"),
            low * 100.0,
            high * 100.0
        ),
        None => "no trial that can be judged".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probability_is_told_with_its_interval() {
        assert_eq!(
            often(Tally { failed: 3, tried: 3 }),
            "3 of 3 trials (95 % interval of the probability: 29 to 100 %)"
        );
        assert_eq!(often(Tally::default()), "no trial that can be judged");
    }
}

//! `stormgauge conformance [KIND...]`

use super::options::{EnvironmentOptions, Form, Stop, runtime};
use super::{print, table};
use crate::conformance::{self, Conformance};
use crate::environment::Capability;
use crate::exit::{Exit, Failure};
use crate::progress::Progress;
use crate::run::{RunDirectory, RunPlan, trial_failure};
use crate::trial;
use chaos::PlannedFault;
use chaos::journal::JournalEntry;
use clap::Args;
use std::path::PathBuf;
use std::sync::Arc;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  stormgauge conformance                    every kind of fault, in about two minutes
  stormgauge conformance node_crash broker_crash -o json")]
pub(super) struct ConformanceArgs {
    /// Kinds of faults (see `stormgauge list faults`) [default: all that the environment can do]
    kinds: Vec<String>,
    #[command(flatten)]
    environment: EnvironmentOptions,
    /// Seed of targets and load
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Folder for logs; must be new or empty [default: stormgauge-out/<run>]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Form of the result on standard output
    #[arg(short = 'o', long, value_enum, default_value_t)]
    output: Form,
    /// No progress on standard error
    #[arg(long, short)]
    quiet: bool,
}

impl ConformanceArgs {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let groups = conformance::groups(self.samples()?).map_err(Failure::internal)?;
        let plan = RunPlan {
            place: self.environment.place(),
            name: "conformance".to_owned(),
            scenarios: groups.iter().map(|group| Arc::clone(&group.scenario)).collect(),
            seed: self.seed,
            out: self.out.clone(),
        };
        let progress = Progress::new(self.quiet);
        let runtime = runtime()?;
        let stop = Stop::watch(&runtime, None)?;
        let (directory, journal) = RunDirectory::create(&plan)?;
        let held = runtime.block_on(async {
            let mut held = Vec::new();
            for (group, trial) in groups.iter().zip(plan.trials(&directory)) {
                let samples = &group.samples;
                held.extend(
                    trial::conform(&trial, samples, &journal, &progress, &stop.cancel).await?,
                );
            }
            Ok(held)
        });
        progress.finish();
        journal
            .append(JournalEntry::RunEnded { run: directory.name() })
            .map_err(Failure::not_ready)?;
        let held: Vec<Conformance> = held.map_err(trial_failure)?;
        print(&match self.output {
            Form::Json => serde_json::to_string_pretty(&held).map_err(Failure::internal)?,
            Form::Table => table(&HEAD, held.iter().map(row).collect()),
        })?;
        let asked: usize = groups.iter().map(|group| group.samples.len()).sum();
        let good = held.len() == asked && held.iter().all(|held| held.broken.is_empty());
        Ok(stop.exit().unwrap_or(if good { Exit::Pass } else { Exit::GateFailed }))
    }

    /// The samples of the kinds that were asked for.
    fn samples(&self) -> Result<Vec<PlannedFault>, Failure> {
        let known = chaos::catalogue();
        let capability = self.environment.place().capability();
        let Capability { environment, refuses, .. } = capability;
        let samples = conformance::samples(capability, self.seed);
        let mut samples = samples.map_err(Failure::internal)?;
        for kind in &self.kinds {
            if !known.iter().any(|known| known.kind == kind) {
                return Err(Failure::usage(anyhow::anyhow!(
                    "{kind}: no such kind of fault; see `stormgauge list faults`"
                )));
            }
            if let Some(reason) = refuses(kind) {
                return Err(Failure::usage(anyhow::anyhow!(
                    "{kind}: not possible in {environment}: {reason}"
                )));
            }
        }
        if !self.kinds.is_empty() {
            samples.retain(|sample| {
                self.kinds.iter().any(|kind| kind == sample.action.fault.kind().kind)
            });
        }
        Ok(samples)
    }
}

const HEAD: [&str; 5] = ["fault", "evidence", "landed", "back", "broken promises"];

fn row(held: &Conformance) -> Vec<String> {
    vec![
        held.fault.clone(),
        held.evidence.clone(),
        format!("{} ms", held.landed_ms),
        format!("{} ms", held.back_ms),
        if held.broken.is_empty() { "none".to_owned() } else { held.broken.join("; ") },
    ]
}

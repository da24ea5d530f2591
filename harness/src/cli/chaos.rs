//! Flags of `suite` and `run` that ask for random chaos.

use crate::exit::Failure;
use crate::random::Asked;
use crate::random::weather::Weather;
use clap::{Args, ValueEnum};
use std::time::Duration;

/// Where faults come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Source {
    /// Drawn from the seed, in place of those in the scenario.
    Random,
    /// Those in the scenario.
    Listed,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Random chaos")]
pub(super) struct ChaosOptions {
    /// Look for a failure instead of comparing: under the faults no message may come out wrong,
    /// and after them the system must recover by itself within its objective. Every repetition is
    /// another seed; the first that fails ends the run, is shrunk, and leaves minimal.yaml
    #[arg(long, value_enum, value_name = "FAULTS")]
    chaos: Option<Source>,
    /// How much breaks, 0 to 1: how many kinds of fault, how often and for how long
    #[arg(long, value_name = "X", default_value_t = 0.5, requires = "chaos")]
    intensity: f64,
    /// For how long a failure is shrunk
    #[arg(long, value_name = "TIME", default_value = "15m", requires = "chaos")]
    #[arg(value_parser = humantime::parse_duration)]
    shrink_for: Duration,
    /// Leave a failure as it is
    #[arg(long, requires = "chaos", conflicts_with = "shrink_for")]
    no_shrink: bool,
}

impl ChaosOptions {
    /// What is asked for, if anything.
    ///
    /// # Errors
    /// When a flag has a value that makes no sense.
    pub(super) fn asked(&self) -> Result<Option<Asked>, Failure> {
        let intensity = check_intensity(self.intensity)?;
        let Some(source) = self.chaos else { return Ok(None) };
        let weather = match source {
            Source::Random => Weather::Random { intensity },
            Source::Listed => Weather::Listed,
        };
        Ok(Some(Asked { weather, shrink_for: (!self.no_shrink).then_some(self.shrink_for) }))
    }
}

/// The value of `--intensity`, if it is one.
///
/// # Errors
/// When it is not.
pub(super) fn check_intensity(intensity: f64) -> Result<f64, Failure> {
    if (0.0..=1.0).contains(&intensity) {
        return Ok(intensity);
    }
    let error = anyhow::anyhow!("--intensity {intensity}: must be from 0 to 1");
    Err(Failure::usage(error))
}

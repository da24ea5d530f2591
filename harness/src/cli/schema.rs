//! `stormgauge schema KIND`

use super::print;
use crate::exit::{Exit, Failure};
use clap::{Args, ValueEnum};

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  stormgauge schema scenario > scenario.schema.json")]
pub(super) struct SchemaArgs {
    /// Kind of file
    #[arg(value_enum, default_value_t)]
    kind: Kind,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Kind {
    /// Scenario files
    #[default]
    Scenario,
    /// Suite files
    Suite,
}

impl SchemaArgs {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let schema = match self.kind {
            Kind::Scenario => super::options::scenario_schema(),
            Kind::Suite => schemars::schema_for!(crate::scenario::SuiteSpec),
        };
        print(&serde_json::to_string_pretty(&schema).map_err(Failure::internal)?)?;
        Ok(Exit::Pass)
    }
}

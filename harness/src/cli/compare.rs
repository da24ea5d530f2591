//! `stormgauge compare DIR…`

use super::options::TableFormat;
use super::print;
use super::report::{read_complete, scenario_of};
use crate::exit::{Exit, Failure};
use crate::scenario::validated::digest_of_a_trial;
use clap::Args;
use results::{IndicatorName, Ranking, report};
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  stormgauge compare stormgauge-out/RUN                     strategies of one run
  stormgauge compare stormgauge-out/A stormgauge-out/B      two runs, such as before and after
  stormgauge compare stormgauge-out/A stormgauge-out/B --by cost -o md")]
pub(super) struct CompareArgs {
    /// Folders of runs
    #[arg(required = true)]
    directories: Vec<PathBuf>,
    /// What the rank is by: p99_response, recovery, cost or throughput
    #[arg(long, default_value = "p99_response", value_name = "INDICATOR")]
    by: IndicatorName,
    /// Form of the result on standard output
    #[arg(short = 'o', long, value_enum, default_value_t)]
    output: TableFormat,
}

impl CompareArgs {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let mut records = Vec::new();
        for directory in &self.directories {
            records.extend(read_complete(directory)?);
        }
        for record in &mut records {
            let digest = digest_of_a_trial(&scenario_of(record)?).map_err(Failure::internal)?;
            record.scenario.digest = digest;
        }
        let ranking = Ranking::from_records(&records, self.by).map_err(Failure::usage)?;
        let text = match self.output {
            TableFormat::Table => report::ranking_table(&ranking),
            TableFormat::Json => report::ranking_json(&ranking).map_err(Failure::internal)?,
            TableFormat::Csv => report::ranking_csv(&ranking).map_err(Failure::internal)?,
            TableFormat::Md => report::ranking_markdown(&ranking),
        };
        print(&text)?;
        Ok(Exit::Pass)
    }
}

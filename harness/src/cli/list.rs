//! `stormgauge list [KIND]`

use super::options::Form;
use super::print;
use crate::catalogue::{self, Entry};
use crate::exit::{Exit, Failure};
use crate::oracle::Checker;
use crate::scenario::builtin;
use crate::scenario::spec::StrategyName;
use anyhow::Context;
use clap::{Args, ValueEnum};
use std::path::{Path, PathBuf};
use tabled::builder::Builder;
use tabled::settings::{Style, Width};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  stormgauge list
  stormgauge list faults -o json
  stormgauge list --export my-scenarios")]
pub(super) struct ListArgs {
    /// What to list
    #[arg(value_enum, default_value_t)]
    kind: Kind,
    /// Write the built-in scenarios and suites to a folder
    #[arg(long, value_name = "DIR")]
    export: Option<PathBuf>,
    /// Form of the result on standard output
    #[arg(short = 'o', long, value_enum, default_value_t)]
    output: Form,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Kind {
    #[default]
    Suites,
    Scenarios,
    Strategies,
    Faults,
    Checkers,
    Indicators,
}

impl ListArgs {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        if let Some(directory) = &self.export {
            return export(directory);
        }
        let (head, rows) = self.kind.rows();
        let text = match (self.output, self.kind) {
            // Parameters are no text.
            (Form::Json, Kind::Faults) => {
                serde_json::to_string_pretty(&catalogue::entries()).map_err(Failure::internal)?
            }
            (Form::Json, _) => {
                let rows: Vec<_> = rows.iter().map(|row| object(head, row)).collect();
                serde_json::to_string_pretty(&rows).map_err(Failure::internal)?
            }
            (Form::Table, _) => table(head, rows),
        };
        print(&text)?;
        Ok(Exit::Pass)
    }
}

fn object(head: &[&str], row: &[String]) -> serde_json::Value {
    head.iter()
        .zip(row)
        .map(|(name, value)| ((*name).to_owned(), value.clone().into()))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

pub(super) fn table(head: &[&str], rows: Vec<Vec<String>>) -> String {
    let mut builder = Builder::default();
    builder.push_record(head.iter().copied());
    rows.into_iter().for_each(|row| builder.push_record(row));
    let mut table = builder.build();
    table.with(Style::blank()).with(Width::wrap(140).keep_words(true)).to_string()
}

type Rows = (&'static [&'static str], Vec<Vec<String>>);

impl Kind {
    fn rows(self) -> Rows {
        match self {
            Self::Suites => (&["suite", "what it does"], described(builtin::SUITES)),
            Self::Scenarios => (&["scenario", "what it does"], described(builtin::SCENARIOS)),
            Self::Strategies => (&["strategy", "what it does"], strategies()),
            Self::Faults => {
                (&["fault", "what it does", "parameters", "evidence", "healing", "where"], faults())
            }
            Self::Checkers => {
                (&["checker", "what it finds", "a trial with a finding", "memory"], checkers())
            }
            Self::Indicators => (
                &["indicator", "what it measures"],
                results::IndicatorName::ALL
                    .iter()
                    .map(|name| vec![name.as_str().to_owned(), name.words().to_owned()])
                    .collect(),
            ),
        }
    }
}

fn described(files: &[(&str, &str)]) -> Vec<Vec<String>> {
    #[derive(serde::Deserialize)]
    struct Described {
        #[serde(default)]
        description: String,
    }
    let describe = |(name, text): &(&str, &str)| {
        let described: Described =
            serde_saphyr::from_str(text).unwrap_or(Described { description: String::new() });
        vec![(*name).to_owned(), described.description]
    };
    files.iter().map(describe).collect()
}

fn strategies() -> Vec<Vec<String>> {
    let words = |name| match name {
        StrategyName::HighThroughput => "provisions for the measured peak, drains backlog fastest",
        StrategyName::LowLatency => "keeps utilisation where queueing holds the p99 objective",
        StrategyName::CostOptimized => "meets the objective at the least worker-seconds",
    };
    let row = |name: StrategyName| vec![name.as_str().to_owned(), words(name).to_owned()];
    StrategyName::all().into_iter().map(row).collect()
}

fn faults() -> Vec<Vec<String>> {
    let row = |entry: Entry| {
        let parameters = entry.parameters.iter().map(|parameter| {
            let name = &parameter.name;
            if parameter.required { name.clone() } else { format!("[{name}]") }
        });
        vec![
            entry.fault.to_owned(),
            entry.description.to_owned(),
            parameters.collect::<Vec<_>>().join(", "),
            entry.evidence.to_owned(),
            entry.healing.to_owned(),
            entry.environments.join(", "),
        ]
    };
    catalogue::entries().into_iter().map(row).collect()
}

fn checkers() -> Vec<Vec<String>> {
    let row = |checker: Checker| {
        let consequence = checker.consequence().words();
        [checker.as_str(), checker.words(), consequence, checker.memory()].map(str::to_owned)
    };
    Checker::ALL.into_iter().map(row).map(Vec::from).collect()
}

/// Writes the built-in files; files that are there already are not touched.
fn export(directory: &Path) -> Result<Exit, Failure> {
    let folders = [("scenarios", builtin::SCENARIOS), ("suites", builtin::SUITES)];
    for (folder, files) in folders {
        let folder = directory.join(folder);
        std::fs::create_dir_all(&folder)
            .with_context(|| format!("cannot create {}", folder.display()))
            .map_err(Failure::not_ready)?;
        for (name, text) in files {
            let file = folder.join(format!("{name}.yaml"));
            write_new(&file, text)?;
            crate::note!("{}", file.display());
        }
    }
    Ok(Exit::Pass)
}

fn write_new(file: &Path, text: &str) -> Result<(), Failure> {
    use std::io::{ErrorKind, Write};
    let opened = std::fs::OpenOptions::new().write(true).create_new(true).open(file);
    match opened.and_then(|mut output| output.write_all(text.as_bytes())) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            let error =
                anyhow::anyhow!("{}: is there already; nothing is overwritten", file.display());
            Err(Failure::usage(error))
        }
        Err(error) => Err(Failure::not_ready(anyhow::anyhow!("{}: {error}", file.display()))),
    }
}

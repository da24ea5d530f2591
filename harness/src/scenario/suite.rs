//! Suites: a named list of scenarios.

use super::builtin;
use super::problem::{Problem, ScenarioError};
use super::validated::{PLAIN_NAME, is_plain_name, parse_yaml, read_text};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// A named list of scenarios that are run and reported together.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SuiteSpec {
    /// Name of the suite.
    pub name: String,
    /// One or two sentences for people.
    #[serde(default)]
    pub description: String,
    /// Names of built-in scenarios, or files beside the suite's file.
    pub scenarios: Vec<String>,
}

impl SuiteSpec {
    /// A suite by file or by the name of a built-in one.
    ///
    /// # Errors
    /// When it cannot be read, names no scenario, or there is none of that name.
    pub fn find(named: &str) -> Result<Self, ScenarioError> {
        let path = Path::new(named);
        let (file, text) = match builtin::suite(named) {
            Some(text) if !path.is_file() => (format!("built-in {named}"), text.to_owned()),
            None if !path.exists() => {
                let known: Vec<_> = builtin::SUITES.iter().map(|(name, _)| *name).collect();
                return Err(ScenarioError::Unreadable(format!(
                    "{named}: no such file, nor a built-in suite; those are {}",
                    known.join(", ")
                )));
            }
            _ => (named.to_owned(), read_text(path)?),
        };
        Self::parse(&file, &text)
    }

    /// Where the scenarios are, of a suite that was found as `named`: beside the suite's file, or
    /// else built in.
    pub fn places(&self, named: &str) -> Vec<String> {
        let base = Path::new(named).parent().unwrap_or(Path::new(""));
        let place = |scenario: &String| {
            let beside = base.join(scenario);
            if builtin::scenario(scenario).is_none() || beside.is_file() {
                beside.display().to_string()
            } else {
                scenario.clone()
            }
        };
        self.scenarios.iter().map(place).collect()
    }

    /// Validates the text of a suite; `file` is how errors name it.
    ///
    /// # Errors
    /// When the text is not a suite or names no scenario.
    pub fn parse(file: &str, text: &str) -> Result<Self, ScenarioError> {
        let suite: Self = parse_yaml(file, text)?;
        let mut problems = Vec::new();
        if suite.scenarios.is_empty() {
            problems.push(Problem::new("scenarios", "must name at least one scenario"));
        }
        if !is_plain_name(&suite.name) {
            problems.push(Problem::new("name", PLAIN_NAME));
        }
        if problems.is_empty() {
            Ok(suite)
        } else {
            Err(ScenarioError::invalid(file, text, problems))
        }
    }
}

//! The catalogue of faults: what each does, its parameters by its schema, and where it can be done.

mod page;
mod parameters;

use crate::environment::Capability;
use serde::Serialize;

pub use parameters::{Parameter, Word};

use parameters::Schema;

/// A kind of fault.
#[derive(Debug, Serialize)]
pub struct Entry {
    /// The name in scenario files.
    pub fault: &'static str,
    /// What it does.
    pub description: &'static str,
    /// What it is given, those that it cannot do without first.
    pub parameters: Vec<Parameter>,
    /// What proves that it landed.
    pub evidence: &'static str,
    /// How it ends.
    pub healing: &'static str,
    /// The environments that can do it.
    pub environments: Vec<&'static str>,
}

/// Every kind of fault.
pub fn entries() -> Vec<Entry> {
    let schema = Schema::of_faults();
    let entry = |kind: chaos::FaultKind| Entry {
        fault: kind.kind,
        description: kind.description,
        parameters: schema.parameters(kind.kind),
        evidence: kind.evidence,
        healing: kind.heal,
        environments: Capability::ALL
            .iter()
            .filter(|capability| (capability.refuses)(kind.kind).is_none())
            .map(|capability| capability.environment)
            .collect(),
    };
    chaos::catalogue().into_iter().map(entry).collect()
}

/// The catalogue as a page of markdown; `docs/faults.md` is made from it.
pub fn page() -> String {
    page::page(&entries(), &Schema::of_faults().words())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `UPDATE_DOCS=1 cargo test -p harness --lib catalogue` writes the page anew.
    #[test]
    fn the_page_of_faults_is_up_to_date() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/faults.md");
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(path, page()).unwrap();
        }
        let kept = std::fs::read_to_string(path).unwrap();
        assert!(kept == page(), "docs/faults.md is stale: run with UPDATE_DOCS=1");
    }

    #[test]
    fn the_readme_names_every_kind() {
        let readme = include_str!("../../README.md");
        let missing =
            entries().into_iter().filter(|entry| !readme.contains(&format!("`{}`", entry.fault)));
        assert_eq!(missing.map(|entry| entry.fault).collect::<Vec<_>>(), Vec::<&str>::new());
    }

    #[test]
    fn each_kind_says_all_that_is_asked_of_it() {
        for entry in entries() {
            let words = [entry.description, entry.evidence, entry.healing];
            assert!(words.iter().all(|words| !words.is_empty()), "{entry:?}");
            assert!(!entry.environments.is_empty(), "{entry:?}");
            let described = entry.parameters.iter().all(|p| !p.description.is_empty());
            assert!(described, "{entry:?}");
        }
    }
}

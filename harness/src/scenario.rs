//! Scenarios and suites: read from YAML, validated once, then trusted.
//!
//! [`spec`] is what a file may say, [`delivery`] its part about delivery,
//! [`planted`] the bugs it may plant; [`validated`] is what the
//! rest of the harness works with; [`problem`] turns a path such as `faults[2].at` into the line and
//! column it came from.

pub mod builtin;
pub mod capacity;
pub mod delivery;
pub mod planted;
pub mod problem;
pub mod spec;
pub mod suite;
pub mod validated;

pub use problem::{Problem, ScenarioError};
pub use spec::ScenarioSpec;
pub use suite::SuiteSpec;
pub use validated::ValidatedScenario;

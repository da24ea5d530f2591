//! Who, where and with what: the parts of a record that make it describe itself.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The scenario that a trial ran.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScenarioIdentity {
    /// Its name.
    pub name: String,
    /// A digest of its meaning: equal digests mean that trials may be compared.
    pub digest: String,
    /// Its text, so that the record alone suffices to run it again.
    pub yaml: String,
}

/// The program that ran a trial.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Program {
    /// Its version.
    pub version: String,
    /// The revision of its sources, or `unknown`.
    pub git_revision: String,
    /// The build profile, `release` or `debug`.
    pub profile: String,
}

/// The machine that a trial ran on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Machine {
    /// The operating system.
    pub os: String,
    /// Its kernel's version.
    pub kernel: String,
    /// Logical processors that the trial could use.
    pub cpus: u32,
    /// The processor's model.
    pub cpu_model: String,
    /// Memory, in bytes.
    pub memory_bytes: u64,
}

impl Machine {
    /// Whether timings from the two machines may be compared without a warning: the same
    /// operating system, processor model and processor count.
    pub fn is_like(&self, other: &Machine) -> bool {
        self.os == other.os && self.cpus == other.cpus && self.cpu_model == other.cpu_model
    }

    /// A short name for people.
    pub fn summary(&self) -> String {
        let gib = self.memory_bytes as f64 / f64::from(1u32 << 30);
        format!("{} × {}, {gib:.1} GiB, {} {}", self.cpus, self.cpu_model, self.os, self.kernel)
    }
}

/// The environment that a trial ran in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Environment {
    /// Its name, such as `local`.
    pub name: String,
    /// What stood in for the real thing, a sentence each.
    pub emulated: Vec<String>,
    /// What was real, a sentence each.
    pub real: Vec<String>,
    /// Settings that change what is measured.
    pub settings: BTreeMap<String, String>,
}

/// The load that a trial offered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkloadIdentity {
    /// A fingerprint of the bytes and intended times: equal means the same load.
    pub fingerprint: String,
    /// The event model's name.
    pub events: String,
    /// Keys in use.
    pub symbols: u32,
    /// The mean payload, in bytes.
    pub payload_bytes: u32,
    /// Messages planned.
    pub planned: u64,
}

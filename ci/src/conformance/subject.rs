//! The two clusters that every case is tried on: the embedded one, and Apache Kafka in processes or
//! in containers.

mod containers;
mod embedded;
mod processes;

pub(super) use containers::Containers;
pub(super) use embedded::Embedded;
pub(super) use processes::Processes;

/// A cluster of three brokers with ids 1, 2 and 3, and what can be done to it from outside.
pub(crate) trait Subject: Sync {
    /// What errors call it.
    fn name(&self) -> &'static str;
    /// The addresses of all brokers.
    fn bootstrap(&self) -> String;
    /// Their addresses for another of Kafka's security protocols: `SSL`, `SASL_PLAINTEXT` or
    /// `SASL_SSL`, in the order of the brokers' ids.
    fn secured(&self, protocol: &str) -> anyhow::Result<String>;
    /// Kills a broker without warning.
    fn crash(&self, broker: i32) -> anyhow::Result<()>;
    /// Starts a killed broker again, with its addresses and its data.
    fn restart(&self, broker: i32) -> anyhow::Result<()>;
    /// Cuts a broker off from the others. It keeps its ports, but may answer nobody there.
    fn cut_off(&self, broker: i32) -> anyhow::Result<()>;
    /// Lets a broker that was cut off hear of the others again.
    fn rejoin(&self, broker: i32) -> anyhow::Result<()>;
}

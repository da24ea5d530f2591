//! All cases, one file an area.

mod committed;
mod configs;
mod connections;
mod consumer_groups;
mod credentials;
mod failures;
mod fetch;
mod group_admin;
mod groups;
mod idempotence;
mod java;
mod leaders;
mod librdkafka;
mod metadata;
mod offsets;
mod produce;
mod producer;
mod python;
mod sasl;
mod scram;
mod secured;
mod statics;
mod tls;
mod topics;
mod transactions;
mod zombies;

use super::context::Context;

/// One thing that both subjects must do alike.
pub(crate) struct Case {
    /// `area/what it is about`.
    pub(crate) name: &'static str,
    /// Does it, and notes what is seen.
    pub(crate) run: fn(&mut Context<'_>) -> anyhow::Result<()>,
    /// The lines that must be noted.
    pub(crate) expect: &'static [&'static str],
    /// Whether brokers are crashed, so that no other case can run at the same time.
    pub(crate) breaks_brokers: bool,
}

/// A case that leaves the brokers alone.
const fn case(
    name: &'static str,
    run: fn(&mut Context<'_>) -> anyhow::Result<()>,
    expect: &'static [&'static str],
) -> Case {
    Case { name, run, expect, breaks_brokers: false }
}

/// A case that crashes brokers.
const fn breaking(
    name: &'static str,
    run: fn(&mut Context<'_>) -> anyhow::Result<()>,
    expect: &'static [&'static str],
) -> Case {
    Case { name, run, expect, breaks_brokers: true }
}

/// Every case.
pub(crate) fn all() -> impl Iterator<Item = &'static Case> {
    let areas = [
        connections::CASES,
        sasl::CASES,
        scram::CASES,
        credentials::CASES,
        tls::CASES,
        metadata::CASES,
        produce::CASES,
        idempotence::CASES,
        fetch::CASES,
        offsets::CASES,
        topics::CASES,
        configs::CASES,
        leaders::CASES,
        groups::CASES,
        group_admin::CASES,
        statics::CASES,
        committed::CASES,
        transactions::CASES,
        consumer_groups::CASES,
        java::CASES,
        python::CASES,
        secured::CASES,
        librdkafka::producing::CASES,
        librdkafka::groups::CASES,
        librdkafka::transactions::CASES,
        failures::CASES,
        zombies::CASES,
    ];
    areas.into_iter().flatten()
}

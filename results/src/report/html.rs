//! `report.html`: the findings as one page that needs nothing else: no network, no script.
//!
//! Pictures are drawn for a width that is not known when they are written, so positions across are
//! shares of it and text keeps its size. Colour is never the only sign: strategies have dashes and
//! shapes of their own, verdicts have words and signs. Whatever comes from a record is text that
//! somebody else wrote: it is escaped by [`markup::Markup`], which also closes what it opens.

mod accounts;
mod comparison;
mod demand;
mod escape;
mod faults;
mod frontier;
mod look;
mod markup;
mod origin;
mod page;
mod percentiles;
mod plot;
mod scale;
mod standing;
mod tables;
mod timeline;
mod trace;
mod trials;

use std::collections::BTreeMap;

use crate::comparison::Comparison;
use crate::record::RunRecord;

/// The most scenarios that are shown.
const SCENARIOS_MAX: usize = 64;

/// The report on `comparison`, which was made of `records`, as a page; `objectives_ms` are the jobs'
/// objectives for the response p99 by scenario, which are drawn where they are known.
///
/// Its length is bounded by the number of strategies, trials and faults, and not by that of
/// seconds or samples: of more than a picture has pixels, each column keeps the extremes.
pub fn html(
    comparison: &Comparison,
    records: &[RunRecord],
    objectives_ms: &BTreeMap<String, f64>,
) -> String {
    let scenarios = trials::Scenario::all(comparison, records, objectives_ms, SCENARIOS_MAX);
    let left_out = comparison.scenarios().len() - scenarios.len();
    page::write(comparison, &scenarios, left_out)
}

#[cfg(test)]
mod tests;

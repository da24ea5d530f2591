//! The plausibility of a record: what JSON and types cannot say.

mod measures;

use crate::record::{FaultState, LOST_EXAMPLES_MAX, RunRecord, harness_checks};
use crate::series::{SERIES_ROWS_MAX, SeriesRow};

/// The field and what is wrong with it.
type Problem = (String, String);

/// The most faults, phases or schema versions that a record may hold.
const FEW_MAX: usize = 10_000;
/// The most decisions that a record may hold.
const DECISIONS_MAX: usize = 100_000;
/// No measured time lies further than a year from load start.
const TIME_S_MAX: f64 = 366.0 * 86_400.0;

/// Finds the first field of `record` that no measurement can give.
pub(super) fn check(record: &RunRecord) -> Result<(), Problem> {
    if record.repetition == 0 {
        return problem("repetition", "is 0, but repetitions count from 1");
    }
    for (field, text) in
        [("strategy", &record.strategy), ("scenario.digest", &record.scenario.digest)]
    {
        if text.trim().is_empty() {
            return problem(field, "is empty");
        }
    }
    spans(record)?;
    faults(record)?;
    alarms(record)?;
    series(record)?;
    histograms(record)?;
    delivery(record)?;
    if let Some(problem) = harness_checks::problem(record) {
        return Err(problem);
    }
    indicators(record)?;
    measures::check(record)
}

fn spans(record: &RunRecord) -> Result<(), Problem> {
    length("phases", record.phases.len(), FEW_MAX)?;
    for (index, span) in record.phases.iter().enumerate() {
        time(&format!("phases[{index}].start_s"), span.start_s)?;
        time(&format!("phases[{index}].end_s"), span.end_s)?;
        if span.end_s < span.start_s {
            return problem(format!("phases[{index}].end_s"), "lies before start_s");
        }
    }
    length("decisions", record.decisions.len(), DECISIONS_MAX)?;
    for (index, decision) in record.decisions.iter().enumerate() {
        time(&format!("decisions[{index}].t_s"), decision.t_s)?;
    }
    Ok(())
}

fn faults(record: &RunRecord) -> Result<(), Problem> {
    length("faults", record.faults.len(), FEW_MAX)?;
    for (index, fault) in record.faults.iter().enumerate() {
        let field = |name: &str| format!("faults[{index}].{name}");
        amount(field("due_s"), fault.due_s)?;
        optional(field("installed_s"), fault.installed_s)?;
        optional(field("landed_s"), fault.landed_s)?;
        optional(field("healed_s"), fault.healed_s)?;
        let landed = fault.state == FaultState::Landed;
        if landed && fault.landed_s.is_none() {
            return problem(field("landed_s"), "is absent although the fault landed");
        }
        if landed && fault.evidence.trim().is_empty() {
            return problem(field("evidence"), "is empty although the fault landed");
        }
    }
    Ok(())
}

fn alarms(record: &RunRecord) -> Result<(), Problem> {
    length("alarms", record.alarms.len(), FEW_MAX)?;
    let mut alarms = record.alarms.iter().enumerate();
    alarms.try_for_each(|(index, alarm)| time(&format!("alarms[{index}].at_s"), alarm.at_s))
}

fn series(record: &RunRecord) -> Result<(), Problem> {
    length("series", record.series.len(), SERIES_ROWS_MAX)?;
    let mut before = f64::NEG_INFINITY;
    for (index, row) in record.series.iter().enumerate() {
        let field = |name: &str| format!("series[{index}].{name}");
        time(&field("t_s"), row.t_s)?;
        if row.t_s <= before {
            return problem(field("t_s"), "does not lie after the row before");
        }
        before = row.t_s;
        series_row(row, field)?;
    }
    Ok(())
}

fn series_row(row: &SeriesRow, field: impl Fn(&str) -> String) -> Result<(), Problem> {
    amount(field("offered"), row.offered)?;
    amount(field("achieved"), row.achieved)?;
    amount(field("observed"), row.observed)?;
    optional(field("response_p50_ms"), row.response_p50_ms)?;
    optional(field("response_p99_ms"), row.response_p99_ms)?;
    optional(field("response_max_ms"), row.response_max_ms)?;
    optional(field("service_p99_ms"), row.service_p99_ms)?;
    optional(field("demand_replicas"), row.demand_replicas)?;
    optional(field("cpu_share"), row.cpu_share)
}

fn histograms(record: &RunRecord) -> Result<(), Problem> {
    length("phase_response", record.phase_response.len(), FEW_MAX)?;
    let phases = record
        .phase_response
        .iter()
        .map(|(phase, histogram)| (format!("phase_response.{phase}"), histogram));
    let service = record.service.iter().map(|histogram| ("service".to_owned(), histogram));
    let response = std::iter::once(("response".to_owned(), &record.response));
    for (field, histogram) in response.chain(phases).chain(service) {
        histogram.decode().map_err(|error| (field, error.to_string()))?;
    }
    Ok(())
}

fn delivery(record: &RunRecord) -> Result<(), Problem> {
    let delivery = &record.delivery;
    length("delivery.lost_examples", delivery.lost_examples.len(), LOST_EXAMPLES_MAX)?;
    length("schema_versions", record.schema_versions.len(), FEW_MAX)?;
    if delivery.sent > delivery.planned {
        return problem("delivery.sent", "exceeds planned");
    }
    let outcomes = [delivery.acknowledged, delivery.failed, delivery.unknown]
        .into_iter()
        .try_fold(0u64, u64::checked_add);
    if outcomes.is_none_or(|outcomes| outcomes > delivery.sent) {
        return problem("delivery.sent", "is less than acknowledged + failed + unknown");
    }
    if delivery.observed > delivery.sent {
        return problem("delivery.observed", "exceeds sent");
    }
    if delivery.lost > delivery.acknowledged {
        return problem("delivery.lost", "exceeds acknowledged");
    }
    let unobserved = delivery.acknowledged.saturating_sub(delivery.observed);
    if delivery.lost < unobserved {
        let text = format!(
            "is {}, but {unobserved} acknowledged messages at least have no result",
            delivery.lost
        );
        return problem("delivery.lost", text);
    }
    if let Some(audit) = delivery.audit {
        if audit.absent > delivery.acknowledged {
            return problem("delivery.audit.absent", "exceeds acknowledged");
        }
        if audit.absent_and_lost > audit.absent.min(delivery.lost) {
            return problem("delivery.audit.absent_and_lost", "exceeds absent, or lost");
        }
    }
    Ok(())
}

fn indicators(record: &RunRecord) -> Result<(), Problem> {
    let figures = &record.indicators;
    let response = &record.response;
    let steady = record.phase_response.get("steady").and_then(|steady| steady.p99_us);
    let measured = [
        ("p50_ms", figures.p50_ms, response.p50_us),
        ("p99_ms", figures.p99_ms, response.p99_us),
        ("p999_ms", figures.p999_ms, response.p999_us),
        ("max_ms", figures.max_ms, response.max_us),
        ("steady_p99_ms", figures.steady_p99_ms, steady),
    ];
    for (name, figure, recorded_us) in measured {
        optional(format!("indicators.{name}"), figure)?;
        let recorded = recorded_us.map(|us| us as f64 / 1e3);
        // Both cross the file as decimal text, which may move the last bit.
        let same = match (figure, recorded) {
            (Some(figure), Some(recorded)) => (figure - recorded).abs() <= 1e-9 * recorded,
            (figure, recorded) => figure.is_none() && recorded.is_none(),
        };
        if !same {
            let shown = |ms: Option<f64>| ms.map_or("absent".to_owned(), |ms| ms.to_string());
            let (figure, recorded) = (shown(figure), shown(recorded));
            let text = format!("is {figure}, but the histogram of the responses says {recorded}");
            return problem(format!("indicators.{name}"), text);
        }
    }
    optional("indicators.cost", figures.cost)?;
    amount("indicators.throughput_per_s", figures.throughput_per_s)?;
    amount("indicators.worker_seconds", figures.worker_seconds)?;
    amount("health.harness_cpu_share", record.health.harness_cpu_share)?;
    let delivery = &record.delivery;
    let twins = [
        ("lost", figures.lost, delivery.lost),
        ("duplicated", figures.duplicated, delivery.duplicated),
        ("reordered", figures.reordered, delivery.reordered),
        ("unexpected", figures.unexpected, delivery.unexpected),
    ];
    for (name, figure, count) in twins {
        if figure != count {
            let text = format!("is {figure}, but delivery.{name} is {count}");
            return problem(format!("indicators.{name}"), text);
        }
    }
    if figures.missed_sends != record.health.missed_sends {
        return problem("indicators.missed_sends", "differs from health.missed_sends");
    }
    Ok(())
}

fn problem<T>(field: impl Into<String>, text: impl Into<String>) -> Result<T, Problem> {
    Err((field.into(), text.into()))
}

fn length(field: &str, length: usize, limit: usize) -> Result<(), Problem> {
    if length > limit {
        return problem(field, format!("holds {length} entries, but at most {limit} are allowed"));
    }
    Ok(())
}

/// A time on the trial's axis: finite, and may be negative before load start.
fn time(field: &str, value: f64) -> Result<(), Problem> {
    if !value.is_finite() || value.abs() > TIME_S_MAX {
        return problem(field, format!("is {value}, which is no time of a trial"));
    }
    Ok(())
}

/// A measured amount: finite and not negative.
fn amount(field: impl Into<String>, value: f64) -> Result<(), Problem> {
    if !value.is_finite() || value < 0.0 {
        return problem(field, format!("is {value}, but must be finite and not negative"));
    }
    Ok(())
}

fn optional(field: impl Into<String>, value: Option<f64>) -> Result<(), Problem> {
    value.map_or(Ok(()), |value| amount(field, value))
}

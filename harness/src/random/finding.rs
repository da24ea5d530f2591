//! What a trial under random chaos showed.
//!
//! Faults without evidence, late sends and an unsteady baseline make no difference to safety: a
//! message that was lost stays lost. They do to liveness, as far as the harness is to blame.

use crate::scenario::spec::ScenarioSpec;
use results::recovery::{FaultTimes, Observed, Thresholds};
use results::report::format;
use results::{
    Delivery, Evidence, FaultSpan, HealthLimits, Indicators, Latencies, Recovery, RunRecord,
    SeriesRow, Steadiness, Verdict, VerdictKind,
};
use std::collections::BTreeSet;

/// What a trial showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Pass, fail or, where nothing can be said, invalid; each with its sentences.
    pub verdict: Verdict,
    /// What was not kept, by its name in objectives.
    pub broken: BTreeSet<&'static str>,
}

/// Judges a trial of this scenario: safety first, then liveness.
pub fn of(record: &RunRecord, spec: &ScenarioSpec) -> Finding {
    let lenient = HealthLimits { missed_sends_share_max: 1.0, dispatch_error_p99_us_max: u64::MAX };
    let safety = judged(record, spec, &lenient);
    if safety.kind != VerdictKind::Pass {
        let broken = if safety.kind == VerdictKind::Fail {
            unsafe_by(&record.delivery, &record.indicators, spec)
        } else {
            [].into()
        };
        return Finding { verdict: safety, broken };
    }
    let strict = judged(record, spec, &HealthLimits::default());
    let (kind, reasons, broken): (_, _, &[&'static str]) =
        match liveness(&record.faults, &record.series, spec) {
            Liveness::Late(_) if strict.kind == VerdictKind::Invalid => {
                (strict.kind, strict.reasons, &[])
            }
            Liveness::Late(sentence) => (VerdictKind::Fail, vec![sentence], &["recovery"]),
            Liveness::Unknown(sentence) => (VerdictKind::Invalid, vec![sentence], &[]),
            Liveness::Kept(sentence) => {
                let reasons = safety.reasons.into_iter().chain([sentence]).collect();
                (VerdictKind::Pass, reasons, &[])
            }
        };
    Finding { verdict: Verdict { kind, reasons }, broken: broken.iter().copied().collect() }
}

/// The verdict that leaves out which faults landed and what the baseline was.
fn judged(record: &RunRecord, spec: &ScenarioSpec, limits: &HealthLimits) -> Verdict {
    let unasked = Steadiness::measure(&[], 0.0, 0.0, &Latencies::new());
    let evidence = Evidence { faults: &[], steadiness: &unasked, ..record.evidence() };
    results::judge(evidence, &spec.objectives, limits)
}

/// The kinds of messages that came out wrong, by the guarantee or by the scenario's objectives.
fn unsafe_by(
    delivery: &Delivery,
    indicators: &Indicators,
    spec: &ScenarioSpec,
) -> BTreeSet<&'static str> {
    let counts = delivery.guarantee.forbidden(delivery).into_iter();
    let mut broken: BTreeSet<_> = counts.filter(|(_, count)| *count > 0).map(|(n, _)| n).collect();
    for (indicator, bound) in spec.objectives.iter() {
        let value = indicator.value(indicators);
        if value.is_some_and(|value| !bound.holds(value, indicator.unit())) {
            broken.insert(indicator.as_str());
        }
    }
    broken
}

/// Whether the system recovered by itself once everything was healed, in a sentence.
#[derive(Debug)]
enum Liveness {
    Kept(String),
    Late(String),
    /// The trial ended too early to tell.
    Unknown(String),
}

/// Judges by the law of [`results::recovery`], from the last healing on.
fn liveness(faults: &[FaultSpan], series: &[SeriesRow], spec: &ScenarioSpec) -> Liveness {
    let healed = faults.iter().filter_map(|fault| fault.healed_s.or(fault.installed_s));
    let Some(healed_s) = healed.reduce(f64::max) else {
        return Liveness::Kept("No fault was installed.".to_owned());
    };
    let objective_s = spec.job.objectives.recovery.as_secs_f64();
    let observed =
        Observed { series, signs: &[], stalls: &[], load_s: spec.duration.as_secs_f64() };
    let times = FaultTimes { installed_s: healed_s, healed_s, next_s: None };
    let recovery = Recovery::measure(&observed, &times, &[], &thresholds(spec));
    let seen_s = series.last().map_or(0.0, |row| row.t_s - healed_s);
    let (bound, after) = (format::seconds(objective_s), "after the last fault was healed");
    match recovery.total_s {
        Some(total_s) if total_s <= objective_s => Liveness::Kept(format!(
            "The system recovered by itself {} {after}, within the objective of {bound}.",
            format::seconds(total_s)
        )),
        Some(total_s) => Liveness::Late(format!(
            "The system took {} to recover {after}; the objective is {bound}.",
            format::seconds(total_s)
        )),
        None if seen_s > objective_s => Liveness::Late(format!(
            "The system had not recovered by the end of the trial, {} {after}; the objective is \
             {bound}.",
            format::seconds(seen_s)
        )),
        None => Liveness::Unknown(format!(
            "Whether the system recovers cannot be told: the trial ended {} {after}, and the \
             objective is {bound}.",
            format::seconds(seen_s.max(0.0))
        )),
    }
}

/// What is still within the job's objectives.
fn thresholds(spec: &ScenarioSpec) -> Thresholds {
    let objectives = &spec.job.objectives;
    let waiting = spec.workload.arrival.rate_per_s * objectives.lag_time.as_secs_f64();
    Thresholds {
        p99_ms: objectives.p99_latency.as_secs_f64() * 1e3,
        lag_records: waiting.ceil() as u64,
    }
}

#[cfg(test)]
mod tests;

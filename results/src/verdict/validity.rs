//! Did the trial test what it claims?

use crate::record::{FaultState, Health};
use crate::report::format;
use crate::steadiness::{LEVEL_RATIO_MAX, Steadiness, SteadyState};
use crate::verdict::{Evidence, HealthLimits};

/// Why the trial is invalid, a sentence each; empty when it is valid.
pub(super) fn reasons(evidence: Evidence<'_>, limits: &HealthLimits) -> Vec<String> {
    let mut reasons = whatever_the_baseline(evidence, limits);
    reasons.extend(unsteady(evidence.steadiness));
    reasons
}

/// The same without asking for a steady baseline: an overloaded system has none, and that is what
/// a probe of its capacity wants to know.
pub(crate) fn whatever_the_baseline(evidence: Evidence<'_>, limits: &HealthLimits) -> Vec<String> {
    let mut reasons = Vec::new();
    for fault in evidence.faults.iter().filter(|fault| fault.state != FaultState::Landed) {
        let what = match fault.state {
            FaultState::Skipped => "was skipped",
            _ => "was injected, but nothing shows that it landed",
        };
        reasons.push(format!(
            "The fault {} ({}) {what}: {}.",
            fault.name,
            fault.kind,
            fault.evidence.trim_end_matches('.')
        ));
    }
    if evidence.delivery.observed == 0 {
        reasons.push(format!(
            "No result was observed, of {} sent.",
            format::counted(evidence.delivery.sent, "message")
        ));
    }
    reasons.extend(evidence.health.spoiled.iter().cloned());
    missed_sends(evidence, limits, &mut reasons);
    open_sends(evidence, limits, &mut reasons);
    timing(evidence.health, limits, &mut reasons);
    harness_checks(evidence.health, &mut reasons);
    reasons
}

/// Without a steady baseline, nothing that happened later can be told from what was going on.
fn unsteady(steadiness: &Steadiness) -> Option<String> {
    if steadiness.state != SteadyState::Unsteady {
        return None;
    }
    let ratio = steadiness.level_ratio?;
    let (factor, moved) = if ratio < 1.0 { (1.0 / ratio, "fell") } else { (ratio, "rose") };
    let planned_s = steadiness.warm_up_planned_s;
    let cause = match steadiness.warm_up_found_s {
        Some(found_s) if found_s > planned_s => format!(
            "the warm-up lasted until {}, but {} are planned for it",
            format::seconds(found_s),
            format::seconds(planned_s)
        ),
        _ => "it never settled".to_owned(),
    };
    Some(format!(
        "The baseline was not steady: over its {} seconds the response p99 {moved} by a factor of \
         {factor:.1}; at most {LEVEL_RATIO_MAX} is allowed; {cause}.",
        format::count(steadiness.seconds),
    ))
}

/// What the checkers found out about the harness itself.
fn harness_checks(health: &Health, reasons: &mut Vec<String>) {
    for (name, count) in health.checks.counts() {
        let what = match name {
            "skipped" => {
                "offsets of the result topic were skipped by the collector, or left out by the \
                 brokers, so what is lost cannot be told (results written in transactions need \
                 `processing: exactly_once`)"
            }
            "rewound" => {
                "offsets of the result topic were read after a later one of their partition \
                 (rewound), so what is duplicated or reordered cannot be told"
            }
            "misstamped" => {
                "results were misstamped: they bear another intended time than the schedule gives, \
                 so their response times are not what users feel"
            }
            _ => {
                "response times were left unrecorded, or were recorded without a result, so no \
                 quantile can be trusted"
            }
        };
        if count > 0 {
            reasons.push(format!("{} {what}; none are allowed.", format::count(count)));
        }
    }
}

fn missed_sends(evidence: Evidence<'_>, limits: &HealthLimits, reasons: &mut Vec<String>) {
    let missed = evidence.health.missed_sends;
    let share = missed as f64 / evidence.delivery.planned.max(1) as f64;
    if share > limits.missed_sends_share_max {
        reasons.push(format!(
            "The load generator missed {} of {} sends, which is {:.1} %; at most {} % are allowed.",
            format::count(missed),
            format::count(evidence.delivery.planned),
            share * 100.0,
            limits.missed_sends_share_max * 100.0,
        ));
    }
}

/// Messages without an acknowledgement are in no figure, and might be the slowest of all.
fn open_sends(evidence: Evidence<'_>, limits: &HealthLimits, reasons: &mut Vec<String>) {
    let delivery = evidence.delivery;
    let open = delivery.failed + delivery.unknown;
    let share = open as f64 / delivery.planned.max(1) as f64;
    if share > limits.missed_sends_share_max {
        reasons.push(format!(
            "Of {} sends {} failed and {} have no known outcome, which is {:.1} %; at most {} % \
             are allowed.",
            format::count(delivery.planned),
            format::count(delivery.failed),
            format::count(delivery.unknown),
            share * 100.0,
            limits.missed_sends_share_max * 100.0,
        ));
    }
}

fn timing(health: &Health, limits: &HealthLimits, reasons: &mut Vec<String>) {
    if health.dispatch_error_p99_us > limits.dispatch_error_p99_us_max {
        reasons.push(format!(
            "The load generator was late: its p99 dispatch error was {}; at most {} are allowed.",
            format::milliseconds(health.dispatch_error_p99_us as f64 / 1e3),
            format::milliseconds(limits.dispatch_error_p99_us_max as f64 / 1e3),
        ));
    }
    if health.negative_latencies > 0 {
        reasons.push(format!(
            "{} response times were below zero, so a clock stepped or a stamp is wrong; \
             none are allowed.",
            format::count(health.negative_latencies)
        ));
    }
    if health.overflow_latencies > 0 {
        reasons.push(format!(
            "{} response times exceeded one hour, so a clock stepped or a stamp is wrong; \
             none are allowed.",
            format::count(health.overflow_latencies)
        ));
    }
}

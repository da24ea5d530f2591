//! Was a rate sustained?

use crate::capacity::trend::{Trend, backlog, trend};
use crate::record::RunRecord;
use crate::report::format;
use crate::series::SeriesRow;
use crate::statistics::median;
use crate::statistics::warm_up::mser;
use crate::verdict::{HealthLimits, whatever_the_baseline};

/// Confidence of the backlog's trend.
const CONFIDENCE: f64 = 0.99;
/// Fewest settled seconds that a trend is read from.
const ROWS_MIN: usize = 5;

/// What a rate must keep to be called sustained.
#[derive(Clone, Debug, PartialEq)]
pub struct SustainRules {
    /// Bound on the response p99, in milliseconds: half of the settled seconds or more keep it.
    pub objective_p99_ms: f64,
    /// Growth of the backlog that is allowed, as a share of the rate: the upper end of the growth's
    /// 99 % interval must stay below it.
    pub growth_share: f64,
    /// How well the harness must have kept up.
    pub limits: HealthLimits,
}

/// What came of a probe.
#[derive(Clone, Debug, PartialEq)]
pub enum Sustained {
    /// The rate was sustained.
    Yes,
    /// It was not, for this reason.
    No(String),
    /// The probe was too short or too noisy to say.
    Unclear(String),
    /// The harness itself was at its limit, so the probe says nothing.
    Invalid(String),
}

/// A probe's record, judged.
#[derive(Clone, Debug, PartialEq)]
pub struct Probe {
    /// What came of it.
    pub sustained: Sustained,
    /// Messages offered a second, over the settled seconds.
    pub rate_per_s: f64,
    /// Seconds left out at the start, as found by the marginal standard error rule.
    pub warm_up_s: f64,
    /// Growth of the backlog in messages a second, where it could be told.
    pub growth: Option<Trend>,
    /// The response p99 of the median settled second, in milliseconds.
    pub p99_ms: Option<f64>,
    /// Workers that were ready, in the mean over the settled seconds.
    pub workers: f64,
}

/// Judges the record of a trial at one constant rate.
pub fn sustained(record: &RunRecord, rules: &SustainRules) -> Probe {
    let load_s = record.phases.iter().filter(|phase| phase.name != "drain");
    let load_s = load_s.map(|phase| phase.end_s).fold(0.0, f64::max);
    // The last row of the load may reach into the drain by a moment, in which nothing is offered.
    let rows = record.series.iter().take_while(|row| row.t_s <= load_s + 0.05).count();
    let waiting = backlog(&record.series[..rows]);
    let found = mser(&waiting, 1).filter(|found| found.settled);
    let settled_from = found.map_or(rows / 2, |found| found.rows);
    let settled = &record.series[settled_from..rows];
    let times: Vec<f64> = settled.iter().map(|row| row.t_s).collect();
    let mean = |of: fn(&SeriesRow) -> f64| {
        settled.iter().map(of).sum::<f64>() / settled.len().max(1) as f64
    };
    let p99s: Vec<f64> = settled.iter().filter_map(|row| row.response_p99_ms).collect();
    let mut probe = Probe {
        sustained: Sustained::Yes,
        rate_per_s: mean(|row| row.offered),
        warm_up_s: settled_from.checked_sub(1).map_or(0.0, |last| record.series[last].t_s),
        growth: trend(&times, &waiting[settled_from..], CONFIDENCE),
        p99_ms: median(&p99s),
        workers: mean(|row| f64::from(row.ready_replicas)),
    };
    let invalid = whatever_the_baseline(record.evidence(), &rules.limits);
    probe.sustained = if let Some(reason) = invalid.into_iter().next() {
        Sustained::Invalid(reason)
    } else if settled.len() < ROWS_MIN {
        let rows = settled.len();
        Sustained::Unclear(format!("only {rows} seconds were settled; {ROWS_MIN} are needed"))
    } else {
        outcome(record, &probe, rules)
    };
    probe
}

fn outcome(record: &RunRecord, probe: &Probe, rules: &SustainRules) -> Sustained {
    let allowed = rules.growth_share * probe.rate_per_s;
    let p99 = probe.p99_ms.unwrap_or(f64::INFINITY);
    let lost = record.delivery.lost;
    if lost > 0 {
        return Sustained::No(format!("{} messages had no result in the end", format::count(lost)));
    }
    if p99 > rules.objective_p99_ms {
        return Sustained::No(format!(
            "the response p99 of the median second was {}, over the objective of {}",
            probe.p99_ms.map_or(format::ABSENT.to_owned(), format::milliseconds),
            format::milliseconds(rules.objective_p99_ms)
        ));
    }
    let Some(growth) = probe.growth else {
        return Sustained::Unclear("the backlog has no trend to read".to_owned());
    };
    let told = format!(
        "by {:.0} messages a second ({:.0} to {:.0})",
        growth.slope, growth.low, growth.high
    );
    if growth.high <= allowed {
        Sustained::Yes
    } else if growth.low > 0.0 && growth.slope > allowed {
        Sustained::No(format!("the backlog grew {told}"))
    } else {
        Sustained::Unclear(format!("the backlog may have grown, {told}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Span;
    use crate::sample::Sample;

    /// A trial of 14 s at 1,000 messages a second that keeps up by this share from the third
    /// second on, with this p99.
    fn trial(share: f64, p99_ms: f64) -> RunRecord {
        let mut record = Sample::new("A", 1).record();
        let row = |second: u32| {
            let wobble = if second.is_multiple_of(2) { 8.0 } else { -8.0 };
            let observed = if second <= 2 { 700.0 } else { 1_000.0 * share + wobble };
            SeriesRow {
                t_s: f64::from(second),
                offered: 1_000.0,
                achieved: 1_000.0,
                observed,
                response_p99_ms: Some(p99_ms),
                ready_replicas: 2,
                ..SeriesRow::default()
            }
        };
        record.series = (1..=14).map(row).collect();
        record.phases = vec![Span { name: "steady".to_owned(), start_s: 0.0, end_s: 14.0 }];
        record.health.spoiled.clear();
        record.health.missed_sends = 0;
        record.health.dispatch_error_p99_us = 0;
        record.delivery.lost = 0;
        record
    }

    fn rules() -> SustainRules {
        let limits = HealthLimits::default();
        SustainRules { objective_p99_ms: 500.0, growth_share: 0.01, limits }
    }

    #[test]
    fn a_rate_that_is_kept_up_with_is_sustained_and_its_start_left_out() {
        let probe = sustained(&trial(1.0, 40.0), &rules());
        assert_eq!(probe.sustained, Sustained::Yes);
        assert!((1.0..=3.0).contains(&probe.warm_up_s), "{probe:?}");
        assert_eq!((probe.rate_per_s, probe.workers, probe.p99_ms), (1_000.0, 2.0, Some(40.0)));
    }

    #[test]
    fn a_backlog_that_grows_by_two_percent_of_the_rate_is_seen() {
        let probe = sustained(&trial(0.98, 40.0), &rules());
        let Sustained::No(reason) = &probe.sustained else { panic!("{probe:?}") };
        assert!(reason.contains("the backlog grew by 2"), "{reason}");
    }

    #[test]
    fn slow_results_and_missing_results_are_not_sustained() {
        let slow = sustained(&trial(1.0, 501.0), &rules()).sustained;
        assert!(matches!(&slow, Sustained::No(reason) if reason.contains("501 ms")), "{slow:?}");
        let mut lossy = trial(1.0, 40.0);
        lossy.delivery.lost = 3;
        let lossy = sustained(&lossy, &rules()).sustained;
        assert!(matches!(&lossy, Sustained::No(reason) if reason.starts_with("3 messages")));
    }

    #[test]
    fn a_harness_at_its_limit_says_nothing_of_the_system() {
        let mut late = trial(0.5, 9_000.0);
        late.health.dispatch_error_p99_us = 1_000_000;
        assert!(matches!(sustained(&late, &rules()).sustained, Sustained::Invalid(_)));
    }

    #[test]
    fn too_few_seconds_are_unclear() {
        let mut short = trial(1.0, 40.0);
        short.series.truncate(4);
        assert!(matches!(sustained(&short, &rules()).sustained, Sustained::Unclear(_)));
        short.series.clear();
        assert!(matches!(sustained(&short, &rules()).sustained, Sustained::Unclear(_)));
    }
}

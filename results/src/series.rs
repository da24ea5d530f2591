//! The trial as a series: one row for each second.

use std::iter;

use serde::{Deserialize, Serialize};

use crate::elasticity::Demand;
use crate::latencies::Latencies;

/// The most rows that a series holds: a day of seconds.
pub const SERIES_ROWS_MAX: usize = 86_400;

/// One interval of the trial, nominally one second. A figure without samples is absent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeriesRow {
    /// The interval's end, seconds from load start; it begins where the row before ends, and the first
    /// at 0.
    pub t_s: f64,
    /// Messages scheduled, per second.
    pub offered: f64,
    /// Messages sent, per second.
    pub achieved: f64,
    /// Distinct results observed, per second.
    pub observed: f64,
    /// Median response time of the results observed in the interval, in milliseconds.
    pub response_p50_ms: Option<f64>,
    /// 99th percentile of them, in milliseconds.
    pub response_p99_ms: Option<f64>,
    /// The longest of them, in milliseconds.
    pub response_max_ms: Option<f64>,
    /// Results observed in the interval whose response time exceeded the job's objective for the
    /// response p99: a count, not a rate.
    pub out_of_objective: u64,
    /// 99th percentile of the service times that workers reported in the interval, in
    /// milliseconds. Workers count in buckets that double; between the bounds of one it is
    /// interpolated, and beyond the last bound it is that bound. Absent for under 20 records.
    pub service_p99_ms: Option<f64>,
    /// Records that wait in the source topic, at the interval's end.
    pub lag_records: Option<u64>,
    /// Workers that the load offered in the interval needs: offered rate × mean service time that
    /// the scenario declares for its worker ÷ utilisation target
    /// ([`UTILISATION_TARGET`](crate::elasticity::UTILISATION_TARGET)). Absent when the service
    /// time is not known.
    pub demand_replicas: Option<f64>,
    /// Workers that exist, at the interval's end.
    pub replicas: u32,
    /// Workers that the strategy wants, at the interval's end.
    pub desired_replicas: u32,
    /// Workers that are ready, at the interval's end.
    pub ready_replicas: u32,
    /// Processor time of the whole machine in the interval, 0 to 1.
    pub cpu_share: Option<f64>,
}

/// Running totals since load start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Messages scheduled.
    pub offered: u64,
    /// Messages sent.
    pub achieved: u64,
    /// Distinct results observed.
    pub observed: u64,
}

/// What is read at an interval's end.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Gauges {
    /// As in [`SeriesRow`].
    pub lag_records: Option<u64>,
    /// As in [`SeriesRow`].
    pub replicas: u32,
    /// As in [`SeriesRow`].
    pub desired_replicas: u32,
    /// As in [`SeriesRow`].
    pub ready_replicas: u32,
    /// As in [`SeriesRow`].
    pub service_p99_ms: Option<f64>,
    /// As in [`SeriesRow`].
    pub cpu_share: Option<f64>,
}

/// What the observed is held against.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Yardsticks {
    /// The job's objective for the response p99, in microseconds; without one, nothing is out of
    /// it.
    pub objective_us: Option<u64>,
    /// What turns offered load into workers, where the service time is known.
    pub demand: Option<Demand>,
}

/// The rows, each with the time at which its interval begins: where the row before ends, and for
/// the first the start of the load.
pub fn intervals(rows: &[SeriesRow]) -> impl Iterator<Item = (f64, &SeriesRow)> {
    iter::once(0.0).chain(rows.iter().map(|row| row.t_s)).zip(rows)
}

/// Why an interval was not added.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SeriesError {
    /// The series has its longest length.
    #[error("series: already holds {SERIES_ROWS_MAX} rows, a day of seconds")]
    Full,
    /// The interval ends where, or before, the one before it ended.
    #[error("series: an interval that ends at {t_s} s follows one that ended at {before_s} s")]
    Order {
        /// The end of the refused interval.
        t_s: f64,
        /// The end of the last row.
        before_s: f64,
    },
}

/// Builds a series from running totals, one call an interval.
#[derive(Debug)]
pub struct SeriesBuilder {
    rows: Vec<SeriesRow>,
    end_s: f64,
    totals: Totals,
    yardsticks: Yardsticks,
}

impl SeriesBuilder {
    /// A series whose first interval begins at the start of the load.
    pub fn new(yardsticks: Yardsticks) -> SeriesBuilder {
        SeriesBuilder { rows: Vec::new(), end_s: 0.0, totals: Totals::default(), yardsticks }
    }

    /// Ends an interval at `t_s`, with the running totals and gauges at that moment and the
    /// response times of the results observed in it. Rates are over the interval's true length.
    ///
    /// # Errors
    /// When the series is full or time does not move on; the series is then unchanged.
    pub fn tick(
        &mut self,
        t_s: f64,
        totals: Totals,
        gauges: Gauges,
        response: &Latencies,
    ) -> Result<&SeriesRow, SeriesError> {
        if self.rows.len() >= SERIES_ROWS_MAX {
            return Err(SeriesError::Full);
        }
        let length_s = t_s - self.end_s;
        if !length_s.is_finite() || length_s <= 0.0 {
            return Err(SeriesError::Order { t_s, before_s: self.end_s });
        }
        let rate = |now: u64, before: u64| now.saturating_sub(before) as f64 / length_s;
        let offered = rate(totals.offered, self.totals.offered);
        let Yardsticks { objective_us, demand } = self.yardsticks;
        let row = SeriesRow {
            t_s,
            offered,
            achieved: rate(totals.achieved, self.totals.achieved),
            observed: rate(totals.observed, self.totals.observed),
            response_p50_ms: response.quantile_ms(0.5),
            response_p99_ms: response.quantile_ms(0.99),
            response_max_ms: response.max_us().map(|us| us as f64 / 1e3),
            out_of_objective: objective_us.map_or(0, |limit_us| response.count_above_us(limit_us)),
            service_p99_ms: gauges.service_p99_ms,
            lag_records: gauges.lag_records,
            demand_replicas: demand.map(|demand| demand.replicas(offered)),
            replicas: gauges.replicas,
            desired_replicas: gauges.desired_replicas,
            ready_replicas: gauges.ready_replicas,
            cpu_share: gauges.cpu_share,
        };
        self.end_s = t_s;
        self.totals = totals;
        Ok(self.rows.push_mut(row))
    }

    /// The rows so far.
    pub fn rows(&self) -> &[SeriesRow] {
        &self.rows
    }

    /// The finished series.
    pub fn finish(self) -> Vec<SeriesRow> {
        self.rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn totals(offered: u64) -> Totals {
        Totals { offered, achieved: offered / 2, observed: 0 }
    }

    #[test]
    fn rates_are_over_the_intervals_true_length() {
        let mut builder = SeriesBuilder::new(Yardsticks::default());
        let mut response = Latencies::new();
        response.record_us(1_500);
        let gauges = Gauges { lag_records: Some(7), replicas: 3, ..Gauges::default() };
        builder.tick(1.0, totals(100), gauges, &response).unwrap();
        let row = builder.tick(3.0, totals(500), gauges, &Latencies::new()).unwrap();
        assert_eq!((row.offered, row.achieved, row.observed), (200.0, 100.0, 0.0));
        assert_eq!((row.response_p99_ms, row.lag_records), (None, Some(7)));
        assert_eq!(builder.finish()[0].response_p99_ms, Some(1.5));
    }

    #[test]
    fn what_is_observed_is_held_against_the_yardsticks() {
        let demand = Demand { mean_service_s: 0.002, utilisation: 0.8 };
        let yardsticks = Yardsticks { objective_us: Some(1_000), demand: Some(demand) };
        let mut builder = SeriesBuilder::new(yardsticks);
        let mut response = Latencies::new();
        [999, 1_000, 1_002, 5_000].into_iter().for_each(|us| response.record_us(us));
        let row = builder.tick(2.0, totals(2_000), Gauges::default(), &response).unwrap();
        // 1,000 a second at 2 ms each keep 2 workers busy, at 80 % of their time 2.5.
        assert_eq!((row.out_of_objective, row.demand_replicas), (2, Some(2.5)));
    }

    #[test]
    fn an_interval_begins_where_the_one_before_ends() {
        let rows = [1.5, 2.5, 4.0].map(|t_s| SeriesRow { t_s, ..SeriesRow::default() });
        let starts: Vec<f64> = intervals(&rows).map(|(start_s, _)| start_s).collect();
        assert_eq!(starts, [0.0, 1.5, 2.5]);
        assert_eq!(intervals(&[]).count(), 0);
    }

    #[test]
    fn an_interval_that_does_not_move_on_is_refused() {
        let mut builder = SeriesBuilder::new(Yardsticks::default());
        let empty = Latencies::new();
        builder.tick(1.0, totals(1), Gauges::default(), &empty).unwrap();
        for t_s in [1.0, 0.5, f64::NAN, f64::INFINITY] {
            assert!(builder.tick(t_s, totals(1), Gauges::default(), &empty).is_err());
        }
        assert_eq!(builder.rows().len(), 1);
    }

    #[test]
    fn a_full_series_refuses_more() {
        let mut builder = SeriesBuilder::new(Yardsticks::default());
        let empty = Latencies::new();
        builder.rows = vec![SeriesRow::default(); SERIES_ROWS_MAX - 1];
        let mut tick = |t: usize| {
            builder.tick(t as f64, Totals::default(), Gauges::default(), &empty).map(|_| ())
        };
        tick(SERIES_ROWS_MAX).unwrap();
        assert_eq!(tick(SERIES_ROWS_MAX + 1), Err(SeriesError::Full));
    }
}

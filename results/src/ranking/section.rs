//! The contestants of one scenario: their places, their differences, and who is unbeaten.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::objectives::IndicatorName;
use crate::ranking::{Agreement, CONTESTANTS_MAX, Contestant, Difference, difference};
use crate::record::RunRecord;

/// The contestants of one scenario.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Section {
    /// The scenario's name.
    pub scenario: String,
    /// The scenario's digest.
    pub digest: String,
    /// What stands for the cost: worker-seconds where the scenario states no price.
    pub price: IndicatorName,
    /// The contestants, best first.
    pub contestants: Vec<Contestant>,
    /// Every comparison of two of them.
    pub differences: Vec<Difference>,
    /// Whether environments agree, where there are several.
    pub agreement: Option<Agreement>,
}

impl Section {
    /// Everything that follows from the contestants; the records give the scenario its name.
    pub(super) fn new(
        records: &[&RunRecord],
        mut contestants: Vec<Contestant>,
        by: IndicatorName,
    ) -> Section {
        let worse = |contestant: &Contestant| match contestant.estimates.get(&by) {
            Some(estimate) if by == IndicatorName::Throughput => -estimate.value,
            Some(estimate) => estimate.value,
            None => f64::INFINITY,
        };
        contestants.sort_by(|one, other| {
            worse(one).total_cmp(&worse(other)).then_with(|| one.label.cmp(&other.label))
        });
        let differences = difference::all(&contestants);
        rank(&mut contestants, &differences, by);
        let priced = contestants.iter().any(|c| c.estimates.contains_key(&IndicatorName::Cost));
        let price = if priced { IndicatorName::Cost } else { IndicatorName::WorkerSeconds };
        mark_pareto(&mut contestants, price);
        let (scenario, digest) = records
            .first()
            .map(|record| (record.scenario.name.clone(), record.scenario.digest.clone()))
            .unwrap_or_default();
        Section { scenario, digest, price, contestants, differences, agreement: None }
    }

    /// The strategies of one scenario against each other, whichever runs their trials are of;
    /// the first [`CONTESTANTS_MAX`] by name. Best by p99 response time comes first.
    pub(crate) fn of_strategies(records: &[&RunRecord]) -> Section {
        let mut groups: BTreeMap<&str, Vec<&RunRecord>> = BTreeMap::new();
        for record in records {
            groups.entry(&record.strategy).or_default().push(record);
        }
        let groups = groups.into_iter().take(CONTESTANTS_MAX);
        let contestants =
            groups.map(|(strategy, trials)| Contestant::new(trials, strategy.to_owned())).collect();
        Section::new(records, contestants, IndicatorName::P99Response)
    }

    /// The contestant of a strategy.
    pub(crate) fn contestant(&self, strategy: &str) -> Option<&Contestant> {
        self.contestants.iter().find(|contestant| contestant.strategy == strategy)
    }

    /// Those with a value of an indicator, best first, each with the value.
    pub(crate) fn order(&self, indicator: IndicatorName) -> Vec<(&Contestant, f64)> {
        let value = |contestant: &Contestant| Some(contestant.estimates.get(&indicator)?.value);
        let with_value = self.contestants.iter().filter_map(|c| Some((c, value(c)?)));
        let mut order: Vec<_> = with_value.collect();
        order.sort_by(|(_, one), (_, other)| {
            let order = one.total_cmp(other);
            if indicator == IndicatorName::Throughput { order.reverse() } else { order }
        });
        order
    }

    /// What is known of the difference between two contestants, in whichever order.
    pub(crate) fn difference(
        &self,
        indicator: IndicatorName,
        one: &str,
        other: &str,
    ) -> Option<&Difference> {
        let of = |difference: &&Difference| difference.indicator == indicator;
        self.differences.iter().filter(of).find(|difference| difference.is_between(one, other))
    }
}

/// Places in order; a new place begins where a difference from the best of the last one is real.
fn rank(contestants: &mut [Contestant], differences: &[Difference], by: IndicatorName) {
    let mut place = 1;
    let mut leader: Option<String> = None;
    for (index, contestant) in contestants.iter_mut().enumerate() {
        if !contestant.estimates.contains_key(&by) {
            continue;
        }
        let told = leader.as_ref().is_none_or(|leader| {
            differences.iter().any(|difference| {
                difference.indicator == by
                    && difference.real
                    && difference.is_between(leader, &contestant.label)
            })
        });
        if told {
            place = index + 1;
            leader = Some(contestant.label.clone());
        }
        contestant.rank = Some(place);
    }
}

/// Marks those that no other beats in both p99 and price.
fn mark_pareto(contestants: &mut [Contestant], price: IndicatorName) {
    let point = |contestant: &Contestant| {
        let value = |indicator| Some(contestant.estimates.get(&indicator)?.value);
        Some((value(IndicatorName::P99Response)?, value(price)?))
    };
    let points: Vec<Option<(f64, f64)>> = contestants.iter().map(point).collect();
    for (contestant, own) in contestants.iter_mut().zip(&points) {
        let Some((p99, cost)) = own else { continue };
        let beaten = points.iter().flatten().any(|(other_p99, other_cost)| {
            other_p99 <= p99 && other_cost <= cost && (other_p99 < p99 || other_cost < cost)
        });
        contestant.pareto = Some(!beaten);
    }
}

//! Elasticity worked by hand.

use super::*;

const DEMAND: Demand = Demand { mean_service_s: 0.001, utilisation: 0.8 };

/// Rows of one second from 0 s: supply and demand.
fn rows(values: &[(u32, f64)]) -> Vec<SeriesRow> {
    let row = |(second, (supply, demand)): (usize, &(u32, f64))| SeriesRow {
        t_s: second as f64 + 1.0,
        ready_replicas: *supply,
        demand_replicas: Some(*demand),
        ..SeriesRow::default()
    };
    values.iter().enumerate().map(row).collect()
}

fn measured(values: &[(u32, f64)]) -> Elasticity {
    Elasticity::measure(&rows(values), &DEMAND, 0.0, 1e3).unwrap()
}

#[test]
fn supply_that_follows_demand_is_perfect() {
    let found = measured(&[(2, 2.0), (4, 3.2), (4, 4.0), (1, 1.0)]);
    let figures = [
        found.under_accuracy,
        found.over_accuracy,
        found.under_share,
        found.over_share,
        found.instability,
        found.jitter_per_minute,
    ];
    assert_eq!(figures, [0.0; 6]);
    assert_eq!((found.mean_service_ms, found.utilisation), (1.0, 0.8));
}

#[test]
fn a_burst_that_supply_follows_late_worked_by_hand() {
    // Demand 2 2 4 4 2 2 2 2, supply 2 2 2 4 4 4 2 2.
    let values: Vec<(u32, f64)> = [2, 2, 2, 4, 4, 4, 2, 2]
        .into_iter()
        .zip([1.9, 2.0, 3.5, 4.0, 2.0, 2.0, 2.0, 2.0])
        .collect();
    let found = measured(&values);
    // One second lacks 2 of 4 workers; two seconds have 2 too many over 2.
    assert_eq!(found.under_accuracy, 0.5 / 8.0);
    assert_eq!(found.over_accuracy, 2.0 / 8.0);
    assert_eq!((found.under_share, found.over_share), (1.0 / 8.0, 2.0 / 8.0));
    // Of 7 steps, 4 differ: demand rises, supply rises, demand falls, supply falls.
    assert!((found.instability - 4.0 / 7.0).abs() < 1e-12);
    assert_eq!(found.jitter_per_minute, 0.0);
}

#[test]
fn jitter_tells_inertia_from_oscillation() {
    // Two changes of supply and none of demand in 6 s, then the other way round.
    let swinging = [(2, 2.0), (2, 2.0), (3, 2.0), (3, 2.0), (2, 2.0), (2, 2.0)];
    assert_eq!(measured(&swinging).jitter_per_minute, 20.0);
    let inert = swinging.map(|(supply, demand)| (demand as u32, f64::from(supply)));
    assert_eq!(measured(&inert).jitter_per_minute, -20.0);
}

#[test]
fn workers_without_any_demand_are_counted_as_they_are() {
    let found = measured(&[(3, 0.0), (3, 0.0)]);
    assert_eq!((found.over_accuracy, found.over_share), (3.0, 1.0));
}

#[test]
fn rows_are_weighed_by_their_length_and_only_those_within_count() {
    let mut series = rows(&[(9, 1.0), (1, 2.0), (2, 2.0), (9, 1.0)]);
    series[1].t_s = 4.0;
    series[2].t_s = 5.0;
    series[3].t_s = 6.0;
    let found = Elasticity::measure(&series, &DEMAND, 1.0, 5.0).unwrap();
    assert_eq!((found.under_share, found.over_share), (0.75, 0.0));
}

#[test]
fn without_a_demand_there_is_nothing_to_measure() {
    assert_eq!(Elasticity::measure(&[], &DEMAND, 0.0, 10.0), None);
    assert_eq!(Elasticity::measure(&rows(&[(1, 1.0)]), &DEMAND, 5.0, 10.0), None);
    let series = [SeriesRow { t_s: 1.0, ..SeriesRow::default() }];
    assert_eq!(Elasticity::measure(&series, &DEMAND, 0.0, 10.0), None);
}

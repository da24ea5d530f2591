//! Decisions worked out by hand.

use std::time::Duration;

use super::*;

fn limits() -> Limits {
    Limits {
        min_replicas: 1,
        max_replicas: 20,
        sync_period: Duration::from_secs(1),
        stabilization_window: Duration::from_secs(30),
        cooldown: Duration::ZERO,
        tolerance: 0.1,
        up: Pace::default(),
        down: Pace::default(),
    }
}

fn plan(strategy: Strategy) -> Plan {
    let objectives = Objectives {
        p99_latency: Some(Duration::from_millis(100)),
        lag_time: Some(Duration::from_secs(4)),
        recovery: Some(Duration::from_secs(20)),
    };
    Plan { strategy, limits: limits(), objectives, fixed_replicas: None }
}

/// 1,000/s arrive and are processed, 5 ms each (200/s a worker), 24 partitions, no backlog.
fn steady(at_s: u64, replicas: u32) -> Observation {
    Observation {
        at: Duration::from_secs(at_s),
        partitions: Some(24),
        lag_records: Some(100),
        lag_time: Some(Duration::from_millis(100)),
        arrival_rate_per_s: Some(1000.0),
        arrival_rate_recent_per_s: Some(1000.0),
        processed_rate_per_s: Some(1000.0),
        busy_share: Some(1.0 / f64::from(replicas.max(1)) * 5.0),
        service_time_s: Some(0.005),
        p99_latency: Some(Duration::from_millis(40)),
        replicas,
        ready_replicas: replicas,
        ..Observation::default()
    }
}

fn decided(plan: &Plan, observations: &[Observation]) -> Decision {
    let mut state = State::default();
    let mut last = None;
    for observation in observations {
        last = Some(decide(plan, observation, &mut state));
    }
    last.expect("at least one observation")
}

/// Offered load: 1000/s · 5 ms = 5 erlangs.
/// High Throughput: 5 / 0.75 = 6.67 → 7.
/// Cost Optimized: by rate 5 / 0.85 = 5.88 → 6; p99 with 6 workers: 4 partitions of 24 each,
/// λ = 166.7/s, ρ = 0.833, response = ln 100 · 5 ms/(1 − 0.833) = 138 ms > 100 − 25 = 75 ms.
/// 7 workers: ⌈24/7⌉ = 4 partitions, the same. 8 workers: 3 partitions, 125/s, ρ = 0.625,
/// 4.605 · 13.33 ms = 61.4 ms ≤ 75 ms → 8.
/// Low Latency: ρ ≤ 0.6 as well: 8 workers have 0.625; 12 have 2 partitions, ρ = 0.417 → 12.
#[test]
fn each_strategy_sizes_a_steady_load_by_its_own_rule() {
    let at = |strategy| decided(&plan(strategy), &[steady(0, 5)]);
    assert_eq!(at(Strategy::HighThroughput).replicas, 7);
    assert_eq!(at(Strategy::CostOptimized).replicas, 8);
    assert_eq!(at(Strategy::LowLatency).replicas, 12);
    let mut relaxed = plan(Strategy::CostOptimized);
    relaxed.objectives.p99_latency = None;
    assert_eq!(decided(&relaxed, &[steady(0, 5)]).replicas, 6);
}

/// Without partitions Erlang C sizes one shared queue: a = 5, c ≥ 5/0.6 → 9 workers.
/// C(9, 5) = 0.0805; spare = 1800 − 1000 = 800/s; p99 wait = ln(8.05)/800 = 2.6 ms, + 5 ms;
/// the service's own p99 of 23 ms is more: within 75 ms.
#[test]
fn low_latency_uses_erlang_c_where_partitions_are_not_known() {
    let unknown = Observation { partitions: None, ..steady(0, 9) };
    let decision = decided(&plan(Strategy::LowLatency), &[unknown]);
    assert_eq!(decision.replicas, 9, "{}", decision.reason);
    assert!(decision.reason.contains("p99 23.0 ms of 75.0 ms"), "{}", decision.reason);
}

/// Backlog: 11,000 records of lag less what healthy workers have in hand.
/// High Throughput: in hand 1000/s · 1.12 s = 1120; (1000 + 9880/10 s)/(200 · 0.75) = 13.25 → 14.
/// Low Latency: in hand 300; drain in 2 s: 1000 + 10700/2 = 6350/s → 32 erlangs → max 20.
/// Cost Optimized: in hand 1055; the lag is 11 s old, over 2 s; drained in min(20, 2 · 4) = 8 s:
/// (1000 + 9945/8)/200 = 11.2 → 12.
#[test]
fn each_strategy_answers_a_backlog_by_its_own_urgency() {
    let behind = Observation {
        lag_records: Some(11_000),
        lag_time: Some(Duration::from_secs(11)),
        ..steady(0, 5)
    };
    let at = |strategy| decided(&plan(strategy), std::slice::from_ref(&behind));
    assert_eq!(at(Strategy::HighThroughput).replicas, 14);
    assert_eq!(at(Strategy::CostOptimized).replicas, 12);
    let fast = at(Strategy::LowLatency);
    assert_eq!(fast.replicas, 20);
    assert!(fast.reason.contains("over its capacity"), "{}", fast.reason);
}

/// The peak of 2,000/s needs 10/0.75 = 13.3 → 14. After 300 s half of it, 1,000/s, counts:
/// 6.67 → 7. A Cost Optimized job (no p99 objective) gives up one quarter at a time: 14 − 3.
#[test]
fn high_throughput_holds_its_peak_where_cost_optimized_lets_go_slowly() {
    let burst = Observation { arrival_rate_per_s: Some(2000.0), ..steady(0, 14) };
    let calm = |at_s| Observation { arrival_rate_per_s: Some(100.0), ..steady(at_s, 14) };
    let high = plan(Strategy::HighThroughput);
    assert_eq!(decided(&high, &[burst.clone(), calm(31)]).replicas, 13);
    assert_eq!(decided(&high, &[burst.clone(), calm(300), calm(331)]).replicas, 7);
    let mut cost = plan(Strategy::CostOptimized);
    cost.objectives.p99_latency = None;
    let decision = decided(&cost, &[burst, calm(31)]);
    assert_eq!(decision.replicas, 11);
    assert!(decision.reason.contains("3 given up at a time"), "{}", decision.reason);
}

#[test]
fn the_stabilization_window_holds_and_then_releases() {
    let mut cost = plan(Strategy::CostOptimized);
    cost.objectives.p99_latency = None;
    let calm = |at_s| Observation { arrival_rate_per_s: Some(100.0), ..steady(at_s, 6) };
    let held = decided(&cost, &[steady(0, 6), calm(29)]);
    assert_eq!(held.replicas, 6);
    assert!(held.reason.contains("stabilization window of 30.0 s"), "{}", held.reason);
    assert_eq!(decided(&cost, &[steady(0, 6), calm(30)]).replicas, 5);
}

#[test]
fn a_first_decision_starts_the_fewest_workers_to_learn_from() {
    for strategy in Strategy::ALL {
        let mut plan = plan(strategy);
        plan.limits.min_replicas = 0;
        let decision = decided(&plan, &[Observation::default()]);
        assert_eq!(decision.replicas, 1);
        assert_eq!(decision.reason, "starting with 1 to learn from");
    }
}

#[test]
fn what_is_not_seen_is_held_and_said() {
    for strategy in Strategy::ALL {
        let blind = Observation {
            replicas: 4,
            arrival_rate_per_s: Some(f64::NAN),
            processed_rate_per_s: Some(-3.0),
            missing: vec!["lag: no broker answers".to_owned()],
            ..Observation::default()
        };
        let decision = decided(&plan(strategy), &[blind]);
        assert_eq!(decision.replicas, 4);
        assert_eq!(decision.reason, "holding 4: lag: no broker answers");
    }
}

#[test]
fn nothing_is_given_up_while_lag_is_not_visible() {
    let metrics_only = |at_s| Observation {
        lag_records: None,
        arrival_rate_per_s: None,
        arrival_rate_recent_per_s: None,
        processed_rate_per_s: Some(10.0),
        ..steady(at_s, 12)
    };
    for strategy in Strategy::ALL {
        let decision = decided(&plan(strategy), &[metrics_only(0), metrics_only(100)]);
        assert_eq!(decision.replicas, 12);
        assert!(decision.reason.contains("lag is not visible"), "{}", decision.reason);
    }
}

/// Rest after the window without arrivals and lag; waking by what a worker was known to do:
/// 5,000 records at 200/s with 8 s to drain = 3.1 → 4.
#[test]
fn cost_optimized_rests_when_idle_and_wakes_on_lag() {
    let mut plan = plan(Strategy::CostOptimized);
    plan.limits.min_replicas = 0;
    let idle = |at_s, replicas| Observation {
        lag_records: Some(0),
        lag_time: Some(Duration::ZERO),
        arrival_rate_per_s: Some(0.0),
        arrival_rate_recent_per_s: Some(0.0),
        service_time_s: None,
        ..steady(at_s, replicas)
    };
    let mut state = State::default();
    assert_eq!(decide(&plan, &steady(0, 1), &mut state).replicas, 8);
    assert_eq!(decide(&plan, &idle(10, 1), &mut state).replicas, 1);
    let rest = decide(&plan, &idle(40, 1), &mut state);
    assert_eq!(rest.replicas, 0, "{}", rest.reason);
    assert_eq!(decide(&plan, &idle(50, 0), &mut state).replicas, 0);
    let waiting = Observation {
        lag_records: Some(5000),
        lag_time: Some(Duration::from_secs(5)),
        ..idle(51, 0)
    };
    assert_eq!(decide(&plan, &waiting, &mut state).replicas, 4);
    // Other strategies keep one worker whatever the lower bound says.
    plan.strategy = Strategy::LowLatency;
    assert_eq!(decide(&plan, &idle(52, 1), &mut State::default()).replicas, 1);
}

#[test]
fn low_latency_adds_workers_for_a_late_p99_only_if_they_are_busy() {
    let late = |busy_share| Observation {
        p99_latency: Some(Duration::from_millis(400)),
        busy_share: Some(busy_share),
        ..steady(0, 12)
    };
    let busy = decided(&plan(Strategy::LowLatency), &[late(0.7)]);
    assert_eq!(busy.replicas, 15, "{}", busy.reason);
    let idle = decided(&plan(Strategy::LowLatency), &[late(0.1)]);
    assert_eq!(idle.replicas, 12);
    assert!(idle.reason.contains("more would not help"), "{}", idle.reason);
}

/// Growth before limits is 14 (see the backlog test); 4 partitions, maxReplicas 10, at most
/// two more in a period, and a cooldown each leave their own number.
#[test]
fn every_limit_that_changed_the_outcome_is_named() {
    let behind =
        |at_s, replicas| Observation { lag_records: Some(11_000), ..steady(at_s, replicas) };
    let mut capped = plan(Strategy::HighThroughput);
    capped.limits.max_replicas = 10;
    let decision = decided(&capped, &[behind(0, 5)]);
    assert_eq!(decision.replicas, 10);
    assert!(decision.reason.contains("by maxReplicas"), "{}", decision.reason);

    let few = Observation { partitions: Some(4), ..behind(0, 2) };
    let decision = decided(&plan(Strategy::HighThroughput), &[few]);
    assert_eq!(decision.replicas, 4);
    assert!(decision.reason.contains("by the partitions"), "{}", decision.reason);

    let mut paced = plan(Strategy::HighThroughput);
    let period = Duration::from_secs(10);
    paced.limits.up = Pace { replicas: Some(2), percent: Some(10), period };
    let mut state = State::default();
    assert_eq!(decide(&paced, &behind(0, 5), &mut state).replicas, 7);
    let again = decide(&paced, &behind(5, 7), &mut state);
    assert_eq!(again.replicas, 7);
    assert!(again.reason.contains("by scaling.up in 10.0 s"), "{}", again.reason);
    assert_eq!(decide(&paced, &behind(10, 7), &mut state).replicas, 9);

    let mut cooled = plan(Strategy::HighThroughput);
    cooled.limits.cooldown = Duration::from_secs(60);
    let mut state = State::default();
    let _ = decide(&cooled, &steady(0, 5), &mut state);
    let held = decide(&cooled, &behind(15, 7), &mut state);
    assert_eq!(held.replicas, 7);
    assert!(held.reason.contains("by the cooldown, 45.0 s left"), "{}", held.reason);
}

/// 7 wanted 6.67: present 7 stays; with 6 present the ratio is 1.11, over the tolerance of 0.1;
/// with a tolerance of 0.2 it stays.
#[test]
fn the_dead_band_compares_the_unrounded_need() {
    let mut plan = plan(Strategy::HighThroughput);
    assert_eq!(decided(&plan, &[steady(0, 6)]).replicas, 7);
    plan.limits.tolerance = 0.2;
    let held = decided(&plan, &[steady(0, 6)]);
    assert_eq!(held.replicas, 6);
    assert!(held.reason.contains("within the 20 % tolerance"), "{}", held.reason);
}

#[test]
fn without_busy_time_the_largest_rate_seen_is_a_lower_bound_and_said_to_be() {
    let plain = Observation { busy_share: None, service_time_s: None, ..steady(0, 5) };
    let calm = decided(&plan(Strategy::HighThroughput), std::slice::from_ref(&plain));
    assert_eq!(calm.replicas, 5, "keeping up is no reason for more: {}", calm.reason);
    assert!(calm.reason.contains("at least, no busy time known"), "{}", calm.reason);
    let behind = Observation { lag_records: Some(11_000), ..plain };
    assert_eq!(decided(&plan(Strategy::HighThroughput), &[behind]).replicas, 14);
}

#[test]
fn a_number_set_by_hand_overrides_the_strategy_within_the_bounds() {
    let mut plan = plan(Strategy::LowLatency);
    plan.fixed_replicas = Some(3);
    assert_eq!(decided(&plan, &[steady(0, 5)]).replicas, 3);
    plan.fixed_replicas = Some(99);
    let decision = decided(&plan, &[steady(0, 5)]);
    assert_eq!(decision.replicas, 20);
    assert!(decision.reason.contains("maxReplicas"), "{}", decision.reason);
}

/// Two workers that have just started did 30/s together; that is no measure of what they can do
/// when busy time is reported and only not known yet. Three looks are waited for it; then workers
/// may be stuck, and the backlog of 2,000 doubles them. Without reports 15/s a worker is all there
/// is: far more than 20 would be needed.
#[test]
fn a_slow_start_is_no_capacity_where_busy_time_is_reported() {
    let starting = Observation {
        lag_records: Some(2000),
        processed_rate_per_s: Some(30.0),
        service_time_s: None,
        busy_share: None,
        reports_busy_time: true,
        ..steady(0, 2)
    };
    let plan = plan(Strategy::LowLatency);
    assert_eq!(decided(&plan, &vec![starting.clone(); 3]).replicas, 2);
    assert_eq!(decided(&plan, &vec![starting.clone(); 4]).replicas, 4);
    let silent = Observation { reports_busy_time: false, ..starting };
    assert_eq!(decided(&plan, &[silent]).replicas, 20);
}

//! What holds for every observation, sane or not.

use std::time::Duration;

use proptest::prelude::{Just, any, prop_assert, prop_oneof, proptest};
use proptest::strategy::Strategy as Generator;

use super::{Limits, Objectives, Observation, Pace, Plan, State, Strategy, decide};

fn number() -> impl Generator<Value = Option<f64>> {
    prop_oneof![
        Just(None),
        any::<f64>().prop_map(Some),
        (0.0..1e6).prop_map(Some),
        Just(Some(f64::NAN)),
        Just(Some(f64::NEG_INFINITY)),
    ]
}

fn observation() -> impl Generator<Value = Observation> {
    let seen = (
        any::<u32>(),
        proptest::option::of(0..5000_u32),
        proptest::option::of(any::<u64>()),
        proptest::option::of(any::<u32>()),
        (number(), number(), number(), number(), number(), number(), number()),
        proptest::option::of(any::<u32>()),
        (0..50_u32, 0..50_u32),
    );
    seen.prop_map(|(at, partitions, lag, lag_time, numbers, p99, (replicas, ready))| Observation {
        reports_busy_time: ready % 2 == 0,
        at: Duration::from_millis(u64::from(at)),
        partitions,
        lag_records: lag,
        lag_time: lag_time.map(|ms| Duration::from_millis(ms.into())),
        arrival_rate_per_s: numbers.0,
        arrival_rate_recent_per_s: numbers.1,
        processed_rate_per_s: numbers.2,
        busy_share: numbers.3,
        service_time_s: numbers.4,
        arrival_variability: numbers.5,
        service_variability: numbers.6,
        p99_latency: p99.map(|us| Duration::from_micros(us.into())),
        replicas,
        ready_replicas: ready,
        missing: Vec::new(),
    })
}

fn plans() -> impl Generator<Value = Plan> {
    let strategy = proptest::sample::select(Strategy::ALL.to_vec());
    (strategy, 0..5_u32, 1..40_u32, 0..60_u64, 0.0..0.5_f64).prop_map(
        |(strategy, min, more, window_s, tolerance)| Plan {
            strategy,
            limits: Limits {
                min_replicas: min,
                max_replicas: min + more,
                sync_period: Duration::from_secs(1),
                stabilization_window: Duration::from_secs(window_s),
                cooldown: Duration::ZERO,
                tolerance,
                up: Pace::default(),
                down: Pace::default(),
            },
            objectives: Objectives::default(),
            fixed_replicas: None,
        },
    )
}

proptest! {
    #[test]
    fn bounds_are_kept_whatever_is_observed(
        plan in plans(),
        observations in proptest::collection::vec(observation(), 1..20),
    ) {
        let mut state = State::default();
        for observation in &observations {
            let decision = decide(&plan, observation, &mut state);
            prop_assert!(decision.replicas >= plan.limits.min_replicas, "{}", decision.reason);
            prop_assert!(decision.replicas <= plan.limits.max_replicas, "{}", decision.reason);
            prop_assert!(!decision.reason.contains("NaN"), "{}", decision.reason);
            prop_assert!(!decision.reason.contains("inf"), "{}", decision.reason);
        }
    }

    #[test]
    fn more_lag_never_means_fewer_workers(
        plan in plans(),
        rate in 1.0..5000.0_f64,
        service_us in 100..20_000_u32,
        lag in 0..1_000_000_u64,
        more in 0..1_000_000_u64,
        replicas in 1..20_u32,
    ) {
        let at_lag = |lag_records: u64| {
            let observation = Observation {
                partitions: Some(24),
                lag_records: Some(lag_records),
                lag_time: Some(Duration::from_secs_f64(lag_records as f64 / rate)),
                arrival_rate_per_s: Some(rate),
                arrival_rate_recent_per_s: Some(rate),
                processed_rate_per_s: Some(rate),
                service_time_s: Some(f64::from(service_us) / 1e6),
                replicas,
                ready_replicas: replicas,
                ..Observation::default()
            };
            decide(&plan, &observation, &mut State::default()).replicas
        };
        prop_assert!(at_lag(lag + more) >= at_lag(lag));
    }

    /// Follows every decision for two windows under an arbitrary load: between a rise to some
    /// number and a fall below it a whole stabilization window passes.
    #[test]
    fn nothing_falls_within_the_stabilization_window_of_a_rise(
        strategy in proptest::sample::select(Strategy::ALL.to_vec()),
        rates in proptest::collection::vec(0.0..3000.0_f64, 60),
    ) {
        let window_s = 20_u64;
        let mut state = State::default();
        let mut replicas = 1_u32;
        let mut rise_s = None;
        for (second, rate) in (0_u64..).zip(&rates) {
            let observation = Observation {
                at: Duration::from_secs(second),
                partitions: Some(24),
                lag_records: Some(1),
                lag_time: Some(Duration::ZERO),
                arrival_rate_per_s: Some(*rate),
                arrival_rate_recent_per_s: Some(*rate),
                processed_rate_per_s: Some(*rate),
                service_time_s: Some(0.005),
                replicas,
                ready_replicas: replicas,
                ..Observation::default()
            };
            let mut plan = steady_plan(strategy);
            plan.limits.stabilization_window = Duration::from_secs(window_s);
            let decision = decide(&plan, &observation, &mut state);
            if decision.replicas > replicas {
                rise_s = Some(second);
            } else if let Some(rise) = rise_s.filter(|_| decision.replicas < replicas) {
                prop_assert!(second - rise >= window_s, "{}", decision.reason);
            }
            replicas = decision.replicas;
        }
    }
}

fn steady_plan(strategy: Strategy) -> Plan {
    Plan {
        strategy,
        limits: Limits {
            min_replicas: 1,
            max_replicas: 30,
            sync_period: Duration::from_secs(1),
            stabilization_window: Duration::from_secs(20),
            cooldown: Duration::ZERO,
            tolerance: 0.1,
            up: Pace::default(),
            down: Pace::default(),
        },
        objectives: Objectives::default(),
        fixed_replicas: None,
    }
}

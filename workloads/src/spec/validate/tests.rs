use std::time::Duration;

use super::*;
use crate::spec::{ExponentialSpec, SchemaChangeSpec};

const LOAD: Duration = Duration::from_secs(30);

fn parse(yaml: &str) -> Result<WorkloadSpec, String> {
    serde_saphyr::from_str(yaml).map_err(|error| error.to_string())
}

fn sound() -> WorkloadSpec {
    parse(
        "events: { market_data: { symbols: 200, correlation: 0.6, volatility: 0.2, skew: 1.0 } }
arrival: { rate_per_s: 2000, shape: { bursts: [{ at: 12s, for: 3s, factor: 10 }] } }
payload_bytes: 200
lateness: { share: 0.05, law: { lognormal: { median: 200ms, sigma: 1.0 } } }
schema_change: { at: 20s }
",
    )
    .unwrap()
}

fn problems_of(change: impl FnOnce(&mut WorkloadSpec)) -> Vec<String> {
    let mut spec = sound();
    change(&mut spec);
    let problems = spec.validate(LOAD).map(|_| ()).unwrap_err();
    problems.into_iter().map(|problem| problem.to_string()).collect()
}

#[test]
fn a_sound_workload_counts_its_messages() {
    let workload = sound().validate(LOAD).unwrap();
    assert_eq!(workload.total(), 27 * 2_000 + 3 * 20_000);
    assert_eq!(workload.schema_version_at_ns(19_999_999_999), 1);
    assert_eq!(workload.schema_version_at_ns(20_000_000_000), 2);
}

#[test]
fn every_spelling_of_a_shape_and_a_law_is_read() {
    for (shape, law) in [
        ("constant", "exponential: { mean: 1s }"),
        (
            "{ steps: [{ at: 10s, rate_per_s: 4000 }, { at: 20s, rate_per_s: 0 }] }",
            "pareto: { scale: 10ms, shape: 1.5 }",
        ),
    ] {
        let yaml = format!(
            "events: {{ market_data: {{}} }}
arrival: {{ rate_per_s: 10, shape: {shape} }}
lateness: {{ share: 0.1, law: {{ {law} }} }}
"
        );
        let spec = parse(&yaml).unwrap();
        spec.validate(LOAD).unwrap();
        let again: WorkloadSpec =
            serde_json::from_str(&serde_json::to_string(&spec).unwrap()).unwrap();
        assert_eq!(again, spec);
    }
}

#[test]
fn unknown_fields_are_refused_at_every_level() {
    for yaml in [
        "events: { market_data: { colour: 1 } }\narrival: { rate_per_s: 10 }\n",
        "events: { market_data: {} }\narrival: { rate_per_s: 10, rate: 3 }\n",
        "events: { market_data: {} }\narrival: { rate_per_s: 10 }\nextra: 1\n",
        "events: { weather: {} }\narrival: { rate_per_s: 10 }\n",
        "events: { market_data: {} }\narrival: { rate_per_s: 10, shape: { waves: [] } }\n",
    ] {
        assert!(parse(yaml).is_err(), "{yaml}");
    }
}

#[test]
fn rates_that_are_no_rates_are_refused_with_the_allowed_values() {
    for rate in [-5.0, 0.0, f64::NAN, f64::INFINITY, 1e300, 1e-9] {
        let problems = problems_of(|spec| spec.arrival.rate_per_s = rate);
        assert!(problems[0].starts_with("workload.arrival.rate_per_s: "), "{rate}: {problems:?}");
        assert!(problems[0].ends_with("allowed: 0.001 to 10000000"), "{rate}: {problems:?}");
    }
}

#[test]
fn bursts_outside_the_load_are_refused() {
    let burst = |at: u64, length: u64, factor: f64| {
        let (at, r#for) = (Duration::from_secs(at), Duration::from_secs(length));
        ShapeSpec::Bursts(vec![BurstSpec { at, r#for, factor }])
    };
    let first = |shape: ShapeSpec| problems_of(|spec| spec.arrival.shape = shape).remove(0);
    assert_eq!(
        first(burst(28, 3, 2.0)),
        "workload.arrival.shape.bursts[0].for: the burst ends at 31s, after the load; \
         allowed: up to 2s"
    );
    assert!(first(burst(30, 1, 2.0)).contains("bursts[0].at: 30s is not before the end"));
    assert!(first(burst(3, 0, 2.0)).contains("bursts[0].for: 0s ends before it starts"));
    assert!(first(burst(3, 1, -2.0)).contains("bursts[0].factor: -2 is not allowed"));
    assert!(first(burst(3, 1, 1e9)).contains("allowed: 0.0000005 to 5000"));
    assert!(first(ShapeSpec::Bursts(vec![])).contains("0 entries; allowed: 1 to 1000"));
}

#[test]
fn steps_and_bursts_must_be_in_order() {
    let step = |at: u64| StepSpec { at: Duration::from_secs(at), rate_per_s: 1.0 };
    let shape = ShapeSpec::Steps(vec![step(5), step(5)]);
    let problems = problems_of(|spec| spec.arrival.shape = shape);
    assert!(problems[0].contains("steps[1].at: 5s is not after"), "{problems:?}");
    let burst = |at: u64| BurstSpec {
        at: Duration::from_secs(at),
        r#for: Duration::from_secs(4),
        factor: 2.0,
    };
    let shape = ShapeSpec::Bursts(vec![burst(5), burst(8)]);
    let problems = problems_of(|spec| spec.arrival.shape = shape);
    assert!(problems[0].contains("bursts[1].at: 8s is before the end"), "{problems:?}");
}

#[test]
fn all_problems_are_reported_at_once() {
    let problems = problems_of(|spec| {
        let EventsSpec::MarketData(market) = &mut spec.events;
        *market = MarketDataSpec { symbols: 0, correlation: 1.5, volatility: f64::NAN, skew: -1.0 };
        spec.arrival.rate_per_s = -1.0;
        spec.payload_bytes = 10;
        spec.lateness = Some(LatenessSpec {
            share: 2.0,
            law: LatenessLawSpec::Exponential(ExponentialSpec { mean: Duration::ZERO }),
        });
        spec.schema_change = Some(SchemaChangeSpec { at: LOAD });
    });
    let paths: Vec<&str> = problems.iter().filter_map(|line| line.split(": ").next()).collect();
    assert_eq!(
        paths,
        [
            "workload.events.market_data.symbols",
            "workload.events.market_data.correlation",
            "workload.events.market_data.volatility",
            "workload.events.market_data.skew",
            "workload.arrival.rate_per_s",
            "workload.payload_bytes",
            "workload.lateness.share",
            "workload.lateness.law.exponential.mean",
            "workload.schema_change.at",
        ]
    );
}

#[test]
fn more_messages_than_the_bound_are_refused() {
    let mut spec = sound();
    spec.arrival = ArrivalSpec { rate_per_s: 1e6, shape: ShapeSpec::Constant };
    let problems = spec.validate(Duration::from_secs(2_000)).unwrap_err();
    assert_eq!(
        problems[0].to_string(),
        "workload.arrival: 2000000000 messages in 33m 20s; allowed: up to 1000000000"
    );
    assert!(spec.validate(Duration::ZERO).is_err());
    assert!(spec.validate(Duration::MAX).is_err());
}

#[test]
fn scaling_the_rate_scales_the_count() {
    let mut spec = sound();
    spec.scale_rate(0.5);
    assert_eq!(spec.validate(LOAD).unwrap().total(), 57_000);
}

#[test]
fn the_json_schema_names_durations_as_strings() {
    let schema = serde_json::to_value(schemars::schema_for!(WorkloadSpec)).unwrap();
    assert_eq!(schema["$defs"]["SchemaChangeSpec"]["properties"]["at"]["type"], "string");
    assert_eq!(schema["additionalProperties"], false);
}

use std::collections::HashMap;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::spec::{
    ArrivalSpec, BurstSpec, EventsSpec, LatenessLawSpec, LatenessSpec, LogNormalSpec,
    MarketDataSpec, SchemaChangeSpec, ShapeSpec, WorkloadSpec,
};

fn spec() -> WorkloadSpec {
    let burst =
        BurstSpec { at: Duration::from_secs(4), r#for: Duration::from_secs(1), factor: 10.0 };
    let law = LogNormalSpec { median: Duration::from_millis(200), sigma: 1.0 };
    WorkloadSpec {
        events: EventsSpec::MarketData(MarketDataSpec::default()),
        arrival: ArrivalSpec { rate_per_s: 1_000.0, shape: ShapeSpec::Bursts(vec![burst]) },
        payload_bytes: 200,
        lateness: Some(LatenessSpec { share: 0.05, law: LatenessLawSpec::LogNormal(law) }),
        schema_change: Some(SchemaChangeSpec { at: Duration::from_secs(5) }),
    }
}

fn workload() -> Workload {
    spec().validate(Duration::from_secs(8)).unwrap()
}

fn bytes_at(generator: &mut Generator, position: u64) -> (Event, Vec<u8>) {
    let (mut event, mut payload) = (Event::default(), Vec::new());
    generator.event(position, &mut event);
    generator.serialize(&event, event.schema_version, &mut payload);
    (event, payload)
}

/// If this fails, every published fingerprint changes: change it only with a note in the
/// change log.
#[test]
fn the_golden_fingerprint_is_unchanged() {
    assert_eq!(fingerprint(&workload(), 7), "83c79fd2a2e02758b3e8c3e3f2cac5f2");
}

#[test]
fn another_seed_gives_another_fingerprint() {
    let workload = workload();
    assert_eq!(fingerprint(&workload, 7), fingerprint(&workload.clone(), 7));
    assert_ne!(fingerprint(&workload, 7), fingerprint(&workload, 8));
}

#[test]
fn shards_make_the_same_stream_as_one_generator() {
    let workload = workload();
    let mut whole = Generator::new(&workload, 3);
    for shards in [2, 7] {
        let mut generators = vec![Generator::new(&workload, 3); shards];
        for position in 0..5_000_u64 {
            let shard = position as usize % shards;
            let (expected, made) =
                (bytes_at(&mut whole, position), bytes_at(&mut generators[shard], position));
            assert_eq!(expected, made);
        }
    }
}

proptest! {
    #[test]
    fn any_order_gives_the_same_events(
        positions in prop::collection::vec(0_u64..1_000_000, 1..30),
    ) {
        let workload = workload();
        let mut generator = Generator::new(&workload, 3);
        for &position in &positions {
            let fresh = bytes_at(&mut Generator::new(&workload, 3), position);
            prop_assert_eq!(bytes_at(&mut generator, position), fresh);
        }
    }

    #[test]
    fn every_payload_is_json_of_the_asked_length(
        position in 0_u64..1_000_000, bytes in 200_u32..2_000,
    ) {
        let mut spec = spec();
        spec.payload_bytes = bytes;
        let workload = spec.validate(Duration::from_secs(8)).unwrap();
        let mut generator = Generator::new(&workload, 3);
        let (event, payload) = bytes_at(&mut generator, position);
        prop_assert_eq!(payload.len(), bytes as usize);
        let value: serde_json::Value = serde_json::from_slice(&payload).unwrap();
        prop_assert_eq!(&value["sequence_number"], event.sequence);
        prop_assert_eq!(&value["message_id"], event.position);
        prop_assert_eq!(&value["timestamp"], event.event_time_us);
        prop_assert_eq!(value["price"].as_f64(), Some(event.tick.price_cents as f64 / 100.0));
        prop_assert_eq!(value["symbol"].as_str().map(str::as_bytes), Some(event.key_bytes()));
    }
}

#[test]
fn schema_version_2_adds_fields_and_renames_none() {
    let mut generator = Generator::new(&workload(), 3);
    let mut fields = |version: u8| -> Vec<String> {
        let (mut event, mut payload) = (Event::default(), Vec::new());
        generator.event(5, &mut event);
        generator.serialize(&event, version, &mut payload);
        let value: serde_json::Map<String, serde_json::Value> =
            serde_json::from_slice(&payload).unwrap();
        assert_eq!(value["schema_version"], version);
        value.keys().filter(|name| *name != "padding").cloned().collect()
    };
    let (one, two) = (fields(1), fields(2));
    assert!(one.iter().all(|name| two.contains(name)));
    let added: Vec<&String> = two.iter().filter(|name| !one.contains(name)).collect();
    assert_eq!(added.len(), 2, "{added:?}");
}

#[test]
fn the_schema_changes_at_its_time_and_the_stamp_says_so() {
    let workload = workload();
    let mut generator = Generator::new(&workload, 3);
    let change = workload.arrival().due_by_ns(4_999_999_999);
    for (position, version) in [(change - 1, 1), (change, 2)] {
        let (event, payload) = bytes_at(&mut generator, position);
        assert_eq!(event.stamp(9).schema_version, version);
        let value: serde_json::Value = serde_json::from_slice(&payload).unwrap();
        assert_eq!(value["schema_version"], version);
    }
}

#[test]
fn dropping_lateness_changes_event_times_only() {
    let late = workload();
    let mut without = spec();
    without.lateness = None;
    let punctual = without.validate(Duration::from_secs(8)).unwrap();
    let (mut late, mut punctual) = (Generator::new(&late, 3), Generator::new(&punctual, 3));
    let mut late_events = 0;
    for position in 0..2_000 {
        let (mut a, b) = (bytes_at(&mut late, position).0, bytes_at(&mut punctual, position).0);
        late_events += u32::from(a.event_time_us < a.intended_us);
        a.event_time_us = b.event_time_us;
        assert_eq!(a, b);
    }
    assert!((60..140).contains(&late_events), "{late_events}");
}

#[test]
fn the_origin_moves_times_and_nothing_else() {
    let mut fixed = Generator::new(&workload(), 3);
    let mut moved = Generator::new(&workload(), 3).with_origin_us(ORIGIN_US + 1_000_000);
    let (a, mut b) = (bytes_at(&mut fixed, 77).0, bytes_at(&mut moved, 77).0);
    assert_eq!(b.intended_us, a.intended_us + 1_000_000);
    b.intended_us -= 1_000_000;
    b.event_time_us -= 1_000_000;
    assert_eq!(a, b);
}

/// The correlation as a consumer would measure it: log-returns between last prices, every
/// 16 blocks.
#[test]
fn the_asked_correlation_is_seen_in_the_ticks_themselves() {
    let mut spec = spec();
    spec.events =
        EventsSpec::MarketData(MarketDataSpec { symbols: 5, skew: 0.5, ..Default::default() });
    spec.arrival = ArrivalSpec { rate_per_s: 100_000.0, shape: ShapeSpec::Constant };
    let workload = spec.validate(Duration::from_secs(30)).unwrap();
    let mut generator = Generator::new(&workload, 11);
    let stride = generator.keys.slots() * 16;
    let mut last: HashMap<u32, f64> = HashMap::new();
    let mut previous: Option<HashMap<u32, f64>> = None;
    let mut sums = (0.0, 0.0, 0.0);
    let mut event = Event::default();
    for position in 0..stride * 1_000 {
        generator.event(position, &mut event);
        last.insert(event.key, (event.tick.price_cents as f64).ln());
        if (position + 1) % stride == 0 {
            if let Some(previous) = &previous {
                for (a, b) in [(0, 1), (2, 3), (1, 4)] {
                    let (a, b) = (last[&a] - previous[&a], last[&b] - previous[&b]);
                    sums = (sums.0 + a * b, sums.1 + a * a, sums.2 + b * b);
                }
            }
            previous = Some(last.clone());
        }
    }
    let achieved = sums.0 / f64::sqrt(sums.1 * sums.2);
    assert!((achieved - 0.6).abs() < 0.08, "asked 0.6, achieved {achieved}");
}

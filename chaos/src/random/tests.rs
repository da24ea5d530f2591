use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::fault::catalogue;

/// Kinds that no random schedule has. A new kind gets a `draw` in its `Definition`, or is named
/// here with the reason.
const NEVER: [&str; 5] = [
    // Only the reference worker leaks when it is told to.
    "memory_leak",
    // The job's bounds are not part of what a schedule is drawn for.
    "rescale",
    // Nobody asks of a worker that it puts aside what it cannot read.
    "malformed_messages",
    "incompatible_schema",
    // Only the reference worker dies of it, and gets over it.
    "poison_message",
];

fn inventory(nodes: usize, brokers: usize) -> Inventory {
    let mut inventory = Inventory::numbered(nodes, brokers, 8);
    for members in [&mut inventory.nodes, &mut inventory.brokers] {
        for (member, zone) in members.iter_mut().zip(["a", "b", "c"].iter().cycle()) {
            member.zone = Some((*zone).to_owned());
        }
    }
    inventory
}

fn drawn(dial: &Dial, inventory: &Inventory) -> Vec<FaultSpec> {
    draw(dial, &BlastRadius::default(), inventory)
}

fn dial(seed: u64, intensity: f64) -> Dial {
    let window = Duration::from_secs(3)..Duration::from_secs(23);
    Dial { seed, intensity, window, refuses: |_| None }
}

fn kinds(faults: &[FaultSpec]) -> BTreeSet<&'static str> {
    faults.iter().map(|fault| fault.fault.kind().kind).collect()
}

proptest! {
    #[test]
    fn every_schedule_is_sound_and_within_its_window(
        seed: u64,
        intensity in 0.0_f64..=1.0,
        nodes in 0_usize..6,
        brokers in 0_usize..6,
        start_ms in 0_u64..5_000,
        length_ms in 0_u64..60_000,
    ) {
        let start = Duration::from_millis(start_ms);
        let window = start..start + Duration::from_millis(length_ms);
        let inventory = inventory(nodes, brokers);
        let dial = Dial { seed, intensity, window: window.clone(), refuses: |_| None };
        let faults = drawn(&dial, &inventory);
        prop_assert!(validate(&faults, &BlastRadius::default(), &inventory, window.end).is_ok());
        prop_assert!(faults.iter().all(|fault| fault.at >= Some(start)));
        prop_assert!(faults.iter().all(|fault| fault.end() <= Some(window.end)));
        prop_assert!(kinds(&faults).len() <= KINDS_MAX as usize);
        prop_assert_eq!(&faults, &drawn(&dial, &inventory));
    }
}

#[test]
fn schedules_differ_by_seed_and_every_kind_comes_up() {
    let mut seen = BTreeSet::new();
    let mut different = BTreeSet::new();
    for seed in 0..400 {
        let faults = drawn(&dial(seed, 0.5), &inventory(4, 3));
        assert!(!faults.is_empty(), "seed {seed}");
        seen.extend(kinds(&faults));
        different.insert(serde_json::to_string(&faults).unwrap());
    }
    assert_eq!(different.len(), 400);
    let expected =
        catalogue().into_iter().map(|kind| kind.kind).filter(|kind| !NEVER.contains(kind));
    assert_eq!(seen, expected.collect());
}

#[test]
fn what_cannot_be_done_is_not_drawn_and_leaves_the_rest_alone() {
    for seed in 0..100 {
        let all = drawn(&dial(seed, 0.2), &inventory(4, 3));
        let refuses = |kind: &str| (kind == "node_pause").then_some("not here");
        let possible = drawn(&Dial { refuses, ..dial(seed, 0.2) }, &inventory(4, 3));
        assert!(!kinds(&possible).contains("node_pause"));
        assert!(kinds(&all).contains("node_pause") || all == possible);
    }
}

#[test]
fn nothing_outside_the_blast_radius_is_hit() {
    let radius = json!({"deny": {"nodes": {"name": "node-1"}}, "brokers_down": 0});
    let radius: BlastRadius = serde_json::from_value(radius).unwrap();
    let mut faults = 0;
    for seed in 0..200 {
        let drawn = draw(&dial(seed, 1.0), &radius, &inventory(4, 3));
        let text = serde_json::to_string(&drawn).unwrap();
        assert!(!text.contains("node-1") && !text.contains("broker_crash"), "{text}");
        faults += drawn.len();
    }
    assert!(faults > 200, "{faults}");
}

#[test]
fn any_two_kinds_meet_in_some_schedule() {
    let all = catalogue().len() - NEVER.len();
    let mut met = BTreeSet::new();
    let mut seeds = 0..5_000;
    while met.len() < all * all {
        let seed = seeds.next().expect("two kinds that never meet");
        let kinds = kinds(&drawn(&dial(seed, 1.0), &inventory(4, 3)));
        met.extend(kinds.iter().flat_map(|a| kinds.iter().map(move |b| (*a, *b))));
    }
}

#[test]
fn more_intensity_breaks_more_and_none_breaks_nothing() {
    let time = |intensity| -> Duration {
        let faults = (0..100).flat_map(|seed| drawn(&dial(seed, intensity), &inventory(4, 3)));
        faults.map(|fault| fault.r#for).sum()
    };
    let times = [0.0, 0.1, 0.3, 0.6, 1.0].map(time);
    assert_eq!(times[0], Duration::ZERO);
    assert!(times.is_sorted() && times[4] > times[1] * 4, "{times:?}");
}

/// What another kind in the catalogue changes is what it takes the place of.
#[test]
fn a_kind_keeps_its_faults_whatever_other_kinds_there_are() {
    let alone = |kind: &'static Drawn, mut random: ChaCha8Rng| {
        let mut random = ChaCha8Rng::seed_from_u64(random.next_u64());
        (0..PLACES_MAX).find_map(|_| one(kind, 1, &dial(7, 0.5), &inventory(4, 3), &mut random))
    };
    let all = ranked(7);
    let fewer = ranked(7).into_iter().filter(|(kind, _)| kind.name != all[0].0.name);
    for ((kind, random), (same, other)) in all.iter().skip(1).zip(fewer) {
        assert_eq!(kind.name, same.name);
        assert_eq!(alone(kind, random.clone()), alone(same, other));
    }
}

#[test]
fn streams_of_kinds_are_told_apart() {
    let streams: BTreeSet<u64> = catalogue().iter().map(|kind| stream(kind.kind)).collect();
    assert_eq!(streams.len(), catalogue().len());
}

//! Faults that wait for conditions, or last for them, under a paused clock.

use super::*;
use crate::schedule::cue::{Start, Trigger};

/// A crash of this node that lasts up to two seconds, when `condition` begins to hold within a
/// minute.
fn crash_when(name: &str, condition: &str, count: u32) -> PlannedFault {
    let condition = condition.parse().unwrap();
    let trigger = Trigger { condition, from: SECOND, until: 60 * SECOND, count };
    let cue = Cue { start: Start::When(trigger), lasts: None };
    PlannedFault { cue, ..node_crash(name, 0, 2) }
}

fn lagging(fake: Fake, lag: &[(u32, u64)]) -> Fake {
    Fake { lag: lag.iter().map(|(from_s, lag)| (SECOND * *from_s, *lag)).collect(), ..fake }
}

fn nodes(names: [&'static str; 2]) -> Fake {
    Fake::new(names.map(|name| (name, seen_after(0))))
}

/// Whether it is this time, or at most two looks later.
fn about(time: Option<Duration>, expected: Duration) -> bool {
    time.is_some_and(|time| time >= expected && time <= expected + 2 * LOOK_EVERY)
}

#[tokio::test(start_paused = true)]
async fn a_condition_makes_a_fault_due_within_a_look() {
    let fake = lagging(nodes(["node-1", "node-2"]), &[(0, 9), (5, 0), (7, 6), (8, 0)]);
    let condition = "lag_records > 5 and time > 2s";
    let played = play(&fake, vec![crash_when("node-1", condition, 1)], None).await;
    let [outcome] = &played.outcomes[..] else { panic!("{:?}", played.outcomes) };
    assert!(about(Some(outcome.due), 2 * SECOND), "{outcome:?}");
    assert_eq!(outcome.name, "crash-node-1");
    assert_eq!(outcome.installed, Some(outcome.due));
    assert!(matches!(outcome.state, FaultState::Landed { .. }));
    assert!(about(outcome.healed, 4 * SECOND), "{outcome:?}");
}

#[tokio::test(start_paused = true)]
async fn a_fault_comes_as_often_as_its_condition_begins_to_hold_and_no_oftener() {
    let lag = [(2, 9), (3, 0), (10, 9), (20, 0), (30, 9), (40, 0), (50, 9)];
    let fake = lagging(nodes(["node-1", "node-2"]), &lag);
    let played = play(&fake, vec![crash_when("node-1", "lag_records > 5", 3)], None).await;
    let names: Vec<&str> = played.outcomes.iter().map(|outcome| outcome.name.as_str()).collect();
    assert_eq!(names, ["crash-node-1 #1", "crash-node-1 #2", "crash-node-1 #3"]);
    for (outcome, expected) in played.outcomes.iter().zip([2, 10, 30]) {
        assert!(about(outcome.installed, SECOND * expected), "{outcome:?}");
        assert!(outcome.healed.is_some());
    }
}

#[tokio::test(start_paused = true)]
async fn a_fault_whose_condition_never_held_is_skipped_and_says_so() {
    let fake = lagging(nodes(["node-1", "node-2"]), &[(0, 5)]);
    let unknown = crash_when("node-2", "replicas < 9", 1);
    let plan = vec![crash_when("node-1", "lag_records > 5", 2), unknown];
    let played = play(&fake, plan, None).await;
    let reasons: Vec<&str> = played.outcomes.iter().map(reason).collect();
    assert_eq!(
        reasons,
        [
            "`lag_records > 5` did not hold from 1s to 1m",
            "`replicas < 9` did not hold from 1s to 1m"
        ]
    );
    assert_eq!(fake.log(), [""; 0]);
    let mut journal = played.journal();
    journal.sort();
    assert_eq!(journal, ["fault_skipped crash-node-1", "fault_skipped crash-node-2"]);
}

#[tokio::test(start_paused = true)]
async fn a_fault_may_wait_for_another_and_last_only_as_long_as_that() {
    let fake = nodes(["node-1", "node-2"]);
    let during: crate::Condition = "fault == crash-node-1".parse().unwrap();
    let mut second = crash_when("node-2", "fault == crash-node-1", 1);
    second.cue.lasts = Some(during);
    second.hold = 30 * SECOND;
    let played = play(&fake, vec![node_crash("node-1", 5, 3), second], None).await;
    let [first, second] = &played.outcomes[..] else { panic!("{:?}", played.outcomes) };
    assert!(about(second.installed, 5 * SECOND), "{second:?}");
    assert!(second.installed >= first.installed && second.healed >= first.healed);
    assert!(about(second.healed, 8 * SECOND), "{second:?}");
    assert!(matches!(second.state, FaultState::Landed { .. }));
}

#[tokio::test(start_paused = true)]
async fn a_fault_that_ceases_before_its_evidence_is_indeterminate_and_healed() {
    let fake = Fake::new([("node-1", seen_after(1500))]);
    let fake = lagging(fake, &[(0, 9), (3, 0)]);
    let mut fault = node_crash("node-1", 2, 10);
    fault.cue.lasts = Some("lag_records > 5".parse().unwrap());
    let played = play(&fake, vec![fault], None).await;
    let outcome = &played.outcomes[0];
    assert_eq!(reason(outcome), "what it lasts for no longer held before there was evidence");
    assert!(about(outcome.healed, 3 * SECOND), "{outcome:?}");
}

#[tokio::test(start_paused = true)]
async fn a_target_that_is_down_is_replaced_by_one_that_may_stand_in() {
    let fake = nodes(["node-1", "node-2"]);
    let reach = ["node-1", "node-2"].map(str::to_owned).to_vec();
    let second = PlannedFault {
        name: "second".to_owned(),
        reach,
        ..crash_when("node-1", "fault == crash-node-1", 1)
    };
    let third = PlannedFault { name: "third".to_owned(), down_max: vec![4], ..second.clone() };
    let plan = vec![node_crash("node-1", 5, 30), second, third];
    let played = play(&fake, plan, None).await;
    assert_eq!(played.outcomes[1].targets, ["node-2"]);
    assert_eq!(reason(&played.outcomes[2]), "node-1 is still down by \"crash-node-1\"");
}

#[tokio::test(start_paused = true)]
async fn a_role_outside_the_blast_radius_is_spared() {
    let fake = Fake { leader: Some("broker-9".to_owned()), ..Fake::default() };
    let played = play(&fake, vec![leader_crash(1)], None).await;
    assert_eq!(
        reason(&played.outcomes[0]),
        "broker-9, the leader of source/0 now, is outside the blast radius"
    );
    assert_eq!(fake.log(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn two_that_do_the_same_sole_thing_are_not_in_force_together() {
    let stall = |name: &str, due_s: u64| {
        let fault = serde_json::from_value(serde_json::json!({"fetch_stall": {"brokers": "all"}}));
        let action = Action { fault: fault.unwrap(), targets: Targets::default(), seed: 1 };
        let planned = node_crash("node-1", due_s, 5);
        PlannedFault { name: name.to_owned(), action, down_max: Vec::new(), ..planned }
    };
    let plan = vec![stall("first", 1), stall("second", 3), stall("third", 8)];
    let fake = Fake::new([("", seen_after(0))]);
    let played = play(&fake, plan, None).await;
    assert_eq!(
        reason(&played.outcomes[1]),
        "contradicts \"first\", which lets fetch requests wait now"
    );
    assert!(matches!(played.outcomes[2].state, FaultState::Landed { .. }));
}

#[tokio::test(start_paused = true)]
async fn cancelling_ends_the_wait_for_a_condition_and_what_lasts_for_one() {
    let fake = lagging(nodes(["node-1", "node-2"]), &[(0, 9)]);
    let mut lasting = node_crash("node-1", 2, 60);
    lasting.cue.lasts = Some("lag_records > 5".parse().unwrap());
    let waiting = crash_when("node-2", "lag_records > 50", 1);
    let played = play(&fake, vec![lasting, waiting], Some(10 * SECOND)).await;
    assert!(played.took < 11 * SECOND, "{:?}", played.took);
    let [waited, lasted] = &played.outcomes[..] else { panic!("{:?}", played.outcomes) };
    assert!(about(lasted.healed, 10 * SECOND), "{lasted:?}");
    assert_eq!(reason(waited), "cancelled before it was due");
}

mod cues;

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::future::BoxFuture;

use super::*;
use crate::fault::{BrokerCrash, Fault, NodeCrash};
use crate::injector::{Refusal, Targets};
use crate::journal::JournalLine;
use crate::schedule::cue::Cue;
use crate::selector::{Role, Selector, TopicRole};

const SECOND: Duration = Duration::from_secs(1);

/// How the fake environment treats the fault on one target.
#[derive(Clone, Default)]
struct Script {
    evidence_after: Option<Duration>,
    evidence_panics: bool,
    evidence_hangs: bool,
    install_panics: bool,
    install_takes: Duration,
    refusal: Option<Refusal>,
    heal_failures: u32,
    heal_panics: bool,
}

#[derive(Default)]
struct Fake {
    scripts: BTreeMap<String, Script>,
    leader: Option<String>,
    /// The lag from each of these times on.
    lag: Vec<(Duration, u64)>,
    log: Arc<Mutex<Vec<String>>>,
}

struct FakeInstalled {
    name: String,
    script: Script,
    since: Instant,
    heals: u32,
    log: Arc<Mutex<Vec<String>>>,
}

impl Fake {
    fn new(scripts: impl IntoIterator<Item = (&'static str, Script)>) -> Self {
        let scripts = scripts.into_iter().map(|(name, script)| (name.to_owned(), script)).collect();
        Self { scripts, ..Self::default() }
    }

    fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }

    fn reading(&self, time: Duration) -> Reading {
        let past = self.lag.iter().take_while(|(from, _)| *from <= time);
        Reading { lag_records: past.last().map(|(_, lag)| *lag), ..Reading::default() }
    }
}

impl Injector for Fake {
    fn broker(&self, _role: Role) -> Option<String> {
        self.leader.clone()
    }

    fn install<'a>(
        &'a self,
        action: &'a Action,
        limit: Duration,
    ) -> BoxFuture<'a, Result<Box<dyn Installed>, Refusal>> {
        Box::pin(async move {
            let name = action.targets().join("+");
            let script = self.scripts.get(&name).cloned().unwrap_or_default();
            assert!(!script.install_panics, "planted");
            sleep(script.install_takes).await;
            self.log.lock().unwrap().push(format!("install {name} limit {limit:?}"));
            if let Some(refusal) = script.refusal {
                return Err(refusal);
            }
            let log = Arc::clone(&self.log);
            let installed = FakeInstalled { name, script, since: clock::now(), heals: 0, log };
            Ok(Box::new(installed) as Box<dyn Installed>)
        })
    }
}

impl Installed for FakeInstalled {
    fn evidence(&mut self) -> BoxFuture<'_, Option<String>> {
        Box::pin(async {
            assert!(!self.script.evidence_panics, "planted");
            if self.script.evidence_hangs {
                std::future::pending::<()>().await;
            }
            let elapsed = clock::now() - self.since;
            let seen = self.script.evidence_after.is_some_and(|after| elapsed >= after);
            seen.then(|| format!("seen after {elapsed:?}"))
        })
    }

    fn heal(&mut self) -> BoxFuture<'_, Result<String, String>> {
        Box::pin(async {
            self.heals += 1;
            self.log.lock().unwrap().push(format!("heal {}", self.name));
            assert!(!self.script.heal_panics, "planted");
            if self.heals <= self.script.heal_failures {
                return Err(format!("stuck {}", self.heals));
            }
            Ok("back".to_owned())
        })
    }
}

fn seen_after(millis: u64) -> Script {
    Script { evidence_after: Some(Duration::from_millis(millis)), ..Script::default() }
}

fn node_crash(name: &str, due_s: u64, hold_s: u64) -> PlannedFault {
    PlannedFault {
        name: format!("crash-{name}"),
        listed: format!("crash-{name}"),
        cue: Cue::at(SECOND * due_s as u32),
        hold: SECOND * hold_s as u32,
        action: Action {
            fault: Fault::NodeCrash(NodeCrash { nodes: Selector::Count(1) }),
            targets: Targets { nodes: vec![name.to_owned()], ..Targets::default() },
            seed: 1,
        },
        reach: vec![name.to_owned()],
        down_max: vec![2],
    }
}

fn leader_crash(due_s: u64) -> PlannedFault {
    PlannedFault {
        action: broker_crash(Selector::LeaderOf { topic: TopicRole::Source, partition: 0 }, &[]),
        reach: (1..=3).map(|number| format!("broker-{number}")).collect(),
        down_max: vec![1],
        ..node_crash("leader", due_s, 1)
    }
}

fn broker_crash(brokers: Selector, drawn: &[&str]) -> Action {
    let drawn = drawn.iter().map(|name| (*name).to_owned()).collect();
    Action {
        fault: Fault::BrokerCrash(BrokerCrash { brokers }),
        targets: Targets { brokers: drawn, ..Targets::default() },
        seed: 1,
    }
}

struct Played {
    outcomes: Vec<FaultOutcome>,
    lines: Vec<JournalLine>,
    took: Duration,
}

impl Played {
    /// The journal as `kind name` words.
    fn journal(&self) -> Vec<String> {
        let words = self.lines.iter().map(|line| {
            let entry = serde_json::to_value(&line.entry).unwrap();
            let (kind, fields) = entry.as_object().unwrap().iter().next().unwrap();
            format!("{kind} {}", fields["name"].as_str().unwrap())
        });
        words.collect()
    }
}

async fn play(fake: &Fake, plan: Vec<PlannedFault>, cancel_at: Option<Duration>) -> Played {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.jsonl");
    let journal = Journal::create(&path).unwrap();
    let cancel = CancellationToken::new();
    let start = clock::now();
    let canceller = cancel.clone();
    let cancelling = async move {
        match cancel_at {
            Some(at) => sleep_until(start + at).await,
            None => std::future::pending().await,
        }
        canceller.cancel();
        std::future::pending::<()>().await;
    };
    let reading = || fake.reading(clock::now().saturating_duration_since(start));
    let outcomes = tokio::select! {
        outcomes = conduct(plan, fake, &journal, start, cancel, &reading, &|_| {}) => outcomes,
        () = cancelling => unreachable!(),
    };
    let took = clock::now() - start;
    let lines = Journal::read(&path).unwrap().map(Result::unwrap).collect();
    Played { outcomes, lines, took }
}

fn reason(outcome: &FaultOutcome) -> &str {
    match &outcome.state {
        FaultState::Skipped { reason } | FaultState::Indeterminate { reason } => reason,
        FaultState::Landed { .. } => panic!("{outcome:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn late_evidence_lands_the_fault_and_it_is_healed_when_planned() {
    let fake = Fake::new([("node-1", seen_after(705))]);
    let played = play(&fake, vec![node_crash("node-1", 2, 5)], None).await;
    let outcome = &played.outcomes[0];
    assert_eq!(outcome.installed, Some(2 * SECOND));
    let landed = outcome.landed.unwrap();
    assert!(landed >= Duration::from_millis(2705) && landed <= Duration::from_millis(2730));
    let healed = outcome.healed.unwrap();
    assert!(healed >= 7 * SECOND && healed < Duration::from_millis(7010), "{healed:?}");
    assert!(matches!(&outcome.state, FaultState::Landed { evidence } if evidence.contains("seen")));
    assert_eq!(outcome.healing.as_deref(), Some("back"));
    assert_eq!(fake.log(), ["install node-1 limit 15s", "heal node-1"]);
    assert_eq!(
        played.journal(),
        ["fault_installing crash-node-1", "fault_landed crash-node-1", "fault_healed crash-node-1"]
    );
}

#[tokio::test(start_paused = true)]
async fn without_evidence_a_fault_is_indeterminate_and_healed_all_the_same() {
    let hangs = Script { evidence_hangs: true, ..Script::default() };
    let panics = Script { evidence_panics: true, ..Script::default() };
    for script in [Script::default(), hangs, panics] {
        let fake = Fake::new([("node-1", script)]);
        let played = play(&fake, vec![node_crash("node-1", 0, 1)], None).await;
        let outcome = &played.outcomes[0];
        assert!(matches!(outcome.state, FaultState::Indeterminate { .. }), "{outcome:?}");
        assert_eq!(outcome.landed, None);
        let healed = outcome.healed.unwrap();
        assert!(healed >= SECOND && healed <= Duration::from_millis(1030), "{healed:?}");
        assert_eq!(fake.log().last().unwrap(), "heal node-1");
    }
}

#[tokio::test(start_paused = true)]
async fn evidence_at_the_very_end_still_counts() {
    let fake = Fake::new([("node-1", seen_after(1000))]);
    let played = play(&fake, vec![node_crash("node-1", 0, 1)], None).await;
    assert!(matches!(played.outcomes[0].state, FaultState::Landed { .. }));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_or_a_panic_stops_no_other_fault() {
    let unsupported =
        Script { refusal: Some(Refusal::Unsupported("no nodes".to_owned())), ..Script::default() };
    let panics = Script { install_panics: true, ..Script::default() };
    let hangs = Script { install_takes: 60 * SECOND, ..Script::default() };
    let fake = Fake::new([
        ("node-1", unsupported),
        ("node-2", panics),
        ("node-3", hangs),
        ("node-4", seen_after(0)),
    ]);
    let plan = ["node-1", "node-2", "node-3", "node-4"]
        .map(|name| PlannedFault { down_max: vec![4], ..node_crash(name, 1, 1) });
    let played = play(&fake, plan.to_vec(), None).await;
    let outcomes = &played.outcomes;
    assert_eq!(reason(&outcomes[0]), "not possible in this environment: no nodes");
    assert!(matches!(outcomes[0].state, FaultState::Skipped { .. }));
    assert_eq!(reason(&outcomes[1]), "installing panicked");
    assert!(matches!(outcomes[1].state, FaultState::Indeterminate { .. }));
    assert_eq!(reason(&outcomes[2]), "installing did not end within 10s");
    assert!(matches!(outcomes[3].state, FaultState::Landed { .. }));
    assert_eq!(outcomes[3].landed, Some(SECOND));
}

#[tokio::test(start_paused = true)]
async fn cancelling_heals_what_is_installed_the_latest_first() {
    let fake = Fake::new([("node-1", seen_after(0)), ("node-3", seen_after(0))]);
    let plan = vec![
        node_crash("node-3", 1, 30),
        PlannedFault { down_max: vec![9], ..node_crash("node-1", 2, 30) },
        PlannedFault { down_max: vec![9], ..node_crash("node-2", 3, 30) },
        node_crash("node-4", 20, 5),
    ];
    let played = play(&fake, plan, Some(10 * SECOND)).await;
    assert_eq!(fake.log()[3..], ["heal node-2", "heal node-1", "heal node-3"]);
    assert!(played.took < 11 * SECOND, "{:?}", played.took);
    let outcomes = &played.outcomes;
    assert!(matches!(outcomes[0].state, FaultState::Landed { .. }));
    assert_eq!(reason(&outcomes[2]), "cancelled before there was evidence");
    assert_eq!(reason(&outcomes[3]), "cancelled before it was due");
    assert!(outcomes[..3].iter().all(|outcome| outcome.healed.is_some()));
}

#[tokio::test(start_paused = true)]
async fn a_fault_that_is_being_installed_when_cancelled_is_healed_too() {
    let slow = Script { install_takes: 5 * SECOND, ..seen_after(0) };
    let fake = Fake::new([("node-1", slow), ("node-2", seen_after(0))]);
    let plan = vec![node_crash("node-2", 0, 30), node_crash("node-1", 1, 30)];
    let played = play(&fake, plan, Some(2 * SECOND)).await;
    assert_eq!(fake.log()[2..], ["heal node-1", "heal node-2"]);
    assert!(played.outcomes.iter().all(|outcome| outcome.healed.is_some()));
}

#[tokio::test(start_paused = true)]
async fn healing_is_tried_three_times_and_its_failure_told_apart() {
    let twice = Script { heal_failures: 2, ..seen_after(0) };
    let always = Script { heal_failures: 9, ..seen_after(0) };
    let panics = Script { heal_panics: true, ..seen_after(0) };
    let fake = Fake::new([("node-1", twice), ("node-2", always), ("node-3", panics)]);
    let plan = ["node-1", "node-2", "node-3"]
        .map(|name| PlannedFault { down_max: vec![4], ..node_crash(name, 0, 1) });
    let played = play(&fake, plan.to_vec(), None).await;
    let outcomes = &played.outcomes;
    assert_eq!((outcomes[0].heal_error.as_deref(), outcomes[0].healed.is_some()), (None, true));
    assert_eq!(outcomes[1].heal_error.as_deref(), Some("stuck 3"));
    assert_eq!((outcomes[1].healed, &outcomes[1].healing), (None, &None));
    assert!(matches!(outcomes[1].state, FaultState::Landed { .. }));
    assert_eq!(outcomes[2].heal_error.as_deref(), Some("healing panicked"));
    assert_eq!(fake.log().iter().filter(|line| **line == "heal node-2").count(), 3);
    let left = crate::journal::Leftovers::from_lines(played.lines.into_iter().map(Ok));
    let left: Vec<&str> = left.faults.iter().map(|fault| fault.name.as_str()).collect();
    assert_eq!(left, ["crash-node-2", "crash-node-3"]);
}

#[tokio::test(start_paused = true)]
async fn a_role_is_filled_when_due_and_a_target_that_is_still_down_is_spared() {
    let stuck = Script { heal_failures: 9, ..seen_after(0) };
    let mut fake = Fake::new([("broker-2", stuck)]);
    let nobody = play(&fake, vec![leader_crash(1)], None).await;
    assert_eq!(reason(&nobody.outcomes[0]), "there is no leader of source/0 now");

    fake.leader = Some("broker-2".to_owned());
    let other = PlannedFault {
        name: "other".to_owned(),
        action: broker_crash(Selector::Count(1), &["broker-3"]),
        ..leader_crash(8)
    };
    let again = PlannedFault { name: "again".to_owned(), ..leader_crash(4) };
    let played = play(&fake, vec![leader_crash(1), again, other], None).await;
    assert_eq!(played.outcomes[0].targets, ["broker-2"]);
    assert!(played.outcomes[0].heal_error.is_some());
    assert_eq!(reason(&played.outcomes[1]), "broker-2 is still down by \"crash-leader\"");
    assert_eq!(reason(&played.outcomes[2]), "1 down already and 1 more; allowed: 1");
    assert_eq!(fake.log().iter().filter(|line| line.starts_with("install")).count(), 1);
}

#[tokio::test(start_paused = true)]
async fn whoever_is_found_outside_the_blast_radius_is_spared() {
    let mut fake = Fake::new([("controller", seen_after(0)), ("source/0", seen_after(0))]);
    fake.leader = Some("broker-2".to_owned());
    let faults = [
        serde_json::json!({"controller_crash": {"failover": "1s"}}),
        serde_json::json!({"leader_move": {"topic": "source", "partition": 0}}),
    ];
    for (fault, role) in faults.into_iter().zip(["active controller", "leader of source/0"]) {
        let mut planned = leader_crash(1);
        planned.action.fault = serde_json::from_value(fault).unwrap();
        planned.reach = vec!["broker-1".to_owned()];
        let spared = play(&fake, vec![planned.clone()], None).await;
        let expected = format!("broker-2, the {role} now, is outside the blast radius");
        assert_eq!(reason(&spared.outcomes[0]), expected);
        planned.reach.push("broker-2".to_owned());
        let hit = play(&fake, vec![planned], None).await;
        assert!(hit.outcomes[0].landed.is_some());
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_written_down_is_not_installed() {
    let fake = Fake::new([("node-1", seen_after(0))]);
    let mut fault = node_crash("node-1", 0, 1);
    fault.name = "x".repeat(crate::journal::LINE_BYTES_MAX);
    let played = play(&fake, vec![fault], None).await;
    assert!(reason(&played.outcomes[0]).starts_with("write journal: the line has"));
    assert_eq!(fake.log(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn an_outcome_survives_a_round_trip_and_long_sentences_are_cut() {
    let fake = Fake::new([("node-1", seen_after(0))]);
    let played = play(&fake, vec![node_crash("node-1", 0, 1)], None).await;
    let text = serde_json::to_string(&played.outcomes).unwrap();
    assert_eq!(serde_json::from_str::<Vec<FaultOutcome>>(&text).unwrap(), played.outcomes);
    let cut = clipped("é".repeat(SENTENCE_BYTES_MAX));
    assert!(cut.len() <= SENTENCE_BYTES_MAX + 3 && cut.ends_with('…'));
}

//! Each trouble of nodes on real processes: it lands, has evidence, heals, heals twice harmlessly,
//! and leaves nothing.

use super::super::tests::world::{LIMIT, World};
use super::super::tests::{evidence, heal_twice};
use super::*;
use serde_json::{Value, json};

async fn installed(world: &World, fault: Value) -> Box<dyn Installed> {
    install(&world.kube, &World::action(fault, &["node-1"]), LIMIT).await.unwrap()
}

/// Installs a fault on the first node, waits for evidence and heals. Gives what both said.
async fn played(world: &World, fault: Value) -> (String, String) {
    let mut installed = installed(world, fault).await;
    let sentence = evidence(&mut installed).await;
    (sentence, heal_twice(&mut installed).await)
}

/// Ends the first process of the first node, so that its container has to start again.
fn kill_one(world: &World) {
    let node = world.node("node-1");
    assert!(node.kill(node.processes()[0].pid));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_node_is_measured() {
    let world = World::start(1, 2).await;
    let (sentence, healed) =
        played(&world, json!({"node_slow": {"nodes": "all", "cpu": 0.3}})).await;
    assert!(sentence.starts_with("processes on node-1 were stopped for "), "{sentence}");
    assert!(healed.ends_with("; they run all the time again"), "{healed}");
    world.settled(2).await;
    world.kube.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_boots_is_back_by_itself_or_when_healed() {
    let world = World::start(1, 2).await;
    let short = json!({"node_reboot": {"nodes": "all", "downtime": "100ms"}});
    let mut short = installed(&world, short).await;
    let expected = "2 worker processes killed, none left; back in 100ms";
    assert_eq!(evidence(&mut short).await, expected);
    world.settled(2).await;
    let healed = heal_twice(&mut short).await;
    assert!(healed.starts_with("back after 0."), "{healed}");
    played(&world, json!({"node_reboot": {"nodes": "all", "downtime": "1h"}})).await;
    world.settled(2).await;
    world.kube.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drained_node_takes_pods_again() {
    let world = World::start(2, 2).await;
    let (sentence, healed) = played(&world, json!({"node_drain": {"nodes": "all"}})).await;
    assert!(sentence.starts_with("node-1: 1 pod evicted, 0 evictions refused"), "{sentence}");
    assert!(healed.starts_with("pods may go to node-1 again; 1 pod evicted"), "{healed}");
    world.settled(2).await;
    world.kube.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_taken_back_goes_after_its_notice_and_not_when_spared() {
    let world = World::start(2, 2).await;
    let spot = |notice: &str| json!({"spot_interruption": {"nodes": "all", "notice": notice}});
    let (sentence, healed) = played(&world, spot("100ms")).await;
    let expected = "1 worker process at the notice, 1 at the end of it";
    assert_eq!(sentence, format!("{expected}, none is left"));
    assert_eq!(healed, format!("pods may go to node-1 again; {expected}"));
    world.settled(2).await;
    let mut spared = installed(&world, spot("1h")).await;
    assert_eq!(spared.evidence().await, None);
    assert!(heal_twice(&mut spared).await.ends_with("the notice was not over"));
    world.settled(2).await;
    world.kube.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_kubelet_has_an_old_lease_and_is_silenced_once() {
    let world = World::start(1, 1).await;
    let silent = || json!({"kubelet_silent": {"nodes": "all"}});
    let mut silence = installed(&world, silent()).await;
    assert_eq!(silence.evidence().await, None, "the lease is still young");
    let again = install(&world.kube, &World::action(silent(), &["node-1"]), LIMIT).await;
    let refusal = again.err().unwrap();
    assert_eq!(refusal, Refusal::Failed("node-1 is not up".to_owned()));
    let sentence = evidence(&mut silence).await;
    assert!(sentence.starts_with("no lease of node-1 is younger than 1."), "{sentence}");
    assert!(sentence.ends_with(" s, 1 process still alive"), "{sentence}");
    assert_eq!(heal_twice(&mut silence).await, "leases of node-1 are renewed");
    world.settled(1).await;
    world.kube.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_under_pressure_evicts_until_it_is_healed() {
    for (kind, condition) in
        [("memory_pressure", "MemoryPressure"), ("disk_pressure", "DiskPressure")]
    {
        let world = World::start(2, 2).await;
        let (sentence, healed) = played(&world, json!({kind: {"nodes": "all"}})).await;
        assert!(sentence.starts_with(&format!("{condition} on node-1, ")), "{sentence}");
        let healthy = format!("node-1: no {condition} any more; ");
        assert!(healed.starts_with(&healthy), "{healed}");
        world.settled(2).await;
        world.kube.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_runs_out_where_something_runs() {
    let world = World::start(2, 1).await;
    let fault = || json!({"oom_kill": {"nodes": "all"}});
    let (busy, idle) = if world.node("node-1").processes().is_empty() {
        ("node-2", "node-1")
    } else {
        ("node-1", "node-2")
    };
    let refused = install(&world.kube, &World::action(fault(), &[idle]), LIMIT).await;
    assert_eq!(refused.err(), Some(Refusal::Failed("nothing runs there".to_owned())));
    let action = World::action(fault(), &[busy]);
    let mut installed = install(&world.kube, &action, LIMIT).await.unwrap();
    let sentence = evidence(&mut installed).await;
    assert!(sentence.starts_with("ended for want of memory: "), "{sentence}");
    assert_eq!(heal_twice(&mut installed).await, "there is memory again; 1 process killed");
    world.settled(1).await;
    world.kube.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn containers_start_late_or_not_at_all_until_it_is_healed() {
    let world = World::start(1, 1).await;
    for (fault, sign) in [
        (json!({"image_failure": {"nodes": "all"}}), " refused for want of the image"),
        (json!({"slow_start": {"nodes": "all", "delay": "50ms"}}), "1 start late by up to 50ms"),
    ] {
        let mut installed = installed(&world, fault).await;
        assert_eq!(installed.evidence().await, None, "nothing was to start");
        kill_one(&world);
        let sentence = evidence(&mut installed).await;
        assert!(sentence.ends_with(sign), "{sentence}");
        let healed = heal_twice(&mut installed).await;
        assert!(healed.starts_with("containers start as before; "), "{healed}");
        world.settled(1).await;
    }
    world.kube.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_clock_needs_a_worker_that_tells_it_and_its_file_goes() {
    let world = World::start(1, 1).await;
    let jump = json!({"clock_jump": {"nodes": "all", "by": "5s", "direction": "back"}});
    let mut wrong = installed(&world, jump).await;
    let shift = world.node("node-1").clock_shift().unwrap();
    assert_eq!((shift.offset_us, shift.drift_us_per_s), (-5_000_000, 0));
    assert_eq!(shift.until_us - shift.since_us, 20_000_000);
    // These workers sleep and tell nothing.
    assert_eq!(wrong.evidence().await, None);
    let healed = heal_twice(&mut wrong).await;
    assert_eq!(healed, "the clocks of node-1 are right, 0 workers tell the time");
    assert_eq!(world.node("node-1").clock_shift(), None);
    let skew = json!({"clock_skew": {"nodes": "all", "gains_ms_per_s": 50}});
    let mut wrong = installed(&world, skew).await;
    let shift = world.node("node-1").clock_shift().unwrap();
    assert_eq!((shift.offset_us, shift.drift_us_per_s), (0, 50_000));
    heal_twice(&mut wrong).await;
    world.kube.shutdown().await;
}

//! Brokers that die: who leads then, what is kept, what clients are told.

use kafka_protocol::messages::offset_fetch_request::OffsetFetchRequestGroup;
use kafka_protocol::messages::*;
use std::time::Duration;

use super::committed::{commit, fetch};
use super::groups::{group, settled};
use super::idempotence::producer;
use super::offsets::epoch_end;
use super::{Case, breaking};
use crate::conformance::batch::Batch;
use crate::conformance::context::{Context, GROUP};
use crate::conformance::names::{error, group_id, text};
use crate::conformance::records::{fetch_request, produce_request, produced};

/// Crashes a broker, does this, and starts it again, whatever comes of it.
fn while_down(
    c: &mut Context<'_>,
    broker: i32,
    act: impl FnOnce(&mut Context<'_>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    c.subject.crash(broker)?;
    let done = act(c);
    c.subject.restart(broker)?;
    done
}

/// Waits until a partition is led by another broker than this one.
fn led_by_another(c: &mut Context<'_>, topic: &str, broker: i32) -> anyhow::Result<i32> {
    c.until("another leader", |c| {
        let leader = c.ready(topic, 0)?;
        Ok((leader != broker).then_some(leader))
    })
}

pub(crate) const CASES: &[Case] = &[
    breaking(
        "failures/the leader dies and no acknowledged record is lost",
        |c| {
            let topic = c.topic("t", 1)?;
            for _ in 0..3 {
                c.write(&topic, 0, Batch::of(2).bytes())?;
            }
            let old = c.leader(&topic, 0)?;
            while_down(c, old, |c| {
                let leader = led_by_another(c, &topic, old)?;
                let state = c.partition(&topic, 0)?;
                c.see(format!("epoch {} in sync {}", state.leader_epoch, state.isr_nodes.len()));
                let written = c.produce(leader, -1, &topic, 0, Batch::of(1).bytes())?;
                c.see(written);
                let read = c.read(&topic, 0, 0)?;
                c.see(read);
                Ok(())
            })?;
            c.in_sync(&topic, 0)?;
            let leads = c.leader(&topic, 0)? == old;
            c.see(format!("the old leader leads again: {leads}"));
            Ok(())
        },
        &[
            "epoch 1 in sync 2",
            "NONE at 6, log from 0",
            "NONE [0-1, 2-3, 4-5, 6-6 in epoch 1] up to 7/7, log from 0",
            "the old leader leads again: false",
        ],
    ),
    breaking(
        "failures/old epochs are fenced and known",
        |c| {
            let topic = c.topic("t", 1)?;
            c.write(&topic, 0, Batch::of(2).bytes())?;
            let old = c.leader(&topic, 0)?;
            while_down(c, old, |c| {
                let leader = led_by_another(c, &topic, old)?;
                let mut request = fetch_request(&topic, 0, 0);
                request.topics[0].partitions[0].current_leader_epoch = 0;
                let fenced = c.fetch(leader, &request)?;
                c.see(fenced);
                c.produce(leader, -1, &topic, 0, Batch::of(3).bytes())?;
                for (current, wanted) in [(-1, 0), (-1, 1), (-1, 2), (0, 0)] {
                    epoch_end(c, leader, &topic, current, wanted)?;
                }
                let mut request = fetch_request(&topic, 0, 4);
                request.topics[0].partitions[0].last_fetched_epoch = 0;
                let diverging = c.fetch(leader, &request)?;
                c.see(diverging);
                Ok(())
            })?;
            c.in_sync(&topic, 0)
        },
        &[
            "FENCED_LEADER_EPOCH [] up to -1/-1, log from -1",
            "NONE epoch 0 ends at 2",
            "NONE epoch 1 ends at 5",
            "NONE epoch -1 ends at -1",
            "FENCED_LEADER_EPOCH epoch -1 ends at -1",
            "NONE [] up to 5/5, log from 0, diverging 0 at 2",
        ],
    ),
    breaking(
        "failures/one replica, its broker dead",
        |c| {
            let topic = c.topic_with("t", 1, 1, &[])?;
            c.write(&topic, 0, Batch::of(2).bytes())?;
            let only = c.leader(&topic, 0)?;
            while_down(c, only, |c| {
                let state = c.until("no leader", |c| {
                    let state = c.partition(&topic, 0)?;
                    Ok((state.leader_id.0 == -1).then_some(state))
                })?;
                let code = error(state.error_code);
                c.see(format!("{code} in sync {}", state.isr_nodes.len()));
                let other = c.living()?;
                let answer = c.produce(other, -1, &topic, 0, Batch::of(1).bytes())?;
                c.see(answer);
                Ok(())
            })?;
            c.until("a leader", |c| Ok((c.ready(&topic, 0)? == only).then_some(())))?;
            let state = c.partition(&topic, 0)?;
            c.see(format!("epoch {}", state.leader_epoch));
            Ok(())
        },
        &["LEADER_NOT_AVAILABLE in sync 0", "NOT_LEADER_OR_FOLLOWER at -1, log from -1", "epoch 2"],
    ),
    breaking(
        "failures/too few in sync",
        |c| {
            let topic = c.topic_with("t", 1, 2, &[("min.insync.replicas", "2")])?;
            c.write(&topic, 0, Batch::of(1).bytes())?;
            let leader = c.leader(&topic, 0)?;
            let state = c.partition(&topic, 0)?;
            let follower = state.replica_nodes.iter().map(|id| id.0).find(|&id| id != leader);
            let follower = follower.unwrap_or(leader);
            while_down(c, follower, |c| {
                let leader = c.ready(&topic, 0)?;
                c.until("out of sync", |c| {
                    let metadata = c.metadata(leader, &topic)?;
                    let state = metadata.topics.first().and_then(|topic| topic.partitions.first());
                    Ok(state.filter(|state| state.isr_nodes.len() == 1).map(|_| ()))
                })?;
                // A leader tells clients of a new in-sync set just before it holds to it.
                std::thread::sleep(Duration::from_secs(2));
                for acks in [-1, 1] {
                    let answer = c.produce(leader, acks, &topic, 0, Batch::of(1).bytes())?;
                    c.see(answer);
                }
                Ok(())
            })?;
            c.in_sync(&topic, 0)?;
            let answer = c.write(&topic, 0, Batch::of(1).bytes())?;
            c.see(answer);
            Ok(())
        },
        &[
            "NOT_ENOUGH_REPLICAS at -1, log from 0",
            "NONE at 1, log from 0",
            "NONE at 2, log from 0",
        ],
    ),
    breaking(
        "failures/a dead follower holds acknowledgements up until it is missed",
        |c| {
            let topic = c.topic("t", 1)?;
            c.in_sync(&topic, 0)?;
            let (leader, follower) = (c.leader(&topic, 0)?, c.follower(&topic, 0)?);
            while_down(c, follower, |c| {
                for acks in [-1, 1] {
                    let mut request = produce_request(acks, &topic, 0, Batch::of(1).bytes());
                    request.timeout_ms = 100;
                    let answer = c.ask(leader, 11, &request)?;
                    c.see(produced(&answer.responses[0].partition_responses[0]));
                }
                let answer = c.produce(leader, -1, &topic, 0, Batch::of(1).bytes())?;
                c.see(answer);
                Ok(())
            })?;
            c.in_sync(&topic, 0)
        },
        &["REQUEST_TIMED_OUT at 0, log from 0", "NONE at 1, log from 0", "NONE at 2, log from 0"],
    ),
    breaking(
        "failures/sequences are known to the next leader",
        |c| {
            let topic = c.topic("t", 1)?;
            let producer = producer(c)?;
            for sequence in [0, 2] {
                c.write(&topic, 0, Batch::idempotent(producer, sequence, 2).bytes())?;
            }
            let old = c.leader(&topic, 0)?;
            while_down(c, old, |c| {
                let leader = led_by_another(c, &topic, old)?;
                for sequence in [2, 0, 7, 4] {
                    let batch = Batch::idempotent(producer, sequence, 2).bytes();
                    let answer = c.produce(leader, -1, &topic, 0, batch)?;
                    c.see(answer);
                }
                Ok(())
            })?;
            c.in_sync(&topic, 0)
        },
        &[
            "NONE at 2, log from 0, stamped by the broker",
            "NONE at 0, log from 0, stamped by the broker",
            "OUT_OF_ORDER_SEQUENCE_NUMBER at -1, log from 0",
            "NONE at 4, log from 0",
        ],
    ),
    breaking(
        "failures/a group outlives its coordinator",
        |c| {
            let (group, broker) = group(c)?;
            let (member, generation) = settled(c, &group, broker)?;
            let topic = c.topic("t", 1)?;
            commit(c, broker, (&group, &member, generation), &topic, &[(0, 5, "")])?;
            while_down(c, broker, |c| {
                let next = c.until("another coordinator", |c| {
                    let next = c.coordinator(GROUP, &group)?;
                    let asked = OffsetFetchRequestGroup::default().with_group_id(group_id(&group));
                    let request = OffsetFetchRequest::default().with_groups(vec![asked]);
                    let code = error(c.ask(next, 9, &request)?.groups[0].error_code);
                    Ok((next != broker && code == "NONE").then_some(next))
                })?;
                let request = HeartbeatRequest::default()
                    .with_group_id(group_id(&group))
                    .with_member_id(text(&member))
                    .with_generation_id(generation);
                let code = error(c.ask(next, 4, &request)?.error_code);
                c.see(format!("heartbeat {code}"));
                fetch(c, next, &group, Some(&[(&topic, &[0])]), false)
            })?;
            c.in_sync(&topic, 0)
        },
        &["commit 0 NONE", "heartbeat NONE", "fetch NONE", "t 0: 5 -1 Some(\"\") NONE"],
    ),
    breaking(
        "failures/an unclean election loses what only the dead had",
        |c| {
            let configs =
                [("unclean.leader.election.enable", "true"), ("min.insync.replicas", "1")];
            let topic = c.topic_with("t", 1, 2, &configs)?;
            c.write(&topic, 0, Batch::of(2).bytes())?;
            let leader = c.leader(&topic, 0)?;
            let state = c.partition(&topic, 0)?;
            let follower = state.replica_nodes.iter().map(|id| id.0).find(|&id| id != leader);
            let follower = follower.unwrap_or(leader);
            c.subject.crash(follower)?;
            let alone = c.until("out of sync", |c| {
                Ok((c.partition(&topic, 0)?.isr_nodes.len() == 1).then_some(()))
            });
            let written = alone.and_then(|()| c.write(&topic, 0, Batch::of(3).bytes()));
            c.see(written.as_deref().unwrap_or("nothing written"));
            c.subject.crash(leader)?;
            c.subject.restart(follower)?;
            let next = led_by_another(c, &topic, leader);
            let written = next.and_then(|next| c.produce(next, 1, &topic, 0, Batch::of(1).bytes()));
            c.see(written.as_deref().unwrap_or("nothing written"));
            c.subject.restart(leader)?;
            c.in_sync(&topic, 0)?;
            let read = c.read(&topic, 0, 0)?;
            c.see(
                read.split(" up to")
                    .next()
                    .unwrap_or_default()
                    .split(" in epoch")
                    .next()
                    .unwrap_or_default(),
            );
            let epochs = c.partition(&topic, 0)?.leader_epoch;
            c.see(format!("a new epoch {}", epochs > 0));
            Ok(())
        },
        &["NONE at 2, log from 0", "NONE at 2, log from 0", "NONE [0-1, 2-2", "a new epoch true"],
    ),
];

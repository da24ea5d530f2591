//! Brokers that hear nothing for a while and come back believing what they believed before.

use kafka_protocol::messages::*;

use super::groups::{group, settled};
use super::leaders::elect;
use super::{Case, breaking};
use crate::conformance::batch::Batch;
use crate::conformance::context::{Context, GROUP};
use crate::conformance::names::{error, group_id, text};
use crate::conformance::records::produce_request;

/// Cuts a broker off, does this, and lets it rejoin, whatever comes of it.
fn while_cut_off<T>(
    c: &mut Context<'_>,
    broker: i32,
    act: impl FnOnce(&mut Context<'_>) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    c.subject.cut_off(broker)?;
    c.avoid(Some(broker));
    let done = act(c);
    c.avoid(None);
    c.subject.rejoin(broker)?;
    done
}

/// Waits until a broker other than this one leads.
fn deposed(c: &mut Context<'_>, topic: &str, old: i32) -> anyhow::Result<i32> {
    c.until("another leader", |c| {
        let leader = c.ready(topic, 0)?;
        Ok((leader != old).then_some(leader))
    })
}

/// A leader that is cut off is asked to write, and what it says in the end is noted.
fn late_write(c: &mut Context<'_>, acks: i16) -> anyhow::Result<()> {
    let topic = c.topic("t", 1)?;
    c.write(&topic, 0, Batch::of(2).bytes())?;
    let old = c.leader(&topic, 0)?;
    let mut late = c.connect(old)?;
    let mut request = produce_request(acks, &topic, 0, Batch::of(5).bytes());
    // Longer than it is cut off: it must find out that it is deposed, not that time is over.
    request.timeout_ms = 60_000;
    while_cut_off(c, old, |c| {
        late.send(11, &request)?;
        let leader = deposed(c, &topic, old)?;
        // A follower may be out of sync until it has found the new leader.
        let written = c.until("enough in sync", |c| {
            let written = c.produce(leader, -1, &topic, 0, Batch::of(1).bytes())?;
            Ok((!written.starts_with("NOT_ENOUGH_REPLICAS ")).then_some(written))
        })?;
        c.see(written);
        Ok(())
    })?;
    let answer = late.receive::<ProduceRequest>(11)?;
    let code = error(answer.responses[0].partition_responses[0].error_code);
    // With `acks=1` it may be acknowledged, by a leader that does not know better yet.
    let allowed = acks == 1 && code == "NONE" || code == "NOT_LEADER_OR_FOLLOWER";
    c.see(if allowed { "the late write: refused, or lost" } else { &*code });
    // What it believed before, it may say of itself as well, until it has heard of the election.
    deposed(c, &topic, old)?;
    c.in_sync(&topic, 0)?;
    let read = c.read(&topic, 0, 0)?;
    c.see(read);
    // It was the first choice, so it leads again when asked; its own log is read now.
    c.until("an election", |c| {
        let code = elect(c, 0, &topic, 0)?;
        Ok(["NONE NONE", "NONE ELECTION_NOT_NEEDED"].contains(&&*code).then_some(()))
    })?;
    c.until("the old leader leads", |c| Ok((c.ready(&topic, 0)? == old).then_some(())))?;
    let read = c.read(&topic, 0, 0)?;
    c.see(read);
    Ok(())
}

pub(crate) const CASES: &[Case] = &[
    breaking(
        "zombies/a late write to a leader cut off, acks all",
        |c| late_write(c, -1),
        &[
            "NONE at 2, log from 0",
            "the late write: refused, or lost",
            "NONE [0-1, 2-2 in epoch 1] up to 3/3, log from 0",
            "NONE [0-1, 2-2 in epoch 1] up to 3/3, log from 0",
        ],
    ),
    breaking(
        "zombies/a late write to a leader cut off, acks one",
        |c| late_write(c, 1),
        &[
            "NONE at 2, log from 0",
            "the late write: refused, or lost",
            "NONE [0-1, 2-2 in epoch 1] up to 3/3, log from 0",
            "NONE [0-1, 2-2 in epoch 1] up to 3/3, log from 0",
        ],
    ),
    breaking(
        "zombies/a coordinator that was cut off",
        |c| {
            let (group, old) = group(c)?;
            let (member, generation) = settled(c, &group, old)?;
            let request = HeartbeatRequest::default()
                .with_group_id(group_id(&group))
                .with_member_id(text(&member))
                .with_generation_id(generation);
            while_cut_off(c, old, |c| {
                let code = c.until("another coordinator", |c| {
                    let next = c.coordinator(GROUP, &group)?;
                    let code = error(c.ask(next, 4, &request)?.error_code);
                    let passing = ["COORDINATOR_LOAD_IN_PROGRESS", "NOT_COORDINATOR"];
                    Ok((next != old && !passing.contains(&&*code)).then_some(code))
                })?;
                c.see(format!("the next {code}"));
                Ok(())
            })?;
            let code = c.until("the zombie knows", |c| {
                let code = error(c.ask(old, 4, &request)?.error_code);
                Ok((code != "NONE").then_some(code))
            })?;
            c.see(format!("the zombie {code}"));
            // Other cases need every broker unfenced.
            let topic = c.until("all brokers", |c| c.topic("t", 1).map(Some))?;
            c.in_sync(&topic, 0)
        },
        &["the next NONE", "the zombie NOT_COORDINATOR"],
    ),
];

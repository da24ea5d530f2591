//! Consumer groups whose broker assigns partitions (KIP-848).

use kafka_protocol::messages::consumer_group_heartbeat_request::TopicPartitions;
use kafka_protocol::messages::*;
use std::time::Duration;
use uuid::Uuid;

use super::groups::{group, joining, settled};
use super::{Case, case};
use crate::conformance::context::{Context, GROUP};
use crate::conformance::names::{error, group_id, text, topic_name};

/// A member's heartbeat that says all about itself.
fn heartbeat(group: &str, member: &str, epoch: i32, topic: &str) -> ConsumerGroupHeartbeatRequest {
    ConsumerGroupHeartbeatRequest::default()
        .with_group_id(group_id(group))
        .with_member_id(text(member))
        .with_member_epoch(epoch)
        .with_rebalance_timeout_ms(5_000)
        .with_subscribed_topic_names(Some(vec![topic_name(topic)]))
        .with_topic_partitions(Some(Vec::new()))
}

/// The answer in words: error, epoch, and how many partitions if any are told.
fn said(answer: &ConsumerGroupHeartbeatResponse) -> String {
    let assigned = answer.assignment.as_ref().map(|assignment| {
        let counts = assignment.topic_partitions.iter().map(|topic| topic.partitions.len());
        counts.sum::<usize>()
    });
    let (code, epoch) = (error(answer.error_code), answer.member_epoch);
    format!("{code} epoch {epoch} assigned {assigned:?}")
}

fn beat(
    c: &mut Context<'_>,
    broker: i32,
    request: &ConsumerGroupHeartbeatRequest,
) -> anyhow::Result<ConsumerGroupHeartbeatResponse> {
    let answer = c.ask(broker, 1, request)?;
    c.see(said(&answer));
    Ok(answer)
}

/// Heartbeats, owning what it was assigned, until the broker assigns `count` partitions.
fn assigned(
    c: &mut Context<'_>,
    broker: i32,
    (group, member): (&str, &str),
    topic: &str,
    count: usize,
) -> anyhow::Result<i32> {
    let id = c.topic_id(topic)?;
    let mut owned: Vec<i32> = Vec::new();
    let mut epoch = 0;
    c.until(&format!("{count} partitions"), |c| {
        let owned_now = TopicPartitions::default().with_topic_id(id).with_partitions(owned.clone());
        let mut request = heartbeat(group, member, epoch, topic);
        let partitions = if owned.is_empty() { Vec::new() } else { vec![owned_now] };
        request.topic_partitions = Some(partitions);
        let answer = c.ask(broker, 1, &request)?;
        epoch = answer.member_epoch;
        if let Some(assignment) = answer.assignment {
            owned = assignment.topic_partitions.into_iter().flat_map(|t| t.partitions).collect();
        }
        Ok((owned.len() == count).then_some(epoch))
    })
}

fn describe(c: &mut Context<'_>, broker: i32, group: &str) -> anyhow::Result<()> {
    let request = ConsumerGroupDescribeRequest::default().with_group_ids(vec![group_id(group)]);
    let answer = c.ask(broker, 1, &request)?;
    let one = &answer.groups[0];
    let (code, state, assignor) = (error(one.error_code), &*one.group_state, &*one.assignor_name);
    c.see(format!("{code} {state} {} {} '{assignor}'", one.group_epoch, one.assignment_epoch));
    for member in &one.members {
        let count = |assignment: &consumer_group_describe_response::Assignment| {
            let counts = assignment.topic_partitions.iter().map(|topic| topic.partitions.len());
            counts.sum::<usize>()
        };
        let (now, target) = (count(&member.assignment), count(&member.target_assignment));
        let (epoch, kind) = (member.member_epoch, member.member_type);
        c.see(format!("member epoch {epoch} type {kind} has {now} of {target}"));
    }
    Ok(())
}

/// Waits until a coordinator has a topic of two partitions for its groups: in Kafka it hears of
/// topics a moment after clients can see them.
fn assignable(c: &mut Context<'_>, broker: i32, topic: &str) -> anyhow::Result<()> {
    let mut attempts = 0;
    c.until("the coordinator knows the topic", |c| {
        attempts += 1;
        let probe = c.name(&format!("probe-{attempts}"));
        if c.coordinator(GROUP, &probe)? != broker {
            return Ok(None);
        }
        let answer = c.ask(broker, 1, &heartbeat(&probe, ONE, 0, topic))?;
        let topics = answer.assignment.into_iter().flat_map(|assigned| assigned.topic_partitions);
        let count: usize = topics.map(|topic| topic.partitions.len()).sum();
        Ok((count == 2).then_some(()))
    })
}

/// Sends one heartbeat with a change to the plain one of a newcomer.
fn newcomer(
    c: &mut Context<'_>,
    change: impl Fn(&mut ConsumerGroupHeartbeatRequest),
) -> anyhow::Result<()> {
    let topic = c.topic("t", 2)?;
    let (group, broker) = group(c)?;
    assignable(c, broker, &topic)?;
    let mut request = heartbeat(&group, "member-of-this-case-00", 0, &topic);
    change(&mut request);
    beat(c, broker, &request)?;
    Ok(())
}

const ONE: &str = "AAAAAAAAAAAAAAAAAAAAAA";
const TWO: &str = "BBBBBBBBBBBBBBBBBBBBBB";

pub(crate) const CASES: &[Case] = &[
    case("consumer groups/a newcomer", |c| newcomer(c, |_| {}), &["NONE epoch 1 assigned Some(2)"]),
    case(
        "consumer groups/a newcomer without an id",
        |c| newcomer(c, |r| r.member_id = text("")),
        &["INVALID_REQUEST epoch 0 assigned None"],
    ),
    case(
        "consumer groups/without a group",
        |c| newcomer(c, |r| r.group_id = group_id("")),
        &["INVALID_REQUEST epoch 0 assigned None"],
    ),
    case(
        "consumer groups/a newcomer that owns something",
        |c| newcomer(c, |r| r.topic_partitions = Some(vec![TopicPartitions::default()])),
        &["INVALID_REQUEST epoch 0 assigned None"],
    ),
    case(
        "consumer groups/a newcomer without partitions",
        |c| newcomer(c, |r| r.topic_partitions = None),
        &["INVALID_REQUEST epoch 0 assigned None"],
    ),
    case(
        "consumer groups/a newcomer without topics",
        |c| newcomer(c, |r| r.subscribed_topic_names = None),
        &["INVALID_REQUEST epoch 0 assigned None"],
    ),
    case(
        "consumer groups/a newcomer without a rebalance timeout",
        |c| newcomer(c, |r| r.rebalance_timeout_ms = -1),
        &["INVALID_REQUEST epoch 0 assigned None"],
    ),
    case(
        "consumer groups/an unknown assignor",
        |c| newcomer(c, |r| r.server_assignor = Some(text("best"))),
        &["UNSUPPORTED_ASSIGNOR epoch 0 assigned None"],
    ),
    case(
        "consumer groups/the assignor range",
        |c| newcomer(c, |r| r.server_assignor = Some(text("range"))),
        &["NONE epoch 1 assigned Some(2)"],
    ),
    case(
        "consumer groups/an epoch of a member that is none",
        |c| newcomer(c, |r| r.member_epoch = 3),
        &["GROUP_ID_NOT_FOUND epoch 0 assigned None"],
    ),
    case(
        "consumer groups/an impossible epoch",
        |c| newcomer(c, |r| r.member_epoch = -5),
        &["INVALID_REQUEST epoch 0 assigned None"],
    ),
    case(
        "consumer groups/a static member without a name",
        |c| newcomer(c, |r| r.instance_id = Some(text(""))),
        &["INVALID_REQUEST epoch 0 assigned None"],
    ),
    case(
        "consumer groups/an impossible regular expression",
        |c| {
            newcomer(c, |r| {
                r.subscribed_topic_names = None;
                r.subscribed_topic_regex = Some(text("(("));
            })
        },
        &["INVALID_REGULAR_EXPRESSION epoch 0 assigned None"],
    ),
    case(
        "consumer groups/a topic that is not there",
        |c| newcomer(c, |r| r.subscribed_topic_names = Some(vec![topic_name("no-such-topic")])),
        &["NONE epoch 1 assigned Some(0)"],
    ),
    case(
        "consumer groups/at a broker that does not coordinate",
        |c| {
            let (group, broker) = group(c)?;
            let other = c.brokers().into_iter().find(|&id| id != broker).unwrap_or(broker);
            beat(c, other, &heartbeat(&group, ONE, 0, "t"))?;
            Ok(())
        },
        &["NOT_COORDINATOR epoch 0 assigned None"],
    ),
    case(
        "consumer groups/one member's epochs",
        |c| {
            let topic = c.topic("t", 3)?;
            let (group, broker) = group(c)?;
            let epoch = assigned(c, broker, (&group, ONE), &topic, 3)?;
            c.see(epoch);
            let plain = ConsumerGroupHeartbeatRequest::default()
                .with_group_id(group_id(&group))
                .with_member_id(text(ONE));
            for epoch in [epoch, epoch + 1, epoch - 1] {
                beat(c, broker, &plain.clone().with_member_epoch(epoch))?;
            }
            describe(c, broker, &group)?;
            beat(c, broker, &plain.clone().with_member_epoch(-1))?;
            beat(c, broker, &plain.clone().with_member_epoch(epoch))?;
            describe(c, broker, &group)
        },
        &[
            "1",
            "NONE epoch 1 assigned None",
            "FENCED_MEMBER_EPOCH epoch 0 assigned None",
            "INVALID_REQUEST epoch 0 assigned None",
            "NONE Stable 1 1 'uniform'",
            "member epoch 1 type 1 has 3 of 3",
            "NONE epoch -1 assigned None",
            "UNKNOWN_MEMBER_ID epoch 0 assigned None",
            "NONE Empty 2 1 'uniform'",
        ],
    ),
    case(
        "consumer groups/a second member takes its half",
        |c| {
            let topic = c.topic("t", 4)?;
            let (group, broker) = group(c)?;
            let epoch = assigned(c, broker, (&group, ONE), &topic, 4)?;
            beat(c, broker, &heartbeat(&group, TWO, 0, &topic))?;
            let plain = ConsumerGroupHeartbeatRequest::default()
                .with_group_id(group_id(&group))
                .with_member_id(text(ONE))
                .with_member_epoch(epoch);
            let answer = c.until("a revocation", |c| {
                let answer = c.ask(broker, 1, &plain)?;
                Ok(answer.assignment.is_some().then_some(answer))
            })?;
            c.see(said(&answer));
            let id = c.topic_id(&topic)?;
            let kept = answer.assignment.map(|assignment| assignment.topic_partitions);
            let kept = kept.into_iter().flatten().flat_map(|topic| topic.partitions).collect();
            let kept = TopicPartitions::default().with_topic_id(id).with_partitions(kept);
            beat(c, broker, &plain.with_topic_partitions(Some(vec![kept])))?;
            let answer = c.until("its half", |c| {
                let request = ConsumerGroupHeartbeatRequest::default()
                    .with_group_id(group_id(&group))
                    .with_member_id(text(TWO))
                    .with_member_epoch(2);
                let answer = c.ask(broker, 1, &request)?;
                let has =
                    answer.assignment.as_ref().is_some_and(|a| !a.topic_partitions.is_empty());
                Ok(has.then_some(answer))
            })?;
            c.see(said(&answer));
            describe(c, broker, &group)
        },
        &[
            "NONE epoch 2 assigned Some(0)",
            "NONE epoch 1 assigned Some(2)",
            "NONE epoch 2 assigned None",
            "NONE epoch 2 assigned Some(2)",
            "NONE Stable 2 2 'uniform'",
            "member epoch 2 type 1 has 2 of 2",
            "member epoch 2 type 1 has 2 of 2",
        ],
    ),
    case(
        "consumer groups/a silent member is fenced",
        |c| {
            let topic = c.topic("t", 1)?;
            let (group, broker) = group(c)?;
            let epoch = assigned(c, broker, (&group, ONE), &topic, 1)?;
            std::thread::sleep(Duration::from_secs(6));
            let plain = ConsumerGroupHeartbeatRequest::default()
                .with_group_id(group_id(&group))
                .with_member_id(text(ONE))
                .with_member_epoch(epoch);
            beat(c, broker, &plain)?;
            describe(c, broker, &group)
        },
        &["UNKNOWN_MEMBER_ID epoch 0 assigned None", "NONE Empty 2 1 'uniform'"],
    ),
    case(
        "consumer groups/a static member leaves and returns",
        |c| {
            let topic = c.topic("t", 2)?;
            let (group, broker) = group(c)?;
            assignable(c, broker, &topic)?;
            let one = heartbeat(&group, ONE, 0, &topic).with_instance_id(Some(text("one")));
            let answer = beat(c, broker, &one)?;
            let two = heartbeat(&group, TWO, 0, &topic).with_instance_id(Some(text("one")));
            beat(c, broker, &two)?;
            let leaving = ConsumerGroupHeartbeatRequest::default()
                .with_group_id(group_id(&group))
                .with_member_id(text(ONE))
                .with_instance_id(Some(text("one")));
            beat(c, broker, &leaving.clone().with_member_epoch(answer.member_epoch))?;
            beat(c, broker, &leaving.with_member_epoch(-2))?;
            beat(c, broker, &two)?;
            Ok(())
        },
        &[
            "NONE epoch 1 assigned Some(2)",
            "UNRELEASED_INSTANCE_ID epoch 0 assigned None",
            "NONE epoch 1 assigned None",
            "NONE epoch -2 assigned None",
            "NONE epoch 1 assigned Some(2)",
        ],
    ),
    case(
        "consumer groups/a classic member at their group",
        |c| {
            let topic = c.topic("t", 1)?;
            let (group, broker) = group(c)?;
            assigned(c, broker, (&group, ONE), &topic, 1)?;
            let answer = c.ask(broker, 9, &joining(&group, ""))?;
            c.see(error(answer.error_code));
            let request = DescribeGroupsRequest::default().with_groups(vec![group_id(&group)]);
            let answer = c.ask(broker, 6, &request)?;
            let one = &answer.groups[0];
            c.see(format!("{} {}", error(one.error_code), &*one.group_state));
            Ok(())
        },
        &["MEMBER_ID_REQUIRED", "GROUP_ID_NOT_FOUND Dead"],
    ),
    case(
        "consumer groups/their member at a classic group",
        |c| {
            let topic = c.topic("t", 1)?;
            let (group, broker) = group(c)?;
            settled(c, &group, broker)?;
            beat(c, broker, &heartbeat(&group, ONE, 0, &topic))?;
            Ok(())
        },
        &["UNKNOWN_SERVER_ERROR epoch 0 assigned None"],
    ),
    case(
        "consumer groups/described though there is none",
        |c| {
            let (group, broker) = group(c)?;
            describe(c, broker, &group)?;
            settled(c, &group, broker)?;
            describe(c, broker, &group)
        },
        &["GROUP_ID_NOT_FOUND  0 0 ''", "GROUP_ID_NOT_FOUND  0 0 ''"],
    ),
    case(
        "consumer groups/an owned topic that is not there",
        |c| {
            let topic = c.topic("t", 1)?;
            let (group, broker) = group(c)?;
            let epoch = assigned(c, broker, (&group, ONE), &topic, 1)?;
            let other = TopicPartitions::default().with_topic_id(Uuid::from_u128(7));
            let request = heartbeat(&group, ONE, epoch, &topic);
            let request = request.with_topic_partitions(Some(vec![other.with_partitions(vec![0])]));
            beat(c, broker, &request)?;
            Ok(())
        },
        &["NONE epoch 1 assigned Some(1)"],
    ),
];

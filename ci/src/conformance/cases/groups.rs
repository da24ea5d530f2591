//! Classic consumer groups: joining, syncing, heartbeats, leaving.

use bytes::Bytes;
use kafka_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use kafka_protocol::messages::leave_group_request::MemberIdentity;
use kafka_protocol::messages::sync_group_request::SyncGroupRequestAssignment;
use kafka_protocol::messages::*;
use std::net::IpAddr;
use std::time::Duration;

use super::{Case, case};
use crate::conformance::connection::Connection;
use crate::conformance::context::{Context, GROUP};
use crate::conformance::names::{error, group_id, text};

/// A group of this case and its coordinator.
pub(crate) fn group(c: &mut Context<'_>) -> anyhow::Result<(String, i32)> {
    let group = c.name("g");
    let coordinator = c.coordinator(GROUP, &group)?;
    Ok((group, coordinator))
}

/// A request to join with one protocol, `range`.
pub(crate) fn joining(group: &str, member: &str) -> JoinGroupRequest {
    let protocol = JoinGroupRequestProtocol::default().with_name(text("range"));
    JoinGroupRequest::default()
        .with_group_id(group_id(group))
        .with_member_id(text(member))
        .with_group_instance_id(None)
        .with_session_timeout_ms(10_000)
        .with_rebalance_timeout_ms(5_000)
        .with_protocol_type(text("consumer"))
        .with_protocols(vec![protocol.with_metadata(Bytes::from_static(b"\0\x01\0\0\0\0\0\0\0\0"))])
        .with_reason(None)
}

/// A request to sync that assigns to these members.
pub(crate) fn syncing(
    group: &str,
    member: &str,
    generation: i32,
    assigned: &[&str],
) -> SyncGroupRequest {
    let assignments = assigned.iter().map(|member| {
        let assignment = SyncGroupRequestAssignment::default().with_member_id(text(member));
        assignment.with_assignment(Bytes::from_static(b"assigned"))
    });
    SyncGroupRequest::default()
        .with_group_id(group_id(group))
        .with_member_id(text(member))
        .with_group_instance_id(None)
        .with_generation_id(generation)
        .with_protocol_type(Some(text("consumer")))
        .with_protocol_name(Some(text("range")))
        .with_assignments(assignments.collect())
}

fn heartbeat(
    c: &mut Context<'_>,
    broker: i32,
    group: &str,
    member: &str,
    generation: i32,
) -> anyhow::Result<String> {
    let request = HeartbeatRequest::default()
        .with_group_id(group_id(group))
        .with_member_id(text(member))
        .with_group_instance_id(None)
        .with_generation_id(generation);
    Ok(error(c.ask(broker, 4, &request)?.error_code))
}

pub(super) fn leaving(group: &str, members: &[&str]) -> LeaveGroupRequest {
    let members = members.iter().map(|member| {
        let member = MemberIdentity::default().with_member_id(text(member));
        member.with_group_instance_id(None).with_reason(None)
    });
    LeaveGroupRequest::default().with_group_id(group_id(group)).with_members(members.collect())
}

/// The id that a group gives a newcomer.
pub(crate) fn new_member(
    connection: &mut Connection,
    request: &JoinGroupRequest,
) -> anyhow::Result<String> {
    Ok(connection.ask(9, request)?.member_id.to_string())
}

/// One member that has joined and synced: its id and generation.
pub(crate) fn settled(
    c: &mut Context<'_>,
    group: &str,
    broker: i32,
) -> anyhow::Result<(String, i32)> {
    let mut connection = c.connect(broker)?;
    let member = new_member(&mut connection, &joining(group, ""))?;
    let joined = connection.ask(9, &joining(group, &member))?;
    let generation = joined.generation_id;
    connection.ask(5, &syncing(group, &member, generation, &[&member]))?;
    Ok((member, generation))
}

/// Joins with a change to the plain request and notes the error.
fn join(c: &mut Context<'_>, change: impl Fn(&mut JoinGroupRequest)) -> anyhow::Result<()> {
    let (group, broker) = group(c)?;
    let mut request = joining(&group, "");
    change(&mut request);
    let answer = c.ask(broker, 9, &request)?;
    let id = if answer.member_id.is_empty() { "no id" } else { "an id" };
    c.see(format!("{} {id} generation {}", error(answer.error_code), answer.generation_id));
    Ok(())
}

pub(super) fn describe(c: &mut Context<'_>, broker: i32, group: &str) -> anyhow::Result<()> {
    let request = DescribeGroupsRequest::default().with_groups(vec![group_id(group)]);
    let answer = c.ask(broker, 6, &request)?;
    let one = &answer.groups[0];
    let (state, kind, protocol) = (&*one.group_state, &*one.protocol_type, &*one.protocol_data);
    let members = one.members.iter().map(|member| {
        let (metadata, assignment) = (member.member_metadata.len(), member.member_assignment.len());
        // Brokers in containers see this machine at another address than loopback.
        let host = member.client_host.strip_prefix('/').map(str::parse::<IpAddr>);
        let host = if matches!(host, Some(Ok(_))) { "/address" } else { &*member.client_host };
        format!("{} {host} {metadata} {assignment}", &*member.client_id)
    });
    let mut members: Vec<String> = members.collect();
    members.sort();
    c.see(format!("{} {state} '{kind}' '{protocol}' {members:?}", error(one.error_code)));
    Ok(())
}

/// Waits until a new group can be described: Kafka reads only what is replicated, and the members
/// have their answers before.
fn appears(c: &mut Context<'_>, broker: i32, group: &str) -> anyhow::Result<()> {
    let request = DescribeGroupsRequest::default().with_groups(vec![group_id(group)]);
    c.until("the group can be described", |c| {
        Ok((c.ask(broker, 6, &request)?.groups[0].error_code == 0).then_some(()))
    })
}

pub(super) fn delete(c: &mut Context<'_>, broker: i32, group: &str) -> anyhow::Result<()> {
    let request = DeleteGroupsRequest::default().with_groups_names(vec![group_id(group)]);
    let answer = c.ask(broker, 2, &request)?;
    c.see(format!("deleted {}", error(answer.results[0].error_code)));
    Ok(())
}

/// Two members in generation 2: the leader and a follower with their connections.
fn pair(
    c: &mut Context<'_>,
    group: &str,
    broker: i32,
) -> anyhow::Result<[(Connection, String); 2]> {
    let mut first = c.connect(broker)?;
    let mut second = c.connect(broker)?;
    let ids = [
        new_member(&mut first, &joining(group, ""))?,
        new_member(&mut second, &joining(group, ""))?,
    ];
    first.send(9, &joining(group, &ids[0]))?;
    second.send(9, &joining(group, &ids[1]))?;
    let joined = [first.receive::<JoinGroupRequest>(9)?, second.receive::<JoinGroupRequest>(9)?];
    let sizes = joined.each_ref().map(|answer| answer.members.len());
    let codes = joined.each_ref().map(|answer| error(answer.error_code));
    let mut seen = [format!("{} {}", codes[0], sizes[0]), format!("{} {}", codes[1], sizes[1])];
    seen.sort();
    let generations = joined.each_ref().map(|answer| answer.generation_id);
    c.see(format!("{seen:?} in generations {generations:?}"));
    let [one, two] = ids;
    let leads = joined[0].leader == joined[0].member_id;
    Ok(if leads { [(first, one), (second, two)] } else { [(second, two), (first, one)] })
}

pub(crate) const CASES: &[Case] = &[
    case(
        "group/a newcomer is given an id",
        |c| join(c, |_| {}),
        &["MEMBER_ID_REQUIRED an id generation -1"],
    ),
    case(
        "group/a newcomer before version 4 joins at once",
        |c| {
            let (group, broker) = group(c)?;
            let answer = c.ask(broker, 3, &joining(&group, ""))?;
            let (leads, generation) = (answer.leader == answer.member_id, answer.generation_id);
            let protocol = answer.protocol_name.map(|name| name.to_string());
            c.see(format!("{} {leads} {generation} {protocol:?}", error(answer.error_code)));
            Ok(())
        },
        &["NONE true 1 Some(\"range\")"],
    ),
    case(
        "group/an unknown member joins",
        |c| join(c, |r| r.member_id = text("who")),
        &["UNKNOWN_MEMBER_ID an id generation -1"],
    ),
    case(
        "group/an empty group id",
        |c| join(c, |r| r.group_id = group_id("")),
        &["INVALID_GROUP_ID no id generation -1"],
    ),
    case(
        "group/a session timeout too short",
        |c| join(c, |r| r.session_timeout_ms = 5),
        &["INVALID_SESSION_TIMEOUT no id generation -1"],
    ),
    case(
        "group/a session timeout too long",
        |c| join(c, |r| r.session_timeout_ms = 1_800_001),
        &["INVALID_SESSION_TIMEOUT no id generation -1"],
    ),
    case(
        "group/no protocols",
        |c| join(c, |r| r.protocols.clear()),
        &["INCONSISTENT_GROUP_PROTOCOL no id generation -1"],
    ),
    case(
        "group/no protocol type",
        |c| join(c, |r| r.protocol_type = text("")),
        &["INCONSISTENT_GROUP_PROTOCOL no id generation -1"],
    ),
    case(
        "group/another protocol than the members have",
        |c| {
            let (group, broker) = group(c)?;
            settled(c, &group, broker)?;
            let mut request = joining(&group, "");
            request.protocols[0].name = text("other");
            let answer = c.ask(broker, 9, &request)?;
            c.see(error(answer.error_code));
            let answer =
                c.ask(broker, 9, &joining(&group, "").with_protocol_type(text("connect")))?;
            c.see(error(answer.error_code));
            Ok(())
        },
        &["INCONSISTENT_GROUP_PROTOCOL", "INCONSISTENT_GROUP_PROTOCOL"],
    ),
    case(
        "group/at a broker that does not coordinate it",
        |c| {
            let (group, broker) = group(c)?;
            let other = c.brokers().into_iter().find(|&id| id != broker).unwrap_or(broker);
            let answer = c.ask(other, 9, &joining(&group, ""))?;
            c.see(error(answer.error_code));
            let answer = heartbeat(c, other, &group, "m", 1)?;
            c.see(answer);
            describe(c, other, &group)?;
            delete(c, other, &group)
        },
        &[
            "NOT_COORDINATOR",
            "NOT_COORDINATOR",
            "NOT_COORDINATOR  '' '' []",
            "deleted NOT_COORDINATOR",
        ],
    ),
    case(
        "group/the first rebalance takes both",
        |c| {
            let (group, broker) = group(c)?;
            let [(mut leader, one), (mut follower, two)] = pair(c, &group, broker)?;
            appears(c, broker, &group)?;
            describe(c, broker, &group)?;
            follower.send(5, &syncing(&group, &two, 1, &[]))?;
            let next = follower.next(Duration::from_millis(200))?;
            c.see(format!("before the leader: {next}"));
            let answer = leader.ask(5, &syncing(&group, &one, 1, &[&one, &two]))?;
            c.see(format!("{} {:?}", error(answer.error_code), answer.assignment));
            let answer = follower.receive::<SyncGroupRequest>(5)?;
            c.see(format!("{} {:?}", error(answer.error_code), answer.assignment));
            describe(c, broker, &group)
        },
        &[
            "[\"NONE 0\", \"NONE 2\"] in generations [1, 1]",
            "NONE CompletingRebalance 'consumer' '' [\"conformance /address 0 0\", \"conformance /address 0 0\"]",
            "before the leader: silence",
            "NONE b\"assigned\"",
            "NONE b\"assigned\"",
            "NONE Stable 'consumer' 'range' [\"conformance /address 10 8\", \"conformance /address 10 8\"]",
        ],
    ),
    case(
        "group/a third member makes the others join again",
        |c| {
            let (group, broker) = group(c)?;
            let [(mut leader, one), (mut follower, two)] = pair(c, &group, broker)?;
            follower.send(5, &syncing(&group, &two, 1, &[]))?;
            leader.ask(5, &syncing(&group, &one, 1, &[&one, &two]))?;
            follower.receive::<SyncGroupRequest>(5)?;
            let mut third = c.connect(broker)?;
            let three = new_member(&mut third, &joining(&group, ""))?;
            let beat = heartbeat(c, broker, &group, &two, 1)?;
            c.see(beat);
            third.send(9, &joining(&group, &three))?;
            c.until("a rebalance", |c| {
                let beat = heartbeat(c, broker, &group, &two, 1)?;
                Ok((beat == "REBALANCE_IN_PROGRESS").then_some(()))
            })?;
            describe(c, broker, &group)?;
            let answer = follower.ask(5, &syncing(&group, &two, 1, &[]))?;
            c.see(error(answer.error_code));
            leader.send(9, &joining(&group, &one))?;
            follower.send(9, &joining(&group, &two))?;
            for connection in [&mut leader, &mut follower, &mut third] {
                let answer = connection.receive::<JoinGroupRequest>(9)?;
                let (generation, members) = (answer.generation_id, answer.members.len());
                c.see(format!("{} {generation} {members}", error(answer.error_code)));
            }
            Ok(())
        },
        &[
            "[\"NONE 0\", \"NONE 2\"] in generations [1, 1]",
            "NONE",
            "NONE PreparingRebalance 'consumer' '' [\"conformance /address 0 0\", \
             \"conformance /address 0 8\", \"conformance /address 0 8\"]",
            "REBALANCE_IN_PROGRESS",
            "NONE 2 3",
            "NONE 2 0",
            "NONE 2 0",
        ],
    ),
    case(
        "group/a member that does not join again is left out",
        |c| {
            let (group, broker) = group(c)?;
            let (member, _) = settled(c, &group, broker)?;
            let mut second = c.connect(broker)?;
            let two = new_member(&mut second, &joining(&group, ""))?;
            let answer = second.ask(9, &joining(&group, &two))?;
            let (generation, members) = (answer.generation_id, answer.members.len());
            c.see(format!("{} {generation} {members}", error(answer.error_code)));
            let beat = heartbeat(c, broker, &group, &member, 1)?;
            c.see(beat);
            Ok(())
        },
        &["NONE 2 1", "UNKNOWN_MEMBER_ID"],
    ),
    case(
        "group/sync errors",
        |c| {
            let (group, broker) = group(c)?;
            let answer = c.ask(broker, 5, &syncing(&group, "who", 1, &[]))?;
            c.see(error(answer.error_code));
            let (member, generation) = settled(c, &group, broker)?;
            let unknown = syncing(&group, "who", generation, &[]);
            let old = syncing(&group, &member, generation - 1, &[]);
            let later = syncing(&group, &member, generation + 1, &[]);
            let mut other = syncing(&group, &member, generation, &[]);
            other.protocol_name = Some(text("other"));
            let mut kind = syncing(&group, &member, generation, &[]);
            kind.protocol_type = Some(text("connect"));
            let again = syncing(&group, &member, generation, &[]);
            for request in [unknown, old, later, other, kind, again] {
                let answer = c.ask(broker, 5, &request)?;
                c.see(format!("{} {:?}", error(answer.error_code), answer.assignment));
            }
            Ok(())
        },
        &[
            "UNKNOWN_MEMBER_ID",
            "UNKNOWN_MEMBER_ID b\"\"",
            "ILLEGAL_GENERATION b\"\"",
            "ILLEGAL_GENERATION b\"\"",
            "INCONSISTENT_GROUP_PROTOCOL b\"\"",
            "INCONSISTENT_GROUP_PROTOCOL b\"\"",
            "NONE b\"assigned\"",
        ],
    ),
    case(
        "group/heartbeat errors",
        |c| {
            let (group, broker) = group(c)?;
            let answer = heartbeat(c, broker, &group, "who", 1)?;
            c.see(answer);
            let (member, generation) = settled(c, &group, broker)?;
            for (member, generation) in [
                ("who", generation),
                (&*member, generation - 1),
                (&*member, generation + 1),
                (&*member, generation),
                ("", generation),
            ] {
                let answer = heartbeat(c, broker, &group, member, generation)?;
                c.see(answer);
            }
            let answer = heartbeat(c, broker, "", &member, generation)?;
            c.see(answer);
            Ok(())
        },
        &[
            "UNKNOWN_MEMBER_ID",
            "UNKNOWN_MEMBER_ID",
            "ILLEGAL_GENERATION",
            "ILLEGAL_GENERATION",
            "NONE",
            "UNKNOWN_MEMBER_ID",
            "INVALID_GROUP_ID",
        ],
    ),
    case(
        "group/heartbeat between join and sync",
        |c| {
            let (group, broker) = group(c)?;
            let mut connection = c.connect(broker)?;
            let member = new_member(&mut connection, &joining(&group, ""))?;
            let answer = heartbeat(c, broker, &group, &member, 0)?;
            c.see(answer);
            let joined = connection.ask(9, &joining(&group, &member))?;
            let answer = heartbeat(c, broker, &group, &member, joined.generation_id)?;
            c.see(answer);
            describe(c, broker, &group)
        },
        &[
            "UNKNOWN_MEMBER_ID",
            "NONE",
            "NONE CompletingRebalance 'consumer' '' [\"conformance /address 0 0\"]",
        ],
    ),
    case(
        "group/a member leaves",
        |c| {
            let (group, broker) = group(c)?;
            let (member, generation) = settled(c, &group, broker)?;
            let answer = c.ask(broker, 5, &leaving(&group, &["who", &member]))?;
            let codes: Vec<String> = answer.members.iter().map(|m| error(m.error_code)).collect();
            c.see(format!("{} {codes:?}", error(answer.error_code)));
            let beat = heartbeat(c, broker, &group, &member, generation)?;
            c.see(beat);
            describe(c, broker, &group)
        },
        &[
            "NONE [\"UNKNOWN_MEMBER_ID\", \"NONE\"]",
            "UNKNOWN_MEMBER_ID",
            "NONE Empty 'consumer' '' []",
        ],
    ),
    case(
        "group/leaving a group that is none",
        |c| {
            let (group, broker) = group(c)?;
            let answer = c.ask(broker, 5, &leaving(&group, &["who"]))?;
            let codes: Vec<String> = answer.members.iter().map(|m| error(m.error_code)).collect();
            c.see(format!("{} {codes:?}", error(answer.error_code)));
            let mut request = leaving(&group, &[]);
            request.member_id = text("who");
            let answer = c.ask(broker, 2, &request)?;
            c.see(error(answer.error_code));
            Ok(())
        },
        &["NONE [\"UNKNOWN_MEMBER_ID\"]", "UNKNOWN_MEMBER_ID"],
    ),
    case(
        "group/a silent member is expelled",
        |c| {
            let (group, broker) = group(c)?;
            let mut connection = c.connect(broker)?;
            let mut request = joining(&group, "").with_session_timeout_ms(1_000);
            request.member_id = text(&new_member(&mut connection, &request)?);
            let joined = connection.ask(9, &request)?;
            let (member, generation) = (joined.member_id, joined.generation_id);
            connection.ask(5, &syncing(&group, &member, generation, &[&member]))?;
            let beat = heartbeat(c, broker, &group, &member, generation)?;
            c.see(beat);
            std::thread::sleep(Duration::from_secs(4));
            let beat = heartbeat(c, broker, &group, &member, generation)?;
            c.see(beat);
            describe(c, broker, &group)
        },
        &["NONE", "UNKNOWN_MEMBER_ID", "NONE Empty 'consumer' '' []"],
    ),
];

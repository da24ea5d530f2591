//! Static members (KIP-345) of classic groups.

use kafka_protocol::messages::leave_group_request::MemberIdentity;
use kafka_protocol::messages::*;

use super::groups::{group, joining, syncing};
use super::{Case, case};
use crate::conformance::context::Context;
use crate::conformance::names::{error, group_id, text};

/// A request of the static member `one`.
fn joining_as_one(group: &str, member: &str) -> JoinGroupRequest {
    joining(group, member).with_group_instance_id(Some(text("one")))
}

/// The static member `one`, joined and synced: its id and generation.
fn settled(c: &mut Context<'_>, group: &str, broker: i32) -> anyhow::Result<(String, i32)> {
    let joined = c.ask(broker, 9, &joining_as_one(group, ""))?;
    let (member, generation) = (joined.member_id.to_string(), joined.generation_id);
    c.see(format!("{} generation {generation}", error(joined.error_code)));
    let request = syncing(group, &member, generation, &[&member]);
    c.ask(broker, 5, &request.with_group_instance_id(Some(text("one"))))?;
    Ok((member, generation))
}

fn beat(
    c: &mut Context<'_>,
    broker: i32,
    group: &str,
    member: &str,
    generation: i32,
) -> anyhow::Result<()> {
    let request = HeartbeatRequest::default()
        .with_group_id(group_id(group))
        .with_member_id(text(member))
        .with_group_instance_id(Some(text("one")))
        .with_generation_id(generation);
    let answer = c.ask(broker, 4, &request)?;
    c.see(error(answer.error_code));
    Ok(())
}

pub(crate) const CASES: &[Case] = &[
    case(
        "static/joins without being given an id first",
        |c| {
            let (group, broker) = group(c)?;
            settled(c, &group, broker)?;
            Ok(())
        },
        &["NONE generation 1"],
    ),
    case(
        "static/comes back without a rebalance and fences its past",
        |c| {
            let (group, broker) = group(c)?;
            let (old, generation) = settled(c, &group, broker)?;
            let answer = c.ask(broker, 9, &joining_as_one(&group, ""))?;
            let (new, same) = (answer.member_id.to_string(), answer.generation_id == generation);
            c.see(format!(
                "{} the same generation {same}, the same id {}",
                error(answer.error_code),
                new == old
            ));
            c.see(format!(
                "skips the assignment {}, members {}",
                answer.skip_assignment,
                answer.members.len()
            ));
            beat(c, broker, &group, &old, generation)?;
            beat(c, broker, &group, &new, generation)?;
            let answer = c.ask(broker, 9, &joining_as_one(&group, &old))?;
            c.see(error(answer.error_code));
            let request = syncing(&group, &old, generation, &[]);
            let answer = c.ask(broker, 5, &request.with_group_instance_id(Some(text("one"))))?;
            c.see(error(answer.error_code));
            Ok(())
        },
        &[
            "NONE generation 1",
            "NONE the same generation true, the same id false",
            "skips the assignment true, members 1",
            "FENCED_INSTANCE_ID",
            "NONE",
            "FENCED_INSTANCE_ID",
            "FENCED_INSTANCE_ID",
        ],
    ),
    case(
        "static/an unknown instance",
        |c| {
            let (group, broker) = group(c)?;
            let answer = c.ask(broker, 9, &joining_as_one(&group, "who"))?;
            c.see(error(answer.error_code));
            settled(c, &group, broker)?;
            let other = joining(&group, "who").with_group_instance_id(Some(text("two")));
            let answer = c.ask(broker, 9, &other)?;
            c.see(error(answer.error_code));
            Ok(())
        },
        &["UNKNOWN_MEMBER_ID", "NONE generation 1", "UNKNOWN_MEMBER_ID"],
    ),
    case(
        "static/removed by its instance id",
        |c| {
            let (group, broker) = group(c)?;
            let (member, generation) = settled(c, &group, broker)?;
            for (id, instance) in [("who", "one"), ("", "two"), ("", "one"), ("", "one")] {
                let identity = MemberIdentity::default()
                    .with_member_id(text(id))
                    .with_group_instance_id(Some(text(instance)))
                    .with_reason(None);
                let request = LeaveGroupRequest::default()
                    .with_group_id(group_id(&group))
                    .with_members(vec![identity]);
                let answer = c.ask(broker, 5, &request)?;
                c.see(format!(
                    "{} {}",
                    error(answer.error_code),
                    error(answer.members[0].error_code)
                ));
            }
            beat(c, broker, &group, &member, generation)
        },
        &[
            "NONE generation 1",
            "NONE FENCED_INSTANCE_ID",
            "NONE UNKNOWN_MEMBER_ID",
            "NONE NONE",
            "NONE UNKNOWN_MEMBER_ID",
            "UNKNOWN_MEMBER_ID",
        ],
    ),
];

//! ConsumerGroupDescribe.

use std::collections::{BTreeMap, BTreeSet};

use kafka_protocol::ResponseError;
use kafka_protocol::messages::consumer_group_describe_response::{
    Assignment, DescribedGroup, Member, TopicPartitions,
};
use kafka_protocol::messages::{
    ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse, GroupId, TopicName,
};
use kafka_protocol::protocol::StrBytes;

use super::member::{ConsumerMember, Partitions};
use crate::coordinator::catalog::Catalog;
use crate::coordinator::describe::AUTHORIZED_OPERATIONS;
use crate::coordinator::group::Group;

/// The member type of a member that speaks the classic protocol.
const TYPE_CLASSIC: i8 = 0;
/// The member type of the others.
const TYPE_CONSUMER: i8 = 1;

pub(in crate::coordinator) fn describe(
    groups: &BTreeMap<StrBytes, Group>,
    catalog: &Catalog,
    request: &ConsumerGroupDescribeRequest,
) -> ConsumerGroupDescribeResponse {
    // Naming a group twice gets one answer: a small request must not ask for a huge response.
    let names: BTreeSet<&StrBytes> = request.group_ids.iter().map(|group| &group.0).collect();
    let described = names.into_iter().map(|name| {
        let described = describe_one(groups, catalog, name).with_group_id(GroupId(name.clone()));
        if request.include_authorized_operations && described.error_code == 0 {
            described.with_authorized_operations(AUTHORIZED_OPERATIONS)
        } else {
            described
        }
    });
    ConsumerGroupDescribeResponse::default().with_groups(described.collect())
}

fn describe_one(
    groups: &BTreeMap<StrBytes, Group>,
    catalog: &Catalog,
    name: &StrBytes,
) -> DescribedGroup {
    let refuse = |error: ResponseError, message: Option<String>| {
        DescribedGroup::default()
            .with_error_code(error.code())
            .with_error_message(message.map(StrBytes::from_string))
    };
    if name.is_empty() {
        return refuse(ResponseError::InvalidGroupId, None);
    }
    let Some(group) = groups.get(name) else {
        return refuse(ResponseError::GroupIdNotFound, Some(format!("Group {name} not found.")));
    };
    let Some(group) = &group.consumer else {
        let message = format!("Group {name} is not a consumer group.");
        return refuse(ResponseError::GroupIdNotFound, Some(message));
    };
    let members = group.members.iter().map(|(id, member)| describe_member(catalog, id, member));
    DescribedGroup::default()
        .with_group_state(StrBytes::from_static_str(group.state().name()))
        .with_group_epoch(group.epoch)
        .with_assignment_epoch(group.target_epoch)
        .with_assignor_name(StrBytes::from_static_str(group.assignor().name()))
        .with_members(members.collect())
}

fn describe_member(catalog: &Catalog, id: &StrBytes, member: &ConsumerMember) -> Member {
    let topics = member.topics.iter().map(|name| TopicName(name.clone()));
    Member::default()
        .with_member_id(id.clone())
        .with_instance_id(member.instance.clone())
        .with_rack_id(member.rack.clone())
        .with_member_epoch(member.epoch)
        .with_client_id(member.client_id.clone())
        .with_client_host(member.client_host.clone())
        .with_subscribed_topic_names(topics.collect())
        .with_subscribed_topic_regex(member.regex.clone())
        .with_assignment(assignment(catalog, &member.assigned))
        .with_target_assignment(assignment(catalog, &member.target))
        .with_member_type(if member.classic.is_some() { TYPE_CLASSIC } else { TYPE_CONSUMER })
}

/// Topics that have been deleted are left out: they have no name any more.
fn assignment(catalog: &Catalog, partitions: &Partitions) -> Assignment {
    let topics = partitions.iter().filter_map(|(id, partitions)| {
        let name = catalog.name(id)?.clone();
        let topic = TopicPartitions::default().with_topic_id(*id).with_topic_name(TopicName(name));
        Some(topic.with_partitions(partitions.iter().copied().collect()))
    });
    Assignment::default().with_topic_partitions(topics.collect())
}

//! DescribeGroups and ListGroups.

use std::collections::{BTreeMap, BTreeSet};

use kafka_protocol::ResponseError;
use kafka_protocol::messages::describe_groups_response::{DescribedGroup, DescribedGroupMember};
use kafka_protocol::messages::list_groups_response::ListedGroup;
use kafka_protocol::messages::{
    DescribeGroupsRequest, DescribeGroupsResponse, GroupId, ListGroupsRequest, ListGroupsResponse,
};
use kafka_protocol::protocol::StrBytes;

use super::GroupState;
use super::group::Group;
use super::member::Member;

/// The first version in which an unknown group is an error and not a dead group.
const VERSION_NOT_FOUND: i16 = 6;
/// The first version that can tell what the client may do with a group.
const VERSION_AUTHORIZED_OPERATIONS: i16 = 3;
/// READ, DELETE and DESCRIBE as bits: nothing is forbidden.
pub(super) const AUTHORIZED_OPERATIONS: i32 = 1 << 3 | 1 << 6 | 1 << 8;

pub(super) fn describe(
    groups: &BTreeMap<StrBytes, Group>,
    version: i16,
    request: &DescribeGroupsRequest,
) -> DescribeGroupsResponse {
    // Naming a group twice gets one answer: a small request must not ask for a huge response.
    let names: BTreeSet<&StrBytes> = request.groups.iter().map(|group| &group.0).collect();
    let with_operations =
        request.include_authorized_operations && version >= VERSION_AUTHORIZED_OPERATIONS;
    let described = names.into_iter().map(|name| {
        let described = match groups.get(name) {
            Some(group) if group.consumer.is_none() => describe_group(group),
            Some(_) => describe_missing(version, format!("Group {name} is not a classic group.")),
            None => describe_missing(version, format!("Group {name} not found.")),
        };
        let described = described.with_group_id(GroupId(name.clone()));
        if with_operations {
            described.with_authorized_operations(AUTHORIZED_OPERATIONS)
        } else {
            described
        }
    });
    DescribeGroupsResponse::default().with_groups(described.collect())
}

fn describe_missing(version: i16, message: String) -> DescribedGroup {
    let dead = DescribedGroup::default()
        .with_group_state(StrBytes::from_static_str(GroupState::Dead.name()));
    if version < VERSION_NOT_FOUND {
        return dead;
    }
    dead.with_error_code(ResponseError::GroupIdNotFound.code())
        .with_error_message(Some(StrBytes::from_string(message)))
}

fn describe_group(group: &Group) -> DescribedGroup {
    // Between generations no protocol is agreed on, so that it is not clear which metadata to show.
    let protocol = group.protocol.clone().filter(|_| group.state == GroupState::Stable);
    let describe_member = |(id, member): (&StrBytes, &Member)| {
        let described = DescribedGroupMember::default()
            .with_member_id(id.clone())
            .with_group_instance_id(member.membership.instance.clone())
            .with_client_id(member.membership.client_id.clone())
            .with_client_host(member.membership.client_host.clone())
            .with_member_assignment(member.assignment.clone());
        match &protocol {
            Some(protocol) => described.with_member_metadata(member.metadata(protocol)),
            None => described,
        }
    };
    DescribedGroup::default()
        .with_group_state(StrBytes::from_static_str(group.state.name()))
        .with_protocol_type(group.protocol_type.clone().unwrap_or_default())
        .with_protocol_data(protocol.clone().unwrap_or_default())
        .with_members(group.members.iter().map(describe_member).collect())
}

pub(super) fn list(
    groups: &BTreeMap<StrBytes, Group>,
    request: &ListGroupsRequest,
) -> ListGroupsResponse {
    let matches = |filter: &[StrBytes], value: &str| {
        filter.is_empty() || filter.iter().any(|wanted| wanted.trim().eq_ignore_ascii_case(value))
    };
    let listed = groups
        .iter()
        .filter(|(_, group)| matches(&request.types_filter, group.kind().name()))
        .filter(|(_, group)| matches(&request.states_filter, group.state().name()))
        .map(|(id, group)| {
            ListedGroup::default()
                .with_group_id(GroupId(id.clone()))
                .with_protocol_type(group.protocol_type().unwrap_or_default())
                .with_group_state(StrBytes::from_static_str(group.state().name()))
                .with_group_type(StrBytes::from_static_str(group.kind().name()))
        });
    ListGroupsResponse::default().with_groups(listed.collect())
}

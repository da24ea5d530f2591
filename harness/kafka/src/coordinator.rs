//! The group coordinator, of both of Kafka's group protocols, as a pure state machine.
//!
//! Time comes in with every call, identifiers come from the seed, and answers go out into a list:
//! there is no clock, no socket and no task here. A request whose answer must wait (a JoinGroup
//! before the barrier, a SyncGroup before the leader's assignment) is *parked* under its ticket
//! and answered by a later call, at the latest by [`Coordinator::advance`].
//!
//! A classic group's rules are in `group` (states, barrier, timers), `join`, `sync` (with heartbeats),
//! `leave` (with failover), `offsets`, `pending` and `fetch`; `describe` and `view` read,
//! `assignment` decodes. Consumer groups (KIP-848) are in `consumer`; the topics they are given are told in a
//! `catalog`.
//!
//! The behaviour is that of Apache Kafka's `GroupMetadataManager` and `ClassicGroup` (4.x).

mod assignment;
mod catalog;
mod config;
mod consumer;
mod context;
mod describe;
mod fetch;
mod group;
mod join;
mod leave;
mod member;
mod offsets;
mod online;
mod pending;
mod retention;
mod routing;
mod subscription;
mod sync;
#[cfg(test)]
mod tests;
mod view;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use kafka_protocol::ResponseError;
use kafka_protocol::messages::delete_groups_response::DeletableGroupResult;
use kafka_protocol::messages::{
    ApiKey, ConsumerGroupDescribeResponse, ConsumerGroupHeartbeatResponse, DeleteGroupsRequest,
    DeleteGroupsResponse, DescribeGroupsRequest, DescribeGroupsResponse, HeartbeatRequest,
    HeartbeatResponse, JoinGroupRequest, JoinGroupResponse, LeaveGroupRequest, LeaveGroupResponse,
    ListGroupsRequest, ListGroupsResponse, OffsetCommitRequest, OffsetCommitResponse,
    OffsetDeleteResponse, OffsetFetchRequest, OffsetFetchResponse, SyncGroupRequest,
    SyncGroupResponse,
};
use kafka_protocol::protocol::StrBytes;

pub(crate) use catalog::{Catalog, CatalogTopic, CatalogVersion};
pub(crate) use config::GroupConfig;
pub(crate) use consumer::compile;
pub use view::{GroupKind, GroupState, GroupView, MemberView};

pub(crate) use pending::transactional_refusal;

use context::{Context, MemberIds, detached};
use group::Group;
use join::Join;
use routing::named;

/// The group requests served, each with its lowest and highest version.
///
/// OffsetCommit and OffsetFetch stop at 9, as Kafka's do: 10 is not stable yet.
pub(crate) const VERSIONS: [(ApiKey, i16, i16); 12] = [
    (ApiKey::OffsetCommit, 2, 9),
    (ApiKey::OffsetFetch, 1, 9),
    (ApiKey::JoinGroup, 0, 9),
    (ApiKey::Heartbeat, 0, 4),
    (ApiKey::LeaveGroup, 0, 5),
    (ApiKey::SyncGroup, 0, 5),
    (ApiKey::DescribeGroups, 0, 6),
    (ApiKey::ListGroups, 0, 5),
    (ApiKey::DeleteGroups, 0, 2),
    (ApiKey::ConsumerGroupHeartbeat, 0, 1),
    (ApiKey::ConsumerGroupDescribe, 0, 1),
    (ApiKey::OffsetDelete, 0, 0),
];

/// Names a request whose answer may come later. Unique among the requests in flight.
pub(crate) type Ticket = u64;

/// An answer to the request that came with `ticket`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Reply {
    /// The ticket of the request.
    pub(crate) ticket: Ticket,
    /// The response, ready to be encoded in the version of the request.
    pub(crate) body: ReplyBody,
}

/// The response to a group request.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ReplyBody {
    JoinGroup(JoinGroupResponse),
    SyncGroup(SyncGroupResponse),
    Heartbeat(HeartbeatResponse),
    LeaveGroup(LeaveGroupResponse),
    OffsetCommit(OffsetCommitResponse),
    OffsetFetch(OffsetFetchResponse),
    DescribeGroups(DescribeGroupsResponse),
    ListGroups(ListGroupsResponse),
    DeleteGroups(DeleteGroupsResponse),
    ConsumerGroupHeartbeat(ConsumerGroupHeartbeatResponse),
    ConsumerGroupDescribe(ConsumerGroupDescribeResponse),
    OffsetDelete(OffsetDeleteResponse),
}

/// Who sent a request: the client id of its header and the address of its connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ClientInfo {
    /// The `client.id`; empty if the header has none.
    pub(crate) client_id: String,
    /// The address without the port.
    pub(crate) host: String,
}

/// The coordinator of every group of a cluster.
#[derive(Debug)]
pub(crate) struct Coordinator {
    config: GroupConfig,
    member_ids: MemberIds,
    catalog: Catalog,
    groups: BTreeMap<StrBytes, Group>,
    /// The next deadline of each group that has one.
    deadlines: BTreeSet<(Duration, StrBytes)>,
    /// The requests whose answers wait.
    parked: BTreeSet<Ticket>,
    /// When offsets that are too old are looked for next.
    next_expiry: Duration,
    /// The groups in which a producer has offsets pending.
    transactional: BTreeMap<i64, BTreeSet<StrBytes>>,
}

impl Coordinator {
    /// A coordinator without groups; `seed` decides the member ids it gives out.
    pub(crate) fn new(config: GroupConfig, seed: u64) -> Self {
        Self {
            next_expiry: retention::CHECK_PERIOD.min(config.offsets_retention),
            config,
            member_ids: MemberIds::new(seed),
            catalog: Catalog::default(),
            groups: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            parked: BTreeSet::new(),
            transactional: BTreeMap::new(),
        }
    }

    /// Joins the group or rejoins it. The answer waits until every member has joined or the time
    /// for that is over.
    pub(crate) fn join_group(
        &mut self,
        now: Duration,
        ticket: Ticket,
        version: i16,
        client: &ClientInfo,
        request: JoinGroupRequest,
        replies: &mut Vec<Reply>,
    ) {
        let admitted = Join::new(&self.config, ticket, version, client, &request);
        let admitted = admitted.and_then(|join| {
            // Only who asks for a member id can found a group.
            if join.member_id.is_empty() {
                self.ensure_group(&request.group_id)?;
            }
            if let Some(group) = self.groups.get_mut(&request.group_id.0) {
                group.become_classic();
            }
            Ok(join)
        });
        let outcome = admitted.and_then(|join| {
            self.with_group(now, &request.group_id, replies, |group, cx| group.join(cx, join))
                .ok_or(ResponseError::UnknownMemberId)
        });
        if let Err(error) = outcome {
            let response = join::refusal(version, error, request.member_id);
            replies.push(Reply { ticket, body: ReplyBody::JoinGroup(response) });
        }
    }

    /// Asks for the member's assignment; the leader hands everybody's in. The answer waits for
    /// the leader.
    pub(crate) fn sync_group(
        &mut self,
        now: Duration,
        ticket: Ticket,
        version: i16,
        request: SyncGroupRequest,
        replies: &mut Vec<Reply>,
    ) {
        let outcome = named(&request.group_id).and_then(|()| {
            let sync =
                |group: &mut Group, cx: &mut Context<'_>| group.sync(cx, ticket, version, &request);
            self.with_group(now, &request.group_id, replies, sync)
                .ok_or(ResponseError::UnknownMemberId)
        });
        if let Err(error) = outcome {
            replies.push(Reply { ticket, body: ReplyBody::SyncGroup(sync::refusal(error)) });
        }
    }

    /// Keeps the member's session and tells it of a rebalance.
    pub(crate) fn heartbeat(
        &mut self,
        now: Duration,
        ticket: Ticket,
        _version: i16,
        request: HeartbeatRequest,
        replies: &mut Vec<Reply>,
    ) {
        let outcome = named(&request.group_id).and_then(|()| {
            let beat = |group: &mut Group, cx: &mut Context<'_>| group.heartbeat(cx, &request);
            let outcome = self.with_group(now, &request.group_id, replies, beat);
            outcome.unwrap_or(Err(ResponseError::UnknownMemberId))
        });
        let body = ReplyBody::Heartbeat(sync::heartbeat_response(outcome));
        replies.push(Reply { ticket, body });
    }

    /// Lets one member go, or several from version 3.
    pub(crate) fn leave_group(
        &mut self,
        now: Duration,
        ticket: Ticket,
        version: i16,
        request: LeaveGroupRequest,
        replies: &mut Vec<Reply>,
    ) {
        let group_id = request.group_id.clone();
        let leaving = leave::leaving_members(version, request);
        let outcomes = named(&group_id).map(|()| {
            let leave = |group: &mut Group, cx: &mut Context<'_>| group.leave(cx, &leaving);
            let outcomes = self.with_group(now, &group_id, replies, leave);
            outcomes.unwrap_or_else(|| vec![Err(ResponseError::UnknownMemberId); leaving.len()])
        });
        let response = match outcomes {
            Ok(outcomes) => leave::leave_response(version, &leaving, &outcomes),
            Err(error) => LeaveGroupResponse::default().with_error_code(error.code()),
        };
        replies.push(Reply { ticket, body: ReplyBody::LeaveGroup(response) });
    }

    /// Commits offsets: for a member of the current generation, or for anybody (generation −1) if
    /// the group has no members. Whether the partitions exist is for the caller to check.
    pub(crate) fn offset_commit(
        &mut self,
        now: Duration,
        ticket: Ticket,
        version: i16,
        request: OffsetCommitRequest,
        replies: &mut Vec<Reply>,
    ) {
        let founded = if request.generation_id_or_member_epoch < 0 {
            self.ensure_group(&request.group_id)
        } else {
            Ok(())
        };
        let response = founded.and_then(|()| {
            let commit =
                |group: &mut Group, cx: &mut Context<'_>| group.commit(cx, version, &request);
            self.with_group(now, &request.group_id, replies, commit)
                .ok_or(offsets::missing_group(version))
        });
        let response =
            response.unwrap_or_else(|error| offsets::commit_response(&request, |_, _| Err(error)));
        replies.push(Reply { ticket, body: ReplyBody::OffsetCommit(response) });
    }

    /// Reads committed offsets: of the partitions named, or of all if the topics are null.
    pub(crate) fn offset_fetch(
        &mut self,
        _now: Duration,
        ticket: Ticket,
        version: i16,
        request: OffsetFetchRequest,
        replies: &mut Vec<Reply>,
    ) {
        let response = fetch::fetch(&self.groups, version, request);
        replies.push(Reply { ticket, body: ReplyBody::OffsetFetch(response) });
    }

    /// Describes groups and their members.
    pub(crate) fn describe_groups(
        &mut self,
        _now: Duration,
        ticket: Ticket,
        version: i16,
        request: DescribeGroupsRequest,
        replies: &mut Vec<Reply>,
    ) {
        let response = describe::describe(&self.groups, version, &request);
        replies.push(Reply { ticket, body: ReplyBody::DescribeGroups(response) });
    }

    /// Lists the groups in the states and of the types asked for; all if none are named.
    pub(crate) fn list_groups(
        &mut self,
        _now: Duration,
        ticket: Ticket,
        _version: i16,
        request: ListGroupsRequest,
        replies: &mut Vec<Reply>,
    ) {
        let response = describe::list(&self.groups, &request);
        replies.push(Reply { ticket, body: ReplyBody::ListGroups(response) });
    }

    /// Deletes groups without members, with their committed offsets.
    pub(crate) fn delete_groups(
        &mut self,
        _now: Duration,
        ticket: Ticket,
        _version: i16,
        request: DeleteGroupsRequest,
        replies: &mut Vec<Reply>,
    ) {
        let names: BTreeSet<_> = request.groups_names.into_iter().map(|name| name.0).collect();
        let delete = |name: StrBytes| {
            let code = self.delete_group(&name).err().map_or(0, |error| error.code());
            DeletableGroupResult::default().with_group_id(name.into()).with_error_code(code)
        };
        let results = names.into_iter().map(delete).collect();
        let response = DeleteGroupsResponse::default().with_results(results);
        replies.push(Reply { ticket, body: ReplyBody::DeleteGroups(response) });
    }

    /// When [`Self::advance`] has something to do next.
    pub(crate) fn next_deadline(&self) -> Option<Duration> {
        self.deadlines.first().map(|(deadline, _)| *deadline)
    }

    /// Ends the sessions and waits that are over at `now`. Requests received before `now` should
    /// be handed in first: a heartbeat that comes in time but late in the queue then counts.
    pub(crate) fn advance(&mut self, now: Duration, replies: &mut Vec<Reply>) {
        while let Some((deadline, group_id)) = self.deadlines.first().cloned() {
            if deadline > now {
                break;
            }
            self.with_group(now, &group_id, replies, |group, cx| group.run_due(cx));
        }
    }

    /// The connection of a request went away: its answer will not be emitted. As in Kafka the
    /// member stays in the rebalance until a timeout removes it.
    pub(crate) fn abandon(&mut self, ticket: Ticket) {
        self.parked.remove(&ticket);
    }

    /// Moves the groups for which `moved` is true to another broker. Generations, members and
    /// offsets survive with fresh sessions; parked requests are answered with NOT_COORDINATOR, so
    /// that clients look for the coordinator and rejoin; members that were about to join for the
    /// first time are forgotten and an unfinished rebalance starts over.
    pub(crate) fn on_failover(
        &mut self,
        now: Duration,
        moved: impl Fn(&str) -> bool,
        replies: &mut Vec<Reply>,
    ) {
        let ids: Vec<StrBytes> = self.groups.keys().filter(|id| moved(id)).cloned().collect();
        for id in ids {
            self.with_group(now, &id, replies, |group, cx| group.fail_over(cx));
        }
    }

    /// Lets a group with members rebalance, though nothing has changed. False if there is none, or
    /// if it rebalances already.
    pub(crate) fn unsettle(
        &mut self,
        now: Duration,
        group: &str,
        replies: &mut Vec<Reply>,
    ) -> bool {
        let id = StrBytes::from_string(group.to_owned());
        self.with_group(now, &id, replies, Group::unsettle).unwrap_or(false)
    }

    /// A group as it stands; none if it does not exist.
    pub(crate) fn view(&self, group: &str) -> Option<GroupView> {
        self.groups.get(group.as_bytes()).map(|group| view::view(group, &self.catalog))
    }

    /// The committed offset of one partition.
    pub(crate) fn committed(&self, group: &str, topic: &str, partition: i32) -> Option<i64> {
        let offsets = &self.groups.get(group.as_bytes())?.offsets;
        offsets.topic(topic)?.get(&partition).map(|committed| committed.offset)
    }

    /// Runs `act` on a group and keeps its place on the list of deadlines.
    fn with_group<R>(
        &mut self,
        now: Duration,
        group_id: &StrBytes,
        replies: &mut Vec<Reply>,
        act: impl FnOnce(&mut Group, &mut Context<'_>) -> R,
    ) -> Option<R> {
        let group = self.groups.get_mut(group_id)?;
        let mut context = Context {
            now,
            config: &self.config,
            catalog: &self.catalog,
            member_ids: &mut self.member_ids,
            parked: &mut self.parked,
            replies,
        };
        let outcome = act(group, &mut context);
        let (before, after) = (group.listed_deadline, group.next_deadline());
        if before != after {
            group.listed_deadline = after;
            let group_id = detached(group_id);
            if let Some(before) = before {
                self.deadlines.remove(&(before, group_id.clone()));
            }
            if let Some(after) = after {
                self.deadlines.insert((after, group_id));
            }
        }
        Some(outcome)
    }

    /// Creates the group unless it exists. At the bound, a group that holds nothing makes room.
    fn ensure_group(&mut self, group_id: &StrBytes) -> Result<(), ResponseError> {
        if self.groups.contains_key(group_id) {
            return Ok(());
        }
        if group_id.len() > self.config.name_bytes_max {
            return Err(ResponseError::InvalidGroupId);
        }
        if self.groups.len() >= self.config.groups_max {
            let disposable = self.groups.iter().find(|(_, group)| group.is_disposable());
            let disposable = disposable.map(|(id, _)| id.clone());
            let disposable = disposable.ok_or(ResponseError::PolicyViolation)?;
            self.groups.remove(&disposable);
        }
        self.groups.insert(detached(group_id), Group::new());
        Ok(())
    }

    fn delete_group(&mut self, name: &StrBytes) -> Result<(), ResponseError> {
        let group = self.groups.get(name).ok_or(ResponseError::GroupIdNotFound)?;
        if group.state() != GroupState::Empty {
            return Err(ResponseError::NonEmptyGroup);
        }
        self.remove_group(name);
        Ok(())
    }

    fn remove_group(&mut self, name: &StrBytes) {
        let removed = self.groups.remove(name);
        if let Some(deadline) = removed.and_then(|group| group.listed_deadline) {
            self.deadlines.remove(&(deadline, name.clone()));
        }
    }
}

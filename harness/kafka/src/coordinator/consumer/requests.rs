//! The coordinator's part for consumer groups: which group a request is for, and the topics.

use std::time::Duration;

use kafka_protocol::messages::{ConsumerGroupDescribeRequest, ConsumerGroupHeartbeatRequest};

use super::{ConsumerGroup, Refusal, describe, heartbeat, not_found};
use crate::coordinator::context::Context;
use crate::coordinator::group::Group;
use crate::coordinator::{
    Catalog, CatalogVersion, ClientInfo, Coordinator, Reply, ReplyBody, Ticket,
};

impl Coordinator {
    /// Which topics the coordinator knows.
    pub(crate) fn catalog_version(&self) -> CatalogVersion {
        self.catalog.version()
    }

    /// Tells the topics as they are now. Groups that are subscribed to those that changed find
    /// out with their members' next heartbeats; offsets of topics that are gone are dropped.
    pub(crate) fn know_topics(&mut self, catalog: Catalog) {
        let before = std::mem::replace(&mut self.catalog, catalog);
        let gone = before.missing_in(&self.catalog);
        if !gone.is_empty() {
            self.forget_topics(&gone);
        }
    }

    /// Takes the heartbeat of a consumer group's member; with it a member joins, follows its
    /// assignment and leaves.
    pub(crate) fn consumer_heartbeat(
        &mut self,
        now: Duration,
        ticket: Ticket,
        version: i16,
        client: &ClientInfo,
        request: ConsumerGroupHeartbeatRequest,
        replies: &mut Vec<Reply>,
    ) {
        let admitted = heartbeat::validate(&self.config, version, client, &request);
        let admitted = admitted.and_then(|()| self.found_consumer_group(&request));
        let outcome = admitted.and_then(|()| {
            let beat = |group: &mut Group, cx: &mut Context<'_>| {
                if request.member_epoch == 0 && group.consumer.is_none() {
                    group.upgrade(cx, &request)?;
                }
                let Some(consumer) = &mut group.consumer else {
                    return Err(not_found(&request.group_id));
                };
                let answer = consumer.heartbeat(cx, client, &request);
                group.maybe_downgrade(cx, true);
                answer
            };
            let outcome = self.with_group(now, &request.group_id, replies, beat);
            outcome.unwrap_or_else(|| Err(not_found(&request.group_id)))
        });
        let response = outcome.unwrap_or_else(heartbeat::refusal);
        replies.push(Reply { ticket, body: ReplyBody::ConsumerGroupHeartbeat(response) });
    }

    /// Describes consumer groups and their members.
    pub(crate) fn describe_consumer_groups(
        &mut self,
        ticket: Ticket,
        request: &ConsumerGroupDescribeRequest,
        replies: &mut Vec<Reply>,
    ) {
        let response = describe::describe(&self.groups, &self.catalog, request);
        replies.push(Reply { ticket, body: ReplyBody::ConsumerGroupDescribe(response) });
    }

    /// Makes sure that a member that joins finds a consumer group.
    fn found_consumer_group(
        &mut self,
        request: &ConsumerGroupHeartbeatRequest,
    ) -> Result<(), Refusal> {
        let known = self.groups.get(&request.group_id.0).and_then(|group| group.consumer.as_ref());
        if request.member_epoch != 0 || known.is_some() {
            return Ok(());
        }
        let regex = request.subscribed_topic_regex.as_ref();
        ConsumerGroup::default().check_regex(&self.config, regex)?;
        let founded = self.ensure_group(&request.group_id);
        founded.map_err(|error| (error, "The group cannot be created.".to_owned()))?;
        if let Some(group) = self.groups.get_mut(&request.group_id.0) {
            group.become_consumer();
        }
        Ok(())
    }
}

//! Groups that change their protocol with members in them (KIP-848's online migration): a classic
//! group when the first member of the consumer protocol joins, a consumer group when the last one
//! of them is gone. Kafka's default policy, both ways.

use kafka_protocol::ResponseError;
use kafka_protocol::messages::ConsumerGroupHeartbeatRequest;
use kafka_protocol::protocol::StrBytes;

use super::GroupState;
use super::assignment::{encode_assignment, only_partitions};
use super::consumer::{ClassicTerms, ConsumerGroup, ConsumerMember, Partitions, Refusal};
use super::context::Context;
use super::group::Group;
use super::member::{Member, Membership};
use super::subscription::{Unreadable, decode_subscription, read_subscription};
use super::view::CONSUMER_PROTOCOL_TYPE;

impl Group {
    /// Makes a consumer group of a classic one with members, for the member that joins. They keep
    /// what they have; those that wait for an answer are told to join again.
    pub(super) fn upgrade(
        &mut self,
        cx: &mut Context<'_>,
        joining: &ConsumerGroupHeartbeatRequest,
    ) -> Result<(), Refusal> {
        if self.protocol_type.as_deref() != Some(CONSUMER_PROTOCOL_TYPE) {
            return Err(cannot_upgrade("the group does not use the consumer embedded protocol"));
        } else if self.members.len() >= cx.config.members_max {
            let message = "The consumer group has reached its maximum capacity.".to_owned();
            return Err((ResponseError::GroupMaxSizeReached, message));
        } else if joining.instance_id.is_none()
            && self.generation > 0
            && self.members.contains_key(&joining.member_id)
        {
            let message = "The member id is that of a member at another epoch.".to_owned();
            return Err((ResponseError::FencedMemberEpoch, message));
        }
        // They are told even if the group then stays as it is.
        self.refuse_waiting(cx, ResponseError::RebalanceInProgress);
        let consumer = self.as_consumer_group(cx)?;
        self.reset();
        self.consumer = Some(Box::new(consumer));
        Ok(())
    }

    fn as_consumer_group(&self, cx: &Context<'_>) -> Result<ConsumerGroup, Refusal> {
        let unknown = |message: &str| (ResponseError::UnknownServerError, message.to_owned());
        let protocol = self.protocol.as_ref();
        let protocol = protocol.ok_or_else(|| unknown("the group has had no generation"))?;
        let mut consumer = ConsumerGroup::at_epoch(self.generation);
        for (id, member) in &self.members {
            let partitions = only_partitions(&member.assignment).map_err(unreadable)?;
            let mut assigned = Partitions::new();
            for (topic, partition) in partitions {
                if let Some(topic) = cx.catalog.topic(&StrBytes::from_string(topic)) {
                    assigned.entry(topic.id).or_default().insert(partition);
                }
            }
            let subscription = read_subscription(&member.metadata(protocol)).map_err(unreadable)?;
            let terms = member.membership.clone();
            let converted = ConsumerMember {
                instance: terms.instance,
                rack: subscription.rack,
                client_id: terms.client_id,
                client_host: terms.client_host,
                rebalance_timeout: terms.rebalance_timeout,
                topics: subscription.topics.into_iter().collect(),
                epoch: self.generation,
                previous_epoch: self.generation,
                target: assigned.clone(),
                assigned,
                classic: Some(ClassicTerms {
                    session_timeout: terms.session_timeout,
                    protocols: terms.protocols,
                }),
                ..ConsumerMember::new()
            };
            if !consumer.take_over(cx, id.clone(), converted) {
                return Err(unknown("two members have the same partition"));
            }
        }
        consumer.look_at_topics(cx);
        Ok(consumer)
    }

    /// Makes a classic group of a consumer group in which all members speak the classic protocol.
    pub(super) fn maybe_downgrade(&mut self, cx: &mut Context<'_>, rebalances: bool) {
        let Some(consumer) = self.consumer.take_if(|consumer| consumer.is_all_classic()) else {
            return;
        };
        self.reset();
        self.state = GroupState::Stable;
        self.generation = consumer.epoch;
        self.protocol_type = Some(StrBytes::from_static_str(CONSUMER_PROTOCOL_TYPE));
        let mut targets = Vec::new();
        for (id, member) in consumer.members {
            let Some(terms) = member.classic else { continue };
            if let Some(instance) = &member.instance {
                self.static_members.insert(instance.clone(), id.clone());
            }
            self.leader.get_or_insert_with(|| id.clone());
            let mut converted = Member::new(Membership {
                instance: member.instance,
                client_id: member.client_id,
                client_host: member.client_host,
                rebalance_timeout: member.rebalance_timeout,
                session_timeout: terms.session_timeout,
                protocols: terms.protocols,
            });
            converted.is_new = false;
            converted.keep_alive(cx.now);
            targets.push((id.clone(), member.target));
            self.members.insert(id, converted);
        }
        self.protocol = self.select_protocol();
        let protocol = self.protocol.clone().unwrap_or_default();
        for (id, target) in targets {
            let Some(member) = self.members.get_mut(&id) else { continue };
            let subscription = decode_subscription(&member.metadata(&protocol));
            let version = subscription.map_or(0, |subscription| subscription.version);
            member.assignment = encode_assignment(version, &target, cx.catalog);
        }
        if rebalances {
            self.prepare_rebalance(cx);
        }
    }
}

/// Kafka's decoder knows only bytes that end too early for malformed; a length that cannot be is
/// an error that it does not expect.
fn unreadable(error: Unreadable) -> Refusal {
    match error {
        Unreadable::Custom => cannot_upgrade("an unsupported custom assignor is in use"),
        Unreadable::Short => cannot_upgrade("the embedded consumer protocol is malformed"),
        Unreadable::Absurd => {
            let message = "the embedded consumer protocol has a length that cannot be".to_owned();
            (ResponseError::UnknownServerError, message)
        }
    }
}

fn cannot_upgrade(reason: &str) -> Refusal {
    let message = format!("Cannot upgrade the classic group to a consumer group because {reason}.");
    (ResponseError::GroupIdNotFound, message)
}

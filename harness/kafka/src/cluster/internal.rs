//! Kafka's internal topics. Nothing is stored in them here: they show which broker coordinates
//! which groups and transactional ids, and the leader of a partition is the coordinator of its
//! slot, so that whatever moves the one moves the other.

use kafka_protocol::ResponseError;
use kafka_protocol::messages::TopicName;
use kafka_protocol::protocol::StrBytes;

use super::configs::{TopicSettings, check_all};
use super::groups::slot;
use super::partition::Partition;
use super::{Answer, COORDINATOR_SLOTS, Cluster};

/// Where Kafka keeps groups and their offsets.
const OFFSETS: &str = "__consumer_offsets";

/// Where Kafka keeps the state of transactional ids.
const TRANSACTIONS: &str = "__transaction_state";

/// What a coordinator is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coordination {
    Groups,
    Transactions,
}

impl Coordination {
    /// What the internal topic of this name is for.
    pub(super) fn of_topic(name: &str) -> Option<Self> {
        match name {
            OFFSETS => Some(Self::Groups),
            TRANSACTIONS => Some(Self::Transactions),
            _ => None,
        }
    }

    pub(super) fn topic(self) -> &'static str {
        match self {
            Self::Groups => OFFSETS,
            Self::Transactions => TRANSACTIONS,
        }
    }

    /// The settings that Kafka gives the topic.
    fn configs(self) -> &'static [(&'static str, &'static str)] {
        let all: &[(&str, &str)] = &[
            ("cleanup.policy", "compact"),
            ("compression.type", "producer"),
            ("segment.bytes", "104857600"),
            ("unclean.leader.election.enable", "false"),
        ];
        match self {
            Self::Groups => &all[..3],
            Self::Transactions => all,
        }
    }
}

/// Whether clients may not write to a topic of this name.
pub(super) fn is_internal(name: &str) -> bool {
    Coordination::of_topic(name).is_some()
}

impl Cluster {
    /// Makes the internal topic on its first use, as Kafka does, led by those who coordinate.
    /// Without a controller, or with a slot that nobody coordinates, there is none yet.
    pub(super) fn create_internal(&mut self, asked: i32, what: Coordination) {
        let name = what.topic();
        if self.topics.index(name).is_some() || !self.controller_hears(asked) {
            return;
        }
        let partitions = COORDINATOR_SLOTS as i32;
        if self.topics.check_room(partitions, partitions).is_err() {
            return;
        }
        let coordinators: Option<Vec<i32>> = match what {
            Coordination::Groups => self.coordinator_slots.iter().copied().collect(),
            Coordination::Transactions => self.transactions.slots().iter().copied().collect(),
        };
        let Some(coordinators) = coordinators else { return };
        let known: Vec<i32> = self.known_brokers().map(|(id, _)| id).collect();
        let factor = self.config.replication_factor.min(known.len());
        let replicas = |leader: i32| {
            let at = known.iter().position(|&id| id == leader).unwrap_or(0);
            known.iter().copied().cycle().skip(at).take(factor).collect()
        };
        let assignment: Vec<Vec<i32>> = coordinators.into_iter().map(replicas).collect();
        let configs = what.configs().iter().map(|&(name, value)| (name, Some(value)));
        let Ok(own) = check_all(configs) else { return };
        let settings = TopicSettings::new(own, &self.defaults);
        let name = TopicName(StrBytes::from_static_str(name));
        self.insert_topic(name, &assignment, settings);
    }

    /// Whoever leads a partition of an internal topic coordinates its slot from now on.
    pub(super) fn follow_leaders(&mut self, answers: &mut Vec<Answer>) {
        if !std::mem::take(&mut self.coordination_moved) {
            return;
        }
        if let Some(leaders) = self.leaders_of(OFFSETS) {
            let mut moved = [false; COORDINATOR_SLOTS];
            for ((slot, leader), moved) in
                self.coordinator_slots.iter_mut().zip(leaders).zip(&mut moved)
            {
                *moved = *slot != leader;
                *slot = leader;
            }
            if moved.contains(&true) {
                let mut replies = Vec::new();
                let now = self.now;
                self.coordinator.on_failover(now, |group| moved[slot(group)], &mut replies);
                self.pass_replies(replies, answers);
            }
        }
        if let Some(leaders) = self.leaders_of(TRANSACTIONS) {
            self.move_transactions_to(leaders);
        }
    }

    /// Whether the leaders of an internal topic say who coordinates.
    pub(super) fn has_internal(&self, what: Coordination) -> bool {
        self.topics.index(what.topic()).is_some()
    }

    fn leaders_of(&self, name: &str) -> Option<Vec<Option<i32>>> {
        let topic = self.topics.named(name)?;
        Some(topic.partitions.iter().map(Partition::leader).collect())
    }

    /// What a client is told that changes the records of a topic, if that is internal.
    pub(super) fn refuse_internal(name: &str) -> Result<(), ResponseError> {
        if is_internal(name) { Err(ResponseError::InvalidTopicException) } else { Ok(()) }
    }
}

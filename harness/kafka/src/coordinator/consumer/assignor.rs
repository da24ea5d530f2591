//! The server's assignors: who is to have which partition.
//!
//! An assignment is a table from topic and partition to the owner, so that computing one takes
//! time in proportion to its partitions and the members' subscriptions.

use kafka_protocol::protocol::StrBytes;
use uuid::Uuid;

mod range;
#[cfg(test)]
mod tests;
mod uneven;
mod uniform;

/// An assignor that the server offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::coordinator) enum Assignor {
    /// As many partitions for each member as for any other, moving as few as possible.
    Uniform,
    /// Of each topic a range of partitions for each member.
    Range,
}

impl Assignor {
    /// All, the default first.
    pub(in crate::coordinator) const ALL: [Self; 2] = [Self::Uniform, Self::Range];

    pub(in crate::coordinator) fn name(self) -> &'static str {
        match self {
            Self::Uniform => "uniform",
            Self::Range => "range",
        }
    }

    pub(in crate::coordinator) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|assignor| assignor.name() == name)
    }

    /// Computes an assignment from the one before.
    pub(super) fn assign(self, group: &Spec, before: Owners) -> Owners {
        if group.members.is_empty() || group.topics.is_empty() {
            return before;
        }
        match self {
            Self::Range => range::assign(group),
            Self::Uniform if group.homogeneous => uniform::assign(group, before),
            Self::Uniform => uneven::assign(group, before),
        }
    }
}

/// The owner of each partition of each topic of a [`Spec`], as places in its lists.
pub(super) type Owners = Vec<Vec<Option<usize>>>;

/// What is to be assigned to whom.
#[derive(Debug)]
pub(super) struct Spec {
    /// The topics that somebody is subscribed to, by id.
    pub(super) topics: Vec<TopicSpec>,
    /// By member id.
    pub(super) members: Vec<MemberSpec>,
    /// Whether all members are subscribed to the same topics.
    pub(super) homogeneous: bool,
}

/// A topic and its number of partitions.
#[derive(Debug)]
pub(super) struct TopicSpec {
    pub(super) id: Uuid,
    pub(super) partitions: usize,
}

/// A member and the places of its topics, ascending.
#[derive(Debug)]
pub(super) struct MemberSpec {
    pub(super) instance: Option<StrBytes>,
    pub(super) topics: Vec<usize>,
}

impl Spec {
    /// A table in which nothing is owned.
    pub(super) fn nobody(&self) -> Owners {
        self.topics.iter().map(|topic| vec![None; topic.partitions]).collect()
    }

    /// The places of the members subscribed to each topic, ascending.
    fn subscribers(&self) -> Vec<Vec<usize>> {
        let mut subscribers = vec![Vec::new(); self.topics.len()];
        for (index, member) in self.members.iter().enumerate() {
            for &topic in &member.topics {
                subscribers[topic].push(index);
            }
        }
        subscribers
    }
}

//! The target assignment: the assignor's work on what the members want and were to have before.

use std::collections::{BTreeMap, BTreeSet};

use kafka_protocol::protocol::StrBytes;
use uuid::Uuid;

use super::ConsumerGroup;
use super::assignor::{Assignor, MemberSpec, Owners, Spec, TopicSpec};
use super::member::{ConsumerMember, Partitions};
use crate::coordinator::catalog::Catalog;

impl ConsumerGroup {
    /// The assignor that most members ask for.
    pub(in crate::coordinator) fn assignor(&self) -> Assignor {
        let wishes = |assignor| {
            let wish = |member: &&ConsumerMember| member.assignor == Some(assignor);
            self.members.values().filter(wish).count()
        };
        if wishes(Assignor::Range) > wishes(Assignor::Uniform) {
            Assignor::Range
        } else {
            Assignor::Uniform
        }
    }

    /// Computes the targets of the group's epoch.
    pub(super) fn update_targets(&mut self, catalog: &Catalog) {
        self.target_epoch = self.epoch;
        let wanted: Vec<BTreeSet<Uuid>> =
            self.members.values().map(|member| self.wanted(member, catalog)).collect();
        let mut sizes: BTreeMap<Uuid, usize> = BTreeMap::new();
        for (_, topic) in catalog.iter() {
            sizes.insert(topic.id, usize::try_from(topic.partitions).unwrap_or(0));
        }
        let all: BTreeSet<Uuid> = wanted.iter().flatten().copied().collect();
        let places: BTreeMap<Uuid, usize> =
            all.iter().enumerate().map(|(place, id)| (*id, place)).collect();
        let size = |id: &Uuid| sizes.get(id).copied().unwrap_or(0);
        let topics = all.iter().map(|id| TopicSpec { id: *id, partitions: size(id) });
        let members = self.members.values().zip(&wanted).map(|(member, wanted)| MemberSpec {
            instance: member.instance.clone(),
            topics: wanted.iter().filter_map(|id| places.get(id).copied()).collect(),
        });
        let spec = Spec {
            topics: topics.collect(),
            members: members.collect(),
            homogeneous: self.subscriptions.homogeneous(self.members.len()),
        };
        let before = self.owners(&spec, &places);
        let owners = self.assignor().assign(&spec, before);
        let mut targets = vec![Partitions::new(); self.members.len()];
        for (topic, partitions) in spec.topics.iter().zip(owners) {
            for (partition, owner) in partitions.into_iter().enumerate() {
                if let Some(owner) = owner {
                    targets[owner].entry(topic.id).or_default().insert(partition as i32);
                }
            }
        }
        for (member, target) in self.members.values_mut().zip(targets) {
            member.target = target;
        }
    }

    /// The topics that the member is subscribed to and that exist.
    fn wanted(&self, member: &ConsumerMember, catalog: &Catalog) -> BTreeSet<Uuid> {
        let matched = member.subscribed_regex().and_then(|regex| self.subscriptions.matches(regex));
        let names = member.topics.iter().chain(matched.into_iter().flatten());
        names.filter_map(|name: &StrBytes| catalog.topic(name)).map(|topic| topic.id).collect()
    }

    /// The targets that there are, as far as the topics are still wanted.
    fn owners(&self, spec: &Spec, places: &BTreeMap<Uuid, usize>) -> Owners {
        let mut owners = spec.nobody();
        for (index, member) in self.members.values().enumerate() {
            for (topic, partitions) in &member.target {
                let Some(place) = places.get(topic) else { continue };
                for &partition in partitions {
                    let owner = usize::try_from(partition).ok();
                    let owner = owner.and_then(|partition| owners[*place].get_mut(partition));
                    if let Some(owner) = owner {
                        *owner = Some(index);
                    }
                }
            }
        }
        owners
    }
}

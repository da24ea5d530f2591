//! The state of all brokers in numbers, for the metrics. Walks over every partition and group, so
//! it is made only when somebody asks.

use std::collections::BTreeMap;

use super::Cluster;
use super::groups::slot;
use super::internal::is_internal;
use super::traffic::{InSyncChanges, Traffic};
use crate::coordinator::{GroupKind, GroupState};

/// One running broker in numbers.
#[derive(Debug, Default)]
pub(crate) struct BrokerSurvey {
    pub(crate) id: i32,
    pub(crate) controller: bool,
    /// Replicas kept, and of how many partitions the broker is the leader.
    pub(crate) replicas: usize,
    pub(crate) leaders: usize,
    /// Partitions led whose in-sync set is smaller than their set of replicas, smaller than
    /// `min.insync.replicas`, or just as large as that.
    pub(crate) under_replicated: usize,
    pub(crate) under_min_isr: usize,
    pub(crate) at_min_isr: usize,
    pub(crate) groups: BTreeMap<(GroupKind, GroupState), usize>,
    pub(crate) traffic: Traffic,
    pub(crate) in_sync_changes: InSyncChanges,
}

/// The cluster in numbers.
#[derive(Debug, Default)]
pub(crate) struct Survey {
    /// The brokers that run, by id.
    pub(crate) brokers: Vec<BrokerSurvey>,
    /// Topic name, broker, and what went through it.
    pub(crate) topics: Vec<(String, i32, Traffic)>,
    pub(crate) topics_count: usize,
    pub(crate) partitions: usize,
    /// Partitions without a leader that runs.
    pub(crate) offline_partitions: usize,
    /// Partitions led by another than their first replica.
    pub(crate) imbalanced: usize,
    pub(crate) brokers_active: usize,
    pub(crate) brokers_fenced: usize,
}

impl Cluster {
    /// Counts everything.
    pub(crate) fn survey(&self) -> Survey {
        let known: Vec<i32> = self.known_brokers().map(|(id, _)| id).collect();
        let running = self.brokers.keys().copied().filter(|&id| self.alive(id));
        let controller = known.first().copied();
        let mut brokers: BTreeMap<i32, BrokerSurvey> = running
            .map(|id| {
                let survey = BrokerSurvey {
                    id,
                    controller: Some(id) == controller,
                    traffic: self.traffic.of_broker(id),
                    in_sync_changes: self.traffic.in_sync_changes(id),
                    ..BrokerSurvey::default()
                };
                (id, survey)
            })
            .collect();
        let mut survey = Survey {
            brokers_active: known.len(),
            brokers_fenced: self.brokers.len() - known.len(),
            ..Survey::default()
        };
        self.survey_partitions(&mut survey, &mut brokers);
        for (group, kind, state) in self.coordinator.states() {
            let broker = self.coordinator_slots.get(slot(group)).copied().flatten();
            if let Some(broker) = broker.and_then(|id| brokers.get_mut(&id)) {
                *broker.groups.entry((kind, state)).or_default() += 1;
            }
        }
        survey.brokers = brokers.into_values().collect();
        let named = self.traffic.by_topic().filter_map(|(topic, broker, traffic)| {
            Some((self.topics.get(topic)?.name.to_string(), broker, traffic))
        });
        survey.topics = named.collect();
        survey
    }

    fn survey_partitions(&self, survey: &mut Survey, brokers: &mut BTreeMap<i32, BrokerSurvey>) {
        let topics = self.topics.iter().map(|(_, topic)| topic);
        for topic in topics.filter(|topic| !is_internal(&topic.name)) {
            survey.topics_count += 1;
            survey.partitions += topic.partitions.len();
            for partition in &topic.partitions {
                let record = &partition.registration;
                let (replicas, isr) = (record.replicas.len(), record.isr.len());
                let min_isr = topic.settings.min_insync_replicas.min(replicas);
                record.replicas.iter().for_each(|&id| {
                    if let Some(broker) = brokers.get_mut(&id) {
                        broker.replicas += 1;
                    }
                });
                let leader = partition.leader();
                survey.imbalanced += usize::from(leader != record.replicas.first().copied());
                match leader.and_then(|leader| brokers.get_mut(&leader)) {
                    Some(leader) => {
                        leader.leaders += 1;
                        leader.under_replicated += usize::from(isr < replicas);
                        leader.under_min_isr += usize::from(isr < min_isr);
                        leader.at_min_isr += usize::from(isr == min_isr);
                    }
                    None => survey.offline_partitions += 1,
                }
            }
        }
    }
}

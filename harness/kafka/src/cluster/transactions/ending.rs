//! How a transaction that is prepared comes to its end: each participant gets its marker, again
//! and again until it has it, then the transaction is complete and who waited for that goes on.

use kafka_protocol::ResponseError;
use kafka_protocol::protocol::StrBytes;

use super::markers::{Outcome, Purpose};
use super::{Answer, Cluster, RETRY_PERIOD, Timer};
use crate::log::Marker;
use crate::transactions::{Participant, ProducerKey};

impl Cluster {
    /// Carries on with everything that the changes made so far allow.
    pub(in super::super) fn settle_transactions(&mut self, answers: &mut Vec<Answer>) {
        loop {
            let prepared = self.transactions.coordinator.take_prepared();
            let touched = !self.transactions.markers.touched.is_empty();
            if prepared.is_empty() && !touched && self.transactions.completed.is_empty() {
                break;
            }
            for id in prepared {
                self.end_participants(&id);
            }
            self.follow_markers();
            self.admit_waiting(answers);
        }
        if !self.transactions.marker_requests.is_empty() {
            self.answer_markers(answers);
        }
    }

    /// Writes the markers of a transaction to all that have none yet.
    fn end_participants(&mut self, id: &StrBytes) {
        let Some(completion) = self.transactions.coordinator.completion(id) else { return };
        let participants: Vec<Participant> = completion.participants.iter().cloned().collect();
        for participant in participants {
            self.end_participant(id, participant);
        }
        if self.transactions.coordinator.complete_if_marked(self.now, id) {
            self.transactions.completed.push(id.clone());
        }
    }

    fn end_participant(&mut self, id: &StrBytes, participant: Participant) {
        let Some(completion) = self.transactions.coordinator.completion(id) else { return };
        let (producer, commit) = (completion.producer, completion.commit);
        if !completion.participants.contains(&participant) {
            return;
        }
        let Some((coordinator, coordinator_epoch)) = self.transaction_coordinator(id) else {
            return self.retry_marker(id.clone(), participant);
        };
        let marker = Marker { commit, coordinator_epoch };
        let outcome = match &participant {
            Participant::Offsets(slot) => {
                self.end_pending_offsets(coordinator, *slot, producer, commit)
            }
            Participant::Partition(topic, index) => {
                let leader = self.leader_of(coordinator, topic, *index);
                match leader {
                    Err(gone) => gone,
                    Ok((broker, key)) => {
                        let purpose = Purpose::Transaction(id.clone(), participant.clone());
                        self.append_marker(broker, key, (producer, marker), purpose)
                    }
                }
            }
        };
        match outcome {
            Outcome::Done => self.participant_ended(id, &participant),
            Outcome::Pending => {}
            // Another coordinator has come in between; the transaction is its own.
            Outcome::Failed(
                ResponseError::InvalidProducerEpoch | ResponseError::TransactionCoordinatorFenced,
            ) => {}
            Outcome::Failed(_) => self.retry_marker(id.clone(), participant),
        }
    }

    /// The leader that the coordinator reaches, or what to do without one. A topic that was deleted needs no marker.
    fn leader_of(
        &self,
        coordinator: i32,
        topic: &str,
        index: i32,
    ) -> Result<(i32, (u32, i32)), Outcome> {
        let Some(topic) = self.topics.index(topic) else { return Err(Outcome::Done) };
        let position = usize::try_from(index).unwrap_or(usize::MAX);
        let known = self.topics.get(topic).and_then(|topic| topic.partitions.get(position));
        let Some(partition) = known else { return Err(Outcome::Done) };
        match partition.leader().filter(|&leader| self.reaches(coordinator, leader)) {
            Some(leader) => Ok((leader, (topic, index))),
            None => Err(Outcome::Failed(ResponseError::NotLeaderOrFollower)),
        }
    }

    fn end_pending_offsets(
        &mut self,
        coordinator: i32,
        slot: i32,
        producer: ProducerKey,
        commit: bool,
    ) -> Outcome {
        let groups = usize::try_from(slot).ok().and_then(|slot| self.group_coordinator(slot));
        if !groups.is_some_and(|broker| self.reaches(coordinator, broker)) {
            return Outcome::Failed(ResponseError::NotCoordinator);
        }
        self.end_offsets(slot, producer.id, commit);
        Outcome::Done
    }

    /// A participant has its marker for good.
    pub(super) fn participant_ended(&mut self, id: &StrBytes, participant: &Participant) {
        if self.transactions.coordinator.marked(self.now, id, participant) {
            self.transactions.completed.push(id.clone());
        }
    }

    pub(super) fn retry_marker(&mut self, id: StrBytes, participant: Participant) {
        let retries = &mut self.transactions.markers.retries;
        if retries.is_empty() {
            self.timers.insert((self.now + RETRY_PERIOD, Timer::Markers));
        }
        retries.insert((id, participant));
    }

    /// Tries the markers again that could not be written.
    pub(in super::super) fn retry_markers(&mut self) {
        for (id, participant) in std::mem::take(&mut self.transactions.markers.retries) {
            self.end_participant(&id, participant);
        }
    }

    /// Coordinators have moved: the new ones write all markers that may be missing.
    pub(super) fn end_again(&mut self) {
        let completing: Vec<StrBytes> =
            self.transactions.coordinator.completing().cloned().collect();
        for id in completing {
            self.end_participants(&id);
        }
    }
}

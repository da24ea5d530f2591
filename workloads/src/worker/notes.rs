//! The notes of [`Attempts`], kept by the brokers with the group's committed offsets.

use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer, ConsumerContext};
use rdkafka::error::KafkaResult;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::attempts::{Attempts, Care, Note};
use super::commit::Positions;

/// How long brokers may take to say what is committed, and where a log ends.
const ASK_LIMIT: Duration = Duration::from_secs(5);

/// Writes and reads notes. What cannot be written or read is no reason to stop: one more worker
/// may die then.
pub(crate) struct Notes {
    attempts: Attempts,
    topic: String,
}

impl Notes {
    /// Lets a record kill so many workers that were careful.
    pub(crate) fn new(attempts: u32, topic: &str) -> Self {
        Self { attempts: Attempts::new(attempts), topic: topic.to_owned() }
    }

    /// Partitions were taken on: reads what their last workers left, and notes that they have
    /// another.
    pub(crate) fn taken_on<C: ConsumerContext>(
        &mut self,
        consumer: &BaseConsumer<C>,
        partitions: TopicPartitionList,
    ) -> KafkaResult<()> {
        let mut taken = TopicPartitionList::new();
        for element in consumer.committed_offsets(partitions, ASK_LIMIT)?.elements() {
            let partition = element.partition();
            let ends = || consumer.fetch_watermarks(&self.topic, partition, ASK_LIMIT);
            let position = match element.offset() {
                Offset::Offset(position) => position,
                // Nothing is committed: it reads from the start.
                _ => ends()?.0,
            };
            if let Ok(note) = element.metadata().parse::<Note>() {
                self.attempts.suspect(partition, note, ends()?.1);
            }
            let note = self.attempts.settle(partition, position);
            self.add(&mut taken, partition, (position, Some(note)))?;
        }
        consumer.commit(&taken, CommitMode::Sync)
    }

    /// A record is about to be processed, which is noted if it may be one that kills.
    pub(crate) fn begin<C: ConsumerContext>(
        &mut self,
        consumer: &BaseConsumer<C>,
        (partition, offset): (i32, i64),
    ) -> KafkaResult<Care> {
        let care = self.attempts.begin(partition, offset);
        if care == Care::Note {
            self.commit(consumer, &self.attempts.suspected())?;
        }
        Ok(care)
    }

    /// The worker has got past what its predecessor was at, and what is before that is settled.
    pub(crate) fn past<C: ConsumerContext>(
        &mut self,
        consumer: &BaseConsumer<C>,
        partition: i32,
    ) -> KafkaResult<()> {
        let Some((position, _)) = self.attempts.state(partition) else { return Ok(()) };
        let note = self.attempts.settle(partition, position);
        let mut list = TopicPartitionList::new();
        self.add(&mut list, partition, (position, Some(note)))?;
        consumer.commit(&list, CommitMode::Sync)
    }

    /// Positions that may be committed, with their notes.
    pub(crate) fn settle(&mut self, positions: &Positions) -> KafkaResult<TopicPartitionList> {
        let mut list = TopicPartitionList::with_capacity(positions.len());
        for (&partition, &position) in positions {
            let note = self.attempts.settle(partition, position);
            self.add(&mut list, partition, (position, Some(note)))?;
        }
        Ok(list)
    }

    /// The partitions that were taken on.
    pub(crate) fn partitions(&self) -> Vec<i32> {
        self.attempts.partitions()
    }

    /// Partitions are given up.
    pub(crate) fn forget(&mut self, partitions: &[i32]) {
        partitions.iter().for_each(|&partition| self.attempts.forget(partition));
    }

    /// Commits what these partitions have, with a note only while one is needed: before they are
    /// given up that takes the others back.
    pub(crate) fn commit<C: ConsumerContext>(
        &self,
        consumer: &BaseConsumer<C>,
        partitions: &[i32],
    ) -> KafkaResult<()> {
        let mut list = TopicPartitionList::with_capacity(partitions.len());
        for &partition in partitions {
            if let Some(state) = self.attempts.state(partition) {
                self.add(&mut list, partition, state)?;
            }
        }
        if list.count() == 0 { Ok(()) } else { consumer.commit(&list, CommitMode::Sync) }
    }

    fn add(
        &self,
        list: &mut TopicPartitionList,
        partition: i32,
        (position, note): (i64, Option<Note>),
    ) -> KafkaResult<()> {
        let mut element = list.add_partition(&self.topic, partition);
        element.set_offset(Offset::Offset(position))?;
        note.into_iter().for_each(|note| element.set_metadata(note.text()));
        Ok(())
    }
}

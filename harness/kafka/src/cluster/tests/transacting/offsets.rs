//! Offsets that a transaction commits for a group.

use super::*;
use crate::cluster::groups::slot;

impl World {
    fn group_coordinator(&self) -> i32 {
        self.cluster.group_coordinator(slot("g")).unwrap()
    }

    fn commit(&mut self, version: i16, me: Me, offset: i64, generation: i32) -> i16 {
        let partition = TxnOffsetCommitRequestPartition::default().with_committed_offset(offset);
        let topic = TxnOffsetCommitRequestTopic::default().with_name(name("t"));
        let request = TxnOffsetCommitRequest::default()
            .with_transactional_id(x())
            .with_group_id(GroupId(text("g")))
            .with_producer_id(ProducerId(me.id))
            .with_producer_epoch(me.epoch)
            .with_topics(vec![topic.with_partitions(vec![partition])]);
        let request = if version >= 3 { request.with_generation_id(generation) } else { request };
        let answer = self.ask(self.group_coordinator(), version, &request);
        answer.topics[0].partitions[0].error_code
    }

    /// The committed offset and the error of partition 0, as a careful consumer asks.
    fn committed(&mut self, stable: bool) -> (i64, i16) {
        let topic = OffsetFetchRequestTopics::default().with_name(name("t"));
        let group = OffsetFetchRequestGroup::default().with_group_id(GroupId(text("g")));
        let group = group.with_topics(Some(vec![topic.with_partition_indexes(vec![0])]));
        let request =
            OffsetFetchRequest::default().with_groups(vec![group]).with_require_stable(stable);
        let answer = self.ask(self.group_coordinator(), 8, &request);
        let partition = &answer.groups[0].topics[0].partitions[0];
        (partition.committed_offset, partition.error_code)
    }
}

const UNSTABLE: (i64, i16) = (-1, 88);

#[test]
fn offsets_count_from_the_commit_on() {
    let mut world = World::with_topic();
    let me = world.init().unwrap();
    assert_eq!(world.commit(5, me, 7, -1), 0);
    assert_eq!(world.transaction().partitions[0].0, "__consumer_offsets");
    assert_eq!((world.committed(false), world.committed(true)), ((-1, 0), UNSTABLE));
    let me = world.end(me, true).unwrap();
    assert_eq!(world.committed(true), (7, 0));

    assert_eq!(world.commit(5, me, 9, -1), 0);
    assert_eq!((world.committed(false), world.committed(true)), ((7, 0), UNSTABLE));
    world.end(me, false).unwrap();
    assert_eq!(world.committed(true), (7, 0), "an abort drops them");
}

#[test]
fn older_clients_add_the_group_first() {
    let mut world = World::with_topic();
    let me = world.init().unwrap();
    assert_eq!(world.commit(3, me, 7, -1), ResponseError::InvalidTxnState.code());
    assert_eq!(world.commit(4, me, 7, -1), ResponseError::TransactionAbortable.code());
    let request = AddOffsetsToTxnRequest::default()
        .with_transactional_id(x())
        .with_producer_id(ProducerId(me.id))
        .with_producer_epoch(me.epoch)
        .with_group_id(GroupId(text("g")));
    let coordinator = world.coordinator();
    assert_eq!(world.ask(coordinator, 3, &request).error_code, 0);
    assert_eq!(world.commit(2, me, 7, -1), 0);
    world.end_in(3, me, true).unwrap();
    assert_eq!(world.committed(true), (7, 0));
}

#[test]
fn a_zombie_and_an_old_generation_commit_nothing() {
    let mut world = World::with_topic();
    let zombie = world.init().unwrap();
    let me = world.init().unwrap();
    let fenced = ResponseError::InvalidProducerEpoch.code();
    assert_eq!(world.commit(5, zombie, 7, -1), fenced);
    let generation = ResponseError::IllegalGeneration.code();
    assert_eq!(world.commit(5, me, 7, 3), generation, "there is no such group");
    assert_eq!(world.commit(5, me, 7, -1), 0);
    assert_eq!(world.commit(5, me, 8, 3), ResponseError::UnknownMemberId.code());
    world.end(me, true).unwrap();
    assert_eq!(world.committed(true), (7, 0));
}

#[test]
fn of_two_commits_the_later_counts() {
    let mut world = World::with_topic();
    let me = world.init().unwrap();
    assert_eq!(world.commit(5, me, 7, -1), 0);
    let partition = offset_commit_request::OffsetCommitRequestPartition::default();
    let topic = offset_commit_request::OffsetCommitRequestTopic::default().with_name(name("t"));
    let topic = topic.with_partitions(vec![partition.with_committed_offset(20)]);
    let request = OffsetCommitRequest::default()
        .with_group_id(GroupId(text("g")))
        .with_generation_id_or_member_epoch(-1)
        .with_topics(vec![topic]);
    let coordinator = world.group_coordinator();
    assert_eq!(world.ask(coordinator, 8, &request).topics[0].partitions[0].error_code, 0);
    assert_eq!(world.committed(false), (20, 0));
    world.end(me, true).unwrap();
    assert_eq!(world.committed(true), (20, 0));
}

#[test]
fn pending_offsets_survive_their_coordinator() {
    let mut world = World::with_topic();
    let me = world.init().unwrap();
    assert_eq!(world.commit(5, me, 7, -1), 0);
    let (groups, transactions) = (world.group_coordinator(), world.coordinator());
    world.cluster.crash(world.now, groups).unwrap();
    if groups != transactions {
        world.end(me, true).unwrap();
        assert_eq!(world.state(), TransactionState::PrepareCommit, "the group waits for a broker");
    }
    world.pass(SECOND);
    if groups == transactions {
        world.end(me, true).unwrap();
    }
    assert_eq!((world.state(), world.committed(true)), (CompleteCommit, (7, 0)));
}

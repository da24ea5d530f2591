//! Offsets end by age when nobody uses them, by request, and with their topic.

use kafka_protocol::messages::offset_delete_request::{
    OffsetDeleteRequestPartition, OffsetDeleteRequestTopic,
};
use kafka_protocol::messages::{OffsetDeleteRequest, OffsetDeleteResponse};

use super::consumers::Consumer;
use super::*;

const DAY: Duration = Duration::from_secs(24 * 3600);
const NON_EMPTY_GROUP: i16 = 68;
const GROUP_ID_NOT_FOUND: i16 = 69;
const GROUP_SUBSCRIBED_TO_TOPIC: i16 = 86;
const OFFSET_METADATA_TOO_LARGE: i16 = 12;

/// A subscription to "orders" in the consumer protocol.
const SUBSCRIPTION: &str = "\0\0\0\0\0\x01\0\x06orders\0\0\0\0";
/// A subscription to "others".
const OTHERS: &str = "\0\0\0\0\0\x01\0\x06others\0\0\0\0";

impl Jig {
    /// Lets time pass while offsets are looked at.
    fn age(&mut self, time: Duration, clients: &[&Client]) {
        let until = self.now + time;
        while self.now < until {
            self.pass_beating(Duration::from_secs(5).min(until - self.now), clients);
            self.coordinator.expire_offsets(self.now);
        }
    }

    fn committed(&self) -> Option<i64> {
        self.coordinator.committed(GROUP, "orders", 0)
    }

    fn delete_offset(&mut self) -> OffsetDeleteResponse {
        let partition = OffsetDeleteRequestPartition::default().with_partition_index(0);
        let topic = OffsetDeleteRequestTopic::default().with_name(text("orders").into());
        let request = OffsetDeleteRequest::default()
            .with_group_id(text(GROUP).into())
            .with_topics(vec![topic.with_partitions(vec![partition])]);
        let ticket = self.submit(|coordinator, _, ticket, replies| {
            coordinator.offset_delete(ticket, &request, replies);
        });
        match self.answers.get(&ticket) {
            Some(ReplyBody::OffsetDelete(response)) => response.clone(),
            other => panic!("an offset delete is answered at once, got {other:?}"),
        }
    }
}

fn jig() -> Jig {
    Jig::with(|config| config.offsets_retention = DAY)
}

fn subscriber(name: &str, subscription: &'static str) -> Client {
    Client { protocols: vec![("range", subscription)], ..Client::new(name) }
}

/// Commits for a group that only keeps offsets.
fn nobody() -> Client {
    Client { generation: -1, ..Client::default() }
}

#[test]
fn offsets_without_members_live_from_their_commit() {
    let mut jig = jig();
    assert_eq!(jig.commit(&nobody(), 5), NONE);
    jig.age(DAY - SECOND, &[]);
    assert_eq!(jig.committed(), Some(5));
    jig.commit(&nobody(), 6);
    jig.age(DAY - SECOND, &[]);
    assert_eq!(jig.committed(), Some(6));
    jig.age(DAY, &[]);
    assert!(jig.coordinator.view(GROUP).is_none(), "nothing is left of the group");
}

#[test]
fn offsets_of_a_group_live_from_its_last_members_end() {
    let mut jig = jig();
    let mut one = subscriber("one", SUBSCRIPTION);
    jig.settle(&mut [&mut one]);
    jig.commit(&one, 5);
    jig.pass_beating(DAY / 24, &[&one]);
    jig.leave(&[&one]);
    jig.age(DAY - SECOND, &[]);
    assert_eq!(jig.committed(), Some(5));
    jig.age(DAY / 12, &[]);
    assert!(jig.coordinator.view(GROUP).is_none());
}

#[test]
fn an_empty_group_keeps_its_generation_until_the_first_look_for_what_is_over() {
    let mut jig = jig();
    let mut one = Client::new("one");
    jig.settle(&mut [&mut one]);
    jig.leave(&[&one]);
    let generation = jig.view().generation;
    jig.age(10 * SECOND, &[]);
    jig.settle(&mut [&mut Client::new("two")]);
    assert!(jig.view().generation > generation, "it does not begin at 1 again");
}

#[test]
fn only_offsets_of_topics_that_nobody_wants_age_while_members_are_there() {
    for (subscription, kept) in [(SUBSCRIPTION, Some(5)), (OTHERS, None)] {
        let mut jig = Jig::with(|config| config.offsets_retention = 100 * SECOND);
        let mut one = subscriber("one", subscription);
        jig.settle(&mut [&mut one]);
        jig.commit(&one, 5);
        jig.age(400 * SECOND, &[&one]);
        assert_eq!(jig.committed(), kept);
    }
}

#[test]
fn a_group_whose_subscription_is_not_understood_keeps_its_offsets() {
    let mut jig = Jig::with(|config| config.offsets_retention = 100 * SECOND);
    let mut one = Client::new("one");
    jig.settle(&mut [&mut one]);
    jig.commit(&one, 5);
    jig.age(400 * SECOND, &[&one]);
    assert_eq!(jig.committed(), Some(5));
}

#[test]
fn consumer_groups_offsets_live_from_their_commit_if_nobody_wants_them() {
    let mut jig = jig();
    jig.know(&[("orders", 1), ("others", 1)]);
    jig.commit(&nobody(), 5);
    let mut one = Consumer::subscribed_to("one", &["orders"]);
    one.beat(&mut jig);
    jig.now += 2 * DAY;
    jig.coordinator.expire_offsets(jig.now);
    assert_eq!(jig.committed(), Some(5));
    one.topics = vec!["others"];
    one.beat(&mut jig);
    jig.now += DAY;
    jig.coordinator.expire_offsets(jig.now);
    assert_eq!(jig.committed(), None);
}

#[test]
fn offsets_are_deleted_only_where_nobody_is_subscribed() {
    let mut jig = jig();
    assert_eq!(jig.delete_offset().error_code, GROUP_ID_NOT_FOUND);
    jig.commit(&nobody(), 5);
    assert_eq!(jig.delete_offset().topics[0].partitions[0].error_code, NONE);
    assert_eq!(jig.committed(), None);
    let mut one = subscriber("one", SUBSCRIPTION);
    jig.settle(&mut [&mut one]);
    jig.commit(&one, 6);
    let refused = jig.delete_offset().topics[0].partitions[0].error_code;
    assert_eq!((refused, jig.committed()), (GROUP_SUBSCRIBED_TO_TOPIC, Some(6)));
    jig.leave(&[&one]);
    assert_eq!(jig.delete_offset().topics[0].partitions[0].error_code, NONE);
    assert_eq!(jig.committed(), None);
}

#[test]
fn offsets_of_groups_of_another_protocol_are_deleted_only_without_members() {
    let mut jig = jig();
    let mut request = Client::new("worker").join_request();
    request.protocol_type = text("connect");
    let info = ClientInfo { client_id: "worker".to_owned(), host: "127.0.0.1".to_owned() };
    jig.submit(|coordinator, now, ticket, replies| {
        coordinator.join_group(now, ticket, 3, &info, request, replies);
    });
    assert_eq!(jig.delete_offset().error_code, NON_EMPTY_GROUP);
}

#[test]
fn offsets_go_with_their_topic() {
    let mut jig = jig();
    jig.know(&[("orders", 1), ("others", 1)]);
    jig.commit(&nobody(), 5);
    jig.know(&[("orders", 1)]);
    assert_eq!(jig.committed(), Some(5));
    jig.know(&[("others", 1)]);
    assert_eq!(jig.committed(), None);
}

#[test]
fn metadata_has_its_bound() {
    let mut jig = Jig::with(|config| config.offset_metadata_bytes_max = 3);
    let mut commit = |metadata: &str| {
        let mut request = nobody().commit_request(5);
        request.topics[0].partitions[0].committed_metadata = Some(text(metadata));
        let ticket = jig.submit(|coordinator, now, ticket, replies| {
            coordinator.offset_commit(now, ticket, 9, request, replies);
        });
        match jig.answers.get(&ticket) {
            Some(ReplyBody::OffsetCommit(answer)) => answer.topics[0].partitions[0].error_code,
            other => panic!("a commit is answered at once, got {other:?}"),
        }
    };
    assert_eq!(commit("abc"), NONE);
    assert_eq!(commit("abcd"), OFFSET_METADATA_TOO_LARGE);
}

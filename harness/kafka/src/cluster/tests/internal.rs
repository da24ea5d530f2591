//! Kafka's internal topics.

use kafka_protocol::messages::metadata_response::MetadataResponseTopic;
use kafka_protocol::messages::{FindCoordinatorRequest, MetadataRequest};

use super::super::groups::slot;
use super::*;

const OFFSETS: &str = "__consumer_offsets";

impl World {
    fn internal_coordinator(&mut self, key_type: i8) -> i32 {
        let keys = vec![StrBytes::from_static_str("g")];
        let request = FindCoordinatorRequest::default().with_key_type(key_type);
        let answer = self.ask(2, 4, &request.with_coordinator_keys(keys));
        answer.coordinators[0].node_id.0
    }

    fn described(&mut self, topic: &str) -> MetadataResponseTopic {
        let wanted = kafka_protocol::messages::metadata_request::MetadataRequestTopic::default();
        let wanted = wanted.with_name(Some(name(topic)));
        let request = MetadataRequest::default().with_topics(Some(vec![wanted]));
        self.ask(2, 9, &request).topics.remove(0)
    }
}

#[test]
fn an_internal_topic_begins_with_its_first_use() {
    let mut world = World::with_topic();
    let absent = world.described(OFFSETS);
    assert_eq!(absent.error_code, ResponseError::UnknownTopicOrPartition.code());
    assert!(absent.is_internal);
    for (key_type, topic) in [(0, OFFSETS), (1, "__transaction_state")] {
        let coordinator = world.internal_coordinator(key_type);
        let described = world.described(topic);
        assert!(described.is_internal && described.partitions.len() == 50);
        assert_eq!(described.partitions[slot("g")].leader_id.0, coordinator);
    }
    assert_eq!(world.cluster.survey().topics_count, 1, "only the caller's topic");
}

#[test]
fn the_leader_of_a_partition_coordinates_its_slot() {
    let mut world = World::with_topic();
    let first = world.internal_coordinator(0);
    let index = slot("g") as i32;
    let (cluster, late) = (&mut world.cluster, &mut world.late);
    let moved = cluster.move_leader(OFFSETS, index, None, late).unwrap();
    assert_eq!(moved.from, Some(first));
    assert_eq!(world.internal_coordinator(0), moved.to);
    if moved.to == 2 {
        world.cluster.move_leader(OFFSETS, index, Some(first), &mut world.late).unwrap();
    }
    let leader = world.internal_coordinator(0);
    let led = world.cluster.partitions("t").unwrap();
    let led = led.iter().filter(|partition| partition.leader == Some(leader)).count();
    assert_eq!(world.cluster.crash(world.now, leader).unwrap(), led, "internal ones do not count");
    world.pass(SECOND);
    let next = world.internal_coordinator(0);
    assert_ne!(next, leader);
    assert_eq!(world.described(OFFSETS).partitions[slot("g")].leader_id.0, next);
}

#[test]
fn clients_do_not_write_to_an_internal_topic() {
    let mut world = World::with_topic();
    world.internal_coordinator(0);
    let mut request = produce_request(0, -1, sample(1, None, 9));
    request.topic_data[0].name = name(OFFSETS);
    for broker in 1..=3 {
        let answer = world.ask(broker, 9, &request);
        let refused = ResponseError::InvalidTopicException.code();
        assert_eq!(answer.responses[0].partition_responses[0].error_code, refused);
    }
}

//! Consumer groups (KIP-848): epochs, revocation before assignment, fencing.

use kafka_protocol::messages::consumer_group_describe_response::TopicPartitions as DescribedPartitions;
use kafka_protocol::messages::consumer_group_heartbeat_request::TopicPartitions;
use kafka_protocol::messages::{
    ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse, ConsumerGroupHeartbeatRequest,
    ConsumerGroupHeartbeatResponse, GroupId, TopicName,
};
use uuid::Uuid;

use super::*;

pub(super) const INVALID_REQUEST: i16 = 42;
pub(super) const GROUP_ID_NOT_FOUND: i16 = 69;
pub(super) const FENCED_MEMBER_EPOCH: i16 = 110;
pub(super) const UNRELEASED_INSTANCE_ID: i16 = 111;
pub(super) const UNSUPPORTED_ASSIGNOR: i16 = 112;
pub(super) const STALE_MEMBER_EPOCH: i16 = 113;
pub(super) const INVALID_REGULAR_EXPRESSION: i16 = 128;

/// A topic's id is its place in the list, so that tests can name it.
pub(super) fn topic_id(name: &str) -> Uuid {
    Uuid::from_u128(name.bytes().fold(1, |hash, byte| hash * 256 + u128::from(byte)))
}

impl Jig {
    /// Tells the coordinator the topics there are.
    pub(super) fn know(&mut self, topics: &[(&str, i32)]) {
        let created = self.coordinator.catalog_version().created + 1;
        let partitions = topics.iter().map(|(_, count)| *count as usize).sum();
        let version = CatalogVersion { created, topics: topics.len(), partitions };
        let entries = topics.iter().map(|(name, partitions)| {
            (text(name), CatalogTopic { id: topic_id(name), partitions: *partitions })
        });
        self.coordinator.know_topics(Catalog::new(version, entries));
    }

    pub(super) fn beat_raw(
        &mut self,
        version: i16,
        request: ConsumerGroupHeartbeatRequest,
    ) -> ConsumerGroupHeartbeatResponse {
        let info = ClientInfo { client_id: "client".to_owned(), host: "127.0.0.1".to_owned() };
        let ticket = self.submit(|coordinator, now, ticket, replies| {
            coordinator.consumer_heartbeat(now, ticket, version, &info, request, replies);
        });
        match self.answers.remove(&ticket) {
            Some(ReplyBody::ConsumerGroupHeartbeat(response)) => response,
            other => panic!("a heartbeat is answered at once, got {other:?}"),
        }
    }

    pub(super) fn describe_consumers(&mut self, group: &str) -> ConsumerGroupDescribeResponse {
        let groups = vec![GroupId(text(group))];
        let request = ConsumerGroupDescribeRequest::default().with_group_ids(groups);
        let ticket = self.submit(|coordinator, _, ticket, replies| {
            coordinator.describe_consumer_groups(ticket, &request, replies);
        });
        match self.answers.remove(&ticket) {
            Some(ReplyBody::ConsumerGroupDescribe(response)) => response,
            other => panic!("a describe is answered at once, got {other:?}"),
        }
    }
}

/// A client of the consumer protocol: it owns what it was last assigned, and gives up at once.
#[derive(Debug, Clone)]
pub(super) struct Consumer {
    pub(super) id: StrBytes,
    pub(super) instance: Option<StrBytes>,
    pub(super) topics: Vec<&'static str>,
    pub(super) regex: Option<&'static str>,
    pub(super) assignor: Option<&'static str>,
    pub(super) epoch: i32,
    pub(super) owned: Vec<(Uuid, i32)>,
}

impl Consumer {
    pub(super) fn new(id: &str) -> Self {
        Self {
            id: text(id),
            instance: None,
            topics: vec!["orders"],
            regex: None,
            assignor: None,
            epoch: 0,
            owned: Vec::new(),
        }
    }

    pub(super) fn with_instance(id: &str, instance: &str) -> Self {
        Self { instance: Some(text(instance)), ..Self::new(id) }
    }

    pub(super) fn subscribed_to(id: &str, topics: &[&'static str]) -> Self {
        Self { topics: topics.to_vec(), ..Self::new(id) }
    }

    fn owned_topics(&self) -> Vec<TopicPartitions> {
        let mut topics: BTreeMap<Uuid, Vec<i32>> = BTreeMap::new();
        for (topic, partition) in &self.owned {
            topics.entry(*topic).or_default().push(*partition);
        }
        let topics = topics.into_iter().map(|(topic, partitions)| {
            TopicPartitions::default().with_topic_id(topic).with_partitions(partitions)
        });
        topics.collect()
    }

    /// A request that says everything.
    pub(super) fn request(&self) -> ConsumerGroupHeartbeatRequest {
        let topics = self.topics.iter().map(|name| TopicName(text(name))).collect();
        ConsumerGroupHeartbeatRequest::default()
            .with_group_id(text(GROUP).into())
            .with_member_id(self.id.clone())
            .with_member_epoch(self.epoch)
            .with_instance_id(self.instance.clone())
            .with_rebalance_timeout_ms(REBALANCE.as_millis() as i32)
            .with_subscribed_topic_names(Some(topics))
            .with_subscribed_topic_regex(self.regex.map(text))
            .with_server_assignor(self.assignor.map(text))
            .with_topic_partitions(Some(self.owned_topics()))
    }

    /// A request that only keeps the session.
    pub(super) fn bare(&self) -> ConsumerGroupHeartbeatRequest {
        ConsumerGroupHeartbeatRequest::default()
            .with_group_id(text(GROUP).into())
            .with_member_id(self.id.clone())
            .with_member_epoch(self.epoch)
            .with_instance_id(self.instance.clone())
    }

    /// Takes an answer: its epoch, and its assignment in full.
    pub(super) fn take(&mut self, response: &ConsumerGroupHeartbeatResponse) {
        assert_eq!(response.error_code, NONE, "{:?}", response.error_message);
        self.id = response.member_id.clone().unwrap();
        self.epoch = response.member_epoch;
        if let Some(assignment) = &response.assignment {
            let topics = assignment.topic_partitions.iter();
            let each = topics.flat_map(|topic| {
                topic.partitions.iter().map(|partition| (topic.topic_id, *partition))
            });
            self.owned = each.collect();
        }
    }

    /// Sends what it is and takes the answer.
    pub(super) fn beat(&mut self, jig: &mut Jig) {
        let response = jig.beat_raw(1, self.request());
        self.take(&response);
    }

    pub(super) fn leave(&mut self, jig: &mut Jig, epoch: i32) {
        let response = jig.beat_raw(1, self.bare().with_member_epoch(epoch));
        assert_eq!((response.error_code, response.member_epoch), (NONE, epoch));
        (self.epoch, self.owned) = (0, Vec::new());
    }
}

/// Everybody beats in turn until the group is stable and nobody changes.
pub(super) fn settle(jig: &mut Jig, consumers: &mut [&mut Consumer]) -> usize {
    for round in 1..=10 {
        for consumer in consumers.iter_mut() {
            consumer.beat(jig);
        }
        if jig.view().state == GroupState::Stable {
            return round;
        }
    }
    panic!("the group does not settle: {:?}", jig.view());
}

fn counts(consumers: &[&Consumer]) -> Vec<usize> {
    consumers.iter().map(|consumer| consumer.owned.len()).collect()
}

#[test]
fn one_member_gets_everything_with_its_first_heartbeat() {
    let mut jig = Jig::new();
    jig.know(&[("orders", 3)]);
    let mut one = Consumer::new("one");
    let response = jig.beat_raw(1, one.request());
    one.take(&response);
    assert_eq!((one.epoch, one.owned.len()), (1, 3));
    assert_eq!(response.heartbeat_interval_ms, 5_000);
    let view = jig.view();
    assert_eq!((view.kind, view.state), (GroupKind::Consumer, GroupState::Stable));
    assert_eq!((view.generation, view.assignment_epoch), (1, 1));
    let bare = jig.beat_raw(1, one.bare());
    assert!(bare.assignment.is_none(), "nothing changed");
}

#[test]
fn a_partition_is_revoked_before_it_is_assigned() {
    let mut jig = Jig::new();
    jig.know(&[("orders", 4)]);
    let (mut one, mut two) = (Consumer::new("one"), Consumer::new("two"));
    one.beat(&mut jig);
    two.beat(&mut jig);
    assert_eq!((two.epoch, two.owned.len()), (2, 0), "one has not given anything up");
    let before = one.owned.clone();
    let asked = jig.beat_raw(1, one.request());
    assert_eq!(asked.member_epoch, 1, "it stays in its epoch until it has revoked");
    two.beat(&mut jig);
    assert_eq!(two.owned.len(), 0, "still not given up");
    one.take(&asked);
    assert_eq!(one.owned.len(), 2);
    assert!(one.owned.iter().all(|partition| before.contains(partition)), "it keeps its own");
    one.beat(&mut jig);
    assert_eq!(one.epoch, 2);
    two.beat(&mut jig);
    assert_eq!(counts(&[&one, &two]), [2, 2]);
    assert_eq!(jig.view().state, GroupState::Stable);
}

#[test]
fn who_does_not_revoke_within_the_rebalance_timeout_is_removed() {
    let mut jig = Jig::new();
    jig.know(&[("orders", 4)]);
    let (mut one, mut two) = (Consumer::new("one"), Consumer::new("two"));
    one.beat(&mut jig);
    two.beat(&mut jig);
    jig.beat_raw(1, one.request());
    for _ in 0..REBALANCE.as_secs() {
        jig.pass(SECOND);
        jig.beat_raw(1, one.bare());
        two.beat(&mut jig);
    }
    two.beat(&mut jig);
    assert_eq!(two.owned.len(), 4);
    assert_eq!(jig.beat_raw(1, one.bare()).error_code, UNKNOWN_MEMBER_ID);
}

#[test]
fn a_silent_members_partitions_go_to_the_others() {
    let mut jig = Jig::new();
    jig.know(&[("orders", 4)]);
    let (mut one, mut two) = (Consumer::new("one"), Consumer::new("two"));
    settle(&mut jig, &mut [&mut one, &mut two]);
    for _ in 0..46 {
        jig.pass(SECOND);
        two.beat(&mut jig);
    }
    assert_eq!(two.owned.len(), 4);
    assert_eq!(jig.beat_raw(1, one.bare()).error_code, UNKNOWN_MEMBER_ID);
    let view = jig.view();
    assert_eq!((view.members.len(), view.state), (1, GroupState::Stable));
}

#[test]
fn an_epoch_that_is_not_the_members_is_fenced() {
    let mut jig = Jig::new();
    jig.know(&[("orders", 4)]);
    let (mut one, mut two) = (Consumer::new("one"), Consumer::new("two"));
    settle(&mut jig, &mut [&mut one, &mut two]);
    let at = |epoch: i32| one.bare().with_member_epoch(epoch);
    assert_eq!(jig.beat_raw(1, at(one.epoch + 1)).error_code, FENCED_MEMBER_EPOCH);
    assert_eq!(jig.beat_raw(1, at(one.epoch - 1)).error_code, FENCED_MEMBER_EPOCH);
    // The answer with the new epoch may have been lost: what it owns is within what it has.
    let again = one.request().with_member_epoch(one.epoch - 1);
    assert_eq!(jig.beat_raw(1, again).error_code, NONE);
    assert_eq!(jig.beat_raw(1, at(-3)).error_code, INVALID_REQUEST);
    let stranger = Consumer { epoch: 3, ..Consumer::new("stranger") };
    assert_eq!(jig.beat_raw(1, stranger.bare()).error_code, UNKNOWN_MEMBER_ID);
}

#[test]
fn requests_that_make_no_sense_are_refused_and_found_no_group() {
    let mut jig = Jig::new();
    let one = Consumer::new("one");
    let later = Consumer { epoch: 1, ..one.clone() };
    let code = |jig: &mut Jig, request| jig.beat_raw(1, request).error_code;
    assert_eq!(code(&mut jig, later.bare()), GROUP_ID_NOT_FOUND);
    assert_eq!(code(&mut jig, one.bare()), INVALID_REQUEST);
    assert_eq!(code(&mut jig, one.request().with_member_id(text(""))), INVALID_REQUEST);
    assert_eq!(code(&mut jig, one.request().with_instance_id(Some(text("")))), INVALID_REQUEST);
    assert_eq!(code(&mut jig, one.request().with_topic_partitions(None)), INVALID_REQUEST);
    assert_eq!(code(&mut jig, one.bare().with_member_epoch(-2)), INVALID_REQUEST);
    let odd = one.request().with_server_assignor(Some(text("odd")));
    assert_eq!(code(&mut jig, odd), UNSUPPORTED_ASSIGNOR);
    let broken = one.request().with_subscribed_topic_regex(Some(text("a)(b")));
    assert_eq!(code(&mut jig, broken), INVALID_REGULAR_EXPRESSION);
    assert!(jig.coordinator.view(GROUP).is_none());
    let version_0 = jig.beat_raw(0, one.request().with_member_id(text("")));
    assert!(version_0.member_id.is_some_and(|id| !id.is_empty()), "an id is made for it");
}

#[test]
fn the_group_has_its_bound() {
    let mut jig = Jig::with(|config| config.members_max = 1);
    jig.know(&[("orders", 4)]);
    Consumer::new("one").beat(&mut jig);
    let refused = jig.beat_raw(1, Consumer::new("two").request());
    assert_eq!(refused.error_code, GROUP_MAX_SIZE_REACHED);
}

#[test]
fn a_static_member_that_is_away_keeps_its_partitions_for_a_session() {
    let mut jig = Jig::new();
    jig.know(&[("orders", 4)]);
    let (mut one, mut two) = (Consumer::with_instance("one", "i"), Consumer::new("two"));
    settle(&mut jig, &mut [&mut one, &mut two]);
    let had = one.owned.clone();
    let mut usurper = Consumer::with_instance("usurper", "i");
    let refused = jig.beat_raw(1, usurper.request());
    assert_eq!(refused.error_code, UNRELEASED_INSTANCE_ID);
    one.leave(&mut jig, -2);
    two.beat(&mut jig);
    assert_eq!(two.owned.len(), 2, "its partitions wait for it");
    let epoch = jig.view().generation;
    usurper.beat(&mut jig);
    assert_eq!(usurper.owned, had);
    assert_eq!(jig.view().generation, epoch, "the group need not rebalance");
    let fenced = jig.beat_raw(1, one.bare().with_member_epoch(2));
    assert_eq!(fenced.error_code, FENCED_INSTANCE_ID);
    usurper.leave(&mut jig, -2);
    for _ in 0..46 {
        jig.pass(SECOND);
        two.beat(&mut jig);
    }
    assert_eq!(two.owned.len(), 4, "its session has ended");
}

#[test]
fn new_partitions_and_topics_raise_the_epoch() {
    let mut jig = Jig::new();
    jig.know(&[("orders", 2)]);
    let mut one = Consumer::subscribed_to("one", &["orders", "later"]);
    one.beat(&mut jig);
    jig.know(&[("orders", 2), ("other", 1)]);
    one.beat(&mut jig);
    assert_eq!((one.epoch, one.owned.len()), (1, 2), "not its topic");
    jig.know(&[("orders", 5), ("other", 1)]);
    one.beat(&mut jig);
    assert_eq!((one.epoch, one.owned.len()), (2, 5));
    jig.know(&[("orders", 5), ("later", 3)]);
    one.beat(&mut jig);
    assert_eq!((one.epoch, one.owned.len()), (3, 8));
    jig.know(&[("later", 3)]);
    one.beat(&mut jig);
    one.beat(&mut jig);
    assert_eq!((one.epoch, one.owned.len()), (4, 3));
}

#[test]
fn a_regular_expression_follows_the_topics() {
    let mut jig = Jig::new();
    jig.know(&[("in-1", 1), ("in-2", 2), ("xin-3", 4)]);
    let mut one = Consumer { regex: Some("in-.*"), ..Consumer::subscribed_to("one", &[]) };
    one.beat(&mut jig);
    assert_eq!((one.epoch, one.owned.len()), (1, 0), "it is resolved beside the heartbeat");
    one.beat(&mut jig);
    assert_eq!((one.epoch, one.owned.len()), (2, 3));
    jig.know(&[("in-1", 1), ("in-2", 2), ("xin-3", 4), ("in-4", 8)]);
    one.beat(&mut jig);
    assert_eq!(one.owned.len(), 3, "not again so soon");
    jig.pass(11 * SECOND);
    one.beat(&mut jig);
    one.beat(&mut jig);
    assert_eq!((one.epoch, one.owned.len()), (3, 11));
    let mut two = Consumer { regex: Some("in-.*"), ..Consumer::subscribed_to("two", &[]) };
    settle(&mut jig, &mut [&mut two, &mut one]);
    assert_eq!(one.owned.len() + two.owned.len(), 11);
}

#[test]
fn most_members_choose_the_assignor() {
    let mut jig = Jig::new();
    jig.know(&[("orders", 4)]);
    let range = |id| Consumer { assignor: Some("range"), ..Consumer::new(id) };
    let (mut one, mut two, mut three) = (range("a"), Consumer::new("b"), range("c"));
    two.assignor = Some("uniform");
    settle(&mut jig, &mut [&mut one, &mut two]);
    assert_eq!(jig.view().protocol.as_deref(), Some("uniform"));
    settle(&mut jig, &mut [&mut one, &mut two, &mut three]);
    assert_eq!(jig.view().protocol.as_deref(), Some("range"));
    assert_eq!(one.owned.iter().map(|(_, index)| *index).collect::<Vec<_>>(), [0, 1]);
}

#[test]
fn commits_and_fetches_need_the_members_epoch() {
    let mut jig = Jig::new();
    jig.know(&[("orders", 4)]);
    let mut one = Consumer::new("one");
    one.beat(&mut jig);
    let mut committer = Client::new("one");
    (committer.member_id, committer.generation) = (text("one"), 1);
    assert_eq!(jig.commit(&committer, 5), NONE);
    committer.generation = 0;
    assert_eq!(jig.commit(&committer, 6), STALE_MEMBER_EPOCH);
    committer.member_id = text("two");
    assert_eq!(jig.commit(&committer, 7), UNKNOWN_MEMBER_ID);
    (committer.member_id, committer.generation) = (text(""), -1);
    assert_eq!(jig.commit(&committer, 8), UNKNOWN_MEMBER_ID);
    one.leave(&mut jig, -1);
    assert_eq!(jig.commit(&committer, 9), NONE, "anybody may while there are no members");
    assert_eq!(jig.view().state, GroupState::Empty);
    assert_eq!(jig.coordinator.committed(GROUP, "orders", 0), Some(9));
}

#[test]
fn members_epochs_and_assignments_survive_the_coordinator() {
    let mut jig = Jig::new();
    jig.know(&[("orders", 4)]);
    let (mut one, mut two) = (Consumer::new("one"), Consumer::new("two"));
    settle(&mut jig, &mut [&mut one, &mut two]);
    jig.pass(40 * SECOND);
    let before = jig.view();
    jig.fail_over();
    assert_eq!(jig.view(), before);
    jig.pass(40 * SECOND);
    assert_eq!(jig.view(), before, "sessions begin anew");
    assert_eq!(jig.beat_raw(1, one.bare()).error_code, NONE);
    jig.pass(50 * SECOND);
    assert_eq!(jig.view().state, GroupState::Empty);
}

#[test]
fn an_empty_group_changes_its_type_and_keeps_its_offsets() {
    let mut jig = Jig::new();
    jig.know(&[("orders", 4)]);
    let mut classic = Client::new("classic");
    jig.settle(&mut [&mut classic]);
    jig.commit(&classic, 5);
    jig.leave(&[&classic]);
    let mut one = Consumer::new("one");
    one.beat(&mut jig);
    assert_eq!(jig.view().kind, GroupKind::Consumer);
    one.leave(&mut jig, -1);
    let mut classic = Client::new("classic");
    jig.settle(&mut [&mut classic]);
    let view = jig.view();
    assert_eq!((view.kind, view.generation), (GroupKind::Classic, 1));
    assert_eq!(jig.coordinator.committed(GROUP, "orders", 0), Some(5));
}

#[test]
fn a_group_is_described_with_what_its_members_have_and_get() {
    let mut jig = Jig::new();
    jig.know(&[("orders", 4)]);
    let (mut one, mut two) = (Consumer::new("one"), Consumer::new("two"));
    one.beat(&mut jig);
    two.beat(&mut jig);
    let described = jig.describe_consumers(GROUP).groups.remove(0);
    assert_eq!(&*described.group_state, "Reconciling");
    assert_eq!((described.group_epoch, described.assignment_epoch), (2, 2));
    let lengths = described.members.iter().map(|member| {
        let count = |topics: &[DescribedPartitions]| -> usize {
            topics.iter().map(|topic| topic.partitions.len()).sum()
        };
        let assigned = count(&member.assignment.topic_partitions);
        (assigned, count(&member.target_assignment.topic_partitions))
    });
    assert_eq!(lengths.collect::<Vec<_>>(), [(4, 2), (0, 2)]);
    let absent = jig.describe_consumers("absent").groups.remove(0);
    assert_eq!(absent.error_code, GROUP_ID_NOT_FOUND);
}

#[test]
fn two_hundred_members_over_a_thousand_partitions_settle_in_four_rounds() {
    let mut jig = Jig::new();
    jig.know(&[("orders", 1_000)]);
    let mut consumers: Vec<Consumer> =
        (0..200).map(|index| Consumer::new(&format!("member-{index:03}"))).collect();
    let rounds = settle(&mut jig, &mut consumers.iter_mut().collect::<Vec<_>>());
    assert!(rounds <= 4, "{rounds} rounds");
    assert!(consumers.iter().all(|consumer| consumer.owned.len() == 5));
    let mut survivors = consumers.split_off(10);
    for consumer in &mut consumers {
        consumer.leave(&mut jig, -1);
    }
    let rounds = settle(&mut jig, &mut survivors.iter_mut().collect::<Vec<_>>());
    assert!(rounds <= 4, "{rounds} rounds");
    assert_eq!(survivors.iter().map(|consumer| consumer.owned.len()).sum::<usize>(), 1_000);
}

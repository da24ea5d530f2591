//! Committed offsets: who may write them and how they are read.

use kafka_protocol::messages::offset_fetch_request::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics,
};

use super::*;

fn simple() -> Client {
    Client { generation: -1, ..Client::new("simple") }
}

fn fetch(jig: &mut Jig, version: i16, request: OffsetFetchRequest) -> OffsetFetchResponse {
    let ticket = jig.submit(|coordinator, now, ticket, replies| {
        coordinator.offset_fetch(now, ticket, version, request, replies);
    });
    match jig.answers.get(&ticket) {
        Some(ReplyBody::OffsetFetch(response)) => response.clone(),
        other => panic!("a fetch is answered at once, got {other:?}"),
    }
}

#[test]
fn offsets_survive_members_generations_and_failovers() {
    let mut jig = Jig::new();
    let mut a = Client::new("a");
    jig.settle(&mut [&mut a]);
    assert_eq!(jig.commit(&a, 42), NONE);
    jig.leave(&[&a]);
    jig.fail_over();
    jig.settle(&mut [&mut Client::new("b")]);
    assert_eq!(jig.coordinator.committed(GROUP, "orders", 0), Some(42));
    assert_eq!(jig.coordinator.committed(GROUP, "orders", 1), None);
    assert_eq!(jig.view().committed, BTreeMap::from([(("orders".to_owned(), 0), 42)]));
}

#[test]
fn a_zombie_of_an_earlier_generation_cannot_commit() {
    let mut jig = Jig::new();
    let [mut a, mut late] = ["a", "late"].map(Client::new);
    jig.settle(&mut [&mut a]);
    let zombie = a.clone();
    let late_ticket = jig.enter(&mut late);
    assert_eq!(jig.commit(&a, 1), NONE, "until the barrier the generation lasts");
    let ticket = jig.join(&a);
    jig.take(&mut a, ticket);
    jig.take(&mut late, late_ticket);
    assert_eq!(jig.commit(&zombie, 2), ILLEGAL_GENERATION);
    assert_eq!(jig.heartbeat(&zombie), ILLEGAL_GENERATION);
    let sync = jig.sync(&zombie, &[]);
    assert_eq!(jig.synced(sync).error_code, ILLEGAL_GENERATION);
    assert_eq!(jig.commit(&a, 3), REBALANCE_IN_PROGRESS, "nothing is assigned yet");
    jig.assign(&mut [&mut a, &mut late]);
    assert_eq!(jig.commit(&a, 4), NONE);
    assert_eq!(jig.commit(&simple(), 5), UNKNOWN_MEMBER_ID, "the group has members");
    assert_eq!(jig.coordinator.committed(GROUP, "orders", 0), Some(4));
}

#[test]
fn a_group_without_members_only_keeps_offsets() {
    let mut jig = Jig::new();
    assert_eq!(jig.commit(&simple(), 9), NONE);
    assert_eq!(jig.view().state, GroupState::Empty);
    let stale = Client { generation: 3, member_id: text("ghost"), ..Client::new("ghost") };
    assert_eq!(jig.commit(&stale, 10), UNKNOWN_MEMBER_ID);
    let mut elsewhere = stale.commit_request(10);
    elsewhere.group_id = text("elsewhere").into();
    for (version, expected) in [(8, ILLEGAL_GENERATION), (9, 69)] {
        let request = elsewhere.clone();
        let ticket = jig.submit(|coordinator, now, ticket, replies| {
            coordinator.offset_commit(now, ticket, version, request, replies);
        });
        let Some(ReplyBody::OffsetCommit(answer)) = jig.answers.get(&ticket) else { panic!() };
        assert_eq!(answer.topics[0].partitions[0].error_code, expected);
    }
    assert!(jig.coordinator.view("elsewhere").is_none());
}

#[test]
fn each_partition_is_committed_or_refused_by_itself() {
    let mut jig = Jig::with(|config| config.offsets_max = 1);
    let mut request = simple().commit_request(1);
    let partition = request.topics[0].partitions[0].clone();
    let verbose = partition.clone().with_committed_metadata(Some(text(&"m".repeat(4_097))));
    let another = partition.clone().with_partition_index(1);
    request.topics[0].partitions = vec![verbose, partition, another];
    let ticket = jig.submit(|coordinator, now, ticket, replies| {
        coordinator.offset_commit(now, ticket, 9, request, replies);
    });
    let Some(ReplyBody::OffsetCommit(answer)) = jig.answers.get(&ticket) else { panic!() };
    let codes: Vec<i16> =
        answer.topics[0].partitions.iter().map(|partition| partition.error_code).collect();
    assert_eq!(codes, [12, NONE, 28]);
    assert_eq!(jig.commit(&simple(), 2), NONE, "a known partition moves on at the bound");
}

#[test]
fn both_forms_of_fetch_answer_minus_one_where_nothing_is_committed() {
    let mut jig = Jig::new();
    jig.commit(&simple(), 42);
    let old =
        OffsetFetchRequest::default().with_group_id(text(GROUP).into()).with_topics(Some(vec![
            OffsetFetchRequestTopic::default()
                .with_name(text("orders").into())
                .with_partition_indexes(vec![0, 1]),
        ]));
    let answer = fetch(&mut jig, 7, old);
    let offsets: Vec<i64> =
        answer.topics[0].partitions.iter().map(|partition| partition.committed_offset).collect();
    assert_eq!(offsets, [42, -1]);

    let group = |name, topics| {
        OffsetFetchRequestGroup::default().with_group_id(text(name).into()).with_topics(topics)
    };
    let topic = OffsetFetchRequestTopics::default()
        .with_name(text("orders").into())
        .with_partition_indexes(vec![0]);
    let batched = OffsetFetchRequest::default().with_groups(vec![
        group(GROUP, Some(vec![topic.clone()])),
        group("nobody", Some(vec![topic])),
        group(GROUP, None),
    ]);
    let answer = fetch(&mut jig, 9, batched);
    assert_eq!(answer.groups.len(), 2, "a group is answered once");
    assert_eq!(answer.groups[0].topics[0].partitions[0].committed_offset, 42);
    let nothing = &answer.groups[1].topics[0].partitions[0];
    assert_eq!((nothing.committed_offset, nothing.error_code), (-1, NONE));
}

#[test]
fn null_topics_fetch_everything() {
    let mut jig = Jig::new();
    jig.commit(&simple(), 42);
    let all = OffsetFetchRequest::default().with_group_id(text(GROUP).into()).with_topics(None);
    let answer = fetch(&mut jig, 5, all);
    assert_eq!(answer.topics[0].name.as_str(), "orders");
    assert_eq!(answer.topics[0].partitions[0].committed_offset, 42);
    let none = OffsetFetchRequest::default().with_group_id(text(GROUP).into());
    assert_eq!(fetch(&mut jig, 5, none.with_topics(Some(Vec::new()))).topics, []);
}

//! What administrators see and delete, and that answers fit the versions offered.

use kafka_protocol::protocol::Encodable as _;

use super::*;

fn ask<R>(
    jig: &mut Jig,
    send: impl FnOnce(&mut Coordinator, Duration, Ticket, &mut Vec<Reply>),
    pick: impl FnOnce(&ReplyBody) -> Option<R>,
) -> R {
    let ticket = jig.submit(send);
    jig.answers.get(&ticket).and_then(pick).expect("an answer at once")
}

fn describe(jig: &mut Jig, version: i16, groups: &[&str]) -> DescribeGroupsResponse {
    let groups = groups.iter().map(|group| text(group).into()).collect();
    let request = DescribeGroupsRequest::default()
        .with_groups(groups)
        .with_include_authorized_operations(true);
    ask(
        jig,
        |coordinator, now, ticket, replies| {
            coordinator.describe_groups(now, ticket, version, request, replies);
        },
        |body| match body {
            ReplyBody::DescribeGroups(response) => Some(response.clone()),
            _ => None,
        },
    )
}

fn list(jig: &mut Jig, states: &[&str]) -> Vec<String> {
    let states = states.iter().map(|state| text(state)).collect();
    let request = ListGroupsRequest::default().with_states_filter(states);
    let response = ask(
        jig,
        |coordinator, now, ticket, replies| {
            coordinator.list_groups(now, ticket, 5, request, replies);
        },
        |body| match body {
            ReplyBody::ListGroups(response) => Some(response.clone()),
            _ => None,
        },
    );
    response.groups.iter().map(|group| group.group_id.to_string()).collect()
}

fn delete(jig: &mut Jig, groups: &[&str]) -> Vec<i16> {
    let groups = groups.iter().map(|group| text(group).into()).collect();
    let request = DeleteGroupsRequest::default().with_groups_names(groups);
    let response = ask(
        jig,
        |coordinator, now, ticket, replies| {
            coordinator.delete_groups(now, ticket, 2, request, replies);
        },
        |body| match body {
            ReplyBody::DeleteGroups(response) => Some(response.clone()),
            _ => None,
        },
    );
    response.results.iter().map(|result| result.error_code).collect()
}

#[test]
fn a_stable_group_shows_its_members_and_their_partitions() {
    let mut jig = Jig::new();
    let [mut a, mut b] = ["a", "b"].map(Client::new);
    jig.settle(&mut [&mut a, &mut b]);
    let described = describe(&mut jig, 5, &[GROUP, GROUP]);
    assert_eq!(described.groups.len(), 1, "a group is answered once");
    let group = &described.groups[0];
    assert_eq!((group.group_state.as_str(), group.protocol_data.as_str()), ("Stable", "range"));
    assert_eq!(group.members[1].member_assignment, assignment(1));
    let view = jig.view();
    assert_eq!(view.protocol.as_deref(), Some("range"));
    assert_eq!(view.members[1].client_id, "b");
    assert_eq!(view.members[1].partitions, [("orders".to_owned(), 1)]);
}

#[test]
fn an_unknown_group_is_dead_or_from_version_6_not_found() {
    let mut jig = Jig::new();
    let dead = describe(&mut jig, 5, &["nobody"]).groups.remove(0);
    assert_eq!((dead.group_state.as_str(), dead.error_code), ("Dead", NONE));
    let missing = describe(&mut jig, 6, &["nobody"]).groups.remove(0);
    assert_eq!((missing.group_state.as_str(), missing.error_code), ("Dead", 69));
}

#[test]
fn groups_are_listed_by_state() {
    let mut jig = Jig::new();
    jig.settle(&mut [&mut Client::new("a")]);
    let mut request = Client { generation: -1, ..Client::new("b") }.commit_request(1);
    request.group_id = text("simple").into();
    jig.submit(|coordinator, now, ticket, replies| {
        coordinator.offset_commit(now, ticket, 9, request, replies);
    });
    assert_eq!(list(&mut jig, &[]), ["simple", GROUP]);
    assert_eq!(list(&mut jig, &["stable"]), [GROUP]);
    assert_eq!(list(&mut jig, &["Empty", "Dead"]), ["simple"]);
}

#[test]
fn only_groups_without_members_can_be_deleted() {
    let mut jig = Jig::new();
    let mut a = Client::new("a");
    jig.settle(&mut [&mut a]);
    jig.commit(&a, 4);
    assert_eq!(delete(&mut jig, &[GROUP, "nobody"]), [69, 68]);
    jig.leave(&[&a]);
    assert_eq!(delete(&mut jig, &[GROUP]), [NONE]);
    assert!(jig.coordinator.view(GROUP).is_none());
    assert_eq!(jig.coordinator.committed(GROUP, "orders", 0), None);
    assert_eq!(jig.heartbeat(&a), UNKNOWN_MEMBER_ID);
}

#[test]
fn every_answer_can_be_encoded_in_every_version_offered() {
    for version in 0..=9 {
        let mut jig = Jig::new();
        let mut static_client = Client::with_instance("static");
        let tickets = [
            jig.join_version(version, &Client::new("a")),
            jig.join_version(version, &static_client),
        ];
        jig.pass(3 * DELAY);
        jig.take(&mut static_client, tickets[1]);
        jig.sync(&static_client, &[(&static_client, assignment(0))]);
        jig.join_version(version, &Client::with_instance("static"));
        for answer in jig.answers.values() {
            if let ReplyBody::JoinGroup(response) = answer {
                response.encode(&mut Vec::new(), version).expect("a join answer");
            }
        }
        if version <= 6 {
            let described = describe(&mut jig, version, &[GROUP, "nobody"]);
            described.encode(&mut Vec::new(), version).expect("a description");
        }
    }
}

//! Groups whose members change from one protocol to the other while they work.

use super::consumers::Consumer;
use super::*;

/// A subscription to "orders" in version 1 of the consumer protocol, with nothing owned.
const SUBSCRIPTION: &str = "\0\x01\0\0\0\x01\0\x06orders\0\0\0\0\0\0\0\0";
/// The same, with partitions 0 and 1 owned.
const OWNS_HALF: &str = "\0\x01\0\0\0\x01\0\x06orders\0\0\0\0\
                         \0\0\0\x01\0\x06orders\0\0\0\x02\0\0\0\0\0\0\0\x01";
const GROUP_ID_NOT_FOUND: i16 = 69;

fn classic(name: &str) -> Client {
    Client { protocols: vec![("range", SUBSCRIPTION)], ..Client::new(name) }
}

fn jig() -> Jig {
    let mut jig = Jig::new();
    jig.know(&[("orders", 4)]);
    jig
}

/// The leader gives all four partitions to itself.
fn alone(jig: &mut Jig, client: &mut Client) {
    let ticket = jig.enter(client);
    jig.pass(2 * DELAY);
    jig.take(client, ticket);
    let mut bytes = assignment(0).to_vec();
    bytes.truncate(14);
    bytes.put_i32(4);
    (0..4).for_each(|partition| bytes.put_i32(partition));
    bytes.put_i32(-1);
    let ticket = jig.sync(client, &[(&*client, bytes.into())]);
    assert_eq!(jig.synced(ticket).error_code, NONE);
}

/// Joins as a member of a group that answers at once.
fn rejoin(jig: &mut Jig, client: &mut Client) {
    let ticket = jig.join(client);
    jig.take(client, ticket);
}

fn assigned(jig: &mut Jig, client: &Client) -> usize {
    let ticket = jig.sync(client, &[]);
    let response = jig.synced(ticket);
    assert_eq!(response.error_code, NONE);
    super::super::assignment::decode_assignment(&response.assignment).len()
}

#[test]
fn a_classic_group_becomes_a_consumer_group_under_its_members() {
    let mut jig = jig();
    let mut old = classic("old");
    alone(&mut jig, &mut old);
    jig.commit(&old, 5);
    let mut new = Consumer::new("new");
    new.beat(&mut jig);
    let view = jig.view();
    assert_eq!((view.kind, view.generation), (GroupKind::Consumer, 2));
    assert_eq!(new.owned.len(), 0, "the old member has everything still");
    assert_eq!(jig.heartbeat(&old), REBALANCE_IN_PROGRESS);
    // It joins to learn that it has to give up half, and again when it has.
    old.protocols = vec![("range", SUBSCRIPTION)];
    rejoin(&mut jig, &mut old);
    let half = assigned(&mut jig, &old);
    new.beat(&mut jig);
    assert_eq!((half, old.generation, new.owned.len()), (2, 2, 2));
    assert_eq!(jig.heartbeat(&old), NONE);
    assert_eq!(jig.commit(&old, 6), NONE);
    assert_eq!(jig.view().state, GroupState::Stable);
    assert_eq!(jig.coordinator.committed(GROUP, "orders", 0), Some(6));
}

#[test]
fn what_a_classic_member_owns_is_revoked_before_it_is_given_away() {
    let mut jig = jig();
    let mut old = classic("old");
    alone(&mut jig, &mut old);
    let mut new = Consumer::subscribed_to("zzz", &["orders"]);
    new.beat(&mut jig);
    let target = jig.describe_consumers(GROUP).groups[0].members[0].target_assignment.clone();
    assert_eq!(target.topic_partitions[0].partitions, [0, 1]);
    // It says that it owns what is not to be its own, and stays in its generation.
    let all = "\0\x01\0\0\0\x01\0\x06orders\0\0\0\0\0\0\0\x01\0\x06orders\0\0\0\x01\0\0\0\x03";
    old.protocols = vec![("range", all)];
    rejoin(&mut jig, &mut old);
    assert_eq!((old.generation, assigned(&mut jig, &old)), (1, 2));
    new.beat(&mut jig);
    assert_eq!(new.owned.len(), 0);
    assert_eq!(jig.heartbeat(&old), REBALANCE_IN_PROGRESS);
    old.protocols = vec![("range", OWNS_HALF)];
    rejoin(&mut jig, &mut old);
    assert_eq!((old.generation, assigned(&mut jig, &old)), (2, 2));
    new.beat(&mut jig);
    assert_eq!(new.owned.len(), 2);
}

#[test]
fn the_last_member_of_the_consumer_protocol_leaves_a_classic_group_behind() {
    let mut jig = jig();
    let mut new = Consumer::new("new");
    new.beat(&mut jig);
    let mut old = classic("old");
    let ticket = jig.join(&old);
    assert_eq!(jig.joined(ticket).error_code, MEMBER_ID_REQUIRED);
    old.member_id = jig.joined(ticket).member_id;
    rejoin(&mut jig, &mut old);
    (0..3).for_each(|_| new.beat(&mut jig));
    assert_eq!(jig.heartbeat(&old), REBALANCE_IN_PROGRESS, "its partitions are free");
    rejoin(&mut jig, &mut old);
    assert_eq!(assigned(&mut jig, &old), 2);
    let epoch = jig.view().generation;
    new.leave(&mut jig, -1);
    let view = jig.view();
    assert_eq!((view.kind, view.generation), (GroupKind::Classic, epoch));
    assert_eq!(view.state, GroupState::PreparingRebalance);
    assert_eq!(view.members[0].partitions.len(), 2, "it keeps what it had");
    rejoin(&mut jig, &mut old);
    assert_eq!(old.generation, epoch + 1);
}

#[test]
fn a_classic_member_that_does_not_rejoin_or_sync_is_removed() {
    for syncs in [true, false] {
        let mut jig = jig();
        let mut new = Consumer::new("new");
        new.beat(&mut jig);
        let mut old = classic("old");
        let ticket = jig.join_version(3, &old);
        jig.take(&mut old, ticket);
        if syncs {
            assigned(&mut jig, &old);
        }
        for _ in 0..REBALANCE.as_secs() + 5 {
            jig.pass(SECOND);
            new.beat(&mut jig);
            jig.heartbeat(&old);
        }
        assert_eq!(jig.view().members.len(), 1, "syncs: {syncs}");
    }
}

#[test]
fn a_group_of_another_protocol_is_not_upgraded() {
    let subscriptions = [
        ("\0", GROUP_ID_NOT_FOUND, "it ends too early"),
        ("topics", UNKNOWN_SERVER_ERROR, "its count of topics cannot be"),
    ];
    for (subscription, error, why) in subscriptions {
        let mut jig = jig();
        let mut garbled = Client::new("garbled");
        garbled.protocols = vec![("range", subscription)];
        jig.settle(&mut [&mut garbled]);
        let refused = jig.beat_raw(1, Consumer::new("new").request());
        assert_eq!(refused.error_code, error, "{why}");
        assert_eq!(jig.view().kind, GroupKind::Classic);
        assert_eq!(jig.heartbeat(&garbled), NONE, "nothing has changed for it");
    }
}

#[test]
fn consumer_members_are_unknown_to_the_classic_requests() {
    let mut jig = jig();
    let mut new = Consumer::new("new");
    new.beat(&mut jig);
    let mut posing = classic("posing");
    (posing.member_id, posing.generation) = (text("new"), 1);
    assert_eq!(jig.heartbeat(&posing), UNKNOWN_MEMBER_ID);
    let ticket = jig.sync(&posing, &[]);
    assert_eq!(jig.synced(ticket).error_code, UNKNOWN_MEMBER_ID);
    let mut other = classic("other");
    other.protocols = vec![];
    let ticket = jig.join(&other);
    assert_eq!(jig.joined(ticket).error_code, INCONSISTENT_GROUP_PROTOCOL);
    assert_eq!(jig.leave(&[&posing]).members[0].error_code, NONE, "anybody may be let go");
    assert_eq!(jig.view().state, GroupState::Empty);
}

//! Static members keep their place through a restart.

use super::*;

fn settled() -> (Jig, Client, Client) {
    let mut jig = Jig::new();
    let [mut a, mut b] = ["a", "b"].map(Client::with_instance);
    jig.settle(&mut [&mut a, &mut b]);
    (jig, a, b)
}

#[test]
fn a_restart_causes_no_rebalance_and_keeps_the_assignment() {
    let (mut jig, a, b) = settled();
    let mut restarted = Client::with_instance("b");
    let ticket = jig.join(&restarted);
    let answer = jig.take(&mut restarted, ticket);
    assert_eq!((answer.generation_id, answer.skip_assignment), (1, false));
    assert_ne!(answer.member_id, b.member_id);
    let sync = jig.sync(&restarted, &[]);
    assert_eq!(jig.synced(sync).assignment, assignment(1));
    assert_eq!(jig.heartbeat(&a), NONE);
    assert_eq!(jig.heartbeat(&b), FENCED_INSTANCE_ID, "the old process is fenced");
    assert_eq!(jig.commit(&b, 5), FENCED_INSTANCE_ID);
    let ticket = jig.join(&b);
    assert_eq!(jig.joined(ticket).error_code, FENCED_INSTANCE_ID);
}

#[test]
fn a_restarted_leader_leads_on_but_need_not_assign() {
    let (mut jig, old, _) = settled();
    let ticket = jig.join_version(9, &Client::with_instance("a"));
    let answer = jig.joined(ticket);
    assert!(answer.skip_assignment && answer.members.len() == 2);
    assert_eq!(answer.leader, answer.member_id);

    let (mut jig, ..) = settled();
    let ticket = jig.join_version(8, &Client::with_instance("a"));
    let answer = jig.joined(ticket);
    assert_eq!(answer.leader, old.member_id, "an older client must not take itself for the leader");
    assert!(!answer.skip_assignment && answer.members.is_empty());
}

#[test]
fn a_restart_with_another_protocol_causes_a_rebalance() {
    let mut jig = Jig::new();
    let mut a = Client::with_instance("a");
    a.protocols = vec![("range", "r"), ("sticky", "s")];
    jig.settle(&mut [&mut a]);
    let mut restarted = Client::with_instance("a");
    restarted.protocols = vec![("sticky", "s")];
    let ticket = jig.join(&restarted);
    let answer = jig.take(&mut restarted, ticket);
    assert_eq!((answer.generation_id, answer.protocol_name.as_deref()), (2, Some("sticky")));
}

#[test]
fn a_restart_fences_the_requests_the_old_process_left_parked() {
    let mut jig = Jig::new();
    let mut a = Client::with_instance("a");
    let old = jig.join(&a);
    let new = jig.join(&Client::with_instance("a"));
    assert_eq!(jig.joined(old).error_code, FENCED_INSTANCE_ID);
    jig.pass(DELAY);
    let answer = jig.take(&mut a, new);
    assert_eq!((answer.generation_id, answer.members.len()), (1, 1));
}

#[test]
fn a_static_member_away_at_the_barrier_stays_until_its_session_ends() {
    let (mut jig, mut a, _) = settled();
    let mut c = Client::with_instance("c");
    let tickets = [jig.join(&c), jig.join(&a)];
    jig.pass(SESSION - SECOND);
    assert!(!jig.is_answered(tickets[0]));
    jig.pass(SECOND);
    jig.take(&mut c, tickets[0]);
    assert_eq!(jig.take(&mut a, tickets[1]).generation_id, 2);
    assert_eq!(jig.view().members.len(), 2);
}

#[test]
fn an_administrator_removes_a_static_member_by_its_instance_id() {
    let (mut jig, a, _) = settled();
    let anonymous = Client::with_instance("b");
    assert_eq!(jig.leave(&[&anonymous]).members[0].error_code, NONE);
    assert_eq!(jig.leave(&[&anonymous]).members[0].error_code, UNKNOWN_MEMBER_ID);
    assert_eq!(jig.view().members.len(), 1);
    assert_eq!(jig.heartbeat(&a), REBALANCE_IN_PROGRESS);
}

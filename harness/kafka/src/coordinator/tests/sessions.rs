//! Members that crash, dawdle, keep silent, leave, or lose their coordinator.

use super::*;

#[test]
fn a_crashed_member_is_removed_after_its_session_and_not_before() {
    let mut jig = Jig::new();
    let [mut a, mut b] = ["a", "b"].map(Client::new);
    jig.settle(&mut [&mut a, &mut b]);
    jig.pass_beating(SESSION - SECOND, &[&a]);
    assert_eq!(jig.view().members.len(), 2);
    assert_eq!(jig.heartbeat(&a), NONE);
    jig.pass_beating(SECOND, &[&a]);
    assert_eq!(jig.view().members.len(), 1);
    assert_eq!(jig.heartbeat(&a), REBALANCE_IN_PROGRESS);
    let ticket = jig.join(&a);
    assert_eq!(jig.take(&mut a, ticket).generation_id, 2);
    jig.assign(&mut [&mut a]);
    assert_eq!(jig.heartbeat(&b), UNKNOWN_MEMBER_ID);
}

#[test]
fn a_slow_rejoiner_is_dropped_at_the_rebalance_timeout() {
    let mut jig = Jig::new();
    let [mut a, mut slow, mut late] = ["a", "slow", "late"].map(Client::new);
    jig.settle(&mut [&mut a, &mut slow]);
    let tickets = [jig.enter(&mut late), jig.join(&a)];
    jig.pass_beating(REBALANCE - SECOND, &[&slow]);
    assert!(tickets.iter().all(|ticket| !jig.is_answered(*ticket)), "it keeps its session");
    jig.pass_beating(SECOND, &[&slow]);
    assert!(tickets.iter().all(|ticket| jig.joined(*ticket).generation_id == 2));
    assert_eq!(jig.heartbeat(&slow), UNKNOWN_MEMBER_ID);
    assert_eq!(jig.view().members.len(), 2);
}

#[test]
fn a_leader_that_does_not_rejoin_loses_the_lead() {
    let mut jig = Jig::new();
    let [mut leader, mut b, mut c] = ["leader", "b", "c"].map(Client::new);
    jig.settle(&mut [&mut leader, &mut b]);
    let tickets = [jig.enter(&mut c), jig.join(&b)];
    jig.pass(REBALANCE);
    let answers = tickets.map(|ticket| jig.joined(ticket));
    assert_eq!(answers[0].leader, answers[1].leader);
    assert_ne!(answers[0].leader, leader.member_id);
    assert_eq!(answers.iter().filter(|answer| answer.leader == answer.member_id).count(), 1);
}

#[test]
fn members_waiting_at_the_barrier_do_not_lose_their_session() {
    let mut jig = Jig::new();
    let [mut a, mut slow] = ["a", "slow"].map(Client::new);
    jig.settle(&mut [&mut a, &mut slow]);
    let ticket = jig.join(&a);
    jig.pass_beating(4 * SESSION, &[&slow]);
    assert!(!jig.is_answered(ticket) && jig.view().members.len() == 2);
}

#[test]
fn a_new_member_that_gave_up_waiting_is_forgotten_after_five_minutes() {
    let mut jig = Jig::with(|config| config.initial_rebalance_delay = 10 * REBALANCE);
    let mut client = Client::new("a");
    let ticket = jig.enter(&mut client);
    jig.pass(Duration::from_secs(299));
    assert!(!jig.is_answered(ticket));
    jig.pass(SECOND);
    assert_eq!(jig.joined(ticket).error_code, UNKNOWN_MEMBER_ID);
}

#[test]
fn a_leader_that_never_assigns_is_removed_at_the_rebalance_timeout() {
    let mut jig = Jig::new();
    let [mut leader, mut follower] = ["a", "b"].map(Client::new);
    let tickets = [jig.enter(&mut leader), jig.enter(&mut follower)];
    jig.pass(2 * DELAY);
    jig.take(&mut leader, tickets[0]);
    jig.take(&mut follower, tickets[1]);
    let sync = jig.sync(&follower, &[]);
    jig.pass_beating(REBALANCE - SECOND, &[&leader]);
    assert!(!jig.is_answered(sync));
    jig.pass_beating(SECOND, &[&leader]);
    assert_eq!(jig.synced(sync).error_code, REBALANCE_IN_PROGRESS);
    assert_eq!(jig.heartbeat(&leader), UNKNOWN_MEMBER_ID);
    let ticket = jig.join(&follower);
    assert_eq!(jig.joined(ticket).leader, follower.member_id);
}

#[test]
fn leaving_starts_a_rebalance_at_once_and_the_last_one_empties_the_group() {
    let mut jig = Jig::new();
    let [mut a, mut b] = ["a", "b"].map(Client::new);
    jig.settle(&mut [&mut a, &mut b]);
    let stranger = Client { member_id: text("ghost"), ..Client::new("ghost") };
    let answer = jig.leave(&[&b, &stranger]);
    let codes: Vec<i16> = answer.members.iter().map(|member| member.error_code).collect();
    assert_eq!((answer.error_code, codes), (NONE, vec![NONE, UNKNOWN_MEMBER_ID]));
    assert_eq!(jig.heartbeat(&a), REBALANCE_IN_PROGRESS);
    jig.leave(&[&a]);
    let view = jig.view();
    assert_eq!((view.state, view.generation), (GroupState::Empty, 2));
    assert_eq!(jig.coordinator.next_deadline(), None);
    jig.settle(&mut [&mut Client::new("c")]);
    assert_eq!(jig.view().generation, 3, "generations go on");
}

#[test]
fn old_versions_leave_one_member_with_one_error_code() {
    let mut jig = Jig::new();
    let mut client = Client::new("a");
    jig.settle(&mut [&mut client]);
    for expected in [NONE, UNKNOWN_MEMBER_ID] {
        let request = LeaveGroupRequest::default()
            .with_group_id(text(GROUP).into())
            .with_member_id(client.member_id.clone());
        let ticket = jig.submit(|coordinator, now, ticket, replies| {
            coordinator.leave_group(now, ticket, 2, request, replies);
        });
        let Some(ReplyBody::LeaveGroup(answer)) = jig.answers.get(&ticket) else { panic!() };
        assert_eq!((answer.error_code, answer.members.len()), (expected, 0));
    }
}

#[test]
fn a_failover_keeps_a_stable_generation_with_fresh_sessions() {
    let mut jig = Jig::new();
    let [mut a, mut b] = ["a", "b"].map(Client::new);
    jig.settle(&mut [&mut a, &mut b]);
    jig.pass(SESSION - SECOND);
    jig.coordinator.on_failover(jig.now, |group| group == GROUP, &mut jig.replies);
    jig.pass(SESSION - SECOND);
    assert_eq!((jig.heartbeat(&a), jig.heartbeat(&b)), (NONE, NONE));
    assert_eq!(jig.view().generation, 1);
}

#[test]
fn a_failover_sends_parked_requests_away_and_lets_the_group_start_over() {
    let mut jig = Jig::new();
    let [mut a, mut b, mut new] = ["a", "b", "new"].map(Client::new);
    jig.settle(&mut [&mut a, &mut b]);
    let parked = [jig.enter(&mut new), jig.join(&a)];
    jig.fail_over();
    assert!(parked.iter().all(|ticket| jig.joined(*ticket).error_code == NOT_COORDINATOR));
    let forgotten = jig.join(&new);
    assert_eq!(jig.joined(forgotten).error_code, UNKNOWN_MEMBER_ID);
    new.member_id = StrBytes::new();
    let tickets = [jig.join(&a), jig.enter(&mut new), jig.join(&b)];
    assert!(tickets.iter().all(|ticket| jig.joined(*ticket).generation_id == 2));
}

//! The join barrier, ids, votes and bounds.

use super::*;

fn clients(count: usize) -> Vec<Client> {
    (0..count).map(|index| Client::new(&format!("node-{index}"))).collect()
}

#[test]
fn joiners_get_one_generation_with_exactly_one_leader() {
    let mut jig = Jig::new();
    let mut clients = clients(24);
    let tickets: Vec<Ticket> = clients.iter_mut().map(|client| jig.enter(client)).collect();
    assert!(tickets.iter().all(|ticket| !jig.is_answered(*ticket)), "nobody before the barrier");
    jig.pass(2 * DELAY);
    let answers: Vec<_> = tickets.iter().map(|ticket| jig.joined(*ticket)).collect();
    assert!(answers.iter().all(|answer| answer.error_code == NONE && answer.generation_id == 1));
    assert!(answers.iter().all(|answer| answer.protocol_name.as_deref() == Some("range")));
    let leaders: Vec<_> =
        answers.iter().filter(|answer| answer.leader == answer.member_id).collect();
    assert_eq!(leaders.len(), 1);
    assert_eq!(leaders[0].members.len(), 24);
    assert!(leaders[0].members.iter().all(|member| member.metadata == "topics"));
    let with_members = answers.iter().filter(|answer| !answer.members.is_empty()).count();
    assert_eq!(with_members, 1, "followers get no metadata");
}

#[test]
fn members_without_an_id_are_told_to_come_back_with_one() {
    let mut jig = Jig::new();
    let client = Client::new("node-1");
    let ticket = jig.join_version(4, &client);
    let answer = jig.joined(ticket);
    assert_eq!(answer.error_code, MEMBER_ID_REQUIRED);
    assert!(answer.member_id.starts_with("node-1-") && answer.generation_id == -1);
    assert_eq!(answer.protocol_name.as_deref(), Some(""), "not nullable before version 7");
    let ticket = jig.join_version(3, &client);
    assert!(!jig.is_answered(ticket), "before version 4 it joins at once");
}

#[test]
fn an_id_that_is_never_used_expires_and_no_longer_holds_the_barrier() {
    let mut jig = Jig::new();
    let mut first = Client::new("node-1");
    jig.settle(&mut [&mut first]);
    let mut second = Client::new("node-2");
    let told = jig.join(&second);
    second.member_id = jig.joined(told).member_id;
    let rejoin = jig.join(&first);
    jig.pass(SESSION - SECOND);
    assert!(!jig.is_answered(rejoin), "the pending member is waited for");
    jig.pass(SECOND);
    assert_eq!(jig.joined(rejoin).generation_id, 2);
    let late = jig.join(&second);
    assert_eq!(jig.joined(late).error_code, UNKNOWN_MEMBER_ID);
}

#[test]
fn the_initial_delay_is_extended_while_members_keep_coming() {
    let mut jig = Jig::new();
    let mut clients = clients(3);
    let first = jig.enter(&mut clients[0]);
    jig.pass(2 * SECOND);
    let second = jig.enter(&mut clients[1]);
    jig.pass(2 * SECOND);
    assert!(!jig.is_answered(first), "the second joined within the first delay");
    let third = jig.enter(&mut clients[2]);
    jig.pass(4 * SECOND);
    assert!(!jig.is_answered(first), "the third joined within the second delay");
    jig.pass(SECOND);
    for ticket in [first, second, third] {
        assert_eq!(jig.joined(ticket).generation_id, 1);
    }
}

#[test]
fn the_initial_delay_ends_with_the_rebalance_timeout() {
    let mut jig = Jig::new();
    let first = jig.enter(&mut Client::new("node-0"));
    for index in 1..=60 {
        assert!(!jig.is_answered(first) || jig.now >= REBALANCE);
        jig.enter(&mut Client::new(&format!("node-{index}")));
        jig.pass(SECOND);
    }
    jig.pass(DELAY);
    assert!(jig.is_answered(first));
}

#[test]
fn a_late_joiner_makes_everybody_rejoin() {
    let mut jig = Jig::new();
    let [mut a, mut b, mut late] = ["a", "b", "late"].map(Client::new);
    jig.settle(&mut [&mut a, &mut b]);
    assert_eq!(jig.heartbeat(&a), NONE);
    let late_ticket = jig.enter(&mut late);
    assert_eq!(jig.heartbeat(&a), REBALANCE_IN_PROGRESS);
    assert_eq!(jig.heartbeat(&b), REBALANCE_IN_PROGRESS);
    let sync = jig.sync(&b, &[]);
    assert_eq!(jig.synced(sync).error_code, REBALANCE_IN_PROGRESS);
    let tickets = [jig.join(&a), late_ticket];
    assert!(tickets.iter().all(|ticket| !jig.is_answered(*ticket)), "b has not rejoined");
    let ticket = jig.join(&b);
    assert_eq!(jig.take(&mut b, ticket).generation_id, 2);
    assert_eq!(jig.take(&mut a, tickets[0]).leader, a.member_id);
    jig.take(&mut late, late_ticket);
    jig.assign(&mut [&mut a, &mut b, &mut late]);
}

#[test]
fn a_joiner_before_the_assignment_sends_parked_syncs_back_to_join() {
    let mut jig = Jig::new();
    let [mut leader, mut follower, mut late] = ["a", "b", "late"].map(Client::new);
    let tickets = [jig.enter(&mut leader), jig.enter(&mut follower)];
    jig.pass(2 * DELAY);
    jig.take(&mut leader, tickets[0]);
    jig.take(&mut follower, tickets[1]);
    let sync = jig.sync(&follower, &[]);
    assert!(!jig.is_answered(sync), "the leader has not assigned");
    assert_eq!(jig.heartbeat(&follower), NONE, "a heartbeat before the assignment is normal");
    jig.enter(&mut late);
    assert_eq!(jig.synced(sync).error_code, REBALANCE_IN_PROGRESS);
    assert_eq!(jig.view().state, GroupState::PreparingRebalance);
}

#[test]
fn an_unchanged_follower_rejoins_without_a_rebalance_and_a_leader_with_one() {
    let mut jig = Jig::new();
    let [mut leader, mut follower] = ["a", "b"].map(Client::new);
    jig.settle(&mut [&mut leader, &mut follower]);
    let ticket = jig.join(&follower);
    assert_eq!(jig.joined(ticket).generation_id, 1);
    assert_eq!(jig.view().state, GroupState::Stable);
    let sync = jig.sync(&follower, &[]);
    assert_eq!(jig.synced(sync).assignment, assignment(1), "a stable group repeats itself");
    let ticket = jig.join(&leader);
    assert!(!jig.is_answered(ticket));
    assert_eq!(jig.view().state, GroupState::PreparingRebalance);
}

#[test]
fn a_follower_with_new_metadata_causes_a_rebalance() {
    let mut jig = Jig::new();
    let [mut leader, mut follower] = ["a", "b"].map(Client::new);
    jig.settle(&mut [&mut leader, &mut follower]);
    follower.protocols = vec![("range", "other topics")];
    let ticket = jig.join(&follower);
    assert!(!jig.is_answered(ticket));
    assert_eq!(jig.heartbeat(&leader), REBALANCE_IN_PROGRESS);
}

#[test]
fn the_protocol_with_most_votes_among_the_common_ones_wins() {
    let mut jig = Jig::new();
    let mut clients = clients(3);
    clients[0].protocols = vec![("solo", "s"), ("range", "r"), ("sticky", "t")];
    clients[1].protocols = vec![("sticky", "t"), ("range", "r")];
    clients[2].protocols = vec![("sticky", "t"), ("range", "r")];
    let tickets: Vec<Ticket> = clients.iter_mut().map(|client| jig.enter(client)).collect();
    jig.pass(2 * DELAY);
    let leader = jig.joined(tickets[0]);
    assert_eq!(leader.protocol_name.as_deref(), Some("sticky"));
    assert!(leader.members.iter().all(|member| member.metadata == "t"));
    let mut stranger = Client::new("stranger");
    stranger.protocols = vec![("solo", "s")];
    let ticket = jig.join(&stranger);
    assert_eq!(jig.joined(ticket).error_code, INCONSISTENT_GROUP_PROTOCOL);
    stranger.protocols = Vec::new();
    let ticket = jig.join(&stranger);
    assert_eq!(jig.joined(ticket).error_code, INCONSISTENT_GROUP_PROTOCOL);
}

#[test]
fn a_request_that_repeats_a_parked_one_takes_its_place() {
    let mut jig = Jig::new();
    let mut client = Client::new("a");
    let first = jig.enter(&mut client);
    let second = jig.join(&client);
    assert_eq!(jig.joined(first).error_code, REBALANCE_IN_PROGRESS);
    jig.pass(DELAY);
    assert_eq!(jig.joined(second).generation_id, 1);
}

#[test]
fn an_abandoned_request_is_not_answered_and_does_not_stop_the_others() {
    let mut jig = Jig::new();
    let [mut a, mut b] = ["a", "b"].map(Client::new);
    let tickets = [jig.enter(&mut a), jig.enter(&mut b)];
    jig.coordinator.abandon(tickets[0]);
    jig.pass(2 * DELAY);
    assert!(!jig.is_answered(tickets[0]));
    assert_eq!(jig.joined(tickets[1]).generation_id, 1);
}

#[test]
fn requests_outside_the_bounds_are_refused() {
    let mut jig = Jig::with(|config| {
        config.members_max = 2;
        config.groups_max = 1;
        config.protocol_metadata_bytes_max = 16;
    });
    let mut clients = clients(3);
    jig.enter(&mut clients[0]);
    jig.enter(&mut clients[1]);
    let told = jig.join(&clients[2]);
    assert_eq!(jig.joined(told).error_code, GROUP_MAX_SIZE_REACHED);

    let info = ClientInfo { client_id: String::new(), host: String::new() };
    let mut refused = |adjust: &dyn Fn(&mut JoinGroupRequest)| {
        let mut request = Client::new("x").join_request();
        adjust(&mut request);
        let ticket = jig.submit(|coordinator, now, ticket, replies| {
            coordinator.join_group(now, ticket, 9, &info, request, replies);
        });
        jig.joined(ticket).error_code
    };
    assert_eq!(refused(&|request| request.group_id = text("").into()), INVALID_GROUP_ID);
    assert_eq!(refused(&|request| request.session_timeout_ms = 10), INVALID_SESSION_TIMEOUT);
    assert_eq!(refused(&|request| request.session_timeout_ms = -1), INVALID_SESSION_TIMEOUT);
    let policy_violation = ResponseError::PolicyViolation.code();
    let heavy = Bytes::from_static(&[0; 17]);
    let overweight = |request: &mut JoinGroupRequest| {
        request.protocols[0].metadata = heavy.clone();
    };
    assert_eq!(refused(&overweight), policy_violation);
    assert_eq!(refused(&|request| request.group_id = text("another").into()), policy_violation);
}

#[test]
fn the_same_seed_gives_the_same_ids() {
    let id = |seed| {
        let mut jig = Jig::new();
        jig.coordinator = Coordinator::new(GroupConfig::default(), seed);
        let ticket = jig.join(&Client::new("a"));
        jig.joined(ticket).member_id
    };
    assert_eq!(id(1), id(1));
    assert_ne!(id(1), id(2));
}

#[test]
fn the_planted_defect_answers_a_follower_before_the_leader() {
    let mut jig = Jig::with(|config| config.sync_before_assignment = true);
    let (mut one, mut two) = (Client::new("one"), Client::new("two"));
    let tickets = [jig.enter(&mut one), jig.enter(&mut two)];
    jig.pass(2 * DELAY);
    jig.take(&mut one, tickets[0]);
    jig.take(&mut two, tickets[1]);
    let early = jig.sync(&two, &[]);
    assert_eq!((jig.synced(early).error_code, jig.synced(early).assignment.len()), (NONE, 0));
}

#[test]
fn two_hundred_members_settle_with_two_joins_and_one_sync_each() {
    let mut jig = Jig::new();
    let mut clients: Vec<Client> =
        (0..200).map(|index| Client::new(&format!("member-{index:03}"))).collect();
    jig.settle(&mut clients.iter_mut().collect::<Vec<_>>());
    assert_eq!((jig.view().generation, jig.tickets), (1, 3 * 200));
    let leaver = clients.pop().unwrap();
    jig.leave(&[&leaver]);
    let tickets: Vec<Ticket> = clients.iter().map(|client| jig.join(client)).collect();
    for (client, ticket) in clients.iter_mut().zip(tickets) {
        jig.take(client, ticket);
    }
    jig.assign(&mut clients.iter_mut().collect::<Vec<_>>());
    assert_eq!((jig.view().generation, jig.tickets), (2, 3 * 200 + 1 + 2 * 199));
}

#[test]
fn a_pending_member_that_leaves_a_stable_group_begins_a_rebalance_as_in_kafka() {
    let mut jig = Jig::new();
    let (mut one, mut two) = (Client::new("one"), Client::new("two"));
    jig.settle(&mut [&mut one]);
    let ticket = jig.join(&two);
    two.member_id = jig.joined(ticket).member_id;
    assert_eq!(jig.heartbeat(&one), NONE);
    assert_eq!(jig.leave(&[&two]).members[0].error_code, NONE);
    assert_eq!(jig.heartbeat(&one), REBALANCE_IN_PROGRESS);
}

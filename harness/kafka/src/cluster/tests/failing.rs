//! Requests that fail by injection.

use ResponseError::*;
use kafka_protocol::messages::MetadataRequest;

use super::*;
use crate::fault::{Affected, ApiFailure, FailedRequests, RequestOutcome};
use crate::wire::served;

const PRODUCE: i16 = 0;
const FETCH: i16 = 1;

fn failing(api_key: i16, outcome: RequestOutcome, affected: Affected) -> ApiFailure {
    ApiFailure { api_key, outcome, affected, spared: Vec::new() }
}

fn error_of(error: ResponseError) -> RequestOutcome {
    RequestOutcome::Error(error.code())
}

/// A world whose broker 1 fails requests.
fn world(api_key: i16, outcome: RequestOutcome, affected: Affected) -> World {
    let mut world = World::with_topic();
    world.cluster.fail_requests(1, failing(api_key, outcome, affected)).unwrap();
    world
}

fn failed(requests: u64, carried_out: u64) -> FailedRequests {
    FailedRequests { requests, carried_out }
}

fn log_end(world: &World) -> i64 {
    super::replication::replicas(world)[0].log_end
}

/// Asks for an error, if the API can be refused: the answer says it and no other, and the codec
/// of the version reads it.
pub(super) fn refused_in_full<R: Message>(version: i16, request: &R) {
    let mut world = World::with_topic();
    let failure = failing(R::KEY, error_of(ThrottlingQuotaExceeded), Affected::All);
    if world.cluster.fail_requests(1, failure).is_err() {
        return;
    }
    let ticket = world.put(1, version, request);
    let response = world.take(ticket).expect("a refusal comes at once");
    let mut codes = Vec::new();
    response.errors(|code| codes.push(code));
    let expected = ThrottlingQuotaExceeded.code();
    assert!(codes.contains(&expected), "{response:?}");
    assert!(codes.iter().all(|code| [0, expected].contains(code)), "{response:?}");
    read_answer::<R>(response, version);
    assert_eq!(world.cluster.failed_requests(1, R::KEY), failed(1, 0));
}

#[test]
fn errors_are_known_for_what_producers_consumers_and_groups_ask() {
    let mut world = World::with_topic();
    let known = served().iter().filter(|api| {
        let failure = failing(api.key as i16, error_of(RequestTimedOut), Affected::All);
        world.cluster.fail_requests(1, failure).is_ok()
    });
    assert_eq!(known.count(), 21);
}

#[test]
fn a_refused_produce_writes_nothing_and_says_so_of_each_partition() {
    for version in 3..=12 {
        let mut world = world(PRODUCE, error_of(NotLeaderOrFollower), Affected::All);
        let answer = world.ask(1, version, &produce_request(0, -1, sample(3, None, 40)));
        let part = &answer.responses[0].partition_responses[0];
        assert_eq!((part.error_code, part.base_offset), (NotLeaderOrFollower.code(), -1));
        assert_eq!(log_end(&world), 0);
        assert_eq!(world.cluster.failed_requests(1, PRODUCE), failed(1, 0));
    }
}

#[test]
fn a_time_out_comes_after_the_write() {
    for error in [RequestTimedOut, NotEnoughReplicasAfterAppend] {
        let mut world = world(PRODUCE, error_of(error), Affected::All);
        assert_eq!(world.produce(1, -1, sample(3, None, 40)).error_code, error.code());
        assert_eq!(log_end(&world), 3, "written all the same");
        assert_eq!(world.cluster.failed_requests(1, PRODUCE), failed(1, 1));
    }
}

#[test]
fn a_lost_acknowledgement_is_a_write_and_a_closed_connection_and_the_retry_is_no_duplicate() {
    let mut world = world(PRODUCE, RequestOutcome::AnswerLost, Affected::Next(1));
    let batch = || sample(3, Some((7, 0, 0)), 40);
    let ticket = world.put(1, 9, &produce_request(0, -1, batch()));
    assert!(matches!(world.take(ticket), Some(Response::Close)));
    assert_eq!(log_end(&world), 3);
    assert_eq!(world.cluster.failed_requests(1, PRODUCE), failed(1, 1));
    let retried = world.produce(1, -1, batch());
    assert_eq!((retried.error_code, retried.base_offset, log_end(&world)), (0, 0, 3));
}

#[test]
fn an_answer_that_comes_late_is_lost_when_it_comes() {
    let mut world = world(FETCH, RequestOutcome::AnswerLost, Affected::All);
    let ticket = world.put(1, 12, &fetch_request(0, 0, 1, 500));
    assert!(world.take(ticket).is_none());
    assert_eq!(world.cluster.failed_requests(1, FETCH), failed(0, 0));
    world.produce(1, 1, sample(1, None, 40));
    assert!(matches!(world.take(ticket), Some(Response::Close)));
    assert_eq!(world.cluster.restore_requests(1, FETCH), failed(1, 1));
}

#[test]
fn a_request_that_waits_when_its_failure_is_healed_is_answered_as_it_comes() {
    let mut world = world(FETCH, RequestOutcome::AnswerLost, Affected::All);
    let healed = world.put(1, 12, &fetch_request(0, 0, 1, 500));
    assert_eq!(world.cluster.restore_requests(1, FETCH), failed(0, 0));
    let next = failing(FETCH, RequestOutcome::AnswerLost, Affected::Next(5));
    world.cluster.fail_requests(1, next).unwrap();
    world.produce(1, 1, sample(1, None, 40));
    assert!(matches!(world.take(healed), Some(Response::Fetch(_))));
    assert_eq!(world.cluster.failed_requests(1, FETCH), failed(0, 0), "the next one did nothing");
}

#[test]
fn a_carried_out_request_that_goes_wrong_by_itself_is_not_counted_as_done() {
    let mut world = world(PRODUCE, RequestOutcome::AnswerLost, Affected::All);
    let ticket = world.put(1, 9, &produce_request(1, 1, sample(1, None, 40)));
    assert!(matches!(world.take(ticket), Some(Response::Close)));
    assert_eq!(world.cluster.failed_requests(1, PRODUCE), failed(1, 0), "broker 2 leads it");
}

#[test]
fn without_acknowledgement_an_error_closes_the_connection_and_nothing_can_be_lost() {
    let mut world = world(PRODUCE, error_of(NotLeaderOrFollower), Affected::All);
    let unacknowledged = produce_request(0, 0, sample(3, None, 40));
    let ticket = world.put(1, 9, &unacknowledged);
    assert!(matches!(world.take(ticket), Some(Response::Close)));
    assert_eq!(log_end(&world), 0);
    let lost = failing(PRODUCE, RequestOutcome::AnswerLost, Affected::All);
    world.cluster.fail_requests(1, lost).unwrap();
    let ticket = world.put(1, 9, &unacknowledged);
    assert!(matches!(world.take(ticket), Some(Response::Nothing)));
    assert_eq!((log_end(&world), world.cluster.failed_requests(1, PRODUCE)), (3, failed(0, 0)));
}

#[test]
fn so_many_requests_fail_and_then_none() {
    let mut world = world(PRODUCE, error_of(KafkaStorageError), Affected::Next(2));
    let codes = [0; 4].map(|_| world.produce(1, 1, sample(1, None, 40)).error_code);
    assert_eq!(codes, [56, 56, 0, 0]);
    assert_eq!(world.produce(2, 1, sample(1, None, 40)).error_code, 0, "the others are well");
    assert_eq!(world.cluster.restore_requests(1, PRODUCE), failed(2, 0));
    assert_eq!(world.cluster.restore_requests(1, PRODUCE), failed(0, 0), "healed twice");
}

#[test]
fn a_share_of_the_requests_fails_and_with_one_seed_the_same() {
    let run = || {
        let mut world = world(PRODUCE, error_of(KafkaStorageError), Affected::Share(0.25));
        let failed = |_| world.produce(1, 1, sample(1, None, 0)).error_code != 0;
        (0..400).map(failed).collect::<Vec<bool>>()
    };
    let (first, count) = (run(), run().iter().filter(|failed| **failed).count());
    // Five standard deviations of a binomial distribution around 100.
    assert!((56..=144).contains(&count), "{count}");
    assert_eq!(first, run());
}

#[test]
fn a_refused_fetch_says_so_of_each_partition_of_its_session() {
    let mut world = World::with_topic();
    world.produce(1, 1, sample(2, None, 40));
    let session = fetch_request(0, 0, 0, 0).with_session_epoch(0);
    let first = world.ask(1, 12, &session);
    assert_eq!(bases(&first), [0]);
    let refused = failing(FETCH, error_of(NotLeaderOrFollower), Affected::Next(1));
    world.cluster.fail_requests(1, refused).unwrap();
    let next = |epoch| {
        let request = fetch_request(0, 0, 0, 0).with_topics(Vec::new());
        request.with_session_id(first.session_id).with_session_epoch(epoch)
    };
    let answer = world.ask(1, 12, &next(1));
    assert_eq!((answer.error_code, error(&answer)), (0, NotLeaderOrFollower.code()));
    assert_eq!(bases(&world.ask(1, 12, &next(2))), [0], "the session goes on");
    let of_session = failing(FETCH, error_of(FetchSessionIdNotFound), Affected::All);
    world.cluster.fail_requests(1, of_session).unwrap();
    let answer = world.ask(1, 12, &next(3));
    assert_eq!((answer.error_code, answer.responses.len()), (FetchSessionIdNotFound.code(), 0));
}

#[test]
fn only_answers_that_say_the_error_are_counted_and_used_up() {
    const METADATA: i16 = 3;
    let error = error_of(LeaderNotAvailable);
    let mut world = world(METADATA, error, Affected::Next(1));
    let of_brokers = MetadataRequest::default().with_topics(Some(Vec::new()));
    assert_eq!(world.ask(1, 9, &of_brokers).brokers.len(), 3, "it names no topic");
    assert_eq!(world.cluster.failed_requests(1, METADATA), failed(0, 0));
    let of_topics = MetadataRequest::default().with_topics(None);
    assert_eq!(world.ask(1, 9, &of_topics).topics[0].error_code, LeaderNotAvailable.code());
    assert_eq!(world.cluster.restore_requests(1, METADATA), failed(1, 0));
    world.cluster.fail_requests(1, failing(FETCH, error, Affected::All)).unwrap();
    let of_no_session = fetch_request(0, 0, 0, 0).with_session_id(5).with_session_epoch(1);
    assert_eq!(world.ask(1, 12, &of_no_session).error_code, FetchSessionIdNotFound.code());
    assert_eq!(world.cluster.restore_requests(1, FETCH), failed(0, 0));
}

#[test]
fn requests_of_spared_clients_neither_fail_nor_wait() {
    for (spared, code) in [("node-1/tester", 0), ("node-1", 56)] {
        let spare = vec!["other".to_owned(), spared.to_owned()];
        let failure = failing(PRODUCE, error_of(KafkaStorageError), Affected::All);
        let mut world = World::with_topic();
        world.cluster.fail_requests(1, ApiFailure { spared: spare, ..failure }).unwrap();
        assert_eq!(world.produce(1, 1, sample(1, None, 40)).error_code, code);
        let is_hit = u64::from(code != 0);
        assert_eq!(world.cluster.failed_requests(1, PRODUCE), failed(is_hit, 0));
        world.cluster.stall(world.now, (1, FETCH), SECOND, &["other", spared]).unwrap();
        let ticket = world.put(1, 12, &fetch_request(0, 0, 0, 0));
        assert_eq!(world.take(ticket).is_none(), code != 0);
        assert_eq!(world.cluster.stalled_requests(1, FETCH), is_hit);
    }
}

#[test]
fn what_cannot_fail_is_refused_with_the_field() {
    let mut world = World::with_topic();
    let mut refuse =
        |broker, failure| world.cluster.fail_requests(broker, failure).unwrap_err().to_string();
    let lost = RequestOutcome::AnswerLost;
    assert_eq!(refuse(9, failing(0, lost, Affected::All)), "broker 9: no such broker");
    assert_eq!(refuse(1, failing(99, lost, Affected::All)), "api key 99: is not served");
    for share in [0.0, -0.5, 1.01, f64::NAN, f64::INFINITY] {
        let refused = refuse(1, failing(0, lost, Affected::Share(share)));
        assert_eq!(refused, "failing requests, affected: the share must be above 0 and at most 1");
    }
    assert!(refuse(1, failing(0, lost, Affected::Next(0))).contains("at least 1"));
    for code in [0, 999, i16::MAX] {
        let refused = refuse(1, failing(0, RequestOutcome::Error(code), Affected::All));
        assert!(refused.starts_with("failing requests, outcome:"), "{refused}");
    }
    let api_versions = refuse(1, failing(18, error_of(RequestTimedOut), Affected::All));
    assert!(api_versions.starts_with("failing requests, api_key:"), "{api_versions}");
}

#[test]
fn a_simulated_connection_closes_when_its_answer_is_lost() {
    let mut cluster = crate::Simulation::new(ClusterConfig::with_brokers(1));
    let failure = failing(18, RequestOutcome::AnswerLost, Affected::Next(1));
    cluster.fail_requests(1, failure).unwrap();
    let api_versions = [0, 18, 0, 0, 0, 0, 0, 7, 0xff, 0xff];
    let connection = cluster.connect(1).unwrap();
    cluster.send(connection, &api_versions);
    assert!(cluster.receive(connection).is_none() && !cluster.is_open(connection));
    assert_eq!(cluster.restore_requests(1, 18), failed(1, 1));
    let connection = cluster.connect(1).unwrap();
    cluster.send(connection, &api_versions);
    assert!(cluster.receive(connection).is_some());
}

#[test]
fn a_stall_that_is_ended_lets_go_of_what_it_held_back() {
    let mut world = World::with_topic();
    world.cluster.stall(world.now, (1, FETCH), 60 * SECOND, &[]).unwrap();
    let ticket = world.put(1, 12, &fetch_request(0, 0, 0, 0));
    assert!(world.take(ticket).is_none());
    assert_eq!(world.cluster.stalled_requests(1, FETCH), 1);
    world.pass(SECOND);
    assert_eq!(world.cluster.end_stall(world.now, 1, FETCH, &mut world.late), 1);
    assert!(matches!(world.take(ticket), Some(Response::Fetch(_))));
    assert_eq!(world.cluster.end_stall(world.now, 1, FETCH, &mut world.late), 0);
    assert_eq!(error(&world.fetch(1, 0, 0)), 0, "later ones do not wait");
}

#[test]
fn who_waited_for_a_stall_comes_before_who_comes_when_it_is_over() {
    let mut world = World::with_topic();
    world.cluster.stall(world.now, (1, PRODUCE), SECOND, &[]).unwrap();
    let [first, second] = [1, 2].map(|count| {
        let ticket = world.put(1, 9, &produce_request(0, 1, sample(count, None, 40)));
        world.now += SECOND;
        ticket
    });
    let mut base = |ticket| match world.take(ticket) {
        Some(Response::Produce(answer)) => answer.responses[0].partition_responses[0].base_offset,
        other => panic!("{other:?}"),
    };
    assert_eq!((base(first), base(second)), (0, 1));
}

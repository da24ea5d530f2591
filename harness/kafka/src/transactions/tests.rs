use kafka_protocol::ResponseError::{
    self, ConcurrentTransactions, InvalidProducerIdMapping, InvalidRequest,
    InvalidTransactionTimeout, InvalidTxnState, PolicyViolation, ProducerFenced,
    TransactionAbortable,
};

use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// A coordinator and one transactional id.
struct World {
    coordinator: Coordinator,
    now: Duration,
}

fn id() -> StrBytes {
    StrBytes::from_static_str("t")
}

fn key(id: i64, epoch: i16) -> ProducerKey {
    ProducerKey { id, epoch }
}

fn partition(index: i32) -> Participant {
    Participant::Partition(StrBytes::from_static_str("topic"), index)
}

impl World {
    fn new() -> Self {
        Self { coordinator: Coordinator::new(TransactionConfig::default()), now: SECOND }
    }

    fn init(&mut self, expected: Option<ProducerKey>) -> Result<ProducerKey, ResponseError> {
        self.coordinator.init(self.now, &id(), 1_000, expected)
    }

    fn add(&mut self, producer: ProducerKey, index: i32) -> Result<(), ResponseError> {
        let who = BTreeSet::from([partition(index)]);
        self.coordinator.add(self.now, &id(), producer, &who, true)
    }

    fn end(&mut self, producer: ProducerKey, commit: bool) -> Result<ProducerKey, ResponseError> {
        self.coordinator.end(self.now, &id(), producer, commit, true)
    }

    fn end_in_same_epoch(
        &mut self,
        producer: ProducerKey,
        commit: bool,
    ) -> Result<ProducerKey, ResponseError> {
        self.coordinator.end(self.now, &id(), producer, commit, false)
    }

    /// Writes the markers of what was prepared and gives their producer.
    fn mark(&mut self) -> Option<(ProducerKey, bool)> {
        let prepared = self.coordinator.take_prepared().pop()?;
        let completion = self.coordinator.completion(&prepared)?;
        let marker = (completion.producer, completion.commit);
        let participants = completion.participants.clone();
        for who in &participants {
            self.coordinator.marked(self.now, &prepared, who);
        }
        self.coordinator.complete_if_marked(self.now, &prepared);
        Some(marker)
    }

    fn state(&self) -> TransactionState {
        self.coordinator.describe(&id()).unwrap().state
    }

    /// A producer at the last epoch that clients get.
    fn at_last_epoch(&mut self) -> ProducerKey {
        let producer = self.init(None).unwrap();
        let known = self.coordinator.transactions.get_mut(&id()).unwrap();
        known.epoch = i16::MAX - 1;
        key(producer.id, i16::MAX - 1)
    }
}

#[test]
fn the_second_to_take_an_id_fences_the_first() {
    let mut world = World::new();
    let first = world.init(None).unwrap();
    let second = world.init(None).unwrap();
    assert_eq!((first, second), (key(1, 0), key(1, 1)));
    assert_eq!(world.add(first, 0), Err(ProducerFenced));
    assert_eq!(world.end(first, true), Err(ProducerFenced));
    assert_eq!(world.add(key(99, 1), 0), Err(InvalidProducerIdMapping));
    assert_eq!(world.add(second, 0), Ok(()));
}

#[test]
fn taking_an_id_aborts_what_its_holder_left_open() {
    let mut world = World::new();
    let first = world.init(None).unwrap();
    world.add(first, 0).unwrap();
    assert_eq!(world.init(None), Err(ConcurrentTransactions));
    assert_eq!(world.state(), TransactionState::PrepareAbort);
    assert_eq!(world.init(None), Err(ConcurrentTransactions), "the markers are not written yet");
    assert_eq!(world.mark(), Some((key(1, 1), false)));
    assert_eq!(world.init(None), Ok(key(1, 2)), "the epoch of the abort is nobody's");
}

#[test]
fn a_producer_that_recovers_raises_its_own_epoch() {
    let mut world = World::new();
    let producer = world.init(None).unwrap();
    let raised = world.init(Some(producer)).unwrap();
    assert_eq!(raised, key(1, 1));
    assert_eq!(world.init(Some(producer)), Ok(raised), "the answer was lost and asked for again");
    let other = world.init(None).unwrap();
    assert_eq!(other, key(1, 2));
    assert_eq!(world.init(Some(raised)), Err(ProducerFenced));
    assert_eq!(world.init(Some(key(77, 2))), Err(ProducerFenced));
}

#[test]
fn a_producer_unknown_by_now_recovers_with_a_new_id() {
    let mut world = World::new();
    assert_eq!(world.init(Some(key(500, 9))), Ok(key(1, 0)));
}

#[test]
fn timeouts_and_ids_are_bounded() {
    let mut world = World::new();
    let mut init = |id: &str, timeout_ms| {
        let id = StrBytes::from_string(id.to_owned());
        world.coordinator.init(SECOND, &id, timeout_ms, None).err()
    };
    assert_eq!(init("t", 0), Some(InvalidTransactionTimeout));
    assert_eq!(init("t", -5), Some(InvalidTransactionTimeout));
    assert_eq!(init("t", 900_001), Some(InvalidTransactionTimeout));
    assert_eq!(init("t", 900_000), None);
    assert_eq!(init("", 1), Some(InvalidRequest));
    assert_eq!(init(&"x".repeat(1_025), 1), Some(InvalidRequest));
}

#[test]
fn an_end_raises_the_epoch_and_a_repeated_one_is_answered_alike() {
    for commit in [true, false] {
        let mut world = World::new();
        let producer = world.init(None).unwrap();
        world.add(producer, 0).unwrap();
        let next = world.end(producer, commit).unwrap();
        assert_eq!(next, key(1, 1));
        assert_eq!(world.end(producer, commit), Err(ConcurrentTransactions));
        assert_eq!(world.add(next, 0), Err(ConcurrentTransactions));
        assert_eq!(world.mark(), Some((key(1, 1), commit)), "the marker has the new epoch");
        assert_eq!(world.end(producer, commit), Ok(next));
        assert_eq!(world.end(producer, !commit), Err(InvalidTxnState));
        assert_eq!(world.end(next, true), Err(InvalidTxnState));
        assert_eq!(world.end(next, false), Ok(key(1, 2)), "an abort of nothing raises it too");
        assert_eq!(world.mark(), Some((key(1, 2), false)));
        assert_eq!(world.state(), TransactionState::CompleteAbort);
    }
}

#[test]
fn what_was_never_begun_can_be_aborted_but_not_committed() {
    let mut world = World::new();
    let producer = world.init(None).unwrap();
    assert_eq!(world.end(producer, true), Err(InvalidTxnState));
    assert_eq!(world.end(key(1, 5), false), Err(ProducerFenced));
    assert_eq!(world.end(producer, false), Ok(key(1, 1)));
    assert_eq!(world.end_in_same_epoch(key(1, 1), false), Err(ConcurrentTransactions));
    world.mark();
    let mut world = World::new();
    let producer = world.init(None).unwrap();
    assert_eq!(world.end_in_same_epoch(producer, false), Err(InvalidTxnState));
}

#[test]
fn old_clients_keep_their_epoch() {
    let mut world = World::new();
    let producer = world.init(None).unwrap();
    world.add(producer, 0).unwrap();
    assert_eq!(world.end_in_same_epoch(producer, true), Ok(producer));
    assert_eq!(world.mark(), Some((producer, true)));
    assert_eq!(world.end_in_same_epoch(producer, true), Ok(producer));
    assert_eq!(world.end_in_same_epoch(producer, false), Err(InvalidTxnState));
    assert_eq!(world.add(producer, 1), Ok(()));
}

#[test]
fn used_up_epochs_are_exchanged_for_a_new_producer_id() {
    let mut world = World::new();
    let last = world.at_last_epoch();
    world.add(last, 0).unwrap();
    let next = world.end(last, true).unwrap();
    assert_eq!(next, key(2, 0));
    assert_eq!(world.mark(), Some((key(1, i16::MAX), true)), "the marker is for the old id");
    assert_eq!(world.end(last, true), Ok(next), "a repeated end is known by the old id");
    assert_eq!(world.add(next, 0), Ok(()));

    let mut world = World::new();
    let last = world.at_last_epoch();
    assert_eq!(world.init(Some(last)), Ok(key(2, 0)));
    assert_eq!(world.init(Some(last)), Ok(key(2, 0)), "the answer was lost");
    assert_eq!(world.init(None), Ok(key(2, 1)));
}

#[test]
fn a_transaction_is_aborted_when_its_time_is_up() {
    let mut world = World::new();
    let producer = world.init(None).unwrap();
    assert_eq!(world.coordinator.next_deadline(), None);
    world.add(producer, 0).unwrap();
    world.now += SECOND / 2;
    world.add(producer, 1).unwrap();
    assert_eq!(world.coordinator.next_deadline(), Some(2 * SECOND), "it counts from the start");
    world.coordinator.abort_due(2 * SECOND, |_| false, SECOND);
    assert_eq!(world.state(), TransactionState::Ongoing, "its coordinator is away");
    world.coordinator.abort_due(3 * SECOND, |_| true, SECOND);
    assert_eq!(world.coordinator.next_deadline(), None);
    assert_eq!(world.mark(), Some((key(1, 1), false)));
    assert_eq!(world.end(producer, true), Err(InvalidTxnState), "as a commit of what was aborted");
    assert_eq!(world.add(producer, 0), Err(ProducerFenced));
}

#[test]
fn only_what_was_added_is_in_the_transaction() {
    let mut world = World::new();
    let producer = world.init(None).unwrap();
    world.add(producer, 0).unwrap();
    let mut verify = |key, index| world.coordinator.verify(&id(), key, &partition(index));
    assert_eq!(verify(producer, 0), Ok(()));
    assert_eq!(verify(producer, 1), Err(TransactionAbortable));
    assert_eq!(verify(key(1, 9), 0), Err(ProducerFenced));
    assert_eq!(verify(key(9, 0), 0), Err(InvalidProducerIdMapping));
    world.end_in_same_epoch(producer, true).unwrap();
    let late = world.coordinator.verify(&id(), producer, &partition(0));
    assert_eq!(late, Err(ConcurrentTransactions));
}

#[test]
fn a_transaction_is_complete_with_its_last_marker() {
    let mut world = World::new();
    let producer = world.init(None).unwrap();
    world.add(producer, 0).unwrap();
    world.add(producer, 1).unwrap();
    assert!(!world.coordinator.marked(SECOND, &id(), &partition(0)), "it is not prepared yet");
    world.end(producer, true).unwrap();
    assert_eq!(world.coordinator.completing().count(), 1);
    assert!(!world.coordinator.marked(SECOND, &id(), &partition(0)));
    assert!(world.coordinator.marked(SECOND, &id(), &partition(1)));
    assert_eq!(world.state(), TransactionState::CompleteCommit);
    assert_eq!(world.coordinator.participants, 0);
}

#[test]
fn unused_ids_expire_and_make_room() {
    let config = TransactionConfig { ids_max: 2, participants_max: 1, ..Default::default() };
    let mut coordinator = Coordinator::new(config);
    let named = |name: &'static str| StrBytes::from_static_str(name);
    let mut init = |now, name| coordinator.init(now, &named(name), 1_000, None);
    let (first, second) = (init(SECOND, "a").unwrap(), init(2 * SECOND, "b").unwrap());
    let one = BTreeSet::from([partition(0)]);
    coordinator.add(SECOND, &named("a"), first, &one, true).unwrap();
    let full = coordinator.add(SECOND, &named("b"), second, &one, true);
    assert_eq!(full, Err(PolicyViolation));
    coordinator.init(3 * SECOND, &named("c"), 1_000, None).unwrap();
    let names: Vec<_> = coordinator.views().into_iter().map(|view| view.id).collect();
    assert_eq!(names, ["a", "c"], "b was idle, a is not");
    coordinator.expire(8 * 24 * 3600 * SECOND);
    assert_eq!(coordinator.views().len(), 1, "a transaction under way does not expire");
}

#[test]
fn lists_are_filtered() {
    let mut world = World::new();
    let producer = world.init(None).unwrap();
    world.add(producer, 0).unwrap();
    world.coordinator.init(SECOND, &StrBytes::from_static_str("u"), 1_000, None).unwrap();
    let ids = |listing: Listing| -> Vec<String> {
        let views = world.coordinator.list_matching(3 * SECOND, &listing);
        views.into_iter().map(|view| view.id).collect()
    };
    let named = |name| vec![StrBytes::from_static_str(name)];
    assert_eq!(ids(Listing::default()), ["t", "u"]);
    assert_eq!(ids(Listing { states: named("Ongoing"), ..Default::default() }), ["t"]);
    assert_eq!(ids(Listing { producer_ids: vec![2], ..Default::default() }), ["u"]);
    let nonsense = Listing { states: named("Odd"), ..Default::default() };
    assert_eq!(nonsense.unknown_states(), named("Odd"));
    assert!(ids(nonsense).is_empty());
    assert_eq!(ids(Listing { longer_than: Some(SECOND), ..Default::default() }), ["t", "u"]);
    assert_eq!(ids(Listing { longer_than: Some(2 * SECOND), ..Default::default() }), ["u"]);
}

//! Incremental fetches (KIP-227): a client names its partitions once, then only what changes, and
//! is answered only about partitions that have something new. Rules and eviction are those of
//! Kafka's `FetchSession` and `FetchManager`.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use kafka_protocol::ResponseError;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::{FetchRequest, TopicName};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use uuid::Uuid;

use crate::wire::{FetchAnswer, FetchedPartition, FetchedTopic};

/// Sessions of one broker (`max.incremental.fetch.session.cache.slots`).
const SESSIONS_MAX: usize = 1_000;

/// Partitions in all sessions of one broker.
const PARTITIONS_MAX: usize = 200_000;

/// A session unused for so long may be replaced, and a younger one may not.
const EVICTION: Duration = Duration::from_secs(120);

/// A request that wants a new session, and one that wants none.
const EPOCH_FIRST: i32 = 0;
const EPOCH_NONE: i32 = -1;

/// The first version of Fetch that names topics by their ids.
const VERSION_WITH_IDS: i16 = 13;

/// How a request stands to a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Context {
    /// It has none and wants none.
    Sessionless,
    /// It names all its partitions and wants a session.
    Full,
    /// It continues session `id`, whose epoch is `epoch` while this is its latest request.
    Incremental { id: i32, epoch: i32 },
}

type Key = (TopicName, Uuid, i32);

/// A partition in a session: what the client wants, and what it was told last.
#[derive(Debug)]
struct Cached {
    key: Key,
    wanted: FetchPartition,
    high_watermark: i64,
    log_start: i64,
}

#[derive(Debug)]
struct Session {
    by_id: bool,
    epoch: i32,
    created: Duration,
    last_used: Duration,
    /// In the order in which they are read; who gave records goes to the end.
    order: BTreeMap<u64, Cached>,
    places: HashMap<Key, u64>,
    next_place: u64,
    /// The size as the cache counts it.
    cached_size: usize,
}

/// The sessions of one broker. They end with its process.
#[derive(Debug)]
pub(super) struct FetchSessions {
    sessions: BTreeMap<i32, Session>,
    last_used: BTreeSet<(Duration, i32)>,
    /// Sessions old enough to make room for a larger one, by size.
    evictable: BTreeSet<(usize, i32)>,
    partitions: usize,
    random: ChaCha8Rng,
}

impl FetchSessions {
    pub(super) fn new(seed: u64, broker: i32) -> Self {
        Self {
            sessions: BTreeMap::new(),
            last_used: BTreeSet::new(),
            evictable: BTreeSet::new(),
            partitions: 0,
            random: ChaCha8Rng::seed_from_u64(seed ^ (u64::from(broker.unsigned_abs()) << 32)),
        }
    }

    /// Finds the session of a request and completes the request with the session's partitions.
    pub(super) fn open(
        &mut self,
        now: Duration,
        version: i16,
        request: &mut FetchRequest,
    ) -> Result<Context, ResponseError> {
        let (id, epoch) = (request.session_id, request.session_epoch);
        if matches!(epoch, EPOCH_FIRST | EPOCH_NONE) {
            self.remove(id);
            let full = epoch == EPOCH_FIRST;
            return Ok(if full { Context::Full } else { Context::Sessionless });
        }
        let session = self.sessions.get_mut(&id).ok_or(ResponseError::FetchSessionIdNotFound)?;
        if session.epoch != epoch {
            return Err(ResponseError::InvalidFetchSessionEpoch);
        }
        if session.by_id != (version >= VERSION_WITH_IDS) {
            return Err(ResponseError::FetchSessionTopicIdError);
        }
        session.update(request);
        let size = session.order.len();
        if size == 0 {
            self.remove(id);
            return Ok(Context::Sessionless);
        }
        if self.partitions - session.cached_size + size > PARTITIONS_MAX {
            self.remove(id);
            return Err(ResponseError::FetchSessionIdNotFound);
        }
        session.epoch = next_epoch(epoch);
        request.topics = session.topics();
        let epoch = session.epoch;
        self.touch(now, id);
        Ok(Context::Incremental { id, epoch })
    }

    /// Leaves in the answer what the session's client does not know yet, or begins a session.
    pub(super) fn close(
        &mut self,
        now: Duration,
        version: i16,
        context: Context,
        request: &FetchRequest,
        answer: &mut FetchAnswer,
    ) {
        match context {
            Context::Sessionless => {}
            Context::Full => {
                answer.session_id = self.create(now, version, request, answer).unwrap_or(0);
            }
            Context::Incremental { id, epoch } => {
                answer.session_id = id;
                match self.sessions.get_mut(&id) {
                    Some(session) if session.epoch == epoch => session.prune(&mut answer.topics),
                    Some(_) => {
                        answer.topics.clear();
                        answer.error_code = ResponseError::InvalidFetchSessionEpoch.code();
                    }
                    // Evicted meanwhile: the client is told everything, and next time so.
                    None => {}
                }
            }
        }
    }

    fn create(
        &mut self,
        now: Duration,
        version: i16,
        request: &FetchRequest,
        answer: &FetchAnswer,
    ) -> Option<i32> {
        let size = request.topics.iter().map(|topic| topic.partitions.len()).sum::<usize>();
        if self.sessions.len() >= SESSIONS_MAX && !self.evict(now, size) {
            return None;
        }
        if self.partitions + size > PARTITIONS_MAX {
            return None;
        }
        let id = loop {
            let id = self.random.random_range(1..i32::MAX);
            if !self.sessions.contains_key(&id) {
                break id;
            }
        };
        let mut session = Session {
            by_id: version >= VERSION_WITH_IDS,
            epoch: next_epoch(EPOCH_FIRST),
            created: now,
            last_used: now,
            order: BTreeMap::new(),
            places: HashMap::new(),
            next_place: 0,
            cached_size: 0,
        };
        session.update(request);
        for (topic, read) in answer
            .topics
            .iter()
            .flat_map(|topic| topic.partitions.iter().map(move |partition| (topic, partition)))
        {
            session.told(&(topic.name.clone(), topic.id, read.index), read);
        }
        self.sessions.insert(id, session);
        self.touch(now, id);
        Some(id)
    }

    /// Makes room for a session of `size` partitions: one that is unused for long goes, or an old
    /// one that is not larger.
    fn evict(&mut self, now: Duration, size: usize) -> bool {
        let stale = self.last_used.first().filter(|(used, _)| now.saturating_sub(*used) > EVICTION);
        let small = self.evictable.first().filter(|&&smallest| (size, 0) >= smallest);
        let Some(id) = stale.map(|&(_, id)| id).or(small.map(|&(_, id)| id)) else { return false };
        self.remove(id);
        true
    }

    fn remove(&mut self, id: i32) {
        if let Some(session) = self.sessions.remove(&id) {
            self.last_used.remove(&(session.last_used, id));
            self.evictable.remove(&(session.cached_size, id));
            self.partitions -= session.cached_size;
        }
    }

    fn touch(&mut self, now: Duration, id: i32) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        self.last_used.remove(&(session.last_used, id));
        self.evictable.remove(&(session.cached_size, id));
        self.partitions -= session.cached_size;
        (session.last_used, session.cached_size) = (now, session.order.len());
        self.last_used.insert((now, id));
        if now.saturating_sub(session.created) > EVICTION {
            self.evictable.insert((session.cached_size, id));
        }
        self.partitions += session.cached_size;
    }
}

impl Session {
    /// Takes in the partitions that a request names and lets go of those that it forgets.
    fn update(&mut self, request: &FetchRequest) {
        for topic in &request.topics {
            for wanted in &topic.partitions {
                let key = (topic.topic.clone(), topic.topic_id, wanted.partition);
                let known = self.places.get(&key).and_then(|place| self.order.get_mut(place));
                match known {
                    Some(cached) => cached.wanted = wanted.clone(),
                    None => self.append(Cached {
                        key,
                        wanted: wanted.clone(),
                        high_watermark: -1,
                        log_start: -1,
                    }),
                }
            }
        }
        for topic in &request.forgotten_topics_data {
            for &partition in &topic.partitions {
                let key = (topic.topic.clone(), topic.topic_id, partition);
                if let Some(place) = self.places.remove(&key) {
                    self.order.remove(&place);
                }
            }
        }
    }

    fn append(&mut self, cached: Cached) {
        self.places.insert(cached.key.clone(), self.next_place);
        self.order.insert(self.next_place, cached);
        self.next_place += 1;
    }

    /// The session's partitions as a request names them, neighbours of one topic together.
    fn topics(&self) -> Vec<FetchTopic> {
        let mut topics: Vec<FetchTopic> = Vec::new();
        for Cached { key: (name, id, _), wanted, .. } in self.order.values() {
            match topics.last_mut() {
                Some(last) if last.topic == *name && last.topic_id == *id => {
                    last.partitions.push(wanted.clone());
                }
                _ => topics.push(
                    FetchTopic::default()
                        .with_topic(name.clone())
                        .with_topic_id(*id)
                        .with_partitions(vec![wanted.clone()]),
                ),
            }
        }
        topics
    }

    fn prune(&mut self, topics: &mut Vec<FetchedTopic>) {
        for topic in topics.iter_mut() {
            let (name, id) = (&topic.name, topic.id);
            topic.partitions.retain(|read| self.told(&(name.clone(), id, read.index), read));
        }
        topics.retain(|topic| !topic.partitions.is_empty());
    }

    /// Remembers what the client is told. Whether there is anything to tell.
    fn told(&mut self, key: &Key, read: &FetchedPartition) -> bool {
        let Some(&place) = self.places.get(key) else { return true };
        let Some(cached) = self.order.get_mut(&place) else { return true };
        let moved =
            (cached.high_watermark, cached.log_start) != (read.high_watermark, read.log_start);
        (cached.high_watermark, cached.log_start) = (read.high_watermark, read.log_start);
        if read.error_code != 0 {
            // So that the partition is told again when the error is over.
            cached.high_watermark = -1;
        }
        let records = !read.batches.is_empty();
        if records && let Some(cached) = self.order.remove(&place) {
            self.append(cached);
        }
        moved || records || read.error_code != 0
    }
}

fn next_epoch(epoch: i32) -> i32 {
    epoch.checked_add(1).unwrap_or(1)
}

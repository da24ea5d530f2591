//! The cluster as a pure state machine: a request at a broker and the time go in, answers come
//! out, now or when a later call brings them about. No socket, no task, no clock, and randomness
//! from a seed: the same calls give the same answers.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::config::ClusterConfig;
use crate::coordinator::{ClientInfo, Coordinator, GroupConfig, Reply, Ticket};
use crate::fault::Defect;
use crate::quota::Quotas;
use crate::security::Credentials;
use crate::wire::{AdminRequest, AdminResponse, Request, Response};

mod access;
mod admin;
mod brokers;
mod by_topic;
mod commits;
mod configs;
mod consumer_groups;
mod controller;
mod creation;
mod description;
mod elections;
mod failing;
mod failures;
mod fetch;
mod fetch_sessions;
mod groups;
mod inspection;
mod internal;
mod knowledge;
mod metadata;
mod offsets;
mod out_of_order;
mod partition;
mod produce;
mod quorum;
mod reassignments;
mod replicas;
mod replication;
mod stalls;
mod survey;
mod topics;
mod traffic;
mod transactions;

use brokers::Broker;
use configs::Defaults;
use failing::Failing;
pub(crate) use failing::{FailingApi, follows_the_write, refusal, says};
use fetch::ParkedFetch;
use fetch_sessions::FetchSessions;
use produce::ParkedProduce;
use stalls::Stall;
pub(crate) use survey::{BrokerSurvey, Survey};
use topics::{TopicIndex, Topics};
pub(crate) use traffic::Traffic;
use traffic::TrafficMeter;
use transactions::Transacting;

/// How often retention by time is looked at.
const RETENTION_PERIOD: Duration = Duration::from_secs(1);

/// Groups are spread over so many slots, each with a coordinating broker, as Kafka spreads them
/// over the partitions of its offsets topic.
const COORDINATOR_SLOTS: usize = 50;

/// Where a request came in.
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    pub(crate) ticket: Ticket,
    pub(crate) broker: i32,
    pub(crate) listener: usize,
    pub(crate) version: i16,
}

/// An answer to the request of `ticket`.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) ticket: Ticket,
    pub(crate) response: Response,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Timer {
    Fetch(Ticket),
    Produce(Ticket),
    Detect(i32),
    /// A controller takes over.
    Controller,
    /// A fetch answer arrives at a follower.
    Copy(PartitionKey, i32),
    /// Followers that lag for too long are looked for.
    Lag,
    /// Requests are no longer stalled.
    Resume,
    /// A slow disk has done.
    Held(Ticket),
    Retention,
    /// A parked request about transactions has waited long enough.
    Transaction(Ticket),
    /// Markers that could not be written are tried again.
    Markers,
    TransactionExpiry,
}

/// A request whose broker cannot serve it yet.
#[derive(Debug)]
struct Waiting {
    origin: Origin,
    client: ClientInfo,
    request: Request,
    /// It waits until then, and longer if its broker still cannot serve it.
    until: Duration,
    /// The stalled API that it is of.
    stalled: Option<i16>,
}

/// An answer that waits for a slow disk.
#[derive(Debug)]
struct Held {
    broker: i32,
    response: Response,
}

type PartitionKey = (TopicIndex, i32);

/// All brokers, topics and groups.
#[derive(Debug)]
pub(crate) struct Cluster {
    config: ClusterConfig,
    brokers: BTreeMap<i32, Broker>,
    listeners: Vec<String>,
    topics: Topics,
    coordinator: Coordinator,
    coordinator_slots: Vec<Option<i32>>,
    /// Leaders of internal topics may have changed.
    coordination_moved: bool,
    group_tickets: BTreeMap<Ticket, i32>,
    fetches: BTreeMap<Ticket, ParkedFetch>,
    fetch_sessions: BTreeMap<i32, FetchSessions>,
    produces: BTreeMap<Ticket, ParkedProduce>,
    timers: BTreeSet<(Duration, Timer)>,
    /// The broker that holds the active controller.
    controller: Option<i32>,
    /// How many controllers there have been.
    controller_epoch: i32,
    /// Whether any broker's copies take time.
    lagging: bool,
    /// Requests that a broker cannot serve yet; connections bound their number.
    waiting: Vec<Waiting>,
    held: BTreeMap<Ticket, Held>,
    /// Requests that wait by injection, by broker and API.
    stalls: BTreeMap<(i32, i16), Stall>,
    failing: Failing,
    /// The time of the last call.
    now: Duration,
    /// Parked fetches to be answered.
    woken: Vec<Ticket>,
    /// Parked produces to be looked at again.
    acknowledged: Vec<Ticket>,
    random: ChaCha8Rng,
    transactions: Transacting,
    /// Unix time at the cluster's time zero; zero while nobody has told it.
    started_at: Duration,
    next_first_replica: usize,
    cluster_id: String,
    /// What topics have that do not say otherwise.
    defaults: Defaults,
    /// Settings altered at single brokers.
    broker_configs: BTreeMap<i32, BTreeMap<String, String>>,
    traffic: TrafficMeter,
    credentials: Credentials,
    quotas: Quotas,
}

impl Cluster {
    /// A cluster of `config.brokers` running brokers without topics.
    pub(crate) fn new(config: ClusterConfig) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(config.seed);
        let groups = GroupConfig {
            initial_rebalance_delay: config.group_initial_rebalance_delay,
            session_timeout_min: config.session_timeout_min,
            session_timeout_max: config.session_timeout_max,
            sync_before_assignment: config.defect == Some(Defect::SyncBeforeAssignment),
            release_not_awaited: config.defect == Some(Defect::ReleaseNotAwaited),
            offsets_retention: config.offsets_retention,
            consumer_session_timeout: config.consumer_session_timeout,
            consumer_heartbeat_interval: config.consumer_heartbeat_interval,
            ..GroupConfig::default()
        };
        let ids: Vec<i32> = (1..=config.brokers as i32).collect();
        let slots = (0..COORDINATOR_SLOTS).map(|slot| Some(ids[slot % ids.len()])).collect();
        let cluster_id = admin::new_id(&mut random).simple().to_string();
        let controller = ids.first().copied();
        let broker = |id| (id, Broker::new(config.replication_lag));
        let brokers: BTreeMap<i32, Broker> = ids.iter().copied().map(broker).collect();
        let mut cluster = Self {
            coordinator: Coordinator::new(groups, config.seed),
            coordinator_slots: slots,
            coordination_moved: false,
            brokers,
            controller,
            controller_epoch: 1,
            lagging: false,
            waiting: Vec::new(),
            held: BTreeMap::new(),
            stalls: BTreeMap::new(),
            failing: Failing::default(),
            transactions: Transacting::new(&ids),
            listeners: Vec::new(),
            topics: Topics::default(),
            group_tickets: BTreeMap::new(),
            fetches: BTreeMap::new(),
            fetch_sessions: BTreeMap::new(),
            produces: BTreeMap::new(),
            timers: BTreeSet::from([
                (RETENTION_PERIOD, Timer::Retention),
                Transacting::first_timer(),
            ]),
            now: Duration::ZERO,
            woken: Vec::new(),
            acknowledged: Vec::new(),
            random,
            started_at: Duration::ZERO,
            next_first_replica: 0,
            cluster_id,
            defaults: Defaults::new(&config),
            broker_configs: BTreeMap::new(),
            traffic: TrafficMeter::default(),
            quotas: Quotas::default(),
            credentials: Credentials::new(&config.users, config.seed),
            config,
        };
        cluster.watch_lag();
        cluster
    }

    pub(crate) fn config(&self) -> &ClusterConfig {
        &self.config
    }

    /// Adds a listener whose sockets are at `addresses`, in the order of the brokers' ids.
    pub(crate) fn add_listener(&mut self, name: &str, addresses: &[SocketAddr]) -> usize {
        self.listeners.push(name.to_owned());
        for (broker, &address) in self.brokers.values_mut().zip(addresses) {
            broker.addresses.push(address);
        }
        self.listeners.len() - 1
    }

    /// The listeners' names, by their numbers.
    pub(crate) fn listeners(&self) -> &[String] {
        &self.listeners
    }

    /// The listener's number.
    pub(crate) fn listener(&self, name: &str) -> Option<usize> {
        self.listeners.iter().position(|known| known == name)
    }

    /// Sets what is answered for `broker` to clients of `listener`.
    pub(crate) fn advertise(&mut self, listener: usize, broker: i32, address: SocketAddr) -> bool {
        let broker = self.brokers.get_mut(&broker);
        let place = broker.and_then(|broker| broker.addresses.get_mut(listener));
        place.map(|place| *place = address).is_some()
    }

    /// Sets the Unix time at the cluster's time zero.
    pub(crate) fn set_started_at(&mut self, unix: Duration) {
        self.started_at = unix;
    }

    /// Unix time in milliseconds at `now`, if the cluster has been told what time it is.
    fn told_unix_ms(&self, now: Duration) -> Option<i64> {
        let told = !self.started_at.is_zero();
        told.then(|| i64::try_from((self.started_at + now).as_millis()).unwrap_or(i64::MAX))
    }

    /// Takes a request. Its answer and those that it brings about go to `answers`; nothing is
    /// answered at a broker that is down.
    pub(crate) fn handle(
        &mut self,
        now: Duration,
        origin: &Origin,
        client: &ClientInfo,
        request: Request,
        answers: &mut Vec<Answer>,
    ) {
        self.now = now;
        if !self.listens(origin.broker) {
            return;
        }
        if self.must_wait(origin.broker, &request) {
            return self.wait(origin, client, request, (now, None));
        }
        let response = match request {
            Request::ApiVersions { nameless: false } => metadata::api_versions(origin.version, 0),
            Request::ApiVersions { nameless: true } => metadata::refused_client(),
            Request::ApiVersionsUnsupported => metadata::api_versions(0, 35),
            Request::Admin(request) => {
                let response = Response::Admin(Box::new(self.administer(origin, *request)));
                self.settle(answers);
                response
            }
            Request::Metadata(request) => self.metadata(origin, request),
            Request::Produce(work) => return self.produce(now, origin, work, answers),
            Request::Fetch(request) => return self.fetch(now, origin, *request, answers),
            Request::ListOffsets(request) => self.list_offsets(origin, request),
            Request::OffsetForLeaderEpoch(request) => self.epoch_ends(origin, request),
            Request::CreateTopics(request) => self.create_topics(origin, request),
            Request::DeleteTopics(request) => {
                let response = self.delete_topics(request);
                self.tell_topics();
                self.settle(answers);
                response
            }
            Request::DeleteRecords(request) => self.delete_records(origin, request),
            Request::DescribeConfigs(request) => self.describe_configs(origin, request),
            Request::InitProducerId(request) => {
                let response = self.init_producer_id(origin, request);
                self.settle(answers);
                response
            }
            Request::Transaction(request) => {
                return self.transaction_request(origin, *request, answers);
            }
            Request::FindCoordinator(request) => self.find_coordinator(origin, request),
            request @ (Request::SaslHandshake(_)
            | Request::SaslAuthenticate(_)
            | Request::AlterUserScramCredentials(_)
            | Request::DescribeUserScramCredentials(_)
            | Request::AlterClientQuotas(_)
            | Request::DescribeClientQuotas(_)) => self.access_request(request),
            other => return self.group_request(now, origin, client, other, answers),
        };
        answers.push(Answer { ticket: origin.ticket, response });
    }

    fn administer(&mut self, origin: &Origin, request: AdminRequest) -> AdminResponse {
        match request {
            AdminRequest::AlterConfigs(request) => {
                AdminResponse::AlterConfigs(self.alter_configs(origin, request))
            }
            AdminRequest::IncrementalAlterConfigs(request) => {
                let response = self.alter_configs_step_by_step(origin, request);
                AdminResponse::IncrementalAlterConfigs(response)
            }
            AdminRequest::ListConfigResources(request) => {
                self.list_config_resources(origin, &request)
            }
            AdminRequest::ElectLeaders(request) => self.elect_leaders(request),
            AdminRequest::AlterPartitionReassignments(request) => self.alter_reassignments(request),
            AdminRequest::ListPartitionReassignments(request) => self.list_reassignments(request),
            AdminRequest::DescribeQuorum(request) => self.describe_quorum(origin, &request),
            AdminRequest::CreatePartitions(request) => self.create_partitions(request),
            AdminRequest::DescribeCluster(request) => self.describe_cluster(origin, request),
            AdminRequest::DescribeTopicPartitions(request) => {
                self.describe_topic_partitions(request)
            }
            AdminRequest::DescribeLogDirs(request) => self.describe_log_dirs(origin, request),
            AdminRequest::DescribeAcls(request) => description::describe_acls(&request),
            AdminRequest::CreateAcls(request) => description::create_acls(&request),
            AdminRequest::DeleteAcls(request) => description::delete_acls(&request),
        }
    }

    /// The client that sent these is gone; what they wait for is given up.
    pub(crate) fn abandon(&mut self, tickets: impl Iterator<Item = Ticket>) {
        for ticket in tickets {
            self.unpark_fetch(ticket);
            self.unpark_produce(ticket);
            self.held.remove(&ticket);
            self.waiting.retain(|waiting| waiting.origin.ticket != ticket);
            self.unpark_transaction(ticket);
            self.failing.forget(ticket);
            if self.group_tickets.remove(&ticket).is_some() {
                self.coordinator.abandon(ticket);
            }
        }
    }

    /// When [`Cluster::advance`] has something to do next.
    pub(crate) fn next_deadline(&self) -> Option<Duration> {
        let timer = self.timers.first().map(|&(at, _)| at);
        [timer, self.coordinator.next_deadline(), self.next_abort()].into_iter().flatten().min()
    }

    /// Does what is due at `now`.
    pub(crate) fn advance(&mut self, now: Duration, answers: &mut Vec<Answer>) {
        self.now = now;
        while let Some(&(at, timer)) = self.timers.first() {
            if at > now {
                break;
            }
            self.timers.pop_first();
            match timer {
                Timer::Fetch(ticket) => self.answer_fetch(ticket, answers),
                Timer::Produce(ticket) => self.expire_produce(ticket, answers),
                Timer::Detect(broker) => self.detect(now, broker, answers),
                Timer::Controller => self.take_over(now, answers),
                Timer::Copy(key, follower) => self.arrive(key, follower),
                Timer::Lag => self.shrink_in_sync_sets(),
                Timer::Resume => self.resume(answers),
                Timer::Held(ticket) => self.release(ticket, answers),
                Timer::Retention => self.retain(now),
                Timer::Transaction(ticket) => self.expire_transaction(ticket, answers),
                Timer::Markers => self.retry_markers(),
                Timer::TransactionExpiry => self.expire_producers(),
            }
        }
        self.abort_overdue();
        self.settle(answers);
        let mut replies = Vec::new();
        self.tell_topics();
        self.coordinator.advance(now, &mut replies);
        self.pass_replies(replies, answers);
    }

    /// Answers everything that the changes made so far have completed.
    fn settle(&mut self, answers: &mut Vec<Answer>) {
        self.follow_leaders(answers);
        self.settle_transactions(answers);
        self.settle_produces(answers);
        for ticket in std::mem::take(&mut self.woken) {
            self.answer_fetch(ticket, answers);
        }
    }

    fn pass_replies(&mut self, replies: Vec<Reply>, answers: &mut Vec<Answer>) {
        for Reply { ticket, body } in replies {
            if self.group_tickets.remove(&ticket).is_some() {
                answers.push(Answer { ticket, response: body.into() });
            }
        }
    }

    /// Runs at every period and drops what is too old; bytes are looked at with every append.
    fn retain(&mut self, now: Duration) {
        for (_, topic) in self.topics.iter_mut() {
            let kept_since = now.saturating_sub(topic.settings.retention);
            for partition in &mut topic.partitions {
                partition.retain(topic.settings.retention_bytes, kept_since);
            }
        }
        self.coordinator.expire_offsets(now);
        self.timers.insert((now + RETENTION_PERIOD, Timer::Retention));
    }
}

#[cfg(test)]
mod tests;

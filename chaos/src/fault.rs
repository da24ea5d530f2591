//! The faults: one file each, with their parameters, their rules and their catalogue entry.

mod aim;
mod api_down;
mod api_errors;
mod api_slow;
mod broker_cpu;
mod broker_crash;
mod broker_disk;
mod broker_errors;
mod broker_isolation;
mod broker_memory;
mod broker_pause;
mod broker_power_loss;
mod broker_shutdown;
mod broker_throttle;
mod clock_jump;
mod clock_skew;
mod connection_half_open;
mod connection_reset;
mod connection_slow_close;
mod connection_storm;
mod controller_crash;
mod coordinator_move;
mod crash_loop;
mod disk_pressure;
mod duplicate_sends;
mod events_delayed;
mod fetch_stall;
mod history_compacted;
mod hot_key;
mod image_failure;
mod incompatible_schema;
mod kubelet_silent;
mod leader_move;
mod lease_lost;
mod lost_acknowledgement;
mod malformed_messages;
mod memory_leak;
mod memory_pressure;
mod network_bandwidth;
mod network_blackhole;
mod network_bridge;
mod network_delay;
mod network_loss;
mod network_partition;
mod node_crash;
mod node_drain;
mod node_pause;
mod node_reboot;
mod node_slow;
mod oom_kill;
mod operator_clock_jump;
mod operator_clock_skew;
mod operator_kill;
mod operator_twice;
mod oversized_messages;
mod partition_increase;
mod partition_reassignment;
mod pod_kill;
mod pod_terminate;
mod poison_message;
mod rebalance_storm;
mod replication_lag;
mod requests;
mod rescale;
mod rolling_upgrade;
mod slow_start;
mod spot_interruption;
mod stale_list;
#[cfg(test)]
mod tests;
mod under_replicated;
mod upstream;
mod upstream_silence;
mod watch_drop;
mod watch_stall;
mod webhook_timeout;
mod worker_stuck;
mod workers;
mod zone_outage;

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use api_errors::ApiError;
pub use broker_disk::DiskState;
pub use broker_isolation::Side;
pub use clock_jump::JumpDirection;
pub use connection_half_open::Keeper;
pub use network_partition::PairDirection;
pub use requests::{Affected, BrokerError, RequestKind};
pub use stale_list::StaleReads;
pub use webhook_timeout::FailurePolicy;
pub use workers::Workers;

pub(crate) use aim::{Aim, Check, Draw};

use aim::is_server;

use crate::random::Lot;
use crate::schedule::condition::Condition;
use crate::selector::{Pool, Selector};

/// One fault of a scenario file: what, when and for how long.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FaultSpec {
    /// The name in reports; without one, the kind and the place in the list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// When it is installed, from the start of the load, such as `30s`.
    #[serde(default, with = "humantime_serde", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub at: Option<Duration>,
    /// With `at`: it comes again and again with this period, such as `10s`; `count` or `until`
    /// ends that.
    #[serde(default, with = "humantime_serde", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub every: Option<Duration>,
    /// In place of `at`: it is installed when this begins to hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Condition")]
    pub when: Option<Condition>,
    /// It is healed as soon as this no longer holds. With neither `at` nor `when` it is installed
    /// when this begins to hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Condition")]
    pub r#while: Option<Condition>,
    /// With a condition that installs it: not before this time.
    #[serde(default, with = "humantime_serde", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub from: Option<Duration>,
    /// With `every` or such a condition: not installed after this time.
    #[serde(default, with = "humantime_serde", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub until: Option<Duration>,
    /// With `every`: so many times. With such a condition: up to so many times, once by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "u32")]
    pub count: Option<u32>,
    /// How long it lasts until it is healed, such as `10s`; with `while`, at most.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub r#for: Duration,
    /// What is done.
    pub fault: Fault,
}

impl FaultSpec {
    /// A fault without a name, at this time.
    pub fn at(at: Duration, hold: Duration, fault: Fault) -> Self {
        let (name, every, when, r#while) = (None, None, None, None);
        let (from, until, count) = (None, None, None);
        Self { name, at: Some(at), every, when, r#while, from, until, count, r#for: hold, fault }
    }

    /// When it is over at the latest, from the start of the load; nothing where only a condition
    /// says when it begins.
    pub fn end(&self) -> Option<Duration> {
        let repeated = self.every.zip(self.count).zip(self.at).map(|((every, count), at)| {
            at.saturating_add(every.saturating_mul(count.saturating_sub(1)))
        });
        let last = repeated.or(self.until).or(self.at)?;
        Some(last.saturating_add(self.r#for))
    }
}

/// An entry of the catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct FaultKind {
    /// The name in scenario files.
    pub kind: &'static str,
    /// What it does, in one line.
    pub description: &'static str,
    /// What proves that it landed.
    pub evidence: &'static str,
    /// How it ends.
    pub heal: &'static str,
}

/// Each fault is a module with its parameters; this makes them one type and one catalogue.
macro_rules! faults {
    ($($(#[doc = $about:literal])+ $module:ident: $parameters:ident,)+) => {
        $(pub use $module::$parameters;)+

        /// What is done to whom.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum Fault {
            $($(#[doc = $about])+ $parameters($parameters),)+
        }

        /// Every kind of fault, in the order of the [`Fault`] enum.
        pub fn catalogue() -> Vec<FaultKind> {
            vec![$($module::KIND,)+]
        }

        /// How each kind is drawn at random.
        pub(crate) const DRAWN: &[Drawn] = &[$(Drawn {
            name: $module::KIND.kind,
            draw: |lot| $parameters::draw(lot).map(Fault::$parameters),
        },)+];

        impl Fault {
            pub(crate) fn definition(&self) -> &dyn Definition {
                match self {
                    $(Self::$parameters(fault) => fault,)+
                }
            }
        }
    };
}

faults! {
    /// Nodes die with all that runs on them.
    node_crash: NodeCrash,
    /// Nodes freeze and later go on.
    node_pause: NodePause,
    /// A zone loses its power.
    zone_outage: ZoneOutage,
    /// Nodes get slow.
    node_slow: NodeSlow,
    /// Nodes boot.
    node_reboot: NodeReboot,
    /// Nodes are emptied in order.
    node_drain: NodeDrain,
    /// Nodes are taken back, with a notice.
    spot_interruption: SpotInterruption,
    /// Kubelets fall silent while pods live on.
    kubelet_silent: KubeletSilent,
    /// Nodes run short of memory.
    memory_pressure: MemoryPressure,
    /// Nodes run short of disk.
    disk_pressure: DiskPressure,
    /// The largest container of each node is killed for want of memory.
    oom_kill: OomKill,
    /// No container starts for want of its image.
    image_failure: ImageFailure,
    /// Containers start late.
    slow_start: SlowStart,
    /// Clocks of nodes go too fast or too slow.
    clock_skew: ClockSkew,
    /// Clocks of nodes are set wrong.
    clock_jump: ClockJump,
    /// Worker pods are deleted with no grace period.
    pod_kill: PodKill,
    /// Worker pods are deleted in order.
    pod_terminate: PodTerminate,
    /// Workers die again and again.
    crash_loop: CrashLoop,
    /// Workers stand still.
    worker_stuck: WorkerStuck,
    /// The workers are replaced in turn by a new template.
    rolling_upgrade: RollingUpgrade,
    /// The workers leak memory until a limit kills them.
    memory_leak: MemoryLeak,
    /// Bytes between two groups are held back.
    network_partition: NetworkPartition,
    /// Bytes between two groups arrive late.
    network_delay: NetworkDelay,
    /// Packets between two groups are lost and sent again.
    network_loss: NetworkLoss,
    /// The link between two groups is narrow.
    network_bandwidth: NetworkBandwidth,
    /// Bytes between two groups vanish.
    network_blackhole: NetworkBlackhole,
    /// Halves of the nodes see halves of the brokers, and a bridge.
    network_bridge: NetworkBridge,
    /// Connections between two groups are reset.
    connection_reset: ConnectionReset,
    /// Connections between two groups end on one side only.
    connection_half_open: ConnectionHalfOpen,
    /// Connections between two groups end late.
    connection_slow_close: ConnectionSlowClose,
    /// Brokers are flooded with connections.
    connection_storm: ConnectionStorm,
    /// Brokers die and later return.
    broker_crash: BrokerCrash,
    /// A partition gets another leader.
    leader_move: LeaderMove,
    /// Brokers die with what was only in their page cache.
    broker_power_loss: BrokerPowerLoss,
    /// Brokers are stopped in order and later return.
    broker_shutdown: BrokerShutdown,
    /// Brokers are cut off from their peers, or from clients.
    broker_isolation: BrokerIsolation,
    /// The active controller dies.
    controller_crash: ControllerCrash,
    /// Disks of brokers get slow, or full.
    broker_disk: BrokerDisk,
    /// Followers trail their leaders.
    replication_lag: ReplicationLag,
    /// Brokers answer requests of one kind with an error.
    broker_errors: BrokerErrors,
    /// Brokers write and do not acknowledge.
    lost_acknowledgement: LostAcknowledgement,
    /// Brokers hold back what consumers ask for.
    fetch_stall: FetchStall,
    /// Brokers hold workers to quotas.
    broker_throttle: BrokerThrottle,
    /// The API server is gone.
    api_down: ApiDown,
    /// The API server is slow.
    api_slow: ApiSlow,
    /// The API server answers with errors.
    api_errors: ApiErrors,
    /// Watches are cut.
    watch_drop: WatchDrop,
    /// Watches fall silent.
    watch_stall: WatchStall,
    /// Watches tell of changes late.
    events_delayed: EventsDelayed,
    /// Reads get an older state.
    stale_list: StaleList,
    /// Watches cannot go on from where they were.
    history_compacted: HistoryCompacted,
    /// An admission webhook does not answer.
    webhook_timeout: WebhookTimeout,
    /// The operator dies.
    operator_kill: OperatorKill,
    /// A second operator serves the same jobs.
    operator_twice: OperatorTwice,
    /// The operator loses its lease.
    lease_lost: LeaseLost,
    /// The operator's clock is set wrong.
    operator_clock_jump: OperatorClockJump,
    /// The operator's clock goes too fast or too slow.
    operator_clock_skew: OperatorClockSkew,
    /// The job's group gets another coordinator.
    coordinator_move: CoordinatorMove,
    /// The job's group rebalances again and again.
    rebalance_storm: RebalanceStorm,
    /// Leaders are in sync with too few followers.
    under_replicated: UnderReplicated,
    /// The source topic gets more partitions.
    partition_increase: PartitionIncrease,
    /// The job is scaled by hand.
    rescale: Rescale,
    /// Messages that are no documents, beside the load.
    malformed_messages: MalformedMessages,
    /// Messages of an unknown schema, beside the load.
    incompatible_schema: IncompatibleSchema,
    /// Large messages, beside the load.
    oversized_messages: OversizedMessages,
    /// Messages that kill workers, beside the load.
    poison_message: PoisonMessage,
    /// One key gets much of the load.
    hot_key: HotKey,
    /// Messages are sent twice.
    duplicate_sends: DuplicateSends,
    /// Nothing is sent for a while.
    upstream_silence: UpstreamSilence,
    /// Brokers freeze and later go on.
    broker_pause: BrokerPause,
    /// Brokers run out of memory.
    broker_memory: BrokerMemory,
    /// Brokers get little of the processors.
    broker_cpu: BrokerCpu,
    /// A partition is reassigned under load.
    partition_reassignment: PartitionReassignment,
}

impl Fault {
    /// The entry of the catalogue.
    pub fn kind(&self) -> FaultKind {
        self.definition().kind()
    }
}

/// What every fault tells the schedule about itself.
pub(crate) trait Definition {
    fn kind(&self) -> FaultKind;

    /// What it is aimed at.
    fn aim(&self) -> Aim<'_>;

    /// Adds what is wrong with the other parameters.
    fn check(&self, _check: &mut Check<'_>) {}

    /// Whether what it is aimed at is out of service meanwhile.
    fn takes_down(&self) -> bool {
        false
    }

    /// What it takes out of service: of which pools, and which of each.
    fn down(&self) -> Vec<(Pool, &Selector)> {
        if self.takes_down() { self.aim().choices() } else { Vec::new() }
    }

    /// What only one fault at a time can do, if this does such a thing.
    fn sole(&self) -> Option<Sole> {
        None
    }

    /// Parameters for a random schedule, of the size that matters in trials of seconds; nothing
    /// if there is nothing to aim at, or for a kind that no random schedule has.
    fn draw(_lot: &mut Lot<'_>) -> Option<Self>
    where
        Self: Sized,
    {
        None
    }
}

/// A kind, and how its parameters are drawn at random.
pub(crate) struct Drawn {
    /// The name in scenario files.
    pub(crate) name: &'static str,
    /// See [`Definition::draw`].
    pub(crate) draw: fn(&mut Lot<'_>) -> Option<Fault>,
}

/// What only one fault at a time can do: two that do the same contradict each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sole {
    /// What it does, in words that follow on its name.
    pub(crate) does: String,
    /// The field that says so, if one does.
    pub(crate) field: Option<&'static str>,
    /// What could be done instead at the same time.
    pub(crate) instead: Option<&'static str>,
}

impl Sole {
    fn of(does: &str) -> Self {
        Self { does: does.to_owned(), field: None, instead: None }
    }

    /// Changing what requests of one kind are answered.
    fn answers_to(kind: RequestKind) -> Self {
        Self::of(&format!("changes the answers to {} requests", kind.name()))
    }
}

/// A duration as scenario files write it.
pub(crate) fn text(duration: Duration) -> String {
    humantime::format_duration(duration).to_string()
}

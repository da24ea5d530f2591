//! An embedded Kafka cluster with a failure model, for tests.
//!
//! [`EmbeddedKafka`] runs brokers in this process. Any Kafka client reaches them over TCP on
//! loopback; brokers crash, come back, and hand leadership over as Kafka's do.
//!
//! The map of the crate:
//!
//! - `cluster`: the brokers, topics and partitions as a pure state machine. Requests and the time
//!   go in, answers come out; it knows no socket, task or clock.
//! - `coordinator`: consumer groups, pure as well.
//! - `transactions`: the transaction coordinator, pure as well.
//! - `log`: record batches as bytes, and what is remembered about them.
//! - `wire`: frames to requests and responses to frames, with every declared length held against
//!   the bytes that are there.
//! - `quota`: how fast clients may go, and how fast they go; pure.
//! - `security`: TLS, SASL and the credentials of users.
//! - `server`: the shell of sockets, tasks and timers around the cluster.
//! - `proxy`: requests that fail on their way to a broker that is none of ours, as they do here.
//! - `simulation`: the cluster without any of these, for tests under virtual time.
//! - `fault`: the words for failures.
//! - `embedded`, `config`, `view`, `error`: the public face.
//! - `clock`: the one door through which time comes in.

mod clock;
mod cluster;
mod config;
mod coordinator;
mod embedded;
mod error;
mod fault;
mod log;
mod proxy;
mod quota;
mod security;
mod server;
mod simulation;
mod transactions;
mod view;
mod wire;

pub use config::ClusterConfig;
pub use coordinator::{GroupKind, GroupState, GroupView, MemberView};
pub use embedded::EmbeddedKafka;
pub use error::ClusterError;
pub use fault::{
    Affected, ApiFailure, Defect, Disk, FailedRequests, Isolation, ReplicationLag, RequestOutcome,
};
pub use proxy::{RequestProxy, RequestRules};
pub use quota::{Quota, QuotaTarget, Throttled};
pub use security::{SaslMechanism, Security, Tls, User};
pub use server::capture::CapturedRequest;
pub use simulation::Simulation;
pub use transactions::{TransactionState, TransactionView};
pub use view::{BatchView, BrokerView, CrashReport, LeaderMove, PartitionView, ReplicaView};

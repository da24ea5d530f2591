//! The words of faults on requests: of which kind, with which error, which of them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Check;

/// A kind of request, by Kafka's name for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RequestKind {
    /// Producers write.
    Produce,
    /// Consumers read.
    Fetch,
    /// Consumers ask where logs start and end.
    ListOffsets,
    /// Clients ask who leads what.
    Metadata,
    /// Groups store how far they have read.
    OffsetCommit,
    /// Groups ask how far they have read.
    OffsetFetch,
    /// Clients ask who coordinates a group or a transaction.
    FindCoordinator,
    /// Members come into a group or into its next generation.
    JoinGroup,
    /// Members ask for their assignments.
    SyncGroup,
    /// Members show that they live.
    Heartbeat,
    /// Members go.
    LeaveGroup,
    /// The same as the last four, in groups of KIP-848.
    ConsumerGroupHeartbeat,
    /// Idempotent and transactional producers begin.
    InitProducerId,
    /// A transaction takes in partitions.
    AddPartitionsToTxn,
    /// A transaction takes in a group's offsets.
    AddOffsetsToTxn,
    /// A transaction stores a group's offsets.
    TxnOffsetCommit,
    /// A transaction ends.
    EndTxn,
}

impl RequestKind {
    /// Every one, in the order of the documentation.
    pub(super) const ALL: [Self; 17] = [
        Self::Produce,
        Self::Fetch,
        Self::ListOffsets,
        Self::Metadata,
        Self::OffsetCommit,
        Self::OffsetFetch,
        Self::FindCoordinator,
        Self::JoinGroup,
        Self::SyncGroup,
        Self::Heartbeat,
        Self::LeaveGroup,
        Self::ConsumerGroupHeartbeat,
        Self::InitProducerId,
        Self::AddPartitionsToTxn,
        Self::AddOffsetsToTxn,
        Self::TxnOffsetCommit,
        Self::EndTxn,
    ];

    /// Kafka's number of the API.
    pub const fn api_key(self) -> i16 {
        match self {
            Self::Produce => 0,
            Self::Fetch => 1,
            Self::ListOffsets => 2,
            Self::Metadata => 3,
            Self::OffsetCommit => 8,
            Self::OffsetFetch => 9,
            Self::FindCoordinator => 10,
            Self::JoinGroup => 11,
            Self::Heartbeat => 12,
            Self::LeaveGroup => 13,
            Self::SyncGroup => 14,
            Self::InitProducerId => 22,
            Self::AddPartitionsToTxn => 24,
            Self::AddOffsetsToTxn => 25,
            Self::EndTxn => 26,
            Self::TxnOffsetCommit => 28,
            Self::ConsumerGroupHeartbeat => 68,
        }
    }

    /// The name used in scenario files.
    pub fn name(self) -> String {
        word(self)
    }

    /// Whether it is for a coordinator, or asks who that is.
    fn is_of_coordinators(self) -> bool {
        !matches!(self, Self::Produce | Self::Fetch | Self::ListOffsets | Self::Metadata)
    }
}

/// An error that a broker answers with, by Kafka's name for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BrokerError {
    /// Something unexpected happened at the broker.
    UnknownServerError,
    /// It took too long; a Produce has been written all the same.
    RequestTimedOut,
    /// There is no such partition, as far as the broker knows.
    UnknownTopicOrPartition,
    /// No leader has been elected yet.
    LeaderNotAvailable,
    /// Another broker leads.
    NotLeaderOrFollower,
    /// The client knows an earlier leader.
    FencedLeaderEpoch,
    /// The disk cannot be written or read.
    KafkaStorageError,
    /// Too few replicas are in sync.
    NotEnoughReplicas,
    /// Too few replicas were in sync once the records were written.
    NotEnoughReplicasAfterAppend,
    /// The coordinator is not ready yet.
    CoordinatorLoadInProgress,
    /// There is no coordinator.
    CoordinatorNotAvailable,
    /// Another broker coordinates.
    NotCoordinator,
    /// The member is of an earlier generation.
    IllegalGeneration,
    /// The group does not know the member.
    UnknownMemberId,
    /// The group rebalances.
    RebalanceInProgress,
}

impl BrokerError {
    /// Every one, in the order of the documentation.
    const ALL: [Self; 15] = [
        Self::UnknownServerError,
        Self::RequestTimedOut,
        Self::UnknownTopicOrPartition,
        Self::LeaderNotAvailable,
        Self::NotLeaderOrFollower,
        Self::FencedLeaderEpoch,
        Self::KafkaStorageError,
        Self::NotEnoughReplicas,
        Self::NotEnoughReplicasAfterAppend,
        Self::CoordinatorLoadInProgress,
        Self::CoordinatorNotAvailable,
        Self::NotCoordinator,
        Self::IllegalGeneration,
        Self::UnknownMemberId,
        Self::RebalanceInProgress,
    ];

    /// Kafka's number of the error.
    pub fn code(self) -> i16 {
        match self {
            Self::UnknownServerError => -1,
            Self::UnknownTopicOrPartition => 3,
            Self::LeaderNotAvailable => 5,
            Self::NotLeaderOrFollower => 6,
            Self::RequestTimedOut => 7,
            Self::CoordinatorLoadInProgress => 14,
            Self::CoordinatorNotAvailable => 15,
            Self::NotCoordinator => 16,
            Self::NotEnoughReplicas => 19,
            Self::NotEnoughReplicasAfterAppend => 20,
            Self::IllegalGeneration => 22,
            Self::UnknownMemberId => 25,
            Self::RebalanceInProgress => 27,
            Self::KafkaStorageError => 56,
            Self::FencedLeaderEpoch => 74,
        }
    }

    /// The name used in scenario files.
    pub fn name(self) -> String {
        word(self)
    }

    /// Whether a broker may give it to such a request: clients are not made for what cannot be.
    /// After the possible errors in Kafka's `*Response` classes, and those of its handlers that
    /// these leave out.
    fn fits(self, kind: RequestKind) -> bool {
        use RequestKind::*;
        match self {
            Self::UnknownServerError => true,
            Self::RequestTimedOut => matches!(kind, Produce | OffsetCommit | TxnOffsetCommit),
            Self::UnknownTopicOrPartition => {
                let of_offsets = matches!(kind, OffsetCommit | OffsetFetch | TxnOffsetCommit);
                of_offsets || !kind.is_of_coordinators() || kind == AddPartitionsToTxn
            }
            Self::LeaderNotAvailable => matches!(kind, ListOffsets | Metadata),
            Self::NotLeaderOrFollower | Self::KafkaStorageError => {
                matches!(kind, Produce | Fetch | ListOffsets)
            }
            Self::FencedLeaderEpoch => matches!(kind, Fetch | ListOffsets),
            Self::NotEnoughReplicas | Self::NotEnoughReplicasAfterAppend => kind == Produce,
            Self::CoordinatorLoadInProgress | Self::CoordinatorNotAvailable => {
                kind.is_of_coordinators()
            }
            Self::NotCoordinator => kind.is_of_coordinators() && kind != FindCoordinator,
            Self::IllegalGeneration => {
                matches!(kind, SyncGroup | Heartbeat | OffsetCommit | TxnOffsetCommit)
            }
            Self::UnknownMemberId => {
                let as_member = matches!(kind, JoinGroup | SyncGroup | Heartbeat | LeaveGroup);
                let of_offsets = matches!(kind, OffsetCommit | OffsetFetch | TxnOffsetCommit);
                as_member || of_offsets || kind == ConsumerGroupHeartbeat
            }
            Self::RebalanceInProgress => {
                matches!(kind, JoinGroup | SyncGroup | Heartbeat | OffsetCommit)
            }
        }
    }

    /// Every error that a broker may give to such a request.
    pub(super) fn fitting(kind: RequestKind) -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(move |error| error.fits(kind))
    }

    pub(super) fn check(self, kind: RequestKind, check: &mut Check<'_>) {
        if self.fits(kind) {
            return;
        }
        let fitting: Vec<String> = Self::fitting(kind).map(Self::name).collect();
        let message = format!(
            "no broker answers {} with {}; allowed: {}",
            kind.name(),
            self.name(),
            fitting.join(", ")
        );
        check.problem("error", message);
    }
}

/// Which requests fail.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Affected {
    /// Every one.
    #[default]
    All,
    /// This share of them, above 0 and up to 1, drawn from the seed.
    Share(f64),
    /// The first so many at each broker.
    Count(u64),
}

impl Affected {
    pub(super) fn check(self, check: &mut Check<'_>) {
        match self {
            Self::Share(share) if !(share > 0.0 && share <= 1.0) => {
                let message = format!("share {share} of requests; allowed: above 0 and up to 1");
                check.problem("requests", message);
            }
            Self::Count(0) => {
                check.problem("requests", "count 0 of requests; allowed: 1 and above");
            }
            Self::All | Self::Share(_) | Self::Count(_) => {}
        }
    }
}

/// A variant's name in snake case, as it is written in scenario files.
fn word(name: impl std::fmt::Debug) -> String {
    let mut word = String::new();
    for letter in format!("{name:?}").chars() {
        if letter.is_ascii_uppercase() && !word.is_empty() {
            word.push('_');
        }
        word.push(letter.to_ascii_lowercase());
    }
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_scenario_files() {
        for error in BrokerError::ALL {
            assert_eq!(serde_json::to_value(error).unwrap(), error.name());
        }
        let kinds = [RequestKind::Produce, RequestKind::AddPartitionsToTxn];
        assert!(kinds.iter().all(|kind| serde_json::to_value(kind).unwrap() == kind.name()));
    }

    #[test]
    fn errors_fit_what_is_asked() {
        use BrokerError::*;
        assert!(NotLeaderOrFollower.fits(RequestKind::Fetch));
        assert!(!NotLeaderOrFollower.fits(RequestKind::Heartbeat));
        assert!(RebalanceInProgress.fits(RequestKind::OffsetCommit));
        assert!(!RebalanceInProgress.fits(RequestKind::Produce));
        assert!(CoordinatorNotAvailable.fits(RequestKind::FindCoordinator));
        assert!(!NotCoordinator.fits(RequestKind::FindCoordinator));
        assert!(!NotEnoughReplicas.fits(RequestKind::Fetch));
        assert!(!NotLeaderOrFollower.fits(RequestKind::Metadata));
        assert!(!FencedLeaderEpoch.fits(RequestKind::Produce));
        assert!(UnknownTopicOrPartition.fits(RequestKind::OffsetFetch));
        assert!(!RequestTimedOut.fits(RequestKind::Fetch));
        assert!(!IllegalGeneration.fits(RequestKind::ConsumerGroupHeartbeat));
    }
}

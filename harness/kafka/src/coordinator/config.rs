//! Timing and bounds.

use std::time::Duration;

/// Timing and bounds of the coordinator. A request over a bound is refused with an error code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GroupConfig {
    /// How long the first rebalance of an empty group waits for more members.
    pub(crate) initial_rebalance_delay: Duration,
    /// The shortest session timeout a member may ask for.
    pub(crate) session_timeout_min: Duration,
    /// The longest session timeout a member may ask for.
    pub(crate) session_timeout_max: Duration,
    /// How long a member of a consumer group (KIP-848) may be silent.
    pub(crate) consumer_session_timeout: Duration,
    /// How often a member of a consumer group is told to send a heartbeat.
    pub(crate) consumer_heartbeat_interval: Duration,
    /// Whether members are answered before their leader has brought the assignment, a planted
    /// defect.
    pub(crate) sync_before_assignment: bool,
    /// Whether members are given what others still have to give up, a planted defect.
    pub(crate) release_not_awaited: bool,
    /// How long an offset is kept that no member uses.
    pub(crate) offsets_retention: Duration,
    /// Groups known at once.
    pub(crate) groups_max: usize,
    /// Members of one group; as many again may have been told to come back with a member id.
    pub(crate) members_max: usize,
    /// Protocols (assignors) one member may offer.
    pub(crate) protocols_max: usize,
    /// Bytes of all protocol metadata of one member.
    pub(crate) protocol_metadata_bytes_max: usize,
    /// Bytes of all members' assignments of one generation.
    pub(crate) assignment_bytes_max: usize,
    /// Regular expressions that the members of one group are subscribed to.
    pub(crate) regexes_max: usize,
    /// Partitions with a committed offset in one group.
    pub(crate) offsets_max: usize,
    /// Bytes of the metadata committed with one offset.
    pub(crate) offset_metadata_bytes_max: usize,
    /// Bytes of a group id, instance id, client id, host, protocol name or topic name.
    pub(crate) name_bytes_max: usize,
}

impl Default for GroupConfig {
    fn default() -> Self {
        Self {
            initial_rebalance_delay: Duration::from_secs(3),
            session_timeout_min: Duration::from_secs(6),
            session_timeout_max: Duration::from_secs(30 * 60),
            consumer_session_timeout: Duration::from_secs(45),
            consumer_heartbeat_interval: Duration::from_secs(5),
            sync_before_assignment: false,
            release_not_awaited: false,
            offsets_retention: Duration::from_secs(7 * 24 * 3600),
            groups_max: 1_000,
            members_max: 1_000,
            protocols_max: 32,
            protocol_metadata_bytes_max: 128 << 10,
            assignment_bytes_max: 4 << 20,
            regexes_max: 64,
            offsets_max: 100_000,
            offset_metadata_bytes_max: 4_096,
            name_bytes_max: 1_024,
        }
    }
}

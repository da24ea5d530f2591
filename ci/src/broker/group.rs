//! How long a large consumer group takes to rebalance, seen by members that are as fast as can be:
//! bare connections that speak the classic protocol and do nothing else.

use super::connection::Connection;
use crate::micro::now;
use bytes::{BufMut, Bytes, BytesMut};
use kafka_protocol::messages::consumer_protocol_assignment::TopicPartition;
use kafka_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use kafka_protocol::messages::join_group_response::JoinGroupResponse;
use kafka_protocol::messages::sync_group_request::SyncGroupRequestAssignment;
use kafka_protocol::messages::{
    ConsumerProtocolAssignment, GroupId, JoinGroupRequest, SyncGroupRequest, SyncGroupResponse,
    TopicName,
};
use kafka_protocol::protocol::{Decodable, Encodable, StrBytes};
use std::time::Duration;
use tokio::task::JoinSet;

const JOIN_VERSION: i16 = 9;
const SYNC_VERSION: i16 = 5;
const MEMBER_ID_REQUIRED: i16 = 79;

/// Time from the first join of `members` to the last assignment, of `partitions` in all. All are
/// known to the group beforehand, and the broker is configured to delay nothing.
///
/// # Errors
/// When a member is refused or cut off.
pub async fn rebalance(address: &str, members: usize, partitions: i32) -> anyhow::Result<Duration> {
    let mut connected = Vec::new();
    for _ in 0..members {
        connected.push(Member::connect(address).await?);
    }
    let start = now();
    let mut tasks = JoinSet::new();
    for member in connected {
        tasks.spawn(member.become_stable(members, partitions));
    }
    let mut owned = 0;
    while let Some(member) = tasks.join_next().await {
        owned += member??;
    }
    anyhow::ensure!(owned == partitions as usize, "{owned} of {partitions} partitions are owned");
    Ok(start.elapsed())
}

struct Member {
    connection: Connection,
    id: StrBytes,
}

impl Member {
    async fn connect(address: &str) -> anyhow::Result<Self> {
        let connection = Connection::connect(address).await?;
        let mut member = Self { connection, id: StrBytes::default() };
        let named = member.join().await?;
        anyhow::ensure!(named.error_code == MEMBER_ID_REQUIRED, "error {}", named.error_code);
        member.id = named.member_id;
        Ok(member)
    }

    /// Joins until all members are in one generation, takes the assignment, and says how many
    /// partitions it has.
    async fn become_stable(mut self, members: usize, partitions: i32) -> anyhow::Result<usize> {
        loop {
            let joined = self.join().await?;
            anyhow::ensure!(joined.error_code == 0, "join: error {}", joined.error_code);
            let leads = joined.leader == self.id;
            let assignments = if leads { assign(&joined, partitions)? } else { Vec::new() };
            let complete = !leads || joined.members.len() == members;
            let request = SyncGroupRequest::default()
                .with_group_id(GroupId(StrBytes::from_static_str("large")))
                .with_generation_id(joined.generation_id)
                .with_member_id(self.id.clone())
                .with_protocol_type(joined.protocol_type)
                .with_protocol_name(joined.protocol_name)
                .with_assignments(if complete { assignments } else { Vec::new() });
            let synced: SyncGroupResponse = self.connection.ask(&request, SYNC_VERSION).await?;
            if synced.error_code == 0 && !synced.assignment.is_empty() {
                let mut bytes = synced.assignment.slice(2..);
                let assignment = ConsumerProtocolAssignment::decode(&mut bytes, 0)?;
                let topics = assignment.assigned_partitions.iter();
                return Ok(topics.map(|topic| topic.partitions.len()).sum());
            }
        }
    }

    async fn join(&mut self) -> anyhow::Result<JoinGroupResponse> {
        let protocol = JoinGroupRequestProtocol::default()
            .with_name(StrBytes::from_static_str("range"))
            .with_metadata(Bytes::from_static(&[0, 0, 0, 0, 0, 0]));
        let request = JoinGroupRequest::default()
            .with_group_id(GroupId(StrBytes::from_static_str("large")))
            .with_session_timeout_ms(30_000)
            .with_rebalance_timeout_ms(30_000)
            .with_member_id(self.id.clone())
            .with_protocol_type(StrBytes::from_static_str("consumer"))
            .with_protocols(vec![protocol]);
        self.connection.ask(&request, JOIN_VERSION).await
    }
}

/// The leader's work: partitions in turn.
fn assign(
    joined: &JoinGroupResponse,
    partitions: i32,
) -> anyhow::Result<Vec<SyncGroupRequestAssignment>> {
    let count = joined.members.len().max(1);
    let members = joined.members.iter().enumerate();
    let assignments = members.map(|(place, member)| {
        let own = (0..partitions).skip(place).step_by(count).collect();
        let topic = TopicPartition::default()
            .with_topic(TopicName(StrBytes::from_static_str("t")))
            .with_partitions(own);
        let assignment =
            ConsumerProtocolAssignment::default().with_assigned_partitions(vec![topic]);
        let mut bytes = BytesMut::new();
        bytes.put_i16(0);
        assignment.encode(&mut bytes, 0)?;
        Ok(SyncGroupRequestAssignment::default()
            .with_member_id(member.member_id.clone())
            .with_assignment(bytes.freeze()))
    });
    assignments.collect()
}

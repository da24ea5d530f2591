//! What any broker refuses, whoever coordinates the group: Kafka looks at these things before it
//! looks for the coordinator.

use kafka_protocol::ResponseError;

use super::consumer::validate;
use super::join::valid_session;
use super::{ClientInfo, Coordinator};
use crate::wire::Request;

impl Coordinator {
    /// Whether the request is refused as it stands, at any broker.
    pub(crate) fn refuses_anywhere(
        &self,
        version: i16,
        client: &ClientInfo,
        request: &Request,
    ) -> bool {
        let config = &self.config;
        match request {
            Request::JoinGroup(request) => {
                let session = valid_session(config, request.session_timeout_ms);
                named(&request.group_id).and(session).is_err()
            }
            Request::SyncGroup(request) => request.group_id.is_empty(),
            Request::Heartbeat(request) => request.group_id.is_empty(),
            Request::LeaveGroup(request) => request.group_id.is_empty(),
            Request::OffsetDelete(request) => request.group_id.is_empty(),
            Request::ConsumerGroupHeartbeat(request) => {
                validate(config, version, client, request).is_err()
            }
            _ => false,
        }
    }
}

/// The empty group has offsets, for clients of long ago, but never members.
pub(super) fn named(group_id: &str) -> Result<(), ResponseError> {
    match group_id.is_empty() {
        true => Err(ResponseError::InvalidGroupId),
        false => Ok(()),
    }
}

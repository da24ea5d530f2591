//! Administrators' requests and their responses: passed through the codecs as they are.

use bytes::Bytes;
use kafka_protocol::messages::*;
use kafka_protocol::protocol::{Decodable, Encodable};

use super::chain::Frame;

macro_rules! administration {
    (
        { $($name:ident: $request:ident => $response:ident,)* }
        without throttle_time_ms: { $($bare:ident: $bare_request:ident => $bare_response:ident,)* }
    ) => {
        /// What an administrator asks.
        #[derive(Debug)]
        pub(crate) enum AdminRequest {
            $($name($request),)*
            $($bare($bare_request),)*
        }

        /// What an administrator is answered.
        #[derive(Debug)]
        pub(crate) enum AdminResponse {
            $($name($response),)*
            $($bare($bare_response),)*
        }

        impl AdminRequest {
            /// Decodes a body; nothing if it is no administrator's request.
            pub(super) fn decode(
                key: ApiKey,
                body: &mut Bytes,
                version: i16,
            ) -> Option<Result<Self, String>> {
                Some(match key {
                    $(ApiKey::$name => $request::decode(body, version).map(Self::$name),)*
                    $(ApiKey::$bare => $bare_request::decode(body, version).map(Self::$bare),)*
                    _ => return None,
                }
                .map_err(|error| error.to_string()))
            }
        }

        impl AdminResponse {
            /// Sets the time for which the client is throttled, in milliseconds, where there is a
            /// place for it. Whether there is.
            pub(super) fn set_throttle(&mut self, ms: i32) -> bool {
                match self {
                    $(Self::$name(body) => body.throttle_time_ms = ms,)*
                    $(Self::$bare(_) => return false,)*
                }
                true
            }

            pub(super) fn encode(&self, frame: &mut Frame, version: i16) -> Result<(), String> {
                match self {
                    $(Self::$name(body) => body.encode(frame.tail(), version),)*
                    $(Self::$bare(body) => body.encode(frame.tail(), version),)*
                }
                .map_err(|error| error.to_string())
            }
        }
    };
}

administration! {
    {
        AlterConfigs: AlterConfigsRequest => AlterConfigsResponse,
        IncrementalAlterConfigs: IncrementalAlterConfigsRequest => IncrementalAlterConfigsResponse,
        ListConfigResources: ListConfigResourcesRequest => ListConfigResourcesResponse,
        CreatePartitions: CreatePartitionsRequest => CreatePartitionsResponse,
        DescribeCluster: DescribeClusterRequest => DescribeClusterResponse,
        DescribeTopicPartitions: DescribeTopicPartitionsRequest => DescribeTopicPartitionsResponse,
        DescribeLogDirs: DescribeLogDirsRequest => DescribeLogDirsResponse,
        ElectLeaders: ElectLeadersRequest => ElectLeadersResponse,
        AlterPartitionReassignments: AlterPartitionReassignmentsRequest =>
            AlterPartitionReassignmentsResponse,
        ListPartitionReassignments: ListPartitionReassignmentsRequest =>
            ListPartitionReassignmentsResponse,
        DescribeAcls: DescribeAclsRequest => DescribeAclsResponse,
        CreateAcls: CreateAclsRequest => CreateAclsResponse,
        DeleteAcls: DeleteAclsRequest => DeleteAclsResponse,
    }
    without throttle_time_ms: {
        DescribeQuorum: DescribeQuorumRequest => DescribeQuorumResponse,
    }
}

impl AdminRequest {
    /// Whether brokers pass it on to the controller.
    pub(crate) fn needs_controller(&self) -> bool {
        matches!(
            self,
            Self::AlterConfigs(_)
                | Self::IncrementalAlterConfigs(_)
                | Self::CreatePartitions(_)
                | Self::ElectLeaders(_)
                | Self::AlterPartitionReassignments(_)
                | Self::ListPartitionReassignments(_)
                | Self::DescribeQuorum(_)
        )
    }
}

impl AdminResponse {
    /// Hands every error code to `see`, as [`super::Response::errors`] does.
    pub(super) fn errors(&self, see: &mut impl FnMut(i16)) {
        let mut all = |codes: &mut dyn Iterator<Item = i16>| match codes.next() {
            Some(first) => std::iter::once(first).chain(codes).for_each(&mut *see),
            None => see(0),
        };
        match self {
            Self::AlterConfigs(body) => {
                all(&mut body.responses.iter().map(|each| each.error_code));
            }
            Self::IncrementalAlterConfigs(body) => {
                all(&mut body.responses.iter().map(|each| each.error_code));
            }
            Self::ListConfigResources(body) => see(body.error_code),
            Self::CreatePartitions(body) => {
                all(&mut body.results.iter().map(|each| each.error_code));
            }
            Self::DescribeCluster(body) => see(body.error_code),
            Self::DescribeTopicPartitions(body) => {
                all(&mut body.topics.iter().map(|each| each.error_code));
            }
            Self::ElectLeaders(body) if body.error_code != 0 => see(body.error_code),
            Self::ElectLeaders(body) => {
                let topics = body.replica_election_results.iter();
                let results = topics.flat_map(|topic| &topic.partition_result);
                all(&mut results.map(|each| each.error_code));
            }
            Self::AlterPartitionReassignments(body) => {
                let topics = body.responses.iter().flat_map(|topic| &topic.partitions);
                all(&mut topics.map(|each| each.error_code));
            }
            Self::ListPartitionReassignments(body) => see(body.error_code),
            Self::DescribeQuorum(body) => {
                let topics = body.topics.iter().flat_map(|topic| &topic.partitions);
                all(&mut std::iter::once(body.error_code).chain(topics.map(|it| it.error_code)));
            }
            Self::DescribeLogDirs(body) => see(body.error_code),
            Self::DescribeAcls(body) => see(body.error_code),
            Self::CreateAcls(body) => all(&mut body.results.iter().map(|each| each.error_code)),
            Self::DeleteAcls(body) => {
                all(&mut body.filter_results.iter().map(|each| each.error_code));
            }
        }
    }
}

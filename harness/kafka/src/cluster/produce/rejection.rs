//! What a client is told whose batch is not appended.

use kafka_protocol::ResponseError;
use kafka_protocol::messages::produce_response::{
    BatchIndexAndErrorMessage, PartitionProduceResponse,
};
use kafka_protocol::protocol::StrBytes;

use crate::log::Refused;

/// Why nothing is appended.
#[derive(Debug)]
pub(super) struct Rejection {
    pub(super) error: ResponseError,
    /// Where the log starts; -1 where the log was not asked.
    log_start: i64,
    message: Option<&'static str>,
    records: Vec<(i32, &'static str)>,
}

impl From<ResponseError> for Rejection {
    fn from(error: ResponseError) -> Self {
        Self { error, log_start: -1, message: None, records: Vec::new() }
    }
}

impl Rejection {
    /// A leader whose log starts at `log_start` refuses. Kafka's `ReplicaManager` tells where the
    /// log starts except with the errors that it expects.
    pub(super) fn from_log(log_start: i64, error: ResponseError) -> Self {
        let expected = matches!(
            error,
            ResponseError::UnknownTopicOrPartition
                | ResponseError::NotLeaderOrFollower
                | ResponseError::MessageTooLarge
                | ResponseError::RecordListTooLarge
                | ResponseError::CorruptMessage
                | ResponseError::KafkaStorageError
        );
        let log_start = if expected { -1 } else { log_start };
        Self { log_start, ..Self::from(error) }
    }

    /// A leader refuses some records.
    pub(super) fn of_records(log_start: i64, refused: Refused) -> Self {
        let Refused { error, message, records } = refused;
        Self { error, log_start, message: Some(message), records }
    }

    /// Writes it into the partition's answer.
    pub(super) fn tell(self, part: &mut PartitionProduceResponse) {
        part.error_code = self.error.code();
        part.log_start_offset = self.log_start;
        part.error_message = self.message.map(StrBytes::from_static_str);
        let records = self.records.into_iter().map(|(place, message)| {
            BatchIndexAndErrorMessage::default()
                .with_batch_index(place)
                .with_batch_index_error_message(Some(StrBytes::from_static_str(message)))
        });
        part.record_errors = records.collect();
    }
}

//! What brokers make of messages: delivery reports, and the partitions that keys go to.

use super::Published;
use crate::oracle::{Ledger, partition_of};
use crate::upstream::tampering::{Made, Tampering};
use rdkafka::ClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Message};
use rdkafka::producer::{Partitioner, ProducerContext};
use std::sync::Arc;

/// What comes back with a delivery report: the position, and whether the message bears a hot key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Note(pub(super) usize);

impl Note {
    const HOT: usize = 1 << (usize::BITS - 1);
    /// The second copy of a message, which is in no ledger.
    pub(super) const COPY: Self = Self(usize::MAX);

    pub(super) fn of(position: u64, made: Made) -> Self {
        Self(position as usize | if made.hot { Self::HOT } else { 0 })
    }

    fn position(self) -> u64 {
        (self.0 & !Self::HOT) as u64
    }

    fn is_hot(self) -> bool {
        self.0 & Self::HOT != 0
    }
}

/// Takes delivery reports into the ledger.
pub(super) struct Outcomes {
    pub(super) ledger: Arc<Ledger>,
    pub(super) tampering: Arc<Tampering>,
    /// Present where somebody asks for times to acknowledgements.
    pub(super) published: Option<Arc<Published>>,
    /// Present where the number of partitions changes.
    pub(super) spread: Option<Spread>,
}

impl ClientContext for Outcomes {}

impl ProducerContext<Spread> for Outcomes {
    type DeliveryOpaque = usize;

    fn get_custom_partitioner(&self) -> Option<&Spread> {
        self.spread.as_ref()
    }

    fn delivery(&self, result: &DeliveryResult<'_>, note: usize) {
        let note = Note(note);
        if note == Note::COPY {
            return if result.is_ok() {
                self.tampering.acknowledged_again()
            };
        }
        let position = note.position();
        match result {
            Ok(message) => {
                self.ledger.acknowledged(position);
                if let Some(published) = &self.published {
                    published.acknowledged(position);
                }
                self.tampering.acknowledged(note.is_hot(), message.partition());
            }
            Err((KafkaError::MessageProduction(code), message)) if is_refusal(*code) => {
                tracing::debug!(%code, partition = message.partition(), "send refused");
                self.ledger.failed(position);
            }
            // A time-out says nothing about whether the broker has the message.
            Err(_) => {}
        }
    }
}

/// Codes with which a broker says that it did not write.
fn is_refusal(code: RDKafkaErrorCode) -> bool {
    matches!(
        code,
        RDKafkaErrorCode::MessageSizeTooLarge
            | RDKafkaErrorCode::InvalidMessage
            | RDKafkaErrorCode::InvalidRecord
            | RDKafkaErrorCode::TopicAuthorizationFailed
            | RDKafkaErrorCode::UnsupportedForMessageFormat
    )
}

/// Spreads keys over partitions as librdkafka does, and notes over how many.
pub(super) struct Spread {
    pub(super) ledger: Arc<Ledger>,
}

impl Partitioner for Spread {
    fn partition(
        &self,
        _topic: &str,
        key: Option<&[u8]>,
        partitions: i32,
        _is_available: impl Fn(i32) -> bool,
    ) -> i32 {
        // The message that is being sent is the last of the ledger.
        self.ledger.eras.note(self.ledger.sent().saturating_sub(1), partitions);
        partition_of(key.unwrap_or_default(), partitions)
    }
}

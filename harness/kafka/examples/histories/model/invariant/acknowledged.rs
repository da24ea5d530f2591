//! (a) No write acknowledged to `acks=all` is lost under clean election with two replicas in
//! sync: the end's logs hold it at the offset that was promised.

use kafka_protocol::messages::ProduceResponse;

use super::offsets::Offsets;
use super::{Produced, Verdict};

/// Every promise.
#[derive(Debug, Default)]
pub(super) struct Acknowledged {
    promises: Vec<(Produced, i64)>,
}

impl Acknowledged {
    pub(super) fn answered(&mut self, produced: &Produced, response: &ProduceResponse) {
        let parts = response.responses.iter().flat_map(|topic| &topic.partition_responses);
        for part in parts.filter(|part| part.error_code == 0 && produced.acks == -1) {
            self.promises.push((produced.clone(), part.base_offset));
        }
    }

    pub(super) fn finish(&self, offsets: &Offsets) -> Verdict {
        for (produced, base_offset) in &self.promises {
            for (offset, value) in (*base_offset..).zip(produced.values()) {
                let found = offsets.value(produced.partition, offset);
                if found != Some(value) {
                    return Err(format!(
                        "partition {} acknowledged value {value:#x} of producer {} at offset \
                         {offset}, where the log holds {found:#x?}",
                        produced.partition, produced.producer
                    ));
                }
            }
        }
        Ok(())
    }
}

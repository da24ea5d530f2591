//! The Fetch response, encoded by hand so that record batches are chained and not copied.

use bytes::{BufMut, BytesMut};
use kafka_protocol::ResponseError;
use kafka_protocol::messages::TopicName;
use uuid::Uuid;

use super::chain::Frame;
use crate::log::Batch;
use crate::log::batch::PREFIX_BYTES;
use crate::log::transactions::Aborted;

/// What a Fetch request is answered.
#[derive(Debug, Default)]
pub(crate) struct FetchAnswer {
    pub(crate) throttle_time_ms: i32,
    pub(crate) error_code: i16,
    /// The incremental session that the client may continue, 0 for none.
    pub(crate) session_id: i32,
    pub(crate) topics: Vec<FetchedTopic>,
    /// Where the current leaders named in the partitions are: id, host, port.
    pub(crate) endpoints: Vec<(i32, String, i32)>,
}

#[derive(Debug)]
pub(crate) struct FetchedTopic {
    pub(crate) name: TopicName,
    pub(crate) id: Uuid,
    pub(crate) partitions: Vec<FetchedPartition>,
}

#[derive(Debug)]
pub(crate) struct FetchedPartition {
    pub(crate) index: i32,
    pub(crate) error_code: i16,
    pub(crate) high_watermark: i64,
    pub(crate) last_stable: i64,
    pub(crate) log_start: i64,
    /// Told to a client that reads committed records only.
    pub(crate) aborted: Option<Vec<Aborted>>,
    /// The last epoch that the log and the reader share, and its end here, told to a reader whose
    /// records are not in the log (KIP-595).
    pub(crate) diverging: Option<(i32, i64)>,
    /// Leader and epoch, told to a client that asked the wrong broker.
    pub(crate) current_leader: Option<(i32, i32)>,
    pub(crate) batches: Vec<Batch>,
    /// The beginning of the next batch, so many bytes of it: Kafka fills what was asked for.
    pub(crate) torn: Option<(Batch, usize)>,
}

impl FetchAnswer {
    /// Nothing but an error.
    pub(crate) fn refused(error: ResponseError) -> Self {
        Self { error_code: error.code(), ..Self::default() }
    }

    /// Bytes of all record batches.
    pub(crate) fn bytes(&self) -> usize {
        self.partitions().map(FetchedPartition::bytes).sum()
    }

    /// How many partitions it has.
    pub(crate) fn partition_count(&self) -> usize {
        self.topics.iter().map(|topic| topic.partitions.len()).sum()
    }

    /// Whether anything went wrong.
    pub(crate) fn failed(&self) -> bool {
        self.error_code != 0 || self.partitions().any(|partition| partition.error_code != 0)
    }

    /// Whether any reader has to look where its log leaves this one.
    pub(crate) fn diverges(&self) -> bool {
        self.partitions().any(|partition| partition.diverging.is_some())
    }

    fn partitions(&self) -> impl Iterator<Item = &FetchedPartition> {
        self.topics.iter().flat_map(|topic| &topic.partitions)
    }

    /// Writes the body in `version` (4 to 18).
    pub(super) fn encode(self, frame: &mut Frame, version: i16) {
        let flexible = version >= 12;
        frame.tail().put_i32(self.throttle_time_ms);
        if version >= 7 {
            frame.tail().put_i16(self.error_code);
            frame.tail().put_i32(self.session_id);
        }
        put_count(frame.tail(), flexible, self.topics.len());
        for topic in self.topics {
            match version {
                ..12 => put_text(frame.tail(), &topic.name),
                12 => put_compact_text(frame.tail(), &topic.name),
                13.. => frame.tail().put_slice(topic.id.as_bytes()),
            }
            put_count(frame.tail(), flexible, topic.partitions.len());
            for partition in topic.partitions {
                partition.encode(frame, version);
            }
            if flexible {
                frame.tail().put_u8(0);
            }
        }
        if flexible {
            put_endpoints(frame.tail(), version, &self.endpoints);
        }
    }
}

impl FetchedTopic {
    /// Bytes of all record batches.
    pub(crate) fn bytes(&self) -> usize {
        self.partitions.iter().map(FetchedPartition::bytes).sum()
    }
}

impl FetchedPartition {
    /// No records, and nothing said of the log.
    pub(crate) fn nothing(index: i32) -> Self {
        Self {
            index,
            error_code: 0,
            high_watermark: -1,
            last_stable: -1,
            log_start: -1,
            aborted: None,
            diverging: None,
            current_leader: None,
            batches: Vec::new(),
            torn: None,
        }
    }

    /// Bytes of all record batches.
    pub(crate) fn bytes(&self) -> usize {
        let torn = self.torn.as_ref().map_or(0, |&(_, bytes)| bytes);
        self.batches.iter().map(Batch::len).sum::<usize>() + torn
    }

    fn encode(self, frame: &mut Frame, version: i16) {
        let flexible = version >= 12;
        let bytes = self.bytes();
        let tail = frame.tail();
        tail.put_i32(self.index);
        tail.put_i16(self.error_code);
        tail.put_i64(self.high_watermark);
        tail.put_i64(self.last_stable);
        if version >= 5 {
            tail.put_i64(self.log_start);
        }
        put_aborted(tail, flexible, self.aborted.as_deref());
        if version >= 11 {
            tail.put_i32(-1);
        }
        if flexible {
            put_varint(tail, bytes as u32 + 1);
        } else {
            tail.put_i32(bytes as i32);
        }
        for batch in &self.batches {
            frame.tail().put_slice(&batch.prefix());
            frame.put_shared(batch.rest());
            debug_assert!(batch.len() > PREFIX_BYTES);
        }
        if let Some((batch, bytes)) = &self.torn {
            let head = PREFIX_BYTES.min(*bytes);
            frame.tail().put_slice(&batch.prefix()[..head]);
            frame.put_shared(batch.rest().slice(..bytes - head));
        }
        if flexible {
            put_tags(frame.tail(), self.diverging, self.current_leader);
        }
    }
}

fn put_aborted(tail: &mut BytesMut, flexible: bool, aborted: Option<&[Aborted]>) {
    let Some(aborted) = aborted else {
        // Null, which stands for "not asked for".
        match flexible {
            true => tail.put_u8(0),
            false => tail.put_i32(-1),
        }
        return;
    };
    put_count(tail, flexible, aborted.len());
    for transaction in aborted {
        tail.put_i64(transaction.producer_id);
        tail.put_i64(transaction.first_offset);
        if flexible {
            tail.put_u8(0);
        }
    }
}

fn put_tags(tail: &mut BytesMut, diverging: Option<(i32, i64)>, leader: Option<(i32, i32)>) {
    tail.put_u8(u8::from(diverging.is_some()) + u8::from(leader.is_some()));
    if let Some((epoch, end)) = diverging {
        // Tagged field 0, of 13 bytes: epoch, end offset, no tags.
        tail.put_slice(&[0, 13]);
        tail.put_i32(epoch);
        tail.put_i64(end);
        tail.put_u8(0);
    }
    if let Some((id, epoch)) = leader {
        // Tagged field 1, of 9 bytes: id, epoch, no tags.
        tail.put_slice(&[1, 9]);
        tail.put_i32(id);
        tail.put_i32(epoch);
        tail.put_u8(0);
    }
}

fn put_endpoints(tail: &mut BytesMut, version: i16, endpoints: &[(i32, String, i32)]) {
    if version < 16 || endpoints.is_empty() {
        tail.put_u8(0);
        return;
    }
    let mut field = BytesMut::new();
    put_count(&mut field, true, endpoints.len());
    for (id, host, port) in endpoints {
        field.put_i32(*id);
        put_compact_text(&mut field, host);
        field.put_i32(*port);
        // No rack, no tags.
        field.put_slice(&[0, 0]);
    }
    tail.put_slice(&[1, 0]);
    put_varint(tail, field.len() as u32);
    tail.put_slice(&field);
}

fn put_count(tail: &mut BytesMut, flexible: bool, count: usize) {
    match flexible {
        true => put_varint(tail, count as u32 + 1),
        false => tail.put_i32(count as i32),
    }
}

fn put_text(tail: &mut BytesMut, text: &str) {
    tail.put_i16(text.len() as i16);
    tail.put_slice(text.as_bytes());
}

fn put_compact_text(tail: &mut BytesMut, text: &str) {
    put_varint(tail, text.len() as u32 + 1);
    tail.put_slice(text.as_bytes());
}

fn put_varint(tail: &mut BytesMut, mut value: u32) {
    while value >= 0x80 {
        tail.put_u8(value as u8 | 0x80);
        value >>= 7;
    }
    tail.put_u8(value as u8);
}

#[cfg(test)]
mod tests;

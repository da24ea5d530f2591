//! The last requests, kept for whoever wants to see what a client did.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

use kafka_protocol::messages::ApiKey;

use super::lock;

/// Client ids are cut to so many bytes, so that the whole capture is bounded in bytes too.
const CLIENT_ID_BYTES_MAX: usize = 128;

/// One request and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CapturedRequest {
    /// When it came, counted from the cluster's start.
    pub at: Duration,
    /// The broker that took it.
    pub broker: i32,
    /// The client id of its header, cut to 128 bytes.
    pub client_id: String,
    /// Kafka's name for this kind of request: `Produce`, `Fetch` and so on.
    pub api: String,
    /// Kafka's number for this kind of request.
    pub api_key: i16,
    /// The version of the request.
    pub version: i16,
    /// Bytes of the request's frame, without its length field.
    pub bytes: usize,
    /// From the request's arrival to its answer.
    pub elapsed: Duration,
    /// The first of Kafka's error codes in the answer that is not 0, or 0.
    pub error_code: i16,
}

/// The last requests, at most as many as the capacity.
#[derive(Debug)]
pub(super) struct Capture {
    capacity: usize,
    kept: Mutex<VecDeque<Kept>>,
}

#[derive(Debug)]
pub(super) struct Kept {
    pub(super) at: Duration,
    pub(super) broker: i32,
    pub(super) client_id: String,
    pub(super) key: ApiKey,
    pub(super) version: i16,
    pub(super) bytes: usize,
    pub(super) elapsed: Duration,
    pub(super) error_code: i16,
}

impl Capture {
    pub(super) fn new(capacity: usize) -> Self {
        Self { capacity, kept: Mutex::default() }
    }

    /// Whether anything is kept at all.
    pub(super) fn is_on(&self) -> bool {
        self.capacity > 0
    }

    /// Keeps a request; the oldest goes when there are too many.
    pub(super) fn keep(&self, mut request: Kept) {
        let mut end = request.client_id.len().min(CLIENT_ID_BYTES_MAX);
        while !request.client_id.is_char_boundary(end) {
            end -= 1;
        }
        request.client_id.truncate(end);
        request.client_id.shrink_to_fit();
        let mut kept = lock(&self.kept);
        if kept.len() >= self.capacity {
            kept.pop_front();
        }
        kept.push_back(request);
    }

    /// What is kept, in the order of the answers.
    pub(super) fn list(&self) -> Vec<CapturedRequest> {
        let kept = lock(&self.kept);
        let show = |request: &Kept| CapturedRequest {
            at: request.at,
            broker: request.broker,
            client_id: request.client_id.clone(),
            api: format!("{:?}", request.key),
            api_key: request.key as i16,
            version: request.version,
            bytes: request.bytes,
            elapsed: request.elapsed,
            error_code: request.error_code,
        };
        kept.iter().map(show).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(client_id: String) -> Kept {
        Kept {
            at: Duration::from_secs(1),
            broker: 1,
            client_id,
            key: ApiKey::Fetch,
            version: 12,
            bytes: 100,
            elapsed: Duration::from_millis(5),
            error_code: 6,
        }
    }

    #[test]
    fn the_last_requests_are_kept_and_no_more() {
        let capture = Capture::new(2);
        ["a", "b", "c"].iter().for_each(|&client| capture.keep(request(client.into())));
        let kept = capture.list();
        let clients: Vec<&str> = kept.iter().map(|request| &*request.client_id).collect();
        assert_eq!(clients, ["b", "c"]);
        assert_eq!((&*kept[0].api, kept[0].api_key, kept[0].error_code), ("Fetch", 1, 6));
        assert!(!Capture::new(0).is_on());
    }

    #[test]
    fn a_long_client_id_is_cut_between_letters() {
        let capture = Capture::new(1);
        capture.keep(request(format!("x{}", "é".repeat(10_000))));
        assert_eq!(capture.list()[0].client_id, format!("x{}", "é".repeat(63)));
    }
}

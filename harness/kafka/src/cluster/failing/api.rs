//! An API whose requests fail at a broker: which of them, and how a client learns of it.

use kafka_protocol::ResponseError;
use kafka_protocol::messages::ApiKey;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::refusal;
use crate::error::ClusterError;
use crate::fault::{Affected, ApiFailure, FailedRequests, RequestOutcome};
use crate::wire::{Api, Response};

/// How requests of an API fail, and how many have.
#[derive(Debug)]
pub(crate) struct FailingApi {
    pub(crate) failure: ApiFailure,
    /// With [`Affected::Next`]: how many are still to fail.
    pub(crate) left: u64,
    pub(crate) failed: FailedRequests,
}

impl FailingApi {
    /// Nothing has failed yet. What cannot fail so is refused.
    pub(crate) fn new(failure: ApiFailure) -> Result<Self, ClusterError> {
        let api = Api::of(failure.api_key).ok_or(ClusterError::UnknownApi(failure.api_key))?;
        let refuse = |field, fix: &str| Err(ClusterError::Failure { field, fix: fix.to_owned() });
        if let RequestOutcome::Error(code) = failure.outcome {
            if matches!(ResponseError::try_from_code(code), None | Some(ResponseError::Unknown(_)))
            {
                return refuse("outcome", "the error code must be one of Kafka's, and not 0");
            } else if !refusal::is_known(api.key) {
                return refuse("api_key", "no error is known for this api; lose its answers");
            }
        }
        let left = match failure.affected {
            Affected::Share(share) if !(share > 0.0 && share <= 1.0) => {
                return refuse("affected", "the share must be above 0 and at most 1");
            }
            Affected::Next(0) => return refuse("affected", "the number must be at least 1"),
            Affected::Next(count) => count,
            Affected::All | Affected::Share(_) => 0,
        };
        Ok(Self { failure, left, failed: FailedRequests::default() })
    }

    /// Whether the next request, of this client, is one of those that fail.
    pub(crate) fn hits(&self, client_id: &str, random: &mut ChaCha8Rng) -> bool {
        !self.failure.spared.iter().any(|spared| spared == client_id)
            && match self.failure.affected {
                Affected::All => true,
                Affected::Share(share) => random.random_bool(share),
                Affected::Next(_) => self.left > 0,
            }
    }
}

/// Whether a client learns from an answer that its request has failed so: where nothing is named
/// there is no place for an error, and a Fetch may have another one of its own.
pub(crate) fn says(response: &Response, outcome: RequestOutcome) -> bool {
    let mut found = matches!(response, Response::Close);
    response.errors(|code| found |= outcome == RequestOutcome::Error(code));
    found
}

/// Whether Kafka gives the error only once the records are in the leader's log.
pub(crate) fn follows_the_write(key: ApiKey, outcome: RequestOutcome) -> bool {
    const AFTER_APPEND: [ResponseError; 2] =
        [ResponseError::RequestTimedOut, ResponseError::NotEnoughReplicasAfterAppend];
    let is = |error: &ResponseError| outcome == RequestOutcome::Error(error.code());
    key == ApiKey::Produce && AFTER_APPEND.iter().any(is)
}

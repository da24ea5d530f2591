//! Requests that brokers answer with errors, or carry out and do not answer.

use super::super::brokers;
use crate::environment::NO_WORKERS;
use chaos::{Affected, BrokerError, Installed, Refusal, RequestKind};
use embedded_kafka::{ApiFailure, ClusterError, EmbeddedKafka, FailedRequests, RequestOutcome};
use futures::FutureExt;
use futures::future::BoxFuture;
use results::report::format::counted;
use std::sync::Arc;
use std::time::Duration;

/// Brokers that can be told what becomes of the requests that come to them, by API.
pub(in crate::environment) trait Requests: Send + Sync + 'static {
    /// They fail, until they are restored.
    fn fail(&self, broker: i32, failure: ApiFailure) -> Result<(), ClusterError>;
    /// How many have.
    fn failed(&self, broker: i32, api_key: i16) -> FailedRequests;
    /// They fail no more. Gives how many have.
    fn restore(&self, broker: i32, api_key: i16) -> FailedRequests;
    /// They wait for so long at most, but for those of clients with an id in `spared`.
    fn stall(
        &self,
        broker: i32,
        api_key: i16,
        lasts: Duration,
        spared: &[&str],
    ) -> Result<(), ClusterError>;
    /// How many have been held back.
    fn stalled(&self, broker: i32, api_key: i16) -> u64;
    /// They wait no more. Gives how many have.
    fn end_stall(&self, broker: i32, api_key: i16) -> u64;
}

impl Requests for EmbeddedKafka {
    fn fail(&self, broker: i32, failure: ApiFailure) -> Result<(), ClusterError> {
        self.fail_requests(broker, failure)
    }

    fn failed(&self, broker: i32, api_key: i16) -> FailedRequests {
        self.failed_requests(broker, api_key)
    }

    fn restore(&self, broker: i32, api_key: i16) -> FailedRequests {
        self.restore_requests(broker, api_key)
    }

    fn stall(
        &self,
        broker: i32,
        api_key: i16,
        lasts: Duration,
        spared: &[&str],
    ) -> Result<(), ClusterError> {
        self.stall_requests(broker, api_key, lasts, spared)
    }

    fn stalled(&self, broker: i32, api_key: i16) -> u64 {
        self.stalled_requests(broker, api_key)
    }

    fn end_stall(&self, broker: i32, api_key: i16) -> u64 {
        Self::end_stall(self, broker, api_key)
    }
}

/// What brokers do with requests of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::environment) enum Failure {
    /// They answer with an error.
    Error(BrokerError),
    /// They carry them out and close the connection.
    AnswerLost,
}

/// Lets requests fail at brokers: of workers, and of the driver too where they write.
pub(in crate::environment) fn fail<R: Requests>(
    requests: &Arc<R>,
    names: &[String],
    (kind, failure): (RequestKind, Failure),
    affected: Affected,
) -> Result<Box<dyn Installed>, Refusal> {
    let api_failure = ApiFailure {
        api_key: kind.api_key(),
        outcome: match failure {
            Failure::Error(error) => RequestOutcome::Error(error.code()),
            Failure::AnswerLost => RequestOutcome::AnswerLost,
        },
        affected: match affected {
            Affected::All => embedded_kafka::Affected::All,
            Affected::Share(share) => embedded_kafka::Affected::Share(share),
            Affected::Count(count) => embedded_kafka::Affected::Next(count),
        },
        spared: match kind {
            RequestKind::Produce => Vec::new(),
            _ => NO_WORKERS.map(str::to_owned).to_vec(),
        },
    };
    let ids = brokers::ids(names)?;
    let mut failing = Failing { requests: Arc::clone(requests), ids, kind, failure, healed: None };
    for id in &failing.ids {
        if let Err(error) = requests.fail(*id, api_failure.clone()) {
            failing.restore();
            return Err(Refusal::Failed(error.to_string()));
        }
    }
    Ok(Box::new(failing))
}

struct Failing<R> {
    requests: Arc<R>,
    ids: Vec<i32>,
    kind: RequestKind,
    failure: Failure,
    /// What had failed in the end, once it is over.
    healed: Option<String>,
}

impl<R: Requests> Failing<R> {
    /// Ends it and gives what had failed, by broker.
    fn restore(&mut self) -> Vec<(i32, FailedRequests)> {
        let key = self.kind.api_key();
        self.ids.iter().map(|id| (*id, self.requests.restore(*id, key))).collect()
    }
}

/// What failed, in words; nothing if nothing has. A broker that nobody asked proves nothing.
fn account(
    kind: RequestKind,
    failure: Failure,
    counts: &[(i32, FailedRequests)],
) -> Option<String> {
    let each = counts.iter().filter_map(|(id, failed)| {
        let name = brokers::name(*id);
        match failure {
            Failure::Error(error) => (failed.requests > 0).then(|| {
                let count = counted(failed.requests, &format!("{} request", kind.name()));
                let whose = if kind == RequestKind::Produce { "" } else { " of workers" };
                format!("{name} answered {count}{whose} with {}", error.name())
            }),
            // A producer that sends again what is written adds to the requests, not to the log.
            Failure::AnswerLost => (failed.carried_out > 0).then(|| {
                let count = counted(failed.carried_out, "produce request");
                format!("{name} left {count} unacknowledged though it had the records")
            }),
        }
    });
    Some(each.collect::<Vec<_>>().join(", ")).filter(|sentence| !sentence.is_empty())
}

impl<R: Requests> Installed for Failing<R> {
    fn evidence(&mut self) -> BoxFuture<'_, Option<String>> {
        let key = self.kind.api_key();
        let counts: Vec<(i32, FailedRequests)> =
            self.ids.iter().map(|id| (*id, self.requests.failed(*id, key))).collect();
        let sentence = account(self.kind, self.failure, &counts);
        async move { sentence }.boxed()
    }

    fn heal(&mut self) -> BoxFuture<'_, Result<String, String>> {
        if self.healed.is_none() {
            let counts = self.restore();
            let none = || "no request had failed".to_owned();
            self.healed = Some(account(self.kind, self.failure, &counts).unwrap_or_else(none));
        }
        let sentence = self.healed.clone().unwrap_or_default();
        async move { Ok(sentence) }.boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_failed_is_evidence_and_only_what_was_written_is_a_lost_acknowledgement() {
        let counts = |requests, carried_out| {
            [(1, FailedRequests { requests, carried_out }), (2, FailedRequests::default())]
        };
        let errors = Failure::Error(BrokerError::NotLeaderOrFollower);
        let kind = RequestKind::Produce;
        assert_eq!(account(kind, errors, &counts(0, 0)), None);
        assert_eq!(
            account(kind, errors, &counts(3, 0)).unwrap(),
            "broker-1 answered 3 produce requests with not_leader_or_follower"
        );
        assert_eq!(
            account(RequestKind::Fetch, errors, &counts(3, 0)).unwrap(),
            "broker-1 answered 3 fetch requests of workers with not_leader_or_follower"
        );
        assert_eq!(account(kind, Failure::AnswerLost, &counts(3, 0)), None, "nothing was written");
        assert_eq!(
            account(kind, Failure::AnswerLost, &counts(3, 2)).unwrap(),
            "broker-1 left 2 produce requests unacknowledged though it had the records"
        );
    }
}

//! Faults of the embedded API server, for its clients on the socket: the operator and users.

#[cfg(test)]
mod tests;

use chaos::{Action, Affected, ApiError, FailurePolicy, Fault, Installed, Refusal, StaleReads};
use embedded_kube::EmbeddedKube;
use embedded_kube::api::{self, ApiFailure, ApiFault, ApiFaultCounts, InstalledApiFault};
use futures::FutureExt;
use futures::future::BoxFuture;
use results::report::format::counted;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;

/// How often a port that is to open again is tried.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Lets the API server fail, for `limit` at most.
pub(in crate::environment) fn install(
    kube: &Arc<EmbeddedKube>,
    action: &Action,
    limit: Duration,
) -> Result<Box<dyn Installed>, Refusal> {
    let fault = translated(&action.fault).ok_or_else(|| {
        Refusal::Unsupported(format!("{} is no fault of an API server", action.fault.kind().kind))
    })?;
    let installed = kube.install_api_fault(fault, limit, action.seed);
    Ok(Box::new(Broken { fault, installed, address: kube.address() }))
}

/// The same fault in the words of the embedded server.
fn translated(fault: &Fault) -> Option<ApiFault> {
    Some(match fault {
        Fault::ApiDown(_) => ApiFault::Down,
        Fault::ApiSlow(fault) => ApiFault::Slow(fault.delay),
        Fault::ApiErrors(fault) => {
            let failure = match fault.error {
                ApiError::Conflict => ApiFailure::Conflict,
                ApiError::TooManyRequests => ApiFailure::TooManyRequests,
                ApiError::InternalError => ApiFailure::InternalError,
                ApiError::Timeout => ApiFailure::Timeout,
            };
            let requests = match fault.requests {
                Affected::All => api::ApiRequests::All,
                Affected::Share(share) => api::ApiRequests::Share(share),
                Affected::Count(count) => api::ApiRequests::Next(count),
            };
            ApiFault::Errors(failure, requests)
        }
        Fault::WatchDrop(fault) => ApiFault::WatchesCut(fault.every),
        Fault::WatchStall(_) => ApiFault::WatchesStalled,
        Fault::EventsDelayed(fault) => {
            ApiFault::EventsDelayed { by: fault.by, merged: fault.merged }
        }
        Fault::StaleList(fault) => ApiFault::ReadsStale(match fault.reads {
            StaleReads::All => api::StaleReads::All,
            StaleReads::Allowing => api::StaleReads::Allowing,
        }),
        Fault::HistoryCompacted(_) => ApiFault::HistoryCompacted,
        Fault::WebhookTimeout(fault) => ApiFault::WebhookSilent {
            timeout: fault.timeout,
            ignored: fault.failure_policy == FailurePolicy::Ignore,
        },
        _ => return None,
    })
}

struct Broken {
    fault: ApiFault,
    installed: InstalledApiFault,
    address: SocketAddr,
}

impl Broken {
    async fn evidence(&self) -> Option<String> {
        let sentence = account(self.fault, &self.installed.counts());
        if self.fault != ApiFault::Down {
            return sentence;
        }
        let refused = TcpStream::connect(self.address).await.err()?.kind();
        (refused == ErrorKind::ConnectionRefused).then_some(sentence).flatten()
    }

    async fn heal(&self) -> String {
        self.installed.heal();
        while self.fault == ApiFault::Down && TcpStream::connect(self.address).await.is_err() {
            tokio::time::sleep(LOOK_EVERY).await;
        }
        let account = account(self.fault, &self.installed.counts());
        let account = account.unwrap_or_else(|| "nobody noticed".to_owned());
        format!("the API server answers as before; {account}")
    }
}

/// What went wrong, in words; nothing if nothing has: a server that nobody asked proves nothing.
fn account(fault: ApiFault, counts: &ApiFaultCounts) -> Option<String> {
    let ApiFaultCounts { connections, requests, watches, events, .. } = *counts;
    let longest = humantime::format_duration(Duration::from_millis(
        u64::try_from(counts.longest.as_millis()).unwrap_or(u64::MAX),
    ));
    let (proof, sentence) = match fault {
        ApiFault::Down => {
            (1, format!("{} cut, new ones refused", counted(connections, "connection")))
        }
        ApiFault::Slow(_) => {
            (requests, format!("{} waited, {longest} at most", counted(requests, "request")))
        }
        ApiFault::WebhookSilent { .. } => {
            let writes = counted(requests, "write");
            (requests, format!("{writes} waited for a webhook, {longest} at most"))
        }
        ApiFault::Errors(failure, _) => {
            let code = failure.code();
            (requests, format!("{} answered with {code}", counted(requests, "request")))
        }
        ApiFault::WatchesCut(_) => (watches, format!("{} cut", counted(watches, "watch"))),
        ApiFault::WatchesStalled => {
            let lacking = counted(events, "event");
            (watches, format!("{} silent, {lacking} withheld", counted(watches, "watch")))
        }
        ApiFault::EventsDelayed { merged, .. } => {
            let gone = format!(", {} told by none", counted(counts.merged, "change"));
            let gone = if merged { gone } else { String::new() };
            (events, format!("{} late by {longest} at most{gone}", counted(events, "event")))
        }
        ApiFault::ReadsStale(_) => {
            let old = counted(counts.versions_behind, "version");
            (requests, format!("{} got a state {old} old at most", counted(requests, "read")))
        }
        ApiFault::HistoryCompacted => {
            let told = counted(requests, "watch");
            (requests, format!("{} cut, {told} told 410", counted(watches, "watch")))
        }
    };
    (proof > 0).then_some(sentence)
}

impl Installed for Broken {
    fn evidence(&mut self) -> BoxFuture<'_, Option<String>> {
        Broken::evidence(self).boxed()
    }

    fn heal(&mut self) -> BoxFuture<'_, Result<String, String>> {
        Broken::heal(self).map(Ok).boxed()
    }
}

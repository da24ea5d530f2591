//! Leader election by a Lease, by the rules of client-go: of several operators one serves jobs.
//!
//! Nobody compares clocks: a lease has run out when it has not changed for its duration, by the
//! watch of whoever waits for it. A leader that cannot renew stops well before that.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::PostParams;
use kube::{Api, Client, ResourceExt};
use tokio::time::{sleep, timeout};

use crate::clock::Clock;

/// Name of the Lease.
pub const LEASE: &str = "stormgauge-operator";

/// One candidate.
pub struct Election {
    leases: Api<Lease>,
    identity: String,
    duration: Duration,
    clock: Clock,
}

/// Why a lease was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Lost {
    /// Somebody else holds it.
    #[error("somebody else holds it")]
    Taken,
    /// It could not be renewed in time.
    #[error("it could not be renewed in time")]
    Silence,
}

/// The version of the lease that was seen last, and since when.
#[derive(Debug, Default)]
struct Seen {
    version: Option<String>,
    since: Duration,
}

impl Election {
    /// A candidate for the lease in the client's namespace. A lease that is not renewed for
    /// `duration` is free; parts of a second are rounded up.
    #[must_use]
    pub fn new(client: Client, identity: String, duration: Duration, clock: Clock) -> Self {
        let leases = Api::default_namespaced(client);
        Self { leases, identity, duration, clock }
    }

    /// Time between two looks at the lease, and between two renewals.
    fn period(&self) -> Duration {
        self.duration / 5
    }

    /// Waits until the lease is ours.
    pub(crate) async fn win(&self) {
        let mut seen = Seen::default();
        loop {
            match timeout(self.duration, self.attempt(&mut seen)).await {
                Ok(Ok(true)) => return,
                Ok(Ok(false)) => {}
                Ok(Err(error)) => tracing::debug!(%error, "looking at the lease"),
                Err(_) => tracing::debug!("looking at the lease took too long"),
            }
            sleep(self.period()).await;
        }
    }

    /// Renews the lease until it is lost.
    pub(crate) async fn keep(&self) -> Lost {
        let mut seen = Seen::default();
        let mut renewed = self.clock.now();
        loop {
            sleep(self.period()).await;
            let asked = self.clock.now();
            // Others may take it after the whole duration.
            let left = (renewed + self.duration * 2 / 3).saturating_sub(asked);
            match timeout(left, self.attempt(&mut seen)).await {
                Ok(Ok(true)) => renewed = asked,
                Ok(Ok(false)) => return Lost::Taken,
                Ok(Err(error)) => tracing::warn!(%error, "the lease was not renewed"),
                Err(_) => return Lost::Silence,
            }
        }
    }

    /// Lets go of the lease, so that the next need not wait.
    pub(crate) async fn resign(&self) {
        let resigned = async {
            let lease = self.leases.get(LEASE).await?;
            let spec = lease.spec.clone().unwrap_or_default();
            if spec.holder_identity.as_ref() == Some(&self.identity) {
                let spec = LeaseSpec { holder_identity: None, ..spec };
                let lease = Lease { spec: Some(spec), ..lease };
                self.leases.replace(LEASE, &PostParams::default(), &lease).await?;
            }
            Ok::<_, kube::Error>(())
        };
        if !matches!(timeout(self.period(), resigned).await, Ok(Ok(()))) {
            tracing::debug!("the lease was not given up; it runs out");
        }
    }

    /// Takes or renews the lease if that is allowed; whether it is ours.
    async fn attempt(&self, seen: &mut Seen) -> Result<bool, kube::Error> {
        let lease = self.leases.get_opt(LEASE).await?;
        let now = self.clock.now();
        let version = lease.as_ref().and_then(ResourceExt::resource_version);
        if version != seen.version {
            *seen = Seen { version, since: now };
        }
        let spec = lease.as_ref().and_then(|lease| lease.spec.as_ref());
        let unchanged = now.saturating_sub(seen.since);
        let Some(spec) = self.claim(spec, unchanged, self.clock.timestamp()) else {
            return Ok(false);
        };
        let parameters = PostParams::default();
        let written = match lease {
            Some(lease) => {
                let lease = Lease { spec: Some(spec), ..lease };
                self.leases.replace(LEASE, &parameters, &lease).await
            }
            None => {
                let mut lease = Lease { spec: Some(spec), ..Lease::default() };
                lease.metadata.name = Some(LEASE.to_owned());
                self.leases.create(&parameters, &lease).await
            }
        };
        match written {
            Ok(_) => Ok(true),
            // Somebody else was faster.
            Err(kube::Error::Api(status)) if status.code == 409 => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The lease as it is to be written, unless it belongs to somebody else.
    fn claim(
        &self,
        found: Option<&LeaseSpec>,
        unchanged: Duration,
        now: Timestamp,
    ) -> Option<LeaseSpec> {
        let before = found.cloned().unwrap_or_default();
        let holder = before.holder_identity.as_deref().unwrap_or_default();
        let ours = holder == self.identity;
        let seconds = u64::try_from(before.lease_duration_seconds.unwrap_or(0)).unwrap_or(0);
        if !ours && !holder.is_empty() && unchanged < Duration::from_secs(seconds) {
            return None;
        }
        let seconds = self.duration.as_millis().div_ceil(1000);
        let acquired = before.acquire_time.filter(|_| ours).unwrap_or(MicroTime(now));
        let transitions = before.lease_transitions.unwrap_or(0);
        let moved = i32::from(!ours && found.is_some());
        Some(LeaseSpec {
            holder_identity: Some(self.identity.clone()),
            lease_duration_seconds: i32::try_from(seconds).ok(),
            acquire_time: Some(acquired),
            renew_time: Some(MicroTime(now)),
            lease_transitions: Some(transitions.saturating_add(moved)),
            ..before
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(identity: &str) -> Election {
        let nobody = tower::service_fn(|_: http::Request<kube::client::Body>| async {
            Err::<http::Response<kube::client::Body>, _>(std::io::Error::other("no server"))
        });
        let client = Client::new(nobody, "default");
        let duration = Duration::from_millis(14_500);
        Election::new(client, identity.to_owned(), duration, Clock::start())
    }

    #[tokio::test]
    async fn a_lease_is_taken_when_it_is_free_or_has_not_changed_for_its_duration() {
        let (one, two) = (candidate("one"), candidate("two"));
        let [t0, t1] = [10, 20].map(|second| Timestamp::from_second(second).unwrap());
        let second = Duration::from_secs(1);
        let first = one.claim(None, Duration::ZERO, t0).unwrap();
        assert_eq!(first.holder_identity.as_deref(), Some("one"));
        assert_eq!((first.lease_duration_seconds, first.lease_transitions), (Some(15), Some(0)));
        let renewed = one.claim(Some(&first), Duration::ZERO, t1).unwrap();
        assert_eq!(renewed.acquire_time, Some(MicroTime(t0)));
        assert_eq!(renewed.renew_time, Some(MicroTime(t1)));
        assert_eq!(two.claim(Some(&renewed), 14 * second, t1), None);
        let taken = two.claim(Some(&renewed), 15 * second, t1).unwrap();
        assert_eq!(taken.acquire_time, Some(MicroTime(t1)));
        assert_eq!(taken.lease_transitions, Some(1));
        assert_eq!(one.claim(Some(&taken), Duration::ZERO, t1), None);
        let free = LeaseSpec { holder_identity: None, ..taken };
        assert!(one.claim(Some(&free), Duration::ZERO, t1).is_some());
    }
}

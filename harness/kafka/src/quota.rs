//! Quotas for clients: how fast they may produce and fetch, and what share of the brokers' time
//! they may take. Pure: the time comes in.
//!
//! After Kafka's `ClientQuotaManager`: each broker measures for itself; who is over its quota gets
//! its answer at once, with the time for which the broker will read nothing more from the
//! connection (KIP-219).

use std::collections::BTreeMap;
use std::time::Duration;

use crate::error::ClusterError;
use rate::Rate;

mod admin;
mod rate;
#[cfg(test)]
mod tests;

/// Entities with quotas, and clients whose rates are measured, are at most so many.
const ENTITIES_MAX: usize = 10_000;

/// The longest name of an entity in bytes.
const NAME_BYTES_MAX: usize = 1_024;

/// Whose quota it is. Kafka takes the most specific that fits a connection: user and client id,
/// the user, the client id; and a name before the default of all names.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct QuotaTarget {
    /// A user's name, `Some(None)` for every user without a quota of its own; `None` when users
    /// do not matter. Who did not authenticate is `ANONYMOUS`.
    pub user: Option<Option<String>>,
    /// A `client.id`, likewise.
    pub client_id: Option<Option<String>>,
}

/// Quotas of one target at each broker. `None` is no bound.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Quota {
    /// Bytes of Produce requests a second.
    pub producer_bytes: Option<f64>,
    /// Bytes of Fetch responses a second.
    pub consumer_bytes: Option<f64>,
    /// Share of one thread's time for handling requests, in percent.
    pub request_percentage: Option<f64>,
}

/// What a broker has throttled so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Throttled {
    /// Answers that told their client to pause. Some have no place to say so: that to an `acks=0`
    /// Produce, or in an old version of a request.
    pub answers: u64,
    /// The pauses that they told of, in sum.
    pub time: Duration,
}

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Produce,
    Fetch,
    Request,
}

/// Who is measured: at a broker, a kind, a user and a client id, of which one may be empty.
type Measured = (i32, Kind, String, String);

/// The quotas that are set, and the rates of the clients that have one.
#[derive(Debug, Default)]
pub(crate) struct Quotas {
    /// Values by Kafka's names for them.
    limits: BTreeMap<QuotaTarget, BTreeMap<String, f64>>,
    rates: BTreeMap<Measured, Rate>,
    /// By broker.
    throttled: BTreeMap<i32, Throttled>,
}

impl QuotaTarget {
    /// The connections of one client id.
    pub fn client(id: impl Into<String>) -> Self {
        Self { user: None, client_id: Some(Some(id.into())) }
    }

    /// The connections of one user.
    pub fn user(name: impl Into<String>) -> Self {
        Self { user: Some(Some(name.into())), client_id: None }
    }

    /// Each client id that has no quota of its own, by itself.
    pub fn any_client() -> Self {
        Self { user: None, client_id: Some(None) }
    }
}

impl Kind {
    /// The name of the quota's value.
    fn key(self) -> &'static str {
        match self {
            Self::Produce => admin::PRODUCER,
            Self::Fetch => admin::CONSUMER,
            Self::Request => admin::REQUEST,
        }
    }
}

impl Quotas {
    /// Whether anybody has a quota.
    pub(crate) fn any(&self) -> bool {
        !self.limits.is_empty()
    }

    /// Replaces a target's quotas.
    pub(crate) fn set(&mut self, target: QuotaTarget, quota: Quota) -> Result<(), ClusterError> {
        let refuse = |field, fix: &str| Err(ClusterError::Config { field, fix: fix.into() });
        if target == QuotaTarget::default() {
            return refuse("quota target", "must name a user, a client id or both");
        }
        let values = [
            (admin::PRODUCER, quota.producer_bytes),
            (admin::CONSUMER, quota.consumer_bytes),
            (admin::REQUEST, quota.request_percentage),
        ];
        let values: BTreeMap<String, f64> = values
            .into_iter()
            .filter_map(|(key, value)| value.map(|value| (key.to_owned(), value)))
            .collect();
        if values.values().any(|value| value.is_nan() || *value <= 0.0) {
            return refuse("quota", "must be greater than 0");
        }
        if values.is_empty() {
            self.limits.remove(&target);
        } else if self.limits.len() < ENTITIES_MAX || self.limits.contains_key(&target) {
            self.limits.insert(target, values);
        } else {
            return refuse("quota", "too many targets");
        }
        Ok(())
    }

    /// Notes `value` more bytes, or percents of a second, and says for how long the client is
    /// over its quota then.
    pub(crate) fn record(
        &mut self,
        now: Duration,
        broker: i32,
        kind: Kind,
        who: (&str, &str),
        value: f64,
    ) -> Duration {
        let Some((limit, measured)) = self.measured(broker, kind, who) else {
            return Duration::ZERO;
        };
        if !self.rates.contains_key(&measured) && self.rates.len() >= ENTITIES_MAX {
            self.rates.retain(|_, rate| rate.matters(now));
            if self.rates.len() >= ENTITIES_MAX {
                return Duration::ZERO;
            }
        }
        let rate = self.rates.entry(measured).or_default();
        rate.record(now, value);
        let excess = rate.excess(now, limit);
        if kind == Kind::Request { excess.min(rate::WINDOW) } else { excess }
    }

    /// Takes back what was recorded: a Fetch is answered empty when it is over the quota.
    pub(crate) fn take_back(
        &mut self,
        now: Duration,
        broker: i32,
        kind: Kind,
        who: (&str, &str),
        value: f64,
    ) {
        let Some((_, measured)) = self.measured(broker, kind, who) else { return };
        if let Some(rate) = self.rates.get_mut(&measured) {
            rate.record(now, -value);
        }
    }

    /// Counts an answer of a broker that tells its client to pause for `time`.
    pub(crate) fn count_throttled(&mut self, broker: i32, time: Duration) {
        let throttled = self.throttled.entry(broker).or_default();
        throttled.answers += 1;
        throttled.time = throttled.time.saturating_add(time);
    }

    /// What a broker has throttled since the start.
    pub(crate) fn throttled(&self, broker: i32) -> Throttled {
        self.throttled.get(&broker).copied().unwrap_or_default()
    }

    /// The most that can be recorded at once without being over the quota for sure.
    pub(crate) fn largest(&self, kind: Kind, user: &str, client: &str) -> Option<f64> {
        let (limit, ..) = self.limit(kind, user, client)?;
        Some(limit * (rate::SAMPLES - 1) as f64 * rate::WINDOW.as_secs_f64())
    }

    /// The quota that counts, and where its rate is kept.
    fn measured(
        &self,
        broker: i32,
        kind: Kind,
        (user, client): (&str, &str),
    ) -> Option<(f64, Measured)> {
        let (limit, user, client) = self.limit(kind, user, client)?;
        Some((limit, (broker, kind, user.to_owned(), client.to_owned())))
    }

    /// The quota that counts, and for whom together it is measured: clients that share a user's
    /// quota are measured as one.
    fn limit<'a>(
        &self,
        kind: Kind,
        user: &'a str,
        client: &'a str,
    ) -> Option<(f64, &'a str, &'a str)> {
        let (named, any) = (Some(Some(user.to_owned())), Some(None));
        let (this, every) = (Some(Some(client.to_owned())), Some(None));
        let candidates = [
            (&named, &this, (user, client)),
            (&named, &every, (user, client)),
            (&named, &None, (user, "")),
            (&any, &this, (user, client)),
            (&any, &every, (user, client)),
            (&any, &None, (user, "")),
            (&None, &this, ("", client)),
            (&None, &every, ("", client)),
        ];
        candidates.into_iter().find_map(|(user, client_id, measured)| {
            if client.is_empty() && client_id.is_some() {
                return None;
            }
            let target = QuotaTarget { user: user.clone(), client_id: client_id.clone() };
            let limit = *self.limits.get(&target)?.get(kind.key())?;
            Some((limit, measured.0, measured.1))
        })
    }
}

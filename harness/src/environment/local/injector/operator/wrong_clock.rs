//! An operator whose clock is wrong.

use super::super::super::operator_process::Operator;
use crate::clock;
use crate::environment::NAMESPACE;
use chaos::{Installed, Refusal};
use embedded_kube::{ClockShift, EmbeddedKube};
use futures::FutureExt;
use futures::future::BoxFuture;
use k8s_openapi::api::coordination::v1::Lease;
use kube::{Api, ResourceExt};
use operator::LEASE;
use std::sync::Arc;
use std::time::Duration;

/// Sets the operator's clock wrong by so many microseconds, for `limit` at most.
pub(in crate::environment) fn set_clock(
    kube: &EmbeddedKube,
    operator: &Arc<Operator>,
    offset_us: i64,
    limit: Duration,
) -> Result<Box<dyn Installed>, Refusal> {
    let shift = ClockShift::lasting(clock::unix_us(), limit, offset_us, 0);
    let refused = |error: std::io::Error| Refusal::Failed(error.to_string());
    shift.write(operator.clock_file()).map_err(refused)?;
    let leases = Api::namespaced(kube.client(), NAMESPACE);
    Ok(Box::new(WrongClock { leases, operator: Arc::clone(operator), offset_us, seen: None }))
}

struct WrongClock {
    leases: Api<Lease>,
    operator: Arc<Operator>,
    offset_us: i64,
    /// The version of the lease that was seen last.
    seen: Option<String>,
}

impl WrongClock {
    /// Looks at the lease; a time in it says something only just after it was written.
    async fn sentence(&mut self) -> Option<String> {
        let lease = self.leases.get_opt(LEASE).await.ok()??;
        let now = i64::try_from(clock::unix_us()).ok()?;
        let version = lease.resource_version();
        let is_new = self.seen.is_some() && self.seen != version;
        self.seen = version;
        let renewed = lease.spec?.renew_time?.0.as_microsecond();
        let off_us = renewed.saturating_sub(now);
        (is_new && off_us.abs_diff(self.offset_us) <= self.offset_us.unsigned_abs() / 2).then(
            || {
                let by = Duration::from_micros(off_us.unsigned_abs()).as_secs_f64();
                let way = if off_us < 0 { "past" } else { "future" };
                format!("the operator renewed its lease {by:.3} s in the {way}")
            },
        )
    }
}

impl Installed for WrongClock {
    fn evidence(&mut self) -> BoxFuture<'_, Option<String>> {
        self.sentence().boxed()
    }

    fn heal(&mut self) -> BoxFuture<'_, Result<String, String>> {
        let healed = ClockShift::clear(self.operator.clock_file());
        let healed = healed.map(|()| "the operator's clock is right".to_owned());
        async move { healed.map_err(|error| error.to_string()) }.boxed()
    }
}

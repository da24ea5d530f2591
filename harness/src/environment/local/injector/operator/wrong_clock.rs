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

/// Less, in microseconds, could not be told from the time since a renewal.
const SHOWS_US: u64 = 500_000;

/// Sets the operator's clock wrong by so many microseconds and lets it gain so many in each second,
/// for `limit` at most.
pub(in crate::environment) fn set_clock(
    kube: &EmbeddedKube,
    operator: &Arc<Operator>,
    (offset_us, drift_us_per_s): (i64, i64),
    limit: Duration,
) -> Result<Box<dyn Installed>, Refusal> {
    let shift = ClockShift::lasting(clock::unix_us(), limit, offset_us, drift_us_per_s);
    let refused = |error: std::io::Error| Refusal::Failed(error.to_string());
    shift.write(operator.clock_file()).map_err(refused)?;
    let leases = Api::namespaced(kube.client(), NAMESPACE);
    Ok(Box::new(WrongClock { leases, operator: Arc::clone(operator), shift, seen: None }))
}

struct WrongClock {
    leases: Api<Lease>,
    operator: Arc<Operator>,
    shift: ClockShift,
    /// The version of the lease that was seen last.
    seen: Option<String>,
}

impl WrongClock {
    /// Looks at the lease; a time in it says something only just after it was written.
    async fn sentence(&mut self) -> Option<String> {
        let lease = self.leases.get_opt(LEASE).await.ok()??;
        let now_us = clock::unix_us();
        let version = lease.resource_version();
        let is_new = self.seen.is_some() && self.seen != version;
        self.seen = version;
        let renewed = lease.spec?.renew_time?.0.as_microsecond();
        let off_us = renewed.saturating_sub_unsigned(now_us);
        let expected_us = self.shift.at(now_us);
        let shows = expected_us.unsigned_abs() >= SHOWS_US
            && off_us.abs_diff(expected_us) <= expected_us.unsigned_abs() / 2;
        (is_new && shows).then(|| {
            let by = Duration::from_micros(off_us.unsigned_abs()).as_secs_f64();
            let way = if off_us < 0 { "past" } else { "future" };
            format!("the operator renewed its lease {by:.3} s in the {way}")
        })
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

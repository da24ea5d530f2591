//! The operator's lease in the hands of somebody else.

use super::super::super::operator_endpoint;
use super::super::super::operator_process::Operator;
use crate::environment::NAMESPACE;
use chaos::{Installed, Refusal};
use embedded_kube::EmbeddedKube;
use futures::FutureExt;
use futures::future::BoxFuture;
use k8s_openapi::api::coordination::v1::Lease;
use kube::api::{Patch, PatchParams};
use kube::{Api, ResourceExt};
use operator::LEASE;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// Who holds it meanwhile.
pub(super) const USURPER: &str = "usurper";

/// Takes the lease away. It runs out after `limit`.
pub(in crate::environment) async fn take(
    kube: &Arc<EmbeddedKube>,
    operator: &Arc<Operator>,
    limit: Duration,
) -> Result<Box<dyn Installed>, Refusal> {
    let leases: Api<Lease> = Api::namespaced(kube.client(), NAMESPACE);
    let taken = Taken { leases, operator: Arc::clone(operator) };
    let failed = |error: kube::Error| Refusal::Failed(error.to_string());
    let lease = taken.leases.get_opt(LEASE).await.map_err(failed)?;
    let spec = lease.and_then(|lease| lease.spec).unwrap_or_default();
    if spec.holder_identity.is_none() {
        return Err(Refusal::Failed("no operator holds the lease".to_owned()));
    }
    let seconds = i32::try_from(limit.as_millis().div_ceil(1000)).unwrap_or(i32::MAX);
    taken
        .write(json!({ "spec": {
            "holderIdentity": USURPER,
            "leaseDurationSeconds": seconds,
            "leaseTransitions": spec.lease_transitions.unwrap_or(0).saturating_add(1),
        }}))
        .await
        .map_err(failed)?;
    Ok(Box::new(taken))
}

struct Taken {
    leases: Api<Lease>,
    operator: Arc<Operator>,
}

impl Taken {
    async fn write(&self, patch: Value) -> Result<(), kube::Error> {
        let patch = Patch::Merge(patch);
        self.leases.patch(LEASE, &PatchParams::default(), &patch).await.map(|_| ())
    }

    /// The lease, while the usurper holds it.
    async fn usurped(&self) -> Result<Option<Lease>, kube::Error> {
        let lease = self.leases.get_opt(LEASE).await?;
        let holder = |lease: &Lease| lease.spec.as_ref()?.holder_identity.clone();
        Ok(lease.filter(|lease| holder(lease).as_deref() == Some(USURPER)))
    }

    /// A lease that the operator has not missed proves nothing.
    async fn sentence(&self) -> Option<String> {
        self.usurped().await.ok()??;
        let leads = operator_endpoint::leads(&self.operator.log()).await?;
        (!leads)
            .then(|| "somebody else holds the lease, and the operator serves no jobs".to_owned())
    }

    async fn give_back(&self) -> Result<String, String> {
        let lease = self.usurped().await.map_err(|error| error.to_string())?;
        if let Some(lease) = lease {
            let version = lease.resource_version();
            let free = json!({"metadata": {"resourceVersion": version},
                "spec": {"holderIdentity": null}});
            match self.write(free).await {
                Ok(()) => {}
                // The operator took it in the meantime, as it had run out.
                Err(kube::Error::Api(status)) if status.code == 409 => {}
                Err(error) => return Err(error.to_string()),
            }
        }
        Ok("the usurper has let go of the lease".to_owned())
    }
}

impl Installed for Taken {
    fn evidence(&mut self) -> BoxFuture<'_, Option<String>> {
        self.sentence().boxed()
    }

    fn heal(&mut self) -> BoxFuture<'_, Result<String, String>> {
        self.give_back().boxed()
    }
}

//! Faults on the load and faults of the environment, behind one seam.

use super::sender::{Batch, Payload};
use super::strays::Fate;
use super::tampering::Draw;
use super::{Upstream, hot_key, poison, sent, silence, twice};
use crate::clock::Anchor;
use chaos::{Action, Fault, Injector, Installed, Refusal, Role};
use futures::FutureExt;
use futures::future::BoxFuture;
use std::sync::Arc;
use std::time::Duration;

/// What installs every fault of a trial.
pub struct TrialInjector {
    /// Installs what does not concern the load.
    pub environment: Arc<dyn Injector>,
    /// What faults on the load share with driver and collector.
    pub upstream: Arc<Upstream>,
}

impl TrialInjector {
    /// Installs a fault on the load; nothing if it is none.
    fn on_load(
        &self,
        action: &Action,
        limit: Duration,
    ) -> Option<Result<Box<dyn Installed>, Refusal>> {
        let upstream = &self.upstream;
        let draw = |share| Draw { share, seed: action.seed, until: Anchor::ahead(limit) };
        let strays = |fate, payload, rate_per_s| {
            let sent = sent::begin(upstream, fate, Batch::steady(payload, rate_per_s), limit);
            sent.map(|sent| Box::new(sent) as Box<dyn Installed>)
        };
        Some(match &action.fault {
            Fault::UpstreamSilence(_) => Ok(silence::begin(upstream, limit)),
            Fault::HotKey(fault) => Ok(hot_key::begin(upstream, draw(fault.share))),
            Fault::DuplicateSends(fault) => Ok(twice::begin(upstream, draw(fault.share))),
            Fault::MalformedMessages(fault) => {
                strays(Fate::PutAside, Payload::CutOff, fault.rate_per_s)
            }
            Fault::IncompatibleSchema(fault) => {
                strays(Fate::PutAside, Payload::UnknownSchema, fault.rate_per_s)
            }
            Fault::OversizedMessages(fault) => {
                strays(Fate::Processed, Payload::Large(fault.bytes), fault.rate_per_s)
            }
            Fault::PoisonMessage(fault) => poison::begin(upstream, fault.messages, limit),
            _ => return None,
        })
    }
}

impl Injector for TrialInjector {
    fn broker(&self, role: Role) -> Option<String> {
        self.environment.broker(role)
    }

    fn install<'a>(
        &'a self,
        action: &'a Action,
        limit: Duration,
    ) -> BoxFuture<'a, Result<Box<dyn Installed>, Refusal>> {
        match self.on_load(action, limit) {
            Some(installed) => async move { installed }.boxed(),
            None => self.environment.install(action, limit),
        }
    }
}

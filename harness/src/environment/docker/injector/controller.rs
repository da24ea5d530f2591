//! The active controller, taken off the network of controllers: the others elect another one.
//!
//! How long there is none is up to them (a second to elect, after two seconds without a word).
//! Brokers here are controllers too, and reach the active one by the same network, so that this
//! broker's session with it ends as well.

use super::{Hands, refused};
use crate::environment::docker::brokers::Names;
use crate::environment::local::brokers::name;
use chaos::{Installed, Refusal};
use futures::FutureExt;
use futures::future::BoxFuture;

/// Cuts the active controller off.
pub(super) async fn cut_off(hands: Hands) -> Result<Box<dyn Installed>, Refusal> {
    let active = hands.cluster.controller();
    let (epoch, id) =
        active.ok_or_else(|| Refusal::Failed("no controller is active".to_owned()))?;
    let (network, container) = (hands.names.control(), hands.names.container(id));
    hands.engine.part(&network, &container).await.map_err(refused)?;
    Ok(Box::new(CutOff { hands, id, epoch }))
}

struct CutOff {
    hands: Hands,
    id: i32,
    epoch: i32,
}

impl CutOff {
    fn sentence(&self) -> Option<String> {
        let (epoch, id) = self.hands.cluster.controller()?;
        (epoch > self.epoch && id >= 0 && id != self.id).then(|| {
            format!(
                "{} was the active controller at epoch {}, {} is at epoch {epoch}",
                name(self.id),
                self.epoch,
                name(id)
            )
        })
    }
}

impl Installed for CutOff {
    fn evidence(&mut self) -> BoxFuture<'_, Option<String>> {
        let sentence = self.sentence();
        async move { sentence }.boxed()
    }

    fn heal(&mut self) -> BoxFuture<'_, Result<String, String>> {
        async {
            let names = &self.hands.names;
            let (network, container) = (names.control(), names.container(self.id));
            let alias = Names::alias(self.id, "control");
            let joined = self.hands.engine.join(&network, &container, &alias, self.id).await;
            joined.map_err(|error| error.to_string())?;
            Ok(format!("{} among the controllers again", name(self.id)))
        }
        .boxed()
    }
}

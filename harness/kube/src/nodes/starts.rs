//! What keeps a node from starting containers: images that cannot be had, or only slowly.

use std::time::Duration;

use tokio::sync::watch;

use super::NodeHandle;
use super::pod_worker::Refusal;
use crate::clock;

/// What a node met when it was to start containers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StartTroubles {
    /// Starts that were refused because the image could not be had.
    pub refused: u64,
    /// Starts that were late.
    pub late: u64,
}

/// How containers start on a node.
#[derive(Debug, Clone, Copy, Default)]
struct Way {
    without_images: bool,
    delay: Duration,
    met: StartTroubles,
}

/// How containers start on a node, over its boots.
#[derive(Debug, Default)]
pub(super) struct Starts {
    way: watch::Sender<Way>,
}

impl Starts {
    /// Waits as long as a start takes longer than usual now, and not on when that is over.
    pub(super) async fn slowed(&self) {
        let mut way = self.way.subscribe();
        let begun = clock::instant();
        let delay = way.borrow_and_update().delay;
        if delay.is_zero() {
            return;
        }
        // The sender lives in `self`, so that this ends only when there is no delay any more.
        let over = way.wait_for(|way| way.delay.is_zero());
        let _ = tokio::time::timeout_at(begun + delay, over).await;
        self.way.send_modify(|way| way.met.late += 1);
    }

    /// Refuses a start for which there is no image.
    pub(super) fn image(&self) -> Result<(), Refusal> {
        if !self.way.borrow().without_images {
            return Ok(());
        }
        self.way.send_modify(|way| way.met.refused += 1);
        let message = "the registry does not answer".to_owned();
        Err(Refusal { reason: "ErrImagePull", message })
    }
}

impl NodeHandle {
    /// Lets no container start, as if its image could not be pulled, or lets them start again. What
    /// runs goes on; a container that ends meanwhile does not come back.
    pub fn set_without_images(&self, without: bool) {
        self.machine().starts.way.send_modify(|way| way.without_images = without);
    }

    /// Lets containers start so much later than usual; zero ends that for those that wait, too.
    pub fn set_start_delay(&self, delay: Duration) {
        self.machine().starts.way.send_modify(|way| way.delay = delay);
    }

    /// What starts met so far.
    pub fn start_troubles(&self) -> StartTroubles {
        self.machine().starts.way.borrow().met
    }
}

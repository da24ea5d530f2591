//! Brokers whose containers end: at once, or in order.

use super::{Hands, refused};
use crate::environment::local::brokers::name;
use chaos::{Installed, Refusal};
use futures::FutureExt;
use futures::future::BoxFuture;
use std::time::Duration;

/// Less than a conductor waits for one attempt to heal.
pub(super) const PATIENCE: Duration = Duration::from_secs(9);

/// How a broker ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signal {
    /// SIGKILL: it can do nothing about it.
    Kill,
    /// SIGTERM: it hands its leaderships over first.
    Terminate,
}

/// Ends the brokers' processes, and with them their containers.
pub(super) async fn end(
    hands: Hands,
    ids: Vec<i32>,
    signal: Signal,
) -> Result<Box<dyn Installed>, Refusal> {
    let led = ids.iter().map(|id| hands.led_by(*id)).sum();
    hands.announce(&ids);
    let word = match signal {
        Signal::Kill => "KILL",
        Signal::Terminate => "TERM",
    };
    for id in &ids {
        hands.engine.kill(&hands.names.container(*id), word).await.map_err(refused)?;
    }
    Ok(Box::new(Ended { hands, ids, led, ended: false }))
}

struct Ended {
    hands: Hands,
    ids: Vec<i32>,
    led: usize,
    /// Whether all have been seen to have ended: one that is about to looks like one that is back.
    ended: bool,
}

impl Ended {
    /// How each container ended; nothing while one runs.
    async fn sentence(&self) -> Option<String> {
        let mut ends = Vec::new();
        for id in &self.ids {
            let state = self.hands.state(*id).await.ok()?;
            if state.running {
                return None;
            }
            ends.push(format!("{} ended with exit code {}", name(*id), state.exit_code));
        }
        Some(format!("{}; {} leaderships were theirs", ends.join(", "), self.led))
    }
}

impl Installed for Ended {
    fn evidence(&mut self) -> BoxFuture<'_, Option<String>> {
        self.sentence().boxed()
    }

    fn heal(&mut self) -> BoxFuture<'_, Result<String, String>> {
        async {
            if !self.ended {
                let ended = self.hands.until_ended(&self.ids).await;
                ended.map_err(|error| error.to_string())?;
                self.ended = true;
            }
            self.hands.bring_back(&self.ids, PATIENCE).await
        }
        .boxed()
    }
}

//! What a silence of upstream held back, and the driver sends after it.

use super::{Client, DriverPlan, NAP_MAX};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use workloads::Event;

/// What was held back by a silence and is sent after it. It is late by no fault of the driver.
#[derive(Debug, Default)]
pub(super) struct Flood {
    /// When the last silence ended, nanoseconds from the start of the load.
    from_ns: i64,
    /// Messages sent since that were due before; absent when there are none left.
    sent: Option<u64>,
}

impl Flood {
    /// Waits while nothing may be sent.
    pub(super) fn wait(
        &mut self,
        plan: &DriverPlan,
        producer: &Client,
        next: u64,
        stop: &AtomicBool,
    ) {
        while plan.tampering.is_silent(next) && !stop.load(Ordering::Relaxed) {
            producer.poll(Duration::ZERO);
            std::thread::sleep(NAP_MAX);
            self.from_ns = plan.anchor.elapsed_ns();
            self.sent.get_or_insert(0);
        }
    }

    /// Whether a message that was sent now had been held back.
    pub(super) fn withheld(&mut self, plan: &DriverPlan, event: &Event) -> bool {
        let Some(sent) = &mut self.sent else { return false };
        let withheld = i64::try_from(event.intended_ns).is_ok_and(|due_ns| due_ns < self.from_ns);
        match withheld {
            true => *sent += 1,
            false => self.end(plan),
        }
        withheld
    }

    /// There is nothing left to send of what was held back.
    pub(super) fn end(&mut self, plan: &DriverPlan) {
        if let Some(sent) = self.sent.take() {
            let took_ns = plan.anchor.elapsed_ns() - self.from_ns;
            plan.tampering.caught_up(sent, u64::try_from(took_ns / 1000).unwrap_or(0));
        }
    }
}

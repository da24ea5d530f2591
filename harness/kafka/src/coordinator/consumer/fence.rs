//! Members that have to go: they left, or some time of theirs is over.

use kafka_protocol::protocol::StrBytes;

use super::ConsumerGroup;
use super::timers::Wait;
use crate::coordinator::context::Context;

impl ConsumerGroup {
    /// Removes members. What they had is free at once; the next heartbeat of any other member
    /// computes new targets.
    pub(in crate::coordinator) fn fence(&mut self, cx: &Context<'_>, members: &[StrBytes]) {
        let removed = members.iter().filter(|id| self.remove(id).is_some()).count();
        // A group that goes over to the classic protocol begins there at the epoch that it has.
        if removed > 0 && !self.is_all_classic() {
            self.epoch = self.epoch.saturating_add(1);
            self.subscriptions.refresh(cx.catalog);
        }
    }

    /// Fences the members whose time is over.
    pub(in crate::coordinator) fn run_due(&mut self, cx: &Context<'_>) {
        while let Some((id, wait)) = self.timers.pop_due(cx.now) {
            let current = self.members.get(&id).map(|member| member.epoch);
            match wait {
                // It has moved on, or left for a while.
                Wait::Revocation(epoch) if current != Some(epoch) => {}
                _ => self.fence(cx, &[id]),
            }
        }
    }
}

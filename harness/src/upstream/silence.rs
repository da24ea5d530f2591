//! Nothing of the load is sent, and then all of it at once.

use super::Upstream;
use crate::clock::Anchor;
use chaos::Installed;
use futures::FutureExt;
use futures::future::BoxFuture;
use results::report::format::counted;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// How often the end of the flood is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(5);

pub(super) fn begin(upstream: &Arc<Upstream>, limit: Duration) -> Box<dyn Installed> {
    upstream.tampering.silence(Some(Anchor::ahead(limit)));
    let counts = &upstream.tampering.counts;
    let withheld_before = counts.withheld.load(Ordering::Relaxed);
    let flood_us_before = counts.flood_us.load(Ordering::Relaxed);
    Box::new(Silenced { upstream: Arc::clone(upstream), withheld_before, flood_us_before })
}

struct Silenced {
    upstream: Arc<Upstream>,
    withheld_before: u64,
    flood_us_before: u64,
}

impl Silenced {
    fn sentence(&self) -> Option<String> {
        let counts = &self.upstream.tampering.counts;
        let next = counts.next.load(Ordering::Relaxed);
        let now_ns = u64::try_from(self.upstream.anchor.elapsed_ns()).ok()?;
        let due = self.upstream.workload.arrival().due_by_ns(now_ns).saturating_sub(next);
        (counts.behind.load(Ordering::Acquire) && due > 1)
            .then(|| format!("{} due, and none sent since message {next}", counted(due, "message")))
    }

    async fn end(&self) -> String {
        let Upstream { tampering, .. } = &*self.upstream;
        tampering.silence(None);
        while tampering.counts.behind.load(Ordering::Acquire) {
            tokio::time::sleep(LOOK_EVERY).await;
        }
        let withheld = tampering.counts.withheld.load(Ordering::Relaxed) - self.withheld_before;
        let flood_us = tampering.counts.flood_us.load(Ordering::Relaxed) - self.flood_us_before;
        format!("{} held back, then sent in {} ms", counted(withheld, "message"), flood_us / 1000)
    }
}

impl Installed for Silenced {
    fn evidence(&mut self) -> BoxFuture<'_, Option<String>> {
        let sentence = self.sentence();
        async move { sentence }.boxed()
    }

    fn heal(&mut self) -> BoxFuture<'_, Result<String, String>> {
        async move { Ok(self.end().await) }.boxed()
    }
}

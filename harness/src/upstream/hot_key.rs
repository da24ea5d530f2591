//! One key gets a share of the load.

use super::Upstream;
use super::tampering::Draw;
use chaos::Installed;
use futures::FutureExt;
use futures::future::BoxFuture;
use results::report::format::counted;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Acknowledged messages that make a share.
const SAMPLE_MIN: u64 = 100;

pub(super) fn begin(upstream: &Arc<Upstream>, draw: Draw) -> Box<dyn Installed> {
    let before = acknowledged(upstream);
    upstream.tampering.heat(Some(draw));
    Box::new(Hot { upstream: Arc::clone(upstream), before, share: draw.share })
}

/// Acknowledged messages: all, and those of the hot key.
fn acknowledged(upstream: &Upstream) -> (u64, u64) {
    let counts = &upstream.tampering.counts;
    (counts.acknowledged.load(Ordering::Relaxed), counts.hot.load(Ordering::Relaxed))
}

struct Hot {
    upstream: Arc<Upstream>,
    before: (u64, u64),
    share: f64,
}

impl Hot {
    /// The share in words, once it is half of what was asked for: first of all those are
    /// acknowledged that were sent before.
    fn sentence(&self) -> Option<String> {
        let (all, hot) = acknowledged(&self.upstream);
        let (all, hot) = (all - self.before.0, hot - self.before.1);
        let seen = all >= SAMPLE_MIN && hot as f64 >= self.share / 2.0 * all as f64;
        let key = self.upstream.tampering.hot_key().filter(|_| seen)?;
        let partition = self.upstream.tampering.counts.hot_partition.load(Ordering::Relaxed);
        Some(format!(
            "{hot} of {all} acknowledged messages bear the key {key} and are in partition \
             {partition}"
        ))
    }
}

impl Installed for Hot {
    fn evidence(&mut self) -> BoxFuture<'_, Option<String>> {
        let sentence = self.sentence();
        async move { sentence }.boxed()
    }

    fn heal(&mut self) -> BoxFuture<'_, Result<String, String>> {
        self.upstream.tampering.heat(None);
        let (_, hot) = acknowledged(&self.upstream);
        let sentence = format!("{} bore the hot key", counted(hot - self.before.1, "message"));
        async move { Ok(sentence) }.boxed()
    }
}

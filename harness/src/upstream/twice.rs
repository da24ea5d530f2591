//! A share of the load is sent twice.

use super::Upstream;
use super::tampering::Draw;
use chaos::Installed;
use futures::FutureExt;
use futures::future::BoxFuture;
use results::report::format::counted;
use std::sync::Arc;
use std::sync::atomic::Ordering;

pub(super) fn begin(upstream: &Arc<Upstream>, draw: Draw) -> Box<dyn Installed> {
    let before = copies(upstream);
    upstream.tampering.double(Some(draw));
    Box::new(Twice { upstream: Arc::clone(upstream), before })
}

/// Second copies that brokers acknowledged.
fn copies(upstream: &Upstream) -> u64 {
    upstream.tampering.counts.copies.load(Ordering::Relaxed)
}

struct Twice {
    upstream: Arc<Upstream>,
    before: u64,
}

impl Twice {
    fn sentence(&self) -> String {
        let copies = counted(copies(&self.upstream) - self.before, "second copy");
        format!("{copies} acknowledged by brokers")
    }
}

impl Installed for Twice {
    fn evidence(&mut self) -> BoxFuture<'_, Option<String>> {
        let sentence = (copies(&self.upstream) > self.before).then(|| self.sentence());
        async move { sentence }.boxed()
    }

    fn heal(&mut self) -> BoxFuture<'_, Result<String, String>> {
        self.upstream.tampering.double(None);
        let sentence = self.sentence();
        async move { Ok(sentence) }.boxed()
    }
}

//! Network actions as rules of the proxies: installed, proven by counters, removed.

use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;

use super::counters::RuleCounters;
use super::effect::Effect;
use super::proof::{proof, summary};
use super::rules::{Rule, RuleId, Rules};
use crate::injector::Installed;

/// How long after the removal of a rule its last bytes are on their way at the latest.
const RELEASE: Duration = Duration::from_millis(10);

/// Installs rules that together are one action. There is evidence once each has had its effect.
pub fn inject(rules: &Rules, parts: Vec<Rule>) -> Box<dyn Installed> {
    let install = |part: Rule| Part { effect: part.effect, id: rules.install(part) };
    let parts = parts.into_iter().map(install).collect();
    Box::new(InstalledRules { rules: rules.clone(), parts })
}

struct InstalledRules {
    rules: Rules,
    parts: Vec<Part>,
}

struct Part {
    effect: Effect,
    id: RuleId,
}

impl InstalledRules {
    fn remove(&self) {
        for part in &self.parts {
            self.rules.remove(&part.id);
        }
    }

    fn counters(&self) -> impl Iterator<Item = (&Effect, RuleCounters)> {
        self.parts.iter().map(|part| (&part.effect, self.rules.counters(&part.id)))
    }
}

impl Installed for InstalledRules {
    fn evidence(&mut self) -> BoxFuture<'_, Option<String>> {
        let each = self.counters().map(|(effect, counters)| proof(effect, &counters));
        let all: Option<Vec<String>> = each.collect();
        async move { all.map(|sentences| sentences.join("; ")) }.boxed()
    }

    fn heal(&mut self) -> BoxFuture<'_, Result<String, String>> {
        async {
            self.remove();
            tokio::time::sleep(RELEASE).await;
            let each = self.counters().map(|(effect, counters)| summary(effect, &counters));
            Ok(each.collect::<Vec<_>>().join("; "))
        }
        .boxed()
    }
}

impl Drop for InstalledRules {
    fn drop(&mut self) {
        self.remove();
    }
}

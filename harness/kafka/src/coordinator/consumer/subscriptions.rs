//! What the members of a group want to read: topics by name and by regular expression.
//!
//! Kafka resolves regular expressions beside the coordinator's thread: the heartbeat that brings
//! one is answered first, and the topics found raise the group's epoch afterwards. So here.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use kafka_protocol::ResponseError;
use kafka_protocol::protocol::StrBytes;
use uuid::Uuid;

use super::Refusal;
use super::member::ConsumerMember;
use crate::coordinator::GroupConfig;
use crate::coordinator::catalog::{Catalog, CatalogVersion};
use crate::coordinator::context::Context;

/// Regular expressions are resolved again no sooner than after this.
const REFRESH_MIN: Duration = Duration::from_secs(10);
/// Regular expressions are resolved again at the latest after this.
const REFRESH_MAX: Duration = Duration::from_secs(10 * 60);
/// Bytes that one compiled regular expression may take.
const COMPILED_BYTES_MAX: usize = 1 << 20;

/// The topics of a group as its epoch stands for them: their ids and sizes, by name.
type Fingerprint = Vec<(Uuid, i32)>;

/// A regular expression and how it was resolved.
#[derive(Debug, Default)]
struct Regex {
    members: usize,
    /// None until it has been resolved.
    topics: Option<BTreeSet<StrBytes>>,
}

/// The subscriptions of all members together.
#[derive(Debug, Default)]
pub(super) struct Subscriptions {
    /// How many members name each topic.
    names: BTreeMap<StrBytes, usize>,
    regexes: BTreeMap<StrBytes, Regex>,
    /// When the expressions were resolved, and how many topics had been created then.
    resolved: Option<(Duration, u64)>,
    fingerprint: Fingerprint,
    /// The catalog of which the fingerprint is.
    seen: Option<CatalogVersion>,
}

impl Subscriptions {
    pub(super) fn add(&mut self, member: &ConsumerMember) {
        for topic in &member.topics {
            *self.names.entry(topic.clone()).or_default() += 1;
        }
        if let Some(regex) = member.subscribed_regex() {
            self.regexes.entry(regex.clone()).or_default().members += 1;
        }
    }

    pub(super) fn remove(&mut self, member: &ConsumerMember) {
        for topic in &member.topics {
            if let Some(count) = self.names.get_mut(topic) {
                *count -= 1;
                if *count == 0 {
                    self.names.remove(topic);
                }
            }
        }
        if let Some(regex) = member.subscribed_regex()
            && let Some(known) = self.regexes.get_mut(regex)
        {
            known.members -= 1;
            if known.members == 0 {
                self.regexes.remove(regex);
            }
        }
    }

    /// The names of the topics, whether they exist or not.
    pub(super) fn topics(&self) -> BTreeSet<StrBytes> {
        self.names.keys().chain(self.resolved_sets().flatten()).cloned().collect()
    }

    fn resolved_sets(&self) -> impl Iterator<Item = &BTreeSet<StrBytes>> {
        self.regexes.values().filter_map(|regex| regex.topics.as_ref())
    }

    /// The topics that match a regular expression, if it has been resolved.
    pub(super) fn matches(&self, regex: &StrBytes) -> Option<&BTreeSet<StrBytes>> {
        self.regexes.get(regex)?.topics.as_ref()
    }

    /// Checks an expression that the group may not know yet.
    pub(super) fn check_regex(
        &self,
        config: &GroupConfig,
        regex: &StrBytes,
    ) -> Result<(), Refusal> {
        if regex.is_empty() || self.regexes.contains_key(regex) {
            return Ok(());
        }
        let refuse = |reason: &str| {
            let message = format!(
                "SubscribedTopicRegex `{regex}` is not a valid regular expression: {reason}."
            );
            Err((ResponseError::InvalidRegularExpression, message))
        };
        if regex.len() > config.name_bytes_max {
            return refuse("too long");
        }
        if self.regexes.len() >= config.regexes_max {
            return refuse("the group has too many");
        }
        match compile(regex) {
            Some(_) => Ok(()),
            None => refuse("it does not compile"),
        }
    }

    /// Whether all members are subscribed to the same topics.
    pub(super) fn homogeneous(&self, members: usize) -> bool {
        let Some(regex) = self.regexes.values().next() else {
            return self.names.values().all(|count| *count == members);
        };
        regex.members == members && self.names.is_empty()
    }

    /// The group's topics may be others than they were.
    pub(super) fn expect_changes(&mut self) {
        self.seen = None;
    }

    pub(super) fn may_have_changed(&self, catalog: &Catalog) -> bool {
        self.seen != Some(catalog.version())
    }

    /// Looks at the topics again. True if they are others than they were.
    pub(super) fn refresh(&mut self, catalog: &Catalog) -> bool {
        let names = self.names.keys().chain(self.resolved_sets().flatten());
        let names: BTreeSet<&StrBytes> = names.collect();
        let topics = names.into_iter().filter_map(|name| catalog.topic(name));
        let fingerprint: Fingerprint = topics.map(|topic| (topic.id, topic.partitions)).collect();
        self.seen = Some(catalog.version());
        let changed = fingerprint != self.fingerprint;
        self.fingerprint = fingerprint;
        changed
    }

    /// When the expressions were resolved last, and how many topics had been created then; none
    /// if none of them has been.
    pub(super) fn last_resolved(&self) -> Option<(Duration, u64)> {
        self.resolved.filter(|_| self.resolved_sets().next().is_some())
    }

    /// Whether the expressions are to be resolved now. `last` is [`Self::last_resolved`] from
    /// before the member changed its own.
    pub(super) fn wants_resolution(
        &self,
        cx: &Context<'_>,
        last: Option<(Duration, u64)>,
        brings_new: bool,
    ) -> bool {
        if self.regexes.is_empty() {
            return false;
        }
        let Some((at, created)) = last else { return true };
        let age = cx.now.saturating_sub(at);
        let unresolved = self.regexes.values().any(|regex| regex.topics.is_none());
        age > REFRESH_MIN
            && (brings_new
                || unresolved
                || created < cx.catalog.version().created
                || age > REFRESH_MAX)
    }

    /// Resolves the expressions. True if any stands for other topics than before.
    pub(super) fn resolve(&mut self, cx: &Context<'_>) -> bool {
        let mut changed = false;
        for (pattern, regex) in &mut self.regexes {
            let Some(compiled) = compile(pattern) else { continue };
            let names = cx.catalog.iter().map(|(name, _)| name);
            let matching = names.filter(|name| compiled.is_match(name)).cloned().collect();
            let nothing = BTreeSet::new();
            changed |= *regex.topics.as_ref().unwrap_or(&nothing) != matching;
            regex.topics = Some(matching);
        }
        self.resolved = Some((cx.now, cx.catalog.version().created));
        changed
    }
}

/// Compiles an expression that has to match the whole name.
pub(crate) fn compile(regex: &str) -> Option<regex::Regex> {
    let build = |pattern: &str| {
        regex::RegexBuilder::new(pattern).size_limit(COMPILED_BYTES_MAX).build().ok()
    };
    // By itself first: it must not close the group that it is put into.
    build(regex)?;
    build(&format!(r"\A(?:{regex})\z"))
}

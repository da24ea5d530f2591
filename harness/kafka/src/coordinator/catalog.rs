//! The topics that consumer groups are given, as the coordinator knows them.

use std::collections::{BTreeMap, BTreeSet};

use kafka_protocol::protocol::StrBytes;
use uuid::Uuid;

/// Two catalogs with the same version hold the same topics. Deletions make `topics` smaller,
/// added partitions `partitions` larger, and a new topic can hide neither: it counts in `created`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct CatalogVersion {
    /// How many topics have ever been created.
    pub(crate) created: u64,
    /// How many there are.
    pub(crate) topics: usize,
    /// How many partitions they have.
    pub(crate) partitions: usize,
}

/// A topic's identity and size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CatalogTopic {
    pub(crate) id: Uuid,
    pub(crate) partitions: i32,
}

/// The topics at one moment.
#[derive(Debug, Default)]
pub(crate) struct Catalog {
    version: CatalogVersion,
    topics: BTreeMap<StrBytes, CatalogTopic>,
    names: BTreeMap<Uuid, StrBytes>,
}

impl Catalog {
    /// The catalog of `topics`.
    pub(crate) fn new(
        version: CatalogVersion,
        topics: impl Iterator<Item = (StrBytes, CatalogTopic)>,
    ) -> Self {
        let topics: BTreeMap<_, _> = topics.collect();
        let names = topics.iter().map(|(name, topic)| (topic.id, name.clone())).collect();
        Self { version, topics, names }
    }

    pub(crate) fn version(&self) -> CatalogVersion {
        self.version
    }

    pub(super) fn topic(&self, name: &StrBytes) -> Option<CatalogTopic> {
        self.topics.get(name).copied()
    }

    pub(super) fn name(&self, id: &Uuid) -> Option<&StrBytes> {
        self.names.get(id)
    }

    /// The names of the topics that another catalog does not have, or has under another id.
    pub(super) fn missing_in(&self, other: &Self) -> BTreeSet<StrBytes> {
        let missing = self.names.iter().filter(|(id, _)| !other.names.contains_key(id));
        missing.map(|(_, name)| name.clone()).collect()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&StrBytes, CatalogTopic)> {
        self.topics.iter().map(|(name, topic)| (name, *topic))
    }
}

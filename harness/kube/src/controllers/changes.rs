//! Watches as streams of changed objects.

use std::fmt::Debug;

use futures::{Stream, StreamExt};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::runtime::watcher::{self, Event};
use kube::runtime::{WatchStreamExt, watcher as watch};
use kube::{Api, Resource};
use serde::de::DeserializeOwned;

use super::queue::Signal;

/// An object's place: its namespace (empty when it has none) and name.
pub(super) type Place = (String, String);

/// The place that `meta` names.
pub(super) fn place(meta: &ObjectMeta) -> Place {
    (meta.namespace.clone().unwrap_or_default(), meta.name.clone().unwrap_or_default())
}

/// What happened to an object.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Change<K> {
    /// It is there, new or changed.
    Applied(K),
    /// It is gone.
    Deleted(K),
}

impl<K> Change<K> {
    /// The object, in its last known state.
    pub(super) fn object(&self) -> &K {
        match self {
            Self::Applied(object) | Self::Deleted(object) => object,
        }
    }
}

/// Watches `api` for ever and turns each change into at most one key.
///
/// After the watch had to start again, whatever was deleted meanwhile is unknown, so every key is
/// signalled.
pub(super) fn signals<K, Key>(
    api: Api<K>,
    key: impl Fn(&Change<K>) -> Option<Key> + Send,
) -> impl Stream<Item = Signal<Key>> + Send
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
    Key: Send,
{
    watch(api, watcher::Config::default()).default_backoff().filter_map(move |event| {
        let signal = match event {
            Ok(Event::Apply(object) | Event::InitApply(object)) => {
                key(&Change::Applied(object)).map(Signal::Key)
            }
            Ok(Event::Delete(object)) => key(&Change::Deleted(object)).map(Signal::Key),
            Ok(Event::InitDone) => Some(Signal::Everything),
            Ok(Event::Init) => None,
            Err(error) => {
                tracing::debug!(%error, "a watch failed and will be started again");
                None
            }
        };
        std::future::ready(signal)
    })
}

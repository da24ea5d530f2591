//! What the harness knows of the brokers: each is asked ten times a second, all of them at once.
//!
//! A view is what one broker says. Where brokers disagree, as those do that are cut off from the
//! others, the higher epoch is right.

use super::admin::{self, Group, Metadata, Partition, Place};
use super::wire::Connection;
use crate::clock::Anchor;
use crate::environment::{GROUP, RESULT_TOPIC, SOURCE_TOPIC};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// Time between two looks at a broker.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Longest that a broker may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// Looks between two requests to let go of records.
const LOOKS_A_TRIM: u32 = 20;
/// The topics of a trial.
pub(super) const TOPICS: [&str; 2] = [SOURCE_TOPIC, RESULT_TOPIC];

/// What one broker says.
#[derive(Debug, Clone, Default)]
pub(super) struct View {
    /// When it said so; nothing while it has not answered the last question.
    pub(super) seen: Option<Anchor>,
    /// Brokers and partitions.
    pub(super) metadata: Metadata,
    /// Ends of the partitions that it leads.
    ends: BTreeMap<Place, i64>,
    /// The job's group, if the broker coordinates it.
    group: Option<Group>,
}

/// The brokers as they are seen. Dropping it ends the watch.
#[derive(Debug)]
pub(super) struct Cluster {
    shared: Arc<Shared>,
    _watchers: JoinSet<()>,
}

#[derive(Debug)]
struct Shared {
    addresses: BTreeMap<i32, SocketAddr>,
    views: Mutex<BTreeMap<i32, View>>,
    /// The latest controller that was heard of, after its epoch.
    controller: Mutex<Option<(i32, i32)>>,
    /// Offsets below which nobody needs the records any more.
    trims: Mutex<BTreeMap<Place, i64>>,
}

/// What a mutex holds, whoever panicked with it: no value here is ever half written.
pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Cluster {
    /// Watches the brokers at these addresses, by their numbers.
    pub(super) fn watch(addresses: BTreeMap<i32, SocketAddr>) -> Self {
        let shared = Arc::new(Shared {
            addresses,
            views: Mutex::default(),
            controller: Mutex::default(),
            trims: Mutex::default(),
        });
        let mut watchers = JoinSet::new();
        for (id, address) in shared.addresses.clone() {
            watchers.spawn(watch(id, address, Arc::clone(&shared)));
            watchers.spawn(watch_quorum(address, Arc::clone(&shared)));
        }
        Self { shared, _watchers: watchers }
    }

    /// The numbers of the brokers.
    pub(super) fn ids(&self) -> Vec<i32> {
        self.shared.addresses.keys().copied().collect()
    }

    /// A connection to any broker that answers; requests for the controller are passed on by it.
    pub(super) async fn connect(&self) -> anyhow::Result<Connection> {
        let views = self.views();
        let answers = |id: &&i32| views.get(id).is_some_and(|view| view.seen.is_some());
        // One that others see too: a broker that is cut off can pass nothing on.
        let known = |id: &&i32| {
            views.iter().any(|(other, view)| other != *id && view.metadata.brokers.contains(id))
        };
        let mut ids = self.shared.addresses.keys().filter(answers);
        let id = ids.clone().find(known).or_else(|| ids.next());
        self.connect_to(*id.ok_or_else(|| anyhow::anyhow!("no broker answers"))?).await
    }

    /// A connection to this broker.
    pub(super) async fn connect_to(&self, id: i32) -> anyhow::Result<Connection> {
        let address = self.shared.addresses.get(&id);
        Connection::open(*address.ok_or_else(|| anyhow::anyhow!("there is no such broker"))?).await
    }

    /// What each broker says.
    pub(super) fn views(&self) -> BTreeMap<i32, View> {
        locked(&self.shared.views).clone()
    }

    /// Every partition of the trial's topics, as the broker with the highest epoch knows it. Of
    /// several, who answers now knows better, and its leader knows best who is in sync.
    pub(super) fn partitions(&self) -> BTreeMap<Place, Partition> {
        let mut best = BTreeMap::new();
        for (id, view) in self.views() {
            for (place, partition) in view.metadata.partitions {
                let leads = partition.leader == Some(id);
                let rank = Some((partition.epoch, view.seen.is_some(), leads));
                let known = best.entry(place).or_insert((None, Partition::default()));
                if rank > known.0 {
                    *known = (rank, partition);
                }
            }
        }
        best.into_iter().map(|(place, (_, partition))| (place, partition)).collect()
    }

    /// The latest controller that was heard of, after its epoch.
    pub(super) fn controller(&self) -> Option<(i32, i32)> {
        locked(&self.shared.controller).filter(|(_, id)| *id >= 0)
    }

    /// The broker that coordinates the job's group.
    pub(super) fn coordinator(&self) -> Option<i32> {
        self.latest_group().map(|(id, _)| id)
    }

    /// The job's group.
    pub(super) fn group(&self) -> Group {
        self.latest_group().map(|(_, group)| group).unwrap_or_default()
    }

    /// Who said last that it coordinates the group, and what it said.
    fn latest_group(&self) -> Option<(i32, Group)> {
        let views = self.views().into_iter();
        let told = views.filter_map(|(id, view)| Some((view.seen?.unix_us(), id, view.group?)));
        told.max_by_key(|(at, id, _)| (*at, *id)).map(|(_, id, group)| (id, group))
    }

    /// The end of each partition, as its last leader said.
    pub(super) fn ends(&self) -> BTreeMap<Place, i64> {
        let partitions = self.partitions();
        let views = self.views();
        let end = |place: &Place, partition: &Partition| {
            let led = partition.leader.and_then(|leader| views.get(&leader)?.ends.get(place));
            led.or_else(|| views.values().filter_map(|view| view.ends.get(place)).max()).copied()
        };
        partitions
            .iter()
            .filter_map(|(place, partition)| Some((place.clone(), end(place, partition)?)))
            .collect()
    }

    /// Lets go of the records below these offsets, soon.
    pub(super) fn trim(&self, below: impl IntoIterator<Item = (Place, i64)>) {
        locked(&self.shared.trims).extend(below);
    }
}

impl Shared {
    /// Takes note of what a broker says, or that it says nothing: what it said last may still be
    /// the only thing known of a partition.
    fn note(&self, id: i32, view: Option<View>) {
        let mut views = locked(&self.views);
        match view {
            Some(view) => drop(views.insert(id, view)),
            None => views.entry(id).or_default().seen = None,
        }
    }

    /// Takes note of a controller: one of an earlier epoch is none any more.
    fn hear_of(&self, active: (i32, i32)) {
        let mut latest = locked(&self.controller);
        *latest = (*latest).max(Some(active));
    }
}

async fn watch(id: i32, address: SocketAddr, shared: Arc<Shared>) {
    let mut connection = None;
    for look in 0u32.. {
        let trim = look.is_multiple_of(LOOKS_A_TRIM);
        let asked = timeout(PATIENCE, ask(id, address, &mut connection, &shared, trim)).await;
        let view = asked.map_err(anyhow::Error::from).flatten();
        if let Err(error) = &view {
            tracing::debug!(%error, id, "a broker does not answer");
            connection = None;
        }
        shared.note(id, view.ok());
        sleep(LOOK_EVERY).await;
    }
}

/// Asks a broker for the active controller, on a connection of its own: while there is none, the
/// answer takes its time.
async fn watch_quorum(address: SocketAddr, shared: Arc<Shared>) {
    let mut open = None;
    loop {
        let asked = async { admin::controller(connected(&mut open, address).await?).await };
        let active = timeout(PATIENCE, asked).await.map_err(anyhow::Error::from).flatten();
        match active {
            Ok(active) => shared.hear_of(active),
            Err(_) => open = None,
        }
        sleep(LOOK_EVERY).await;
    }
}

/// The connection that is open, or a new one.
async fn connected(
    open: &mut Option<Connection>,
    address: SocketAddr,
) -> anyhow::Result<&mut Connection> {
    match open {
        Some(connection) => Ok(connection),
        None => Ok(open.insert(Connection::open(address).await?)),
    }
}

async fn ask(
    id: i32,
    address: SocketAddr,
    open: &mut Option<Connection>,
    shared: &Shared,
    trim: bool,
) -> anyhow::Result<View> {
    let connection = connected(open, address).await?;
    let metadata = admin::metadata(connection, &TOPICS).await?;
    let leads = |partition: &Partition| partition.leader == Some(id);
    let led: Vec<Place> = metadata
        .partitions
        .iter()
        .filter(|(_, partition)| leads(partition))
        .map(|(place, _)| place.clone())
        .collect();
    let ends = if led.is_empty() { BTreeMap::new() } else { admin::ends(connection, &led).await? };
    // Without a coordinator there is none to name.
    let coordinator = admin::coordinator(connection, GROUP).await.ok();
    let group = match coordinator {
        Some(coordinator) if coordinator == id => admin::group(connection, GROUP).await.ok(),
        _ => None,
    };
    if trim {
        let mut below = locked(&shared.trims).clone();
        below.retain(|place, offset| led.contains(place) && *offset > 0);
        if !below.is_empty() {
            admin::delete_records(connection, &below).await?;
        }
    }
    let seen = Some(Anchor::now());
    Ok(View { seen, metadata, ends, group })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: (&str, i32) = (SOURCE_TOPIC, 0);

    /// What a broker says of one partition.
    fn view(answers: bool, (epoch, leader): (i32, i32), in_sync: &[i32], end: Option<i64>) -> View {
        let place = || (PLACE.0.to_owned(), PLACE.1);
        let partition = Partition {
            leader: Some(leader),
            epoch,
            in_sync: in_sync.iter().copied().collect(),
            ..Partition::default()
        };
        View {
            seen: answers.then(Anchor::now),
            metadata: Metadata { partitions: [(place(), partition)].into(), ..Metadata::default() },
            ends: end.map(|end| (place(), end)).into_iter().collect(),
            group: None,
        }
    }

    /// Brokers that say this; nobody is asked.
    fn cluster(views: impl IntoIterator<Item = View>) -> Cluster {
        let shared = Shared {
            addresses: BTreeMap::new(),
            views: Mutex::new((1..).zip(views).collect()),
            controller: Mutex::default(),
            trims: Mutex::default(),
        };
        Cluster { shared: Arc::new(shared), _watchers: JoinSet::new() }
    }

    fn partition(cluster: &Cluster) -> Partition {
        cluster.partitions().remove(&(PLACE.0.to_owned(), PLACE.1)).unwrap()
    }

    #[test]
    fn a_deposed_leader_is_not_believed() {
        let views = [
            view(true, (3, 1), &[1, 2, 3], Some(90)),
            view(true, (4, 2), &[2, 3], Some(70)),
            view(true, (4, 2), &[2, 3], None),
        ];
        let cluster = cluster(views);
        assert_eq!(partition(&cluster).leader, Some(2));
        assert_eq!(cluster.ends().into_values().collect::<Vec<_>>(), [70]);
    }

    #[test]
    fn the_leader_knows_who_is_in_sync_while_it_answers() {
        let views = |answers| {
            [view(answers, (4, 1), &[1, 2], Some(9)), view(true, (4, 1), &[1, 2, 3], None)]
        };
        assert_eq!(partition(&cluster(views(true))).in_sync, [1, 2].into());
        let silent = cluster(views(false));
        assert_eq!(partition(&silent).in_sync, [1, 2, 3].into());
        assert_eq!(silent.ends().into_values().collect::<Vec<_>>(), [9]);
    }

    #[test]
    fn a_controller_of_an_earlier_epoch_is_none_any_more() {
        let cluster = cluster([]);
        assert_eq!(cluster.controller(), None);
        for (heard, expected) in [((3, 1), (3, 1)), ((5, 2), (5, 2)), ((4, 3), (5, 2))] {
            cluster.shared.hear_of(heard);
            assert_eq!(cluster.controller(), Some(expected));
        }
        cluster.shared.hear_of((6, -1));
        assert_eq!(cluster.controller(), None, "nobody is elected in the latest epoch");
    }
}

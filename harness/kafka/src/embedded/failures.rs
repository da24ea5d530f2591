//! The handle's failures: brokers that end and begin, isolation, disks, lag, the controller.

use std::io;
use std::time::Duration;

use tokio_util::task::TaskTracker;

use super::{EmbeddedKafka, find};
use crate::error::ClusterError;
use crate::fault::{ApiFailure, Disk, FailedRequests, Isolation, ReplicationLag};
use crate::server::listener::{bind, listen};
use crate::view::CrashReport;

impl EmbeddedKafka {
    /// What fails now or has not recovered from failing, a sentence each: nothing once all that was
    /// brought about is over.
    pub fn out_of_order(&self) -> Vec<String> {
        self.server.with(|cluster, now, _| cluster.out_of_order(now))
    }

    /// Kills a broker: its connections are cut and its ports refuse connections when this
    /// returns. The rest of the cluster notices after
    /// [`ClusterConfig::detection`](crate::ClusterConfig::detection); until then the broker counts
    /// as leader and in sync, as in Kafka. Its logs stay as they are.
    ///
    /// # Errors
    ///
    /// When there is no such broker, it is down already, or its ports could not be kept.
    pub async fn crash_broker(&self, id: i32) -> Result<CrashReport, ClusterError> {
        let leaderships_lost = self.server.with(|cluster, now, _| cluster.crash(now, id))?;
        self.report(id, leaderships_lost).await
    }

    /// Takes a broker's power: as [`EmbeddedKafka::crash_broker`], and what its logs had not yet
    /// flushed is gone (see [`ClusterConfig::flush_interval`](crate::ClusterConfig)).
    ///
    /// # Errors
    ///
    /// As for a crash.
    pub async fn crash_broker_losing_unflushed(
        &self,
        id: i32,
    ) -> Result<CrashReport, ClusterError> {
        let leaderships_lost = self.server.with(|cluster, now, _| cluster.lose_power(now, id))?;
        self.report(id, leaderships_lost).await
    }

    /// Stops a broker in order: what it led is led by others before its connections are cut, and
    /// its logs are flushed. The report counts the partitions that nobody else could lead.
    ///
    /// # Errors
    ///
    /// As for a crash.
    pub async fn shutdown_broker(&self, id: i32) -> Result<CrashReport, ClusterError> {
        let stopped = self.server.with(|cluster, now, answers| cluster.shut_down(now, id, answers));
        self.report(id, stopped?).await
    }

    /// Starts a broker again on the same ports. Without replication lag it has caught up and is
    /// in sync when this returns; leaderships that it lost do not come back by themselves (in
    /// Kafka that takes minutes), only by [`EmbeddedKafka::move_leader`] or the next crash. While
    /// it reaches no controller its clients wait.
    ///
    /// # Errors
    ///
    /// When there is no such broker, it is up already, or a port is taken.
    pub async fn restart_broker(&self, id: i32) -> Result<(), ClusterError> {
        self.server.with(|cluster, now, answers| cluster.restart(now, id, answers))?;
        self.open_ports(id)
    }

    /// Cuts a running broker off from its peers or from its clients, until
    /// [`EmbeddedKafka::heal_broker`].
    ///
    /// # Errors
    ///
    /// When there is no such broker, it is isolated already, or its ports could not be kept.
    pub async fn isolate_broker(&self, id: i32, isolation: Isolation) -> Result<(), ClusterError> {
        self.server.with(|cluster, now, _| cluster.isolate(now, id, isolation))?;
        match isolation {
            Isolation::FromPeers => Ok(()),
            Isolation::FromClients => self.close_ports(id).await.map(drop),
        }
    }

    /// Ends a broker's isolation. A leader that was replaced meanwhile cuts off what it alone
    /// has.
    ///
    /// # Errors
    ///
    /// When there is no such broker, it is not isolated, or a port is taken.
    pub async fn heal_broker(&self, id: i32) -> Result<(), ClusterError> {
        self.server.with(|cluster, now, answers| cluster.heal(now, id, answers))?;
        self.open_ports(id)
    }

    /// The broker that holds the active controller; `None` while there is none.
    pub fn controller(&self) -> Option<i32> {
        self.server.with(|cluster, _, _| cluster.controller())
    }

    /// Ends the active controller, not its broker. For `failover` there is none: nobody is
    /// elected, no in-sync set and no metadata changes, requests for that wait. Then another
    /// takes over, and gives every broker the whole detection time. Returns the broker that held
    /// it, `None` if there was none.
    pub fn crash_controller(&self, failover: Duration) -> Option<i32> {
        self.server.with(|cluster, now, _| cluster.crash_controller(now, failover))
    }

    /// Lets the requests of one API that come to a broker within `lasts` wait until then, by
    /// Kafka's number of the API (0 is Produce, 1 is Fetch). Requests that wait already, a Fetch
    /// for records say, are not concerned, nor are those of clients with a `client.id` in `spared`.
    ///
    /// # Errors
    ///
    /// When there is no such broker or no such API.
    pub fn stall_requests(
        &self,
        id: i32,
        api_key: i16,
        lasts: Duration,
        spared: &[&str],
    ) -> Result<(), ClusterError> {
        self.server.with(|cluster, now, _| cluster.stall(now, (id, api_key), lasts, spared))
    }

    /// How many requests of an API a broker has held back since it was stalled last.
    pub fn stalled_requests(&self, id: i32, api_key: i16) -> u64 {
        self.server.with(|cluster, _, _| cluster.stalled_requests(id, api_key))
    }

    /// Ends a stall before its time: the requests that wait for it are taken up. Returns how many
    /// it held back. Harmless where there is none.
    pub fn end_stall(&self, id: i32, api_key: i16) -> u64 {
        self.server.with(|cluster, now, answers| cluster.end_stall(now, id, api_key, answers))
    }

    /// Lets requests of one API that come to a broker fail, until
    /// [`EmbeddedKafka::restore_requests`], in place of what was asked for that API before. They
    /// get an error as Kafka would give it, or are carried out and never answered.
    ///
    /// # Errors
    ///
    /// When there is no such broker, API or error, the share or number of requests is none, or no
    /// error is known for the API: errors are for what producers, consumers and their groups and
    /// transactions ask, and for the creation and deletion of topics.
    pub fn fail_requests(&self, id: i32, failure: ApiFailure) -> Result<(), ClusterError> {
        self.server.with(|cluster, _, _| cluster.fail_requests(id, failure))
    }

    /// How many requests of an API have failed at a broker since that was asked for.
    pub fn failed_requests(&self, id: i32, api_key: i16) -> FailedRequests {
        self.server.with(|cluster, _, _| cluster.failed_requests(id, api_key))
    }

    /// Requests of an API fail no more at a broker. Returns how many have. Harmless where none
    /// fail.
    pub fn restore_requests(&self, id: i32, api_key: i16) -> FailedRequests {
        self.server.with(|cluster, _, _| cluster.restore_requests(id, api_key))
    }

    /// Sets how a broker's disk does from now on.
    ///
    /// # Errors
    ///
    /// When there is no such broker.
    pub fn set_disk(&self, id: i32, disk: Disk) -> Result<(), ClusterError> {
        self.server.with(|cluster, now, answers| cluster.set_disk(now, id, disk, answers))
    }

    /// Sets how far a broker's replicas trail their leaders from now on, in place of
    /// [`ClusterConfig::replication_lag`](crate::ClusterConfig::replication_lag).
    ///
    /// # Errors
    ///
    /// When there is no such broker.
    pub fn set_replication_lag(&self, id: i32, lag: ReplicationLag) -> Result<(), ClusterError> {
        self.server.with(|cluster, now, answers| cluster.set_lag(now, id, lag, answers))
    }

    async fn report(&self, id: i32, leaderships_lost: usize) -> Result<CrashReport, ClusterError> {
        let connections_cut = self.close_ports(id).await?;
        Ok(CrashReport { connections_cut, leaderships_lost })
    }

    /// Cuts a broker's connections and keeps its ports, refusing. Returns how many there were.
    async fn close_ports(&self, id: i32) -> Result<usize, ClusterError> {
        let connections_cut = self.server.connections(id);
        let stopped = {
            let mut brokers = self.sockets();
            let broker = find(&mut brokers, id)?;
            broker.cancel.cancel();
            broker.tasks.close();
            std::mem::replace(&mut broker.tasks, TaskTracker::new())
        };
        stopped.wait().await;
        let mut brokers = self.sockets();
        let broker = find(&mut brokers, id)?;
        broker.reserved.clear();
        let addresses = broker.addresses.iter();
        broker.reserved = addresses
            .map(|&address| bind(Some(address)))
            .collect::<io::Result<_>>()
            .map_err(|source| ClusterError::Socket { broker: id, source })?;
        Ok(connections_cut)
    }

    /// Listens again on a broker's ports, if clients may reach it.
    fn open_ports(&self, id: i32) -> Result<(), ClusterError> {
        let mut brokers = self.sockets();
        let broker = find(&mut brokers, id)?;
        if broker.reserved.is_empty() || !self.server.with(|cluster, _, _| cluster.listens(id)) {
            return Ok(());
        }
        broker.cancel = self.cancel.child_token();
        for (number, socket) in std::mem::take(&mut broker.reserved).into_iter().enumerate() {
            listen(&self.server, socket, id, number, &broker.cancel, &broker.tasks)
                .map_err(|source| ClusterError::Socket { broker: id, source })?;
        }
        Ok(())
    }
}

//! The failures of a simulated cluster, each as of [`EmbeddedKafka`](crate::EmbeddedKafka).

use std::time::Duration;

use super::Simulation;
use crate::error::ClusterError;
use crate::fault::{ApiFailure, Disk, FailedRequests, Isolation, ReplicationLag};

impl Simulation {
    /// Kills a broker: its connections close.
    ///
    /// # Errors
    ///
    /// When there is no such broker or it is down.
    pub fn crash_broker(&mut self, id: i32) -> Result<(), ClusterError> {
        self.cluster.crash(self.now, id)?;
        self.close_all(id);
        Ok(())
    }

    /// Kills a broker, and what its logs had not flushed is gone.
    ///
    /// # Errors
    ///
    /// When there is no such broker or it is down.
    pub fn crash_broker_losing_unflushed(&mut self, id: i32) -> Result<(), ClusterError> {
        self.cluster.lose_power(self.now, id)?;
        self.close_all(id);
        Ok(())
    }

    /// Stops a broker in order, after others lead what it led.
    ///
    /// # Errors
    ///
    /// When there is no such broker or it is down.
    pub fn shutdown_broker(&mut self, id: i32) -> Result<(), ClusterError> {
        self.change(|cluster, now, answers| cluster.shut_down(now, id, answers))?;
        self.close_all(id);
        Ok(())
    }

    /// Starts a broker again.
    ///
    /// # Errors
    ///
    /// When there is no such broker or it runs.
    pub fn restart_broker(&mut self, id: i32) -> Result<(), ClusterError> {
        self.change(|cluster, now, answers| cluster.restart(now, id, answers))
    }

    /// Cuts a broker off from its peers or from its clients.
    ///
    /// # Errors
    ///
    /// When there is no such broker or it is isolated already.
    pub fn isolate_broker(&mut self, id: i32, isolation: Isolation) -> Result<(), ClusterError> {
        self.cluster.isolate(self.now, id, isolation)?;
        if isolation == Isolation::FromClients {
            self.close_all(id);
        }
        Ok(())
    }

    /// Ends a broker's isolation.
    ///
    /// # Errors
    ///
    /// When there is no such broker or it is not isolated.
    pub fn heal_broker(&mut self, id: i32) -> Result<(), ClusterError> {
        self.change(|cluster, now, answers| cluster.heal(now, id, answers))
    }

    /// The broker that holds the active controller.
    pub fn controller(&self) -> Option<i32> {
        self.cluster.controller()
    }

    /// Ends the active controller; another takes over after `failover`.
    pub fn crash_controller(&mut self, failover: Duration) -> Option<i32> {
        self.cluster.crash_controller(self.now, failover)
    }

    /// Lets the requests of one API that come to a broker within `lasts` wait until then, but for
    /// those of clients with a `client.id` in `spared`.
    ///
    /// # Errors
    ///
    /// When there is no such broker or no such API.
    pub fn stall_requests(
        &mut self,
        id: i32,
        api_key: i16,
        lasts: Duration,
        spared: &[&str],
    ) -> Result<(), ClusterError> {
        self.change(|cluster, now, _| cluster.stall(now, (id, api_key), lasts, spared))
    }

    /// Lets the requests of one API fail at a broker.
    ///
    /// # Errors
    ///
    /// As of [`EmbeddedKafka::fail_requests`](crate::EmbeddedKafka::fail_requests).
    pub fn fail_requests(&mut self, id: i32, failure: ApiFailure) -> Result<(), ClusterError> {
        self.cluster.fail_requests(id, failure)
    }

    /// How many requests of an API have failed at a broker.
    pub fn failed_requests(&self, id: i32, api_key: i16) -> FailedRequests {
        self.cluster.failed_requests(id, api_key)
    }

    /// Requests of an API fail no more at a broker. Returns how many have.
    pub fn restore_requests(&mut self, id: i32, api_key: i16) -> FailedRequests {
        self.cluster.restore_requests(id, api_key)
    }

    /// How many requests of an API a broker has held back since it was stalled last.
    pub fn stalled_requests(&self, id: i32, api_key: i16) -> u64 {
        self.cluster.stalled_requests(id, api_key)
    }

    /// Ends the stall of an API at a broker. Returns how many requests it held back.
    pub fn end_stall(&mut self, id: i32, api_key: i16) -> u64 {
        self.change(|cluster, now, answers| cluster.end_stall(now, id, api_key, answers))
    }

    /// Sets how a broker's disk does from now on.
    ///
    /// # Errors
    ///
    /// When there is no such broker.
    pub fn set_disk(&mut self, id: i32, disk: Disk) -> Result<(), ClusterError> {
        self.change(|cluster, now, answers| cluster.set_disk(now, id, disk, answers))
    }

    /// Sets how far a broker's replicas trail their leaders from now on.
    ///
    /// # Errors
    ///
    /// When there is no such broker.
    pub fn set_replication_lag(
        &mut self,
        id: i32,
        lag: ReplicationLag,
    ) -> Result<(), ClusterError> {
        self.change(|cluster, now, answers| cluster.set_lag(now, id, lag, answers))
    }

    fn close_all(&mut self, id: i32) {
        self.connections.retain(|_, connection| connection.broker != id);
        self.answered.retain(|connection| self.connections.contains_key(connection));
    }
}

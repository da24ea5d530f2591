//! Brokers that go down, in one way or another, and come back.

use super::super::brokers;
use chaos::{Installed, Refusal};
use embedded_kafka::{ClusterError, CrashReport, EmbeddedKafka};
use futures::FutureExt;
use futures::future::BoxFuture;
use results::report::format::counted;
use std::sync::Arc;

/// How a broker goes down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// The process dies; what it wrote stays.
    Crash,
    /// The machine dies; what it had not flushed is gone.
    PowerLoss,
    /// It is stopped in order.
    Shutdown,
}

/// Takes brokers down.
pub(super) async fn take_down(
    kafka: &Arc<EmbeddedKafka>,
    names: &[String],
    way: Way,
) -> Result<Box<dyn Installed>, Refusal> {
    let mut down = Down { kafka: Arc::clone(kafka), way, felled: Vec::new() };
    for id in brokers::ids(names)? {
        match down.fell(id).await {
            Ok(felled) => down.felled.push(felled),
            Err(error) => return down.undo(Refusal::Failed(error.to_string())).await,
        }
    }
    Ok(Box::new(down))
}

/// Brokers that are down, with what that cut off.
struct Down {
    kafka: Arc<EmbeddedKafka>,
    way: Way,
    felled: Vec<Felled>,
}

struct Felled {
    id: i32,
    /// Partitions that it led before.
    led: usize,
    /// Records that its logs held before, and do not now.
    gone: i64,
    report: CrashReport,
}

impl Down {
    async fn fell(&self, id: i32) -> Result<Felled, ClusterError> {
        let led = brokers::led_by(&self.kafka, id);
        let before = log_ends(&self.kafka, id);
        let report = match self.way {
            Way::Crash => self.kafka.crash_broker(id).await?,
            Way::PowerLoss => self.kafka.crash_broker_losing_unflushed(id).await?,
            Way::Shutdown => self.kafka.shutdown_broker(id).await?,
        };
        let gone = before - log_ends(&self.kafka, id);
        Ok(Felled { id, led, gone, report })
    }

    /// A refusal means that nothing was installed, so what is down already comes back.
    async fn undo(mut self, refusal: Refusal) -> Result<Box<dyn Installed>, Refusal> {
        match self.restart().await {
            Ok(_) => Err(refusal),
            Err(error) => Err(Refusal::Failed(format!("{refusal}; then {error}"))),
        }
    }

    fn sentence(&self) -> Option<String> {
        let partitions = brokers::partitions(&self.kafka);
        let fell = |leader| self.felled.iter().any(|felled| felled.id == leader);
        let led = partitions.iter().filter(|(_, view)| view.leader.is_some_and(|id| !fell(id)));
        let led = led.count();
        (led == partitions.len()).then(|| {
            let account = account(self.way, &self.felled);
            format!("{account}; all {} led by others now", counted(led, "partition"))
        })
    }

    async fn restart(&mut self) -> Result<String, String> {
        for felled in &self.felled {
            if !brokers::is_alive(&self.kafka, felled.id) {
                let restarted = self.kafka.restart_broker(felled.id).await;
                restarted.map_err(|error| error.to_string())?;
            }
        }
        let ids: Vec<i32> = self.felled.iter().map(|felled| felled.id).collect();
        Ok(format!("{} serving again", brokers::names(&ids)))
    }
}

/// What was cut off, in words.
fn account(way: Way, felled: &[Felled]) -> String {
    let cut: usize = felled.iter().map(|felled| felled.report.connections_cut).sum();
    let cut = counted(cut, "connection");
    let led: usize = felled.iter().map(|felled| felled.led).sum();
    let lost: usize = felled.iter().map(|felled| felled.report.leaderships_lost).sum();
    let gone: i64 = felled.iter().map(|felled| felled.gone).sum();
    match way {
        Way::Crash => format!("{cut} cut, {} lost", counted(lost, "leadership")),
        Way::PowerLoss => format!(
            "{} gone from its logs, {cut} cut, {} lost",
            counted(gone, "unflushed record"),
            counted(lost, "leadership")
        ),
        Way::Shutdown => format!(
            "{} of {} handed over, then {cut} cut",
            led.saturating_sub(lost),
            counted(led, "leadership")
        ),
    }
}

/// The sum of the ends of a broker's logs.
fn log_ends(kafka: &EmbeddedKafka, id: i32) -> i64 {
    let copies = brokers::replicas(kafka).into_iter().flatten();
    copies.filter(|copy| copy.broker == id).map(|copy| copy.log_end).sum()
}

impl Installed for Down {
    fn evidence(&mut self) -> BoxFuture<'_, Option<String>> {
        let sentence = self.sentence();
        async move { sentence }.boxed()
    }

    fn heal(&mut self) -> BoxFuture<'_, Result<String, String>> {
        self.restart().boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_down_has_its_account() {
        let report = CrashReport { connections_cut: 9, leaderships_lost: 2 };
        let felled = [Felled { id: 1, led: 8, gone: 311, report }];
        assert_eq!(account(Way::Crash, &felled), "9 connections cut, 2 leaderships lost");
        assert_eq!(
            account(Way::PowerLoss, &felled),
            "311 unflushed records gone from its logs, 9 connections cut, 2 leaderships lost"
        );
        assert_eq!(
            account(Way::Shutdown, &felled),
            "6 of 8 leaderships handed over, then 9 connections cut"
        );
    }
}

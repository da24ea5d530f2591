//! How long a large group of KIP-848 takes to settle, seen by members that do nothing else. They
//! send a heartbeat as often as the answers ask for, and at once when they have taken or given up
//! partitions, as Kafka's consumer does.

use super::connection::Connection;
use crate::micro::now;
use kafka_protocol::messages::consumer_group_heartbeat_request::TopicPartitions;
use kafka_protocol::messages::{ConsumerGroupHeartbeatRequest, GroupId, TopicName};
use kafka_protocol::protocol::StrBytes;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::JoinSet;

const VERSION: i16 = 1;

/// Time from the first heartbeat of `members`, which all join at once, until all are in one epoch
/// and own `partitions` in all.
///
/// # Errors
/// When a member is refused or cut off.
pub async fn settle(address: &str, members: usize, partitions: usize) -> anyhow::Result<Duration> {
    let progress = Arc::new(Progress::new(members, partitions));
    let mut connected = Vec::new();
    for place in 0..members {
        let connection = Connection::connect(address).await?;
        connected.push(Member { connection, place, progress: progress.clone() });
    }
    let start = now();
    let mut tasks: JoinSet<anyhow::Result<()>> = JoinSet::new();
    for member in connected {
        tasks.spawn(member.live());
    }
    tokio::select! {
        () = progress.settled.notified() => Ok(start.elapsed()),
        Some(ended) = tasks.join_next() => {
            ended??;
            anyhow::bail!("a member has ended")
        }
    }
}

/// The epoch of each member and how many partitions it has, 0 and 0 before its first answer.
struct Progress {
    members: Mutex<Vec<(i32, usize)>>,
    partitions: usize,
    settled: Notify,
}

impl Progress {
    fn new(members: usize, partitions: usize) -> Self {
        Self { members: Mutex::new(vec![(0, 0); members]), partitions, settled: Notify::new() }
    }

    fn note(&self, place: usize, epoch: i32, owned: usize) {
        let mut members = self.members.lock().unwrap_or_else(PoisonError::into_inner);
        members[place] = (epoch, owned);
        let owned: usize = members.iter().map(|member| member.1).sum();
        if owned == self.partitions && members.iter().all(|member| member.0 == epoch) {
            self.settled.notify_one();
        }
    }
}

struct Member {
    connection: Connection,
    place: usize,
    progress: Arc<Progress>,
}

impl Member {
    async fn live(mut self) -> anyhow::Result<()> {
        let id = StrBytes::from_string(format!("member-{:03}", self.place));
        let plain = ConsumerGroupHeartbeatRequest::default()
            .with_group_id(GroupId(StrBytes::from_static_str("large")))
            .with_member_id(id);
        let mut owned = 0;
        let mut request = plain
            .clone()
            .with_rebalance_timeout_ms(30_000)
            .with_subscribed_topic_names(Some(vec![TopicName(StrBytes::from_static_str("t"))]))
            .with_topic_partitions(Some(Vec::new()));
        loop {
            let answer = self.connection.ask(&request, VERSION).await?;
            anyhow::ensure!(answer.error_code == 0, "heartbeat: error {}", answer.error_code);
            request = plain.clone().with_member_epoch(answer.member_epoch);
            if let Some(assignment) = answer.assignment {
                let topics = assignment.topic_partitions.into_iter().map(|topic| {
                    let owned = TopicPartitions::default().with_topic_id(topic.topic_id);
                    owned.with_partitions(topic.partitions)
                });
                let topics: Vec<TopicPartitions> = topics.collect();
                owned = topics.iter().map(|topic| topic.partitions.len()).sum();
                self.progress.note(self.place, answer.member_epoch, owned);
                request = request.with_topic_partitions(Some(topics));
            } else {
                self.progress.note(self.place, answer.member_epoch, owned);
                let interval = u64::try_from(answer.heartbeat_interval_ms)?;
                tokio::time::sleep(Duration::from_millis(interval)).await;
            }
        }
    }
}

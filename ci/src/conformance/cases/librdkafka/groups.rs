//! librdkafka's consumer groups: members that come, leave, die, and a coordinator that dies.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use kafka_protocol::messages::ListGroupsRequest;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::producer::Producer as _;
use rdkafka::topic_partition_list::TopicPartitionList;

use super::super::{Case, breaking, case};
use super::{LIMIT, client, producer, send};
use crate::conformance::context::{Context, GROUP};
use crate::micro::now;

/// Partitions of the topic that the group reads.
const PARTITIONS: i32 = 8;

/// A member in a process of its own, so that it can be killed.
struct Member {
    process: Child,
    stdin: Option<ChildStdin>,
    owned: Arc<Mutex<Vec<i32>>>,
}

type Read = Arc<Mutex<BTreeSet<i32>>>;

impl Member {
    fn start(c: &Context<'_>, topic: &str, kind: &str, read: &Read) -> anyhow::Result<Self> {
        let mut command = Command::new(&c.tools.member);
        command.args([&*c.subject.bootstrap(), topic, &c.name("g"), kind]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = command.spawn().with_context(|| c.tools.member.display().to_string())?;
        let (stdin, stdout) = (process.stdin.take(), process.stdout.take());
        let owned: Arc<Mutex<Vec<i32>>> = Arc::default();
        let (owns, read) = (owned.clone(), read.clone());
        let lines = BufReader::new(stdout.context("no output")?).lines();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let mut numbers = line.split(' ').skip(1).filter_map(|word| word.parse().ok());
                match line.starts_with("own") {
                    true => *lock(&owns) = numbers.collect(),
                    false => lock(&read).extend(numbers.nth(1)),
                }
            }
        });
        Ok(Self { process, stdin, owned })
    }

    /// Kills it: it does not leave the group.
    fn kill(mut self) {
        let _ = self.process.kill();
    }

    /// Lets it leave the group.
    fn leave(mut self) -> anyhow::Result<()> {
        drop(self.stdin.take());
        let start = now();
        while self.process.try_wait()?.is_none() {
            ensure!(start.elapsed() < LIMIT, "a member does not leave");
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn lock<T>(shared: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits until each member owns something and each partition has one owner, and notes it.
fn settled(c: &mut Context<'_>, members: &[Member]) -> anyhow::Result<()> {
    c.until("each partition has one owner", |_| {
        let owned: Vec<Vec<i32>> = members.iter().map(|one| lock(&one.owned).clone()).collect();
        let mut all: Vec<i32> = owned.iter().flatten().copied().collect();
        all.sort_unstable();
        let each = owned.iter().all(|one| !one.is_empty());
        Ok((each && all.into_iter().eq(0..PARTITIONS)).then_some(()))
    })?;
    let (group, mut kind) = (c.name("g"), String::new());
    let coordinator = c.coordinator(GROUP, &group)?;
    let answer = c.ask(coordinator, 5, &ListGroupsRequest::default())?;
    if let Some(found) = answer.groups.iter().find(|found| *found.group_id.0 == *group) {
        kind = found.group_type.to_lowercase();
    }
    c.see(format!("{} members of a {kind} group own each partition once", members.len()));
    Ok(())
}

/// Members come, leave and die, all of them of one kind but the fifth.
fn storm(c: &mut Context<'_>, kind: &str, fifth: &str) -> anyhow::Result<()> {
    let topic = c.topic("t", PARTITIONS)?;
    let read = Read::default();
    let start = |c: &Context<'_>, kind: &str| Member::start(c, &topic, kind, &read);
    let feeder = producer(c, &[("linger.ms", "1")])?;
    let mut sent = 0;
    let mut feed = || {
        sent += 200;
        send(&feeder, &topic, PARTITIONS, sent - 200..sent)
    };
    let mut members = vec![start(c, kind)?, start(c, kind)?];
    feed()?;
    settled(c, &members)?;
    members.extend([start(c, kind)?, start(c, kind)?]);
    feed()?;
    settled(c, &members)?;
    members.push(start(c, fifth)?);
    feed()?;
    settled(c, &members)?;
    members.remove(0).kill();
    members.push(start(c, kind)?);
    feed()?;
    members.remove(0).leave()?;
    feed()?;
    settled(c, &members)?;
    // The fifth is the third now.
    members.remove(2).kill();
    feed()?;
    settled(c, &members)?;
    feed()?;
    feeder.flush(LIMIT)?;
    c.until("all messages", |_| Ok((lock(&read).len() == 1_400).then_some(())))?;
    let whole = lock(&read).iter().copied().eq(0..1_400);
    c.see(format!("every message was read: {whole}"));
    members.into_iter().try_for_each(Member::leave)
}

/// Reads so many messages and commits.
fn read_and_commit(consumer: &BaseConsumer, messages: usize) -> anyhow::Result<()> {
    let start = now();
    for read in 0..messages {
        while !matches!(consumer.poll(Duration::from_millis(100)), Some(Ok(_))) {
            ensure!(start.elapsed() < LIMIT, "{read} of {messages} messages came");
        }
    }
    while let Err(error) = consumer.commit_consumer_state(CommitMode::Sync) {
        ensure!(start.elapsed() < LIMIT, "commit: {error}");
        consumer.poll(Duration::from_millis(100));
    }
    Ok(())
}

/// What a group has committed; librdkafka asks the old coordinator first, and does not try again.
fn committed(consumer: &BaseConsumer, topic: &str) -> anyhow::Result<String> {
    let mut asked = TopicPartitionList::new();
    asked.add_partition(topic, 0);
    let start = now();
    loop {
        match consumer.committed_offsets(asked.clone(), LIMIT) {
            Ok(found) => {
                let found = found.find_partition(topic, 0).context("no partition 0")?;
                return Ok(format!("committed {:?}", found.offset()));
            }
            Err(error) => ensure!(start.elapsed() < LIMIT, "committed: {error}"),
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn coordinator_dies(c: &mut Context<'_>) -> anyhow::Result<()> {
    let topic = c.topic("t", 1)?;
    let feeder = producer(c, &[])?;
    send(&feeder, &topic, 1, 0..60)?;
    feeder.flush(LIMIT)?;
    let group = c.name("g");
    let settings = [
        ("group.id", &*group),
        ("auto.offset.reset", "earliest"),
        ("enable.auto.commit", "false"),
        ("max.poll.interval.ms", "120000"),
        // As many are read as are asked for.
        ("enable.auto.offset.store", "true"),
    ];
    let consumer: BaseConsumer = client(c, &settings).create()?;
    consumer.subscribe(&[&topic])?;
    read_and_commit(&consumer, 30)?;
    let coordinator = c.coordinator(GROUP, &group)?;
    c.subject.crash(coordinator)?;
    let committed = committed(&consumer, &topic);
    let read = read_and_commit(&consumer, 10);
    c.subject.restart(coordinator)?;
    read?;
    c.see(committed?);
    c.see(self::committed(&consumer, &topic)?);
    c.in_sync(&topic, 0)
}

pub(crate) const CASES: &[Case] = &[
    case(
        "librdkafka/a storm of members that share as they go on",
        |c| storm(c, "cooperative-sticky", "cooperative-sticky"),
        &[
            "2 members of a classic group own each partition once",
            "4 members of a classic group own each partition once",
            "5 members of a classic group own each partition once",
            "4 members of a classic group own each partition once",
            "3 members of a classic group own each partition once",
            "every message was read: true",
        ],
    ),
    // Kafka takes no member of KIP-848 among those that keep data of their own, as sticky ones do.
    case(
        "librdkafka/a storm of members, one of KIP-848",
        |c| storm(c, "range", "consumer"),
        &[
            "2 members of a classic group own each partition once",
            "4 members of a classic group own each partition once",
            "5 members of a consumer group own each partition once",
            "4 members of a consumer group own each partition once",
            "3 members of a classic group own each partition once",
            "every message was read: true",
        ],
    ),
    breaking(
        "librdkafka/committed offsets outlive the coordinator",
        coordinator_dies,
        &["committed Offset(30)", "committed Offset(40)"],
    ),
];

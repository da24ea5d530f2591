//! One list of cases, two subjects: the embedded cluster and Apache Kafka.
//!
//! A case says and asks things through a [`context::Context`] and notes what it sees, in words
//! that hold no times, random ids or places that may differ. Both subjects must give what the
//! case expects, and so the same.

mod batch;
mod cases;
mod connection;
mod context;
mod names;
mod records;
mod subject;
mod table;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use kafka_protocol::messages::{FindCoordinatorRequest, MetadataRequest};

use cases::Case;
use connection::Connection;
use context::{Context, GROUP, TRANSACTION};
use subject::{Apache, Embedded, Subject};
use table::{Outcome, counts, differences, json, table};

/// Cases that run at the same time, unless they break brokers.
const WORKERS: usize = 8;

/// The running Apache Kafka to compare with.
#[derive(Debug)]
pub struct Against {
    /// Its bootstrap servers.
    pub servers: String,
    /// The folder that `ci/apache-kafka start` was given.
    pub folder: PathBuf,
    /// That script, to kill and restart brokers.
    pub script: PathBuf,
}

/// A subject and where its brokers are.
struct Place<'a> {
    subject: &'a dyn Subject,
    addresses: BTreeMap<i32, SocketAddr>,
}

/// Runs the cases whose name holds `only`, prints the table, and gives whether all are good. What
/// was seen goes to the file as JSON, if one is given.
///
/// # Errors
///
/// When a subject cannot be started or reached, or the file cannot be written.
pub fn compare(against: Against, only: &str, file: Option<&Path>) -> anyhow::Result<bool> {
    let apache = Apache::new(against.servers, against.script, against.folder);
    let embedded = Embedded::start()?;
    let subjects: [&dyn Subject; 2] = [&embedded, &apache];
    let mut places = Vec::new();
    for subject in subjects {
        let addresses = addresses(subject).with_context(|| subject.name())?;
        warm_up(subject, &addresses).with_context(|| subject.name())?;
        places.push(Place { subject, addresses });
    }
    let chosen: Vec<&Case> = cases::all().filter(|case| case.name.contains(only)).collect();
    let seen: Mutex<BTreeMap<(&str, usize), Vec<String>>> = Mutex::default();
    let observe = |case: &'static Case, place: usize| {
        let lines = run(case, &places[place]);
        if let Ok(mut seen) = seen.lock() {
            seen.insert((case.name, place), lines);
        }
    };
    let quiet: Vec<(&Case, usize)> = chosen
        .iter()
        .filter(|case| !case.breaks_brokers)
        .flat_map(|&case| [(case, 0), (case, 1)])
        .collect();
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                while let Some(&(case, place)) = quiet.get(next.fetch_add(1, Ordering::Relaxed)) {
                    observe(case, place);
                }
            });
        }
    });
    let (observe, chosen) = (&observe, &chosen);
    std::thread::scope(|scope| {
        for place in 0..2 {
            scope.spawn(move || {
                chosen.iter().filter(|case| case.breaks_brokers).for_each(|c| observe(c, place));
            });
        }
    });
    let mut seen = seen.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    let outcomes: Vec<Outcome> = chosen
        .iter()
        .map(|case| Outcome {
            case: case.name,
            expected: case.expect.iter().map(ToString::to_string).collect(),
            embedded: seen.remove(&(case.name, 0)).unwrap_or_default(),
            apache: seen.remove(&(case.name, 1)).unwrap_or_default(),
        })
        .collect();
    report(&outcomes, file)?;
    Ok(!outcomes.is_empty() && outcomes.iter().all(Outcome::good))
}

fn report(outcomes: &[Outcome], file: Option<&Path>) -> anyhow::Result<()> {
    let list = differences(outcomes);
    if let Some(file) = file {
        std::fs::write(file, json(outcomes))?;
    }
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}\n{}\n{list}", table(outcomes), counts(outcomes))?;
    Ok(())
}

fn addresses(subject: &dyn Subject) -> anyhow::Result<BTreeMap<i32, SocketAddr>> {
    let bootstrap = subject.bootstrap();
    let first = bootstrap.split(',').next().context("no bootstrap server")?;
    let request = MetadataRequest::default().with_topics(Some(Vec::new()));
    let answer = Connection::open(first.parse()?)?.ask(9, &request)?;
    let brokers = answer.brokers.into_iter();
    brokers
        .map(|broker| {
            let address = format!("{}:{}", &*broker.host, broker.port);
            Ok((broker.node_id.0, address.parse()?))
        })
        .collect()
}

/// Lets the internal topics be made, so that no case waits for them. A subject that cannot make
/// them fails the cases that need them.
fn warm_up(subject: &dyn Subject, addresses: &BTreeMap<i32, SocketAddr>) -> anyhow::Result<()> {
    let mut context = Context::new(subject, addresses, String::new());
    for kind in [GROUP, TRANSACTION] {
        let keys = (0..6).map(|key| names::text(&format!("warm-up-{key}"))).collect();
        let request =
            FindCoordinatorRequest::default().with_key_type(kind).with_coordinator_keys(keys);
        for _ in 0..50 {
            let found = context.ask(1, 4, &request)?.coordinators;
            if found.iter().all(|coordinator| coordinator.error_code == 0) {
                break;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }
    Ok(())
}

/// What a case sees at a place; its failure is the last line.
fn run(case: &Case, place: &Place<'_>) -> Vec<String> {
    let tag = uuid::Uuid::new_v4().simple().to_string();
    let mut context = Context::new(place.subject, &place.addresses, format!("-{}", &tag[..8]));
    match catch_unwind(AssertUnwindSafe(|| (case.run)(&mut context))) {
        Ok(Ok(())) => {}
        Ok(Err(error)) => context.see(format!("failed: {error:#}")),
        Err(_) => context.see("failed: the answer lacks a part that every answer has"),
    }
    context.into_seen()
}

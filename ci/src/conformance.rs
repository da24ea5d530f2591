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
mod sasl;
mod scram;
mod subject;
mod table;
mod tls;
mod tools;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use kafka_protocol::messages::{FindCoordinatorRequest, MetadataRequest};

use cases::Case;
use connection::Connection;
use context::{Context, GROUP, TRANSACTION};
use subject::{Containers, Embedded, Processes, Subject};
use table::{Outcome, counts, differences, json, table};

pub use tools::Tools;

/// Cases that run at the same time, unless they break brokers.
const WORKERS: usize = 8;

/// How the last line of a case begins that could not be run to its end.
const FAILED: &str = "failed: ";

/// The Apache Kafka to compare with.
#[derive(Debug)]
pub enum Against {
    /// Processes that run already.
    Processes {
        /// Their bootstrap servers.
        servers: String,
        /// The folder that `ci/apache-kafka start` was given.
        folder: PathBuf,
        /// That script, to kill and restart brokers.
        script: PathBuf,
    },
    /// Containers that are started for this.
    Containers {
        /// The file with what `ci/apache-kafka settings` prints.
        settings: PathBuf,
    },
}

/// A subject, where its brokers are, and what was seen there.
struct Place<'a> {
    subject: &'a dyn Subject,
    addresses: BTreeMap<i32, SocketAddr>,
    tools: &'a Tools,
    seen: Mutex<BTreeMap<&'static str, Vec<String>>>,
}

/// Runs the cases whose name holds `only`, prints the table, and gives whether all are good. What
/// was seen goes to the file as JSON, if one is given.
///
/// # Errors
///
/// When a subject cannot be started or reached, or the file cannot be written.
pub fn compare(
    against: Against,
    tools: &Tools,
    only: &str,
    file: Option<&Path>,
) -> anyhow::Result<bool> {
    let apache: Box<dyn Subject> = match against {
        Against::Processes { servers, folder, script } => {
            Box::new(Processes::new(servers, script, folder))
        }
        Against::Containers { settings } => Box::new(Containers::start(&settings)?),
    };
    let embedded = Embedded::start(&tools.certificate)?;
    let places = [
        Place::new(&embedded, tools).with_context(|| embedded.name())?,
        Place::new(&*apache, tools).with_context(|| apache.name())?,
    ];
    let chosen: Vec<&Case> = cases::all().filter(|case| case.name.contains(only)).collect();
    let (breaking, quiet): (Vec<&Case>, Vec<&Case>) =
        chosen.iter().partition(|case| case.breaks_brokers);
    at_once(&quiet, &places);
    std::thread::scope(|scope| {
        for place in &places {
            let breaking = &breaking;
            scope.spawn(move || breaking.iter().for_each(|case| place.observe(case)));
        }
    });
    let again = places.each_ref().map(|place| place.retry(&chosen));
    let [ours, theirs] = places.map(Place::into_seen);
    let outcomes: Vec<Outcome> = chosen
        .iter()
        .map(|case| Outcome {
            case: case.name,
            expected: case.expect.iter().map(ToString::to_string).collect(),
            embedded: ours.get(case.name).cloned().unwrap_or_default(),
            apache: theirs.get(case.name).cloned().unwrap_or_default(),
            again: again.each_ref().map(|again| again.get(case.name).cloned()),
        })
        .collect();
    report(&outcomes, file)?;
    Ok(!outcomes.is_empty() && outcomes.iter().all(Outcome::good))
}

/// Runs cases that leave the brokers alone, some at a time.
fn at_once(cases: &[&'static Case], places: &[Place<'_>]) {
    let runs: Vec<(&Case, &Place<'_>)> =
        cases.iter().flat_map(|&case| places.iter().map(move |place| (case, place))).collect();
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                while let Some((case, place)) = runs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    place.observe(case);
                }
            });
        }
    });
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

impl<'a> Place<'a> {
    fn new(subject: &'a dyn Subject, tools: &'a Tools) -> anyhow::Result<Self> {
        let place = Self { subject, addresses: addresses(subject)?, tools, seen: Mutex::default() };
        place.warm_up()?;
        Ok(place)
    }

    fn context(&self, tag: String) -> Context<'_> {
        Context::new(self.subject, &self.addresses, self.tools, tag)
    }

    /// Lets the internal topics be made, so that no case waits for them. A subject that cannot
    /// make them fails the cases that need them.
    fn warm_up(&self) -> anyhow::Result<()> {
        let mut context = self.context(String::new());
        for kind in [GROUP, TRANSACTION] {
            let keys = (0..6).map(|key| names::text(&format!("warm-up-{key}"))).collect();
            let request =
                FindCoordinatorRequest::default().with_key_type(kind).with_coordinator_keys(keys);
            for _ in 0..100 {
                let found = context.ask(1, 4, &request)?.coordinators;
                if found.iter().all(|coordinator| coordinator.error_code == 0) {
                    break;
                }
                std::thread::sleep(Duration::from_millis(100));
            }
        }
        Ok(())
    }

    /// Runs a case and keeps what it sees; its failure is the last line.
    fn observe(&self, case: &Case) {
        let tag = uuid::Uuid::new_v4().simple().to_string();
        let mut context = self.context(format!("-{}", &tag[..8]));
        match catch_unwind(AssertUnwindSafe(|| (case.run)(&mut context))) {
            Ok(Ok(())) => {}
            Ok(Err(error)) => context.see(format!("{FAILED}{error:#}")),
            Err(_) => context.see(format!("{FAILED}the answer lacks a part")),
        }
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.insert(case.name, context.into_seen());
    }

    /// Runs those cases once more, one by one, that could not be run to their end: a slow machine
    /// lets them wait too long. A case that ran and saw something else is not run again.
    fn retry(&self, cases: &[&'static Case]) -> BTreeMap<&'static str, String> {
        let failure = |case: &&'static Case| {
            let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            let last = seen.get(case.name).and_then(|lines| lines.last());
            let last = last.filter(|line| line.starts_with(FAILED));
            last.map(|line| (*case, line.clone()))
        };
        let failed: Vec<(&'static Case, String)> = cases.iter().filter_map(failure).collect();
        for (case, _) in &failed {
            self.repair();
            self.observe(case);
        }
        failed.into_iter().map(|(case, why)| (case.name, why)).collect()
    }

    /// Starts the brokers that a case left dead.
    fn repair(&self) {
        for (&broker, &address) in &self.addresses {
            if Connection::open(address).is_err() {
                // One that does not start fails the cases that need it.
                let _ = self.subject.restart(broker);
            }
        }
    }

    fn into_seen(self) -> BTreeMap<&'static str, Vec<String>> {
        self.seen.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

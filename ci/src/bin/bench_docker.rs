//! Prints one line a target of the environment `docker`. Exits 0 whether or not they are met.

use ci::docker::load::Settings;
use ci::docker::omb::{self, Omb};
use ci::docker::pipeline::{self, Period};
use ci::docker::tools::Tools;
use ci::docker::topic::{PARTITIONS, Topic};
use ci::target::{
    Wanted::{AtLeast, AtMost},
    report,
};
use clap::Parser;
use harness::environment::docker::{self, Brokers, KAFKA_IMAGE};
use harness::environment::{RESULT_TOPIC, SOURCE_TOPIC};
use harness::note;
use harness::trial::BATCH_BYTES;
use std::io::Write;
use std::path::PathBuf;

/// What brokers keep beside what they have for a trial anyway: two topics of a round, or of
/// OpenMessaging Benchmark's case.
const KEPT_BYTES: u64 = 2 << 30;

/// Measures three brokers in containers: their start, our driver and collector beside Kafka's own
/// performance tools, and a case of OpenMessaging Benchmark.
#[derive(Debug, Parser)]
struct Args {
    /// Class path of Kafka's tools, as `ci/apache-kafka jars` prints it
    tools: String,
    /// A checkout of OpenMessaging Benchmark with its modules `benchmark-framework` and
    /// `driver-kafka` built; without it only our side of its case is measured
    #[arg(long)]
    omb: Option<PathBuf>,
    /// Messages a second in its case, which has 50,000 for machines of its own
    #[arg(long, default_value_t = 10_000)]
    omb_rate: u64,
    /// Messages that each side sends, and reads, in a round beside Kafka's tools
    #[arg(long, default_value_t = 400_000)]
    messages: u64,
    /// Rounds beside Kafka's tools
    #[arg(long, default_value_t = 3)]
    rounds: usize,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let omb = args.omb.as_deref().map(Omb::built_in).transpose()?;
    let brokers = started().await?;
    let measured = async {
        beside_tools(&args, &brokers.bootstrap()).await?;
        omb_case(omb.as_ref(), args.omb_rate, &brokers.bootstrap()).await
    };
    let measured = measured.await;
    brokers.shutdown().await;
    measured
}

/// Brokers as a trial has them, and how long it waits for them: the slower of two starts.
async fn started() -> anyhow::Result<Brokers> {
    let mut slowest_s: f64 = 0.0;
    let mut brokers: Option<Brokers> = None;
    for number in 1..=2 {
        if let Some(brokers) = brokers.take() {
            brokers.shutdown().await;
        }
        note!("start {number} of 2 of three brokers");
        let wanted = docker::Wanted {
            image: KAFKA_IMAGE.to_owned(),
            brokers: 3,
            kept_bytes: KEPT_BYTES,
            topics: vec![(SOURCE_TOPIC, PARTITIONS), (RESULT_TOPIC, PARTITIONS)],
            ..docker::Wanted::default()
        };
        let start = ci::micro::now();
        brokers = Some(Brokers::start(wanted).await?);
        slowest_s = slowest_s.max(start.elapsed().as_secs_f64());
    }
    report("docker_start_to_ready_slower_of_2", slowest_s, AtMost, 20.0, "s")?;
    brokers.ok_or_else(|| anyhow::anyhow!("no brokers"))
}

/// What producers on both sides are told.
fn producer_settings(linger_ms: String) -> Settings {
    [
        ("acks", "all"),
        ("enable.idempotence", "true"),
        ("compression.type", "none"),
        ("batch.size", BATCH_BYTES),
        ("linger.ms", &linger_ms),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

/// Messages a second of each side, a figure a round.
#[derive(Debug, Default)]
struct Rates {
    driver: Vec<f64>,
    producer_tool: Vec<f64>,
    collector: Vec<f64>,
    consumer_tool: Vec<f64>,
}

/// Producers in turn into a topic each, then consumers in turn from the driver's; each round begins
/// with the other side.
async fn beside_tools(args: &Args, bootstrap: &str) -> anyhow::Result<()> {
    let tools = Tools::new(args.tools.clone())?;
    let settings = producer_settings(docker::pace().linger.as_millis().to_string());
    let mut rates = Rates::default();
    // Brokers compile what they run as well; what comes first would count against it.
    note!("warm-up");
    round(0, args.messages / 4, &tools, bootstrap, &settings, &mut Rates::default()).await?;
    let rounds = args.rounds.max(1);
    for number in 1..=rounds {
        note!("round {number} of {rounds} beside Kafka's tools");
        round(number, args.messages, &tools, bootstrap, &settings, &mut rates).await?;
        note!("{rates:.0?}");
    }
    rates.report()
}

async fn round(
    number: usize,
    messages: u64,
    tools: &Tools,
    bootstrap: &str,
    settings: &Settings,
    rates: &mut Rates,
) -> anyhow::Result<()> {
    let ours_first = number.is_multiple_of(2);
    let ours = Topic::create(bootstrap, &format!("driver-{number}")).await?;
    let theirs = Topic::create(bootstrap, &format!("producer-tool-{number}")).await?;
    if !ours_first {
        rates.producer_tool.push(tools.produce(&theirs, messages, settings).await?);
    }
    let (topic, client) = (ours.clone(), settings.clone());
    let (per_s, sent) = blocking(move || pipeline::produce(&topic, messages, &client)).await?;
    rates.driver.push(per_s);
    if ours_first {
        rates.producer_tool.push(tools.produce(&theirs, messages, settings).await?);
    }
    theirs.delete().await?;
    if !ours_first {
        rates.consumer_tool.push(tools.consume(&ours, messages).await?);
    }
    let topic = ours.clone();
    rates.collector.push(blocking(move || pipeline::consume(&topic, &sent)).await?);
    if ours_first {
        rates.consumer_tool.push(tools.consume(&ours, messages).await?);
    }
    ours.delete().await
}

impl Rates {
    fn report(&self) -> anyhow::Result<()> {
        let mut out = std::io::stdout();
        for (name, ours, theirs) in [
            ("driver_over_producer_perf_test", &self.driver, &self.producer_tool),
            ("collector_over_consumer_perf_test", &self.collector, &self.consumer_tool),
        ] {
            writeln!(out, "# {name}: {} over {} messages/s", listed(ours), listed(theirs))?;
            report(name, median(ours) / median(theirs), AtLeast, 0.9, "")?;
        }
        Ok(())
    }
}

fn listed(rates: &[f64]) -> String {
    rates.iter().map(|rate| format!("{rate:.0}")).collect::<Vec<_>>().join(" ")
}

fn median(figures: &[f64]) -> f64 {
    results::statistics::median(figures).unwrap_or(f64::NAN)
}

/// Our side of the case, before and after theirs if there is one.
async fn omb_case(omb: Option<&Omb>, rate_per_s: u64, bootstrap: &str) -> anyhow::Result<()> {
    let mut ours = our_side(bootstrap, rate_per_s, "before").await?;
    if let Some(omb) = omb {
        note!("OpenMessaging Benchmark's own driver at {rate_per_s}/s");
        let theirs = omb.run(bootstrap, rate_per_s).await?;
        ours.extend(our_side(bootstrap, rate_per_s, "after").await?);
        tell("OpenMessaging Benchmark", rate_per_s, &theirs)?;
    }
    tell("stormgauge", rate_per_s, &ours)
}

async fn our_side(bootstrap: &str, rate_per_s: u64, name: &str) -> anyhow::Result<Vec<Period>> {
    note!("OpenMessaging Benchmark's case by our driver at {rate_per_s}/s");
    let topic = Topic::create(bootstrap, name).await?;
    let measured = topic.clone();
    let settings = producer_settings(omb::LINGER_MS.to_owned());
    let seen = blocking(move || pipeline::paced(&measured, rate_per_s, 3, &settings)).await?;
    topic.delete().await?;
    Ok(seen)
}

fn tell(who: &str, rate_per_s: u64, periods: &[Period]) -> anyhow::Result<()> {
    let Period { per_s, publish_ms, end_to_end_ms } = Period::typical(periods);
    let ms = |[p50, p99]: [f64; 2]| format!("p50 {p50:.1} ms, p99 {p99:.1} ms");
    let (publish, end_to_end) = (ms(publish_ms), ms(end_to_end_ms));
    writeln!(
        std::io::stdout(),
        "# 1 topic, 16 partitions, 1 KB at {rate_per_s}/s, {who}: published {per_s:.0}/s, publish \
         {publish}, end to end {end_to_end} (medians of {} periods of 10 s)",
        periods.len()
    )?;
    Ok(())
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> anyhow::Result<T> + Send + 'static,
) -> anyhow::Result<T> {
    tokio::task::spawn_blocking(work).await?
}

//! Prints one line a target of the fault proxy. Exits 0 whether or not they are met.

use chaos::proxy::Rules;
use ci::proxy::{load, ours, timing, toxiproxy::Toxiproxy};
use ci::runs;
use ci::target::{
    Wanted::{AtLeast, AtMost},
    report,
};
use clap::Parser;
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

const RATE_PER_S: u64 = 100_000;
const CONNECTIONS: u64 = 4;

/// Measures the fault proxy without a fault beside a direct connection and Toxiproxy, and with
/// faults how soon they are in force and what they cost the load driver.
#[derive(Debug, Parser)]
struct Args {
    /// Toxiproxy's server, as `ci/toxiproxy` prints
    toxiproxy: PathBuf,
    /// The `stormgauge` program, built in release
    program: PathBuf,
    /// Rounds of all three ways in turn
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Seconds of each way in a round at the fixed rate
    #[arg(long, default_value_t = 10)]
    seconds: u64,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let sink = load::sink()?;
    let proxy = ours(sink, Rules::new()).await?;
    let toxiproxy = Toxiproxy::start(&args.toxiproxy, sink)?;
    let ways = [sink, proxy.address(), toxiproxy.address()];
    let batches = args.seconds * RATE_PER_S / load::BATCH_MESSAGES;
    let mut rounds = Vec::new();
    for round in 0..args.rounds.max(1) {
        rounds.push(play(ways, batches, round).await?);
    }
    tell(&rounds)?;

    let worst = timing::worst().await?;
    report("fault_in_force_after_due", millis(worst.in_force), AtMost, 10.0, "ms")?;
    report("fault_healed_after_due", millis(worst.healed), AtMost, 10.0, "ms")?;
    let record = runs::stormy(&args.program)?;
    let landed = record.faults.iter().filter(|fault| fault.landed_s.is_some()).count();
    report("overlapping_faults_landed", landed as f64, AtLeast, 100.0, "")?;
    let dispatch_ms = record.health.dispatch_error_p99_us as f64 / 1e3;
    report("dispatch_error_p99_under_100_faults", dispatch_ms, AtMost, 1.0, "ms")?;
    Ok(())
}

/// What one way did in one round.
#[derive(Debug, Clone, Copy, Default)]
struct Figures {
    p99_us: f64,
    carried_per_s: f64,
    saturated_per_s: f64,
}

/// Direct, through our proxy, through Toxiproxy.
type Round = [Figures; 3];

/// All three ways, each round beginning with another.
async fn play(ways: [SocketAddr; 3], batches: u64, round: usize) -> anyhow::Result<Round> {
    let mut figures = Round::default();
    for turn in 0..ways.len() {
        let at = (round + turn) % ways.len();
        let way = ways[at];
        let measure = move || -> anyhow::Result<Figures> {
            let (took, carried_per_s) = load::paced(way, RATE_PER_S, batches)?;
            let p99 = took[took.len() * 99 / 100];
            let saturated_per_s = load::saturated(way, CONNECTIONS, batches)?;
            Ok(Figures { p99_us: p99.as_secs_f64() * 1e6, carried_per_s, saturated_per_s })
        };
        figures[at] = tokio::task::spawn_blocking(measure).await??;
    }
    Ok(figures)
}

fn tell(rounds: &[Round]) -> anyhow::Result<()> {
    let over = |figure: fn(&Round) -> f64| {
        results::statistics::median(&rounds.iter().map(figure).collect::<Vec<f64>>())
            .unwrap_or(f64::NAN)
    };
    let mut out = std::io::stdout();
    for (at, name) in ["direct", "proxy", "Toxiproxy"].into_iter().enumerate() {
        for round in rounds {
            let Figures { p99_us, carried_per_s, saturated_per_s } = round[at];
            writeln!(
                out,
                "# {name}: at {RATE_PER_S}/s p99 {p99_us:.0} us, carried {carried_per_s:.0}/s; \
                 saturated {saturated_per_s:.0}/s"
            )?;
        }
    }
    let carried = over(|round| round[1].carried_per_s / round[0].carried_per_s);
    report("proxy_over_direct_at_100000", carried, AtLeast, 0.95, "")?;
    let added = over(|round| round[1].p99_us - round[0].p99_us);
    report("proxy_p99_added_at_100000", added, AtMost, 50.0, "us")?;
    let quicker = over(|round| round[1].p99_us / round[2].p99_us);
    report("proxy_p99_over_toxiproxy", quicker, AtMost, 1.0, "")?;
    let wider = over(|round| round[1].saturated_per_s / round[2].saturated_per_s);
    report("proxy_saturated_over_toxiproxy", wider, AtLeast, 1.0, "")?;
    Ok(())
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

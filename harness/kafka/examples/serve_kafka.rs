//! A cluster for clients in other languages: serves until interrupted, then prints its metrics.
//!
//! `cargo run -p embedded-kafka --example serve_kafka -- 3 orders:12 results:12`

use std::io::Write;

use embedded_kafka::{ClusterConfig, EmbeddedKafka};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let brokers = arguments.next().map_or(Ok(3), |count| count.parse())?;
    let config = ClusterConfig { auto_create_topics: true, ..ClusterConfig::with_brokers(brokers) };
    let kafka = EmbeddedKafka::start_with(config).await?;
    for topic in arguments {
        let (name, partitions) = topic.split_once(':').unwrap_or((&topic, "1"));
        kafka.create_topic(name, partitions.parse()?)?;
    }
    writeln!(std::io::stdout(), "{}", kafka.bootstrap_servers())?;
    tokio::signal::ctrl_c().await?;
    write!(std::io::stdout(), "{}", kafka.metrics())?;
    kafka.shutdown().await;
    Ok(())
}

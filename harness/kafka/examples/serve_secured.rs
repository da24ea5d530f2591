//! A cluster for secured clients in other languages: serves until interrupted. The user is `alice`
//! with the password `alice-secret`.
//!
//! `cargo run -p embedded-kafka --example serve_secured -- /tmp/authority.pem`
//!
//! prints the addresses of a listener for each of Kafka's security protocols, and writes the
//! certificate that clients must trust to the file.

use std::io::Write;

use embedded_kafka::{ClusterConfig, EmbeddedKafka, Security, Tls, User};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let authority = std::env::args().nth(1).ok_or("usage: serve_secured CERTIFICATE-FILE")?;
    let users = vec![User::new("alice", "alice-secret")];
    let config =
        ClusterConfig { users, auto_create_topics: true, capture: 100, ..ClusterConfig::default() };
    let kafka = EmbeddedKafka::start_with(config).await?;
    let tls = Tls::self_signed()?;
    std::fs::write(authority, &tls.certificate_pem)?;
    let mut out = std::io::stdout();
    writeln!(out, "PLAINTEXT {}", kafka.bootstrap_servers())?;
    let (tls, sasl) = (Some(tls), Security::sasl().sasl);
    for (protocol, security) in [
        ("SSL", Security { tls: tls.clone(), sasl: Vec::new() }),
        ("SASL_PLAINTEXT", Security::sasl()),
        ("SASL_SSL", Security { tls, sasl }),
    ] {
        let addresses = kafka.add_secure_listener(protocol, &security).await?;
        let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
        writeln!(out, "{protocol} {}", addresses.join(","))?;
    }
    tokio::signal::ctrl_c().await?;
    kafka.shutdown().await;
    Ok(())
}

//! Serves a control plane with two emulated nodes until interrupted, for trying it with `kubectl`.
//!
//! Prints the path of a kubeconfig file:
//!
//! ```sh
//! cargo run -p embedded-kube --example serve -- /tmp/embedded.kubeconfig
//! kubectl --kubeconfig /tmp/embedded.kubeconfig get nodes
//! ```

use std::io::Write;
use std::path::PathBuf;

use embedded_kube::{ControlPlaneConfig, EmbeddedKube, NodeSpec};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let file = std::env::args_os().nth(1).map(PathBuf::from);
    let file = file.unwrap_or_else(|| std::env::temp_dir().join("embedded.kubeconfig"));
    let node = |index: usize| NodeSpec {
        name: format!("node-{index}"),
        cpu_millis: 4_000,
        memory_bytes: 8 << 30,
        labels: Default::default(),
    };
    let config =
        ControlPlaneConfig { nodes: (1..=2).map(node).collect(), ..ControlPlaneConfig::default() };
    let kube = EmbeddedKube::start(config).await?;
    std::fs::write(&file, kube.kubeconfig())?;
    writeln!(std::io::stdout(), "{}", file.display())?;
    tokio::signal::ctrl_c().await?;
    kube.shutdown().await;
    std::fs::remove_file(&file)?;
    Ok(())
}

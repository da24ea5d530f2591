//! The program as another program runs it.

use std::net::SocketAddr;

use operator::clock::Clock;
use operator::{Args, LogFormat, run};
use tokio_util::sync::CancellationToken;

#[tokio::test]
async fn a_kubeconfig_that_is_not_there_is_named_with_its_flag() {
    // What it says is shown if this fails.
    let _first = tracing_subscriber::fmt().with_test_writer().try_init();
    let args = Args {
        kubeconfig: Some("/no/such/kubeconfig".into()),
        namespace: None,
        once: false,
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        install_crds: false,
        leader_elect: false,
        lease_duration: std::time::Duration::from_secs(15),
        log_format: LogFormat::Text,
    };
    // Spawned, as a subcommand of another program would.
    let result =
        tokio::spawn(run(args, Clock::start(), CancellationToken::new())).await.expect("no panic");
    let error = format!("{:#}", result.expect_err("there is no such file"));
    assert!(error.starts_with("reading /no/such/kubeconfig (--kubeconfig)"), "{error}");
}

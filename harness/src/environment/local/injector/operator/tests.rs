//! Faults of the operator on a process that stands in for it.

use super::*;
use std::ffi::OsString;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const LIMIT: Duration = Duration::from_secs(20);

/// A process that says where it listens, as operators do, and lives on.
fn stand_in(address: &str, directory: &std::path::Path) -> Arc<Operator> {
    let script = format!("echo listening address={address}; exec sleep 600");
    let command = ["sh", "-c", &script].map(OsString::from).to_vec();
    Arc::new(Operator::run(command, directory).unwrap())
}

async fn evidence(installed: &mut Box<dyn Installed>) -> String {
    let found = async {
        loop {
            if let Some(sentence) = installed.evidence().await {
                return sentence;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(LIMIT, found).await.expect("the fault has evidence")
}

#[tokio::test]
async fn a_killed_operator_is_gone_until_it_is_healed() {
    let directory = tempfile::tempdir().unwrap();
    let operator = stand_in("127.0.0.1:1", directory.path());
    let mut starts = operator.starts();
    let before = operator.pid().unwrap();
    let mut installed = kill(&operator).await.unwrap();
    let sentence = evidence(&mut installed).await;
    assert_eq!(sentence, format!("process {before} is gone, no operator runs"));
    assert!(!operator.has_failed(), "a fault has killed it");
    let healed = installed.heal().await.unwrap();
    let after = operator.pid().unwrap();
    assert_eq!(healed, format!("process {after} runs in place of {before}"));
    assert_eq!(installed.heal().await.unwrap(), healed);
    assert_eq!(starts.try_recv().unwrap(), after);
    operator.stop().await;
    assert!(clock::start_ticks(after).is_none());
    assert!(kill(&operator).await.is_err());
}

#[tokio::test]
async fn a_second_operator_counts_once_it_has_done_something_and_goes_with_the_fault() {
    let directory = tempfile::tempdir().unwrap();
    let metrics = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = metrics.local_addr().unwrap();
    let operator = stand_in(&address.to_string(), directory.path());
    let mut starts = operator.starts();
    let mut installed = double(&operator).unwrap();
    let second = starts.try_recv().unwrap();
    let serving = tokio::spawn(async move {
        for passes in 0.. {
            let (mut stream, _) = metrics.accept().await.unwrap();
            let _ = stream.read(&mut [0; 1024]).await;
            let sample = format!("controller_runtime_reconcile_total{{result=\"x\"}} {passes}\n");
            let answer = format!("HTTP/1.0 200 OK\r\n\r\n{sample}");
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    let first = operator.pid().unwrap();
    let sentence = evidence(&mut installed).await;
    let expected = format!("processes {first} and {second} run; the second made 1 pass over jobs");
    assert_eq!(sentence, expected);
    let healed = installed.heal().await.unwrap();
    assert_eq!(healed, "one operator is left; the second made 2 passes over jobs in all");
    assert_eq!(installed.heal().await.unwrap(), healed);
    assert!(clock::start_ticks(second).is_none() && clock::start_ticks(first).is_some());
    serving.abort();
    operator.stop().await;
}

//! Faults of the operator on a process that stands in for it.

use super::super::tests::{evidence, heal_twice};
use super::lease::USURPER;
use super::*;
use embedded_kube::{ControlPlaneConfig, EmbeddedKube};
use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;
use kube::api::PostParams;
use serde_json::json;
use std::ffi::OsString;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const LIMIT: Duration = Duration::from_secs(20);

/// A process that says where it listens, as operators do, and lives on.
fn stand_in(address: &str, directory: &std::path::Path) -> Arc<Operator> {
    let script = format!("echo listening address={address}; exec sleep 600");
    let command = ["sh", "-c", &script].map(OsString::from).to_vec();
    Arc::new(Operator::run(command, Vec::new(), directory).unwrap())
}

/// Answers one request for metrics.
async fn answer(metrics: &TcpListener, sample: &str) {
    let (mut stream, _) = metrics.accept().await.unwrap();
    let _ = stream.read(&mut [0; 1024]).await;
    let answer = format!("HTTP/1.0 200 OK\r\n\r\n{sample}");
    stream.write_all(answer.as_bytes()).await.unwrap();
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
    let healed = heal_twice(&mut installed).await;
    let after = operator.pid().unwrap();
    assert_eq!(healed, format!("process {after} runs in place of {before}"));
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
            let counted = "controller_runtime_reconcile_total{result=\"x\"}";
            answer(&metrics, &format!("{counted} {passes}\n")).await;
        }
    });
    let first = operator.pid().unwrap();
    let sentence = evidence(&mut installed).await;
    let expected = format!("processes {first} and {second} run; the second made 1 pass over jobs");
    assert_eq!(sentence, expected);
    let healed = heal_twice(&mut installed).await;
    assert_eq!(healed, "one operator is left; the second made 2 passes over jobs in all");
    assert!(clock::start_ticks(second).is_none() && clock::start_ticks(first).is_some());
    serving.abort();
    operator.stop().await;
}

#[tokio::test]
async fn a_lease_counts_as_lost_once_the_operator_says_so_and_is_given_back() {
    let kube = Arc::new(EmbeddedKube::start(ControlPlaneConfig::default()).await.unwrap());
    let directory = tempfile::tempdir().unwrap();
    let metrics = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let operator = stand_in(&metrics.local_addr().unwrap().to_string(), directory.path());
    let refused = take_lease(&kube, &operator, LIMIT).await;
    assert!(refused.is_err_and(|refusal| refusal.to_string().contains("no operator holds")));
    let leases: Api<Lease> = Api::namespaced(kube.client(), crate::environment::NAMESPACE);
    let held = json!({"metadata": {"name": operator::LEASE}, "spec": {"holderIdentity": "it"}});
    let held = serde_json::from_value(held).unwrap();
    leases.create(&PostParams::default(), &held).await.unwrap();
    let mut installed = take_lease(&kube, &operator, LIMIT).await.unwrap();
    let lease = leases.get(operator::LEASE).await.unwrap().spec.unwrap();
    assert_eq!(lease.holder_identity.as_deref(), Some(USURPER));
    assert_eq!(lease.lease_duration_seconds, Some(20));
    let serving = tokio::spawn(async move {
        for leading in [1, 0] {
            answer(&metrics, &format!("streaming_operator_leading {leading}\n")).await;
        }
    });
    let sentence = evidence(&mut installed).await;
    assert_eq!(sentence, "somebody else holds the lease, and the operator serves no jobs");
    serving.await.unwrap();
    heal_twice(&mut installed).await;
    let lease = leases.get(operator::LEASE).await.unwrap().spec.unwrap();
    assert_eq!(lease.holder_identity, None);
    operator.stop().await;
    drop(installed);
    Arc::into_inner(kube).unwrap().shutdown().await;
}

#[tokio::test]
async fn a_clock_counts_as_wrong_once_the_lease_is_renewed_at_a_wrong_time() {
    let kube = EmbeddedKube::start(ControlPlaneConfig::default()).await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let operator = stand_in("127.0.0.1:1", directory.path());
    let leases: Api<Lease> = Api::namespaced(kube.client(), crate::environment::NAMESPACE);
    let hour_us = 3_600_000_000;
    let lease = |off_us: i64| {
        let now = i64::try_from(clock::unix_us()).unwrap();
        let renewed = jiff::Timestamp::from_microsecond(now + off_us).unwrap();
        let spec = json!({"holderIdentity": "it", "renewTime": format!("{renewed:.6}")});
        json!({"metadata": {"name": operator::LEASE}, "spec": spec})
    };
    let create = async |off_us| {
        let lease = serde_json::from_value(lease(off_us)).unwrap();
        leases.create(&PostParams::default(), &lease).await.unwrap();
    };
    let renew = async |off_us| {
        let patch = kube::api::Patch::Merge(lease(off_us));
        leases.patch(operator::LEASE, &Default::default(), &patch).await.unwrap();
    };
    let mut installed = set_clock(&kube, &operator, (hour_us, 0), LIMIT).unwrap();
    assert_eq!(installed.evidence().await, None, "there is no lease");
    create(hour_us).await;
    assert_eq!(installed.evidence().await, None, "who knows when it was renewed");
    renew(0).await;
    assert_eq!(installed.evidence().await, None, "it was renewed at the right time");
    renew(hour_us).await;
    let sentence = installed.evidence().await.unwrap();
    assert!(sentence.starts_with("the operator renewed its lease 3"), "{sentence}");
    assert!(sentence.ends_with(" s in the future"), "{sentence}");
    assert!(operator.clock_file().exists());
    assert_eq!(heal_twice(&mut installed).await, "the operator's clock is right");
    assert!(!operator.clock_file().exists());
    // One that loses nine seconds in each shows it soon.
    let mut installed = set_clock(&kube, &operator, (0, -9_000_000), LIMIT).unwrap();
    assert_eq!(installed.evidence().await, None, "who knows when it was renewed");
    let sentence = loop {
        tokio::time::sleep(Duration::from_millis(5)).await;
        let shift = embedded_kube::ClockShift::read(operator.clock_file()).unwrap();
        renew(shift.at(clock::unix_us())).await;
        if let Some(sentence) = installed.evidence().await {
            break sentence;
        }
    };
    assert!(sentence.ends_with(" s in the past"), "{sentence}");
    heal_twice(&mut installed).await;
    operator.stop().await;
    drop(installed);
    kube.shutdown().await;
}

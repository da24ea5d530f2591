//! Loss, narrow links and slow closes through a proxy.

use super::*;

#[tokio::test]
async fn lost_packets_arrive_late_in_order_and_none_is_missing() {
    let (echo, rules) = (echo().await, Rules::new());
    let proxy = proxy_to(echo.address, &rules).await;
    let mut client = greeted(&proxy, "node-1/a").await;
    let (round_trip_time, timeout) = (2 * MILLI, 5 * MILLI);
    let loss = Loss { share: 0.3, burst: None, round_trip: round_trip_time, timeout };
    let mut installed = inject(&rules, vec![rule("node-1", Direction::Both, Effect::Loss(loss))]);
    let sent = frame("node-1/a", 300_000);
    let (mut read, mut write) = client.split();
    let mut back = vec![0; sent.len()];
    let (written, got) = tokio::join!(
        write.write_all(&sent),
        tokio::time::timeout(PATIENCE, read.read_exact(&mut back))
    );
    written.unwrap();
    got.unwrap().unwrap();
    assert!(back == sent, "other bytes came back");
    let evidence = installed.evidence().await.unwrap();
    assert!(evidence.contains(" packets lost; "), "{evidence}");
    installed.heal().await.unwrap();
    assert!(quickest_round_trip(&mut client).await < 5 * MILLI);
}

#[tokio::test]
async fn connections_share_a_narrow_link_and_their_senders_have_to_wait() {
    let (echo, rules) = (echo().await, Rules::new());
    let proxy = proxy_to(echo.address, &rules).await;
    let link = Effect::Bandwidth { bytes_per_s: 200_000 };
    let mut installed = inject(&rules, vec![rule("node-1", Direction::ToServer, link)]);
    let before = clock::now();
    let transfers = (0..4).map(|_| async {
        let mut client = connect(&proxy).await;
        round_trip(&mut client, &frame("node-1/a", 10_000)).await
    });
    futures::future::join_all(transfers).await;
    let took = clock::now() - before;
    assert!(took >= 195 * MILLI, "40,000 bytes took {took:?}");
    assert!(took < 2_000 * MILLI, "40,000 bytes took {took:?}");
    let evidence = installed.evidence().await.unwrap();
    assert!(evidence.contains("of 4 connections late by"), "{evidence}");

    let mut client = greeted(&proxy, "node-1/b").await;
    let chunk = vec![7; 1 << 20];
    let sending = timeout(100 * MILLI, async {
        loop {
            client.write_all(&chunk).await.unwrap();
        }
    });
    assert!(sending.await.is_err());
    let under_way = proxy.shared.delayed_bytes.load(Ordering::Relaxed);
    assert!(under_way < BUFFER_BYTES, "{under_way} bytes wait in the proxy");
}

#[tokio::test]
async fn healing_a_narrow_link_lets_what_waits_go_at_once() {
    let (echo, rules) = (echo().await, Rules::new());
    let proxy = proxy_to(echo.address, &rules).await;
    let mut client = greeted(&proxy, "node-1/a").await;
    let id = rules.install(rule("node-1", Direction::Both, Effect::Bandwidth { bytes_per_s: 1 }));
    client.write_all(&[1; 100]).await.unwrap();
    expect_silence(&mut client, 20).await;
    rules.remove(&id);
    expect(&mut client, &[1; 100]).await;
    assert!(quickest_round_trip(&mut client).await < 20 * MILLI);
}

#[tokio::test]
async fn the_end_of_one_rule_leaves_the_delay_of_another() {
    let (echo, rules) = (echo().await, Rules::new());
    let proxy = proxy_to(echo.address, &rules).await;
    let mut client = greeted(&proxy, "node-1/a").await;
    let long = rules.install(rule("node-1", Direction::ToServer, late(60_000, 0)));
    let short = rules.install(rule("node-1", Direction::ToServer, late(60, 0)));
    let sent = clock::now();
    client.write_all(b"late").await.unwrap();
    sleep(10 * MILLI).await;
    rules.remove(&long);
    expect(&mut client, b"late").await;
    assert!(clock::now() - sent >= 60 * MILLI);
    rules.remove(&short);
}

#[tokio::test]
async fn a_server_learns_late_that_its_client_has_closed() {
    let (echo, rules) = (echo().await, Rules::new());
    let proxy = proxy_to(echo.address, &rules).await;
    for resets in [false, true] {
        let mut client = greeted(&proxy, "node-1/a").await;
        let slow = Effect::SlowClose { delay: 60 * MILLI };
        let mut installed = inject(&rules, vec![rule("node-1", Direction::Both, slow)]);
        round_trip(&mut client, b"quick").await;
        assert_eq!(installed.evidence().await, None, "nobody has closed anything");
        if resets {
            client.set_zero_linger().unwrap();
        }
        let closed = clock::now();
        drop(client);
        until("the server knows", || echo.open.load(Ordering::Relaxed) == 0).await;
        assert!(clock::now() - closed >= 60 * MILLI, "with a reset: {resets}");
        let evidence = installed.evidence().await.unwrap();
        assert!(evidence.contains(" of 1 connection late by "), "{evidence}");
        until("the connection is gone", || proxy.connections() == 0).await;
    }
}

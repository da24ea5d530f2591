//! Connections that are cut: reset, half open, or dead on both sides.

use std::io::ErrorKind;

use super::*;

fn cut(keeps: Keeps) -> Cut {
    Cut { after: Duration::ZERO, keeps, newcomers: true }
}

fn install(rules: &Rules, cut: Cut) -> Box<dyn crate::Installed> {
    inject(rules, vec![rule("node-1", Direction::Both, Effect::Cut(cut))])
}

async fn expect_reset(stream: &mut TcpStream) {
    let mut byte = [0];
    let read = timeout(PATIENCE, stream.read(&mut byte)).await.unwrap();
    assert_eq!(read.unwrap_err().kind(), ErrorKind::ConnectionReset);
}

fn open(echo: &Echo) -> usize {
    echo.open.load(Ordering::Relaxed)
}

#[tokio::test]
async fn a_reset_ends_both_sides_and_newcomers_too_until_it_is_healed() {
    let (echo, rules) = (echo().await, Rules::new());
    let proxy = proxy_to(echo.address, &rules).await;
    let mut hit = greeted(&proxy, "node-1/a").await;
    let mut spared = greeted(&proxy, "node-2/a").await;
    let mut installed = install(&rules, cut(Keeps::Neither));
    expect_reset(&mut hit).await;
    until("the server knows", || open(&echo) == 1).await;
    let mut newcomer = connect(&proxy).await;
    newcomer.write_all(&frame("node-1/b", 0)).await.unwrap();
    expect_reset(&mut newcomer).await;
    round_trip(&mut spared, b"free").await;
    let evidence = installed.evidence().await.unwrap();
    assert!(evidence.starts_with("2 connections reset, first after "), "{evidence}");
    let healed = installed.heal().await.unwrap();
    assert_eq!(healed, "2 connections reset");
    assert_eq!(installed.heal().await.unwrap(), healed);
    greeted(&proxy, "node-1/c").await;
}

#[tokio::test]
async fn a_reset_after_a_while_lets_connections_live_so_long() {
    let (echo, rules) = (echo().await, Rules::new());
    let proxy = proxy_to(echo.address, &rules).await;
    let mut client = greeted(&proxy, "node-1/a").await;
    let installed = clock::now();
    let _rule = install(&rules, Cut { after: 50 * MILLI, ..cut(Keeps::Neither) });
    round_trip(&mut client, b"still").await;
    expect_reset(&mut client).await;
    assert!(clock::now() - installed >= 50 * MILLI);
}

#[tokio::test]
async fn a_half_open_connection_is_kept_by_the_client_until_the_rule_ends() {
    let (echo, rules) = (echo().await, Rules::new());
    let proxy = proxy_to(echo.address, &rules).await;
    let mut client = greeted(&proxy, "node-1/a").await;
    let received = echo.received.load(Ordering::Relaxed);
    let of_old = Cut { newcomers: false, ..cut(Keeps::Client) };
    let mut installed = install(&rules, of_old);
    until("the server's side is gone", || open(&echo) == 0).await;
    client.write_all(b"anybody there?").await.unwrap();
    expect_silence(&mut client, 30).await;
    assert_eq!(echo.received.load(Ordering::Relaxed), received);
    let mut newcomer = greeted(&proxy, "node-1/b").await;
    let evidence = installed.evidence().await.unwrap();
    let sentence = "1 connection open at the client only, 14 bytes of clients sent to nobody";
    assert!(evidence.starts_with(sentence), "{evidence}");
    assert_eq!(installed.heal().await.unwrap(), sentence);
    expect_reset(&mut client).await;
    round_trip(&mut newcomer, b"spared").await;
}

#[tokio::test]
async fn a_half_open_connection_is_kept_by_the_server_while_the_client_connects_anew() {
    let (echo, rules) = (echo().await, Rules::new());
    let proxy = proxy_to(echo.address, &rules).await;
    let mut client = greeted(&proxy, "node-1/a").await;
    let of_old = Cut { newcomers: false, ..cut(Keeps::Server) };
    let mut installed = install(&rules, of_old);
    expect_reset(&mut client).await;
    greeted(&proxy, "node-1/a").await;
    until("the newcomer is gone", || open(&echo) == 1).await;
    sleep(20 * MILLI).await;
    assert_eq!(open(&echo), 1, "the server holds on to the dead connection");
    installed.heal().await.unwrap();
    until("the server knows", || open(&echo) == 0).await;
}

#[tokio::test]
async fn a_black_hole_swallows_old_and_new_connections_until_it_expires() {
    let (echo, rules) = (echo().await, Rules::new());
    let proxy = proxy_to(echo.address, &rules).await;
    let mut old = greeted(&proxy, "node-1/a").await;
    let received = echo.received.load(Ordering::Relaxed);
    let expires = clock::now() + 150 * MILLI;
    let effect = Effect::Cut(cut(Keeps::Both));
    let hole = Rule { expires, ..rule("node-1", Direction::Both, effect) };
    let mut installed = inject(&rules, vec![hole]);
    old.write_all(&[7; 1_000]).await.unwrap();
    let mut new = connect(&proxy).await;
    new.write_all(&frame("node-1/b", 0)).await.unwrap();
    expect_silence(&mut old, 20).await;
    expect_silence(&mut new, 20).await;
    assert_eq!(echo.received.load(Ordering::Relaxed), received, "nothing arrives");
    let evidence = installed.evidence().await.unwrap();
    assert!(evidence.starts_with("1,022 bytes of 2 connections swallowed"), "{evidence}");
    expect_reset(&mut old).await;
    expect_reset(&mut new).await;
    assert!(clock::now() >= expires);
    until("all are gone", || proxy.connections() == 0 && open(&echo) == 0).await;
    greeted(&proxy, "node-1/c").await;
}

#[tokio::test]
async fn a_server_does_not_learn_that_a_client_has_left_a_black_hole() {
    let (echo, rules) = (echo().await, Rules::new());
    let proxy = proxy_to(echo.address, &rules).await;
    let client = greeted(&proxy, "node-1/a").await;
    let mut installed = install(&rules, cut(Keeps::Both));
    drop(client);
    sleep(50 * MILLI).await;
    assert_eq!(open(&echo), 1);
    installed.heal().await.unwrap();
    until("the server knows", || open(&echo) == 0).await;
}

#[tokio::test]
async fn hundreds_of_connections_are_reset_at_once() {
    let (echo, rules) = (echo().await, Rules::new());
    let proxy = proxy_to(echo.address, &rules).await;
    let mut clients = Vec::new();
    for number in 0..200 {
        clients.push(greeted(&proxy, &format!("node-1/{number}")).await);
    }
    let mut installed = install(&rules, cut(Keeps::Neither));
    for client in &mut clients {
        expect_reset(client).await;
    }
    assert!(installed.heal().await.unwrap().starts_with("200 connections"));
    until("all are gone", || proxy.connections() == 0 && open(&echo) == 0).await;
}

#[tokio::test]
async fn a_proxy_for_one_group_asks_nobody_who_it_is() {
    let (echo, rules) = (echo().await, Rules::new());
    let front = Front {
        listen: "127.0.0.1:0".parse().unwrap(),
        upstream: echo.address,
        server: "api_server".to_owned(),
        clients: Clients::Group("operator".to_owned()),
    };
    let proxy = FaultProxy::start(front, rules.clone()).await.unwrap();
    let mut client = connect(&proxy).await;
    round_trip(&mut client, b"GET / HTTP/1.1\r\n").await;
    let hold = Rule {
        servers: BTreeSet::from(["api_server".to_owned()]),
        ..rule("operator", Direction::Both, Effect::Hold)
    };
    let id = rules.install(hold);
    client.write_all(b"held").await.unwrap();
    expect_silence(&mut client, 20).await;
    assert_eq!(rules.remove(&id).bytes_held, 4);
    expect(&mut client, b"held").await;
    assert_eq!(proxy.stats().malformed, 0);
}

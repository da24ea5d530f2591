//! Whatever the rules do while bytes flow, the same bytes come back.

use proptest::prelude::*;

use super::*;

/// What happens to the rules while bytes flow.
#[derive(Debug, Clone, Copy)]
enum Weather {
    Hold(Direction),
    Late(Direction, u32, u32),
    Lossy(Direction),
    Narrow(Direction),
    Clear,
}

impl Weather {
    fn effect(self) -> Option<(Direction, Effect)> {
        match self {
            Self::Hold(way) => Some((way, Effect::Hold)),
            Self::Late(way, delay, jitter) => Some((way, late(delay, jitter))),
            Self::Lossy(way) => {
                let loss = Loss { share: 0.2, burst: None, round_trip: MILLI, timeout: 2 * MILLI };
                Some((way, Effect::Loss(loss)))
            }
            Self::Narrow(way) => Some((way, Effect::Bandwidth { bytes_per_s: 10_000_000 })),
            Self::Clear => None,
        }
    }
}

fn weather() -> impl Strategy<Value = Weather> {
    let direction =
        || prop_oneof![Just(Direction::Both), Just(Direction::ToServer), Just(Direction::ToClient)];
    prop_oneof![
        direction().prop_map(Weather::Hold),
        (direction(), 0_u32..5, 0_u32..5)
            .prop_map(|(way, delay, jitter)| { Weather::Late(way, delay, jitter) }),
        direction().prop_map(Weather::Lossy),
        direction().prop_map(Weather::Narrow),
        Just(Weather::Clear),
    ]
}

async fn bytes_come_back_exact(writes: Vec<usize>, changes: Vec<Weather>) {
    let (echo, rules) = (echo().await, Rules::new());
    let proxy = proxy_to(echo.address, &rules).await;
    let mut client = connect(&proxy).await;
    let mut sent = frame("node-1/a", 0);
    sent.extend((0..writes.iter().sum()).map(|at: usize| (at * 31 % 253) as u8));
    let (mut read, mut write) = client.split();
    let writing = async {
        let mut at = 0;
        for size in std::iter::once(22).chain(writes) {
            write.write_all(&sent[at..at + size]).await.unwrap();
            at += size;
            tokio::task::yield_now().await;
        }
        at
    };
    let changing = async {
        for change in changes {
            let installed = change.effect().map(|(way, effect)| {
                let rule = rule("node-1", way, effect);
                rules.install(rule)
            });
            sleep(2 * MILLI).await;
            if let Some(id) = installed {
                rules.remove(&id);
            }
        }
    };
    let mut back = vec![0; sent.len()];
    let (written, (), got) =
        tokio::join!(writing, changing, timeout(PATIENCE, read.read_exact(&mut back)));
    got.unwrap().unwrap();
    assert_eq!(written, sent.len());
    assert!(back == sent, "other bytes came back");
    proxy.shutdown().await;
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn bytes_come_back_exact_in_any_weather(
        writes in proptest::collection::vec(1_usize..100_000, 1..8),
        changes in proptest::collection::vec(weather(), 0..6),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(bytes_come_back_exact(writes, changes));
    }
}

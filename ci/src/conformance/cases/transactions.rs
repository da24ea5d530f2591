//! Transactions: their life, their fences, what readers see, and offsets within them.

use kafka_protocol::messages::*;
use std::time::Duration;

use super::committed::fetch;
use super::groups::{group, settled};
use super::{Case, case};
use crate::conformance::batch::Batch;
use crate::conformance::context::{Context, TRANSACTION};
use crate::conformance::names::{error, text};
use crate::conformance::records::produce_request;

use super::producer::{Producer, init, init_request, readers, stable};
/// One transaction with two records, ended so.
fn simple(c: &mut Context<'_>, commit: bool) -> anyhow::Result<()> {
    let topic = c.topic("t", 1)?;
    let producer = Producer::new(c)?;
    let added = producer.add(c, &topic, 0)?;
    c.see(added);
    let written = producer.write(c, &topic, 0, 2)?;
    c.see(written);
    let open = c.read_committed(&topic, 0)?;
    c.see(format!("open {open}"));
    producer.describe(c)?;
    producer.finish(c, commit)?;
    readers(c, &topic)?;
    producer.describe(c)
}

pub(crate) const CASES: &[Case] = &[
    case(
        "transactions/a producer begins and begins again",
        |c| {
            let id = c.name("x");
            let coordinator = c.coordinator(TRANSACTION, &id)?;
            for _ in 0..3 {
                let answer = init(c, coordinator, &init_request(&id, 60_000))?;
                c.see(format!("{} epoch {}", error(answer.error_code), answer.producer_epoch));
            }
            Ok(())
        },
        &["NONE epoch 0", "NONE epoch 1", "NONE epoch 2"],
    ),
    case(
        "transactions/impossible timeouts and ids",
        |c| {
            let id = c.name("x");
            let coordinator = c.coordinator(TRANSACTION, &id)?;
            for (id, timeout_ms) in [(&*id, 0), (&*id, -1), (&*id, 900_001), ("", 60_000)] {
                let answer = init(c, coordinator, &init_request(id, timeout_ms))?;
                c.see(error(answer.error_code));
            }
            Ok(())
        },
        &[
            "INVALID_TRANSACTION_TIMEOUT",
            "INVALID_TRANSACTION_TIMEOUT",
            "INVALID_TRANSACTION_TIMEOUT",
            "INVALID_REQUEST",
        ],
    ),
    case(
        "transactions/at a broker that does not coordinate",
        |c| {
            let mut producer = Producer::new(c)?;
            let coordinator = producer.coordinator;
            let other =
                c.brokers().into_iter().find(|&id| id != coordinator).unwrap_or(coordinator);
            producer.coordinator = other;
            let answer = init(c, other, &init_request(&producer.id, 60_000))?;
            c.see(error(answer.error_code));
            producer.finish(c, true)?;
            producer.describe(c)
        },
        &["NOT_COORDINATOR", "commit NOT_COORDINATOR", "NOT_COORDINATOR  0 epoch 0 []"],
    ),
    case(
        "transactions/an old producer asks for a new epoch",
        |c| {
            let producer = Producer::new(c)?;
            let (id, epoch) = producer.producer;
            for (id, epoch) in [(id, epoch), (id, epoch), (id, epoch + 5), (id + 999, 0)] {
                let request = init_request(&producer.id, 60_000);
                let request = request.with_producer_id(ProducerId(id)).with_producer_epoch(epoch);
                let answer = init(c, producer.coordinator, &request)?;
                c.see(format!("{} epoch {}", error(answer.error_code), answer.producer_epoch));
            }
            Ok(())
        },
        &["NONE epoch 1", "NONE epoch 1", "PRODUCER_FENCED epoch -1", "PRODUCER_FENCED epoch -1"],
    ),
    case(
        "transactions/committed",
        |c| simple(c, true),
        &[
            "NONE",
            "NONE at 0, log from 0",
            "open NONE [] up to 0/2, log from 0, aborted from []",
            "NONE Ongoing 60000 epoch 0 [\"t [0]\"]",
            "commit NONE",
            "all NONE [0-1, control 2-2] up to 3/3, log from 0",
            "committed NONE [0-1, control 2-2] up to 3/3, log from 0, aborted from []",
            "NONE CompleteCommit 60000 epoch 0 []",
        ],
    ),
    case(
        "transactions/aborted",
        |c| simple(c, false),
        &[
            "NONE",
            "NONE at 0, log from 0",
            "open NONE [] up to 0/2, log from 0, aborted from []",
            "NONE Ongoing 60000 epoch 0 [\"t [0]\"]",
            "abort NONE",
            "all NONE [0-1, control 2-2] up to 3/3, log from 0",
            "committed NONE [0-1, control 2-2] up to 3/3, log from 0, aborted from [0]",
            "NONE CompleteAbort 60000 epoch 0 []",
        ],
    ),
    case(
        "transactions/nothing to end",
        |c| {
            let producer = Producer::new(c)?;
            producer.finish(c, true)?;
            producer.finish(c, false)
        },
        &["commit INVALID_TXN_STATE", "abort INVALID_TXN_STATE"],
    ),
    case(
        "transactions/ended twice and the other way",
        |c| {
            let topic = c.topic("t", 1)?;
            let producer = Producer::new(c)?;
            producer.add(c, &topic, 0)?;
            producer.write(c, &topic, 0, 1)?;
            producer.finish(c, true)?;
            readers(c, &topic)?;
            producer.finish(c, true)?;
            producer.finish(c, false)
        },
        &[
            "commit NONE",
            "all NONE [0-0, control 1-1] up to 2/2, log from 0",
            "committed NONE [0-0, control 1-1] up to 2/2, log from 0, aborted from []",
            "commit NONE",
            "abort INVALID_TXN_STATE",
        ],
    ),
    case(
        "transactions/a partition that was not added",
        |c| {
            let topic = c.topic("t", 1)?;
            let producer = Producer::new(c)?;
            let written = producer.write(c, &topic, 0, 1)?;
            c.see(written);
            Ok(())
        },
        &["TRANSACTION_ABORTABLE at -1, log from -1"],
    ),
    case(
        "transactions/an unknown partition is added",
        |c| {
            let topic = c.topic("t", 1)?;
            let producer = Producer::new(c)?;
            let added = producer.add(c, &topic, 7)?;
            c.see(added);
            let added = producer.add(c, "no-such-topic", 0)?;
            c.see(added);
            Ok(())
        },
        &["UNKNOWN_TOPIC_OR_PARTITION", "UNKNOWN_TOPIC_OR_PARTITION"],
    ),
    case(
        "transactions/a record outside of the transaction",
        |c| {
            let topic = c.topic("t", 1)?;
            let producer = Producer::new(c)?;
            producer.add(c, &topic, 0)?;
            producer.write(c, &topic, 0, 1)?;
            let plain = c.write(&topic, 0, Batch::of(3).bytes())?;
            c.see(plain);
            let open = c.read_committed(&topic, 0)?;
            c.see(open);
            let leader = c.leader(&topic, 0)?;
            let latest = c.list_offset(leader, &topic, 0, -1)?.2;
            c.see(latest);
            producer.finish(c, false)?;
            readers(c, &topic)
        },
        &[
            "NONE at 1, log from 0",
            "NONE [] up to 0/4, log from 0, aborted from []",
            "4",
            "abort NONE",
            "all NONE [0-0, 1-3, control 4-4] up to 5/5, log from 0",
            "committed NONE [0-0, 1-3, control 4-4] up to 5/5, log from 0, aborted from [0]",
        ],
    ),
    case(
        "transactions/two at once on one partition",
        |c| {
            let topic = c.topic("t", 1)?;
            let first = Producer::new(c)?;
            let id = c.name("y");
            let coordinator = c.coordinator(TRANSACTION, &id)?;
            let answer = init(c, coordinator, &init_request(&id, 60_000))?;
            let producer = (answer.producer_id.0, answer.producer_epoch);
            let second = Producer { id, coordinator, producer };
            for producer in [&first, &second, &first] {
                producer.add(c, &topic, 0)?;
            }
            first.write(c, &topic, 0, 1)?;
            second.write(c, &topic, 0, 2)?;
            first.write(c, &topic, 1, 1)?;
            second.finish(c, false)?;
            c.until("the second's marker", |c| {
                let all = c.read(&topic, 0, 0)?;
                Ok(all.contains("control").then_some(()))
            })?;
            let open = c.read_committed(&topic, 0)?;
            c.see(open);
            first.finish(c, true)?;
            readers(c, &topic)
        },
        &[
            "abort NONE",
            "NONE [] up to 0/5, log from 0, aborted from []",
            "commit NONE",
            "all NONE [0-0, 1-2, 3-3, control 4-4, control 5-5] up to 6/6, log from 0",
            "committed NONE [0-0, 1-2, 3-3, control 4-4, control 5-5] up to 6/6, log from 0, aborted from [1]",
        ],
    ),
    case(
        "transactions/a zombie is fenced",
        |c| {
            let topic = c.topic("t", 1)?;
            let zombie = Producer::new(c)?;
            zombie.add(c, &topic, 0)?;
            zombie.write(c, &topic, 0, 2)?;
            let successor = Producer::new(c)?;
            c.see(format!("epochs {} {}", zombie.producer.1, successor.producer.1));
            readers(c, &topic)?;
            let written = zombie.write(c, &topic, 2, 1)?;
            c.see(written);
            let added = zombie.add(c, &topic, 0)?;
            c.see(added);
            zombie.finish(c, true)?;
            successor.add(c, &topic, 0)?;
            let written = successor.write(c, &topic, 0, 1)?;
            c.see(written);
            successor.finish(c, true)?;
            readers(c, &topic)
        },
        &[
            "epochs 0 2",
            "all NONE [0-1, control 2-2] up to 3/3, log from 0",
            "committed NONE [0-1, control 2-2] up to 3/3, log from 0, aborted from [0]",
            "INVALID_PRODUCER_EPOCH at -1, log from -1",
            "PRODUCER_FENCED",
            "commit PRODUCER_FENCED",
            "NONE at 3, log from 0",
            "commit NONE",
            "all NONE [0-1, control 2-2, 3-3, control 4-4] up to 5/5, log from 0",
            "committed NONE [0-1, control 2-2, 3-3, control 4-4] up to 5/5, log from 0, aborted from [0]",
        ],
    ),
    case(
        "transactions/a wrong producer id",
        |c| {
            let topic = c.topic("t", 1)?;
            let mut producer = Producer::new(c)?;
            producer.producer.0 += 1_000_000;
            let added = producer.add(c, &topic, 0)?;
            c.see(added);
            producer.finish(c, true)?;
            producer.id = c.name("nobody");
            producer.coordinator = c.coordinator(TRANSACTION, &producer.id.clone())?;
            producer.finish(c, true)?;
            producer.describe(c)
        },
        &[
            "INVALID_PRODUCER_ID_MAPPING",
            "commit INVALID_PRODUCER_ID_MAPPING",
            "commit INVALID_PRODUCER_ID_MAPPING",
            "TRANSACTIONAL_ID_NOT_FOUND  0 epoch 0 []",
        ],
    ),
    case(
        "transactions/one that takes too long is aborted",
        |c| {
            let topic = c.topic("t", 1)?;
            let producer = Producer::with_timeout(c, 300)?;
            producer.add(c, &topic, 0)?;
            producer.write(c, &topic, 0, 1)?;
            std::thread::sleep(Duration::from_secs(3));
            readers(c, &topic)?;
            producer.describe(c)?;
            producer.finish(c, true)
        },
        &[
            "all NONE [0-0, control 1-1] up to 2/2, log from 0",
            "committed NONE [0-0, control 1-1] up to 2/2, log from 0, aborted from [0]",
            "NONE CompleteAbort 300 epoch 1 []",
            "commit PRODUCER_FENCED",
        ],
    ),
    case(
        "transactions/as KIP-890 has it",
        |c| {
            let topic = c.topic("t", 1)?;
            let mut producer = Producer::new(c)?;
            for commit in [true, false] {
                let batch = Batch::idempotent(producer.producer, 0, 2).transactional();
                let written = c.until("written", |c| {
                    let answer = c.write_transactional(12, &producer.id, &topic, batch.bytes())?;
                    Ok((!answer.starts_with("CONCURRENT")).then_some(answer))
                })?;
                c.see(written);
                let answer = producer.end(c, 5, commit)?;
                let epoch = answer.producer_epoch;
                c.see(format!("{} epoch {epoch}", error(answer.error_code)));
                let again = producer.end(c, 5, commit)?;
                c.see(format!("again {} epoch {}", error(again.error_code), again.producer_epoch));
                producer.producer = (answer.producer_id.0, epoch);
            }
            readers(c, &topic)?;
            let empty = producer.end(c, 5, false)?;
            c.see(format!("nothing {} epoch {}", error(empty.error_code), empty.producer_epoch));
            Ok(())
        },
        &[
            "NONE at 0, log from 0",
            "NONE epoch 1",
            "again NONE epoch 1",
            "NONE at 3, log from 0",
            "NONE epoch 2",
            "again NONE epoch 2",
            "all NONE [0-1, control 2-2, 3-4, control 5-5] up to 6/6, log from 0",
            "committed NONE [0-1, control 2-2, 3-4, control 5-5] up to 6/6, log from 0, aborted from [3]",
            "nothing NONE epoch 3",
        ],
    ),
    case(
        "transactions/offsets are seen once committed",
        |c| {
            let (group, broker) = group(c)?;
            let topic = c.topic("t", 1)?;
            for commit in [true, false] {
                let producer = Producer::new(c)?;
                producer.add_group(c, &group)?;
                let offset = if commit { 5 } else { 9 };
                producer.commit_offset(c, (&group, "", -1), &topic, offset)?;
                fetch(c, broker, &group, Some(&[(&topic, &[0])]), false)?;
                fetch(c, broker, &group, Some(&[(&topic, &[0])]), true)?;
                producer.finish(c, commit)?;
                c.until("no pending offset", |c| stable(c, broker, &group, &topic))?;
                fetch(c, broker, &group, Some(&[(&topic, &[0])]), true)?;
            }
            Ok(())
        },
        &[
            "group NONE",
            "offset 5 NONE",
            "fetch NONE",
            "t 0: -1 -1 Some(\"\") NONE",
            "fetch NONE",
            "t 0: -1 -1 Some(\"\") UNSTABLE_OFFSET_COMMIT",
            "commit NONE",
            "fetch NONE",
            "t 0: 5 -1 Some(\"\") NONE",
            "group NONE",
            "offset 9 NONE",
            "fetch NONE",
            "t 0: 5 -1 Some(\"\") NONE",
            "fetch NONE",
            "t 0: -1 -1 Some(\"\") UNSTABLE_OFFSET_COMMIT",
            "abort NONE",
            "fetch NONE",
            "t 0: 5 -1 Some(\"\") NONE",
        ],
    ),
    case(
        "transactions/offsets of members that are not",
        |c| {
            let (group, broker) = group(c)?;
            let topic = c.topic("t", 1)?;
            let (member, generation) = settled(c, &group, broker)?;
            let producer = Producer::new(c)?;
            producer.add_group(c, &group)?;
            let who =
                [("who", generation), (&*member, generation + 1), (&*member, generation), ("", -1)];
            for (offset, who) in (1..).zip(who) {
                producer.commit_offset(c, (&group, who.0, who.1), &topic, offset)?;
            }
            producer.finish(c, true)
        },
        &[
            "group NONE",
            "offset 1 UNKNOWN_MEMBER_ID",
            "offset 2 ILLEGAL_GENERATION",
            "offset 3 NONE",
            "offset 4 NONE",
            "commit NONE",
        ],
    ),
    case(
        "transactions/offsets without the group added",
        |c| {
            let (group, _) = group(c)?;
            let topic = c.topic("t", 1)?;
            let producer = Producer::new(c)?;
            producer.commit_offset(c, (&group, "", -1), &topic, 5)
        },
        &["offset 5 INVALID_TXN_STATE"],
    ),
    case(
        "transactions/listed",
        |c| {
            let topic = c.topic("t", 1)?;
            let producer = Producer::new(c)?;
            producer.add(c, &topic, 0)?;
            for states in [vec![], vec!["Ongoing"], vec!["Empty"], vec!["Strange"]] {
                let request = ListTransactionsRequest::default()
                    .with_state_filters(states.iter().map(|state| text(state)).collect());
                let answer = c.ask(producer.coordinator, 1, &request)?;
                let mut ours = answer.transaction_states.iter();
                let ours = ours.find(|one| *one.transactional_id.0 == *producer.id);
                let ours = ours.map(|one| one.transaction_state.to_string());
                let unknown: Vec<String> =
                    answer.unknown_state_filters.iter().map(|state| state.to_string()).collect();
                c.see(format!("{} {ours:?} {unknown:?}", error(answer.error_code)));
            }
            producer.finish(c, false)
        },
        &[
            "NONE Some(\"Ongoing\") []",
            "NONE Some(\"Ongoing\") []",
            "NONE None []",
            "NONE None [\"Strange\"]",
            "abort NONE",
        ],
    ),
    case(
        "transactions/a plain batch of a transactional producer",
        |c| {
            let topic = c.topic("t", 1)?;
            let producer = Producer::new(c)?;
            producer.add(c, &topic, 0)?;
            producer.write(c, &topic, 0, 1)?;
            let leader = c.leader(&topic, 0)?;
            let batch = Batch::idempotent(producer.producer, 1, 1);
            let request = produce_request(-1, &topic, 0, batch.bytes());
            let answer = c.ask(leader, 11, &request)?;
            c.see(error(answer.responses[0].partition_responses[0].error_code));
            producer.finish(c, true)?;
            readers(c, &topic)
        },
        &[
            "INVALID_TXN_STATE",
            "commit NONE",
            "all NONE [0-0, control 1-1] up to 2/2, log from 0",
            "committed NONE [0-0, control 1-1] up to 2/2, log from 0, aborted from []",
        ],
    ),
];

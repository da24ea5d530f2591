//! Producers with an id: sequences, duplicates, epochs.

use kafka_protocol::messages::*;

use super::{Case, case};
use crate::conformance::batch::Batch;
use crate::conformance::context::Context;
use crate::conformance::names::error;

/// What a broker answers once it has ids to give.
fn answer(
    c: &mut Context<'_>,
    request: &InitProducerIdRequest,
) -> anyhow::Result<InitProducerIdResponse> {
    c.until("a producer id", |c| {
        let broker = c.living()?;
        let answer = c.ask(broker, 4, request)?;
        let loading = error(answer.error_code) == "COORDINATOR_LOAD_IN_PROGRESS";
        Ok((!loading).then_some(answer))
    })
}

/// A new producer id with its epoch.
pub(crate) fn producer(c: &mut Context<'_>) -> anyhow::Result<(i64, i16)> {
    let request = InitProducerIdRequest::default()
        .with_transactional_id(None)
        .with_producer_id(ProducerId(-1))
        .with_producer_epoch(-1)
        .with_transaction_timeout_ms(60_000);
    let answer = answer(c, &request)?;
    Ok((answer.producer_id.0, answer.producer_epoch))
}

/// Batches (epoch above the producer's own, first sequence, records) written one after another.
fn write(c: &mut Context<'_>, batches: &[(i16, i32, usize)]) -> anyhow::Result<()> {
    let topic = c.topic("t", 1)?;
    let (id, epoch) = producer(c)?;
    for &(above, sequence, records) in batches {
        let batch = Batch::idempotent((id, epoch + above), sequence, records);
        let answer = c.write(&topic, 0, batch.bytes())?;
        c.see(answer);
    }
    Ok(())
}

/// Asks for a producer id with these fields and notes the error and the epoch.
fn init(c: &mut Context<'_>, id: i64, epoch: i16, timeout_ms: i32) -> anyhow::Result<()> {
    let request = InitProducerIdRequest::default()
        .with_transactional_id(None)
        .with_producer_id(ProducerId(id))
        .with_producer_epoch(epoch)
        .with_transaction_timeout_ms(timeout_ms);
    let answer = answer(c, &request)?;
    c.see(format!("{} epoch {}", error(answer.error_code), answer.producer_epoch));
    Ok(())
}

pub(crate) const CASES: &[Case] = &[
    case(
        "idempotence/a producer id without a transaction",
        |c| init(c, -1, -1, 0),
        &["NONE epoch 0"],
    ),
    case(
        "idempotence/a producer id with an id of the client",
        |c| init(c, 5, 3, 1000),
        &["NONE epoch 0"],
    ),
    case(
        "idempotence/an id without an epoch",
        |c| init(c, 5, -1, 1000),
        &["INVALID_REQUEST epoch -1"],
    ),
    case(
        "idempotence/an epoch without an id",
        |c| init(c, -1, 5, 1000),
        &["INVALID_REQUEST epoch -1"],
    ),
    case(
        "idempotence/sequences in order",
        |c| write(c, &[(0, 0, 3), (0, 3, 2), (0, 5, 1)]),
        &["NONE at 0, log from 0", "NONE at 3, log from 0", "NONE at 5, log from 0"],
    ),
    case(
        "idempotence/the last batch again",
        |c| write(c, &[(0, 0, 3), (0, 0, 3)]),
        &["NONE at 0, log from 0", "NONE at 0, log from 0, stamped by the broker"],
    ),
    case(
        "idempotence/the fifth batch before the last again",
        |c| write(c, &[(0, 0, 1), (0, 1, 1), (0, 2, 1), (0, 3, 1), (0, 4, 1), (0, 0, 1)]),
        &[
            "NONE at 0, log from 0",
            "NONE at 1, log from 0",
            "NONE at 2, log from 0",
            "NONE at 3, log from 0",
            "NONE at 4, log from 0",
            "NONE at 0, log from 0, stamped by the broker",
        ],
    ),
    case(
        "idempotence/the sixth batch before the last again",
        |c| {
            let all = [(0, 0, 1), (0, 1, 1), (0, 2, 1), (0, 3, 1), (0, 4, 1), (0, 5, 1), (0, 0, 1)];
            write(c, &all)
        },
        &[
            "NONE at 0, log from 0",
            "NONE at 1, log from 0",
            "NONE at 2, log from 0",
            "NONE at 3, log from 0",
            "NONE at 4, log from 0",
            "NONE at 5, log from 0",
            "OUT_OF_ORDER_SEQUENCE_NUMBER at -1, log from 0",
        ],
    ),
    case(
        "idempotence/a part of the last batch again",
        |c| write(c, &[(0, 0, 3), (0, 1, 2)]),
        &["NONE at 0, log from 0", "OUT_OF_ORDER_SEQUENCE_NUMBER at -1, log from 0"],
    ),
    case(
        "idempotence/a gap",
        |c| write(c, &[(0, 0, 2), (0, 3, 1), (0, 2, 1)]),
        &[
            "NONE at 0, log from 0",
            "OUT_OF_ORDER_SEQUENCE_NUMBER at -1, log from 0",
            "NONE at 2, log from 0",
        ],
    ),
    case(
        "idempotence/an unknown producer starts in the middle",
        |c| write(c, &[(0, 7, 2), (0, 9, 1)]),
        &["NONE at 0, log from 0", "NONE at 2, log from 0"],
    ),
    case(
        "idempotence/a new epoch starts at 0",
        |c| write(c, &[(0, 0, 2), (1, 0, 1), (1, 1, 1)]),
        &["NONE at 0, log from 0", "NONE at 2, log from 0", "NONE at 3, log from 0"],
    ),
    case(
        "idempotence/a new epoch that does not start at 0",
        |c| write(c, &[(0, 0, 2), (1, 2, 1)]),
        &["NONE at 0, log from 0", "OUT_OF_ORDER_SEQUENCE_NUMBER at -1, log from 0"],
    ),
    case(
        "idempotence/an old epoch",
        |c| write(c, &[(1, 0, 2), (0, 0, 1)]),
        &["NONE at 0, log from 0", "INVALID_PRODUCER_EPOCH at -1, log from 0"],
    ),
    case(
        "idempotence/sequences wrap",
        |c| write(c, &[(0, i32::MAX - 1, 3), (0, 1, 2)]),
        &["NONE at 0, log from 0", "NONE at 3, log from 0"],
    ),
    case(
        "idempotence/a negative sequence",
        |c| write(c, &[(0, -1, 1)]),
        &["INVALID_RECORD at -1, log from 0"],
    ),
    case(
        "idempotence/acks one",
        |c| {
            let topic = c.topic("t", 1)?;
            let leader = c.leader(&topic, 0)?;
            let producer = producer(c)?;
            for sequence in [0, 0, 4] {
                let batch = Batch::idempotent(producer, sequence, 2).bytes();
                let answer = c.produce(leader, 1, &topic, 0, batch)?;
                c.see(answer);
            }
            Ok(())
        },
        &[
            "NONE at 0, log from 0",
            "NONE at 0, log from 0, stamped by the broker",
            "OUT_OF_ORDER_SEQUENCE_NUMBER at -1, log from 0",
        ],
    ),
    case(
        "idempotence/two partitions count apart",
        |c| {
            let topic = c.topic("t", 2)?;
            let producer = producer(c)?;
            for (partition, sequence) in [(0, 0), (1, 0), (0, 2), (1, 5)] {
                let batch = Batch::idempotent(producer, sequence, 2).bytes();
                let answer = c.write(&topic, partition, batch)?;
                c.see(answer);
            }
            Ok(())
        },
        &[
            "NONE at 0, log from 0",
            "NONE at 0, log from 0",
            "NONE at 2, log from 0",
            "OUT_OF_ORDER_SEQUENCE_NUMBER at -1, log from 0",
        ],
    ),
    case(
        "idempotence/producers described",
        |c| {
            let topic = c.topic("t", 1)?;
            let producer = producer(c)?;
            c.write(&topic, 0, Batch::idempotent(producer, 0, 3).bytes())?;
            let leader = c.leader(&topic, 0)?;
            let asked = describe_producers_request::TopicRequest::default()
                .with_name(crate::conformance::names::topic_name(&topic))
                .with_partition_indexes(vec![0, 7]);
            let request = DescribeProducersRequest::default().with_topics(vec![asked]);
            let answer = c.ask(leader, 0, &request)?;
            for partition in &answer.topics[0].partitions {
                let producers = partition.active_producers.iter().map(|one| {
                    let (epoch, last) = (one.producer_epoch, one.last_sequence);
                    format!(
                        "{epoch} {last} {} {}",
                        one.coordinator_epoch, one.current_txn_start_offset
                    )
                });
                let producers: Vec<String> = producers.collect();
                let (index, code) = (partition.partition_index, error(partition.error_code));
                c.see(format!("{index} {code} {producers:?}"));
            }
            Ok(())
        },
        &["0 NONE [\"0 2 -1 -1\"]", "7 UNKNOWN_TOPIC_OR_PARTITION []"],
    ),
];

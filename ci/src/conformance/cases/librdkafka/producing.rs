//! librdkafka's idempotent producer.

use super::super::{Case, breaking, case};
use super::{LIMIT, producer, see_first_numbers, send};
use rdkafka::producer::Producer as _;

const IDEMPOTENT: &[(&str, &str)] =
    &[("enable.idempotence", "true"), ("linger.ms", "2"), ("message.timeout.ms", "60000")];

pub(crate) const CASES: &[Case] = &[
    case(
        "librdkafka/gzip and plain, two producers",
        |c| {
            let topic = c.topic("t", 3)?;
            for (first, compression) in [(0, "gzip"), (300, "none")] {
                let settings = [IDEMPOTENT, &[("compression.type", compression)]].concat();
                let producer = producer(c, &settings)?;
                send(&producer, &topic, 3, first..first + 300)?;
                producer.flush(LIMIT)?;
                c.see(producer.context().words());
            }
            see_first_numbers(c, &topic, 3)
        },
        &[
            "acknowledged 300 refused 0",
            "acknowledged 300 refused 0",
            "600 messages, each once and in order: true",
        ],
    ),
    breaking(
        "librdkafka/an idempotent producer while a leader dies",
        |c| {
            let topic = c.topic("t", 3)?;
            let producer = producer(c, IDEMPOTENT)?;
            send(&producer, &topic, 3, 0..300)?;
            producer.flush(LIMIT)?;
            let leader = c.leader(&topic, 0)?;
            send(&producer, &topic, 3, 300..600)?;
            c.subject.crash(leader)?;
            let sent = send(&producer, &topic, 3, 600..900);
            let sent = sent.and_then(|()| Ok(producer.flush(LIMIT)?));
            c.subject.restart(leader)?;
            sent?;
            c.see(producer.context().words());
            (0..3).try_for_each(|partition| c.in_sync(&topic, partition))?;
            see_first_numbers(c, &topic, 3)
        },
        &["acknowledged 900 refused 0", "900 messages, each once and in order: true"],
    ),
    breaking(
        "librdkafka/two leaders die one after the other",
        |c| {
            let topic = c.topic("t", 1)?;
            let producer = producer(c, IDEMPOTENT)?;
            for first in [0, 200] {
                send(&producer, &topic, 1, first..first + 100)?;
                let leader = c.leader(&topic, 0)?;
                c.subject.crash(leader)?;
                let sent = send(&producer, &topic, 1, first + 100..first + 200);
                let sent = sent.and_then(|()| Ok(producer.flush(LIMIT)?));
                c.subject.restart(leader)?;
                sent?;
                c.in_sync(&topic, 0)?;
            }
            c.see(producer.context().words());
            see_first_numbers(c, &topic, 1)
        },
        &["acknowledged 400 refused 0", "400 messages, each once and in order: true"],
    ),
];

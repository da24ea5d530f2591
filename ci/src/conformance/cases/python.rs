//! What applications on kafka-python get; `ci/conformance.py` is the application.

use super::{Case, case};
use crate::conformance::context::Context;

fn python(c: &mut Context<'_>, subcommand: &str, partitions: i32) -> anyhow::Result<()> {
    let topic = c.topic("t", partitions)?;
    let (bootstrap, name) = (c.subject.bootstrap(), c.name("name"));
    let lines = c.tools.python(&[subcommand, &bootstrap, &name, &topic])?;
    lines.into_iter().for_each(|line| c.see(line));
    Ok(())
}

pub(crate) const CASES: &[Case] = &[
    case(
        "kafka-python/messages plain and with gzip",
        |c| python(c, "messages", 1),
        &[
            "None: offsets from 0 to 99",
            "gzip: offsets from 100 to 199",
            "50 b'key' b'None 50' [('name', b'None')] 1000000000050",
            "150 b'key' b'gzip 50' [('name', b'gzip')] 1000000000050",
            "ends 0 200",
        ],
    ),
    case(
        "kafka-python/seeks, times and commits",
        |c| python(c, "offsets", 1),
        &[
            "at 0 (0, 1000000000000)",
            "at 1000000004000 (4, 1000000004000)",
            "at 1000000004001 (5, 1000000005000)",
            "at 1000000009001 None",
            "after seek ['7', '8', '9']",
            "position 10 committed None",
            "committed 4 some metadata",
            "first 0",
            "end 10",
        ],
    ),
    case(
        "kafka-python/topics and settings",
        |c| python(c, "admin", 1),
        &[
            "create done",
            "create again TopicAlreadyExistsError",
            "bad name InvalidTopicError",
            "four replicas InvalidReplicationFactorError",
            "more partitions done",
            "fewer partitions InvalidPartitionsError",
            "partitions 3 replicas {3} internal False",
            "[('retention.ms', '9000000')]",
            "change done",
            "[('max.message.bytes', '5000'), ('retention.ms', '9000000')]",
            "bad change [Error 40] InvalidConfigurationError: Invalid value many for configuration \
             max.message.bytes: Not a number of type INT",
            "delete done",
            "delete again UnknownTopicOrPartitionError",
            "brokers 3",
        ],
    ),
    case(
        "kafka-python/a group of two",
        |c| python(c, "group", 4),
        &[
            "each of two owns two",
            "all was read",
            "the other owns four",
            "committed [100, 100, 100, 100]",
            "delete while it has members: {'name': 'NonEmptyGroupError'}",
            "delete when it is empty: {'name': 'OK'}",
        ],
    ),
];

"""The smallest worker that fulfils CONTRACT.md: pip install confluent-kafka."""

import os
import signal
import sys

from confluent_kafka import Consumer, KafkaException, Producer

if os.environ.get("KAFKA_PROCESSING_GUARANTEE", "at_least_once") != "at_least_once":
    sys.exit("this worker processes at least once, no more and no less")
running = True
failed = []
signal.signal(signal.SIGTERM, lambda *_: globals().update(running=False))
client = {
    "bootstrap.servers": os.environ["KAFKA_BOOTSTRAP_SERVERS"],
    "client.id": os.environ["KAFKA_CLIENT_ID"],
}
consumer = Consumer(client | {
    "group.id": os.environ["KAFKA_GROUP_ID"],
    "partition.assignment.strategy": "cooperative-sticky",
    "session.timeout.ms": int(os.environ.get("KAFKA_SESSION_TIMEOUT_MS", 45000)),
    "auto.offset.reset": "earliest",
    "enable.auto.commit": False,
})
producer = Producer(client | {
    "enable.idempotence": True,
    "linger.ms": int(os.environ.get("KAFKA_LINGER_MS", 5)),
})
consumer.subscribe([os.environ["KAFKA_SOURCE_TOPIC"]])
while running:
    records = [record for record in consumer.consume(500, 0.02) if not record.error()]
    for record in records:
        producer.produce(
            os.environ["KAFKA_RESULT_TOPIC"],
            key=record.key(),
            value=record.value(),  # your processing goes here
            headers=record.headers(),
            on_delivery=lambda error, _: failed.append(error) if error else None,
        )
    if producer.flush(60) or failed:  # results first, offsets after them
        sys.exit(f"results not delivered: {failed[:1]}")
    try:
        if records:
            consumer.commit(asynchronous=False)
    except KafkaException as error:  # after a rebalance; the records come again
        print(error, file=sys.stderr)
consumer.close()

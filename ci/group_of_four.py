"""A consumer group of four processes, one of which is killed: every message is read.

group_of_four.py kafka-python|confluent|confluent-consumer BOOTSTRAP TOPIC GROUP

The topic has 12 partitions. `confluent-consumer` asks for the group protocol of KIP-848.
"""

import collections
import json
import signal
import subprocess
import sys
import threading
import time

MEMBERS = 4
MESSAGES = 20_000
LIMIT_S = 60


def confluent_messages(bootstrap, topic, group, protocol):
    from confluent_kafka import Consumer

    settings = {
        "bootstrap.servers": bootstrap,
        "group.id": group,
        "auto.offset.reset": "earliest",
        "auto.commit.interval.ms": 200,
    }
    if protocol == "consumer":
        settings["group.protocol"] = "consumer"
    else:
        settings.update({"session.timeout.ms": 6000, "heartbeat.interval.ms": 500})
    consumer = Consumer(settings)
    consumer.subscribe([topic])
    while True:
        message = consumer.poll(1.0)
        if message is not None:
            if message.error():
                sys.exit(str(message.error()))
            yield message.partition(), message.value()


def python_messages(bootstrap, topic, group):
    from kafka import KafkaConsumer

    consumer = KafkaConsumer(
        topic,
        bootstrap_servers=bootstrap,
        group_id=group,
        auto_offset_reset="earliest",
        auto_commit_interval_ms=200,
        session_timeout_ms=6000,
        heartbeat_interval_ms=500,
    )
    for message in consumer:
        yield message.partition, message.value


def read(client, bootstrap, topic, group):
    """One member: prints the partition and the number of each message."""
    if client == "kafka-python":
        messages = python_messages(bootstrap, topic, group)
    else:
        protocol = "consumer" if client == "confluent-consumer" else "classic"
        messages = confluent_messages(bootstrap, topic, group, protocol)
    for partition, value in messages:
        print(partition, value.decode(), flush=True)


def produce(client, bootstrap, topic, numbers):
    if client == "kafka-python":
        from kafka import KafkaProducer

        producer = KafkaProducer(bootstrap_servers=bootstrap, acks="all", linger_ms=5)
        for number in numbers:
            producer.send(topic, value=str(number).encode(), partition=number % 12)
    else:
        from confluent_kafka import Producer

        producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 5})
        for number in numbers:
            producer.produce(topic, value=str(number).encode(), partition=number % 12)
            producer.poll(0)
    producer.flush()


class Member:
    def __init__(self, arguments, seen):
        command = [sys.executable, __file__, "read", *arguments]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.partitions = collections.Counter()
        self.seen = seen
        threading.Thread(target=self.follow, daemon=True).start()

    def follow(self):
        for line in self.process.stdout:
            if not line.endswith("\n"):
                return  # Killed while it wrote.
            partition, number = line.split()
            self.partitions[int(partition)] += 1
            self.seen[int(number)] += 1


def until(condition, what):
    end = time.monotonic() + LIMIT_S
    while not condition():
        if time.monotonic() > end:
            sys.exit(f"after {LIMIT_S} s: {what}")
        time.sleep(0.05)


def main(client, bootstrap, topic, group):
    seen = collections.Counter()
    members = [Member((client, bootstrap, topic, group), seen) for _ in range(MEMBERS)]
    try:
        sent = 0
        # Small steps until each member owns something, so that the group has formed.
        while not all(member.partitions for member in members):
            produce(client, bootstrap, topic, range(sent, sent + 120))
            sent += 120
            time.sleep(0.5)
            if sent > 120 * 2 * LIMIT_S:
                sys.exit("a member never got a partition")
        half = sent + (MESSAGES - sent) // 2
        produce(client, bootstrap, topic, range(sent, half))
        members[0].process.send_signal(signal.SIGKILL)
        for member in members[1:]:
            member.partitions.clear()
        produce(client, bootstrap, topic, range(half, MESSAGES))
        until(lambda: len(seen) == MESSAGES, f"{MESSAGES - len(seen)} messages were not read")
        owned = set().union(*(member.partitions for member in members[1:]))
        result = {"client": client, "read": len(seen), "partitions_of_survivors": len(owned)}
        print(json.dumps(result))
        if len(owned) != 12:
            sys.exit("the survivors do not own all partitions")
    finally:
        for member in members:
            member.process.kill()


if __name__ == "__main__":
    if sys.argv[1] == "read":
        read(*sys.argv[2:])
    else:
        main(*sys.argv[1:])

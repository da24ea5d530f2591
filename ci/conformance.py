"""What applications in Python see of a cluster, for ci/kafka-conformance.

conformance.py SUBCOMMAND BOOTSTRAP NAME [TOPIC] [PROTOCOL MECHANISM USER PASSWORD CERTIFICATE]

Prints one JSON array of lines that hold no times, ids or places. NAME is unique to the run; TOPIC
is one that exists. The rest is for `secured` and `confluent`;
MECHANISM may be empty.
"""

import contextlib
import json
import sys
import threading
import time

import confluent_kafka
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, OffsetAndMetadata, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import KafkaError

LIMIT_S = 60


def producer(bootstrap, **settings):
    return contextlib.closing(KafkaProducer(bootstrap_servers=bootstrap, acks="all", **settings))


def consumer(bootstrap, *topics, **settings):
    settings = {"auto_offset_reset": "earliest", "enable_auto_commit": False, **settings}
    return contextlib.closing(KafkaConsumer(*topics, bootstrap_servers=bootstrap, **settings))


def read(reader, count):
    """So many messages, in the order of their coming."""
    messages = []
    end = time.monotonic() + LIMIT_S
    while len(messages) < count:
        if time.monotonic() > end:
            sys.exit(f"{len(messages)} of {count} messages came within {LIMIT_S} s")
        for batch in reader.poll(timeout_ms=200).values():
            messages.extend(batch)
    return messages


def outcome(act):
    """The error's name or `done`."""
    try:
        act()
    except KafkaError as error:
        return type(error).__name__
    return "done"


def messages(bootstrap, name, topic):
    """Each compression that kafka-python has by itself; keys, headers and timestamps."""
    for compression in (None, "gzip"):
        with producer(bootstrap, compression_type=compression, linger_ms=20) as sender:
            sent = [
                sender.send(
                    topic,
                    key=b"key",
                    value=f"{compression} {number}".encode(),
                    headers=[("name", str(compression).encode())],
                    timestamp_ms=1_000_000_000_000 + number,
                    partition=0,
                )
                for number in range(100)
            ]
            offsets = [one.get(timeout=LIMIT_S).offset for one in sent]
            yield f"{compression}: offsets from {offsets[0]} to {offsets[-1]}"
    with consumer(bootstrap) as reader:
        place = TopicPartition(topic, 0)
        reader.assign([place])
        for one in read(reader, 200)[50::100]:
            yield f"{one.offset} {one.key} {one.value} {one.headers} {one.timestamp}"
        yield f"ends {reader.beginning_offsets([place])[place]} {reader.end_offsets([place])[place]}"


def offsets(bootstrap, name, topic):
    """Seeks, offsets for times, committed offsets without a group's membership."""
    place = TopicPartition(topic, 0)
    with producer(bootstrap) as sender:
        for number in range(10):
            stamp = 1_000_000_000_000 + 1000 * number
            sender.send(topic, value=b"%d" % number, partition=0, timestamp_ms=stamp).get(LIMIT_S)
    with consumer(bootstrap, group_id=name) as reader:
        reader.assign([place])
        for after in (0, 1_000_000_004_000, 1_000_000_004_001, 1_000_000_009_001):
            found = reader.offsets_for_times({place: after})[place]
            yield f"at {after} {found and (found.offset, found.timestamp)}"
        reader.seek(place, 7)
        yield f"after seek {[message.value.decode() for message in read(reader, 3)]}"
        yield f"position {reader.position(place)} committed {reader.committed(place)}"
        reader.commit({place: OffsetAndMetadata(4, "some metadata", -1)})
        committed = reader.committed(place, metadata=True)
        yield f"committed {committed.offset} {committed.metadata}"
        reader.seek_to_beginning(place)
        yield f"first {read(reader, 1)[0].value.decode()}"
        reader.seek_to_end(place)
        yield f"end {reader.position(place)}"


def admin(bootstrap, name, topic):
    """Topics and settings are made, described, changed, deleted."""
    with contextlib.closing(KafkaAdminClient(bootstrap_servers=bootstrap)) as client:
        configs = {"retention.ms": "9000000"}
        wanted = {"num_partitions": 2, "replication_factor": 3, "configs": configs}
        topics = {name: wanted}
        made = outcome(lambda: client.create_topics(topics, wait_for_metadata=True))
        yield f"create {made}"
        yield f"create again {outcome(lambda: client.create_topics(topics))}"
        yield f"bad name {outcome(lambda: client.create_topics({'a b': wanted}))}"
        four = {f"{name}-4": {**wanted, "replication_factor": 4}}
        yield f"four replicas {outcome(lambda: client.create_topics(four))}"
        yield f"more partitions {outcome(lambda: client.create_partitions({name: 3}))}"
        yield f"fewer partitions {outcome(lambda: client.create_partitions({name: 1}))}"
        yield described(client, name)
        yield str(settings(client, name))
        change = ConfigResource(ConfigResourceType.TOPIC, name, {"max.message.bytes": "5000"})
        yield f"change {outcome(lambda: client.alter_configs([change]))}"
        yield str(settings(client, name))
        change = ConfigResource(ConfigResourceType.TOPIC, name, {"max.message.bytes": "many"})
        yield f"bad change {client.alter_configs([change])['topic'][name]}"
        yield f"delete {outcome(lambda: client.delete_topics([name]))}"
        yield f"delete again {outcome(lambda: client.delete_topics([name]))}"
        yield f"brokers {len(client.describe_cluster()['brokers'])}"


def described(client, name):
    end = time.monotonic() + LIMIT_S
    while time.monotonic() < end:
        topic = client.describe_topics([name])[0]
        parts = topic["partitions"]
        if len(parts) == 3:
            kept = {len(part["replica_nodes"]) for part in parts}
            return f"partitions {len(parts)} replicas {kept} internal {topic['is_internal']}"
        time.sleep(0.05)
    sys.exit("the third partition does not come")


def settings(client, name):
    found = client.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name)])
    (kind,) = found.values()
    return sorted((key, data["value"]) for key, data in kind[name].items())


def group(bootstrap, name, topic):
    """Two members share four partitions; one leaves; what is read is committed."""
    with producer(bootstrap) as sender:
        for number in range(400):
            sender.send(topic, value=b"%d" % number, partition=number % 4)
        sender.flush(LIMIT_S)
    seen, owned, stop = [], [set(), set()], [threading.Event(), threading.Event()]

    def member(number):
        settings = {"group_id": name, "session_timeout_ms": 6000, "heartbeat_interval_ms": 300}
        with consumer(bootstrap, topic, **settings) as reader:
            while not stop[number].is_set():
                for batch in reader.poll(timeout_ms=100).values():
                    seen.extend(int(message.value) for message in batch)
                owned[number] = {place.partition for place in reader.assignment()}
                with contextlib.suppress(KafkaError):
                    reader.commit()

    threads = [threading.Thread(target=member, args=(number,), daemon=True) for number in (0, 1)]
    for thread in threads:
        thread.start()
    until(lambda: [len(one) for one in owned] == [2, 2] and len(owned[0] | owned[1]) == 4)
    yield "each of two owns two"
    until(lambda: set(seen) == set(range(400)))
    yield "all was read"
    stop[1].set()
    until(lambda: len(owned[0]) == 4)
    yield "the other owns four"
    with contextlib.closing(KafkaAdminClient(bootstrap_servers=bootstrap)) as client:
        until(lambda: sum(committed(client, name)) == 400)
        yield f"committed {sorted(committed(client, name))}"
        yield f"delete while it has members: {client.delete_groups([name])}"
        stop[0].set()
        for thread in threads:
            thread.join(LIMIT_S)
        yield f"delete when it is empty: {client.delete_groups([name])}"


def committed(client, name):
    found = client.list_group_offsets({name: None})
    return [offset.offset for offset in found[name].values()]


def secured(bootstrap, name, topic, protocol, mechanism, user, password, certificate):
    """Messages go through a group with TLS or a password."""
    way = {"security_protocol": protocol, "ssl_cafile": certificate}
    if mechanism:
        way.update(sasl_mechanism=mechanism, sasl_plain_username=user, sasl_plain_password=password)
    with producer(bootstrap, **way) as sender:
        sent = [sender.send(topic, value=b"%d" % number) for number in range(100)]
        sent = [one.get(timeout=LIMIT_S) for one in sent]
    with consumer(bootstrap, topic, group_id=name, **way) as reader:
        values = {int(message.value) for message in read(reader, 100)}
        reader.commit()
    yield f"{len(sent)} messages sent, {len(values)} read"


def confluent(bootstrap, name, topic, protocol, mechanism, user, password, certificate):
    """The same through librdkafka, which also tells what is wrong with a password."""
    way = {
        "bootstrap.servers": bootstrap,
        "security.protocol": protocol,
        "ssl.ca.location": certificate,
    }
    if mechanism:
        way.update({"sasl.mechanism": mechanism, "sasl.username": user, "sasl.password": password})
    sender = confluent_kafka.Producer(way)
    for number in range(100):
        sender.produce(topic, b"%d" % number)
    left = sender.flush(LIMIT_S)
    reader = confluent_kafka.Consumer({**way, "group.id": name, "auto.offset.reset": "earliest"})
    reader.subscribe([topic])
    values = set()

    def all_read():
        values.update(int(one.value()) for one in reader.consume(100, 0.1) if not one.error())
        return len(values) == 100

    until(all_read)
    reader.close()
    yield f"{100 - left} messages sent, {len(values)} read"
    if mechanism:
        errors = []
        wrong = {**way, "sasl.password": "wrong", "error_cb": errors.append}
        stranger = confluent_kafka.Producer(wrong)

        def refused():
            stranger.poll(0.1)
            return errors

        until(refused)
        yield errors[0].name()
        yield errors[0].str().split("error: ")[1].split(" (after")[0]


def until(condition):
    end = time.monotonic() + LIMIT_S
    while not condition():
        if time.monotonic() > end:
            sys.exit(f"not within {LIMIT_S} s")
        time.sleep(0.05)


if __name__ == "__main__":
    subcommand, *arguments = sys.argv[1:]
    print(json.dumps(list(globals()[subcommand](*arguments))))

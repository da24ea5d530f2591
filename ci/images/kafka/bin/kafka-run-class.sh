#!/usr/bin/env bash
# Runs a class of Kafka, or the one that the name of a link to this script stands for.
case $(basename "$0") in
kafka-server-start.sh) set -- kafka.Kafka "$@" ;;
kafka-storage.sh) set -- kafka.tools.StorageTool "$@" ;;
kafka-topics.sh) set -- org.apache.kafka.tools.TopicCommand "$@" ;;
kafka-consumer-groups.sh) set -- org.apache.kafka.tools.consumer.group.ConsumerGroupCommand "$@" ;;
kafka-producer-perf-test.sh) set -- org.apache.kafka.tools.ProducerPerformance "$@" ;;
kafka-consumer-perf-test.sh) set -- org.apache.kafka.tools.ConsumerPerformance "$@" ;;
esac
archive=/opt/kafka/config/classes.jsa
[ ! -e "$archive" ] || sharing=-XX:SharedArchiveFile=$archive
# shellcheck disable=SC2086
exec java ${KAFKA_HEAP_OPTS:--Xmx256m} ${KAFKA_JVM_PERFORMANCE_OPTS:-} ${KAFKA_OPTS:-} ${sharing:-} \
    -cp '/opt/kafka/libs/*' "$@"

"""Asks the broker, by a client that is not K2I's, and prints the answer as JSON.

create-topic TOPIC PARTITIONS [REPLICAS [SETTING=VALUE...]]   delete-topic TOPIC   describe TOPIC   ends TOPIC
committed GROUP TOPIC
add-partitions TOPIC PARTITIONS   delete-records TOPIC PARTITION OFFSET   send TOPIC PARTITION VALUES
leaders TOPIC   grant USER OPERATION KIND NAME   revoke USER OPERATION KIND NAME

VALUES is a JSON list of texts, each a record's value as it stands, and nulls, each a record without a value; the answer
is their offsets.
"""

import json
import sys
import time

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicCollection, TopicPartition
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    NewPartitions,
    NewTopic,
    OffsetSpec,
    ResourcePatternType,
    ResourceType,
)

SECONDS = 30
LOADING = (KafkaError.COORDINATOR_LOAD_IN_PROGRESS, KafkaError.COORDINATOR_NOT_AVAILABLE, KafkaError.NOT_COORDINATOR)


def partitions_of(admin: AdminClient, topic: str) -> list[TopicPartition]:
    found = admin.list_topics(topic, timeout=SECONDS).topics[topic]
    if found.error is not None:
        raise KafkaException(found.error)
    return [TopicPartition(topic, number) for number in sorted(found.partitions)]


def describe(admin: AdminClient, topic: str):
    cluster = admin.describe_cluster(request_timeout=SECONDS).result()
    found = admin.describe_topics(TopicCollection([topic]), request_timeout=SECONDS)[topic].result()
    return {"cluster_id": cluster.cluster_id, "topic_id": str(found.topic_id), "partitions": len(found.partitions)}


def leaders(admin: AdminClient, topic: str):
    # Any broker knows; a question of the admin's would wait for the controller, which may be the one that just died.
    found = admin.list_topics(topic, timeout=SECONDS).topics[topic]
    if found.error is not None:
        raise KafkaException(found.error)
    return {str(one.id): [one.leader, len(one.isrs)] for one in found.partitions.values()}


def grant(admin: AdminClient, user: str, operation: str, kind: str, name: str):
    [(_, granted)] = admin.create_acls([AclBinding(*right(user, operation, kind, name))], request_timeout=SECONDS).items()
    granted.result()
    return {}


def revoke(admin: AdminClient, user: str, operation: str, kind: str, name: str):
    asked = AclBindingFilter(*right(user, operation, kind, name))
    [(_, revoked)] = admin.delete_acls([asked], request_timeout=SECONDS).items()
    return {"revoked": len(revoked.result())}


def right(user: str, operation: str, kind: str, name: str):
    exactly, allow = ResourcePatternType.LITERAL, AclPermissionType.ALLOW
    return ResourceType[kind], name, exactly, f"User:{user}", "*", AclOperation[operation], allow


def create_topic(admin: AdminClient, topic: str, partitions: str, replicas: str = "1", *settings: str):
    config = dict(setting.split("=", 1) for setting in settings)
    deadline = time.monotonic() + SECONDS
    while True:  # a topic that was just deleted may still be there for a moment
        try:
            new = NewTopic(topic, int(partitions), int(replicas), config=config)
            admin.create_topics([new], request_timeout=SECONDS)[topic].result()
            break
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS or time.monotonic() > deadline:
                raise
        time.sleep(0.05)
    while True:  # created is not yet led: a producer would wait, a test would time the wrong thing
        try:
            described = describe(admin, topic)
            if described["partitions"] == int(partitions) and len(ends(admin, topic)) == int(partitions):
                return described
        except KafkaException:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.05)


def delete_topic(admin: AdminClient, topic: str):
    admin.delete_topics([topic], request_timeout=SECONDS)[topic].result()
    return {}


def add_partitions(admin: AdminClient, topic: str, partitions: str):
    admin.create_partitions([NewPartitions(topic, int(partitions))], request_timeout=SECONDS)[topic].result()
    return {}


def delete_records(admin: AdminClient, topic: str, partition: str, offset: str):
    asked = TopicPartition(topic, int(partition), int(offset))
    [(_, deleted)] = admin.delete_records([asked], request_timeout=SECONDS).items()
    return {"low_watermark": deleted.result().low_watermark}


def send(admin: AdminClient, topic: str, partition: str, values: str):
    producer = Producer({"bootstrap.servers": bootstrap, "enable.idempotence": True})
    offsets, refused = [], []

    def delivered(error, message):
        if error is None:
            offsets.append(message.offset())
        else:
            refused.append(str(error))

    for value in json.loads(values):
        producer.produce(topic, value=value, partition=int(partition), on_delivery=delivered)
    left = producer.flush(SECONDS)
    if refused or left:
        sys.exit(f"{left} records are still queued, refused: {refused[:3]}")
    return offsets


def ends(admin: AdminClient, topic: str):
    asked = {partition: OffsetSpec.latest() for partition in partitions_of(admin, topic)}
    answers = admin.list_offsets(asked, request_timeout=SECONDS)
    return {str(partition.partition): answer.result().offset for partition, answer in answers.items()}


def committed(admin: AdminClient, group: str, topic: str):
    # Not the admin's call: where the broker still loads its groups, confluent-kafka 2.16 at times ends in it by a
    # segmentation fault. A consumer does not join the group as long as it does not subscribe.
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": group})
    deadline = time.monotonic() + SECONDS
    try:
        while True:  # a broker that has just started loads its groups at the first question
            try:
                found = consumer.committed(partitions_of(admin, topic), timeout=SECONDS)
                return {str(partition.partition): partition.offset for partition in found if partition.offset >= 0}
            except KafkaException as error:
                if error.args[0].code() not in LOADING or time.monotonic() > deadline:
                    raise
            time.sleep(0.2)
    finally:
        consumer.close()


COMMANDS = {
    "create-topic": create_topic,
    "delete-topic": delete_topic,
    "add-partitions": add_partitions,
    "delete-records": delete_records,
    "send": send,
    "leaders": leaders,
    "grant": grant,
    "revoke": revoke,
    "describe": describe,
    "ends": ends,
    "committed": committed,
}

if __name__ == "__main__":
    bootstrap, command, *rest = sys.argv[1:]
    json.dump(COMMANDS[command](AdminClient({"bootstrap.servers": bootstrap}), *rest), sys.stdout)

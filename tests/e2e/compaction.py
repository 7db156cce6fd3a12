"""Fills a compacted topic with orders, lets the broker compact it, and names what remains.

    compaction.py --bootstrap SERVERS --topic TOPIC --acks FILE --first N --orders N --keys N [--from OFFSET]

Orders have so many different keys, one after the other, all in topic partition 0. When the broker has removed some of
them, compaction is switched off, so that nothing changes under a reader any more; a further call switches it on again.
--acks gets one line for each record at or behind --from that remains, as from produce.py. The answer is how many orders
were `sent`, how many of all that are in the topic at or behind --from are `left`, and the `lowest` offset of those.
"""

import argparse
import json
import sys
import time

from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

from orders import order

SECONDS = 60
# A segment is closed by the first record after this time, and only closed ones are compacted.
SETTINGS = {
    "segment.ms": "200",
    "min.cleanable.dirty.ratio": "0.01",
    "max.compaction.lag.ms": "500",
    "retention.ms": "-1",
}
# At least so much of what was sent has to go.
REMOVED = 0.3
# Two looks, this far apart, that see the same: no compaction is under way any more.
STILL = 1.5


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("--bootstrap", "--topic", "--acks"):
        parser.add_argument(name, required=True)
    for name in ("--first", "--orders", "--keys"):
        parser.add_argument(name, type=int, required=True)
    parser.add_argument("--from", dest="begin", type=int, default=0)
    return parser.parse_args()


class Topic:
    def __init__(self, args: argparse.Namespace):
        self.args = args
        self.admin = AdminClient({"bootstrap.servers": args.bootstrap})
        self.producer = Producer({"bootstrap.servers": args.bootstrap, "enable.idempotence": True})
        self.sent = 0

    def set(self, policy: str) -> None:
        entries = {**SETTINGS, "cleanup.policy": policy}
        changes = [
            ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET) for name, value in entries.items()
        ]
        resource = ConfigResource(ResourceType.TOPIC, self.args.topic, incremental_configs=changes)
        self.admin.incremental_alter_configs([resource], request_timeout=SECONDS)[resource].result()

    def send(self, orders: int) -> None:
        refused = []

        def delivered(error, _message):
            if error is not None:
                refused.append(str(error))

        for _ in range(orders):
            number = self.args.first + self.sent
            value = json.dumps(order(number), ensure_ascii=False).encode()
            key = str(self.sent % self.args.keys)
            self.producer.produce(self.args.topic, value=value, key=key, partition=0, on_delivery=delivered)
            self.sent += 1
        left = self.producer.flush(SECONDS)
        if left or refused:
            sys.exit(f"{left} records are still queued, refused: {refused[:3]}")

    def read(self) -> list[tuple[int, int]]:
        """(offset, order_id) of what is there at or behind --from."""
        consumer = Consumer(
            {"bootstrap.servers": self.args.bootstrap, "group.id": "compaction", "enable.partition.eof": True}
        )
        consumer.assign([TopicPartition(self.args.topic, 0, self.args.begin)])
        found, deadline = [], time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            message = consumer.poll(1)
            if message is None:
                continue
            if message.error() is None:
                found.append((message.offset(), json.loads(message.value())["order_id"]))
            elif message.error().code() == KafkaError._PARTITION_EOF:
                consumer.close()
                return found
            else:
                sys.exit(str(message.error()))
        sys.exit("the end of the topic was never reached")


def main() -> None:
    args = arguments()
    topic = Topic(args)
    topic.set("compact")
    rounds = 8
    for _ in range(rounds):
        topic.send(args.orders // rounds)
        time.sleep(0.25)  # so that the next one begins a segment
    deadline = time.monotonic() + SECONDS
    while len(topic.read()) > topic.sent * (1 - REMOVED):
        if time.monotonic() > deadline:
            sys.exit(f"the broker has not compacted {topic.sent} records in {SECONDS} s")
        topic.send(1)  # closes the segment before it
        time.sleep(0.5)
    topic.set("delete")
    left = topic.read()
    while True:
        time.sleep(STILL)
        again = topic.read()
        if again == left:
            break
        left = again
    with open(args.acks, "w", encoding="ascii") as acks:
        acks.writelines(f"0,{offset},{order_id}\n" for offset, order_id in left)
    json.dump({"sent": topic.sent, "left": len(left), "lowest": left[0][0]}, sys.stdout)


main()

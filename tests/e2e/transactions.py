"""Produces orders in Kafka transactions and prints, as JSON, the tally of what was committed.

    transactions.py --bootstrap SERVERS --topic TOPIC --acks FILE interleave --transactions N --orders N
    transactions.py --bootstrap SERVERS --topic TOPIC --acks FILE hold --partition P --first N --orders N

`interleave`: two producers at once, each with so many transactions of so many orders, their records alternating on the
same topic partitions. Of the two that are open at the same time one commits and the other aborts. The last thing in each
topic partition is then a transaction's marker. Besides the tally it prints `aborted`, how many records were.

`hold`: one transaction, its records in one topic partition, open until standard input ends, then committed.

--acks gets one line for each committed record, as from produce.py.
"""

import argparse
import json
import sys

from confluent_kafka import Producer

from orders import Tally, order

PARTITIONS = 2
SECONDS = 60


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bootstrap", required=True)
    parser.add_argument("--topic", required=True)
    parser.add_argument("--acks", required=True)
    commands = parser.add_subparsers(dest="command", required=True)
    interleaved = commands.add_parser("interleave")
    interleaved.add_argument("--transactions", type=int, required=True)
    held = commands.add_parser("hold")
    held.add_argument("--partition", type=int, required=True)
    for command in (interleaved, held):
        command.add_argument("--first", type=int, default=0)
        command.add_argument("--orders", type=int, required=True)
    return parser.parse_args()


class Transactional:
    """A producer, and what the broker acknowledged in its open transaction."""

    def __init__(self, args: argparse.Namespace, name: str):
        self.topic = args.topic
        self.sent: list[tuple[int, int, dict]] = []
        self.refused: list[str] = []
        self.producer = Producer(
            {
                "bootstrap.servers": args.bootstrap,
                "transactional.id": f"{args.topic}-{name}",
                "transaction.timeout.ms": 120_000,
            }
        )
        self.producer.init_transactions(SECONDS)

    def begin(self) -> None:
        self.producer.begin_transaction()

    def send(self, number: int, partition: int) -> None:
        record = order(number)

        def delivered(error, message):
            if error is not None:
                self.refused.append(str(error))
            else:
                self.sent.append((message.partition(), message.offset(), record))

        value = json.dumps(record, ensure_ascii=False).encode()
        self.producer.produce(self.topic, value=value, key=str(number), partition=partition, on_delivery=delivered)

    def flush(self) -> None:
        left = self.producer.flush(SECONDS)
        if left or self.refused:
            sys.exit(f"{left} records are still queued, refused: {self.refused[:3]}")

    def take(self) -> list[tuple[int, int, dict]]:
        taken, self.sent = self.sent, []
        return taken

    def commit(self) -> list[tuple[int, int, dict]]:
        self.producer.commit_transaction(SECONDS)
        return self.take()

    def abort(self) -> int:
        # It was flushed: everything is in the log and has its place.
        self.producer.abort_transaction(SECONDS)
        return len(self.take())


def interleave(args: argparse.Namespace, tally, acks) -> dict:
    pair = [Transactional(args, name) for name in "ab"]
    number, aborted = args.first, 0
    for transaction in range(args.transactions):
        for one in pair:
            one.begin()
        for _ in range(args.orders):
            for one in pair:
                one.send(number, number // 2 % PARTITIONS)
                number += 1
            # Now and then, so that batches of both lie between each other.
            if number % 16 == 0:
                for one in pair:
                    one.flush()
        for one in pair:
            one.flush()
        commits = pair[transaction % 2]
        aborts = pair[(transaction + 1) % 2]
        # Whose marker comes first differs too.
        if transaction % 4 < 2:
            aborted += aborts.abort()
            note(commits.commit(), tally, acks)
        else:
            note(commits.commit(), tally, acks)
            aborted += aborts.abort()
    return {"aborted": aborted}


def hold(args: argparse.Namespace, tally, acks) -> dict:
    one = Transactional(args, "held")
    one.begin()
    for number in range(args.first, args.first + args.orders):
        one.send(number, args.partition)
    one.flush()
    sys.stdin.buffer.read()
    note(one.commit(), tally, acks)
    return {}


def note(committed: list[tuple[int, int, dict]], tally, acks) -> None:
    for partition, offset, record in committed:
        tally.add(record)
        tally.place(partition, offset)
        acks.write(f"{partition},{offset},{record['order_id']}\n")


def main() -> None:
    args, tally = arguments(), Tally()
    with open(args.acks, "w", encoding="ascii") as acks:
        more = {"interleave": interleave, "hold": hold}[args.command](args, tally, acks)
    json.dump({"tally": tally.as_dict(), **more}, sys.stdout)


main()

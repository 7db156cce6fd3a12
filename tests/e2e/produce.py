"""Produces orders and prints, as JSON, what the broker has acknowledged.

Without --until-eof it ends after --orders. With it, it goes on at the same rate until its standard input closes (and
has produced --orders by then, or --at-most, whatever the input does). The producer is idempotent: what is in the topic
twice would look like a fault of K2I.

--acks gets one line for each record, `partition,offset,order_id`, as acknowledged.
"""

import argparse
import json
import sys
import threading
import time

from confluent_kafka import Producer

from orders import Tally, order


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bootstrap", required=True)
    parser.add_argument("--topic", required=True)
    parser.add_argument("--acks", required=True)
    parser.add_argument("--orders", type=int, required=True)
    parser.add_argument("--first", type=int, default=0, help="number of the first order")
    parser.add_argument("--per-second", type=float, default=0, help="0: as fast as it goes")
    parser.add_argument("--until-eof", action="store_true")
    parser.add_argument("--at-most", type=int, default=1_000_000)
    parser.add_argument("--codecs", default="lz4", help="how batches are compressed; of several, orders take turns")
    return parser.parse_args()


def main() -> None:
    args = arguments()
    stop = threading.Event()
    if args.until_eof:
        threading.Thread(target=lambda: (sys.stdin.buffer.read(), stop.set()), daemon=True).start()
    else:
        stop.set()

    settings = {
        "bootstrap.servers": args.bootstrap,
        "enable.idempotence": True,
        "linger.ms": 5,
        # By number, not by key: rows of one customer are spread, and every partition gets some.
        "partitioner": "random",
        "sticky.partitioning.linger.ms": 0,
    }
    producers = [Producer({**settings, "compression.type": codec}) for codec in args.codecs.split(",")]
    tally, failed = Tally(), []

    with open(args.acks, "w", encoding="ascii") as acks:

        def delivered(record: dict):
            def report(error, message):
                if error is not None:
                    failed.append(str(error))
                    return
                tally.add(record)
                tally.place(message.partition(), message.offset())
                acks.write(f"{message.partition()},{message.offset()},{record['order_id']}\n")

            return report

        began, number = time.monotonic(), 0
        while number < args.at_most and (number < args.orders or not stop.is_set()):
            record = order(args.first + number)
            value = json.dumps(record, ensure_ascii=False).encode()
            producer = producers[number % len(producers)]
            while True:
                try:
                    producer.produce(args.topic, value=value, key=str(number), on_delivery=delivered(record))
                    break
                except BufferError:
                    producer.poll(0.1)
            number += 1
            if number % 64 == 0:
                for producer in producers:
                    producer.poll(0)
                if args.per_second:
                    time.sleep(max(0.0, began + number / args.per_second - time.monotonic()))
        left = sum(producer.flush(60) for producer in producers)

    if failed or left or tally.rows != number:
        sys.exit(f"produced {number}, acknowledged {tally.rows}, still queued {left}, refused: {failed[:3]}")
    json.dump(tally.as_dict(), sys.stdout)


main()

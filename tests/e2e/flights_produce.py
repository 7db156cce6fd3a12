"""Produces the flights as JSON, no further than it is told, and prints, as JSON, how many the broker has acknowledged.

    flights_produce.py BOOTSTRAP TOPIC FLIGHTS_CSV_ZIP

Each line of standard input is a number: go on up to that many flights, from the file's beginning. It ends after the
last flight of the file; an input that ends before is an error. The key is the aeroplane, so that partitions are of
different sizes. What is absent is null in one flight and left out of the next: both are nulls in the table.
"""

import json
import sys

from confluent_kafka import Producer

from flights import flights


def record(number: int, flight: dict) -> bytes:
    """One flight as it goes into the topic."""
    if number % 2:
        flight = {name: value for name, value in flight.items() if value is not None}
    return json.dumps(flight).encode()


def main(bootstrap: str, topic: str, path: str) -> int:
    producer = Producer(
        {"bootstrap.servers": bootstrap, "enable.idempotence": True, "linger.ms": 5, "compression.type": "lz4"}
    )
    allowed, refused, acknowledged = 0, [], 0

    def delivered(error, _):
        nonlocal acknowledged
        if error is None:
            acknowledged += 1
        else:
            refused.append(str(error))

    for number, flight in enumerate(flights(path)):
        while number >= allowed:
            # What was allowed gets to the broker before the next word is waited for.
            producer.flush(60)
            line = sys.stdin.readline()
            if not line:
                sys.exit(f"the input ended after {number} flights")
            allowed = int(line)
        while True:
            try:
                producer.produce(topic, value=record(number, flight), key=flight["tailnum"], on_delivery=delivered)
                break
            except BufferError:
                producer.poll(0.1)
        if number % 64 == 0:
            producer.poll(0)
    left = producer.flush(60)
    if refused or left or acknowledged != number + 1:
        sys.exit(f"produced {number + 1}, acknowledged {acknowledged}, still queued {left}, refused: {refused[:3]}")
    return acknowledged


if __name__ == "__main__":
    json.dump(main(*sys.argv[1:]), sys.stdout)

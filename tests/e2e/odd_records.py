"""Records that are odd by size or by time: produces them, and reads what a table says of them.

    odd_records.py produce BOOTSTRAP TOPIC
    odd_records.py read duckdb|pyiceberg CATALOG NAMESPACE.TABLE

Both print records in order of their offset: `offset`, `timestamp` in milliseconds since 1970 or null, `id`, and `chars`
and `md5` of the text. The topic has one topic partition, takes records of 8 MiB, and keeps what is old.
"""

import hashlib
import json
import random
import sys
import time

from confluent_kafka import Producer

from read_table import duckdb_on, pyiceberg_catalog

NOW = time.time_ns() // 1_000_000
YEAR = 365 * 86_400_000
MIB = 1 << 20
# Of the producer; the topic's own setting has to agree.
LARGEST = 8 * MIB
# Milliseconds since 1970 (-1: none), and characters of the text (None: null).
RECORDS = [
    (NOW, 10),
    (NOW - YEAR, 10),
    (-1, 10),
    (NOW - 20 * YEAR, 0),
    (1, None),
    (NOW, MIB),
    (-1, 5 * MIB),
    (NOW, 1),
    (NOW + YEAR, 10),
    # More than what may wait anywhere on the way, while each is larger than a fetch.
    *[(NOW - number, 2 * MIB) for number in range(12)],
    (NOW, 3),
]


def text(number: int, chars: int) -> str:
    """Hexadecimal digits that do not compress to nothing."""
    return random.Random(number).randbytes((chars + 1) // 2).hex()[:chars]


def row(offset: int, timestamp: int | None, number: int, content: str | None) -> dict:
    digest = None if content is None else hashlib.md5(content.encode()).hexdigest()
    chars = None if content is None else len(content)
    return {"offset": offset, "timestamp": timestamp, "id": number, "chars": chars, "md5": digest}


def produce(bootstrap: str, topic: str) -> list[dict]:
    producer = Producer(
        {"bootstrap.servers": bootstrap, "enable.idempotence": True, "message.max.bytes": LARGEST}
    )
    sent, refused = [], []
    for number, (timestamp, chars) in enumerate(RECORDS):
        content = None if chars is None else text(number, chars)

        def delivered(error, message, number=number, timestamp=timestamp, content=content):
            if error is not None:
                refused.append(str(error))
                return
            sent.append(row(message.offset(), None if timestamp == -1 else timestamp, number, content))

        value = json.dumps({"id": number, "text": content})
        producer.produce(topic, value=value, partition=0, timestamp=timestamp, on_delivery=delivered)
        # One by one, so that each is a batch of its own.
        producer.flush(60)
    if refused or len(sent) != len(RECORDS):
        sys.exit(f"acknowledged {len(sent)} of {len(RECORDS)}, refused: {refused}")
    return sorted(sent, key=lambda one: one["offset"])


def by_duckdb(catalog: str, table: str) -> list[dict]:
    engine, source = duckdb_on(catalog, table)
    rows = engine.execute(
        f"""select _kafka_offset, epoch_us(_kafka_timestamp), id, length(text), md5(text) from {source}
            order by _kafka_offset"""
    ).fetchall()
    return [
        {"offset": offset, "timestamp": milliseconds(micros), "id": number, "chars": chars, "md5": digest}
        for offset, micros, number, chars, digest in rows
    ]


def by_pyiceberg(catalog: str, table: str) -> list[dict]:
    read = pyiceberg_catalog(catalog, table).load_table(table).scan().to_arrow()
    columns = [read["_kafka_offset"], read["_kafka_timestamp"].cast("int64"), read["id"], read["text"]]
    rows = zip(*(column.to_pylist() for column in columns))
    return sorted((row(offset, milliseconds(at), *rest) for offset, at, *rest in rows), key=lambda one: one["offset"])


def milliseconds(micros: int | None) -> int | None:
    if micros is not None and micros % 1_000:
        sys.exit(f"{micros} µs are no milliseconds")
    return None if micros is None else micros // 1_000


def read(engine: str, catalog: str, table: str) -> list[dict]:
    return {"duckdb": by_duckdb, "pyiceberg": by_pyiceberg}[engine](catalog, table)


if __name__ == "__main__":
    command, *rest = sys.argv[1:]
    json.dump({"produce": produce, "read": read}[command](*rest), sys.stdout)

"""Topics with one record that is no good JSON, or nothing but such records; and which rows tables have of them.

    bad_json.py produce BOOTSTRAP PREFIX            makes PREFIX-<kind> for each kind, of one topic partition
    bad_json.py read duckdb|pyiceberg CATALOG NAMESPACE TABLE...

A topic of one bad record has GOOD rows of the ids from 0 before it, and some behind it. `produce` prints the kinds of
these under `one` and those of the others under `only`; `read` prints the ids by table, in order.
"""

import json
import sys

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from read_table import duckdb_on, pyiceberg_catalog

GOOD = 3
DEEP = 10_000
WIDE = 100_000
WIDE_RECORD = ("{" + ",".join(f'"f{number}":{number}' for number in range(WIDE)) + "}").encode()

# Among good records, in a table that is there.
ONE = {
    "deep-list": b'{"id":9,"other":' + b"[" * DEEP + b"]" * DEEP + b"}",
    "deep-object": b'{"id":9,"other":' + b'{"a":' * DEEP + b"1" + b"}" * (DEEP + 1),
    "deep-open": b'{"id":9,"other":' + b"[" * DEEP,
    "wide": WIDE_RECORD,
    "broken": b'{"id":9,"text":"abc',
    "surrogate": rb'{"id":9,"text":"\ud83d"}',
    "nan": b'{"id":9,"number":NaN}',
    "huge": b'{"id":9,"number":1e400}',
    "long": b'{"id":9223372036854775808}',
    "mark": b'\xef\xbb\xbf{"id":9}',
    "twice": b'{"id":9,"id":10}',
    "bytes": b'{"id":9,"text":"\xff\xfe"}',
    "empty": b"",
}
# Alone, in a topic that a schema is to be inferred from.
ONLY = {
    "only-wide": [WIDE_RECORD],
    "only-broken": [b"no json", b"[1,2]"],
    "only-taken": [b'{"id":1,"_kafka_offset":7}'],
    "only-case": [b'{"id":1}', b'{"ID":1}'],
}


def good(number: int) -> bytes:
    return json.dumps({"id": number, "text": f"row {number}", "number": number / 4}).encode()


def produce(bootstrap: str, prefix: str) -> dict:
    topics = {kind: [*map(good, range(GOOD)), bad, good(GOOD), good(GOOD + 1)] for kind, bad in ONE.items()} | ONLY
    admin = AdminClient({"bootstrap.servers": bootstrap})
    # A wide record is larger than a topic takes by itself.
    config = {"max.message.bytes": "8388608"}
    new = [NewTopic(f"{prefix}-{kind}", 1, 1, config=config) for kind in topics]
    for made in admin.create_topics(new, request_timeout=60).values():
        made.result()
    producer = Producer({"bootstrap.servers": bootstrap, "enable.idempotence": True, "message.max.bytes": 8_388_608})
    refused = []
    for kind, values in topics.items():
        for value in values:
            producer.produce(
                f"{prefix}-{kind}",
                value=value,
                partition=0,
                on_delivery=lambda error, _message: refused.append(str(error)) if error is not None else None,
            )
    if producer.flush(60) or refused:
        sys.exit(f"refused: {refused}")
    return {"one": list(ONE), "only": list(ONLY)}


def by_duckdb(catalog: str, table: str) -> list[int]:
    engine, source = duckdb_on(catalog, table)
    return [number for (number,) in engine.execute(f"select id from {source} order by _kafka_offset").fetchall()]


def by_pyiceberg(catalog: str, table: str) -> list[int]:
    read = pyiceberg_catalog(catalog, table).load_table(table).scan().to_arrow()
    return read.sort_by("_kafka_offset")["id"].to_pylist()


def read(engine: str, catalog: str, namespace: str, *tables: str) -> dict:
    ids = {"duckdb": by_duckdb, "pyiceberg": by_pyiceberg}[engine]
    return {table: ids(catalog, f"{namespace}.{table}") for table in tables}


if __name__ == "__main__":
    command, *rest = sys.argv[1:]
    json.dump({"produce": produce, "read": read}[command](*rest), sys.stdout)

"""Records with keys and headers: produces a few, and reads what a table's metadata columns say of them.

    metadata.py produce BOOTSTRAP TOPIC
    metadata.py read duckdb|pyiceberg CATALOG NAMESPACE.TABLE ROLE=COLUMN...

Both print records in one form, in order of topic, partition and offset: bytes as hexadecimal text, timestamps in
milliseconds since 1970, headers as pairs in their order. `produce` prints what was sent, at the places that the broker
acknowledged. `read` prints the roles that it was given, the column `id`, and the names of all columns.
"""

import json
import sys
import time

from confluent_kafka import Producer

from read_table import duckdb_on, pyiceberg_catalog

# Of now: the broker deletes what is older than a week.
FIRST_MS = time.time_ns() // 1_000_000
# Key, headers, value. A key may be missing, empty or no text; a header may come twice, or have no value.
RECORDS = (
    (b"plain", [("trace", b"1")], b'{"id":0}'),
    (None, [], b'{"id":1}'),
    (b"", [("trace", b"1"), ("other", b""), ("trace", b"2")], b'{"id":2}'),
    (b"\xff\x00", [("none", None), ("bytes", b"\xfe\x00")], b'{"id":3}'),
    (b"gone", [("why", b"deleted")], None),
    ("größe".encode(), [("größe", "XL".encode())], b'{"id":5}'),
)


def hexed(data: bytes | None) -> str | None:
    """Bytes as JSON can hold them."""
    return None if data is None else bytes(data).hex()


def in_order(records: list[dict]) -> list[dict]:
    return sorted(records, key=lambda record: (record.get("topic", ""), record["partition"], record["offset"]))


def produce(bootstrap: str, topic: str) -> list[dict]:
    producer = Producer({"bootstrap.servers": bootstrap, "enable.idempotence": True})
    sent, failed = [], []
    for number, (key, headers, value) in enumerate(RECORDS):
        record = {
            "topic": topic,
            "timestamp": FIRST_MS + number,
            "key": hexed(key),
            "headers": [[name, hexed(data)] for name, data in headers],
            "id": None if value is None else json.loads(value)["id"],
        }

        def delivered(error, message, record=record):
            if error is not None:
                failed.append(str(error))
                return
            sent.append(record | {"partition": message.partition(), "offset": message.offset()})

        # Spread by number: what has no key would go anywhere.
        producer.produce(
            topic,
            value=value,
            key=key,
            headers=headers,
            partition=number % 2,
            timestamp=FIRST_MS + number,
            on_delivery=delivered,
        )
    if producer.flush(60) or failed or len(sent) != len(RECORDS):
        sys.exit(f"acknowledged {len(sent)} of {len(RECORDS)}, refused: {failed}")
    return in_order(sent)


def by_duckdb(catalog: str, table: str, columns: dict[str, str]) -> tuple[list[str], list[dict]]:
    engine, source = duckdb_on(catalog, table)
    names = [name for name, *_ in engine.execute(f"describe select * from {source}").fetchall()]
    # Rows with a time zone would need a package that is not here.
    expression = {"timestamp": "epoch_us({})"}
    wanted = ", ".join(expression.get(role, "{}").format(f'"{column}"') for role, column in columns.items())
    rows = engine.execute(f"select {wanted} from {source}").fetchall()
    return names, [dict(zip(columns, row)) for row in rows]


def by_pyiceberg(catalog: str, table: str, columns: dict[str, str]) -> tuple[list[str], list[dict]]:
    read = pyiceberg_catalog(catalog, table).load_table(table).scan().to_arrow()
    cells = {role: read.column(column) for role, column in columns.items()}
    cells["timestamp"] = cells["timestamp"].cast("int64")
    lists = {role: column.to_pylist() for role, column in cells.items()}
    return read.column_names, [dict(zip(lists, row)) for row in zip(*lists.values())]


def plain(row: dict) -> dict:
    """A row in the form that `produce` prints."""
    if row["timestamp"] % 1_000:
        sys.exit(f"{row['timestamp']} µs are no milliseconds")
    row["timestamp"] //= 1_000
    if "key" in row:
        row["key"] = hexed(row["key"])
    if "headers" in row:
        row["headers"] = [[header["key"], hexed(header["value"])] for header in row["headers"]]
    return row


def read(engine: str, catalog: str, table: str, *pairs: str) -> dict:
    columns = dict(pair.split("=", 1) for pair in pairs) | {"id": "id"}
    names, rows = {"duckdb": by_duckdb, "pyiceberg": by_pyiceberg}[engine](catalog, table, columns)
    return {"columns": names, "records": in_order([plain(row) for row in rows])}


if __name__ == "__main__":
    command, *rest = sys.argv[1:]
    json.dump({"produce": produce, "read": read}[command](*rest), sys.stdout)

"""Records of unusual shapes, each a function of its number: produces them, and compares what a table has with them.

    shapes.py produce BOOTSTRAP TOPIC SHAPE ROWS
    shapes.py check duckdb|pyiceberg CATALOG NAMESPACE.TABLE SHAPE ROWS

SHAPE is `wide`, 300 columns of three types, or `nested`, structs, lists, and both in turn, four deep. `check` prints how
many `rows` the table has, how many columns, and which rows are `wrong`, the first of them with what was expected.
"""

import json
import sys

from confluent_kafka import Producer

from read_table import duckdb_on, pyiceberg_catalog

COLUMNS = 300


def wide(number: int) -> dict:
    kinds = (lambda at: number * 1_000 + at, lambda at: f"row {number} column {at}", lambda at: (number + at) / 4)
    row = {f"c{at}": kinds[at % 3](at) for at in range(COLUMNS)}
    # Some are null, each in another row, and the last ones too.
    for at in range(number % 7, COLUMNS, 7):
        row[f"c{at}"] = None
    return {"id": number} | row


def nested(number: int) -> dict:
    some = [number, None, number + 1]
    return {
        "id": number,
        "structs": {"a": {"b": {"c": {"d": number, "e": None if number % 2 else "e"}}}},
        "lists": None if number % 5 == 4 else [[[some, []], [[number]]], [], [[None, some]]],
        "both": {
            "items": [
                {"name": f"item {at}", "tags": [{"key": "k", "values": [[at, None], []]}, None], "next": {"at": at}}
                for at in range(number % 4)
            ],
            "empty": None,
        },
        "last": number,
    }


SHAPES = {"wide": wide, "nested": nested}


def produce(bootstrap: str, topic: str, shape: str, rows: str) -> int:
    producer = Producer({"bootstrap.servers": bootstrap, "enable.idempotence": True})
    refused = []
    for number in range(int(rows)):
        producer.produce(
            topic,
            value=json.dumps(SHAPES[shape](number)),
            partition=0,
            on_delivery=lambda error, _message: refused.append(str(error)) if error is not None else None,
        )
        if number % 100 == 0:
            producer.poll(0)
    if producer.flush(60) or refused:
        sys.exit(f"refused: {refused[:3]}")
    return int(rows)


def by_duckdb(catalog: str, table: str) -> list[dict]:
    engine, source = duckdb_on(catalog, table)
    # Rows with a time zone would need a package that is not here.
    found = engine.execute(f"select * exclude (_kafka_timestamp) from {source} order by _kafka_offset")
    names = [name for name, *_ in found.description]
    return [dict(zip(names, row)) for row in found.fetchall()]


def by_pyiceberg(catalog: str, table: str) -> list[dict]:
    read = pyiceberg_catalog(catalog, table).load_table(table).scan().to_arrow()
    return read.drop_columns("_kafka_timestamp").sort_by("_kafka_offset").to_pylist()


def check(engine: str, catalog: str, table: str, shape: str, rows: str) -> dict:
    found = {"duckdb": by_duckdb, "pyiceberg": by_pyiceberg}[engine](catalog, table)
    wrong = []
    for offset, row in enumerate(found):
        wanted = without_unknown(SHAPES[shape](offset)) | {"_kafka_partition": 0, "_kafka_offset": offset}
        if row != wanted:
            wrong.append({"offset": offset, "found": str(row)[:500], "wanted": str(wanted)[:500]})
    return {"rows": len(found), "columns": len(found[0]) if found else 0, "wrong": len(wrong), "first": wrong[:1]}


def without_unknown(row: dict) -> dict:
    """What never holds a value is no column."""
    if "both" in row:
        row["both"].pop("empty")
    return row


if __name__ == "__main__":
    command, *rest = sys.argv[1:]
    json.dump({"produce": produce, "check": check}[command](*rest), sys.stdout)

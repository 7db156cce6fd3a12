"""Reads a table that several topics of orders feed, and prints, as JSON, what is wrong with it.

    read_topics.py duckdb|pyiceberg CATALOG NAMESPACE.TABLE TOPIC=ACKS...

Rows are told apart by (topic, partition, offset): the columns `_kafka_topic`, `_kafka_partition` and `_kafka_offset`.
One topic may have several files of acknowledgements. `rows` counts the table's rows by topic.
"""

import json
import sys
from collections import Counter

from read_table import compare, duckdb_on, pyiceberg_catalog, read_acks

COLUMNS = ("_kafka_topic", "_kafka_partition", "_kafka_offset", "order_id")


def by_duckdb(catalog: str, table: str) -> list[tuple]:
    engine, source = duckdb_on(catalog, table)
    return engine.execute(f"select {', '.join(COLUMNS)} from {source}").fetchall()


def by_pyiceberg(catalog: str, table: str) -> list[tuple]:
    read = pyiceberg_catalog(catalog, table).load_table(table).scan(selected_fields=COLUMNS).to_arrow()
    return list(zip(*(read.column(name).to_pylist() for name in COLUMNS)))


if __name__ == "__main__":
    engine, catalog, table, *acks = sys.argv[1:]
    acked = {}
    for pair in acks:
        topic, path = pair.split("=", 1)
        acked.update({((topic, partition), offset): order for (partition, offset), order in read_acks([path]).items()})
    rows = {"duckdb": by_duckdb, "pyiceberg": by_pyiceberg}[engine](catalog, table)
    found = compare([((topic, partition), offset, order) for topic, partition, offset, order in rows], acked)
    json.dump({"rows": Counter(topic for topic, *_ in rows), **found}, sys.stdout)

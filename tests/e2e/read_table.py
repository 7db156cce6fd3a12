"""Reads a table of orders with somebody else's engine and prints, as JSON, what it adds up to and what is wrong.

    read_table.py duckdb|pyiceberg CATALOG_DB NAMESPACE.TABLE ACKS...

`tally` has the form of orders.Tally. `distinct` counts different (partition, offset); `doubled`, `missing` and `alien`
compare rows with what the producers' broker acknowledged, and `examples` names the first few of each. The two engines
share no code: DuckDB goes from the metadata file through its own Iceberg reader, PyIceberg through its SQL catalog and
PyArrow.
"""

import csv
import json
import sys
from importlib.util import find_spec
from pathlib import Path

from catalog import find
from orders import Tally

EXAMPLES = 10


def read_acks(paths: list[str]) -> dict[tuple[int, int], int]:
    """(partition, offset) to order_id, of everything that was acknowledged."""
    acked = {}
    for path in paths:
        with open(path, encoding="ascii") as lines:
            for partition, offset, order_id in csv.reader(lines):
                acked[int(partition), int(offset)] = int(order_id)
    return acked


def compare(rows: list[tuple[int, int, int]], acked: dict[tuple[int, int], int]) -> dict:
    """Rows as (partition, offset, order_id) against what was acknowledged."""
    seen, doubled, alien = {}, [], []
    for partition, offset, order_id in rows:
        place = (partition, offset)
        if place in seen:
            doubled.append(place)
        elif acked.get(place) != order_id:
            alien.append(place)
        seen[place] = order_id
    missing = [place for place in acked if place not in seen]
    return {
        "distinct": len(seen),
        "doubled": len(doubled),
        "missing": len(missing),
        "alien": len(alien),
        "examples": {"doubled": doubled[:EXAMPLES], "missing": missing[:EXAMPLES], "alien": alien[:EXAMPLES]},
    }


def by_duckdb(database: str, table: str) -> tuple[dict, list]:
    import duckdb

    # Whatever is not installed here must not be fetched, and must not be missed either.
    offline = {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}
    engine = duckdb.connect(config=offline)
    for name in ("avro", "iceberg"):
        package = Path(find_spec(f"duckdb_extension_{name}").submodule_search_locations[0])
        engine.execute(f"LOAD '{package}/extensions/v{duckdb.__version__}/{name}.duckdb_extension'")
    location = find(database, table).location.replace("'", "''")
    engine.execute(f"create view orders as select * from iceberg_scan('{location}')")

    sums = engine.execute(
        """select count(*), sum(order_id), sum(length(customer)), sum(amount), sum(item.quantity),
                  sum(length(item.sku)), count(*) filter (item.gift), sum(len(tags)), sum(length(placed_at)),
                  count(note), sum(length(note)) from orders"""
    ).fetchone()
    spans = engine.execute(
        "select _kafka_partition, count(*), min(_kafka_offset), max(_kafka_offset) from orders group by all"
    ).fetchall()
    tally = Tally(*(value or 0 for value in sums), partitions={str(p): span for p, *span in spans})
    return tally.as_dict(), engine.execute("select _kafka_partition, _kafka_offset, order_id from orders").fetchall()


def by_pyiceberg(database: str, table: str) -> tuple[dict, list]:
    from pyiceberg.catalog.sql import SqlCatalog

    entry = find(database, table)
    catalog = SqlCatalog(entry.catalog, uri=f"sqlite:///{database}", init_catalog_tables="false")
    read = catalog.load_table((entry.namespace, entry.name)).scan().to_arrow()
    tally, places = Tally(), []
    for batch in read.to_batches(max_chunksize=10_000):
        for row in batch.to_pylist():
            tally.add(row)
            tally.place(row["_kafka_partition"], row["_kafka_offset"])
            places.append((row["_kafka_partition"], row["_kafka_offset"], row["order_id"]))
    return tally.as_dict(), places


ENGINES = {"duckdb": by_duckdb, "pyiceberg": by_pyiceberg}

if __name__ == "__main__":
    engine, database, table, *acks = sys.argv[1:]
    tally, rows = ENGINES[engine](database, table)
    json.dump({"tally": tally, **compare(rows, read_acks(acks))}, sys.stdout)

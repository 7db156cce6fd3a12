"""Reads a table of orders with somebody else's engine and prints, as JSON, what it adds up to and what is wrong.

    read_table.py duckdb|pyiceberg CATALOG NAMESPACE.TABLE ACKS...

`tally` has the form of orders.Tally. `distinct` counts different (partition, offset); `doubled`, `missing` and `alien`
compare rows with what the producers' broker acknowledged, and `examples` names the first few of each.

The catalog is a SQLite file, or a REST server whose files are on S3 (addresses and keys in `AWS_*`). The two engines
share no code: DuckDB goes from the metadata file, or through its own REST client, to its own Iceberg reader; PyIceberg
through its own catalogs to PyArrow.
"""

import csv
import json
import os
import sys
from importlib.util import find_spec
from pathlib import Path

from catalog import find, is_rest
from orders import Tally

EXAMPLES = 10
S3_REGION = "us-east-1"


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


def s3() -> tuple[str, str, str]:
    """Address, key and secret of the store."""
    return tuple(os.environ[name] for name in ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"))


def literal(text: str) -> str:
    """A text in SQL."""
    return "'" + text.replace("'", "''") + "'"


def duckdb_on(catalog: str, table: str):
    """DuckDB, and what it calls the table in SQL."""
    import duckdb

    # Whatever is not installed here must not be fetched, and must not be missed either.
    offline = {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}
    engine = duckdb.connect(config=offline)
    for name in ("avro", "httpfs", "iceberg"):
        package = Path(find_spec(f"duckdb_extension_{name}").submodule_search_locations[0])
        engine.execute(f"LOAD '{package}/extensions/v{duckdb.__version__}/{name}.duckdb_extension'")
    if is_rest(catalog):
        endpoint, key, secret = (literal(part.removeprefix("http://")) for part in s3())
        engine.execute(
            f"""create secret (type s3, key_id {key}, secret {secret}, region '{S3_REGION}', url_style 'path',
                               endpoint {endpoint}, use_ssl false)"""
        )
        engine.execute(
            f"""attach '' as lake (type iceberg, endpoint {literal(catalog)}, authorization_type 'none',
                                   access_delegation_mode 'none')"""
        )
        return engine, f"lake.{table}"
    return engine, f"iceberg_scan({literal(find(catalog, table).location)})"


def by_duckdb(catalog: str, table: str) -> tuple[dict, list]:
    engine, source = duckdb_on(catalog, table)
    engine.execute(f"create view orders as select * from {source}")

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


def s3_properties() -> dict[str, str]:
    """The store as PyIceberg takes it."""
    endpoint, key, secret = s3()
    store = {"endpoint": endpoint, "access-key-id": key, "secret-access-key": secret, "region": S3_REGION}
    return {f"s3.{name}": value for name, value in store.items()}


def pyiceberg_catalog(catalog: str, table: str):
    if is_rest(catalog):
        from pyiceberg.catalog.rest import RestCatalog

        return RestCatalog("lake", uri=catalog, **s3_properties())

    from pyiceberg.catalog.sql import SqlCatalog

    return SqlCatalog(find(catalog, table).catalog, uri=f"sqlite:///{catalog}", init_catalog_tables="false")


def by_pyiceberg(catalog: str, table: str) -> tuple[dict, list]:
    read = pyiceberg_catalog(catalog, table).load_table(table).scan().to_arrow()
    tally, places = Tally(), []
    for batch in read.to_batches(max_chunksize=10_000):
        for row in batch.to_pylist():
            tally.add(row)
            tally.place(row["_kafka_partition"], row["_kafka_offset"])
            places.append((row["_kafka_partition"], row["_kafka_offset"], row["order_id"]))
    return tally.as_dict(), places


ENGINES = {"duckdb": by_duckdb, "pyiceberg": by_pyiceberg}

if __name__ == "__main__":
    engine, catalog, table, *acks = sys.argv[1:]
    tally, rows = ENGINES[engine](catalog, table)
    json.dump({"tally": tally, **compare(rows, read_acks(acks))}, sys.stdout)

"""Somebody else's table: PyIceberg makes it, writes rows of its own into it, changes its schema.

    foreign_table.py CATALOG CATALOG_NAME WAREHOUSE NAMESPACE.TABLE COMMAND...

    create plain|with-metadata|partitioned|v1|v3|required     makes the table, empty
    append FIRST ORDERS [ACKS]
                              appends orders of these numbers; where the table knows of topic partitions, all from -1, at
                              an offset that is the number, and written down in ACKS as a producer does
    exists                    whether the catalog knows the table under its name
    add-column NAME           adds an optional text column
    sums                      what the whole table adds up to, by PyIceberg
    sums-by-duckdb            the same by DuckDB
    kinds                     `k2i.kind` of each snapshot of the head's history, oldest first; null: not ours
    expected FIRST ORDERS ... what orders of these numbers add up to (pairs)

The catalog is the path of a SQLite file. Each command prints JSON.
"""

import json
import sys

import pyarrow as pa
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.exceptions import CommitFailedException
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.transforms import IdentityTransform
from pyiceberg.types import (
    BooleanType,
    DoubleType,
    IntegerType,
    ListType,
    LongType,
    NestedField,
    StringType,
    StructType,
    TimestamptzType,
)

from sqlalchemy.exc import OperationalError

from orders import Tally, order
from read_table import duckdb_on

ATTEMPTS = 20
# Somebody else was first, or writes at this moment.
RACES = (CommitFailedException, OperationalError)

ITEM = StructType(
    NestedField(10, "sku", StringType(), required=False),
    NestedField(11, "quantity", LongType(), required=False),
    NestedField(12, "gift", BooleanType(), required=False),
)
DATA = (
    NestedField(1, "order_id", LongType(), required=False),
    NestedField(2, "customer", StringType(), required=False),
    NestedField(3, "amount", DoubleType(), required=False),
    NestedField(4, "item", ITEM, required=False),
    NestedField(5, "tags", ListType(13, StringType(), element_required=False), required=False),
    NestedField(6, "placed_at", StringType(), required=False),
    NestedField(7, "note", StringType(), required=False),
)
METADATA = (
    NestedField(20, "_kafka_partition", IntegerType(), required=False),
    NestedField(21, "_kafka_offset", LongType(), required=False),
    NestedField(22, "_kafka_timestamp", TimestamptzType(), required=False),
)
# No order has it.
SURELY = NestedField(30, "surely", StringType(), required=True)
CUSTOMER = PartitionSpec(PartitionField(source_id=2, field_id=1000, transform=IdentityTransform(), name="customer"))


def create(catalog: SqlCatalog, name: str, kind: str):
    columns = DATA if kind == "plain" else (*DATA, SURELY) if kind == "required" else (*DATA, *METADATA)
    how = {"partition_spec": CUSTOMER} if kind == "partitioned" else {}
    version = "1" if kind == "v1" else "2"
    catalog.create_namespace_if_not_exists(name.rsplit(".", 1)[0])
    table = catalog.create_table(name, Schema(*columns), properties={"format-version": version}, **how)
    if kind == "v3":
        raise_to_v3(table)
    return {"location": table.location(), "uuid": str(table.metadata.table_uuid)}


def raise_to_v3(table):
    """PyIceberg does not make tables of version 3: its empty one of version 2 differs in these two fields only."""
    path = table.metadata_location.removeprefix("file://")
    with open(path, encoding="utf-8") as file:
        metadata = json.load(file)
    metadata |= {"format-version": 3, "next-row-id": 0}
    with open(path, "w", encoding="utf-8") as file:
        json.dump(metadata, file)


def append(catalog: SqlCatalog, name: str, first: str, orders: str, acks: str | None = None):
    table = catalog.load_table(name)
    schema = table.schema().as_arrow()
    numbers = range(int(first), int(first) + int(orders))
    rows = [order(number) for number in numbers]
    if acks is not None:
        rows = [row | {"_kafka_partition": -1, "_kafka_offset": number} for number, row in zip(numbers, rows)]
        with open(acks, "w", encoding="ascii") as lines:
            lines.writelines(f"-1,{number},{row['order_id']}\n" for number, row in zip(numbers, rows))
    filled = [{name: row.get(name) for name in schema.names} for row in rows]
    # K2I may have committed in between: then it is tried again on what is there now.
    for attempt in range(ATTEMPTS):
        try:
            table.append(pa.Table.from_pylist(filled, schema=schema))
            return {"attempts": attempt + 1}
        except RACES:
            table = catalog.load_table(name)
    sys.exit("never got in")


def add_column(catalog: SqlCatalog, name: str, column: str):
    for attempt in range(ATTEMPTS):
        try:
            with catalog.load_table(name).update_schema() as update:
                update.add_column(column, StringType())
            return {"attempts": attempt + 1}
        except RACES:
            continue
    sys.exit("never got in")


def sums(catalog: SqlCatalog, name: str):
    tally = Tally()
    for row in catalog.load_table(name).scan().to_arrow().to_pylist():
        tally.add(row)
    return tally.as_dict()


def sums_by_duckdb(catalog: SqlCatalog, name: str):
    engine, source = duckdb_on(database, name)
    found = engine.execute(
        f"""select count(*), sum(order_id), sum(length(customer)), sum(amount), sum(item.quantity),
                   sum(length(item.sku)), count(*) filter (item.gift), sum(len(tags)), sum(length(placed_at)),
                   count(note), sum(length(note)) from {source}"""
    ).fetchone()
    return Tally(*(value or 0 for value in found)).as_dict()


def kinds(catalog: SqlCatalog, name: str):
    table = catalog.load_table(name)
    found, snapshot = [], table.current_snapshot()
    while snapshot is not None:
        found.append(snapshot.summary.additional_properties.get("k2i.kind"))
        parent = snapshot.parent_snapshot_id
        snapshot = None if parent is None else table.snapshot_by_id(parent)
    return found[::-1]


def expected(catalog: SqlCatalog, name: str, *ranges: str):
    tally = Tally()
    for first, orders in zip(ranges[::2], ranges[1::2]):
        for number in range(int(orders)):
            tally.add(order(int(first) + number))
    return tally.as_dict()


def exists(catalog: SqlCatalog, name: str):
    return catalog.table_exists(name)


COMMANDS = {
    "create": create,
    "append": append,
    "add-column": add_column,
    "sums": sums,
    "sums-by-duckdb": sums_by_duckdb,
    "kinds": kinds,
    "expected": expected,
    "exists": exists,
}

if __name__ == "__main__":
    database, catalog_name, warehouse, name, command, *rest = sys.argv[1:]
    catalog = SqlCatalog(catalog_name, uri=f"sqlite:///{database}", warehouse=warehouse)
    json.dump(COMMANDS[command](catalog, name, *rest), sys.stdout)

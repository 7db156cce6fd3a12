"""Writes a table of orders with PyIceberg, right or with a known fault, to show that read_table.py can tell.

    write_reference.py WAREHOUSE CATALOG_DB NAMESPACE.TABLE ACKS ORDERS right|doubled|missing|swapped

Prints the tally of what should be there, as produce.py does.
"""

import json
import sys

import pyarrow as pa
from pyiceberg.catalog.sql import SqlCatalog

from orders import Tally, order

PARTITIONS = 3
SCHEMA = pa.schema(
    [
        ("order_id", pa.int64()),
        ("customer", pa.string()),
        ("amount", pa.float64()),
        ("item", pa.struct([("sku", pa.string()), ("quantity", pa.int64()), ("gift", pa.bool_())])),
        ("tags", pa.list_(pa.string())),
        ("placed_at", pa.string()),
        ("note", pa.string()),
        ("_kafka_partition", pa.int32()),
        ("_kafka_offset", pa.int64()),
    ]
)

if __name__ == "__main__":
    warehouse, database, table, acks, orders, fault = sys.argv[1:]
    tally, rows = Tally(), []
    with open(acks, "w", encoding="ascii") as lines:
        for number in range(int(orders)):
            partition, offset = number % PARTITIONS, number // PARTITIONS
            record = order(number)
            tally.add(record)
            tally.place(partition, offset)
            lines.write(f"{partition},{offset},{record['order_id']}\n")
            rows.append({"note": None, **record, "_kafka_partition": partition, "_kafka_offset": offset})

    if fault == "doubled":
        rows.append(rows[len(rows) // 2])
    elif fault == "missing":
        del rows[len(rows) // 2]
    elif fault == "swapped":  # every count and sum stays right
        rows[0]["_kafka_offset"], rows[3]["_kafka_offset"] = rows[3]["_kafka_offset"], rows[0]["_kafka_offset"]
    elif fault != "right":
        sys.exit(f"unknown fault {fault}")

    catalog = SqlCatalog("reference", uri=f"sqlite:///{database}", warehouse=warehouse)
    catalog.create_namespace(table.rsplit(".", 1)[0])
    created = catalog.create_table(table, schema=SCHEMA)
    for part in (rows[::2], rows[1::2]):
        created.append(pa.Table.from_pylist(part, schema=SCHEMA))
    json.dump(tally.as_dict(), sys.stdout)

"""Tables of orders that somebody else made with properties of their own, and the files that are in them afterwards.

    table_properties.py create CATALOG WAREHOUSE NAMESPACE TABLES
    table_properties.py append CATALOG NAMESPACE.TABLE FIRST ORDERS ACKS
    table_properties.py files CATALOG NAMESPACE.TABLE...

`create` makes tables with PyIceberg in a SQLite catalog, named by a JSON object with a list of `key=value` for each:
columns in another order than records have them, the metadata columns first, some required, with docs, and with ids that
have gaps. `append` adds rows of its own, in topic partition -1.
`files` prints, by table, for each data file that K2I added, its `path`, `bytes`, `rows`, the names of its columns' `codecs`, the
`row_groups`, and by column name which `counts` and `bounds` the Iceberg manifests have of it; and `metadata`, the place of
the table's metadata file. The files are read with PyArrow.
"""

import json
import sys

import pyarrow.fs
import pyarrow.parquet as parquet
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.schema import Schema
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

from catalog import is_rest
from foreign_table import append as append_orders
from read_table import S3_REGION, pyiceberg_catalog, s3

ITEM = StructType(
    NestedField(110, "gift", BooleanType(), required=True),
    NestedField(111, "sku", StringType(), required=False, doc="stock keeping unit"),
    NestedField(112, "quantity", LongType(), required=True),
)
# Those that are required are in every order.
COLUMNS = Schema(
    NestedField(1, "_kafka_offset", LongType(), required=True, doc="where it was"),
    NestedField(2, "_kafka_partition", IntegerType(), required=True),
    NestedField(3, "note", StringType(), required=False, doc="what the customer said, \"as is\""),
    NestedField(4, "unused", StringType(), required=False),
    NestedField(5, "tags", ListType(105, StringType(), element_required=True), required=True),
    NestedField(6, "item", ITEM, required=True),
    NestedField(7, "amount", DoubleType(), required=False),
    NestedField(8, "gone", LongType(), required=False),
    NestedField(9, "_kafka_timestamp", TimestamptzType(), required=False),
    NestedField(10, "customer", StringType(), required=True),
    NestedField(11, "order_id", LongType(), required=True, doc="größer als 2^53"),
)


def create(catalog: str, warehouse: str, namespace: str, tables: str) -> dict:
    sql = SqlCatalog("default", uri=f"sqlite:///{catalog}", warehouse=warehouse)
    sql.create_namespace(namespace)
    made = json.loads(tables)
    return {name: create_one(sql, f"{namespace}.{name}", pairs) for name, pairs in made.items()}


def create_one(sql: SqlCatalog, name: str, pairs: list[str]) -> list[int]:
    properties = dict(pair.split("=", 1) for pair in pairs)
    table = sql.create_table(name, COLUMNS, properties={"format-version": "2"} | properties)
    # Ids with gaps: what goes takes its id along, and what comes later gets a higher one.
    with table.update_schema() as update:
        update.delete_column("gone")
        update.add_column("placed_at", StringType(), doc="as text")
    ids = [field.field_id for field in table.schema().fields]
    if ids == sorted(range(1, len(ids) + 1)):
        sys.exit(f"no gap in {ids}")
    return ids


def append(catalog: str, name: str, first: str, orders: str, acks: str) -> dict:
    return append_orders(pyiceberg_catalog(catalog, name), name, first, orders, acks)


def store(catalog: str) -> tuple[pyarrow.fs.FileSystem, str]:
    """What reads files, and how their locations begin."""
    if not is_rest(catalog):
        return pyarrow.fs.LocalFileSystem(), "file://"
    endpoint, key, secret = s3()
    scheme, address = endpoint.split("://")
    files = pyarrow.fs.S3FileSystem(
        access_key=key, secret_key=secret, region=S3_REGION, scheme=scheme, endpoint_override=address
    )
    return files, "s3://"


def files(catalog: str, *names: str) -> dict:
    return {name: files_of(catalog, name) for name in names}


def files_of(catalog: str, name: str) -> dict:
    table = pyiceberg_catalog(catalog, name).load_table(name)
    names = {field_id: table.schema().find_column_name(field_id) for field_id in table.schema().field_ids}
    source, scheme = store(catalog)
    found = []
    for entry in table.inspect.files().to_pylist():
        path = entry["file_path"]
        if not path.rsplit("/", 1)[1].startswith("k2i-"):
            continue
        with source.open_input_file(path.removeprefix(scheme)) as file:
            footer = parquet.ParquetFile(file).metadata
        groups = [footer.row_group(at) for at in range(footer.num_row_groups)]
        codecs = {group.column(at).compression for group in groups for at in range(group.num_columns)}
        said = lambda kind: sorted(names[field_id] for field_id, _ in entry[kind] or [])
        found.append(
            {
                "path": path,
                "bytes": entry["file_size_in_bytes"],
                "rows": footer.num_rows,
                "codecs": sorted(codecs),
                "row_groups": footer.num_row_groups,
                "counts": said("value_counts"),
                "bounds": said("lower_bounds"),
            }
        )
    return {"files": found, "metadata": table.metadata_location}


if __name__ == "__main__":
    command, *rest = sys.argv[1:]
    json.dump({"create": create, "append": append, "files": files}[command](*rest), sys.stdout)

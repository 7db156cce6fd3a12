"""What any table adds up to, column by column, asked of an engine: the readers' side of flights.py, in the same form.

    survey.py duckdb|pyiceberg CATALOG NAMESPACE.TABLE

Spark, which takes long to start, answers from a session of its own (spark_session.py) by `by_sql`. Besides `rows` and
`columns` there are `places`: by topic partition the rows, lowest and highest offset, and number of different offsets.
Columns of whole numbers and of texts are known; any other type is an error rather than a guess. All sums are the
engine's own.
"""

import json
import sys
from collections.abc import Callable

from flights import number, words

OWN = "_kafka_"
"""What the names of K2I's own columns begin with."""


def by_sql(source: str, columns: list[tuple[str, str]], query: Callable[[str], list]) -> dict:
    """By an engine that `query` sends SQL to. `columns` are names and types as the engine itself tells them."""
    data = [(name, kind.lower()) for name, kind in columns if not name.startswith(OWN)]
    counts = [part for name, kind in data for part in asked(name, kind)]
    [(rows, *found)] = query(f"select count(*), {', '.join(counts)} from {source}")
    places = query(
        f"""select _kafka_partition, count(*), min(_kafka_offset), max(_kafka_offset), count(distinct _kafka_offset)
            from {source} group by _kafka_partition"""
    )
    answers = [found[at : at + 3] for at in range(0, len(found), 3)]
    return {
        "rows": rows,
        "columns": {name: answered(kind, rows, said) for (name, kind), said in zip(data, answers, strict=True)},
        "places": {str(partition): list(span) for partition, *span in sorted(places)},
    }


def asked(name: str, kind: str) -> tuple[str, str, str]:
    """Three SQL expressions about a column."""
    match kind:
        case "bigint":
            return f"count({name})", f"sum({name})", "0"
        case "string" | "varchar":
            return f"count({name})", f"sum(length({name}))", f"count(distinct {name})"
    raise ValueError(f"column {name} has the type {kind}")


def answered(kind: str, rows: int, found: list) -> dict:
    """What the answers to `asked` say."""
    present, total, different = found
    nulls, total = rows - present, int(total or 0)
    return number(nulls, total) if kind == "bigint" else words(nulls, total, different)


def by_duckdb(catalog: str, table: str) -> dict:
    from read_table import duckdb_on

    engine, source = duckdb_on(catalog, table)
    columns = [(name, kind) for name, kind, *_ in engine.execute(f"describe select * from {source}").fetchall()]
    return by_sql(source, columns, lambda text: engine.execute(text).fetchall())


def by_pyiceberg(catalog: str, table: str) -> dict:
    import pyarrow.compute as compute

    from read_table import pyiceberg_catalog

    read = pyiceberg_catalog(catalog, table).load_table(table).scan().to_arrow()
    asked = ("count", "min", "max", "count_distinct")
    spans = read.group_by("_kafka_partition").aggregate([("_kafka_offset", what) for what in asked])
    spans = spans.select(["_kafka_partition", *(f"_kafka_offset_{what}" for what in asked)])
    places = sorted(tuple(span.values()) for span in spans.to_pylist())
    return {
        "rows": read.num_rows,
        "columns": {name: summed(compute, name, read[name]) for name in read.column_names if not name.startswith(OWN)},
        "places": {str(partition): list(span) for partition, *span in places},
    }


def summed(compute, name: str, column) -> dict:
    """What PyArrow says of a column."""
    match str(column.type):
        case "int64":
            return number(column.null_count, compute.sum(column).as_py() or 0)
        case "string" | "large_string":
            characters = compute.sum(compute.utf8_length(column)).as_py() or 0
            return words(column.null_count, characters, compute.count_distinct(column).as_py())
    raise ValueError(f"column {name} has the type {column.type}")


ENGINES = {"duckdb": by_duckdb, "pyiceberg": by_pyiceberg}

if __name__ == "__main__":
    engine, catalog, table = sys.argv[1:]
    json.dump(ENGINES[engine](catalog, table), sys.stdout)

"""Runs the SQL of a `duckdb -c "..."` command line with the pinned DuckDB and prints its rows as JSON, cells as text.

    duckdb_query.py COMMAND

The command is taken apart as a shell would. `INSTALL` is left out, since nothing may be fetched here, and `LOAD` loads
the extension from its package.
"""

import json
import shlex
import sys
from importlib.util import find_spec
from pathlib import Path

import duckdb


def load(engine: duckdb.DuckDBPyConnection, name: str) -> None:
    """Loads an extension from the package that brings it."""
    package = Path(find_spec(f"duckdb_extension_{name}").submodule_search_locations[0])
    engine.execute(f"LOAD '{package}/extensions/v{duckdb.__version__}/{name}.duckdb_extension'")


def main(command: str) -> None:
    program, flag, sql = shlex.split(command)
    if (program, flag) != ("duckdb", "-c"):
        raise SystemExit(f"not a command of the form duckdb -c SQL: {command}")
    offline = {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}
    engine = duckdb.connect(config=offline)
    # What the iceberg extension itself asks for comes along with an install.
    for name in ("avro", "httpfs"):
        load(engine, name)
    rows = []
    for statement in filter(None, (part.strip() for part in sql.split(";"))):
        verb, _, rest = statement.partition(" ")
        if verb == "LOAD":
            load(engine, rest)
        elif verb != "INSTALL":
            rows = engine.execute(statement).fetchall()
    json.dump([[str(cell) for cell in row] for row in rows], sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1])

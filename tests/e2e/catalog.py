"""Finds a table in a SQLite catalog with nothing but the standard library: quick to start, and nobody's reader."""

import json
import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit


class NotThere(Exception):
    """The table, its catalog or its first snapshot does not exist (yet)."""


@dataclass
class Entry:
    """A table's row in the catalog."""

    catalog: str
    namespace: str
    name: str
    location: str

    def metadata(self) -> dict:
        """The table's metadata file, parsed."""
        path = Path(unquote(urlsplit(self.location).path))
        return json.loads(path.read_text(encoding="utf-8"))


def find(database: str, table: str) -> Entry:
    """The row of `namespace.table`; the catalog's own name is taken from it."""
    namespace, name = table.rsplit(".", 1)
    if not Path(database).exists():
        raise NotThere(f"no catalog at {database}")
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=30)
    try:
        rows = connection.execute(
            "select catalog_name, metadata_location from iceberg_tables where table_namespace = ? and table_name = ?",
            (namespace, name),
        ).fetchall()
    except sqlite3.OperationalError as error:
        raise NotThere(str(error)) from error
    finally:
        connection.close()
    if len(rows) > 1:
        raise ValueError(f"{table} stands {len(rows)} times in {database}")
    if not rows or rows[0][1] is None:
        raise NotThere(f"no {table} in {database}")
    return Entry(rows[0][0], namespace, name, rows[0][1])


def head(metadata: dict) -> dict:
    """The snapshot that `main` points at."""
    current = metadata.get("current-snapshot-id", -1)
    for snapshot in metadata.get("snapshots", []):
        if snapshot["snapshot-id"] == current:
            return snapshot
    raise NotThere("no snapshot")


def rows_said(database: str, table: str) -> int:
    """How many rows the head's summary says there are: for progress, never as proof."""
    return int(head(find(database, table).metadata())["summary"].get("total-records", 0))


def wait_rows(database: str, table: str, rows: int, seconds: float) -> int:
    """Waits until the head says `rows` or more. Raises TimeoutError with the last thing seen."""
    deadline, seen = time.monotonic() + seconds, "nothing"
    while time.monotonic() < deadline:
        try:
            found = rows_said(database, table)
            if found >= rows:
                return found
            seen = f"{found} rows"
        except NotThere as error:
            seen = str(error)
        time.sleep(0.1)
    raise TimeoutError(f"waited {seconds:.0f} s for {rows} rows in {table}, last saw {seen}")

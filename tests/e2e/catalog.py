"""Finds a table in a catalog with nothing but the standard library: quick to start, and nobody's reader.

A catalog is the path of a SQLite file or the address of a REST server (`http://...`, without `/v1`).
"""

import gzip
import json
import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import quote, unquote, urlsplit
from urllib.request import ProxyHandler, build_opener


class NotThere(Exception):
    """The table, its catalog or its first snapshot does not exist (yet)."""


@dataclass
class Entry:
    """A table's row in the catalog."""

    catalog: str
    namespace: str
    name: str
    location: str
    answered: dict | None = None
    """The metadata, where the catalog itself has told it."""

    def metadata(self) -> dict:
        """The table's metadata, parsed."""
        if self.answered is not None:
            return self.answered
        path = Path(unquote(urlsplit(self.location).path))
        read = gzip.decompress(path.read_bytes()) if path.name.endswith(".gz.metadata.json") else path.read_bytes()
        return json.loads(read)


def is_rest(catalog: str) -> bool:
    """Whether this is a server rather than a file."""
    return catalog.startswith("http://")


def find(catalog: str, table: str) -> Entry:
    """The entry of `namespace.table`."""
    namespace, name = table.rsplit(".", 1)
    return (ask_server if is_rest(catalog) else ask_sqlite)(catalog, namespace, name)


def ask_server(catalog: str, namespace: str, name: str) -> Entry:
    """Loads a table of a namespace of one level."""
    url = f"{catalog}/v1/namespaces/{quote(namespace, safe='')}/tables/{quote(name, safe='')}"
    try:
        # A proxy has no business between a test and its server.
        with build_opener(ProxyHandler({})).open(url, timeout=30) as answer:
            loaded = json.load(answer)
    except HTTPError as error:
        if error.code != 404:
            raise
        raise NotThere(f"{url}: {error}") from error
    return Entry("", namespace, name, loaded["metadata-location"], loaded["metadata"])


def ask_sqlite(database: str, namespace: str, name: str) -> Entry:
    """Reads a table's row; the catalog's own name is taken from it."""
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
        raise ValueError(f"{namespace}.{name} stands {len(rows)} times in {database}")
    if not rows or rows[0][1] is None:
        raise NotThere(f"no {namespace}.{name} in {database}")
    return Entry(rows[0][0], namespace, name, rows[0][1])


def head(metadata: dict) -> dict:
    """The snapshot that `main` points at."""
    current = metadata.get("current-snapshot-id", -1)
    for snapshot in metadata.get("snapshots", []):
        if snapshot["snapshot-id"] == current:
            return snapshot
    raise NotThere("no snapshot")


def rows_said(catalog: str, table: str) -> int:
    """How many rows the head's summary says there are: for progress, never as proof."""
    return int(head(find(catalog, table).metadata())["summary"].get("total-records", 0))


def wait_rows(catalog: str, table: str, rows: int, seconds: float) -> int:
    """Waits until the head says `rows` or more. Raises TimeoutError with the last thing seen."""
    deadline, seen = time.monotonic() + seconds, "nothing"
    while time.monotonic() < deadline:
        try:
            found = rows_said(catalog, table)
            if found >= rows:
                return found
            seen = f"{found} rows"
        except NotThere as error:
            seen = str(error)
        time.sleep(0.1)
    raise TimeoutError(f"waited {seconds:.0f} s for {rows} rows in {table}, last saw {seen}")

"""What the benchmark asks of a table in a REST catalog whose files are on disk, by PyIceberg and PyArrow, as JSON.

    rows CATALOG NAMESPACE.TABLE               rows, the sum of the column id, different (partition, offset), live files
    times CATALOG NAMESPACE.TABLE HEADS LOG    flush and freshness in milliseconds, each of all values

HEADS is a JSON list of [snapshot, when it was seen first in milliseconds since 1970], in that order. LOG is K2I's, with
the lines that say when a cut was begun to be sealed. A snapshot that nobody saw, since the next one came at once, was
visible when that one was.
"""

import json
import re
import sys
from datetime import datetime
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyiceberg.catalog.rest import RestCatalog

FILE = re.compile(r"k2i-[0-9a-f]+-\d+-(?P<session>[0-9a-f]+)-(?P<sequence>\d+)-\d+\.parquet$")
"""The name of a data file says which cut it belongs to."""
SEALING = "sealing a cut"
QUANTILES = {"p50": 0.5, "p99": 0.99, "max": 1.0}


def load(catalog: str, table: str):
    return RestCatalog("lake", uri=catalog, **{"py-io-impl": "pyiceberg.io.pyarrow.PyArrowFileIO"}).load_table(table)


def entries(table) -> list:
    """The live files of the head, each with the snapshot that added it."""
    manifests = table.current_snapshot().manifests(table.io)
    return [entry for manifest in manifests for entry in manifest.fetch_manifest_entry(table.io, discard_deleted=True)]


def rows(catalog: str, name: str) -> dict:
    table = load(catalog, name)
    read = table.scan(selected_fields=("id", "_kafka_partition", "_kafka_offset")).to_arrow()
    places = read.group_by(["_kafka_partition", "_kafka_offset"]).aggregate([])
    return {
        "rows": read.num_rows,
        "sum": pc.sum(read["id"]).as_py() or 0,
        "places": places.num_rows,
        "live_files": len(entries(table)),
    }


def visible(table, heads: list[tuple[int, int]]) -> dict[int, int]:
    """Snapshot to when it was there."""
    order = {snapshot.snapshot_id: snapshot.sequence_number for snapshot in table.metadata.snapshots}
    seen = [(order[snapshot], at) for snapshot, at in heads if snapshot in order]
    return {
        snapshot: min(at for later, at in seen if later >= sequence)
        for snapshot, sequence in order.items()
        if any(later >= sequence for later, _ in seen)
    }


def sealed(log: str) -> dict[tuple[str, str], float]:
    """(session, sequence) of each cut to when its seal began."""
    found = {}
    for line in Path(log).read_text(encoding="utf-8").splitlines():
        if SEALING in line:
            event = json.loads(line)
            at = datetime.fromisoformat(event["timestamp"]).timestamp() * 1000
            found[str(event["session"]), str(event["sequence"])] = at
    return found


def spread(values: pa.Array | pa.ChunkedArray) -> dict:
    found = pc.quantile(values, q=list(QUANTILES.values())).to_pylist()
    return {"count": len(values), **{name: round(value) for name, value in zip(QUANTILES, found, strict=True)}}


def times(catalog: str, name: str, heads: str, log: str) -> dict:
    table = load(catalog, name)
    shown = visible(table, [tuple(pair) for pair in json.loads(heads)])
    seals, flushes, ages = sealed(log), [], []
    for entry in entries(table):
        location, at = entry.data_file.file_path, shown[entry.snapshot_id]
        cut = FILE.search(location)
        flushes.append(at - seals[cut["session"], cut["sequence"]])
        records = pq.read_table(unquote(urlsplit(location).path), columns=["_kafka_timestamp"])
        millis = pc.divide(records["_kafka_timestamp"].cast(pa.int64()).cast(pa.float64()), pa.scalar(1000.0))
        ages.extend(pc.subtract(pa.scalar(float(at)), millis).chunks)
    return {
        "flush": spread(pa.array(flushes, pa.float64())),
        "freshness": spread(pa.chunked_array(ages, pa.float64())),
        "live_files": len(flushes),
    }


if __name__ == "__main__":
    command, *arguments = sys.argv[1:]
    json.dump({"rows": rows, "times": times}[command](*arguments), sys.stdout)

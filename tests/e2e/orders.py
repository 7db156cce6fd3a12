"""The records of the end-to-end tests, and what they add up to.

An order is a function of its number alone, so that producer and reader need no common file to agree on it. Its values
are chosen to show what goes wrong quietly: identifiers past 2**53 (lost in a double), amounts in quarters (exact in
binary, so that a sum does not depend on its order), fields that are null, absent, empty or not ASCII.

`Tally` is what a run adds up to. Producer and readers each compute their own; the tests compare.
"""

from dataclasses import asdict, dataclass, field

FIRST_ID = 2**53 + 1
NAMES = ("Ada", "Blaise", "Çelik", "Дмитрий", "エミ", "François", "G. \"Quote\" O'Neil", "")
TAGS = ("new", "gift", "express", "größe-xl", "b2b")


def mixed(number: int) -> int:
    """A 64-bit hash of `number` (the finaliser of splitmix64), so that neighbours differ in every field."""
    z = (number + 0x9E3779B97F4A7C15) & (2**64 - 1)
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & (2**64 - 1)
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & (2**64 - 1)
    return z ^ (z >> 31)


def order(number: int) -> dict:
    """Order `number`, as the JSON object that goes into the topic."""
    bits = mixed(number)
    second = number % 86_400
    record = {
        "order_id": FIRST_ID + number,
        "customer": NAMES[bits % len(NAMES)],
        "amount": ((bits >> 8) % 400_000 - 100_000) / 4 + 0.25,
        "item": {
            "sku": f"SKU-{(bits >> 16) % 1_000:04}",
            "quantity": (bits >> 24) % 9 + 1,
            "gift": (bits >> 32) % 4 == 0,
        },
        "tags": [TAGS[(bits >> shift) % len(TAGS)] for shift in range(40, 40 + (bits >> 36) % 4)],
        "placed_at": f"2026-03-{number // 86_400 % 28 + 1:02}T{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}Z",
    }
    if bits % 3 == 0:
        record["note"] = None
    elif bits % 3 == 1:
        record["note"] = f"order {number}, leave with the neighbour"
    return record


@dataclass
class Tally:
    """Counts and sums over every column, nested ones too. All exact."""

    rows: int = 0
    order_ids: int = 0
    customer_chars: int = 0
    amount: float = 0.0
    quantity: int = 0
    sku_chars: int = 0
    gifts: int = 0
    tags: int = 0
    placed_at_chars: int = 0
    notes: int = 0
    note_chars: int = 0
    partitions: dict = field(default_factory=dict)
    """Per topic partition (as text): rows, lowest offset, highest offset."""

    def add(self, record: dict) -> None:
        """Counts one record's values."""
        self.rows += 1
        self.order_ids += record["order_id"]
        self.customer_chars += len(record["customer"])
        self.amount += record["amount"]
        self.quantity += record["item"]["quantity"]
        self.sku_chars += len(record["item"]["sku"])
        self.gifts += record["item"]["gift"]
        self.tags += len(record["tags"])
        self.placed_at_chars += len(record["placed_at"])
        if record.get("note") is not None:
            self.notes += 1
            self.note_chars += len(record["note"])

    def place(self, partition: int, offset: int) -> None:
        """Counts where one record stands in Kafka."""
        rows, first, last = self.partitions.get(str(partition), (0, offset, offset))
        self.partitions[str(partition)] = (rows + 1, min(first, offset), max(last, offset))

    def as_dict(self) -> dict:
        """For `json.dump`: the sum of identifiers as text, since it does not fit into 64 bits; partitions in order."""
        plain = asdict(self)
        plain["order_ids"] = str(self.order_ids)
        plain["partitions"] = {p: list(v) for p, v in sorted(self.partitions.items())}
        return plain

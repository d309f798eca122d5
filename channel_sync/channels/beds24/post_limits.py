"""How much one POST carries: up to 10,000 items and about 1 MB (docs/beds24.md), of which a tenth is left."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from channel_sync.channels.http_pool import encoded

MOST_ITEMS = 10_000
MOST_BYTES = 900_000
COMMA = 1


def items_in_one_call(items: Sequence[Any]) -> int:
    """How many of the items, from the first, fit into one POST; at least one."""
    size = 0
    for number, item in enumerate(items[:MOST_ITEMS]):
        size += len(encoded(item)) + COMMA
        if size > MOST_BYTES and number:
            return number
    return min(len(items), MOST_ITEMS)

"""The info items of a booking: coded notes."""

from __future__ import annotations

import itertools

from channel_sync.channels.beds24.simulator.booking_items import ItemKind
from channel_sync.channels.beds24.simulator.state import Json, utc_now

_ids = itertools.count(7_000_001)
WRITTEN = ("code", "text")


def _wrong_field(item: Json) -> str | None:
    return next((name for name in WRITTEN if not isinstance(item.get(name, ""), str)), None)


def _wrong_when_new(item: Json) -> str | None:
    return None if item.get("code") else "code"


def _make(booking: Json, item: Json) -> Json:
    return {
        "id": next(_ids),
        "bookingId": booking["id"],
        "createTime": utc_now(),
        "code": item["code"],
        "text": item.get("text", ""),
    }


def _change(present: Json, item: Json) -> Json:
    return present | {name: item[name] for name in WRITTEN if name in item}


INFO_ITEM = ItemKind("info item", _wrong_field, _wrong_when_new, _make, _change)

"""Nights of the calendar on which no price is set: Beds24 offers nothing then, whatever `numAvail` it was sent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from channel_sync.channels.beds24.wire import WireRoomCalendar, read
from channel_sync.channels.ranges import nights

PRICES = tuple(f"price{slot}" for slot in range(1, 17))


def unpriced_nights(room: Mapping[str, Any], first: date, last: date) -> Iterator[tuple[str, date]]:
    """The room and each of its nights without a price in any slot. Raises `InvalidPayload`."""
    found = read(WireRoomCalendar, room)
    priced = {
        night
        for day in found.calendar
        if any((day.model_extra or {}).get(name) is not None for name in PRICES)
        for night in nights(max(day.first, first), min(day.last, last))
    }
    return ((found.roomId, night) for night in nights(first, last) if night not in priced)

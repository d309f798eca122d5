"""Nights of the calendar on which no price is set: Beds24 offers nothing then, whatever `numAvail` it was sent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from channel_sync.channels.beds24.wire import WireCalendarDay, WireRoomCalendar, read
from channel_sync.channels.ranges import nights

PRICES = tuple(f"price{slot}" for slot in range(1, 17))


def unpriced_nights(room: Mapping[str, Any], first: date, last: date) -> Iterator[tuple[str, date]]:
    """The room and each of its nights without a price in any slot. Raises `InvalidPayload`.

    None of a room that offers something on such a night: it has prices elsewhere than in the calendar.
    """
    found = read(WireRoomCalendar, room)
    unpriced = [day for day in found.calendar if not _has_price(day)]
    if any((day.numAvail or 0) > 0 for day in unpriced):
        return iter(())
    priced = {
        night
        for day in found.calendar
        if _has_price(day)
        for night in nights(max(day.first, first), min(day.last, last))
    }
    return ((found.roomId, night) for night in nights(first, last) if night not in priced)


def _has_price(day: WireCalendarDay) -> bool:
    return any((day.model_extra or {}).get(name) is not None for name in PRICES)

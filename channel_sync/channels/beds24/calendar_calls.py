"""The calls of Beds24's calendar: what is free, prices and restrictions, read and written."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any, TypeVar

from channel_sync.channels.beds24.calendar import Room, availability_rooms, batches, rate_rooms
from channel_sync.channels.beds24.client import Client
from channel_sync.channels.beds24.left_out import readable
from channel_sync.channels.beds24.normalization import normalize_availability_event, normalize_rate_event
from channel_sync.channels.beds24.room_terms import CLOSED
from channel_sync.channels.beds24.unpriced import unpriced_nights
from channel_sync.channels.beds24.wire import WireRoomCalendar, read
from channel_sync.channels.canonical import AvailabilityRange, RateRange
from channel_sync.channels.ranges import nights

CALENDAR = "/inventory/rooms/calendar"

Nights = TypeVar("Nights", AvailabilityRange, RateRange)


class CalendarCalls:
    """The calendar of one account."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def push_availability(self, ranges: Sequence[AvailabilityRange], idempotency_key: str) -> list[str]:
        """Set `numAvail`; what Beds24 warns of."""
        return self._set_calendar(availability_rooms(ranges), idempotency_key)

    def push_rates(self, ranges: Sequence[RateRange], idempotency_key: str) -> list[str]:
        """Set prices and restrictions; what Beds24 warns of."""
        return self._set_calendar(rate_rooms(ranges), idempotency_key)

    def _set_calendar(self, rooms: Sequence[Room], idempotency_key: str) -> list[str]:
        """Each POST has a key of its own: under the key of another it could be taken for a repetition."""
        warnings: list[str] = []
        for number, batch in enumerate(batches(rooms)):
            key = f"{idempotency_key}:{number}" if number else idempotency_key
            results = self._client.post_all(CALENDAR, batch, idempotency_key=key)
            warnings += [
                f"room {room['roomId']}: {remark}"
                for room, result in zip(batch, results, strict=True)
                for remark in result.remarks()
            ]
        return warnings

    def availability(
        self, external_room_ids: Sequence[str], first: date, last: date, *, only_readable: bool = False
    ) -> Sequence[AvailabilityRange]:
        """`numAvail` of the rooms; what the answer holds beside them is not looked at."""
        rooms = self._client.get_pages(
            CALENDAR,
            {
                "roomId": list(external_room_ids),
                "startDate": str(first),
                "endDate": str(last),
                "includeNumAvail": "true",
            },
        )
        wanted = (room for room in rooms if isinstance(room, Mapping) and str(room.get("roomId")) in external_room_ids)
        if only_readable:
            found = readable(wanted, normalize_availability_event, "calendar")
        else:
            found = map(normalize_availability_event, wanted)
        return _within(first, last, (span for ranges in found for span in ranges))

    def unpriced_nights(
        self, external_room_ids: Sequence[str], first: date, last: date
    ) -> Collection[tuple[str, date]]:
        """Nights without a price in any slot, linked prices included.

        Of a room that cannot be read, or is sold by prices elsewhere than in the calendar, there are none.
        """
        rooms = self._client.get_pages(
            CALENDAR,
            {
                "roomId": list(external_room_ids),
                "startDate": str(first),
                "endDate": str(last),
                "includeNumAvail": "true",
                "includePrices": "true",
                "includeLinkedPrices": "true",
            },
        )
        found = readable(rooms, lambda room: list(unpriced_nights(room, first, last)), "calendar")
        return {night for of_room in found for night in of_room}

    def closed_nights(self, external_room_ids: Sequence[str], first: date, last: date) -> Collection[tuple[str, date]]:
        """Nights with the override `blackout`; a room that cannot be read has none."""
        rooms = self._client.get_pages(
            CALENDAR,
            {
                "roomId": list(external_room_ids),
                "startDate": str(first),
                "endDate": str(last),
                "includeOverride": "true",
            },
        )
        found = readable(rooms, lambda room: list(_closed(room, first, last)), "calendar")
        return {night for of_room in found for night in of_room}

    def rates(self, external_rate_ids: Sequence[str], first: date, last: date) -> Sequence[RateRange]:
        """Prices and restrictions of price slots (`<roomId>:<slot>`)."""
        rooms = self._client.get_pages(
            CALENDAR,
            {
                "roomId": sorted({rate.partition(":")[0] for rate in external_rate_ids}),
                "startDate": str(first),
                "endDate": str(last),
                "includePrices": "true",
                "includeMinStay": "true",
                "includeMaxStay": "true",
                "includeOverride": "true",
            },
        )
        found = readable(rooms, normalize_rate_event, "calendar")
        wanted = (span for ranges in found for span in ranges if span.external_rate_id in external_rate_ids)
        return _within(first, last, wanted)


def _closed(room: Mapping[str, Any], first: date, last: date) -> Iterator[tuple[str, date]]:
    calendar = read(WireRoomCalendar, room)
    for day in calendar.calendar:
        if day.override == CLOSED:
            for night in nights(max(day.first, first), min(day.last, last)):
                yield calendar.roomId, night


def _within(first: date, last: date, found: Iterable[Nights]) -> list[Nights]:
    """Cut to what was asked for: a slip in a year would stand for millions of nights."""
    return [
        span.model_copy(update={"first_night": max(span.first_night, first), "last_night": min(span.last_night, last)})
        for span in found
        if span.first_night <= last and span.last_night >= first
    ]

"""The calendar of rooms, as Beds24 wants it: all rooms in one POST, equal days as ranges."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import Any

from channel_sync.channels.beds24.post_limits import COMMA, MOST_BYTES, MOST_ITEMS
from channel_sync.channels.beds24.room_terms import CLOSED, room_terms
from channel_sync.channels.beds24.wire import id_number
from channel_sync.channels.canonical import AvailabilityRange, RateRange
from channel_sync.channels.http_pool import encoded
from channel_sync.channels.ranges import equal_ranges, nights
from channel_sync.errors import InvalidPayload

Room = dict[str, Any]


def availability_rooms(ranges: Sequence[AvailabilityRange]) -> list[Room]:
    """One item per room with its ranges of `numAvail`."""
    calendar: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for span in ranges:
        calendar[span.external_room_id].append(
            {"from": str(span.first_night), "to": str(span.last_night), "numAvail": span.units}
        )
    return _rooms(calendar)


def rate_rooms(ranges: Sequence[RateRange]) -> list[Room]:
    """One item per room; prices go to their slots, restrictions to the room, since Beds24 has them once per room.

    Where rate plans of one room differ, the room is closed only when all of them are, and has the strictest
    restrictions of those that are sold (`room_terms`). A price that was sent and is gone is deleted, and so is that of
    a closed plan beside an open one: that is how Beds24 closes one plan of several. `override` is sent only where it
    changes, and `numAvail` with it: an override that is lifted without one opens as many rooms as there are.
    """
    by_night: dict[str, dict[date, dict[int, RateRange]]] = defaultdict(lambda: defaultdict(dict))
    for rates in ranges:
        room_id, slot = split_rate_id(rates.external_rate_id)
        for night in nights(rates.first_night, rates.last_night):
            by_night[room_id][night][slot] = rates
    calendar = {room_id: list(_merged_days(found)) for room_id, found in by_night.items()}
    return _rooms(calendar)


def split_rate_id(external_rate_id: str) -> tuple[str, int]:
    """`<roomId>:<price slot 1-16>`. Raises `InvalidPayload`."""
    room_id, _, slot = external_rate_id.partition(":")
    if not room_id or not slot.isdecimal() or not 1 <= int(slot) <= 16:
        raise InvalidPayload("external_rate_id", f"'{external_rate_id}' is not '<roomId>:<price slot 1-16>'")
    return room_id, int(slot)


def batches(rooms: Iterable[Room]) -> Iterator[list[Room]]:
    """Rooms in as few POSTs as the limits allow; a room whose days do not fit into one is split."""
    batch: list[Room] = []
    size = 0
    for room in rooms:
        frame = len(encoded({**room, "calendar": []})) + COMMA
        is_begun = False
        for day in room["calendar"]:
            more = len(encoded(day)) + COMMA
            if batch and (
                size + more + (0 if is_begun else frame) > MOST_BYTES or (not is_begun and len(batch) == MOST_ITEMS)
            ):
                yield batch
                batch, size, is_begun = [], 0, False
            if not is_begun:
                batch.append({**room, "calendar": []})
                size += frame
                is_begun = True
            batch[-1]["calendar"].append(day)
            size += more
    if batch:
        yield batch


def _rooms(calendar: dict[str, list[dict[str, Any]]]) -> list[Room]:
    return [{"roomId": id_number("roomId", room_id), "calendar": days} for room_id, days in sorted(calendar.items())]


def _merged_days(by_night: dict[date, dict[int, RateRange]]) -> Iterator[dict[str, Any]]:
    """Equal neighbouring nights as one range."""
    days = ((night, _day_values(by_night[night])) for night in sorted(by_night))
    return ({"from": str(first), "to": str(last), **values} for first, last, values in equal_ranges(days))


def _day_values(slots: dict[int, RateRange]) -> dict[str, Any]:
    rates = list(slots.values())
    # One that is gone has no say, but for the closures of a room of which no other is left.
    stays = room_terms([one.terms for one in rates if not _is_gone(one)] or [one.terms for one in rates])
    override = room_terms([one.terms for one in rates]).override
    was = room_terms([one.sent for one in rates if one.sent is not None]).override
    values: dict[str, Any] = {}
    for slot, one in sorted(slots.items()):
        if _is_gone(one) or (one.terms.stop_sell and override != CLOSED):
            values[f"price{slot}"] = None
        elif one.terms.price is not None:
            values[f"price{slot}"] = float(one.terms.price)
    if stays.min_stay is not None:
        values["minStay"] = stays.min_stay
    if stays.max_stay is not None:
        values["maxStay"] = stays.max_stay
    if any(one.resend for one in rates) or override != was:
        values |= {"override": override, "numAvail": _units(rates)}
    elif (units := _known_units(rates)) is not None:
        values["numAvail"] = units
    return values


def _is_gone(rates: RateRange) -> bool:
    """A price was sent and there is none any more: null deletes it."""
    return rates.terms.price is None and rates.sent is not None and rates.sent.price is not None


def _units(rates: list[RateRange]) -> int:
    """The units that go with an override. Raises `InvalidPayload` where nobody has counted them."""
    units = _known_units(rates)
    if units is None:
        raise InvalidPayload("numAvail", "is missing beside 'override'")
    return units


def _known_units(rates: list[RateRange]) -> int | None:
    return min((one.units for one in rates if one.units is not None), default=None)

"""What of a booking is merged: a value for each field, in the same words for both sides.

What has one meaning is one field: arrival and departure, the first and the last name. A field that is not there is not
known. Rooms go by the channel's id, and values are as JSON keeps them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import Any

from channel_sync.channels.canonical import NOTHING, OF_GUEST, Booking, BookingPush, Stay, named_value


class Field(StrEnum):
    """A field of a booking that either side may change."""

    STATUS = "status"
    DATES = "dates"
    ROOM = "room"
    UNITS = "units"
    ADULTS = "adults"
    CHILDREN = "children"
    PRICE = "price"
    NOTES = "notes"
    GUEST_NAME = "guest_name"
    EMAIL = "email"
    PHONE = "phone"
    COUNTRY = "country"


Values = Mapping[Field, Any]

# What may name the guest.
PERSONAL = frozenset({Field.NOTES, Field.GUEST_NAME, Field.EMAIL, Field.PHONE, Field.COUNTRY})

# What each field is made of, in the words of `canonical.NAMED_FIELDS`.
PARTS: Mapping[Field, tuple[str, ...]] = {
    Field.STATUS: ("status",),
    Field.DATES: ("check_in", "check_out"),
    Field.ROOM: ("external_room_id",),
    Field.UNITS: ("units",),
    Field.ADULTS: ("adults",),
    Field.CHILDREN: ("children",),
    Field.PRICE: ("price",),
    Field.NOTES: ("notes",),
    Field.GUEST_NAME: (f"{OF_GUEST}first_name", f"{OF_GUEST}last_name"),
    Field.EMAIL: (f"{OF_GUEST}email",),
    Field.PHONE: (f"{OF_GUEST}phone",),
    Field.COUNTRY: (f"{OF_GUEST}country",),
}


def values_of(state: Booking | BookingPush) -> dict[Field, Any]:
    """The fields of a state as far as they are known. No price is a price of zero: a channel shows both equally."""
    left_out = set(state.left_out) if isinstance(state, Booking) else set()
    return {field: _value(state, parts) for field, parts in PARTS.items() if left_out.isdisjoint(parts)}


def parts_of(fields: Collection[Field]) -> frozenset[str]:
    """What is sent of a booking for some of its fields."""
    return frozenset(part for field in fields for part in PARTS[field])


def with_values(stay: Stay, values: Values, *, external_id: str, external_room_id: str) -> Booking:
    """A stay as a booking, with the values of some fields."""
    state: dict[str, Any] = stay.model_dump(include=set(Stay.model_fields))
    state |= {"external_id": external_id, "external_room_id": external_room_id}
    for field, value in values.items():
        parts = PARTS[field]
        for part, one in zip(parts, value if len(parts) > 1 else [value], strict=True):
            at = state["guest"] if part.startswith(OF_GUEST) else state
            at[part.removeprefix(OF_GUEST)] = one
    return Booking.model_validate(state)


def is_nothing(value: Any) -> bool:
    """Whether nobody has filled a field."""
    return all(part in NOTHING for part in value) if isinstance(value, list) else value in (*NOTHING, "0.00")


def _value(state: Booking | BookingPush, parts: tuple[str, ...]) -> Any:
    values = [_plain(named_value(state, part), part) for part in parts]
    return values if len(values) > 1 else values[0]


def _plain(value: Any, part: str) -> Any:
    if part == "price":
        return f"{value or 0:.2f}"
    return value if isinstance(value, int) else str(value)

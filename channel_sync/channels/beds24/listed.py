"""Items of Beds24's lists, read one by one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from channel_sync.channels.beds24.left_out import readable
from channel_sync.channels.beds24.normalization import (
    KEY_INFO_CODE,
    PRICE_SLOTS,
    is_cancelled,
    normalize_booking_event,
    normalize_cancellation,
)
from channel_sync.channels.beds24.webhook import listed_booking
from channel_sync.channels.beds24.wire import WireBookingReference, WireProperty, WireRoom, read, readable_info_items
from channel_sync.channels.canonical import (
    Booking,
    BookingCancellation,
    BookingNotification,
    ChannelPropertyDetails,
    ChannelRoom,
)
from channel_sync.errors import InvalidPayload


def property_details(item: Mapping[str, Any]) -> ChannelPropertyDetails:
    """A property with its rooms."""
    found = read(WireProperty, item, prefix="property.")
    rooms = readable(found.roomTypes or found.rooms or [], _room, "room")
    return ChannelPropertyDetails(external_id=found.id, name=found.name, currency=found.currency, rooms=tuple(rooms))


def listed(items: Iterable[Any]) -> Iterator[BookingNotification]:
    """Each booking as its webhook would describe it; one without a readable id is left out, its neighbours are not."""
    return readable(items, listed_booking, "booking")


def state_of(item: Mapping[str, Any]) -> Booking | BookingCancellation:
    """A booking, or the number of one that is cancelled and cannot be read. Raises `InvalidPayload`."""
    try:
        return normalize_booking_event(item)
    except InvalidPayload:
        if is_cancelled(item):
            return normalize_cancellation(item)
        raise


def keys_of(item: Mapping[str, Any]) -> tuple[str, Sequence[str]]:
    """The id of a booking, and the idempotency keys that it carries."""
    reference = read(WireBookingReference, {"id": item.get("id")}, prefix="booking.")
    notes = readable_info_items(item.get("infoItems"))
    return reference.id, [note.text for note in notes if note.code == KEY_INFO_CODE]


def _room(item: Mapping[str, Any]) -> ChannelRoom:
    found = read(WireRoom, item, prefix="room.")
    names = {rule.id: rule.name for rule in found.priceRules}
    return ChannelRoom(
        external_id=found.id,
        name=found.name,
        units=found.qty,
        rates={f"{found.id}:{slot}": names.get(slot, "") for slot in PRICE_SLOTS},
    )

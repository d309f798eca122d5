"""What a Beds24 webhook says: the V2 booking webhook, the inventory webhook, and the event envelope.

Only what names the property and the booking or room has to be there: a webhook is stored whatever its other fields
hold, and the worker names the one that cannot be read.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from channel_sync.channels.beds24.card_data import without_card_data
from channel_sync.channels.beds24.personal_data import without_personal_data
from channel_sync.channels.beds24.wire import (
    Beds24Status,
    WireBooking,
    WireBookingReference,
    is_id,
    read,
    read_or_none,
    read_time,
)
from channel_sync.channels.canonical import (
    AvailabilityNotification,
    BookingChange,
    BookingNotification,
    Notification,
)
from channel_sync.errors import MalformedWebhook
from channel_sync.moments import time_to_order_by

ENVELOPE_CHANGES = {
    "booking.created": BookingChange.CREATED,
    "booking.modified": BookingChange.MODIFIED,
    "booking.cancelled": BookingChange.CANCELLED,
    "booking.deleted": BookingChange.DELETED,
}
ENVELOPE_AVAILABILITY = "availability.updated"
# As much of an unreadable id as the log of events keeps, to find it by.
KEPT_OF_AN_ID = 100
# A new booking of an OTA is "modified" a second after it was booked.
WHILE_IT_IS_MADE = timedelta(seconds=2)


def parse_webhook(payload: Mapping[str, Any]) -> Notification:
    """Tell the three forms apart. Raises `MalformedWebhook` for anything else. Card data is taken off first."""
    payload = without_card_data(payload)
    if payload.get("event"):
        return _envelope(payload)
    if "booking" in payload:
        return _booking(payload)
    if payload.get("action") == "SYNC_ROOM":
        return _inventory(payload, dedupe_key="")
    raise MalformedWebhook("The body is neither a booking webhook, nor an inventory webhook, nor an event envelope.")


def _booking(payload: Mapping[str, Any]) -> BookingNotification:
    booking = _object(payload, "booking")
    return _notification(
        booking,
        payload,
        external_property_id=_named(booking, "propertyId", prefix="booking."),
        external_id=_id_of(booking),
    )


def listed_booking(item: Mapping[str, Any]) -> BookingNotification:
    """A booking of `GET /bookings`, as if its webhook had come: the same state has the same key.

    Only its id has to be right: what is wrong with the rest is found when the stored event is worked. Raises
    `InvalidPayload`.
    """
    reference = read(WireBookingReference, {"id": item.get("id")}, prefix="booking.")
    booking = without_card_data({name: value for name, value in item.items() if name != "infoItems"})
    info_items = without_card_data({"infoItems": item.get("infoItems") or []})
    return _notification(
        booking,
        {"booking": booking, **info_items},
        external_property_id=_text_of(item.get("propertyId")),
        external_id=reference.id,
    )


def _notification(
    booking: Mapping[str, Any], payload: Mapping[str, Any], *, external_property_id: str, external_id: str
) -> BookingNotification:
    """Beds24 names no event: what happened is read from the booking."""
    content = _read_of({"infoItems": payload.get("infoItems") or [], **booking})
    return BookingNotification(
        change=_change(booking),
        external_property_id=external_property_id,
        external_id=external_id[:KEPT_OF_AN_ID],
        dedupe_key=f"booking-{external_id}-{_modified(booking)}-{_digest(content)}",
        occurred_at=_occurred_at(booking, payload),
        is_redelivery=_is_redelivery(payload),
        payload=dict(payload),
    )


def _modified(booking: Mapping[str, Any]) -> str:
    """The same for every spelling of a time; blank where there is none."""
    found = read_time(booking.get("modifiedTime"))
    return "" if found is None else found.isoformat()


def _change(booking: Mapping[str, Any]) -> BookingChange:
    if booking.get("status") == Beds24Status.CANCELLED:
        return BookingChange.CANCELLED
    booked, modified = read_time(booking.get("bookingTime")), read_time(booking.get("modifiedTime"))
    if modified is None or (booked is not None and modified - booked <= WHILE_IT_IS_MADE):
        return BookingChange.CREATED
    return BookingChange.MODIFIED


def _occurred_at(booking: Mapping[str, Any], payload: Mapping[str, Any]) -> datetime | None:
    """When the state was reached; when it was sent, where that is not known."""
    return time_to_order_by(read_time(booking.get("modifiedTime")), datetime.now(UTC)) or read_time(
        payload.get("timeStamp")
    )


def _is_redelivery(payload: Mapping[str, Any]) -> bool:
    """`retries` is 0 at the first delivery of a webhook."""
    return _text_of(payload.get("retries")) not in ("", "0")


def _inventory(payload: Mapping[str, Any], *, dedupe_key: str) -> AvailabilityNotification:
    """`SYNC_ROOM` has no id of its own: each delivery is a reason to look again. Of other fields nothing is kept."""
    name = "propId" if payload.get("propId") else "propertyId"
    property_id, room_id = _named(payload, name), _named(payload, "roomId")
    now = datetime.now(UTC)
    return AvailabilityNotification(
        external_property_id=property_id,
        external_room_id=room_id if is_id(room_id) else "",
        dedupe_key=dedupe_key or f"room-{room_id}-{now.timestamp():.6f}",
        occurred_at=now,
        # It is about no guest: an erasure would not look for one here.
        payload=without_personal_data(payload),
    )


def _envelope(payload: Mapping[str, Any]) -> Notification:
    """What happened is what the envelope says; where it has no word that we know, it is read from the booking.

    Without a number of its own, an event goes by its content, as a webhook of Beds24 itself.
    """
    number, event = _text_of(payload.get("event_id")), _text_of(payload.get("event")).lower()
    data = _object(payload, "data")
    if event == ENVELOPE_AVAILABILITY:
        return _inventory(data, dedupe_key=f"event-{number}" if number else "")
    booking = _object(data, "booking") if data.get("booking") is not None else data
    kept = {"booking": dict(booking)} | ({"infoItems": data["infoItems"]} if "infoItems" in data else {})
    found = _notification(
        booking,
        {**kept, "timeStamp": payload.get("timeStamp")},
        external_property_id=_named(booking, "propertyId", prefix="data."),
        external_id=_id_of(booking),
    )
    return found.model_copy(
        update={
            "change": ENVELOPE_CHANGES.get(event, found.change),
            "payload": kept,
            **({"dedupe_key": f"event-{number}", "is_numbered": True} if number else {}),
        }
    )


def _id_of(booking: Mapping[str, Any]) -> str:
    """The number of a booking, in whatever shape; one that has none is stored, and fails by that name."""
    found = booking.get("id")
    return (_text_of(found) or ("" if found is None else json.dumps(found)))[:KEPT_OF_AN_ID]


def _object(payload: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = payload.get(name)
    if not isinstance(value, Mapping):
        raise MalformedWebhook(f"'{name}' is not an object.")
    return value


def _named(payload: Mapping[str, Any], field: str, *, prefix: str = "") -> str:
    """What a field names, in whatever shape: whether it can be an id is found by the worker. Refused where absent."""
    found = payload.get(field)
    if found in (None, "", [], {}):
        raise MalformedWebhook(f"The field '{prefix}{field}' is missing.")
    return _text_of(found) or json.dumps(found)


def _text_of(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else ""


def _read_of(booking: Mapping[str, Any]) -> Mapping[str, Any]:
    """What we read of a booking, the same whether a webhook or a list says it; all of one that cannot be read.

    A webhook has fields that a list has not, and numbers as text.
    """
    found = read_or_none(WireBooking, booking)
    return booking if found is None else found.model_dump(mode="json", exclude_unset=True)


def _digest(content: Mapping[str, Any]) -> str:
    """A hash of what can change between two states of a booking; the rest of a webhook changes by delivery."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()[:32]

"""What a Beds24 webhook says: the V2 booking webhook, the inventory webhook, and the envelope of the sync plan."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from pydantic import TypeAdapter, ValidationError

from channel_sync.channels.beds24.wire import (
    MAX_ID_LENGTH,
    Beds24Status,
    UtcTime,
    WireBooking,
    WireBookingReference,
    read,
)
from channel_sync.channels.canonical import (
    AvailabilityNotification,
    BookingChange,
    BookingNotification,
    Notification,
)
from channel_sync.errors import InvalidPayload, MalformedWebhook

ENVELOPE_CHANGES = {
    "booking.created": BookingChange.CREATED,
    "booking.modified": BookingChange.MODIFIED,
    "booking.cancelled": BookingChange.CANCELLED,
    "booking.deleted": BookingChange.DELETED,
}
ENVELOPE_AVAILABILITY = "availability.updated"
NUMBERS = ("roomQty", "numAdult", "numChild", "price")

_time = TypeAdapter[datetime | None](UtcTime)


def parse_webhook(payload: Mapping[str, Any]) -> Notification:
    """Tell the three forms apart. Raises `MalformedWebhook` for anything else."""
    try:
        if "event" in payload:
            return _envelope(payload)
        if "booking" in payload:
            return _booking(payload)
        if payload.get("action") == "SYNC_ROOM":
            return _inventory(payload, dedupe_key="")
    except InvalidPayload as error:
        raise MalformedWebhook(str(error)) from None
    raise MalformedWebhook("The body is neither a booking webhook, nor an inventory webhook, nor an event envelope.")


def _booking(payload: Mapping[str, Any]) -> BookingNotification:
    """A webhook of which every field that we read has the right type."""
    booking = _object(payload, "booking")
    _require_types({"infoItems": payload.get("infoItems"), **booking}, prefix="booking.")
    return _notification(booking, payload)


def listed_booking(item: Mapping[str, Any]) -> BookingNotification:
    """A booking of `GET /bookings`, as if its webhook had come: the same state has the same key.

    Only the ids have to be right: what is wrong with the rest is found when the stored event is worked.
    """
    booking = {name: value for name, value in item.items() if name != "infoItems"}
    return _notification(booking, {"booking": booking, "infoItems": item.get("infoItems") or []})


def _require_types(booking: Mapping[str, Any], prefix: str) -> None:
    """Raise `InvalidPayload` for a wrong type; a number beyond all bounds is stored, and the worker names its field."""
    bounded = {name: None for name in NUMBERS if _is_unbounded(booking.get(name))}
    read(WireBooking, {**booking, **bounded}, prefix=prefix)


def _is_unbounded(value: Any) -> bool:
    try:
        return not math.isfinite(float(value))
    except OverflowError:
        return True
    except (TypeError, ValueError):
        return False


def _notification(booking: Mapping[str, Any], payload: Mapping[str, Any]) -> BookingNotification:
    """Beds24 names no event: what happened is read from the booking (API facts, "Webhooks")."""
    reference = read(WireBookingReference, booking, prefix="booking.")
    content = {"booking": booking, "infoItems": payload.get("infoItems") or []}
    return BookingNotification(
        change=_change(booking),
        external_property_id=reference.propertyId,
        external_id=reference.id,
        dedupe_key=f"booking-{reference.id}-{booking.get('modifiedTime') or ''}-{_digest(content)}",
        occurred_at=_read_time(booking.get("modifiedTime")) or _read_time(payload.get("timeStamp")),
        payload=dict(payload),
    )


def _change(booking: Mapping[str, Any]) -> BookingChange:
    if booking.get("status") == Beds24Status.CANCELLED:
        return BookingChange.CANCELLED
    if not booking.get("modifiedTime") or booking.get("modifiedTime") == booking.get("bookingTime"):
        return BookingChange.CREATED
    return BookingChange.MODIFIED


def _inventory(payload: Mapping[str, Any], *, dedupe_key: str) -> AvailabilityNotification:
    """`SYNC_ROOM` has no id of its own: each delivery is a reason to look again."""
    property_id, room_id = payload.get("propId") or payload.get("propertyId"), payload.get("roomId")
    if not isinstance(property_id, str | int) or not isinstance(room_id, str | int):
        raise MalformedWebhook("An inventory webhook needs 'propId' and 'roomId'.")
    if len(str(room_id)) > MAX_ID_LENGTH:
        raise MalformedWebhook(f"The 'roomId' of an inventory webhook is longer than {MAX_ID_LENGTH} characters.")
    now = datetime.now(UTC)
    return AvailabilityNotification(
        external_property_id=str(property_id),
        external_room_id=str(room_id),
        dedupe_key=dedupe_key or f"room-{room_id}-{now.timestamp():.6f}",
        occurred_at=now,
        payload=dict(payload),
    )


def _envelope(payload: Mapping[str, Any]) -> Notification:
    event_id, event = payload.get("event_id"), payload.get("event")
    if not isinstance(event_id, str | int) or event_id == "":
        raise MalformedWebhook("The envelope's 'event_id' is missing.")
    data = _object(payload, "data")
    if event == ENVELOPE_AVAILABILITY:
        return _inventory(data, dedupe_key=f"event-{event_id}")
    if not isinstance(event, str) or event not in ENVELOPE_CHANGES:
        raise MalformedWebhook(
            f"The envelope's 'event' is none of {', '.join(ENVELOPE_CHANGES)}, availability.updated."
        )
    booking = _object(data, "booking") if "booking" in data else data
    reference = read(WireBookingReference, booking, prefix="data.")
    change = ENVELOPE_CHANGES[event]
    if change is not BookingChange.DELETED:
        _require_types({"infoItems": data.get("infoItems"), **booking}, prefix="data.")
    return BookingNotification(
        change=change,
        external_property_id=reference.propertyId,
        external_id=reference.id,
        dedupe_key=f"event-{event_id}",
        occurred_at=_read_time(booking.get("modifiedTime")) or _read_time(payload.get("timeStamp")),
        payload={"booking": dict(booking), "infoItems": data.get("infoItems") or []},
    )


def _object(payload: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = payload.get(name)
    if not isinstance(value, Mapping):
        raise MalformedWebhook(f"'{name}' is not an object.")
    return value


def _read_time(value: Any) -> datetime | None:
    try:
        return _time.validate_python(value)
    except ValidationError:
        return None


def _digest(content: Mapping[str, Any]) -> str:
    """A hash of what can change between two states of a booking; the rest of a webhook changes by delivery."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()[:32]

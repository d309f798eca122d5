"""Which fields of a stored webhook name nobody: what is not listed here is taken for personal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

BOOKING_FIELDS = frozenset({
    "id", "propertyId", "roomId", "unitId", "masterId", "roomQty", "status", "subStatus", "arrival", "departure",
    "numAdult", "numChild", "price", "deposit", "tax", "commission", "currency", "channel", "apiSource", "apiSourceId",
    "apiReference", "bookingTime", "modifiedTime", "cancelTime", "bookingGroup",
})  # fmt: skip
ENVELOPE_FIELDS = frozenset({
    "timeStamp", "retries", "event", "event_id", "action", "roomId", "propId", "propertyId", "ownerId",
})  # fmt: skip


def without_personal_data(payload: Mapping[str, Any]) -> dict[str, Any]:
    """The payload with the fields that are listed, of the booking too."""
    kept = {name: value for name, value in payload.items() if name in ENVELOPE_FIELDS}
    booking = payload.get("booking")
    if isinstance(booking, Mapping):
        kept["booking"] = {name: value for name, value in booking.items() if name in BOOKING_FIELDS}
    return kept

"""Which fields of a stored webhook name nobody: what is not listed here is taken for personal."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from channel_sync.channels.beds24.normalization import KEY_INFO_CODE

INFO_ITEMS = "infoItems"
BOOKING_FIELDS = frozenset({
    "id", "propertyId", "roomId", "unitId", "masterId", "roomQty", "status", "subStatus", "arrival", "departure",
    "numAdult", "numChild", "price", "deposit", "tax", "commission", "currency", "channel", "apiSource", "apiSourceId",
    "apiReference", "bookingTime", "modifiedTime", "cancelTime", "bookingGroup",
})  # fmt: skip
ENVELOPE_FIELDS = frozenset({
    "timeStamp", "retries", "event", "event_id", "action", "roomId", "propId", "propertyId", "ownerId",
})  # fmt: skip


def without_personal_data(payload: Mapping[str, Any]) -> dict[str, Any]:
    """The payload with the fields that are listed, of the booking too, and with our own key."""
    kept = _listed(payload, ENVELOPE_FIELDS)
    booking = payload.get("booking")
    if isinstance(booking, Mapping):
        kept["booking"] = _listed(booking, BOOKING_FIELDS)
    return kept


def _listed(fields: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
    kept = {name: value for name, value in fields.items() if name in names}
    items = fields.get(INFO_ITEMS)
    ours = [one for one in items if _is_our_key(one)] if isinstance(items, list) else []
    return {**kept, INFO_ITEMS: [{"code": one["code"], "text": one.get("text")} for one in ours]} if ours else kept


def _is_our_key(item: Any) -> bool:
    return isinstance(item, Mapping) and item.get("code") == KEY_INFO_CODE

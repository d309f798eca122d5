"""Take a guest out of what was kept of them: what they booked and when stays, who they are goes.

Fields are left out and not blanked. Whatever reads a redacted payload finds that nothing is said of the guest, which is
no reason to change a reservation; an empty name would be one.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from channel_sync.conflicts import GUEST_DATA
from channel_sync.connections.registry import channel_class
from channel_sync.errors import ConfigurationError
from channel_sync.merge.agreement import OVER, SIDES
from channel_sync.merge.fields import PERSONAL
from channel_sync.models import PMS_SOURCE, ChannelEvent, ReservationLink

# Of a normalised booking, whichever way it went; what a push went over holds digests of names.
PERSONAL_FIELDS = frozenset({"guest", "guest_comments", "notes", OVER, *GUEST_DATA})
REDACTED_COLUMNS = ("payload", "normalized_payload", "redacted_at")


def redact(events: Sequence[ChannelEvent], now: datetime) -> None:
    """Write the events without their guests; the caller holds their locks."""
    for event in events:
        event.payload = _payload(event)
        event.normalized_payload = without_personal_fields(event.normalized_payload)
        event.redacted_at = now
    ChannelEvent.objects.bulk_update(events, REDACTED_COLUMNS)


def without_personal_data(channel_name: str, payload: dict[str, Any]) -> dict[str, Any]:
    """What a channel says of a booking. It knows its own fields; of one that is not listed any more nothing is kept."""
    try:
        return channel_class(channel_name).without_personal_data(payload)
    except ConfigurationError:
        return {}


def without_personal_fields(normalized: dict[str, Any] | None) -> dict[str, Any] | None:
    """A normalised booking without the guest and the notes."""
    if normalized is None:
        return None
    return {name: value for name, value in normalized.items() if name not in PERSONAL_FIELDS}


def _payload(event: ChannelEvent) -> dict[str, Any]:
    """Webhooks, pulls and comparisons all say it in the words of the property's channel."""
    if event.source == PMS_SOURCE:
        return without_personal_fields(event.payload) or {}
    return without_personal_data(event.channel_property.channel_name, event.payload)


def without_digests(link: ReservationLink) -> dict[str, Any]:
    """The bases of a link without the digests of what names the guest: a name that is known can be tried on those."""
    named = {one.value for one in PERSONAL}
    return {
        side: {name: mark for name, mark in marks.items() if name not in named} if side in SIDES else marks
        for side, marks in link.bases.items()
    }

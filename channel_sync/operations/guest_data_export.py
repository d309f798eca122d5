"""All that is kept of a guest, as one JSON document that says where each piece comes from."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.db.models import QuerySet

from channel_sync.database_clock import database_now
from channel_sync.models import AuditAction
from channel_sync.operations.audit import note
from channel_sync.operations.guest_data_places import rows_about
from channel_sync.operations.guest_data_search import GuestBooking

FORMAT = "channel_sync guest data 1"
NOT_IN_HERE = (
    "What the PMS itself keeps of the guest, and what the channel and the OTA keep, is not in this document: export it "
    "there."
)
# Who of the staff did something is no data of the guest.
LEFT_OUT = frozenset({
    "actor", "resolved_by", "lease_holder", "lease_expires_at", "published_at", "next_attempt_at", "user_id", "key",
    "fingerprint",
})  # fmt: skip


def export_guest(bookings: Sequence[GuestBooking], *, by: str) -> dict[str, Any]:
    """The document, of plain JSON values. Who exported which booking is kept in the audit, not what it says."""
    made_at = database_now()
    document = {
        "format": FORMAT,
        "made_at": made_at,
        "bookings": [_of_booking(one) for one in bookings],
        "not_in_here": NOT_IN_HERE,
    }
    with transaction.atomic():
        for one in bookings:
            note(by, AuditAction.GUEST_EXPORTED, one.subject, channel_property_id=one.channel_property.id)
    plain: dict[str, Any] = json.loads(json.dumps(document, cls=DjangoJSONEncoder))
    return plain


def _of_booking(booking: GuestBooking) -> dict[str, Any]:
    return {
        "channel": booking.channel_property.channel_name,
        "channel_property_id": booking.channel_property.id,
        "property_id": booking.channel_property.property_id,
        "booking": booking.external_id or None,
        "reservation_id": booking.reservation_id,
        "kept": {
            table: [_without_others(row, booking) for row in _rows(rows, LEFT_OUT)]
            for table, rows in rows_about(booking).items()
            if rows.exists()
        },
    }


def _without_others(row: dict[str, Any], booking: GuestBooking) -> dict[str, Any]:
    """A stored answer to a group has the reservations of other guests too."""
    if not isinstance(row.get("body"), list):
        return row
    return {**row, "body": [one for one in row["body"] if one.get("id") == str(booking.reservation_id)]}


def _rows(rows: QuerySet[Any], left_out: Collection[str]) -> list[dict[str, Any]]:
    """Every column but those that are about our staff and our machinery; those of no value are left out."""
    return [
        {name: value for name, value in row.items() if name not in left_out and value not in (None, "")}
        for row in rows.values()
    ]

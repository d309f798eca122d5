"""Both sides changed a reservation before they heard of each other: the channel's state stands, somebody is told."""

from __future__ import annotations

import logging

from channel_sync.channels.canonical import Booking
from channel_sync.models import ChannelProperty, Conflict, ConflictKind, ConflictStatus, Severity
from channel_sync.pms import Reservation

logger = logging.getLogger(__name__)


def flag_concurrent_change(channel_property: ChannelProperty, before: Reservation, booking: Booking) -> None:
    """Open a conflict that keeps what the PMS had and the channel never got."""
    logger.warning("booking %s replaces a change of the PMS that was not sent yet", booking.external_id)
    Conflict.objects.update_or_create(
        channel_property=channel_property,
        kind=ConflictKind.CONCURRENT_CHANGE,
        subject=f"booking:{booking.external_id}",
        status=ConflictStatus.OPEN,
        defaults={
            "severity": Severity.MEDIUM,
            "pms_side": {"reservation_id": str(before.id), **before.outline()},
            "channel_side": {
                "room_id": booking.external_room_id,
                "status": booking.status.value,
                "check_in": str(booking.check_in),
                "check_out": str(booking.check_out),
                "units": booking.units,
            },
        },
    )

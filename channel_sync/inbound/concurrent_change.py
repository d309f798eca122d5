"""Both sides changed a reservation before they heard of each other: the channel's state stands, somebody is told."""

from __future__ import annotations

import logging

from channel_sync.channels.canonical import Booking
from channel_sync.conflicts import channel_side, flag_conflict, pms_side
from channel_sync.models import ChannelProperty, ConflictKind, Severity
from channel_sync.pms import Reservation

logger = logging.getLogger(__name__)


def flag_concurrent_change(channel_property: ChannelProperty, before: Reservation, booking: Booking) -> None:
    """Open a conflict that keeps what the PMS had and the channel never got."""
    logger.warning("booking %s replaces a change of the PMS that was not sent yet", booking.external_id)
    flag_conflict(
        channel_property,
        ConflictKind.CONCURRENT_CHANGE,
        Severity.MEDIUM,
        f"booking:{booking.external_id}",
        pms_side=pms_side(before),
        channel_side=channel_side(booking),
    )

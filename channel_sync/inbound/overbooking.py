"""A booking that the channel sold without a free room stands, and somebody is told."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from channel_sync.channels.canonical import Booking
from channel_sync.conflicts import channel_side, flag_conflict
from channel_sync.inventory.availability import FreeNight
from channel_sync.inventory.unconfirmed import unconfirmed_units
from channel_sync.models import ChannelProperty, ConflictKind, Severity

logger = logging.getLogger(__name__)


def flag_overbooking(channel_property: ChannelProperty, booking: Booking, free: Sequence[FreeNight]) -> None:
    """Open a conflict, which is alerted, when any of the nights of a booking is below zero now.

    What the desk has sold and the channel has still to confirm does not count: the channel refuses it.
    """
    below = [night for night in free if night.free < 0]
    if not below:
        return
    room_type_id = below[0].room_type_id
    unconfirmed = unconfirmed_units([room_type_id], below[0].night, below[-1].night)
    left = {night.night: night.free + unconfirmed[room_type_id, night.night] for night in below}
    overbooked = {str(night): units for night, units in left.items() if units < 0}
    if not overbooked:
        return
    logger.error("booking %s overbooks room type %s on %s", booking.external_id, room_type_id, ", ".join(overbooked))
    subject = f"booking:{booking.external_id}"
    flag_conflict(
        channel_property,
        ConflictKind.OVERBOOKING,
        Severity.HIGH,
        subject,
        pms_side={"room_type_id": str(room_type_id), "free_units": overbooked},
        channel_side=channel_side(booking),
    )

"""Both sides changed the same field of a booking before they heard of each other: somebody is told what was lost."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from channel_sync.channels.canonical import Booking
from channel_sync.conflicts import channel_side, flag_conflict, pms_side
from channel_sync.merge.fields import PERSONAL
from channel_sync.merge.owners import Side
from channel_sync.merge.three_way import Clash
from channel_sync.models import ChannelProperty, ConflictKind, Severity
from channel_sync.pms import Reservation

logger = logging.getLogger(__name__)


def flag_clashes(
    channel_property: ChannelProperty, before: Reservation, booking: Booking, clashes: Sequence[Clash]
) -> None:
    """Open a conflict that keeps both values of each field, and says whose stands."""
    if not clashes:
        return
    logger.warning(
        "booking %s was changed on both sides: %s",
        booking.external_id,
        ", ".join(f"{clash.field} of the {clash.winner} stands" for clash in clashes),
    )
    matters = any(clash.field not in PERSONAL for clash in clashes)
    flag_conflict(
        channel_property,
        ConflictKind.CONCURRENT_CHANGE,
        Severity.HIGH if matters else Severity.MEDIUM,
        f"booking:{booking.external_id}",
        pms_side={
            **pms_side(before),
            **{clash.field.value: clash.pms for clash in clashes},
            "stands": [clash.field.value for clash in clashes if clash.winner is Side.PMS],
        },
        channel_side={
            **channel_side(booking),
            **{clash.field.value: clash.channel for clash in clashes},
            "stands": [clash.field.value for clash in clashes if clash.winner is Side.CHANNEL],
        },
    )

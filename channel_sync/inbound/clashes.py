"""Both sides changed the same field of a booking before they heard of each other: somebody hears what was lost."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from channel_sync.channels.canonical import Booking
from channel_sync.conflicts import CHANGED, STANDS, channel_side, flag_conflict, pms_side
from channel_sync.merge.fields import PERSONAL, Field
from channel_sync.merge.owners import Side
from channel_sync.merge.three_way import Clash
from channel_sync.models import ChannelProperty, Conflict, ConflictKind, ConflictStatus, Severity
from channel_sync.pms import Reservation

logger = logging.getLogger(__name__)

KIND = ConflictKind.CONCURRENT_CHANGE
# How an outline says what a field of the merge is.
OUTLINED: Mapping[str, tuple[str, ...]] = {
    Field.DATES: ("check_in", "check_out"),
    Field.ROOM: ("room_type_id", "room_id"),
}


def flag_clashes(
    channel_property: ChannelProperty, before: Reservation, booking: Booking, clashes: Sequence[Clash]
) -> None:
    """Open a conflict that keeps both values of each field, and says whose stands; an open one keeps its fields too."""
    if not clashes:
        return
    subject = f"booking:{booking.external_id}"
    earlier = Conflict.objects.filter(
        channel_property=channel_property, kind=KIND, subject=subject, status=ConflictStatus.OPEN
    ).first()
    logger.warning(
        "booking %s was changed on both sides: %s",
        booking.external_id,
        ", ".join(f"{clash.field} of the {clash.winner} stands" for clash in clashes),
    )
    matters = any(clash.field not in PERSONAL for clash in clashes)
    our_side, their_side = (earlier.pms_side, earlier.channel_side) if earlier is not None else ({}, {})
    ours = {clash.field.value: clash.pms for clash in clashes}
    theirs = {clash.field.value: clash.channel for clash in clashes}
    flag_conflict(
        channel_property,
        KIND,
        Severity.HIGH if matters or (earlier and earlier.severity == Severity.HIGH) else Severity.MEDIUM,
        subject,
        pms_side={**outline_without(pms_side(before), ours), **_with(our_side, ours, clashes, Side.PMS)},
        channel_side={
            **outline_without(channel_side(booking), theirs),
            **_with(their_side, theirs, clashes, Side.CHANNEL),
        },
        is_news=True,
    )


def outline_without(outline: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """The rest of a side as a conflict shows it: what was changed is said once."""
    said = {*values, *(name for field in values for name in OUTLINED.get(field, ()))}
    return {name: value for name, value in outline.items() if name not in said}


def _with(
    earlier: Mapping[str, Any], values: Mapping[str, Any], clashes: Sequence[Clash], side: Side
) -> dict[str, Any]:
    """What a side changed, with what it had changed in an earlier clash, and which of it stands."""
    stood = [name for name in earlier.get(STANDS, []) if name not in values]
    stands = [clash.field.value for clash in clashes if clash.winner is side]
    return {CHANGED: {**earlier.get(CHANGED, {}), **values}, STANDS: [*stood, *stands]}

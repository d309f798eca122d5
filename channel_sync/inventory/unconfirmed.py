"""Units of sales that no channel has confirmed yet: without a room it refuses them, and nothing is overbooked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import date
from uuid import UUID

from django.db.models import Exists, OuterRef

from channel_sync.channels.ranges import ONE_NIGHT, nights
from channel_sync.conf import channel_sync_settings
from channel_sync.models import HoldStatus, InventoryHold, ReservationLink


def unconfirmed_units(room_type_ids: Collection[UUID], first: date, last: date) -> dict[tuple[UUID, date], int]:
    """Room type and night -> units that are held for reservations that are not at a channel, both nights included.

    None where new bookings do not ask the channel for a free room (`check_availability_at_channel`): it takes them.
    """
    units: dict[tuple[UUID, date], int] = defaultdict(int)
    if not channel_sync_settings().check_availability_at_channel:
        return units
    held = InventoryHold.objects.filter(
        ~Exists(ReservationLink.objects.filter(reservation_id=OuterRef("reservation_id"))),
        status=HoldStatus.ACTIVE,
        room_type_id__in=room_type_ids,
        check_in__lte=last,
        check_out__gt=first,
    )
    for room_type_id, check_in, check_out, number in held.values_list(
        "room_type_id", "check_in", "check_out", "units_held"
    ):
        for night in nights(max(check_in, first), min(check_out - ONE_NIGHT, last)):
            if room_type_id is not None:
                units[room_type_id, night] += number
    return units

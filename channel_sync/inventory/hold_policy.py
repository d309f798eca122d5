"""How long a hold keeps its units: one rule for everybody who counts, moves, confirms or expires holds.

`strict`: until its time is over, by the database's clock, whether the reaper came by or not.

`optimistic`: until somebody settles it. The status decides, not the clock: its time says when the reaper looks at it,
and what nobody looks at goes on keeping its units. So there is no moment in which a room that waits for its channel is
on sale, whatever has died; a reaper that is late costs a sale at worst, and never sells a room twice.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db.models import Q

from channel_sync.conf import channel_sync_settings
from channel_sync.models import (
    OPEN_STATUSES,
    PMS_SOURCE,
    CapturedChange,
    ChannelEvent,
    EntityType,
    EventStatus,
    EventType,
    HoldStatus,
    InventoryHold,
)

# A failed cancellation brings no booking to its channel.
BRINGING = (EventType.BOOKING_CREATE, EventType.BOOKING_UPDATE)


def stands_until_settled() -> bool:
    """Whether an active hold keeps its units when its time is over."""
    return channel_sync_settings().hold_policy == "optimistic"


def keeps_units(hold: InventoryHold, now: datetime) -> bool:
    """Whether the units of a hold are there."""
    return hold.status == HoldStatus.ACTIVE and (stands_until_settled() or hold.hold_expires_at > now)


def keeping_units(now: datetime) -> Q:
    """The holds of which `keeps_units` is true."""
    active = Q(status=HoldStatus.ACTIVE)
    return active if stands_until_settled() else active & Q(hold_expires_at__gt=now)


def is_on_its_way(reservation_id: UUID) -> bool:
    """Whether a reservation may still come to its channel by itself, or when a person retries its event.

    An event that gave up counts too. A refusal has released the hold already, so what is still held was not refused:
    the channel may have the booking, the guest has the desk's word, and a room that is given back could be sold twice.
    An alert says so until somebody retries the event, or ignores it, which lets the hold expire. A new reservation that
    was captured and is no event yet is on its way as well.
    """
    events = ChannelEvent.objects.filter(
        Q(status__in=OPEN_STATUSES) | Q(status=EventStatus.FAILED, event_type__in=BRINGING),
        entity_type=EntityType.BOOKING,
        entity_internal_id=reservation_id,
        source=PMS_SOURCE,
    )
    return events.exists() or CapturedChange.objects.filter(row_pk=str(reservation_id), operation="INSERT").exists()

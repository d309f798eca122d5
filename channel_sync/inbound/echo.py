"""Our own writes come back as webhooks and in pulls: late, and perhaps after the PMS has changed the reservation again.

Such a state is no news. Applied, it would undo the later change, whose push would then find nothing left to send.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from channel_sync.channels.canonical import Booking, BookingPush
from channel_sync.connections.pushable import shown_of
from channel_sync.models import (
    OPEN_STATUSES,
    PMS_SOURCE,
    ChannelEvent,
    ChannelProperty,
    EntityType,
    EventStatus,
    ReservationLink,
)


class Echo(Enum):
    """Whether a state of a booking is one that we sent: the last one, or one before it."""

    NONE = auto()
    LATEST = auto()
    EARLIER = auto()


def echo_of(channel_property: ChannelProperty, link: ReservationLink, booking: Booking) -> Echo:
    """Compare the state of a booking with what was sent for its reservation."""
    if link.reservation_id is None:
        return Echo.NONE
    state = shown_of(channel_property.channel_name, booking).state_hash()
    if state == link.pushed_hash:
        return Echo.LATEST
    sent = [
        (BookingPush.model_validate(push).state_hash(), status)
        for push, status in _sent(channel_property, link.reservation_id)
    ]
    if state not in [hashed for hashed, _ in sent]:
        return Echo.NONE
    # Where the answer to the last write never came, the last one sent is the latest there can be.
    last, status = sent[-1]
    is_unanswered = link._state.adding or status != EventStatus.DONE
    return Echo.LATEST if is_unanswered and state == last else Echo.EARLIER


def waits_to_be_sent(channel_property: ChannelProperty, reservation_id: UUID) -> bool:
    """Whether the channel is still to be told of a change to the reservation."""
    return _events(channel_property, reservation_id).filter(status__in=OPEN_STATUSES).exists()


def _sent(channel_property: ChannelProperty, reservation_id: UUID) -> list[tuple[Any, str]]:
    """What was sent for a reservation, and what became of its event, oldest first; cancellations left out."""
    sent = _events(channel_property, reservation_id).filter(normalized_payload__has_key="external_room_id")
    return list(sent.order_by("received_at").values_list("normalized_payload", "status"))


def _events(channel_property: ChannelProperty, reservation_id: UUID) -> QuerySet[ChannelEvent]:
    return ChannelEvent.objects.filter(
        channel_property=channel_property,
        source=PMS_SOURCE,
        entity_type=EntityType.BOOKING,
        entity_internal_id=reservation_id,
    )

"""Push free units: all waiting nights of a property in one call."""

from __future__ import annotations

import logging
from uuid import UUID

from django.db import transaction

from channel_sync.broker.hand_over import publish_after_commit
from channel_sync.channels.base import Channel
from channel_sync.channels.canonical import AvailabilityRange
from channel_sync.channels.ranges import equal_ranges
from channel_sync.conf import channel_sync_settings
from channel_sync.connections.account import calling, note_success
from channel_sync.connections.mapped_rooms import channel_rooms
from channel_sync.connections.opening import held, require_open
from channel_sync.events.outbound_events import availability_event
from channel_sync.events.store import coalesce, complete, ignore, record_all, require_claim
from channel_sync.inbound.pull import pull_bookings
from channel_sync.inventory.shown_nights import remember_nights
from channel_sync.models import ChannelEvent, ChannelProperty, ShownHow
from channel_sync.outbound.coalescing import (
    BookingFirst,
    WaitingEvents,
    leading,
    room_types_with_unsent_bookings,
    waiting_events,
)
from channel_sync.outbound.units import Offer, nights_falsified, offer

logger = logging.getLogger(__name__)

NOTHING_TO_PUSH = "no night from today to the end of the calendar, or no mapped room"


def push_availability(event: ChannelEvent) -> None:
    """Read what is free now, set it at the channel, and close every event that waited for it."""
    channel_property = event.channel_property
    require_open(channel_property)
    looks = channel_sync_settings().pull_before_push
    with leading(event), calling(channel_property) as channel:
        require_claim(event)
        _require_sent_bookings(event, room_types_with_unsent_bookings(channel_property))
        if looks:
            pull_bookings(channel_property, channel)
        waiting, offered, ranges = _state_without_unsent_bookings(event, channel)
        warnings = channel.push_availability(ranges, idempotency_key=event.idempotency_key) if ranges else ()
        again = nights_falsified(channel_property, channel, waiting.nights, offered) if ranges and looks else []
        with transaction.atomic():
            coalesce(waiting.event_ids, into=event)
            publish_after_commit(record_all([availability_event(channel_property.id, span) for span in again]))
            if ranges:
                remember_nights(channel_property, ShownHow.SENT, offered.known_nights())
                note_success(channel_property)
                sent = {"ranges": [nights.model_dump(mode="json") for nights in ranges]}
                complete(event, normalized_payload=sent, warnings=list(warnings))
            else:
                ignore(event, NOTHING_TO_PUSH)


def _state_without_unsent_bookings(
    event: ChannelEvent, channel: Channel
) -> tuple[WaitingEvents, Offer, list[AvailabilityRange]]:
    """What waits, what is free and how it is sent, of the room types of which every booking is at the channel.

    Unsent bookings are looked for after what is free was read: one that was made, changed or cancelled a moment before
    counts in it already, and its event was committed with it. Pushed now, the channel would count it a second time when
    it gets it.
    """
    unsent: set[UUID] = set()
    while True:
        waiting = waiting_events(event, leave_out=unsent)
        offered, ranges = _ranges(event.channel_property, channel, waiting)
        overtaking = room_types_with_unsent_bookings(event.channel_property) - unsent
        _require_sent_bookings(event, overtaking)
        if overtaking.isdisjoint(waiting.nights):
            return waiting, offered, ranges
        unsent |= overtaking


def _require_sent_bookings(event: ChannelEvent, unsent: set[UUID]) -> None:
    """The room type that the event is about is not among those with an unsent booking; raises `BookingFirst`."""
    if event.entity_internal_id in unsent:
        raise BookingFirst(event.entity_internal_id)


def _ranges(
    channel_property: ChannelProperty, channel: Channel, waiting: WaitingEvents
) -> tuple[Offer, list[AvailabilityRange]]:
    rooms = channel_rooms(channel_property, waiting.nights)
    offered = offer(channel_property, channel, rooms, waiting.nights, not_open=held(channel_property))
    return offered, [
        AvailabilityRange(external_room_id=rooms[room_type_id], first_night=first, last_night=last, units=units)
        for room_type_id, by_night in offered.units.items()
        for first, last, units in equal_ranges(by_night.items())
    ]

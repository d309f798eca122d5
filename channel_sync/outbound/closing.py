"""Close rooms at the channel: no unit of them is for sale there, to the end of the calendar.

The next push of a room sets what is free, whatever was closed.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from channel_sync.broker.hand_over import publish_after_commit
from channel_sync.channels.canonical import AvailabilityRange
from channel_sync.channels.ranges import nights
from channel_sync.conf import channel_sync_settings
from channel_sync.connections.account import calling, note_success
from channel_sync.connections.mapped_rooms import every_channel_room, find_room_type
from channel_sync.connections.pausing import note_paused
from channel_sync.events.handlers import Apply
from channel_sync.events.outbound_events import property_pause_event
from channel_sync.events.store import complete, ignore, record_all, require_claim
from channel_sync.inventory.shown_nights import KnownNight, remember_nights
from channel_sync.models import (
    WAITING_STATUSES,
    ChannelEvent,
    ChannelProperty,
    ChannelPropertyStatus,
    EventType,
    ShownHow,
)
from channel_sync.pms import host_pms

PAUSE_IS_OVER = "the pause is over: what is free is sent"
MAPPED_AGAIN = "the room is mapped again: what is free of it is sent, and it stays open"


def close_room(event: ChannelEvent) -> None:
    """Close the room that the event names, unless a mapping has it again.

    Looked up under the account's lock: the push of a mapping that is made after the look comes after the closing.
    """
    channel_property, room = event.channel_property, event.payload["external_room_id"]
    with calling(channel_property, is_urgent=True) as channel:
        require_claim(event)
        if find_room_type(channel_property, room) is not None:
            ignore(event, MAPPED_AGAIN)
            return
        ranges = _closed(channel_property, [room])
        warnings = channel.push_availability(ranges, idempotency_key=event.idempotency_key)
        with transaction.atomic():
            note_success(channel_property)
            complete(event, normalized_payload=_sent(ranges), warnings=list(warnings))


def close_rooms_and_pause(event: ChannelEvent) -> None:
    """Close every mapped room, then pause; of a property that is paused already the rooms are closed all the same.

    The pause commits with the end of the event, under the account's lock: until every room is closed it has not begun,
    and no push comes in between. A process that dies before leaves the event, and all rooms are closed once more.
    """
    channel_property = event.channel_property
    with calling(channel_property, is_urgent=True, though_paused=True) as channel:
        require_claim(event)
        is_again = bool(event.payload.get("again"))
        if is_again and not _is_kept_closed(channel_property):
            ignore(event, PAUSE_IS_OVER)
            return
        rooms = every_channel_room(channel_property)
        ranges = _closed(channel_property, rooms.values())
        warnings = channel.push_availability(ranges, idempotency_key=event.idempotency_key) if ranges else ()
        with transaction.atomic():
            remember_nights(channel_property, ShownHow.SENT, _closed_nights(rooms, ranges))
            note_success(channel_property)
            if not is_again:
                note_paused(channel_property.id, by=event.payload["by"], rooms_closed=True)
            complete(event, normalized_payload=_sent(ranges), warnings=list(warnings))


def kept_closed(apply: Apply) -> Apply:
    """A handler of bookings that a channel has changed or cancelled: the nights that it counts free are closed again.

    Recorded before the booking is applied: the channel sells them already, whatever becomes of the booking here.
    """

    def handle(event: ChannelEvent) -> None:
        _close_again(event.channel_property)
        apply(event)

    return handle


def _close_again(channel_property: ChannelProperty) -> None:
    if not channel_property.rooms_closed:
        return
    waiting = ChannelEvent.objects.filter(
        channel_property=channel_property, event_type=EventType.PROPERTY_PAUSE, status__in=WAITING_STATUSES
    )
    if not waiting.exists():
        again = property_pause_event(channel_property.id, by=channel_property.paused_by or "", again=True)
        publish_after_commit(record_all([again]))


def _is_kept_closed(channel_property: ChannelProperty) -> bool:
    """Whether it is paused with its rooms closed, or was, and is not live again yet."""
    closed = ChannelProperty.objects.filter(id=channel_property.id, rooms_closed=True)
    return closed.filter(Q(status=ChannelPropertyStatus.INACTIVE) | Q(held_since__isnull=False)).exists()


def _closed(channel_property: ChannelProperty, external_room_ids: Collection[str]) -> list[AvailabilityRange]:
    first = host_pms().property_facts(channel_property.property_id).today()
    last = first + timedelta(days=channel_sync_settings().calendar_nights - 1)
    return [
        AvailabilityRange(external_room_id=room, first_night=first, last_night=last, units=0)
        for room in sorted(external_room_ids)
    ]


def _closed_nights(rooms: Collection[UUID], ranges: Sequence[AvailabilityRange]) -> list[KnownNight]:
    return [
        KnownNight(room_type_id, night, 0, None)
        for room_type_id in rooms
        for span in ranges[:1]
        for night in nights(span.first_night, span.last_night)
    ]


def _sent(ranges: Collection[AvailabilityRange]) -> dict[str, Any]:
    return {"ranges": [nights.model_dump(mode="json") for nights in ranges]}

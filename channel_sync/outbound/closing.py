"""Close rooms at the channel: no unit of them is for sale there, to the end of the calendar.

What is sent here is not kept as known: the next push of a room sets what is free, whatever was closed.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import Any

from django.db import transaction

from channel_sync.channels.canonical import AvailabilityRange
from channel_sync.conf import channel_sync_settings
from channel_sync.connections.account import calling, note_success
from channel_sync.connections.mapped_rooms import every_channel_room, find_room_type
from channel_sync.connections.pausing import note_paused
from channel_sync.events.store import complete, ignore, require_claim
from channel_sync.models import ChannelEvent, ChannelProperty
from channel_sync.pms import host_pms

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
        ranges = _closed(channel_property, every_channel_room(channel_property).values())
        warnings = channel.push_availability(ranges, idempotency_key=event.idempotency_key) if ranges else ()
        with transaction.atomic():
            note_success(channel_property)
            note_paused(channel_property.id, by=event.payload["by"], rooms_closed=True)
            complete(event, normalized_payload=_sent(ranges), warnings=list(warnings))


def _closed(channel_property: ChannelProperty, external_room_ids: Collection[str]) -> list[AvailabilityRange]:
    first = host_pms().property_facts(channel_property.property_id).today()
    last = first + timedelta(days=channel_sync_settings().calendar_nights - 1)
    return [
        AvailabilityRange(external_room_id=room, first_night=first, last_night=last, units=0)
        for room in sorted(external_room_ids)
    ]


def _sent(ranges: Collection[AvailabilityRange]) -> dict[str, Any]:
    return {"ranges": [nights.model_dump(mode="json") for nights in ranges]}

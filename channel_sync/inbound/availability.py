"""A room's calendar changed at the channel: read it, and push our truth where it differs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from django.db import transaction

from channel_sync.broker.hand_over import publish_after_commit
from channel_sync.channels.canonical import AvailabilityRange
from channel_sync.channels.ranges import nights
from channel_sync.conf import channel_sync_settings
from channel_sync.connections.account import calling
from channel_sync.connections.mapped_rooms import room_type_of
from channel_sync.errors import InvalidPayload
from channel_sync.events.outbound_events import availability_event
from channel_sync.events.store import complete, ignore, record_all
from channel_sync.inbound.unapplied import UnappliedNights, unapplied_nights
from channel_sync.inventory.availability import FreeNight, free_units, sellable
from channel_sync.models import ChannelEvent
from channel_sync.pms import NightSpan, host_pms


def handle_availability_updated(event: ChannelEvent) -> None:
    """Compare the channel's calendar of the room with the PMS.

    Nights that differ become an outbound availability event: the PMS says what is free, and its worker looks for
    bookings that the PMS does not know yet before it pushes.
    """
    channel_property = event.channel_property
    external_room_id = event.entity_external_id or ""
    if not external_room_id:
        raise InvalidPayload("roomId", "is not the id of a room")
    room_type_id = room_type_of(channel_property, external_room_id)
    first = host_pms().property_facts(channel_property.property_id).today()
    last = first + timedelta(days=channel_sync_settings().calendar_nights - 1)
    with calling(channel_property, is_urgent=True) as channel:
        seen = channel.availability([external_room_id], first, last)
    with transaction.atomic():
        ours = free_units([room_type_id], first, last + timedelta(days=1))
        differing = _differing_nights(ours, seen, unapplied_nights(channel_property))
        normalized = {"ranges": [span.model_dump(mode="json") for span in seen]}
        if not differing:
            ignore(event, "unchanged: the channel's calendar is the PMS's", normalized_payload=normalized)
            return
        span = NightSpan(
            channel_property.property_id,
            room_type_id,
            differing[0].night,
            differing[-1].night + timedelta(days=1),
        )
        publish_after_commit(record_all([availability_event(channel_property.id, span)]))
        complete(event, normalized_payload=normalized)


def _differing_nights(
    ours: Sequence[FreeNight], seen: Sequence[AvailabilityRange], unapplied: UnappliedNights
) -> list[FreeNight]:
    """Nights on which the channel shows another number; less is right where a booking may wait to be applied."""
    theirs = {
        night: (span.external_room_id, span.units)
        for span in seen
        for night in nights(span.first_night, span.last_night)
    }
    differing = []
    for night in ours:
        room, units = theirs.get(night.night, ("", sellable(night.free)))
        if units > sellable(night.free) or (units < sellable(night.free) and not unapplied.may_take(room, night.night)):
            differing.append(night)
    return differing

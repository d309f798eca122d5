"""Rooms of the channel matched to room types of the PMS by name, and their rates to rate plans."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from channel_sync.channels.canonical import ChannelRoom
from channel_sync.connections.plain_names import plain
from channel_sync.connections.rate_suggestions import SuggestedRate, suggest_rates
from channel_sync.models import ChannelMapping, ChannelProperty, MappingType
from channel_sync.pms import host_pms


@dataclass(frozen=True)
class SuggestedMapping:
    """A room type and the channel room of the same name."""

    room_type_id: UUID
    room_type_name: str
    external_room_id: str


@dataclass(frozen=True)
class Suggestions:
    """What matches, the rooms of the channel that no room type is named like, and rate plans for the rates of rooms.

    The rate plans are of rooms that are mapped, or matched here.
    """

    matches: Sequence[SuggestedMapping]
    unmatched: Sequence[ChannelRoom]
    rates: Sequence[SuggestedRate] = ()


def suggest_mappings(channel_property: ChannelProperty, rooms: Sequence[ChannelRoom]) -> Suggestions:
    """Match what is not mapped on either side; names are equal but for case and spaces."""
    active = ChannelMapping.objects.filter(
        channel_property=channel_property, mapping_type=MappingType.ROOM_TYPE, is_active=True
    ).values_list("internal_id", "external_id")
    internal_ids, external_ids = {internal for internal, _ in active}, {external for _, external in active}
    by_name = {
        plain(room_type.name): room_type
        for room_type in host_pms().room_types(channel_property.property_id)
        if room_type.id not in internal_ids
    }
    matches, unmatched = [], []
    for room in rooms:
        if room.external_id in external_ids:
            continue
        room_type = by_name.pop(plain(room.name), None)
        if room_type is None:
            unmatched.append(room)
        else:
            matches.append(SuggestedMapping(room_type.id, room_type.name, room.external_id))
    rates = suggest_rates(channel_property, rooms, {one.room_type_id: one.external_room_id for one in matches})
    return Suggestions(matches, unmatched, rates)


def save_suggestions(channel_property: ChannelProperty, suggested: Sequence[SuggestedMapping]) -> int:
    """Save those that do not clash with a mapping that stands, or once stood; returns how many are new.

    Nothing is sent: before the first synchronisation the PMS does not know what is booked.
    """
    known = ChannelMapping.objects.filter(channel_property=channel_property, mapping_type=MappingType.ROOM_TYPE)
    taken = {side for sides in known.values_list("internal_id", "external_id") for side in sides}
    new = [one for one in suggested if not {one.room_type_id, one.external_room_id} & taken]
    for one in new:
        ChannelMapping.objects.create(
            channel_property=channel_property,
            mapping_type=MappingType.ROOM_TYPE,
            internal_id=one.room_type_id,
            external_id=one.external_room_id,
        )
    return len(new)

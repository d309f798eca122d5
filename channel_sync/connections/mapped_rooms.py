"""Room types and the channel rooms that they are mapped to, in both directions; only active mappings count."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from django.db.models import QuerySet

from channel_sync.errors import UnmappedRoom
from channel_sync.models import ChannelMapping, ChannelProperty, MappingType


def channel_rooms(channel_property: ChannelProperty, room_type_ids: Collection[UUID]) -> dict[UUID, str]:
    """Room type -> channel room, for those that are mapped."""
    mappings = _mappings(channel_property).filter(internal_id__in=room_type_ids)
    return dict(mappings.values_list("internal_id", "external_id"))


def every_channel_room(channel_property: ChannelProperty) -> dict[UUID, str]:
    """Room type -> channel room, for all that are mapped."""
    return dict(_mappings(channel_property).values_list("internal_id", "external_id"))


def every_open_room(channel_property: ChannelProperty) -> dict[UUID, str]:
    """The same, without mappings that wait for their parity check."""
    return dict(_mappings(channel_property).filter(held_since=None).values_list("internal_id", "external_id"))


def room_types(channel_property: ChannelProperty, external_room_ids: Collection[str]) -> dict[str, UUID]:
    """Channel room -> room type, for those that are mapped."""
    mappings = _mappings(channel_property).filter(external_id__in=external_room_ids)
    return dict(mappings.values_list("external_id", "internal_id"))


def find_room_type(channel_property: ChannelProperty, external_room_id: str) -> UUID | None:
    """The room type of a channel room; None when it is not mapped."""
    return room_types(channel_property, [external_room_id]).get(external_room_id)


def room_type_of(channel_property: ChannelProperty, external_room_id: str) -> UUID:
    """The room type of a channel room. Raises `UnmappedRoom`."""
    room_type_id = find_room_type(channel_property, external_room_id)
    if room_type_id is None:
        raise UnmappedRoom(external_room_id, str(channel_property))
    return room_type_id


def _mappings(channel_property: ChannelProperty) -> QuerySet[ChannelMapping]:
    return ChannelMapping.objects.filter(
        channel_property=channel_property, mapping_type=MappingType.ROOM_TYPE, is_active=True
    )

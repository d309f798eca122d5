"""Mappings that the names of the channel's rooms suggest, for a property that is connected."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from channel_sync.channels.canonical import ChannelRoom
from channel_sync.connections.account import calling
from channel_sync.connections.suggestions import Suggestions, suggest_mappings
from channel_sync.errors import DuplicateMapping, PropertyGone
from channel_sync.models import ChannelMapping, ChannelProperty, MappingType
from channel_sync.operations.mapping_rules import WantedMapping
from channel_sync.operations.mappings import create_mapping


def rooms_at_channel(channel_property: ChannelProperty) -> Sequence[ChannelRoom]:
    """The rooms that the channel has of a property; costs credits. Raises what calls raise, and `PropertyGone`."""
    with calling(channel_property, is_urgent=True) as channel:
        found = {details.external_id: details for details in channel.properties()}
    details = found.get(channel_property.channel_property_id)
    if details is None:
        raise PropertyGone(channel_property)
    return details.rooms


def look_for_suggestions(channel_property: ChannelProperty) -> Suggestions:
    """Match the rooms and room types that are not mapped yet. Raises as `rooms_at_channel` does."""
    return suggest_mappings(channel_property, rooms_at_channel(channel_property))


def accept_suggestions(
    channel_property: ChannelProperty, external_ids: Collection[str], *, by: str
) -> list[ChannelMapping]:
    """Map the rooms that are named, as far as they are still suggested; each as if it had been made by hand.

    Raises as `rooms_at_channel` does.
    """
    made = []
    for suggestion in look_for_suggestions(channel_property).matches:
        if suggestion.external_room_id not in external_ids:
            continue
        wanted = WantedMapping(
            channel_property, MappingType.ROOM_TYPE, suggestion.room_type_id, suggestion.external_room_id
        )
        try:
            made.append(create_mapping(wanted, by=by))
        except DuplicateMapping:
            # Someone has mapped one of the two at this moment: theirs stands.
            continue
    return made

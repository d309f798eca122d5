"""Mappings that the names of the channel's rooms and rates suggest, for a property that is connected."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from channel_sync.channels.base import Channel
from channel_sync.channels.canonical import ChannelRoom
from channel_sync.connections.account import calling
from channel_sync.connections.rate_suggestions import with_channel_prices
from channel_sync.connections.suggestions import Suggestions, suggest_mappings
from channel_sync.errors import DuplicateMapping, InvalidMapping, PropertyGone
from channel_sync.models import ChannelMapping, ChannelProperty, MappingType
from channel_sync.operations.mapping_rules import WantedMapping
from channel_sync.operations.mappings import create_mapping


def rooms_at_channel(channel_property: ChannelProperty) -> Sequence[ChannelRoom]:
    """The rooms that the channel has of a property; costs credits. Raises what calls raise, and `PropertyGone`."""
    with calling(channel_property, is_urgent=True) as channel:
        return _rooms(channel_property, channel)


def look_for_suggestions(channel_property: ChannelProperty) -> Suggestions:
    """Match rooms and room types, rates and rate plans, without a mapping. Raises as `rooms_at_channel` does."""
    with calling(channel_property, is_urgent=True) as channel:
        found = suggest_mappings(channel_property, _rooms(channel_property, channel))
        return replace(found, rates=with_channel_prices(found.rates, channel))


def accept_suggestions(
    channel_property: ChannelProperty, external_ids: Collection[str], *, by: str
) -> list[ChannelMapping]:
    """Map the rooms and rates that are named, as far as they are still suggested; each as if it had been made by hand.

    A rate whose room is not mapped, and not named either, is left out. Raises as `rooms_at_channel` does.
    """
    found = look_for_suggestions(channel_property)
    suggested = [(MappingType.ROOM_TYPE, room.room_type_id, room.external_room_id) for room in found.matches]
    suggested += [(MappingType.RATE, rate.rate_plan_id, rate.external_rate_id) for rate in found.rates]
    made = []
    for mapping_type, internal_id, external_id in suggested:
        if external_id not in external_ids:
            continue
        try:
            made.append(create_mapping(WantedMapping(channel_property, mapping_type, internal_id, external_id), by=by))
        except (DuplicateMapping, InvalidMapping):
            # Someone has mapped one of the two at this moment, theirs stands; or a rate is of a room without a mapping.
            continue
    return made


def _rooms(channel_property: ChannelProperty, channel: Channel) -> Sequence[ChannelRoom]:
    found = {details.external_id: details for details in channel.properties()}
    details = found.get(channel_property.channel_property_id)
    if details is None:
        raise PropertyGone(channel_property)
    return details.rooms

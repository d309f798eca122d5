"""What makes a mapping right: both sides exist, and each is tied once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from channel_sync.connections.account import calling
from channel_sync.connections.mapped_rooms import channel_rooms
from channel_sync.connections.rate_plan_names import rate_plan_names
from channel_sync.connections.registry import channel_class
from channel_sync.errors import DuplicateMapping, InvalidMapping
from channel_sync.models import ChannelMapping, ChannelProperty, MappingType
from channel_sync.pms import host_pms

SIDES = ("internal_id", "external_id")


@dataclass(frozen=True)
class WantedMapping:
    """A mapping as it is to be; `at_channel` also asks the channel whether its side exists."""

    channel_property: ChannelProperty
    mapping_type: MappingType
    internal_id: UUID
    external_id: str
    at_channel: bool = False


def require_sound(wanted: WantedMapping) -> None:
    """Raise `InvalidMapping` for what is wrong; what calls raise when the channel has to be asked."""
    _require_format(wanted)
    if wanted.internal_id not in internal_names(wanted.channel_property, wanted.mapping_type):
        raise InvalidMapping(
            "internal_id",
            f"The PMS has no {wanted.mapping_type.value.replace('_', ' ')} {wanted.internal_id} in this property. "
            "Choose one that it has.",
        )
    if wanted.mapping_type is MappingType.RATE:
        _require_room_of_plan(wanted)
    if wanted.at_channel:
        _require_at_channel(wanted)


def require_free(wanted: WantedMapping, own_id: UUID | None) -> None:
    """Raise `DuplicateMapping` when an active mapping other than its own has one of the sides."""
    active = ChannelMapping.objects.filter(
        channel_property=wanted.channel_property, mapping_type=wanted.mapping_type, is_active=True
    )
    if own_id is not None:
        active = active.exclude(id=own_id)
    for side in SIDES:
        taken = active.filter(**{side: getattr(wanted, side)}).first()
        if taken is not None:
            raise DuplicateMapping(side.replace("_", " "), taken.id)


def internal_names(channel_property: ChannelProperty, mapping_type: MappingType) -> Mapping[UUID, str]:
    """The PMS's side of a mapping type in a property: names by id, those of rate plans with their room types."""
    pms, property_id = host_pms(), channel_property.property_id
    if mapping_type is MappingType.PROPERTY:
        facts = pms.property_facts(property_id)
        return {facts.id: facts.name}
    if mapping_type is MappingType.ROOM_TYPE:
        return {room_type.id: room_type.name for room_type in pms.room_types(property_id)}
    if mapping_type is MappingType.ROOM:
        return {room.id: room.name for room in pms.rooms(property_id)}
    return rate_plan_names(property_id)


def _require_room_of_plan(wanted: WantedMapping) -> None:
    """A price slot belongs to a room: a plan is sold in that of its room type alone."""
    plans = {plan.id: plan.room_type_id for plan in host_pms().rate_plans(wanted.channel_property.property_id)}
    room_type_id = plans[wanted.internal_id]
    name = internal_names(wanted.channel_property, MappingType.ROOM_TYPE).get(room_type_id, str(room_type_id))
    room = wanted.external_id.partition(":")[0]
    mapped = channel_rooms(wanted.channel_property, [room_type_id]).get(room_type_id)
    if mapped is None:
        raise InvalidMapping(
            "external_id",
            f"The room type of this rate plan, {name}, is not mapped. Map it to its room at the channel first, then "
            "the rate plan to a price slot of that room.",
        )
    if mapped != room:
        raise InvalidMapping(
            "external_id",
            f"Price slot '{wanted.external_id}' is of room {room}, and the room type of this rate plan, {name}, is "
            f"mapped to room {mapped}: other rooms would be sold at its prices. Choose a slot of room {mapped}.",
        )


def _require_format(wanted: WantedMapping) -> None:
    form = channel_class(wanted.channel_property.channel_name).external_id_forms[wanted.mapping_type.value]
    if re.fullmatch(form.pattern, wanted.external_id, re.ASCII) is None:
        raise InvalidMapping("external_id", f"'{wanted.external_id[:50]}' is not of the form {form.told}.")


def _require_at_channel(wanted: WantedMapping) -> None:
    """Units and price slots have no list at the channel: of them the room is looked up."""
    number = wanted.channel_property.channel_property_id
    with calling(wanted.channel_property, is_urgent=True) as channel:
        found = {details.external_id: details for details in channel.properties()}
    rooms = {room.external_id for room in found[number].rooms} if number in found else set()
    there = found if wanted.mapping_type is MappingType.PROPERTY else rooms
    looked_up = wanted.external_id.partition(":")[0]
    if looked_up not in there:
        known = ", ".join(sorted(there)) or "none"
        raise InvalidMapping("external_id", f"The channel has no '{looked_up}' in this property. It has: {known}.")

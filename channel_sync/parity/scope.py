"""What a parity check is about: the whole property, or the mappings that are new or changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from channel_sync.conf import channel_sync_settings
from channel_sync.models import ChannelMapping, ChannelProperty, MappingType, ParityReason
from channel_sync.pms import RoomTypeFacts, host_pms


@dataclass(frozen=True)
class Scope:
    """Room types and rate plans that are compared, by their ids in the PMS; and until when.

    A whole property that was never live is `new`: what is not mapped has to be seen to.

    `rooms` is room type -> channel room, `plans` rate plan -> rate of the channel, `room_types` channel room -> room
    type of all that are mapped, `every_room` the reverse.
    """

    channel_property: ChannelProperty
    is_whole: bool
    is_new: bool
    today: date
    last_night: date
    rooms: Mapping[UUID, str]
    plans: Mapping[UUID, str]
    room_types: Mapping[str, UUID]
    every_room: Mapping[UUID, str]
    facts: Mapping[UUID, RoomTypeFacts]
    plan_names: Mapping[UUID, str]

    def name_of(self, room_type_id: UUID) -> str:
        """Of a room type."""
        found = self.facts.get(room_type_id)
        return found.name if found is not None else str(room_type_id)

    def name_of_room(self, external_room_id: str) -> str:
        """Of the room type of a channel room; the room's number where it is not mapped."""
        room_type_id = self.room_types.get(external_room_id)
        return self.name_of(room_type_id) if room_type_id is not None else f"room {external_room_id}"


def scope_of(channel_property: ChannelProperty, reason: str) -> Scope:
    """All that is mapped while the property is held; otherwise what is held of its mappings."""
    channel_property.refresh_from_db(fields=["held_since"])
    is_whole = channel_property.held_since is not None
    pms, property_id = host_pms(), channel_property.property_id
    today = pms.property_facts(property_id).today()
    facts = {one.id: one for one in pms.room_types(property_id)}
    plans = {one.id: f"{facts[one.room_type_id].name}, {one.name}" for one in pms.rate_plans(property_id)}
    mapped: dict[str, dict[UUID, str]] = {MappingType.ROOM_TYPE: {}, MappingType.RATE: {}}
    every: dict[str, UUID] = {}
    found = ChannelMapping.objects.filter(
        channel_property=channel_property, mapping_type__in=list(mapped), is_active=True
    )
    for one in found:
        if one.mapping_type == MappingType.ROOM_TYPE:
            every[one.external_id] = one.internal_id
        if is_whole or one.held_since is not None:
            mapped[one.mapping_type][one.internal_id] = one.external_id
    return Scope(
        channel_property=channel_property,
        is_whole=is_whole,
        is_new=is_whole and reason in (ParityReason.CONNECTED, ParityReason.MOVED),
        today=today,
        last_night=today + timedelta(days=channel_sync_settings().calendar_nights - 1),
        rooms=mapped[MappingType.ROOM_TYPE],
        plans={plan: rate for plan, rate in mapped[MappingType.RATE].items() if plan in plans},
        room_types=every,
        every_room={room_type_id: room for room, room_type_id in every.items()},
        facts=facts,
        plan_names=plans,
    )

"""The room types of rate plans, of those too that were deleted in the PMS and are still on sale at the channel."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from channel_sync.connections.mapped_rooms import every_channel_room
from channel_sync.models import ChannelMapping, ChannelProperty
from channel_sync.pms import host_pms


def room_types_of_plans(channel_property: ChannelProperty) -> Callable[[ChannelMapping], UUID]:
    """The room type of a rate plan; of one that was deleted in the PMS, the one that its room is mapped to."""
    plans = {plan.id: plan.room_type_id for plan in host_pms().rate_plans(channel_property.property_id)}
    rooms = {room: room_type_id for room_type_id, room in every_channel_room(channel_property).items()}

    def room_type_of(mapping: ChannelMapping) -> UUID:
        room = mapping.external_id.partition(":")[0]
        # Nothing is sold of a room that is not mapped: the plan stands in for its room type.
        return plans.get(mapping.internal_id) or rooms.get(room) or mapping.internal_id

    return room_type_of

"""What pausing a property means: said before it is done, with the rooms that stay on sale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from channel_sync.conf import channel_sync_settings
from channel_sync.connections.mapped_rooms import every_channel_room
from channel_sync.inventory.availability import free_units, sellable
from channel_sync.models import ChannelProperty, MappingType
from channel_sync.operations.mapping_rules import internal_names
from channel_sync.pms import host_pms

ALWAYS = (
    "Webhooks are still taken, and bookings still come in from the channel.",
    "Nothing is sent. The channel goes on selling the rooms and rates that it last heard of: a room that is sold at "
    "the desk meanwhile can be sold twice.",
    "Resuming sends everything again, bookings first, then the whole calendar.",
)
CLOSING = (
    "Closing the rooms first sends 0 units of each for every night of the calendar. The pause begins when the channel "
    "has taken all of it; until then everything is sent as ever. What a cancellation at the "
    "channel gives back meanwhile is closed again when we hear of it."
)
NAMED_AT_MOST = 50


@dataclass(frozen=True)
class RoomOnSale:
    """A mapped room and how many units of it the channel may sell: the least and the most of any night."""

    external_room_id: str
    name: str
    least: int
    most: int

    @property
    def units(self) -> str:
        """Such as "10 units", "9 to 10 units"."""
        if self.least == self.most:
            return "1 unit" if self.most == 1 else f"{self.most} units"
        return f"{self.least} to {self.most} units"

    def __str__(self) -> str:
        return f"{self.name} (room {self.external_room_id}): {self.units} a night"


def rooms_on_sale(channel_property: ChannelProperty) -> Sequence[RoomOnSale]:
    """Every mapped room, by what is free in the PMS now: that is what the channel was last sent."""
    rooms = every_channel_room(channel_property)
    if not rooms:
        return ()
    names = internal_names(channel_property, MappingType.ROOM_TYPE)
    first = host_pms().property_facts(channel_property.property_id).today()
    units: dict[object, list[int]] = {room_type_id: [] for room_type_id in rooms}
    for night in free_units(list(rooms), first, first + timedelta(days=channel_sync_settings().calendar_nights)):
        units[night.room_type_id].append(max(sellable(night.free), 0))
    return [
        RoomOnSale(room, names.get(room_type_id, str(room_type_id)), min(units[room_type_id]), max(units[room_type_id]))
        for room_type_id, room in sorted(rooms.items(), key=lambda one: names.get(one[0], ""))
        if units[room_type_id]
    ]


def pausing_means(channel_property: ChannelProperty, *, close_rooms: bool | None = None) -> Sequence[str]:
    """In sentences; `close_rooms` None where the person who is asked is still to choose."""
    said = list(ALWAYS)
    rooms = rooms_on_sale(channel_property)
    if rooms and not close_rooms:
        named = "; ".join(map(str, rooms[:NAMED_AT_MOST]))
        more = f"; and {len(rooms) - NAMED_AT_MOST} more rooms" if len(rooms) > NAMED_AT_MOST else ""
        said.append(f"Unless they are closed, these stay on sale at the channel: {named}{more}.")
    if close_rooms or close_rooms is None:
        said.append(CLOSING)
    return said

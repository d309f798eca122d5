"""How many units a channel may sell on each night: what is free, and where that is not sure no more than it shows."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from channel_sync.channels.base import Channel
from channel_sync.channels.ranges import ONE_NIGHT, equal_ranges, nights
from channel_sync.errors import Retryable
from channel_sync.inbound.pull import pull_bookings
from channel_sync.inbound.unapplied import UnappliedNights, unapplied_nights
from channel_sync.inventory.availability import FreeNight, free_units, sellable
from channel_sync.inventory.overbookings import note_overbookings
from channel_sync.inventory.shown_nights import KnownNight
from channel_sync.models import ChannelProperty
from channel_sync.pms import NightSpan

logger = logging.getLogger(__name__)

Nights = Mapping[UUID, Collection[date]]
Units = dict[UUID, dict[date, int]]


@dataclass(frozen=True)
class Offer:
    """What a channel may sell, and what the PMS has for sale: more, where a night is lowered and never raised."""

    units: Units
    in_pms: Units

    def known_nights(self) -> list[KnownNight]:
        """As it is remembered once it was sent."""
        return [
            KnownNight(room_type_id, night, units, self.in_pms[room_type_id][night])
            for room_type_id, by_night in self.units.items()
            for night, units in by_night.items()
        ]


def offer(
    channel_property: ChannelProperty,
    channel: Channel,
    rooms: Mapping[UUID, str],
    wanted: Nights,
    *,
    not_open: Collection[UUID] = (),
) -> Offer:
    """Units by room type and night, in order; `rooms` is room type -> channel room, `wanted` the nights of each.

    Nights that a booking which is not applied yet may have taken are lowered and never raised: the channel counts that
    booking and the PMS does not, so what the channel shows is the limit. It is asked only where there are any. A night
    below zero is an overbooking, and has its conflict with this. Room types in `not_open`, of which nobody has accepted
    the parity report yet, are lowered and never raised either.
    """
    every = [night for room_type_id in rooms for night in wanted.get(room_type_id, ())]
    if not every:
        return Offer({}, {})
    unapplied = unapplied_nights(channel_property)
    units: Units = {room_type_id: {} for room_type_id in rooms}
    found = _free(rooms, wanted)
    note_overbookings(channel_property, found)
    for free in found:
        units[free.room_type_id][free.night] = sellable(free.free)
    in_pms = {room_type_id: dict(by_night) for room_type_id, by_night in units.items()}
    if unapplied.claims or not_open:
        _limit(channel, rooms, units, unapplied, not_open)
    return Offer(units, in_pms)


def nights_falsified(
    channel_property: ChannelProperty, channel: Channel, pushed: Nights, offered: Offer
) -> list[NightSpan]:
    """Nights to push again: those of bookings that the channel took, or let go, while units were pushed.

    Such a booking is applied by this look, or was by its webhook since the offer was read: then the PMS has less, or
    more, for sale now. When the channel cannot be asked now, all nights that were pushed: their push will ask first.
    """
    try:
        applied = pull_bookings(channel_property, channel)
        return list(dict.fromkeys([*applied, *_moved(channel_property, pushed, offered)]))
    except Retryable as error:
        logger.warning("after a push the channel could not be asked for bookings, it is pushed again: %s", error)
        return [
            NightSpan(channel_property.property_id, room_type_id, min(every), max(every) + ONE_NIGHT)
            for room_type_id, every in pushed.items()
        ]


def _moved(channel_property: ChannelProperty, pushed: Nights, offered: Offer) -> list[NightSpan]:
    """The nights of which the PMS has another number for sale now."""
    moved: dict[UUID, list[tuple[date, bool]]] = {}
    for now in _free(offered.in_pms, pushed):
        if sellable(now.free) != offered.in_pms[now.room_type_id].get(now.night):
            moved.setdefault(now.room_type_id, []).append((now.night, True))
    return [
        NightSpan(channel_property.property_id, room_type_id, first, last + ONE_NIGHT)
        for room_type_id, found in moved.items()
        for first, last, _ in equal_ranges(found)
    ]


def _free(room_type_ids: Collection[UUID], wanted: Nights) -> list[FreeNight]:
    """What is free on the wanted nights of some room types, in order."""
    every = [night for room_type_id in room_type_ids for night in wanted.get(room_type_id, ())]
    if not every:
        return []
    found = free_units(list(room_type_ids), min(every), max(every) + ONE_NIGHT)
    return [free for free in found if free.night in wanted.get(free.room_type_id, ())]


def _limit(
    channel: Channel,
    rooms: Mapping[UUID, str],
    units: Units,
    unapplied: UnappliedNights,
    not_open: Collection[UUID],
) -> None:
    """Lower nights that unapplied bookings may take, or of room types that are not open, to what the channel shows."""
    unsure = {
        room_type_id: found
        for room_type_id, room in rooms.items()
        if (
            found := [
                night for night in units[room_type_id] if room_type_id in not_open or unapplied.may_take(room, night)
            ]
        )
    }
    if not unsure:
        return
    every = [night for found in unsure.values() for night in found]
    room_types = {rooms[room_type_id]: room_type_id for room_type_id in unsure}
    for span in channel.availability(list(room_types), min(every), max(every)):
        room_type_id = room_types[span.external_room_id]
        for night in nights(span.first_night, span.last_night):
            if night in unsure[room_type_id]:
                units[room_type_id][night] = min(units[room_type_id][night], span.units)

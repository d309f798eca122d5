"""Nights on which the channel shows less than is free, and no push can change that.

A channel may offer nothing on a night without a price, or on one that somebody has closed there, and never offers more
than its quantity of a room less its bookings, as it has them. The first two are no difference, and the run says so. The
third is one of quantities, which a person has to settle at the channel or in the PMS, or of a booking that the PMS has
moved and could not send, which has its own failed event or conflict. Only a lower number is ever explained so: one that
is higher sells rooms that are not there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Protocol, TypeVar
from uuid import UUID

from channel_sync.channels.base import Channel
from channel_sync.channels.ranges import ONE_NIGHT, equal_ranges, nights
from channel_sync.conflicts import close_gone, flag_conflict
from channel_sync.merge.agreement import stays_at_channel
from channel_sync.models import ChannelProperty, Conflict, ConflictKind, KeptLower, Severity
from channel_sync.pms import host_pms


class NightBothSides(Protocol):
    """Free units of a room type on a night, on both sides."""

    @property
    def room_type_id(self) -> UUID:
        """The room type."""

    @property
    def night(self) -> date:
        """The night."""

    @property
    def pms(self) -> int:
        """What the PMS has to sell."""

    @property
    def channel(self) -> int:
        """What the channel shows."""


Night = TypeVar("Night", bound=NightBothSides)


@dataclass(frozen=True)
class Quantities:
    """How many units a room type has in the PMS, and at the channel."""

    pms: int
    channel: int


@dataclass(frozen=True)
class Limits:
    """The nights that cannot be levelled, and the room types of which the channel has fewer units."""

    explained: Mapping[tuple[UUID, date], KeptLower] = field(default_factory=dict)
    quantities: Mapping[UUID, Quantities] = field(default_factory=dict)


def find_limits(
    channel_property: ChannelProperty,
    channel: Channel,
    rooms: Mapping[UUID, str],
    differing: Sequence[Night],
    window: tuple[date, date],
) -> Limits:
    """Ask the channel for its prices and quantities, as far as they can explain a night that differs.

    Prices are looked at in the whole window: what a room offers on other nights says whether they are all.
    """
    lower = [night for night in differing if night.channel < night.pms]
    unpriced = _unpriced(channel, rooms, [night for night in lower if night.channel <= 0], window)
    left = [night for night in lower if (night.room_type_id, night.night) not in unpriced]
    closed = _closed(channel, rooms, left)
    left = [night for night in left if (night.room_type_id, night.night) not in closed]
    rooms_there = _quantities(channel_property, channel, rooms, {night.room_type_id for night in left})
    quantities = {one: found for one, found in rooms_there.items() if found.channel < found.pms}
    left = [night for night in left if night.room_type_id in rooms_there]
    booked = _booked(left)
    capped = {
        (night.room_type_id, night.night)
        for night in left
        if night.room_type_id in quantities
        and night.channel in _most(quantities[night.room_type_id].channel, booked[night.room_type_id, night.night])
    }
    left = [night for night in left if (night.room_type_id, night.night) not in capped]
    booked_there = _booked_there(channel_property, rooms, left)
    unsent = {
        (night.room_type_id, night.night)
        for night in left
        if booked_there[night.room_type_id, night.night] > booked[night.room_type_id, night.night]
        and night.channel
        in _most(rooms_there[night.room_type_id].channel, booked_there[night.room_type_id, night.night])
    }
    limiting = {room_type_id for room_type_id, _ in capped}
    explained = {
        **dict.fromkeys(unpriced, KeptLower.NO_PRICE),
        **dict.fromkeys(closed, KeptLower.CLOSED),
        **dict.fromkeys(capped, KeptLower.FEWER_ROOMS),
        **dict.fromkeys(unsent, KeptLower.BOOKED_THERE),
    }
    return Limits(explained, {one: found for one, found in quantities.items() if one in limiting})


def shown_in_run(explained: Mapping[tuple[UUID, date], KeptLower]) -> dict[str, dict[str, list[list[str]]]]:
    """Reason -> room type -> first and last night of each run of nights, as a run keeps it."""
    by_reason: dict[str, dict[str, list[date]]] = defaultdict(lambda: defaultdict(list))
    for (room_type_id, night), reason in sorted(explained.items()):
        by_reason[reason.value][str(room_type_id)].append(night)
    return {
        reason: {
            room_type_id: [[str(first), str(last)] for first, last, _ in equal_ranges((night, True) for night in found)]
            for room_type_id, found in of_reason.items()
        }
        for reason, of_reason in by_reason.items()
    }


def flag_quantities(
    channel_property: ChannelProperty, rooms: Mapping[UUID, str], quantities: Mapping[UUID, Quantities]
) -> int:
    """One conflict per room type, without its nights: it stays the same from run to run. How many there are."""
    return sum(
        flag_conflict(
            channel_property,
            ConflictKind.ROOM_QUANTITY,
            Severity.MEDIUM,
            _subject(room_type_id),
            pms_side={"room_type_id": str(room_type_id), "units": found.pms},
            channel_side={"room_id": rooms[room_type_id], "units": found.channel},
        )
        for room_type_id, found in quantities.items()
    )


def close_levelled(channel_property: ChannelProperty, compared: Collection[UUID], limited: Collection[UUID]) -> None:
    """Close the conflicts of room types that were compared, and that no quantity limits any more."""
    subjects = [_subject(room_type_id) for room_type_id in compared if room_type_id not in limited]
    close_gone(
        Conflict.objects.filter(
            channel_property=channel_property, kind=ConflictKind.ROOM_QUANTITY, subject__in=subjects
        )
    )


def _unpriced(
    channel: Channel, rooms: Mapping[UUID, str], empty: Sequence[Night], window: tuple[date, date]
) -> set[tuple[UUID, date]]:
    """Those of the nights for which no price is set at the channel."""
    if not empty:
        return set()
    asked = sorted({rooms[night.room_type_id] for night in empty})
    unpriced = channel.unpriced_nights(asked, *window)
    return {
        (night.room_type_id, night.night) for night in empty if (rooms[night.room_type_id], night.night) in unpriced
    }


def _closed(channel: Channel, rooms: Mapping[UUID, str], lower: Sequence[Night]) -> set[tuple[UUID, date]]:
    """Those of the nights that are closed at the channel, by us or by hand."""
    if not lower:
        return set()
    asked = sorted({rooms[night.room_type_id] for night in lower})
    every = [night.night for night in lower]
    closed = channel.closed_nights(asked, min(every), max(every))
    return {(night.room_type_id, night.night) for night in lower if (rooms[night.room_type_id], night.night) in closed}


def _quantities(
    channel_property: ChannelProperty, channel: Channel, rooms: Mapping[UUID, str], room_type_ids: Collection[UUID]
) -> dict[UUID, Quantities]:
    """Of the room types of which the channel says how many units it has."""
    if not room_type_ids:
        return {}
    at_channel = {
        room.external_id: room.units
        for details in channel.properties()
        if details.external_id == channel_property.channel_property_id
        for room in details.rooms
    }
    ours = dict(host_pms().units(list(room_type_ids)))
    return {
        room_type_id: Quantities(ours[room_type_id], units)
        for room_type_id in room_type_ids
        if room_type_id in ours and (units := at_channel.get(rooms[room_type_id], 0)) > 0
    }


def _booked(left: Sequence[Night]) -> Mapping[tuple[UUID, date], int]:
    """Units that reservations take, by room type and night."""
    booked: dict[tuple[UUID, date], int] = defaultdict(int)
    if not left:
        return booked
    first, last = min(night.night for night in left), max(night.night for night in left)
    stays = host_pms().reserved(list({night.room_type_id for night in left}), first, last + ONE_NIGHT)
    for _, room_type_id, check_in, check_out, units in stays:
        for night in nights(max(check_in, first), min(check_out - ONE_NIGHT, last)):
            booked[room_type_id, night] += units
    return booked


def _booked_there(
    channel_property: ChannelProperty, rooms: Mapping[UUID, str], left: Sequence[Night]
) -> Mapping[tuple[UUID, date], int]:
    """Units that bookings take at the channel, as it was last seen, by room type and night."""
    booked: dict[tuple[UUID, date], int] = defaultdict(int)
    wanted = {night.night for night in left}
    by_room = {rooms[night.room_type_id]: night.room_type_id for night in left}
    for seen in stays_at_channel(channel_property, list(by_room)):
        for night in wanted.intersection(nights(seen.check_in, seen.check_out - ONE_NIGHT)):
            booked[by_room[seen.external_room_id], night] += seen.units
    return booked


def _most(quantity: int, booked: int) -> tuple[int, int]:
    """What the channel shows at most; one that is overbooked may be shown as none."""
    return quantity - booked, max(quantity - booked, 0)


def _subject(room_type_id: UUID) -> str:
    return f"room_type:{room_type_id}"

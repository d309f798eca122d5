"""What of a booking belongs to the PMS once its stay has begun or ended: a channel does not move a guest in house."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from channel_sync.channels.canonical import BookingStatus
from channel_sync.merge.fields import Field, Values
from channel_sync.merge.three_way import Merged
from channel_sync.pms import Reservation, StayPhase

# Where and when the guest stays. Price, contact and notes are the channel's as before.
OF_THE_STAY = (Field.STATUS, Field.DATES, Field.ROOM, Field.UNITS)
# Any other status leaves the guest's room as it is.
FREEING = (BookingStatus.CANCELLED, BookingStatus.INQUIRY)


@dataclass(frozen=True)
class Withheld:
    """What of a merge is still carried, what the channel wanted instead, and what of it the PMS's value replaces there.

    The PMS had changed `replaced` too: its own value goes to the channel as any change of the desk.
    """

    moved: Merged
    channel: Values
    replaced: frozenset[Field] = frozenset()


def has_begun(reservation: Reservation, today: date) -> bool:
    """Whether its guest is in house, has left, or did not come; what takes no room is nobody's stay."""
    return reservation.takes_room and reservation.phase_on(today) is not StayPhase.EXPECTED


def is_of_begun_stay(field: Field, channel_value: Any) -> bool:
    """Whether this value of the channel would move the guest of a stay that has begun, or free the room."""
    return field in OF_THE_STAY and (field is not Field.STATUS or channel_value in FREEING)


def withhold(moved: Merged) -> Withheld:
    """Take out of a merge what a channel may not change of a stay that has begun."""
    clashes = {clash.field: clash for clash in moved.clashes if is_of_begun_stay(clash.field, clash.channel)}
    wanted = {one: value for one, value in moved.to_pms.items() if is_of_begun_stay(one, value)}
    wanted |= {one: clash.channel for one, clash in clashes.items()}
    # A booking that the channel has cancelled is not reinstated there before a person says so.
    replaced = frozenset(clashes) - {Field.STATUS}
    to_channel = {one: value for one, value in moved.to_channel.items() if one not in clashes}
    return Withheld(
        Merged(
            to_pms={one: value for one, value in moved.to_pms.items() if one not in wanted},
            to_channel=to_channel | {one: clashes[one].pms for one in replaced},
            clashes=tuple(clash for clash in moved.clashes if clash.field not in clashes),
        ),
        wanted,
        replaced,
    )


def differing(channel_now: Values, pms_now: Values) -> dict[Field, Any]:
    """What the channel has of the stay that the PMS does not have."""
    return {one: channel_now[one] for one in OF_THE_STAY if one in channel_now and channel_now[one] != pms_now.get(one)}

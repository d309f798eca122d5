"""A list may say of a booking what its webhook left out: of the very state that is applied already.

Nothing has changed at the channel, so nothing that the PMS has changed since may be undone.
"""

from __future__ import annotations

from datetime import datetime

from channel_sync.channels.canonical import NOTHING, Booking, BookingStatus, named_value
from channel_sync.connections.pushable import shown_of
from channel_sync.inbound.order import State, note_applied
from channel_sync.models import ChannelProperty, ReservationLink
from channel_sync.moments import time_to_order_by
from channel_sync.pms import Reservation, host_pms


def says_more(link: ReservationLink, state: State, now: datetime) -> bool:
    """Whether a state is the one that is applied, with fields that were not told then. `now` is the database's time."""
    if not isinstance(state, Booking) or state.status is BookingStatus.CANCELLED or link.applied_cancelled:
        return False
    modified_at = time_to_order_by(state.modified_at, now)
    is_the_same = modified_at is not None and modified_at == time_to_order_by(link.applied_modified_at, now)
    return is_the_same and bool(_first_told(link, state))


def add_what_is_told(
    channel_property: ChannelProperty, link: ReservationLink, state: Booking, before: Reservation, now: datetime
) -> None:
    """Fill in what the PMS has nothing in, in the caller's transaction; all else of the reservation stays."""
    missing = [name for name in _first_told(link, state) if named_value(before, name) in NOTHING]
    filled = state.with_stay(before).model_copy(update={"not_told": tuple(missing)}).completed(state)
    host_pms().modify_reservation(before.id, before.room_type_id, filled)
    note_applied(link, state, now)
    link.pushed_hash = shown_of(channel_property.channel_name, state).state_hash()
    link.save()


def _first_told(link: ReservationLink, state: Booking) -> list[str]:
    return [name for name in link.not_told if name not in state.not_told]

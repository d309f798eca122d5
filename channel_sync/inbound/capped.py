"""Nights that were told to a channel as 0 while they were below: its own arithmetic is wrong from there on.

A channel counts its bookings itself, so its changes are not sent back to it. But a night at -1 was pushed as 0: when a
booking of that night is cancelled the channel opens a room that is not free. And nights of a booking that could not be
applied at once were not raised while it waited; nor were those of one that, as it turns out, was no news.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from channel_sync.broker.hand_over import publish_after_commit
from channel_sync.connections.mapped_rooms import find_room_type
from channel_sync.events.outbound_events import availability_event
from channel_sync.events.store import record_all
from channel_sync.inventory.availability import FreeNight, free_units
from channel_sync.models import ChannelEvent, ChannelProperty
from channel_sync.pms import NightSpan, Reservation, host_pms


def push_what_was_capped(
    channel_property: ChannelProperty,
    before: Reservation | None,
    after: Reservation | None,
    free_after: Sequence[FreeNight],
    *,
    was_withheld: bool = False,
) -> None:
    """Record a push of the nights of a changed booking of which one is, or may have been, below zero.

    `free_after` is what is free now on the nights of the state after the change. `was_withheld` when the change could
    not be applied at once: meanwhile its nights were not raised.
    """
    nights: list[tuple[Reservation, Sequence[FreeNight]]] = []
    if before is not None and before.takes_room:
        nights.append((before, free_units([before.room_type_id], before.check_in, before.check_out, unapplied=False)))
    if after is not None and after.takes_room:
        nights.append((after, free_after))
    spans = [
        state.nights() for state, free in nights if was_withheld or any(night.free < state.units for night in free)
    ]
    events = [availability_event(channel_property.id, span) for span in dict.fromkeys(spans)]
    publish_after_commit(record_all(events))


def push_what_was_claimed(event: ChannelEvent, reservation_id: UUID | None) -> None:
    """Record a push of the nights that a booking's event has kept from being sold and its reservation does not take.

    For an event that is settled without effect: while it waited its nights counted as taken, and pushes have said so.
    """
    start, end = event.claimed_from, event.claimed_until
    if event.claimed_room is None or start is None or end is None:
        return
    reservation = host_pms().reservation(reservation_id) if reservation_id is not None else None
    room_type_id = find_room_type(event.channel_property, event.claimed_room)
    if room_type_id is None or (reservation is not None and _takes(reservation, room_type_id, start, end, event)):
        return
    span = NightSpan(event.channel_property.property_id, room_type_id, start, end)
    publish_after_commit(record_all([availability_event(event.channel_property_id, span)]))


def _takes(reservation: Reservation, room_type_id: UUID, start: date, end: date, event: ChannelEvent) -> bool:
    return (
        reservation.takes_room
        and reservation.room_type_id == room_type_id
        and reservation.check_in <= start
        and end <= reservation.check_out
        and reservation.units >= (event.claimed_units or 0)
    )

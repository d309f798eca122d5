"""Nights that were told to a channel as 0 while they were below: its own arithmetic is wrong from there on.

A channel counts its bookings itself, so its changes are not sent back to it. But a night at -1 was pushed as 0: when a
booking of that night is cancelled the channel opens a room that is not free.
"""

from __future__ import annotations

from channel_sync.broker.hand_over import publish_after_commit
from channel_sync.events.outbound_events import availability_event
from channel_sync.events.record import record_all
from channel_sync.inventory.availability import free_units
from channel_sync.models import ChannelProperty
from channel_sync.pms import Reservation


def push_what_was_capped(
    channel_property: ChannelProperty, before: Reservation | None, after: Reservation | None
) -> None:
    """Record a push of the nights of a changed booking of which one is, or may have been, below zero."""
    taking = [state for state in (before, after) if state is not None and state.takes_room]
    spans = []
    for state in taking:
        nights = free_units([state.room_type_id], state.check_in, state.check_out)
        if any(night.free < state.units for night in nights):
            spans.append(state.nights())
    events = [availability_event(channel_property.id, span) for span in dict.fromkeys(spans)]
    publish_after_commit(record_all(events))

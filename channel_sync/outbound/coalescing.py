"""Take all waiting calendar events of a property together and find the nights they are about."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from channel_sync.channels.ranges import ONE_NIGHT, nights
from channel_sync.conf import channel_sync_settings
from channel_sync.errors import NotYet, RateLimited, WaitsFor
from channel_sync.events.store import defer_beside
from channel_sync.models import OPEN_STATUSES, WAITING_STATUSES, ChannelEvent, ChannelProperty, Direction, EntityType
from channel_sync.pms import host_pms

# Keeps one push, and the row locks of closing its events, bounded.
MAX_EVENTS_PER_PUSH = 5_000
BOOKING_FIRST = timedelta(seconds=1)
# Behind their lead, whose push is theirs too; should it come to nothing, each finds out by itself.
BEHIND_LEAD = timedelta(seconds=30)


class BookingFirst(NotYet):
    """A booking of a room type has to reach the channel before its nights are set; None when of any."""

    def __init__(self, room_type_id: UUID | None = None) -> None:
        super().__init__(
            "A booking of this room type has to reach the channel first.",
            retry_after=BOOKING_FIRST,
            waits_for=WaitsFor.BOOKING,
        )
        self.room_type_id = room_type_id


@dataclass(frozen=True)
class WaitingEvents:
    """The events that one push answers, and the nights by room type or rate plan that they name."""

    event_ids: Sequence[UUID]
    nights: dict[UUID, set[date]]

    def window(self) -> tuple[date, date]:
        """First night, and the day after the last."""
        every = [night for named in self.nights.values() for night in named]
        return min(every), max(every) + ONE_NIGHT


@contextmanager
def leading(lead: ChannelEvent) -> Iterator[None]:
    """What puts off this event puts off those that one push answers together with it.

    Thousands may wait: one looks every second whether it is their turn, and not each of them.
    """
    try:
        yield
    except (NotYet, RateLimited) as error:
        delay = (error.retry_after or timedelta(0)) + BEHIND_LEAD
        room_type_id = error.room_type_id if isinstance(error, BookingFirst) else None
        defer_beside(lead, delay, error, limit=MAX_EVENTS_PER_PUSH, entity=room_type_id)
        raise


def waiting_events(lead: ChannelEvent, *, leave_out: Collection[UUID] = ()) -> WaitingEvents:
    """The lead event and all that wait beside it: read before the state is, so that none is closed unseen.

    Who holds the account's lock speaks for those in processing too: their workers wait for the lock. Events of the room
    types in `leave_out` go on waiting.
    """
    others = (
        ChannelEvent.objects.filter(
            channel_property_id=lead.channel_property_id,
            status__in=OPEN_STATUSES,
            direction=Direction.OUTBOUND,
            event_type=lead.event_type,
        )
        .exclude(id=lead.id)
        .order_by("received_at")[:MAX_EVENTS_PER_PUSH]
    )
    waiting = [event for event in others if event.entity_internal_id not in leave_out]
    today = host_pms().property_facts(lead.channel_property.property_id).today()
    named: dict[UUID, set[date]] = defaultdict(set)
    for event in [lead, *waiting]:
        if event.entity_internal_id is not None:
            named[event.entity_internal_id].update(_pushable(event, today))
    return WaitingEvents(
        event_ids=[event.id for event in waiting],
        nights={entity: found for entity, found in named.items() if found},
    )


def room_types_with_unsent_bookings(channel_property: ChannelProperty) -> set[UUID]:
    """Room types with a reservation that the channel is still to be told of.

    The channel counts that booking itself, so availability pushed before it would count it twice.
    """
    return room_types_on_their_way(channel_property, entity_type=EntityType.BOOKING)


def room_types_on_their_way(channel_property: ChannelProperty, **which: Any) -> set[UUID]:
    """Room types that an event, of any kind or of those that the columns in `which` name, is still to be sent for.

    One that waits until somebody settles another event is left out: its nights are those of the other, which are
    guarded as long, and all others of the room type would wait with them. So is one whose mapping nobody has accepted
    yet: its room type is lowered meanwhile.
    """
    open_events = ChannelEvent.objects.filter(
        channel_property=channel_property, status__in=OPEN_STATUSES, direction=Direction.OUTBOUND, **which
    ).exclude(waits_for__in=(WaitsFor.EVENT, WaitsFor.PARITY), status__in=WAITING_STATUSES)
    named = open_events.values_list("payload__room_type_id", flat=True).distinct()
    return {UUID(room_type_id) for room_type_id in named if room_type_id}


def _pushable(event: ChannelEvent, today: date) -> Iterator[date]:
    """The nights an event names, from today to the end of the calendar."""
    start = max(date.fromisoformat(event.payload["start"]), today)
    end = min(date.fromisoformat(event.payload["end"]), today + timedelta(days=channel_sync_settings().calendar_nights))
    return nights(start, end - ONE_NIGHT)

"""Bring bookings at the channel to the state of their reservations, all that wait for a property in one call.

The state is read when the events are worked, not when they were made: events of one reservation cannot overtake each
other, the later ones find nothing left to send.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from time import perf_counter

from channel_sync.channels.base import Channel
from channel_sync.channels.canonical import WriteResult
from channel_sync.conf import channel_sync_settings
from channel_sync.connections.account import calling
from channel_sync.connections.breaker import is_open
from channel_sync.connections.rate_limit import require_pace
from channel_sync.errors import BatchRefused, NotYet, RefusedByChannel, SoldElsewhere
from channel_sync.events.processing import settle_error
from channel_sync.events.store import note_sent
from channel_sync.inbound.pull import Seen, pull_bookings
from channel_sync.models import (
    ChannelEvent,
    ChannelProperty,
    ChannelPropertyStatus,
    EventStatus,
    EventType,
    ReservationLink,
)
from channel_sync.outbound.booking_batch import Planned, prepare_writes, waiting_beside
from channel_sync.outbound.booking_outcome import settle_refused, settle_unsent
from channel_sync.outbound.coalescing import BookingFirst
from channel_sync.outbound.groups import one_new_group_each, with_leaders
from channel_sync.outbound.last_room import offer_again, waits_for_another
from channel_sync.outbound.sent_together import Sent, settle_all_sent

logger = logging.getLogger(__name__)

# Each may keep a room from being sold twice, or give one back.
URGENT = (EventType.BOOKING_CREATE, EventType.BOOKING_CANCEL)
# Other properties wait for the account; what still waits here then is found through its messages.
GO_ON_SECONDS = 10.0


def push_booking(event: ChannelEvent) -> None:
    """Create, update or cancel bookings, link and confirm their reservations, and settle the events.

    The events that wait beside this one are sent with it, call after call while the account is in hand; each of them
    is settled by itself. Before a booking is updated or cancelled, what has changed at the channel is applied: sent
    first, our state would undo it.
    """
    turn = _Turn(event)
    try:
        with calling(event.channel_property, is_urgent=event.event_type in URGENT) as channel:
            turn.run(channel)
    except Exception as error:
        # Outside of the call: what is known there of the login and of the channel holds for all of them.
        shared = _shared(error, alone=not turn.beside)
        for other in turn.beside:
            if other.status == EventStatus.PROCESSING:
                settle_error(other, shared)
        if event.status != EventStatus.PROCESSING:
            logger.warning("bookings beside event %s were not sent: %s", event.id, type(error).__name__)
        elif shared is error:
            raise
        else:
            raise shared from error


class _Turn:
    """What a worker sends while it has the account: an event, and those that were claimed beside it."""

    def __init__(self, event: ChannelEvent) -> None:
        self.beside: list[ChannelEvent] = []
        self._event = event
        self._begun = perf_counter()
        self._seen = Seen()

    def run(self, channel: Channel) -> None:
        """Call after call until nothing waits, it has lasted long enough, or a call fails."""
        if is_open(self._event.channel_property):
            # While the channel is tried again one booking tries: the first of them that has something to send.
            has_sent = self._push(channel, [self._event])
            while not has_sent and self._may_go_on() and (other := self._claim(at_most=1)):
                has_sent = self._push(channel, other)
            others = self._claim() if has_sent and self._may_go_on() else []
            self._push(channel, others)
        else:
            others = self._claim()
            self._push(channel, [self._event, *others])
        while others and self._may_go_on():
            others = self._claim(is_again=True)
            self._push(channel, others)

    def _claim(self, *, is_again: bool = False, at_most: int | None = None) -> list[ChannelEvent]:
        claimed = waiting_beside(self._event, is_again=is_again, at_most=at_most)
        self.beside += claimed
        return claimed

    def _push(self, channel: Channel, events: Sequence[ChannelEvent]) -> bool:
        """One call about claimed events, after a look at what has changed there; false when nothing was to be sent."""
        if not events:
            return False
        if _may_have_changed_there(events):
            pull_bookings(events[0].channel_property, channel, self._seen)
        to_send: list[Planned] = []
        for booking in with_leaders(channel, prepare_writes(channel, events)):
            if booking.write is None:
                settle_unsent(booking)
            else:
                to_send.append(booking)
        for call in one_new_group_each(to_send):
            for part in _parts(channel, call):
                _send(channel, part)
        return bool(to_send)

    def _may_go_on(self) -> bool:
        return perf_counter() - self._begun < GO_ON_SECONDS and _may_go_on(self._event.channel_property)


def _may_go_on(channel_property: ChannelProperty) -> bool:
    """Whether another call may follow at once: not after a pause, and as credits run low only by the next message."""
    try:
        require_pace(channel_property.id)
    except NotYet:
        return False
    return ChannelProperty.objects.filter(id=channel_property.id, status=ChannelPropertyStatus.ACTIVE).exists()


def _may_have_changed_there(events: Sequence[ChannelEvent]) -> bool:
    """Whether the channel has any of the bookings already, or may have: it may have been changed there since."""
    if not channel_sync_settings().pull_before_push:
        return False
    if any(event.event_type != EventType.BOOKING_CREATE or event.normalized_payload for event in events):
        return True
    return ReservationLink.objects.filter(
        channel_property=events[0].channel_property,
        reservation_id__in=[event.entity_internal_id for event in events],
    ).exists()


def _shared(error: Exception, *, alone: bool) -> Exception:
    """The whole call was refused: it is not known for whose sake, so each booking is sent again by itself."""
    if alone or not isinstance(error, RefusedByChannel):
        return error
    return BatchRefused(str(error))


def _parts(channel: Channel, to_send: Sequence[Planned]) -> Iterator[Sequence[Planned]]:
    """What goes out together, in as few calls as the channel allows."""
    left = list(to_send)
    while left:
        size = channel.bookings_in_one_call([booking.write for booking in left if booking.write is not None])
        yield left[:size]
        left = left[size:]


def _send(channel: Channel, to_send: Sequence[Planned]) -> None:
    writes = [booking.write for booking in to_send if booking.write is not None]
    note_sent([(booking.event, booking.sent()) for booking in to_send])
    results = channel.write_bookings(writes, idempotency_key=to_send[0].event.idempotency_key)
    answered = list(zip(to_send, results, strict=True))
    sold_out = [(booking, result.refused) for booking, result in answered if isinstance(result.refused, SoldElsewhere)]
    _settle([(booking, result) for booking, result in answered if not isinstance(result.refused, SoldElsewhere)])
    if sold_out:
        # Others of their groups may have been made by the call.
        again = with_leaders(channel, [booking for booking, _ in sold_out])
        offered = offer_again(channel, list(zip(again, [error for _, error in sold_out], strict=True)))
        waiting = [booking for booking, result in offered if waits_for_another(booking, result)]
        _settle([(booking, result) for booking, result in offered if booking not in waiting])
        for booking in waiting:
            for event in (booking.event, *booking.later):
                settle_error(event, BookingFirst())


def _settle(answered: Sequence[tuple[Planned, WriteResult]]) -> None:
    for booking, result in answered:
        if result.refused is not None:
            settle_refused(booking, result.refused)
    settle_all_sent(
        [
            Sent(booking, result.external_id, (*booking.cut, *result.warnings), result.dropped)
            for booking, result in answered
            if result.refused is None
        ]
    )

"""Bring bookings at the channel to the state of their reservations, all that wait for a property in one call.

The state is read when the events are worked, not when they were made: events of one reservation cannot overtake each
other, the later ones find nothing left to send.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction

from channel_sync.channels.base import Channel
from channel_sync.channels.canonical import BookingWrite, WriteResult
from channel_sync.conf import channel_sync_settings
from channel_sync.connections.account import calling
from channel_sync.connections.breaker import is_open
from channel_sync.errors import BatchRefused, RefusedByChannel, SoldElsewhere
from channel_sync.events.processing import settle_error
from channel_sync.events.store import note_sent
from channel_sync.inbound.pull import pull_bookings
from channel_sync.models import ChannelEvent, EventStatus, EventType, ReservationLink
from channel_sync.outbound.booking_batch import Planned, prepare_writes, waiting_beside
from channel_sync.outbound.booking_outcome import settle_refused, settle_sent, settle_unsent
from channel_sync.outbound.last_room import offer_again

# Each may keep a room from being sold twice, or give one back.
URGENT = (EventType.BOOKING_CREATE, EventType.BOOKING_CANCEL)


def push_booking(event: ChannelEvent) -> None:
    """Create, update or cancel bookings, link and confirm their reservations, and settle the events.

    The events that wait beside this one are sent with it; each of them is settled by itself. Before a booking is
    updated or cancelled, what has changed at the channel is applied: sent first, our state would undo it.
    """
    beside: list[ChannelEvent] = []
    try:
        with calling(event.channel_property, is_urgent=event.event_type in URGENT) as channel:
            # While the channel is tried again, one booking tries and the others wait.
            beside = [] if is_open(event.channel_property) else waiting_beside(event)
            if _may_have_changed_there([event, *beside]):
                pull_bookings(event.channel_property, channel)
            _push(channel, [event, *beside])
    except Exception as error:
        # Outside of the call: what is known there of the login and of the channel holds for all of them.
        shared = _shared(error, alone=not beside)
        for other in beside:
            if other.status == EventStatus.PROCESSING:
                settle_error(other, shared)
        if shared is error:
            raise
        raise shared from error


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


def _push(channel: Channel, events: list[ChannelEvent]) -> None:
    to_send: list[Planned] = []
    writes: list[BookingWrite] = []
    for booking in prepare_writes(channel, events):
        if booking.write is None:
            settle_unsent(booking)
        else:
            to_send.append(booking)
            writes.append(booking.write)
    if not to_send:
        return
    with transaction.atomic():
        for booking, write in zip(to_send, writes, strict=True):
            note_sent(booking.event, write.sent())
    results = channel.write_bookings(writes, idempotency_key=to_send[0].event.idempotency_key)
    sold_out: list[tuple[Planned, SoldElsewhere]] = []
    for booking, result in zip(to_send, results, strict=True):
        if isinstance(result.refused, SoldElsewhere):
            sold_out.append((booking, result.refused))
        else:
            _settle(booking, result)
    for booking, result in offer_again(channel, sold_out) if sold_out else ():
        _settle(booking, result)


def _settle(booking: Planned, result: WriteResult) -> None:
    if result.refused is None:
        settle_sent(booking, result.external_id)
    else:
        settle_refused(booking, result.refused)

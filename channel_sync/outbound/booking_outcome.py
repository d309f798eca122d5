"""Settle the events of a reservation, with their effect on the link and on the reservation, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction

from channel_sync.channels.storable import storable_text
from channel_sync.connections.account import note_success
from channel_sync.database_lock import lock_in_transaction
from channel_sync.errors import Fatal
from channel_sync.events.processing import settle_error
from channel_sync.events.store import complete, complete_into, ignore
from channel_sync.inbound.compensation import confirm_or_take_back
from channel_sync.inventory.confirmation import refuse_at_channel
from channel_sync.merge.agreement import fields_of, fields_with, note_cancelled, note_room_type, note_sent
from channel_sync.models import ChannelEvent, ChannelProperty, EventType, ReservationLink
from channel_sync.origin import on_behalf_of
from channel_sync.outbound.booking_batch import Planned


def settle_sent(
    booking: Planned, external_id: str, warnings: Sequence[str] = (), dropped: frozenset[str] = frozenset()
) -> None:
    """The channel has it, but for what it dropped: link, confirm, done; its warnings are kept with the event."""
    channel_property = booking.event.channel_property
    # The channel has this state: what is saved here is no news to it.
    with transaction.atomic(), on_behalf_of(channel_property.id):
        link = _lock_link(channel_property, external_id)
        if booking.reservation is not None and booking.is_taken_up:
            confirm_or_take_back(channel_property, booking.reservation, external_id)
        updated_link(link, booking, dropped).save()
        note_success(channel_property)
        complete(booking.event, entity_external_id=external_id, warnings=list(warnings))
        complete_into(booking.later, into=booking.event)


def updated_link(link: ReservationLink, booking: Planned, dropped: frozenset[str] = frozenset()) -> ReservationLink:
    """The link of a booking that was just sent, to be saved."""
    write = booking.write
    push = write.push if write is not None else None
    # The channel's own webhook about the booking may have made the link already.
    if booking.reservation is not None:
        link.reservation_id = booking.reservation.id
    if write is not None and push is not None:
        note_sent(link, push, fields_of(write.only), dropped=fields_with(dropped))
        if booking.reservation is not None:
            note_room_type(link, booking.reservation.room_type_id, is_made_here=write.external_id is None)
    else:
        note_cancelled(link)
    link.applied_cancelled = push is None
    return link


def settle_unsent(booking: Planned) -> None:
    """There was nothing to send, or it could not be: the reason is kept."""
    if isinstance(booking.error, Fatal):
        settle_refused(booking, booking.error)
        return
    if booking.error is not None:
        for event in (booking.event, *booking.later):
            settle_error(event, booking.error)
        return
    with transaction.atomic():
        if booking.external_id is not None and booking.reservation is not None and booking.reservation.takes_room:
            confirm_or_take_back(booking.event.channel_property, booking.reservation, booking.external_id)
        if booking.external_id is not None and booking.event.event_type == EventType.BOOKING_CREATE:
            # A create whose answer was lost: a pull has brought the booking in.
            complete(booking.event, entity_external_id=booking.external_id)
        else:
            ignore(booking.event, booking.reason)
        complete_into(booking.later, into=booking.event)


def settle_refused(booking: Planned, error: Fatal) -> None:
    """One open case per reservation: its younger events go with the one that failed."""
    settle_error(booking.event, error)
    for event in booking.later:
        ignore(event, f"goes with event {booking.event.id}: retry that one", coalesced_into=booking.event)


def booking_refused(event: ChannelEvent, error: Exception) -> None:
    """In the transaction that fails the event: a reservation that waited for the channel fails with a refusal.

    An event that only gave up leaves it to its hold: the channel may have the booking, and a pull may still bring it.
    """
    if isinstance(error, Fatal) and event.entity_internal_id is not None:
        refuse_at_channel(event.entity_internal_id, storable_text(str(error)))


def _lock_link(channel_property: ChannelProperty, external_id: str) -> ReservationLink:
    lock_in_transaction("booking", channel_property.id, external_id)
    link = ReservationLink.objects.filter(channel_property=channel_property, external_id=external_id).first()
    return link or ReservationLink(channel_property=channel_property, external_id=external_id)

"""Apply a booking of a channel to the PMS: once, in order, never losing it."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction

from channel_sync.channels.canonical import Booking, BookingCancellation
from channel_sync.connections.account import calling
from channel_sync.connections.registry import channel_class
from channel_sync.database_clock import database_now
from channel_sync.database_lock import lock_in_transaction
from channel_sync.events.store import complete, ignore
from channel_sync.inbound.cancellation import cancel, read_state
from channel_sync.inbound.capped import push_what_was_claimed
from channel_sync.inbound.carrying import carry_over, lock_room_types
from channel_sync.inbound.compensation import confirm_or_take_back
from channel_sync.inbound.echo import cancellation_waits, create_is_unanswered, note_what_shows, was_sent_lately
from channel_sync.inbound.order import Order, State, is_deleted, note_applied, order_of
from channel_sync.inbound.overwritten import restore_overwritten
from channel_sync.inbound.presence import is_listed_now
from channel_sync.inbound.twins import require_no_twin
from channel_sync.inventory.confirmation import Confirmation
from channel_sync.merge.agreement import is_as_agreed, says_more
from channel_sync.models import (
    PMS_SOURCE,
    ChannelEvent,
    ChannelProperty,
    EventType,
    ReservationLink,
)
from channel_sync.moments import time_to_order_by
from channel_sync.origin import on_behalf_of
from channel_sync.pms import host_pms

KEY = "client_key"
DELETED_HERE = "the PMS has deleted the reservation: its cancellation is on its way"
ROOM_TAKEN = "taken back: its room was sold before the channel confirmed it"
REASONS = {
    Order.STALE: "stale: a newer state of the booking is applied already",
    Order.UNCHANGED: "unchanged: this state of the booking is applied already",
}


def handle_booking(event: ChannelEvent) -> None:
    """Create, modify or cancel the reservation of a booking, link the two, and settle the event.

    Where its time leaves open what is the last state (there is none, or it is that of the state before), or we have
    written to the booking lately, the channel is asked for the present one.
    """
    is_cancelled = event.event_type == EventType.BOOKING_CANCELLED
    state = read_state(event.channel_property, event.payload, is_cancelled=is_cancelled)
    if not _settle(event, state, is_current=is_listed_now(event.id)):
        with calling(event.channel_property, is_urgent=True) as channel:
            present = channel.booking(state.external_id)
            _settle(event, present or state, is_current=True, is_gone=present is None, said=state)


def handle_booking_deleted(event: ChannelEvent) -> None:
    """Cancel the reservation; a booking that is not known yet is remembered as gone, for webhooks that come late."""
    channel_property = event.channel_property
    external_id = channel_class(channel_property.channel_name).parse_cancellation(event.payload).external_id
    with transaction.atomic(), on_behalf_of(channel_property.id):
        lock_in_transaction("booking", channel_property.id, external_id)
        link, _ = ReservationLink.objects.get_or_create(channel_property=channel_property, external_id=external_id)
        cancel(channel_property, link, is_deleted=True)
        now = database_now()
        link.applied_modified_at = time_to_order_by(event.occurred_at, now) or now
        link.applied_cancelled = True
        link.applied_hash = ""
        link.save()
        complete(event)


def _settle(
    event: ChannelEvent, state: State, *, is_current: bool, is_gone: bool = False, said: State | None = None
) -> bool:
    """Apply a state of a booking, or ignore it; False, and nothing done, when it may not be the last one.

    `is_current` is what the channel was just asked for, as it had `said` something that may be older; `is_gone` when
    it does not have the booking.
    """
    channel_property = event.channel_property
    normalized = state.model_dump(mode="json")
    with transaction.atomic(), on_behalf_of(channel_property.id):
        lock_in_transaction("booking", channel_property.id, state.external_id)
        link = _link_of(channel_property, state)
        now = database_now()
        order = order_of(link, state, now)
        if order is Order.OPEN and isinstance(state, Booking) and says_more(link, state):
            order = Order.NEWER
        if order is Order.OPEN and not is_current:
            return False
        if order is Order.OPEN and is_gone and is_deleted(link):
            order = Order.STALE
        passed = said or (state if order is Order.STALE else None)
        if isinstance(passed, Booking):
            restore_overwritten(channel_property, link, passed)
        if order in REASONS:
            push_what_was_claimed(event, link.reservation_id)
            ignore(event, REASONS[order], normalized_payload=normalized)
            return True
        if isinstance(state, BookingCancellation):
            note_applied(link, state, now)
            cancel(channel_property, link)
            link.save()
            complete(event, normalized_payload=normalized, entity_internal_id=link.reservation_id)
            return True
        return _settle_booking(event, link, state, now, is_current=is_current)


def _settle_booking(
    event: ChannelEvent, link: ReservationLink, booking: Booking, now: datetime, *, is_current: bool
) -> bool:
    """The same of a state that is to be applied; what was sent to the channel lately may be newer than it."""
    channel_property, pms = event.channel_property, host_pms()
    normalized = booking.model_dump(mode="json")
    if link._state.adding and link.reservation_id is None and booking.takes_room:
        require_no_twin(channel_property, booking)
    before = pms.reservation(link.reservation_id) if link.reservation_id else None
    if not is_current and _may_be_older(channel_property, link, booking):
        return False
    if before is None and not link._state.adding and cancellation_waits(channel_property, booking.external_id):
        note_applied(link, booking, now)
        link.save()
        push_what_was_claimed(event, link.reservation_id)
        ignore(event, DELETED_HERE, normalized_payload=normalized)
        return True
    note_what_shows(channel_property, link, booking)
    entered = lock_room_types(channel_property, before, booking)
    reason = ""
    if before is not None and booking.takes_room:
        if confirm_or_take_back(channel_property, before, booking.external_id) is Confirmation.ROOM_TAKEN:
            note_applied(link, booking, now)
            reason = ROOM_TAKEN
        # As its confirmation left it.
        before = pms.reservation(before.id) or before
    reason = reason or carry_over(event, link, booking, before, entered, now)
    link.save()
    if reason:
        push_what_was_claimed(event, link.reservation_id)
        ignore(event, reason, normalized_payload=normalized, entity_internal_id=link.reservation_id)
    else:
        complete(event, normalized_payload=normalized, entity_internal_id=link.reservation_id)
    return True


def _may_be_older(channel_property: ChannelProperty, link: ReservationLink, booking: Booking) -> bool:
    """Whether a state may be from before our own last write, or be of a booking that we have just made ourselves."""
    if link._state.adding and link.reservation_id is None:
        return KEY in booking.left_out and create_is_unanswered(channel_property)
    return not is_as_agreed(link, booking) and was_sent_lately(channel_property, link)


def _link_of(channel_property: ChannelProperty, state: State) -> ReservationLink:
    """The link of the booking; for a booking that we created ourselves and have not linked yet, by its key."""
    link = ReservationLink.objects.filter(channel_property=channel_property, external_id=state.external_id).first()
    if link is not None:
        return link
    client_key = state.client_key if isinstance(state, Booking) else ""
    return ReservationLink(
        channel_property=channel_property,
        external_id=state.external_id,
        reservation_id=_reservation_of_key(channel_property, client_key),
    )


def _reservation_of_key(channel_property: ChannelProperty, client_key: str) -> UUID | None:
    """The reservation that our own create was for: its webhook may overtake the worker that made the call."""
    if not client_key:
        return None
    return (
        ChannelEvent.objects.filter(idempotency_key=client_key, channel_property=channel_property, source=PMS_SOURCE)
        .values_list("entity_internal_id", flat=True)
        .first()
    )

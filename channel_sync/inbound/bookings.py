"""Apply a booking of a channel to the PMS: once, in order, never losing it."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction

from channel_sync.channels.canonical import Booking, BookingCancellation, BookingStatus
from channel_sync.connections.account import calling
from channel_sync.connections.mapped_rooms import find_room_type
from channel_sync.connections.pushable import push_of, shown_of
from channel_sync.connections.registry import channel_class
from channel_sync.database_clock import database_now
from channel_sync.database_lock import lock_in_transaction
from channel_sync.errors import UnmappedRoom
from channel_sync.events.store import complete, ignore
from channel_sync.inbound.cancellation import cancel, read_state
from channel_sync.inbound.capped import push_what_was_capped
from channel_sync.inbound.compensation import confirm_or_take_back
from channel_sync.inbound.concurrent_change import flag_concurrent_change
from channel_sync.inbound.echo import Echo, echo_of, waits_to_be_sent
from channel_sync.inbound.order import Order, State, has_new_details, is_deleted, note_applied, order_of
from channel_sync.inbound.overbooking import flag_overbooking
from channel_sync.inbound.told_later import add_what_is_told, says_more
from channel_sync.inventory.availability import FreeNight, free_units
from channel_sync.inventory.confirmation import Confirmation
from channel_sync.models import (
    PMS_SOURCE,
    ChannelEvent,
    ChannelProperty,
    EventType,
    ReservationLink,
)
from channel_sync.moments import time_to_order_by
from channel_sync.origin import on_behalf_of
from channel_sync.pms import Reservation, host_pms

ECHO = "echo: the PMS itself sent this state"
ROOM_TAKEN = "taken back: its room was sold before the channel confirmed it"
REASONS = {
    Order.STALE: "stale: a newer state of the booking is applied already",
    Order.UNCHANGED: "unchanged: this state of the booking is applied already",
}


def handle_booking(event: ChannelEvent) -> None:
    """Create, modify or cancel the reservation of a booking, link the two, and settle the event.

    Where its time leaves open what is the last state (there is none, or it is that of the state before), the channel
    is asked for the present one.
    """
    is_cancelled = event.event_type == EventType.BOOKING_CANCELLED
    state = read_state(event.channel_property, event.payload, is_cancelled=is_cancelled)
    if not _settle(event, state, is_current=False):
        with calling(event.channel_property, is_urgent=True) as channel:
            present = channel.booking(state.external_id)
            _settle(event, present or state, is_current=True, is_gone=present is None)


def handle_booking_deleted(event: ChannelEvent) -> None:
    """Cancel the reservation; a booking that is not known yet is remembered as gone, for webhooks that come late."""
    channel_property = event.channel_property
    external_id = channel_class(channel_property.channel_name).parse_cancellation(event.payload).external_id
    with transaction.atomic(), on_behalf_of(channel_property.id):
        lock_in_transaction("booking", channel_property.id, external_id)
        link, _ = ReservationLink.objects.get_or_create(channel_property=channel_property, external_id=external_id)
        if link.reservation_id is not None:
            cancel(channel_property, link.reservation_id)
        now = database_now()
        link.applied_modified_at = time_to_order_by(event.occurred_at, now) or now
        link.applied_cancelled = True
        link.applied_hash = link.pushed_hash = ""
        link.save()
        complete(event)


def _settle(event: ChannelEvent, state: State, *, is_current: bool, is_gone: bool = False) -> bool:
    """Apply a state of a booking, or ignore it; False, and nothing done, when its time leaves the order open.

    `is_current` is what the channel was just asked for; `is_gone` when it does not have the booking.
    """
    channel_property = event.channel_property
    normalized = state.model_dump(mode="json")
    with transaction.atomic(), on_behalf_of(channel_property.id):
        lock_in_transaction("booking", channel_property.id, state.external_id)
        link = _link_of(channel_property, state)
        now = database_now()
        order = order_of(link, state, now)
        before = host_pms().reservation(link.reservation_id) if link.reservation_id else None
        if order is Order.OPEN and isinstance(state, Booking) and before and says_more(link, state, now):
            add_what_is_told(channel_property, link, state, before, now)
            complete(event, normalized_payload=normalized, entity_internal_id=link.reservation_id)
            return True
        if order is Order.OPEN and not is_current:
            return False
        if order is Order.OPEN and is_gone and is_deleted(link):
            order = Order.STALE
        if order in REASONS:
            ignore(event, REASONS[order], normalized_payload=normalized)
            return True
        if isinstance(state, BookingCancellation):
            note_applied(link, state, now)
            if link.reservation_id is not None:
                cancel(channel_property, link.reservation_id)
            link.pushed_hash = ""
            link.save()
            complete(event, normalized_payload=normalized, entity_internal_id=link.reservation_id)
            return True
        booking = state.completed(before) if before is not None else state
        echo = echo_of(channel_property, link, booking)
        if echo is Echo.EARLIER and not is_current:
            return False
        is_detailed = has_new_details(link, booking)
        note_applied(link, state, now)
        entered = _lock_room_types(channel_property, before, booking)
        reason = (
            _no_need(channel_property, before, booking, echo, is_current=is_current) if before is not None else None
        )
        if before is not None and reason is not None:
            if reason == ECHO and is_detailed:
                host_pms().modify_reservation(before.id, before.room_type_id, booking.with_stay(before))
            link.pushed_hash = shown_of(channel_property.channel_name, booking).state_hash()
            link.save()
            ignore(event, reason, normalized_payload=normalized, entity_internal_id=link.reservation_id)
            return True
        link.reservation_id = _apply(channel_property, link.reservation_id, booking, entered)
        after = host_pms().reservation(link.reservation_id) if link.reservation_id else None
        free = _free_nights(after)
        flag_overbooking(channel_property, booking, free)
        push_what_was_capped(channel_property, before, after, free, was_withheld=event.last_error is not None)
        # What a push would send now: a later save that changes none of it sends nothing.
        link.pushed_hash = (
            push_of(channel_property.channel_name, after, booking.external_room_id).state_hash() if after else ""
        )
        link.save()
        complete(event, normalized_payload=normalized, entity_internal_id=link.reservation_id)
    return True


def _lock_room_types(channel_property: ChannelProperty, before: Reservation | None, booking: Booking) -> UUID | None:
    """The room types that a booking leaves and enters, at once: locked one by one they might meet another order.

    Returns the one that it enters; None when its room is not mapped.
    """
    entered = find_room_type(channel_property, booking.external_room_id)
    left = before.room_type_id if before is not None else None
    host_pms().lock_room_types([room_type_id for room_type_id in (left, entered) if room_type_id is not None])
    return entered


def _no_need(
    channel_property: ChannelProperty, before: Reservation, booking: Booking, echo: Echo, *, is_current: bool
) -> str | None:
    """Why a state of a known reservation is not applied; a reservation that waited for its channel is confirmed.

    What the channel has now is no echo of an earlier state: an OTA may have changed the booking there and back.
    """
    if booking.takes_room:
        outcome = confirm_or_take_back(channel_property, before, booking.external_id)
        if outcome is Confirmation.ROOM_TAKEN:
            return ROOM_TAKEN
    waits = waits_to_be_sent(channel_property, before.id)
    if echo is Echo.LATEST or (echo is Echo.EARLIER and waits and not is_current):
        return ECHO
    if waits:
        flag_concurrent_change(channel_property, before, booking)
    return None


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


def _apply(
    channel_property: ChannelProperty, reservation_id: UUID | None, booking: Booking, room_type_id: UUID | None
) -> UUID | None:
    pms = host_pms()
    if reservation_id is not None and booking.status is BookingStatus.CANCELLED:
        pms.cancel_reservation(reservation_id)
        return reservation_id
    if room_type_id is None:
        raise UnmappedRoom(booking.external_room_id, str(channel_property))
    if reservation_id is None:
        (reservation_id,) = pms.create_reservations(channel_property.property_id, [(room_type_id, booking)])
    else:
        pms.modify_reservation(reservation_id, room_type_id, booking)
    return reservation_id


def _free_nights(reservation: Reservation | None) -> list[FreeNight]:
    """What is free on the nights that it takes; none when it takes no room."""
    if reservation is None or not reservation.takes_room:
        return []
    return free_units([reservation.room_type_id], reservation.check_in, reservation.check_out)

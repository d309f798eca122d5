"""Bookings that nobody has seen before, several in one transaction: a first synchronisation, or a rush of guests.

A rush of new bookings costs a fraction of what they cost one by one. Whatever is not plainly new, and all of them
when one goes wrong, is applied one by one as ever.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from time import perf_counter
from typing import NamedTuple

from django.db import InterfaceError, OperationalError, transaction

from channel_sync.channels.canonical import Booking
from channel_sync.conf import channel_sync_settings
from channel_sync.connections.mapped_rooms import room_types
from channel_sync.connections.opening import is_being_compared
from channel_sync.connections.registry import channel_class
from channel_sync.correlation import correlated
from channel_sync.database_clock import database_now
from channel_sync.database_lock import close_if_broken, lock_all_in_transaction
from channel_sync.errors import InvalidPayload, NotYet
from channel_sync.events.processing import note_worked, settle_error, work_claimed
from channel_sync.events.store import Worked, claim_beside, complete_together, note_completed
from channel_sync.inbound.bookings import handle_booking
from channel_sync.inbound.capped import push_what_was_capped
from channel_sync.inbound.order import note_applied
from channel_sync.inbound.overbooking import flag_overbooking
from channel_sync.inbound.stored import is_kept, keep_what_is_missing
from channel_sync.inventory.availability import FreeNight
from channel_sync.inventory.stays import free_after_each
from channel_sync.merge.agreement import note_both, ours
from channel_sync.models import ChannelEvent, ChannelProperty, EventStatus, EventType, ReservationLink
from channel_sync.origin import on_behalf_of
from channel_sync.pms import Reservation, host_pms

logger = logging.getLogger(__name__)

# Well within `processing_lease`: some of the others may have to wait for the channel's account, each for long.
GIVE_BACK_AFTER_SECONDS = 30.0
AT_ONCE = timedelta(0)
KEY = "client_key"


class _Arrival(NamedTuple):
    """A new booking and the event that told of it."""

    event: ChannelEvent
    booking: Booking


def handle_new_booking(event: ChannelEvent) -> None:
    """Apply a new booking and those that wait beside it, and settle their events."""
    begun = perf_counter()
    limit = channel_sync_settings().bookings_per_transaction - 1
    beside = claim_beside(event, limit=limit, event_type=EventType.BOOKING_CREATED)
    if beside:
        _apply_together([event, *beside])
    for other in beside:
        if other.status == EventStatus.DONE:
            continue
        if perf_counter() - begun < GIVE_BACK_AFTER_SECONDS:
            work_claimed(other, handle_booking)
        else:
            settle_error(other, NotYet("Given back: its worker was busy with others.", retry_after=AT_ONCE))
    if event.status != EventStatus.DONE:
        handle_booking(event)


def _apply_together(events: Sequence[ChannelEvent]) -> None:
    """Settle those of the claimed events whose bookings are plainly new; none when any of them goes wrong."""
    channel_property = events[0].channel_property
    begun = perf_counter()
    try:
        with transaction.atomic(), on_behalf_of(channel_property.id):
            worked = _make_reservations(channel_property, list(_readable(channel_property, events)))
            complete_together(worked)
    except Exception as error:  # noqa: BLE001 - one by one, the one that is wrong keeps its own story
        logger.warning("%d new bookings are applied one by one after %s", len(events), type(error).__name__)
        if isinstance(error, OperationalError | InterfaceError):
            close_if_broken()
        return
    for one in worked:
        note_completed(one.event)
        if one.event is not events[0]:
            note_worked(one.event, (perf_counter() - begun) / len(worked))


def _readable(channel_property: ChannelProperty, events: Sequence[ChannelEvent]) -> Iterator[_Arrival]:
    """The first event of each booking; one that cannot be read is left to be told so."""
    channel = channel_class(channel_property.channel_name)
    seen: set[str] = set()
    for event in events:
        try:
            booking = channel.parse_booking(event.payload)
        except InvalidPayload:
            continue
        if booking.external_id not in seen:
            seen.add(booking.external_id)
            yield _Arrival(event, booking)


def _make_reservations(channel_property: ChannelProperty, arrivals: Sequence[_Arrival]) -> list[Worked]:
    """Lock, create, count what is left, link: each step for all of them at once."""
    if is_being_compared(channel_property):
        # One by one: some may be in the PMS already.
        return []
    lock_all_in_transaction(("booking", channel_property.id, arrival.booking.external_id) for arrival in arrivals)
    rooms = room_types(channel_property, {arrival.booking.external_room_id for arrival in arrivals})
    new = [arrival for arrival in _unknown(channel_property, arrivals) if arrival.booking.external_room_id in rooms]
    if not new:
        return []
    pms = host_pms()
    pms.lock_room_types(list({rooms[arrival.booking.external_room_id] for arrival in new}))
    sold = [(rooms[booking.external_room_id], booking) for _, booking in new]
    made = pms.create_reservations(channel_property.property_id, sold)
    reservations = pms.reservations(made)
    for (room_type_id, booking), reservation_id in zip(sold, made, strict=True):
        if not is_kept(booking, room_type_id, reservations[reservation_id]):
            keep_what_is_missing(channel_property, booking, room_type_id, reservations[reservation_id])
    left = free_after_each([reservations[reservation_id] for reservation_id in made])
    links = []
    now = database_now()
    for arrival, reservation_id in zip(new, made, strict=True):
        with correlated(arrival.event.correlation_id):
            links.append(
                _settle(channel_property, arrival, reservations[reservation_id], left.get(reservation_id, []), now)
            )
    ReservationLink.objects.bulk_create(links)
    return [
        Worked(arrival.event, arrival.booking.model_dump(mode="json"), reservation_id)
        for arrival, reservation_id in zip(new, made, strict=True)
    ]


def _unknown(channel_property: ChannelProperty, arrivals: Sequence[_Arrival]) -> list[_Arrival]:
    """Bookings that are neither linked nor of our own making."""
    known = set(
        ReservationLink.objects.filter(
            channel_property=channel_property,
            external_id__in=[arrival.booking.external_id for arrival in arrivals],
        ).values_list("external_id", flat=True)
    )
    return [
        arrival
        for arrival in arrivals
        if arrival.booking.external_id not in known
        and not arrival.booking.client_key
        and KEY not in arrival.booking.left_out
    ]


def _settle(
    channel_property: ChannelProperty,
    arrival: _Arrival,
    reservation: Reservation,
    left: Sequence[FreeNight],
    now: datetime,
) -> ReservationLink:
    """Tell of nights that it overbooks; the link to save."""
    flag_overbooking(channel_property, arrival.booking, left)
    was_withheld = arrival.event.last_error is not None
    push_what_was_capped(channel_property, None, reservation, left, was_withheld=was_withheld)
    link = ReservationLink(
        channel_property=channel_property,
        external_id=arrival.booking.external_id,
        reservation_id=reservation.id,
    )
    pms_now = ours(channel_property.channel_name, link, reservation, arrival.booking.external_room_id)
    note_both(link, arrival.booking, pms_now, reservation.room_type_id)
    note_applied(link, arrival.booking, now)
    return link

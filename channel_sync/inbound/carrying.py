"""Bring to the PMS what has moved at the channel since both sides agreed, and nothing else."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from channel_sync.broker.hand_over import publish_after_commit
from channel_sync.channels.canonical import Booking, BookingStatus
from channel_sync.connections.mapped_rooms import channel_rooms, find_room_type
from channel_sync.connections.pushable import push_of
from channel_sync.errors import UnmappedRoom
from channel_sync.events.outbound_events import booking_event
from channel_sync.events.store import record_all
from channel_sync.inbound.begun_stays import begun_phase, withhold_changes
from channel_sync.inbound.capped import push_what_was_capped
from channel_sync.inbound.clashes import flag_clashes
from channel_sync.inbound.details import details_to_carry, price_with_currency, with_changed_details
from channel_sync.inbound.echo import waits_to_be_sent
from channel_sync.inbound.order import new_details, note_applied
from channel_sync.inbound.overbooking import flag_overbooking
from channel_sync.inbound.stored import keep_what_is_missing, note_cancelled_there, note_nothing_to_cancel
from channel_sync.inventory.availability import FreeNight, free_units
from channel_sync.merge.agreement import adopt, forget, merged, note_both, note_cancelled, ours
from channel_sync.merge.fields import Field, parts_of
from channel_sync.merge.three_way import Merged
from channel_sync.models import ChannelEvent, ChannelProperty, EventType, ReservationLink
from channel_sync.pms import Reservation, host_pms

NO_NEWS = "echo: the PMS itself sent this state"
WITHHELD = "withheld: the stay has begun or ended, and a person decides about the conflict"


def carry_over(
    event: ChannelEvent,
    link: ReservationLink,
    booking: Booking,
    before: Reservation | None,
    entered: UUID | None,
    now: datetime,
) -> str:
    """Bring what has moved at the channel to the PMS, and let the link say what both agree on; why not, if it is not.

    What the PMS has changed, and is still to send, stays as it is. So does a stay that has begun or ended.
    """
    channel_property = event.channel_property
    moved, taken, sold = Merged(), booking, entered
    phase = begun_phase(channel_property, before) if before is not None else None
    if before is not None:
        ours_now = _ours(channel_property, link, before)
        if not link.bases:
            adopt(link, booking, ours_now, _push_hash(channel_property, before))
        changed = new_details(link, booking)
        found = merged(channel_property.property_id, link, booking, ours_now)
        moved = found = price_with_currency(link, booking, before, found, changed)
        if phase is not None:
            moved = withhold_changes(channel_property, before, phase, booking, ours_now, found)
        flag_clashes(channel_property, before, booking, moved.clashes)
        carried = details_to_carry(link, booking, before, moved, changed)
        if not moved.to_pms and not carried:
            note_applied(link, booking, now)
            note_both(link, booking, ours_now, before.room_type_id, unsent=moved.to_channel)
            keep_what_is_missing(
                channel_property, booking, sold, before, to_channel=moved.to_channel, is_flagged=phase is None
            )
            _send_rest(channel_property, before, link, moved)
            return WITHHELD if found.to_pms else NO_NEWS
        taken = with_changed_details(booking.taking(parts_of(moved.to_pms), before), carried)
        if Field.ROOM not in moved.to_pms:
            entered = before.room_type_id
    applied_details = link.applied_details
    note_applied(link, booking, now)
    is_cancelling = before is not None and taken.status is BookingStatus.CANCELLED and Field.STATUS in moved.to_pms
    if is_cancelling and before is not None:
        host_pms().cancel_reservation(before.id)
        # What else has moved with it counts as not seen: should the booking be reinstated, it is applied then.
        note_cancelled(link)
        link.applied_details = applied_details
    else:
        link.reservation_id = _apply(channel_property, link.reservation_id, taken, entered)
    after = host_pms().reservation(link.reservation_id) if link.reservation_id else None
    if after is None or is_cancelling:
        note_cancelled_there(channel_property, booking.external_id)
    else:
        keep_what_is_missing(
            channel_property, booking, sold, after, to_channel=moved.to_channel, is_flagged=phase is None
        )
        _note_return(channel_property, before, after, booking)
    free = free_nights_of(after)
    flag_overbooking(channel_property, booking, free)
    push_what_was_capped(channel_property, before, after, free, was_withheld=event.last_error is not None)
    if after is None:
        forget(link)
        return ""
    if not is_cancelling:
        ours_then = _ours(channel_property, link, after)
        note_both(link, booking, ours_then, after.room_type_id, unsent=moved.to_channel)
        _send_rest(channel_property, after, link, moved)
    return ""


def _note_return(
    channel_property: ChannelProperty, before: Reservation | None, after: Reservation, booking: Booking
) -> None:
    """A booking that the desk had cancelled stands again, since the channel says so."""
    if before is not None and after.takes_room and not before.takes_room:
        note_nothing_to_cancel(channel_property, booking.external_id)


def _ours(channel_property: ChannelProperty, link: ReservationLink, reservation: Reservation) -> dict[Field, Any]:
    return ours(channel_property.channel_name, link, reservation, _room(channel_property, reservation))


def _push_hash(channel_property: ChannelProperty, reservation: Reservation) -> str:
    room = _room(channel_property, reservation) or ""
    return push_of(channel_property.channel_name, reservation, room).state_hash()


def _room(channel_property: ChannelProperty, reservation: Reservation) -> str | None:
    return channel_rooms(channel_property, [reservation.room_type_id]).get(reservation.room_type_id)


def _send_rest(
    channel_property: ChannelProperty, reservation: Reservation, link: ReservationLink, moved: Merged
) -> None:
    """See that what the PMS has and the channel lacks is sent: the event of the change may be settled already."""
    if moved.to_channel and reservation.takes_room and not waits_to_be_sent(channel_property, reservation.id):
        event = booking_event(channel_property.id, EventType.BOOKING_UPDATE, reservation, link.external_id)
        publish_after_commit(record_all([event]))


def lock_room_types(channel_property: ChannelProperty, before: Reservation | None, booking: Booking) -> UUID | None:
    """The room types that a booking leaves and enters, at once: locked one by one they might meet another order.

    Returns the one that it enters; None when its room is not mapped.
    """
    entered = find_room_type(channel_property, booking.external_room_id)
    left = before.room_type_id if before is not None else None
    host_pms().lock_room_types([room_type_id for room_type_id in (left, entered) if room_type_id is not None])
    return entered


def _apply(
    channel_property: ChannelProperty, reservation_id: UUID | None, booking: Booking, room_type_id: UUID | None
) -> UUID | None:
    pms = host_pms()
    if room_type_id is None:
        raise UnmappedRoom(booking.external_room_id, str(channel_property))
    if reservation_id is None:
        (reservation_id,) = pms.create_reservations(channel_property.property_id, [(room_type_id, booking)])
    else:
        pms.modify_reservation(reservation_id, room_type_id, booking)
    return reservation_id


def free_nights_of(reservation: Reservation | None) -> list[FreeNight]:
    """What is free on the nights that it takes; none when it takes no room."""
    if reservation is None or not reservation.takes_room:
        return []
    return free_units([reservation.room_type_id], reservation.check_in, reservation.check_out, unapplied=False)

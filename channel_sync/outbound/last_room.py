"""A channel that has no room left may not have heard of one that is free again: it is asked once more.

Availability of a room type waits for its bookings, which the channel counts itself. So a room that came free a moment
ago is still not on sale there, and the channel refuses the booking that takes it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from uuid import UUID

from channel_sync.channels.base import Channel
from channel_sync.channels.canonical import AvailabilityRange, WriteResult
from channel_sync.channels.ranges import ONE_NIGHT, equal_ranges, nights
from channel_sync.connections.mapped_rooms import channel_rooms
from channel_sync.errors import SoldElsewhere
from channel_sync.inbound.pull import pull_bookings
from channel_sync.inventory.availability import check_availability
from channel_sync.models import EntityType
from channel_sync.outbound.booking_batch import Planned
from channel_sync.outbound.coalescing import room_types_on_their_way
from channel_sync.outbound.units import offer
from channel_sync.pms import Reservation


def offer_again(
    channel: Channel, refused: Sequence[tuple[Planned, SoldElsewhere]]
) -> list[tuple[Planned, WriteResult]]:
    """Send bookings again that were refused for want of a room, where the PMS has one; what became of each.

    What OTAs have sold is applied first: those whose room went that way stay refused. For the others the channel is
    sent what is free, and beside it the units that these bookings are about to take there.
    """
    channel_property = refused[0][0].event.channel_property
    pull_bookings(channel_property, channel)
    having = [(booking, error) for booking, error in refused if _has_room(booking.reservation)]
    stay_refused = [
        (booking, WriteResult.refusal(error)) for booking, error in refused if (booking, error) not in having
    ]
    if not having:
        return stay_refused
    _put_on_sale(channel, [booking for booking, _ in having])
    writes = [booking.write for booking, _ in having if booking.write is not None]
    results = channel.write_bookings(writes, idempotency_key=having[0][0].event.idempotency_key)
    return [*stay_refused, *zip((booking for booking, _ in having), results, strict=True)]


def waits_for_another(booking: Planned, result: WriteResult) -> bool:
    """Whether a booking was refused for want of a room that another, which is still to be sent, may give back.

    The channel counts its bookings whatever number it is sent: one that the desk has cancelled or moved takes its room
    there until it hears of it.
    """
    if not isinstance(result.refused, SoldElsewhere) or not _has_room(booking.reservation):
        return False
    # Not new ones: two that wait for each other would wait for ever.
    others = room_types_on_their_way(
        booking.event.channel_property, entity_type=EntityType.BOOKING, entity_external_id__isnull=False
    )
    return booking.reservation is not None and booking.reservation.room_type_id in others


def _has_room(reservation: Reservation | None) -> bool:
    """Whether its nights are free but for itself."""
    return reservation is not None and reservation.units <= check_availability(
        reservation.room_type_id, reservation.check_in, reservation.check_out, without=reservation.id
    )


def _put_on_sale(channel: Channel, bookings: Sequence[Planned]) -> None:
    channel_property = bookings[0].event.channel_property
    taken: dict[UUID, dict[date, int]] = defaultdict(lambda: defaultdict(int))
    for booking in bookings:
        if (stay := booking.reservation) is not None:
            for night in nights(stay.check_in, stay.check_out - ONE_NIGHT):
                taken[stay.room_type_id][night] += stay.units
    rooms = channel_rooms(channel_property, taken)
    units = offer(channel_property, channel, rooms, taken).units
    ranges = [
        AvailabilityRange(external_room_id=rooms[room_type_id], first_night=first, last_night=last, units=left)
        for room_type_id, by_night in units.items()
        for first, last, left in equal_ranges(
            (night, free + taken[room_type_id][night]) for night, free in by_night.items()
        )
    ]
    if ranges:
        channel.push_availability(ranges, idempotency_key=bookings[0].event.idempotency_key)

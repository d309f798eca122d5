"""A cancellation of which nothing but the booking's number can be read."""

from __future__ import annotations

from uuid import UUID

from channel_sync.channels.canonical import Booking, BookingCancellation, BookingStatus
from channel_sync.connections.registry import channel_class
from channel_sync.errors import InvalidPayload
from channel_sync.inbound.capped import push_what_was_capped
from channel_sync.models import ChannelEvent, ChannelProperty, EventType
from channel_sync.pms import host_pms


def state_of(event: ChannelEvent) -> Booking | BookingCancellation:
    """What an event says of its booking; a cancellation needs the booking's number and nothing else.

    Raises `InvalidPayload` that names the field.
    """
    channel = channel_class(event.channel_property.channel_name)
    is_cancelled = event.event_type == EventType.BOOKING_CANCELLED
    try:
        booking = channel.parse_booking(event.payload)
    except InvalidPayload:
        if is_cancelled:
            return channel.parse_cancellation(event.payload)
        raise
    return booking.model_copy(update={"status": BookingStatus.CANCELLED}) if is_cancelled else booking


def cancel(channel_property: ChannelProperty, reservation_id: UUID) -> None:
    """Cancel a reservation for the channel, in the caller's transaction."""
    before = host_pms().reservation(reservation_id)
    if before is not None:
        host_pms().lock_room_types([before.room_type_id])
        host_pms().cancel_reservation(reservation_id)
        push_what_was_capped(channel_property, before, None, ())

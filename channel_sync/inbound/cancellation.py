"""A cancellation of which nothing but the booking's number can be read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from channel_sync.channels.canonical import Booking, BookingCancellation, BookingStatus
from channel_sync.connections.registry import channel_class
from channel_sync.errors import InvalidPayload
from channel_sync.inbound.begun_stays import withhold_cancellation
from channel_sync.inbound.capped import push_what_was_capped
from channel_sync.inbound.stored import note_cancelled_there
from channel_sync.merge.agreement import note_cancelled
from channel_sync.models import ChannelProperty, ReservationLink
from channel_sync.pms import host_pms


def read_state(
    channel_property: ChannelProperty, payload: Mapping[str, Any], *, is_cancelled: bool
) -> Booking | BookingCancellation:
    """What a payload says of its booking; a cancellation needs the booking's number and nothing else.

    Raises `InvalidPayload` that names the field.
    """
    channel = channel_class(channel_property.channel_name)
    try:
        booking = channel.parse_booking(payload)
    except InvalidPayload:
        if is_cancelled:
            return channel.parse_cancellation(payload)
        raise
    return booking.model_copy(update={"status": BookingStatus.CANCELLED}) if is_cancelled else booking


def cancel(channel_property: ChannelProperty, link: ReservationLink, *, is_deleted: bool = False) -> None:
    """Cancel the reservation of a link for the channel, but for a stay that has begun or ended.

    In the caller's transaction, which saves the link.
    """
    note_cancelled_there(channel_property, link.external_id)
    if withhold_cancellation(channel_property, link, is_deleted=is_deleted):
        return
    before = host_pms().reservation(link.reservation_id) if link.reservation_id is not None else None
    if before is not None:
        host_pms().lock_room_types([before.room_type_id])
        host_pms().cancel_reservation(before.id)
        push_what_was_capped(channel_property, before, None, ())
    note_cancelled(link)

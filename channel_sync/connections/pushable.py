"""What a channel is sent of a reservation, and shows of it afterwards: within its limits."""

from __future__ import annotations

from channel_sync.channels.canonical import NAMED_FIELDS, OF_GUEST, Booking, BookingPush, named_value
from channel_sync.connections.registry import channel_class
from channel_sync.pms import Reservation


def push_of(channel_name: str, reservation: Reservation, external_room_id: str) -> BookingPush:
    """The state of a reservation as the channel can hold it: compared in any other form, it would seem changed."""
    return channel_class(channel_name).booking_within_limits(reservation.push(external_room_id))


def shown_of(channel_name: str, booking: Booking) -> BookingPush:
    """What had to be sent to bring the channel to the state that it shows."""
    return channel_class(channel_name).booking_within_limits(booking.as_push())


def cut_fields(reservation: Reservation, push: BookingPush) -> tuple[str, ...]:
    """What of a reservation goes out shortened, or not at all, in a sentence for each field."""
    whole = reservation.push(push.external_room_id)
    return tuple(
        f"{name.removeprefix(OF_GUEST).replace('_', ' ')}: shortened or left out, as the channel does not take it"
        for name in NAMED_FIELDS
        if named_value(whole, name) != named_value(push, name)
    )

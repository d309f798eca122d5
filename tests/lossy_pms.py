"""A PMS that cannot hold what it is told: no country, phones of 30 characters, whole prices, one row for each room."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from uuid import UUID

from channel_sync.channels.canonical import Booking
from pms_project.pms.channel_port import Pms

LONGEST_PHONE = 30


class LossyPms(Pms):
    """The port of this PMS over narrower columns."""

    def create_reservations(self, property_id: UUID, sold: Sequence[tuple[UUID, Booking]]) -> Sequence[UUID]:
        """Each booking as far as it fits."""
        return super().create_reservations(property_id, [(room_type_id, fitting(one)) for room_type_id, one in sold])

    def modify_reservation(self, reservation_id: UUID, room_type_id: UUID, booking: Booking) -> None:
        """The booking as far as it fits."""
        super().modify_reservation(reservation_id, room_type_id, fitting(booking))


def fitting(booking: Booking) -> Booking:
    """What of a booking its columns hold."""
    price = booking.price.quantize(Decimal(1)) if booking.price is not None else None
    guest = booking.guest.model_copy(update={"country": "", "phone": booking.guest.phone[:LONGEST_PHONE]})
    return booking.model_copy(update={"units": 1, "price": price, "guest": guest})

"""PMSs that keep bookings otherwise: one that cannot hold what it is told, and one with a row for each room."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import F, Func, IntegerField, QuerySet, Value

from channel_sync.channels.canonical import Booking
from pms_project.pms.channel_port import Pms
from pms_project.pms.models import RESERVED_STATUSES, Reservation

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


class RowPerRoom(Pms):
    """A PMS that keeps one row for each room of a reservation, under the reservation's id."""

    def reserved(self, room_type_ids: Sequence[UUID], start: date, end: date) -> QuerySet[Any, Any]:
        """Each room by itself."""
        each = Func(Value(1), F("units"), function="generate_series", output_field=IntegerField())
        taking = Reservation.objects.filter(
            room_type_id__in=room_type_ids, check_in__lt=end, check_out__gt=start, status__in=RESERVED_STATUSES
        )
        rows = taking.annotate(room=each * Value(0) + Value(1))
        return rows.values_list("id", "room_type_id", "check_in", "check_out", "room")

"""Where guests are in their stay, as the front desk marks it; no mark moves dates or rooms by itself.

From then on channels hear of changes of the desk as before, and the desk decides about theirs.
"""

from __future__ import annotations

from uuid import UUID

from django.db import transaction

from pms_project.pms.models import Reservation, ReservationStatus, StayPhase
from pms_project.pms.services.errors import WrongPhase
from pms_project.pms.services.reservations import lock_reservation

# A guest who was given up may still come.
BEFORE = {
    StayPhase.IN_HOUSE: ("", StayPhase.NO_SHOW),
    StayPhase.DEPARTED: (StayPhase.IN_HOUSE,),
    StayPhase.NO_SHOW: ("",),
}


def check_in(reservation_id: UUID, *, version: int | None = None) -> Reservation:
    """The guest has arrived, on the day or before it. Raises `WrongPhase`, `StaleReservation`."""
    return _mark(reservation_id, StayPhase.IN_HOUSE, version)


def check_out(reservation_id: UUID, *, version: int | None = None) -> Reservation:
    """The guest has left; nights that are given back are a change of the dates. Raises as `check_in` does."""
    return _mark(reservation_id, StayPhase.DEPARTED, version)


def mark_no_show(reservation_id: UUID, *, version: int | None = None) -> Reservation:
    """The guest did not come; the reservation keeps its room until it is changed. Raises as `check_in` does."""
    return _mark(reservation_id, StayPhase.NO_SHOW, version)


def _mark(reservation_id: UUID, phase: StayPhase, version: int | None) -> Reservation:
    with transaction.atomic():
        reservation = lock_reservation(reservation_id, version)
        if reservation.phase == phase:
            return reservation
        if reservation.status != ReservationStatus.CONFIRMED or reservation.phase not in BEFORE[phase]:
            raise WrongPhase(phase.label.lower(), reservation.status, reservation.phase)
        reservation.phase = phase
        reservation.save()
        return reservation

"""Change the guest of a reservation, in the hotel of that reservation alone."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import uuid4

from pms_project.pms.models import Guest, Reservation


def change_guest(reservation: Reservation, guest: Guest, columns: Mapping[str, str]) -> None:
    """Write these columns of its guest, in the caller's transaction, which has the reservation locked.

    A guest who stays in another hotel too is left as they are there: the reservation gets one of its own, and is to be
    saved by the caller.
    """
    guest = Guest.objects.select_for_update().get(pk=guest.pk)
    reservation.guest = guest
    if all(getattr(guest, name) == value for name, value in columns.items()):
        return
    for name, value in columns.items():
        setattr(guest, name, value)
    if Reservation.objects.filter(guest=guest).exclude(hotel=reservation.hotel_id).exists():
        guest.pk = uuid4()
        guest.save(force_insert=True)
        reservation.guest = guest
        return
    guest.save(update_fields=list(columns))

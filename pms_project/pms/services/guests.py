"""Guests by what they say their name is, and changes of the guest of a reservation."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import uuid4

from django.db.models import Q, QuerySet, Value
from django.db.models.functions import Concat

from pms_project.pms.models import Guest, Reservation


def guests_called(said: str) -> QuerySet[Guest]:
    """Guests whose first name, last name, both in either order, or email begins so, whatever the case.

    Through the indexes of `Guest`: the beginning is looked for and not the middle, which PostgreSQL has an index for
    only with the extension pg_trgm.
    """
    name = " ".join(said.replace(",", " ").split())
    called = Guest.objects.alias(
        first_and_last=Concat("first_name", Value(" "), "last_name"),
        last_and_first=Concat("last_name", Value(" "), "first_name"),
    )
    return called.filter(
        Q(first_and_last__istartswith=name) | Q(last_and_first__istartswith=name) | Q(email__istartswith=said.strip())
    )


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

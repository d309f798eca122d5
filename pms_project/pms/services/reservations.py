"""Make, change and cancel reservations: under the lock of the room type, in one transaction."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import transaction

from channel_sync.inventory.availability import check_availability
from channel_sync.outbound.enqueue import is_sold_by_channel
from pms_project.pms.models import TAKING_STATUSES, Guest, Reservation, ReservationStatus, RoomType
from pms_project.pms.services.errors import NotEnoughRooms, ReservationClosed

STAY_FIELDS = ("room_type_id", "check_in", "check_out", "units")


@dataclass(frozen=True)
class NewReservation:
    """What the front desk asks for."""

    room_type_id: UUID
    check_in: date
    check_out: date
    units: int = 1
    adults: int = 1
    children: int = 0
    price: Decimal | None = None
    notes: str = ""
    guest: dict[str, str] = field(default_factory=dict)


@transaction.atomic
def create_reservation(wanted: NewReservation) -> Reservation:
    """Create a reservation; it waits for the channel where the room type is sold by one.

    Raises `NotEnoughRooms`.
    """
    room_type = lock_room_types([wanted.room_type_id])[0]
    _require_rooms(room_type.id, wanted.check_in, wanted.check_out, wanted.units)
    reservation = Reservation(
        hotel_id=room_type.hotel_id,
        room_type=room_type,
        guest=Guest.objects.create(**wanted.guest),
        status=ReservationStatus.PENDING_SYNC if is_sold_by_channel(room_type.id) else ReservationStatus.CONFIRMED,
        check_in=wanted.check_in,
        check_out=wanted.check_out,
        units=wanted.units,
        adults=wanted.adults,
        children=wanted.children,
        price=wanted.price,
        currency=room_type.hotel.currency,
        notes=wanted.notes,
    )
    reservation.save()
    return reservation


@transaction.atomic
def change_reservation(reservation_id: UUID, changes: dict[str, Any]) -> Reservation:
    """Change a reservation and its guest. Raises `NotEnoughRooms`, `ReservationClosed`."""
    current = Reservation.objects.get(id=reservation_id)
    lock_room_types([current.room_type_id, changes.get("room_type_id", current.room_type_id)])
    reservation = _lock(reservation_id)
    if reservation.status in (ReservationStatus.CANCELLED, ReservationStatus.FAILED):
        raise ReservationClosed(reservation.status)
    guest_changes = changes.pop("guest", None)
    stay_before = tuple(getattr(reservation, name) for name in STAY_FIELDS)
    for name, value in changes.items():
        setattr(reservation, name, value)
    if guest_changes and reservation.guest is not None:
        for name, value in guest_changes.items():
            setattr(reservation.guest, name, value)
        reservation.guest.save()
    _save(reservation)
    if tuple(getattr(reservation, name) for name in STAY_FIELDS) != stay_before:
        # The reservation counts itself by now: what is left has to be no less than nothing.
        _require_rooms(reservation.room_type_id, reservation.check_in, reservation.check_out, 0)
    return reservation


@transaction.atomic
def cancel_reservation(reservation_id: UUID) -> Reservation:
    """Cancel a reservation; cancelling twice is the same as once."""
    reservation = _lock(reservation_id)
    if reservation.status in TAKING_STATUSES or reservation.status == ReservationStatus.INQUIRY:
        reservation.status = ReservationStatus.CANCELLED
        _save(reservation)
    return reservation


def lock_room_types(room_type_ids: list[UUID]) -> list[RoomType]:
    """Lock room types in the order of their ids: everybody who needs several asks in the same order."""
    return list(
        RoomType.objects.select_for_update(of=("self",))
        .select_related("hotel")
        .filter(id__in=set(room_type_ids))
        .order_by("id")
    )


def _lock(reservation_id: UUID) -> Reservation:
    return Reservation.objects.select_for_update(of=("self",)).select_related("guest").get(id=reservation_id)


def _save(reservation: Reservation) -> None:
    reservation.version = (reservation.version or 0) + 1
    reservation.save()


def _require_rooms(room_type_id: UUID, check_in: date, check_out: date, units: int) -> None:
    free = check_availability(room_type_id, check_in, check_out)
    if free < units:
        raise NotEnoughRooms(free, units)

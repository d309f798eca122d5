"""Make, change and cancel reservations: under the lock of the room type, in one transaction.

Locks are taken in one order: room types by id, then the reservation, then its holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from django.db import transaction

from channel_sync.errors import CannotBookAgain, HoldEnded, NightsMissing, NotEnoughUnits, NotYet
from channel_sync.host import Sale, TakenStay, sell
from channel_sync.host import book_again as book_again_at_channel
from channel_sync.inventory.holds import get_active_holds, move_hold, release_holds
from channel_sync.inventory.moves import missing_nights
from pms_project.pms.models import (
    CLOSED_STATUSES,
    RESERVED_STATUSES,
    Guest,
    Reservation,
    ReservationStatus,
    RoomType,
    StaleReservation,
)
from pms_project.pms.services.errors import (
    NightsTaken,
    NotBookedAgain,
    NotEnoughRooms,
    ReservationClosed,
    ReservationMoved,
)
from pms_project.pms.services.guests import change_guest
from pms_project.pms.services.limits import Entered, require_reservation, today_at

# Only where `hold_policy` is `strict`.
LAPSED_ADVICE = "Wait a few minutes for it to be shown as failed; then change it and book it again."


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

    def stay(self) -> TakenStay:
        """The rooms that it takes."""
        return TakenStay(self.room_type_id, self.check_in, self.check_out, self.units)

    def entered(self) -> Entered:
        """All of it, to be looked at."""
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        return Entered(values, frozenset(values))


def create_reservation(wanted: NewReservation) -> Reservation:
    """Create a reservation; where the room type is sold by a channel it waits for it, under a hold.

    Raises `NotWithinLimits`, `NotEnoughRooms`.
    """
    (reservation,) = _sell([wanted])
    return reservation


def create_group(wanted: Sequence[NewReservation]) -> list[Reservation]:
    """Create all reservations of a group, of one room type or several, or none of them.

    Raises `NotWithinLimits`, `NotEnoughRooms`.
    """
    return _sell(wanted, str(uuid4()))


def change_reservation(reservation_id: UUID, changes: dict[str, Any], *, version: int | None = None) -> Reservation:
    """Change a reservation and its guest; `version` is the one that the change is based on.

    One that its channel refused takes no room and is not sent: `book_again` does both.

    Raises `NotWithinLimits`, `NightsTaken`, `ReservationClosed`, `StaleReservation`, `ReservationMoved`.
    """
    with transaction.atomic():
        seen = Reservation.objects.only("room_type_id").get(id=reservation_id)
        locked = [seen.room_type_id, changes.get("room_type_id", seen.room_type_id)]
        lock_room_types(locked)
        reservation = lock_reservation(reservation_id, version)
        if reservation.room_type_id not in locked:
            raise ReservationMoved(reservation_id)
        if reservation.status == ReservationStatus.CANCELLED:
            raise ReservationClosed(reservation.status)
        require_reservation(_entered(reservation, changes), reservation.hotel)
        before = _stay(reservation)
        guest_changes = changes.pop("guest", None)
        for name, value in changes.items():
            setattr(reservation, name, value)
        if _stay(reservation) != before:
            _move(reservation, before)
        if guest_changes and reservation.guest is not None:
            change_guest(reservation, reservation.guest, guest_changes)
        reservation.save()
        return reservation


def cancel_reservation(reservation_id: UUID, *, version: int | None = None) -> Reservation:
    """Cancel a reservation and give its rooms back; cancelling twice is the same as once.

    Raises `StaleReservation`.
    """
    with transaction.atomic():
        reservation = lock_reservation(reservation_id, version)
        if reservation.status not in CLOSED_STATUSES:
            release_holds(reservation_id)
            reservation.status = ReservationStatus.CANCELLED
            reservation.save()
        return reservation


def book_again(reservation_id: UUID, *, by: str, version: int | None = None) -> Reservation:
    """Send a failed reservation to its channel again, if there is a room; one that waits or is confirmed stays so.

    Raises `NotEnoughRooms`, `NotBookedAgain`, `StaleReservation`, `ReservationMoved`.
    """
    try:
        with transaction.atomic():
            if version is not None:
                seen = Reservation.objects.only("room_type_id").get(id=reservation_id)
                lock_room_types([seen.room_type_id])
                lock_reservation(reservation_id, version)
            book_again_at_channel(reservation_id, by=by)
            return Reservation.objects.select_related("guest").get(id=reservation_id)
    except NotEnoughUnits as error:
        raise NotEnoughRooms(error.free, error.wanted) from error
    except CannotBookAgain as error:
        raise NotBookedAgain(str(error)) from error
    except NotYet as error:
        raise ReservationMoved(reservation_id) from error


def lock_room_types(room_type_ids: Sequence[UUID]) -> list[RoomType]:
    """Lock room types in the order of their ids: everybody who needs several asks in the same order."""
    return list(
        RoomType.objects.select_for_update(of=("self",))
        .select_related("hotel")
        .filter(id__in=set(room_type_ids))
        .order_by("id")
    )


def lock_reservation(reservation_id: UUID, version: int | None) -> Reservation:
    """Lock a reservation and read it. Raises `StaleReservation` where it has another version than the one named."""
    found = Reservation.objects.select_for_update(of=("self",)).select_related("guest").get(id=reservation_id)
    if version is not None and version != found.version:
        raise StaleReservation(reservation_id, found.version)
    return found


def _sell(wanted: Sequence[NewReservation], group_reference: str = "") -> list[Reservation]:
    room_types = RoomType.objects.select_related("hotel").in_bulk({one.room_type_id for one in wanted})
    for one in wanted:
        if one.room_type_id in room_types:  # One that is not known is refused by its id.
            require_reservation(one.entered(), room_types[one.room_type_id].hotel)
    try:
        with sell(*(one.stay() for one in wanted)) as sale:
            return [_create(sale, one, room_types[one.room_type_id], group_reference) for one in wanted]
    except NotEnoughUnits as error:
        raise NotEnoughRooms(error.free, error.wanted) from error


def _create(sale: Sale, wanted: NewReservation, room_type: RoomType, group_reference: str) -> Reservation:
    waits = sale.waits_for_channel(room_type.id)
    reservation = Reservation(
        hotel_id=room_type.hotel_id,
        room_type=room_type,
        guest=Guest.objects.create(**wanted.guest),
        status=ReservationStatus.PENDING_SYNC if waits else ReservationStatus.CONFIRMED,
        group_reference=group_reference,
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
    if waits:
        reservation.hold_expires_at = sale.hold(reservation.id, wanted.stay()).hold_expires_at
    return reservation


def _move(reservation: Reservation, before: TakenStay) -> None:
    """Look for rooms for the nights that a changed stay takes anew; the hold of a pending one goes with it."""
    after = _stay(reservation)
    if reservation.status in RESERVED_STATUSES:
        missing = missing_nights(reservation.id, before, after, today=today_at(reservation.hotel))
        if missing:
            raise NightsTaken(missing)
    elif reservation.status == ReservationStatus.PENDING_SYNC:
        held = get_active_holds(reservation.id)
        if not held:
            raise ReservationClosed("not held any more: the channel did not confirm in time", LAPSED_ADVICE)
        try:
            move_hold(held[0].id, after)
        except NightsMissing as error:
            raise NightsTaken(error.nights) from error
        except HoldEnded as error:
            raise ReservationClosed("not held any more", LAPSED_ADVICE) from error


def _entered(reservation: Reservation, changes: dict[str, Any]) -> Entered:
    """A change with what it leaves as it is."""
    stored = {name: getattr(reservation, name) for name in ("check_in", "check_out", *changes) if name != "guest"}
    changed = {name for name, value in changes.items() if name == "guest" or stored[name] != value}
    return Entered({**stored, **changes}, frozenset(changed))


def _stay(reservation: Reservation) -> TakenStay:
    return TakenStay(reservation.room_type_id, reservation.check_in, reservation.check_out, reservation.units)

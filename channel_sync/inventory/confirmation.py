"""The channel has a booking of ours: confirm its reservation, if its room is still there."""

from __future__ import annotations

import logging
from collections.abc import Collection
from datetime import datetime, timedelta
from enum import Enum, auto
from uuid import UUID

from channel_sync.channels.canonical import BookingStatus
from channel_sync.database_clock import database_now
from channel_sync.errors import NotYet
from channel_sync.inventory.availability import check_availability
from channel_sync.inventory.hold_policy import keeps_units
from channel_sync.inventory.holds import release_holds
from channel_sync.inventory.overbookings import close_overbookings_gone
from channel_sync.models import HoldStatus, InventoryHold
from channel_sync.pms import Reservation, host_pms

logger = logging.getLogger(__name__)

MOVED_RETRY = timedelta(seconds=1)
TAKEN_REASON = (
    "The channel confirmed after the hold had expired, and the room was taken meanwhile. Change the dates or the room "
    "type, then book the reservation again."
)


class Confirmation(Enum):
    """What became of a reservation whose booking the channel has."""

    CONFIRMED = auto()
    ROOM_TAKEN = auto()
    NOT_WAITING = auto()


def confirm_at_channel(reservation_id: UUID, *, now: datetime | None = None) -> Confirmation:
    """Confirm a reservation together with its hold, in the caller's transaction.

    While a hold keeps its units (`inventory/hold_policy.py`) they are there. After it has expired they may be sold:
    then the reservation fails, and the caller takes the booking back (`inbound.compensation`). A reservation without a
    hold is confirmed if it waits. Locks the room type, the reservation and its holds. Raises `NotYet` when the
    reservation moves to another room type at the same time.
    """
    reservation = lock_with_room_type(reservation_id)
    if reservation is None:
        return Confirmation.NOT_WAITING
    holds = list(InventoryHold.objects.select_for_update().filter(reservation_id=reservation_id).order_by("id"))
    waiting = [hold for hold in holds if hold.status in (HoldStatus.ACTIVE, HoldStatus.EXPIRED)]
    if not waiting and (holds or reservation.status is BookingStatus.CANCELLED):
        return Confirmation.NOT_WAITING
    if any(hold.status == HoldStatus.CONFIRMED for hold in holds):
        return Confirmation.NOT_WAITING
    now = now or database_now()
    if waiting and not _has_room(reservation, waiting, now):
        logger.error("reservation %s: %s", reservation_id, TAKEN_REASON)
        # Released, not expired: a second confirmation finds nothing that it could bring back.
        InventoryHold.objects.filter(id__in=[hold.id for hold in waiting]).update(
            status=HoldStatus.RELEASED, updated_at=now
        )
        host_pms().fail_reservation(reservation_id, TAKEN_REASON)
        return Confirmation.ROOM_TAKEN
    InventoryHold.objects.filter(id__in=[hold.id for hold in waiting]).update(
        status=HoldStatus.CONFIRMED, updated_at=now
    )
    host_pms().confirm_reservations([reservation_id])
    return Confirmation.CONFIRMED


def confirm_all_unheld(reservation_ids: Collection[UUID]) -> set[UUID]:
    """Confirm those of the reservations that have no hold, in the caller's transaction.

    Returns those with a hold that is active or has expired: `confirm_at_channel` looks whether their room is there.
    """
    holds = InventoryHold.objects.filter(reservation_id__in=reservation_ids)
    statuses: dict[UUID, set[str | None]] = {}
    for reservation_id, status in holds.values_list("reservation_id", "status"):
        statuses.setdefault(reservation_id, set()).add(status)
    pms = host_pms()
    without = pms.reservations([found for found in reservation_ids if found not in statuses])
    pms.confirm_reservations([found.id for found in without.values() if found.status is not BookingStatus.CANCELLED])
    return {found for found, having in statuses.items() if having & {HoldStatus.ACTIVE, HoldStatus.EXPIRED}}


def refuse_at_channel(reservation_id: UUID, reason: str) -> None:
    """The channel will not have it: the hold is released and a reservation that waits fails, in one transaction."""
    pms = host_pms()
    reservation = pms.lock_reservation(reservation_id)
    released = release_holds(reservation_id)
    pms.fail_reservation(reservation_id, reason)
    if released and reservation is not None:
        close_overbookings_gone(reservation.room_type_id)


def has_expired(reservation_ids: Collection[UUID]) -> set[UUID]:
    """Those of the reservations that failed as their hold expired: a late confirmation may still bring them back."""
    expired = InventoryHold.objects.filter(reservation_id__in=reservation_ids, status=HoldStatus.EXPIRED)
    confirmed = InventoryHold.objects.filter(reservation_id__in=reservation_ids, status=HoldStatus.CONFIRMED)
    return {
        *expired.exclude(reservation_id__in=confirmed.values("reservation_id")).values_list("reservation_id", flat=True)
    }


def lock_with_room_type(reservation_id: UUID) -> Reservation | None:
    """The room type first, as everybody does; which one it is, is only known for sure afterwards.

    Raises `NotYet` when it has just become another one.
    """
    pms = host_pms()
    seen = pms.reservation(reservation_id)
    if seen is None:
        return None
    pms.lock_room_types([seen.room_type_id])
    locked = pms.lock_reservation(reservation_id)
    if locked is not None and locked.room_type_id != seen.room_type_id:
        raise NotYet(f"Reservation '{reservation_id}' has just moved to another room type.", retry_after=MOVED_RETRY)
    return locked


def _has_room(reservation: Reservation, holds: list[InventoryHold], now: datetime) -> bool:
    """A hold that keeps its units keeps the room; without one, only what is free now does."""
    if any(keeps_units(hold, now) for hold in holds):
        return True
    free = check_availability(
        reservation.room_type_id, reservation.check_in, reservation.check_out, without=reservation.id, now=now
    )
    return free >= reservation.units

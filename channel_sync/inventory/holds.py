"""Holds: units kept for a reservation until its channel has answered.

Everything here runs inside the caller's transaction. Locks are taken in one order by everybody: room types by id, then
the reservation, then its holds by id.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from uuid import UUID

from django.db.models import QuerySet

from channel_sync.conf import channel_sync_settings
from channel_sync.database_clock import database_now
from channel_sync.errors import HoldEnded, InvalidStay, NightsMissing, NotEnoughUnits
from channel_sync.inventory.availability import check_availability
from channel_sync.inventory.hold_policy import keeping_units, keeps_units
from channel_sync.inventory.moves import TakenStay, missing_nights
from channel_sync.models import HoldStatus, InventoryHold
from channel_sync.pms import host_pms


def create_hold(
    reservation_id: UUID,
    room_type_id: UUID,
    check_in: date,
    check_out: date,
    units: int = 1,
    *,
    ttl: timedelta | None = None,
    now: datetime | None = None,
) -> InventoryHold:
    """Keep units on every night of a stay for `ttl`, by default the setting `hold_ttl`.

    Locks the room type. What the reservation holds or has reserved already is not counted against it. Raises
    `NotEnoughUnits`, `InvalidStay`, `UnknownRoomType`.
    """
    if units < 1:
        raise InvalidStay(check_in, check_out, units)
    pms = host_pms()
    pms.lock_room_types([room_type_id])
    now = now or database_now()
    free = check_availability(room_type_id, check_in, check_out, without=reservation_id, now=now)
    if free < units:
        raise NotEnoughUnits(room_type_id, free, units)
    expires_at = now + (ttl or channel_sync_settings().hold_ttl)
    hold = InventoryHold.objects.create(
        reservation_id=reservation_id,
        room_type_id=room_type_id,
        check_in=check_in,
        check_out=check_out,
        units_held=units,
        hold_expires_at=expires_at,
    )
    pms.keep_reservation(reservation_id, expires_at)
    return hold


def extend_hold(hold_id: UUID, additional: timedelta, *, now: datetime | None = None) -> InventoryHold:
    """Let a hold last longer, from now if its time is over. Locks its room type.

    Raises `HoldEnded`: one that keeps its units no more may have lost them.
    """
    now = now or database_now()
    hold = _lock_active(hold_id, now)
    hold.hold_expires_at = max(hold.hold_expires_at, now) + additional
    hold.save(update_fields=["hold_expires_at", "updated_at"])
    host_pms().keep_reservation(hold.reservation_id, hold.hold_expires_at)
    return hold


def move_hold(hold_id: UUID, stay: TakenStay, *, now: datetime | None = None) -> InventoryHold:
    """Let a hold follow its reservation to another stay, for the time that is left.

    Locks both room types. Raises `HoldEnded`, `NightsMissing`, `InvalidStay`.
    """
    hold = _lock_active(hold_id, now, stay.room_type_id)
    before = None
    if hold.room_type_id is not None:
        before = TakenStay(hold.room_type_id, hold.check_in, hold.check_out, hold.units_held)
    missing = missing_nights(hold.reservation_id, before, stay, now=now)
    if missing:
        raise NightsMissing(stay.room_type_id, missing)
    hold.room_type_id = stay.room_type_id
    hold.check_in, hold.check_out, hold.units_held = stay.check_in, stay.check_out, stay.units
    hold.save(update_fields=["room_type", "check_in", "check_out", "units_held", "updated_at"])
    return hold


def confirm_hold(hold_id: UUID, *, now: datetime | None = None) -> InventoryHold:
    """The channel has the booking: the reservation counts from now on, not the hold.

    The caller confirms the reservation in the same transaction; `inventory.confirmation` does both. Locks the room
    type. Raises `HoldEnded`.
    """
    hold = _lock_active(hold_id, now)
    hold.status = HoldStatus.CONFIRMED
    hold.save(update_fields=["status", "updated_at"])
    return hold


def release_hold(hold_id: UUID) -> bool:
    """Give the units of a hold back; False when it was settled already."""
    return bool(_release(InventoryHold.objects.filter(id=hold_id)))


def release_holds(reservation_id: UUID) -> int:
    """Give everything back that is held for a reservation; the number of holds that were active."""
    return _release(InventoryHold.objects.filter(reservation_id=reservation_id))


def get_active_holds(reservation_id: UUID, *, now: datetime | None = None) -> Sequence[InventoryHold]:
    """The holds of a reservation that keep units now, the first to expire first."""
    return list(
        InventoryHold.objects.filter(keeping_units(now or database_now()), reservation_id=reservation_id).order_by(
            "hold_expires_at", "id"
        )
    )


def _release(holds: QuerySet[InventoryHold]) -> int:
    """Release the active ones, locked in one order; how many there were."""
    active = list(
        holds.filter(status=HoldStatus.ACTIVE).order_by("id").select_for_update().values_list("id", flat=True)
    )
    return InventoryHold.objects.filter(id__in=active).update(status=HoldStatus.RELEASED, updated_at=database_now())


def _lock_active(hold_id: UUID, now: datetime | None, *room_type_ids: UUID) -> InventoryHold:
    """A hold whose expiry cannot be overtaken: nobody can take its units before this transaction ends."""
    unlocked = InventoryHold.objects.only("room_type_id").get(id=hold_id)
    host_pms().lock_room_types([*room_type_ids, *([unlocked.room_type_id] if unlocked.room_type_id else [])])
    hold = InventoryHold.objects.select_for_update().get(id=hold_id)
    if not keeps_units(hold, now or database_now()):
        raise HoldEnded(hold_id)
    return hold

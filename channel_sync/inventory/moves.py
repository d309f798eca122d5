"""A stay that changes takes other nights, another room type or other units: only what it takes anew has to be free."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from channel_sync.errors import InvalidStay
from channel_sync.inventory.availability import free_units


@dataclass(frozen=True)
class TakenStay:
    """`units` units of a room type on every night from `check_in` up to but without `check_out`."""

    room_type_id: UUID
    check_in: date
    check_out: date
    units: int

    def units_on(self, room_type_id: UUID, night: date) -> int:
        """How many units of a room type it takes on a night."""
        takes = room_type_id == self.room_type_id and self.check_in <= night < self.check_out
        return self.units if takes else 0


def missing_nights(
    reservation_id: UUID,
    before: TakenStay | None,
    after: TakenStay,
    *,
    today: date | None = None,
    now: datetime | None = None,
) -> list[date]:
    """The nights on which a reservation that goes from `before` to `after` would take more than there is.

    On a night that takes no more than it did, the reservation stays in, overbooked or not. Nights before `today`, the
    date at the property, are over and need no room; without it every night does. The caller has locked the room type.
    Raises `InvalidStay`.
    """
    if after.check_out <= after.check_in or after.units < 1:
        raise InvalidStay(after.check_in, after.check_out, after.units)
    start = max(after.check_in, today or after.check_in)
    if start >= after.check_out:
        return []
    nights = free_units([after.room_type_id], start, after.check_out, without=reservation_id, now=now)
    return [
        night.night
        for night in nights
        if night.free < after.units > (before.units_on(night.room_type_id, night.night) if before else 0)
    ]

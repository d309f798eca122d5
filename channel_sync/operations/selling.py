"""Sell rooms at the host's own desk, page or import: locked, checked, and held where a channel has to confirm."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from django.db import transaction

from channel_sync.channels.canonical import LONGEST_STAY
from channel_sync.channels.ranges import ONE_NIGHT, nights
from channel_sync.errors import InvalidStay, SoldOut, UnknownRoomType
from channel_sync.inventory.availability import free_units
from channel_sync.inventory.holds import create_hold
from channel_sync.inventory.moves import TakenStay
from channel_sync.models import InventoryHold
from channel_sync.outbound.enqueue import is_sold_by_channel
from channel_sync.pms import host_pms


@dataclass(frozen=True)
class Sale:
    """Stays that are free, and stay so for the caller until the block ends."""

    stays: Sequence[TakenStay]

    def waits_for_channel(self, room_type_id: UUID) -> bool:
        """Whether a channel sells the room type too, and has to confirm a reservation of it."""
        return is_sold_by_channel(room_type_id)

    def hold(self, reservation_id: UUID, stay: TakenStay, *, ttl: timedelta | None = None) -> InventoryHold:
        """Keep the units of a reservation that waits for its channel, for `ttl` or the setting `hold_ttl`.

        For hosts whose `reserved()` leaves out what waits; others need none. Raises `NotEnoughUnits` where the block
        has taken units otherwise meanwhile.
        """
        return create_hold(reservation_id, stay.room_type_id, stay.check_in, stay.check_out, stay.units, ttl=ttl)


@contextmanager
def sell(*stays: TakenStay) -> Iterator[Sale]:
    """Sell stays, all or none: save their reservations inside of the block.

    One transaction locks the room types in the order of their ids, looks at every night, and lets go when the block
    ends: of two who sell the last room at once the second is refused. Free is what the desk may sell: holds, and what
    channels have sold and the PMS has not taken in yet, count as taken. Enter it before any lock of a reservation.
    Raises `SoldOut`, whose message is for the desk, `InvalidStay`, `UnknownRoomType`; nothing is kept then, nor when
    the block raises.
    """
    for stay in stays:
        if stay.units < 1 or stay.check_out <= stay.check_in or stay.check_out - stay.check_in > LONGEST_STAY:
            raise InvalidStay(stay.check_in, stay.check_out, stay.units)
    with transaction.atomic():
        host_pms().lock_room_types(sorted({stay.room_type_id for stay in stays}))
        _require_free(stays)
        yield Sale(stays)


def _require_free(stays: Sequence[TakenStay]) -> None:
    """Raises `SoldOut`; stays of one room type on one night add up."""
    wanted: dict[UUID, dict[date, int]] = defaultdict(lambda: defaultdict(int))
    for stay in stays:
        for night in nights(stay.check_in, stay.check_out - ONE_NIGHT):
            wanted[stay.room_type_id][night] += stay.units
    for room_type_id, by_night in wanted.items():
        free = {one.night: one.free for one in free_units([room_type_id], min(by_night), max(by_night) + ONE_NIGHT)}
        if not free:
            raise UnknownRoomType(room_type_id)
        short = [night for night, units in by_night.items() if free[night] < units]
        if short:
            worst = min(short, key=lambda night: free[night] - by_night[night])
            raise SoldOut(sorted(short), free=free[worst], wanted=by_night[worst])

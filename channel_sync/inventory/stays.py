"""Free units on the nights of several stays, as each of them found them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from uuid import UUID

from channel_sync.channels.ranges import ONE_NIGHT, nights
from channel_sync.inventory.availability import FreeNight, free_units
from channel_sync.pms import Reservation

# Stays nearer than this are counted in one statement, with the nights between them.
NEAR = timedelta(days=31)


def free_after_each(made: Sequence[Reservation]) -> dict[UUID, list[FreeNight]]:
    """Reservation -> what was free on its nights once it was made; those that take no room are left out.

    They were made in this order, just now, and all in the caller's transaction, which has their room types locked: what
    is free now, and what the later ones took, tells what each of them left.
    """
    taking = [reservation for reservation in made if reservation.takes_room]
    free = _free_now(taking)
    left: dict[UUID, list[FreeNight]] = {}
    for reservation in reversed(taking):
        slept = list(nights(reservation.check_in, reservation.check_out - ONE_NIGHT))
        room_type_id = reservation.room_type_id
        left[reservation.id] = [FreeNight(room_type_id, night, free[room_type_id, night]) for night in slept]
        for night in slept:
            free[room_type_id, night] += reservation.units
    return left


def _free_now(stays: Sequence[Reservation]) -> dict[tuple[UUID, date], int]:
    return {
        (night.room_type_id, night.night): night.free
        for near in _near_each_other(stays)
        for night in free_units(
            list({stay.room_type_id for stay in near}),
            near[0].check_in,
            max(stay.check_out for stay in near),
            unapplied=False,
        )
    }


def _near_each_other(stays: Sequence[Reservation]) -> Iterator[list[Reservation]]:
    """Groups of stays by the time of year, so that few nights are counted that nobody asked for."""
    near: list[Reservation] = []
    for stay in sorted(stays, key=lambda stay: stay.check_in):
        if near and stay.check_in - max(one.check_out for one in near) > NEAR:
            yield near
            near = []
        near.append(stay)
    if near:
        yield near

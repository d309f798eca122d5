"""Free units per night, in one statement (design "Inventory")."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.utils import timezone

from channel_sync.inventory.availability import check_availability, free_units
from channel_sync.models import HoldStatus, InventoryHold
from pms_project.pms.models import Reservation, ReservationStatus, RoomType
from tests.factories import MaintenanceBlockFactory, ReservationFactory, RoomFactory, RoomTypeFactory

pytestmark = pytest.mark.django_db

DAY = date(2027, 3, 27)


def day(offset: int) -> date:
    return DAY + timedelta(days=offset)


@pytest.fixture
def double() -> RoomType:
    room_type: RoomType = RoomTypeFactory(units=5)
    return room_type


def free(room_type: RoomType, nights: int = 4) -> list[int]:
    return [night.free for night in free_units([room_type.id], DAY, day(nights))]


def reserve(room_type: RoomType, first: int, last: int, **columns: Any) -> Reservation:
    made: Reservation = ReservationFactory(room_type=room_type, check_in=day(first), check_out=day(last), **columns)
    return made


def hold(reservation: Reservation, *, minutes: int = 15, units: int = 1) -> None:
    InventoryHold.objects.create(
        reservation=reservation,
        room_type_id=reservation.room_type_id,
        check_in=reservation.check_in,
        check_out=reservation.check_out,
        units_held=units,
        hold_expires_at=timezone.now() + timedelta(minutes=minutes),
    )


def test_an_empty_room_type_is_free(double: RoomType) -> None:
    assert free(double) == [5, 5, 5, 5]


def test_the_check_out_day_is_no_night(double: RoomType) -> None:
    reserve(double, 0, 2)
    reserve(double, 2, 3, units=2)

    assert free(double) == [4, 4, 3, 5]


@pytest.mark.parametrize(
    ("status", "left"),
    [
        (ReservationStatus.CONFIRMED, 4),
        (ReservationStatus.PENDING_SYNC, 5),  # it takes a room by its hold
        (ReservationStatus.REQUEST, 4),
        (ReservationStatus.BLOCKED, 4),
        (ReservationStatus.INQUIRY, 5),
        (ReservationStatus.CANCELLED, 5),
        (ReservationStatus.FAILED, 5),
    ],
)
def test_which_reservations_take_a_room(double: RoomType, status: ReservationStatus, left: int) -> None:
    reserve(double, 0, 1, status=status)

    assert free(double, 1) == [left]


def test_a_room_under_maintenance_counts_once_however_many_blocks_it_has(double: RoomType) -> None:
    room = RoomFactory(room_type=double)
    MaintenanceBlockFactory(room=room, start=day(0), end=day(2))
    MaintenanceBlockFactory(room=room, start=day(1), end=day(3))

    assert free(double) == [4, 4, 4, 5]


@pytest.mark.usefixtures("strict_holds")
def test_a_hold_counts_until_it_expires_and_not_beside_its_reservation(double: RoomType) -> None:
    hold(reserve(double, 0, 4), units=1)
    assert free(double) == [4, 4, 4, 4]

    hold(reserve(double, 0, 1, status=ReservationStatus.INQUIRY), units=2)
    assert free(double) == [2, 4, 4, 4]

    hold(reserve(double, 1, 2, status=ReservationStatus.INQUIRY), minutes=-1)
    assert free(double) == [2, 4, 4, 4]


@pytest.mark.parametrize("status", [HoldStatus.CONFIRMED, HoldStatus.RELEASED, HoldStatus.EXPIRED])
def test_a_settled_hold_takes_nothing(double: RoomType, status: HoldStatus) -> None:
    hold(reserve(double, 0, 1, status=ReservationStatus.INQUIRY))
    InventoryHold.objects.update(status=status)

    assert free(double, 1) == [5]


def test_a_stay_has_what_is_free_on_its_worst_night(double: RoomType) -> None:
    reserve(double, 1, 2, units=5)
    reserve(double, 2, 3, units=2)

    assert check_availability(double.id, DAY, day(4)) == 0
    assert check_availability(double.id, day(2), day(4)) == 3


def test_an_overbooked_night_is_below_zero(double: RoomType) -> None:
    reserve(double, 0, 1, units=7)

    assert free(double, 1) == [-2]


def test_many_room_types_and_nights_take_one_statement(double: RoomType, django_assert_num_queries: Any) -> None:
    others = [RoomTypeFactory(hotel=double.hotel).id for _ in range(4)]
    reserve(double, 0, 1)

    with django_assert_num_queries(1):
        found = free_units([double.id, *others], DAY, day(365))

    assert len(found) == 5 * 365
    assert sum(night.free for night in found) == 5 * 365 - 1 + 4 * 365 * 10

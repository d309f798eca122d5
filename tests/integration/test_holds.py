"""Units kept for a reservation until its channel answers."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from channel_sync.errors import HoldEnded, InvalidStay, NightsMissing, NotEnoughUnits, UnknownRoomType
from channel_sync.inventory.availability import check_availability, free_units
from channel_sync.inventory.holds import (
    confirm_hold,
    create_hold,
    extend_hold,
    get_active_holds,
    move_hold,
    release_hold,
    release_holds,
)
from channel_sync.inventory.moves import TakenStay
from channel_sync.models import HoldStatus, InventoryHold
from pms_project.pms.models import Reservation, ReservationStatus, RoomType
from tests.factories import ReservationFactory, RoomTypeFactory

pytestmark = pytest.mark.django_db

CHECK_IN, CHECK_OUT = date(2027, 3, 27), date(2027, 3, 29)
LATER = timedelta(minutes=16)


@pytest.fixture
def double() -> RoomType:
    room_type: RoomType = RoomTypeFactory(units=3)
    return room_type


@pytest.fixture
def pending(double: RoomType) -> Reservation:
    return pending_in(double)


def pending_in(room_type: RoomType, **columns: Any) -> Reservation:
    stay = {"check_in": CHECK_IN, "check_out": CHECK_OUT} | columns
    made: Reservation = ReservationFactory(room_type=room_type, status=ReservationStatus.PENDING_SYNC, **stay)
    return made


def hold(reservation: Reservation, units: int = 1, **options: Any) -> InventoryHold:
    stay = (reservation.room_type_id, reservation.check_in, reservation.check_out)
    return create_hold(reservation.id, *stay, units, **options)


def free(room_type: RoomType, **options: Any) -> int:
    return check_availability(room_type.id, CHECK_IN, CHECK_OUT, **options)


@pytest.mark.usefixtures("strict_holds")
def test_a_hold_keeps_its_units_for_fifteen_minutes(double: RoomType, pending: Reservation) -> None:
    made = hold(pending, 2)

    assert free(double) == 1
    assert free(double, now=timezone.now() + LATER) == 3
    assert timedelta(minutes=14) < made.hold_expires_at - timezone.now() <= timedelta(minutes=15)
    assert Reservation.objects.get().hold_expires_at == made.hold_expires_at
    assert [found.id for found in get_active_holds(pending.id)] == [made.id]
    assert get_active_holds(pending.id, now=timezone.now() + LATER) == []


def test_a_hold_needs_its_units_on_every_night(double: RoomType, pending: Reservation) -> None:
    ReservationFactory(room_type=double, check_in=date(2027, 3, 28), check_out=date(2027, 3, 30), units=2)

    with pytest.raises(NotEnoughUnits, match="has 1 free units for the whole stay, 2 are wanted"):
        hold(pending, 2)

    assert hold(pending, 1).units_held == 1


def test_what_the_reservation_has_itself_is_not_counted_against_its_hold(double: RoomType) -> None:
    stay = ReservationFactory(room_type=double, check_in=CHECK_IN, check_out=CHECK_OUT, units=2)

    hold(stay, 3)

    assert free(double) == 0
    assert free(double, without=stay.id) == 3


def test_a_hold_beside_a_reserved_stay_counts_only_as_far_as_it_is_larger(double: RoomType) -> None:
    stay = ReservationFactory(room_type=double, check_in=CHECK_IN, check_out=CHECK_OUT, units=1)
    create_hold(stay.id, double.id, date(2027, 3, 28), date(2027, 3, 30), 2)

    nights = free_units([double.id], CHECK_IN, date(2027, 3, 31))

    assert [night.free for night in nights] == [2, 1, 1, 3]


@pytest.mark.parametrize(("check_out", "units"), [(CHECK_IN, 1), (CHECK_IN - timedelta(days=1), 1), (CHECK_OUT, 0)])
def test_a_stay_has_a_night_and_a_unit(pending: Reservation, check_out: date, units: int) -> None:
    with pytest.raises(InvalidStay):
        create_hold(pending.id, pending.room_type_id, CHECK_IN, check_out, units)


def test_an_unknown_room_type_is_named(pending: Reservation) -> None:
    with pytest.raises(UnknownRoomType, match=str(pending.id)):
        create_hold(pending.id, pending.id, CHECK_IN, CHECK_OUT)


def test_a_released_hold_gives_its_units_back_once(double: RoomType, pending: Reservation) -> None:
    made = hold(pending, 3)

    assert (release_hold(made.id), release_hold(made.id), release_holds(pending.id)) == (True, False, 0)
    assert free(double) == 3


def test_a_hold_keeps_its_units_until_it_is_settled(double: RoomType, pending: Reservation) -> None:
    made = hold(pending, 2)
    now = timezone.now() + LATER

    assert free(double, now=now) == 1
    assert [found.id for found in get_active_holds(pending.id, now=now)] == [made.id]
    assert extend_hold(made.id, LATER, now=now).hold_expires_at == now + LATER
    assert move_hold(made.id, TakenStay(double.id, CHECK_IN, CHECK_OUT, 3), now=now + LATER).units_held == 3
    assert free(double, now=now + 2 * LATER) == 0
    release_hold(made.id)
    assert free(double) == 3


@pytest.mark.usefixtures("strict_holds")
def test_an_extended_hold_lasts_longer(double: RoomType, pending: Reservation) -> None:
    made = hold(pending)

    extended = extend_hold(made.id, timedelta(minutes=10))

    assert extended.hold_expires_at == made.hold_expires_at + timedelta(minutes=10)
    assert Reservation.objects.get().hold_expires_at == extended.hold_expires_at
    assert free(double, now=timezone.now() + LATER) == 2


@pytest.mark.usefixtures("strict_holds")
def test_a_hold_that_is_over_is_neither_extended_nor_confirmed_nor_moved(pending: Reservation) -> None:
    made = hold(pending)
    now = timezone.now() + LATER
    stay = TakenStay(pending.room_type_id, CHECK_IN, CHECK_OUT, 1)

    for attempt in (
        lambda: extend_hold(made.id, LATER, now=now),
        lambda: confirm_hold(made.id, now=now),
        lambda: move_hold(made.id, stay, now=now),
    ):
        with pytest.raises(HoldEnded):
            attempt()

    made.refresh_from_db()
    assert made.status == HoldStatus.ACTIVE


def test_a_confirmed_hold_takes_nothing_any_more(double: RoomType, pending: Reservation) -> None:
    assert confirm_hold(hold(pending).id).status == HoldStatus.CONFIRMED
    assert free(double) == 3


def test_a_hold_moves_with_its_reservation_and_keeps_its_time(double: RoomType, pending: Reservation) -> None:
    single = RoomTypeFactory(hotel=double.hotel, units=1)
    made = hold(pending)

    moved = move_hold(made.id, TakenStay(single.id, CHECK_IN, CHECK_OUT, 1))

    assert moved.hold_expires_at == made.hold_expires_at
    assert (free(double), free(single)) == (3, 0)


def test_a_hold_does_not_move_onto_nights_that_are_taken(double: RoomType, pending: Reservation) -> None:
    ReservationFactory(room_type=double, check_in=CHECK_OUT, check_out=date(2027, 3, 31), units=3)

    with pytest.raises(NightsMissing, match="2027-03-29, 2027-03-30"):
        move_hold(hold(pending).id, TakenStay(double.id, CHECK_IN, date(2027, 3, 31), 1))


def test_a_hold_locks_its_room_type_before_it_looks(pending: Reservation) -> None:
    with CaptureQueriesContext(
        connection,
    ) as statements:
        hold(pending)

    (lock, *_) = statements.captured_queries
    assert "FOR UPDATE" in lock["sql"]
    assert "room_types" in lock["sql"]

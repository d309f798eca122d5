"""Bulk writes that undo each other before the relay sees them: a push in between has sent the state of the first."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest

from channel_sync.outbound.changes import consume_captured
from pms_project.pms.models import MaintenanceBlock, Reservation, ReservationStatus, RoomType
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.factories import MaintenanceBlockFactory, ReservationFactory, RoomFactory
from tests.integration.test_changes_under_way import work_all

pytestmark = pytest.mark.django_db(transaction=True)

NIGHT = date.today() + timedelta(days=30)
DAY = timedelta(days=1)
SINGLE = "2002"


def relay_and_work() -> None:
    consume_captured()
    work_all()


def on_sale(beds24: RunningSimulator) -> int:
    return beds24.controls.availability(SINGLE, NIGHT, NIGHT + DAY)[str(NIGHT)]


@pytest.fixture
def something_to_push(connected: ConnectedHotel) -> None:
    """A room of five is out of order: the event of that waits, and will be pushed with whatever is true then."""
    MaintenanceBlockFactory(room=RoomFactory(room_type=connected.single), start=NIGHT, end=NIGHT + DAY)


@pytest.mark.usefixtures("something_to_push")
@pytest.mark.parametrize("units", [2, 9])
def test_units_of_a_room_type(connected: ConnectedHotel, beds24: RunningSimulator, units: int) -> None:
    RoomType.objects.filter(id=connected.single.id).update(units=units)
    work_all()
    assert on_sale(beds24) == units - 1
    RoomType.objects.filter(id=connected.single.id).update(units=5)

    relay_and_work()

    assert on_sale(beds24) == 4


@pytest.mark.usefixtures("something_to_push")
def test_a_block_that_came_and_went(connected: ConnectedHotel, beds24: RunningSimulator) -> None:
    other = RoomFactory(room_type=connected.single)
    MaintenanceBlock.objects.bulk_create([MaintenanceBlock(room=other, start=NIGHT, end=NIGHT + DAY)])
    work_all()
    assert on_sale(beds24) == 3
    MaintenanceBlock.objects.filter(room=other).delete()

    relay_and_work()

    assert on_sale(beds24) == 4


def test_dates_of_a_reservation(connected: ConnectedHotel, beds24: RunningSimulator) -> None:
    reservation = ReservationFactory(
        room_type=connected.single, status=ReservationStatus.CONFIRMED, check_in=NIGHT, check_out=NIGHT + DAY
    )
    work_all()
    MaintenanceBlockFactory(room=RoomFactory(room_type=connected.single), start=NIGHT, end=NIGHT + DAY)
    later = NIGHT + timedelta(days=60)
    Reservation.objects.filter(id=reservation.id).update(check_in=later, check_out=later + DAY)
    work_all()
    Reservation.objects.filter(id=reservation.id).update(check_in=NIGHT, check_out=NIGHT + DAY)

    relay_and_work()

    assert on_sale(beds24) == 3


def test_the_price_of_a_reservation(connected: ConnectedHotel, beds24: RunningSimulator) -> None:
    reservation = ReservationFactory(room_type=connected.single, status=ReservationStatus.CONFIRMED, price=Decimal(100))
    work_all()
    reservation.refresh_from_db()
    reservation.notes = "late arrival"
    reservation.save()
    Reservation.objects.filter(id=reservation.id).update(price=Decimal(250))
    work_all()
    assert [booking["price"] for booking in beds24.bookings] == [250.0]
    Reservation.objects.filter(id=reservation.id).update(price=Decimal(100))

    relay_and_work()

    assert [booking["price"] for booking in beds24.bookings] == [100.0]

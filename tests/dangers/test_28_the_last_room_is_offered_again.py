"""A room that had come free a moment ago was refused by the channel, which had not heard of it: the sale failed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from channel_sync.channels.beds24.simulator import booking_writes as simulated_bookings
from channel_sync.models import Direction, EventType
from channel_sync.operations.properties import pause
from pms_project.pms.models import MaintenanceBlock, Reservation, ReservationStatus
from pms_project.pms.services.reservations import NewReservation, cancel_reservation, create_reservation
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.dangers.one_way import work_only
from tests.dangers.working import NIGHT, one_round, resume_and_go_live, stay, units_at_beds24, work_everything
from tests.drift import plenty_of_credits
from tests.factories import MaintenanceBlockFactory, RoomFactory

pytestmark = pytest.mark.django_db

LAST = NIGHT + timedelta(days=2)


@pytest.fixture
def hotel(connected: ConnectedHotel, beds24: RunningSimulator) -> ConnectedHotel:
    plenty_of_credits(beds24.simulator.state, connected)
    return connected


@pytest.fixture
def blocks(hotel: ConnectedHotel, beds24: RunningSimulator) -> list[MaintenanceBlock]:
    """All ten double rooms are out of order, and the channel knows."""
    made = [MaintenanceBlockFactory(room=RoomFactory(room_type=hotel.double), start=NIGHT, end=LAST) for _ in range(10)]
    work_everything()
    assert units_at_beds24(beds24) == 0
    beds24.controls.forget_calls()
    return made


def reserve(hotel: ConnectedHotel) -> Reservation:
    return create_reservation(NewReservation(hotel.double.id, NIGHT, LAST))


def test_a_room_that_is_back_in_order_is_sold_at_once(
    blocks: list[MaintenanceBlock], hotel: ConnectedHotel, beds24: RunningSimulator
) -> None:
    blocks[0].delete()
    reservation = reserve(hotel)

    work_everything()

    reservation.refresh_from_db()
    assert reservation.status == ReservationStatus.CONFIRMED
    assert (len(beds24.bookings), units_at_beds24(beds24)) == (1, 0)


def test_rooms_that_came_back_in_a_pause_and_were_sold_are_all_sent(
    blocks: list[MaintenanceBlock], hotel: ConnectedHotel, beds24: RunningSimulator
) -> None:
    pause(hotel.channel_property, by="ada")
    for block in blocks[:3]:
        block.delete()
    for _ in range(2):
        reserve(hotel)

    resume_and_go_live(hotel.channel_property)
    work_everything()

    assert (len(beds24.bookings), units_at_beds24(beds24)) == (2, 1)


@pytest.mark.parametrize(
    "units_of_beds24",
    [20, 10],
)
def test_a_room_whose_cancellation_is_not_sent_yet_is_sold_again(
    hotel: ConnectedHotel, beds24: RunningSimulator, units_of_beds24: int
) -> None:
    beds24.simulator.state.rooms[2001].qty = units_of_beds24
    sold = [reserve(hotel) for _ in range(10)]
    work_everything()
    assert units_at_beds24(beds24) == 0
    cancel_reservation(sold[0].id)
    beds24.controls.fail_next(kind="status", method="POST", path="/bookings", times=1)
    one_round()

    again = reserve(hotel)
    work_only(Direction.OUTBOUND, event_type=EventType.BOOKING_CREATE)
    work_everything()

    again.refresh_from_db()
    assert again.status == ReservationStatus.CONFIRMED
    assert sorted(booking["status"] for booking in beds24.bookings) == ["cancelled"] + ["confirmed"] * 10
    assert units_at_beds24(beds24) == 0


def test_of_two_guests_for_one_room_that_came_free_an_ota_keeps_its_own(
    blocks: list[MaintenanceBlock], hotel: ConnectedHotel, beds24: RunningSimulator
) -> None:
    blocks[0].delete()
    work_everything()
    beds24.controls.forget_calls()
    beds24.controls.book(roomId=2001, **stay())
    reservation = reserve(hotel)

    work_everything()

    reservation.refresh_from_db()
    assert reservation.status == ReservationStatus.FAILED
    assert "sold" in reservation.failure_reason
    assert len(beds24.posts("/bookings")) == 1
    assert units_at_beds24(beds24) == 0


def test_a_channel_that_goes_on_refusing_is_asked_once_more_and_not_again(
    hotel: ConnectedHotel, beds24: RunningSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(simulated_bookings, "_is_full", lambda *args: True)
    reservation = reserve(hotel)

    work_everything()

    reservation.refresh_from_db()
    assert reservation.status == ReservationStatus.FAILED
    assert "sold" in reservation.failure_reason
    assert len(beds24.posts("/bookings")) == 2
    assert units_at_beds24(beds24) == 10


def test_another_refusal_is_not_taken_for_a_lack_of_rooms(
    hotel: ConnectedHotel, beds24: RunningSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(simulated_bookings, "problem_of", lambda *args: ("email", "mailbox not available"))
    reservation = reserve(hotel)

    work_everything()

    reservation.refresh_from_db()
    assert reservation.status == ReservationStatus.FAILED
    assert "mailbox not available" in reservation.failure_reason
    assert len(beds24.posts("/bookings")) == 1

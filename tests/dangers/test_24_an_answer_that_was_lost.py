"""The answer to a write was lost, the reservation was changed again, and the next attempt undid or doubled it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from channel_sync.models import Conflict, ReservationLink
from pms_project.pms.models import Reservation, ReservationStatus
from pms_project.pms.services.reservations import (
    NewReservation,
    cancel_reservation,
    change_reservation,
    create_reservation,
)
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.dangers.working import NIGHT, one_round, stay, units_at_beds24, work_everything
from tests.drift import plenty_of_credits

pytestmark = pytest.mark.django_db

FIVE_NIGHTS = NIGHT + timedelta(days=5)


def lose_the_next_answer(beds24: RunningSimulator) -> None:
    """Beds24 takes the booking, and the connection breaks."""
    beds24.controls.fail_next(kind="drop_after", method="POST", path="/bookings", times=1)


@pytest.fixture
def reservation(connected: ConnectedHotel, beds24: RunningSimulator) -> Reservation:
    """Two nights at the desk; Beds24 has them, and nobody knows."""
    plenty_of_credits(beds24.simulator.state, connected)
    lose_the_next_answer(beds24)
    made = create_reservation(NewReservation(connected.double.id, NIGHT, NIGHT + timedelta(days=2)))
    one_round()
    assert len(beds24.bookings) == 1
    assert not ReservationLink.objects.exists()
    return made


@pytest.mark.parametrize("change", [{"status": "cancelled"}, stay(nights=5)], ids=["cancelled", "extended"])
def test_what_the_channel_changed_meanwhile_stands(
    reservation: Reservation, beds24: RunningSimulator, change: dict[str, Any]
) -> None:
    beds24.controls.change(beds24.bookings[0]["id"], **change)

    work_everything()

    (booking,) = beds24.bookings
    assert {name: booking[name] for name in change} == change
    reservation.refresh_from_db()
    is_cancelled = booking["status"] == "cancelled"
    assert (reservation.status == ReservationStatus.CANCELLED) is is_cancelled
    assert str(reservation.check_out) == booking["departure"]
    assert units_at_beds24(beds24) == (10 if is_cancelled else 9)


def test_what_the_desk_changed_meanwhile_is_sent_to_the_same_booking(
    reservation: Reservation, beds24: RunningSimulator
) -> None:
    change_reservation(reservation.id, {"check_out": FIVE_NIGHTS})

    work_everything()

    (booking,) = beds24.bookings
    assert booking["departure"] == str(FIVE_NIGHTS)
    reservation.refresh_from_db()
    assert (reservation.status, reservation.check_out) == (ReservationStatus.CONFIRMED, FIVE_NIGHTS)
    assert units_at_beds24(beds24) == units_at_beds24(beds24, night=FIVE_NIGHTS - timedelta(days=1)) == 9


def test_what_the_desk_cancelled_meanwhile_is_cancelled_there(
    reservation: Reservation, beds24: RunningSimulator
) -> None:
    cancel_reservation(reservation.id)

    work_everything()

    assert [booking["status"] for booking in beds24.bookings] == ["cancelled"]
    assert units_at_beds24(beds24) == 10


def test_a_lost_answer_to_an_update_doubles_nothing(reservation: Reservation, beds24: RunningSimulator) -> None:
    work_everything()
    lose_the_next_answer(beds24)
    change_reservation(reservation.id, {"check_out": FIVE_NIGHTS})

    work_everything()

    (booking,) = beds24.bookings
    reservation.refresh_from_db()
    assert booking["departure"] == str(reservation.check_out) == str(FIVE_NIGHTS)
    assert units_at_beds24(beds24) == units_at_beds24(beds24, night=FIVE_NIGHTS - timedelta(days=1)) == 9


def test_a_desks_change_after_an_update_whose_answer_was_lost_is_sent(
    connected: ConnectedHotel, beds24: RunningSimulator
) -> None:
    plenty_of_credits(beds24.simulator.state, connected)
    reservation = create_reservation(NewReservation(connected.double.id, NIGHT, NIGHT + timedelta(days=2)))
    work_everything()
    beds24.controls.fail_next(kind="drop_after", method="POST", path="/bookings", times=1)
    change_reservation(reservation.id, {"check_out": NIGHT + timedelta(days=5)})
    one_round()
    assert beds24.bookings[0]["departure"] == str(NIGHT + timedelta(days=5))

    change_reservation(reservation.id, {"check_out": NIGHT + timedelta(days=3)})
    work_everything()

    (booking,) = beds24.bookings
    assert Reservation.objects.get().check_out == NIGHT + timedelta(days=3)
    assert booking["departure"] == str(NIGHT + timedelta(days=3))
    assert not Conflict.objects.exists()


def test_an_update_whose_answer_was_lost_is_no_conflict(connected: ConnectedHotel, beds24: RunningSimulator) -> None:
    plenty_of_credits(beds24.simulator.state, connected)
    reservation = create_reservation(NewReservation(connected.double.id, NIGHT, NIGHT + timedelta(days=2)))
    work_everything()
    beds24.controls.fail_next(kind="drop_after", method="POST", path="/bookings", times=1)
    change_reservation(reservation.id, {"check_out": NIGHT + timedelta(days=5)})

    work_everything()

    assert Reservation.objects.get().check_out == NIGHT + timedelta(days=5)
    assert not Conflict.objects.exists()

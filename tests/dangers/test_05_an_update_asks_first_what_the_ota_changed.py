"""A note edited at the desk undid an OTA's change or cancellation whose webhook was still on its way."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from channel_sync.models import ChannelEvent, EventStatus, EventType
from pms_project.pms.channel_port import Pms
from pms_project.pms.models import Reservation, ReservationStatus
from pms_project.pms.services.reservations import cancel_reservation, change_reservation
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.dangers.working import NIGHT, one_round, stay, work_everything
from tests.factories import ReservationFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def reservation(connected: ConnectedHotel, beds24: RunningSimulator) -> Reservation:
    """Known to both sides."""
    made: Reservation = ReservationFactory(room_type=connected.double, check_in=NIGHT, status="PENDING_SYNC")
    work_everything()
    made.refresh_from_db()
    return made


def booking_of(beds24: RunningSimulator) -> dict[str, Any]:
    (found,) = beds24.bookings
    return found


def test_new_dates_of_the_ota_stand(reservation: Reservation, beds24: RunningSimulator) -> None:
    beds24.controls.change(booking_of(beds24)["id"], **stay(nights=5))

    change_reservation(reservation.id, {"notes": "late arrival"})
    work_everything()

    reservation.refresh_from_db()
    assert booking_of(beds24)["departure"] == str(NIGHT + timedelta(days=5))
    assert reservation.check_out == NIGHT + timedelta(days=5)


def test_a_cancellation_of_the_ota_stands(reservation: Reservation, beds24: RunningSimulator) -> None:
    beds24.controls.change(booking_of(beds24)["id"], status="cancelled")

    change_reservation(reservation.id, {"notes": "late arrival"})
    work_everything()

    reservation.refresh_from_db()
    assert booking_of(beds24)["status"] == "cancelled"
    assert reservation.status == ReservationStatus.CANCELLED


def test_a_cancellation_of_the_desk_is_sent_after_a_look(reservation: Reservation, beds24: RunningSimulator) -> None:
    beds24.controls.change(booking_of(beds24)["id"], **stay(nights=5))
    beds24.controls.forget_calls()

    cancel_reservation(reservation.id)
    one_round()

    first = beds24.simulator.state.calls[0]
    assert (first["method"], first["path"]) == ("GET", "/bookings")


def test_a_change_of_the_ota_that_could_not_be_applied_is_not_undone(
    reservation: Reservation, beds24: RunningSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    beds24.controls.change(booking_of(beds24)["id"], **stay(nights=5))

    def refuse(*args: object) -> None:
        raise ValueError("this host has a fault")

    with monkeypatch.context() as faulty:
        faulty.setattr(Pms, "modify_reservation", refuse)
        change_reservation(reservation.id, {"notes": "late arrival"})
        for _ in range(6):
            one_round()

    assert booking_of(beds24)["departure"] == str(NIGHT + timedelta(days=5))
    failed = ChannelEvent.objects.get(status=EventStatus.FAILED)
    assert failed.direction == "inbound"
    update = ChannelEvent.objects.filter(event_type=EventType.BOOKING_UPDATE).latest("received_at")
    assert update.status == EventStatus.RETRYING
    assert str(failed.id) in (update.last_error or "")

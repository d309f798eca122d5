"""What the desk sold while a property was paused was never sent: the channel went on selling those rooms."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.utils import timezone

from channel_sync.models import ChannelEvent, Direction
from channel_sync.operations.properties import pause
from pms_project.pms.models import Reservation, ReservationStatus
from pms_project.pms.services.reservations import NewReservation, cancel_reservation, create_reservation
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.dangers.working import NIGHT, one_round, resume_and_go_live, stay, units_at_beds24, work_everything
from tests.factories import ReservationFactory

pytestmark = pytest.mark.django_db


def reserve(connected: ConnectedHotel, first: date = NIGHT) -> Reservation:
    wanted = NewReservation(connected.double.id, first, first + timedelta(days=2))
    return create_reservation(wanted)


def test_bookings_go_out_first_then_the_calendar(connected: ConnectedHotel, beds24: RunningSimulator) -> None:
    pause(connected.channel_property, by="ada")
    reserve(connected)
    one_round()
    assert (beds24.bookings, units_at_beds24(beds24)) == ([], 10)

    resume_and_go_live(connected.channel_property)
    work_everything()

    assert len(beds24.bookings) == 1
    assert units_at_beds24(beds24) == 9
    paths = [call["path"] for call in beds24.simulator.state.calls if call["method"] == "POST"]
    assert paths[0] == "/bookings"
    assert set(paths[1:]) == {"/inventory/rooms/calendar"}


def test_a_reservation_made_in_a_pause_is_confirmed_at_once(connected: ConnectedHotel) -> None:
    pause(connected.channel_property, by="ada")

    assert reserve(connected).status == ReservationStatus.CONFIRMED


def test_what_an_ota_sold_meanwhile_comes_in_before_anything_goes_out(
    connected: ConnectedHotel, beds24: RunningSimulator
) -> None:
    pause(connected.channel_property, by="ada")
    for _ in range(4):
        beds24.controls.book(roomId=2001, **stay())

    resume_and_go_live(connected.channel_property)
    work_everything()

    assert Reservation.objects.filter(status=ReservationStatus.CONFIRMED).count() == 4
    assert units_at_beds24(beds24) == 6


def test_a_cancellation_of_the_pause_is_sent(connected: ConnectedHotel, beds24: RunningSimulator) -> None:
    made = ReservationFactory(room_type=connected.double, check_in=NIGHT, status="PENDING_SYNC")
    work_everything()
    pause(connected.channel_property, by="ada")
    cancel_reservation(made.id)
    assert one_round()

    resume_and_go_live(connected.channel_property)
    work_everything()

    assert [booking["status"] for booking in beds24.bookings] == ["cancelled"]
    assert units_at_beds24(beds24) == 10


def test_stays_that_ended_in_the_pause_are_not_sent(connected: ConnectedHotel, beds24: RunningSimulator) -> None:
    pause(connected.channel_property, by="ada")
    reserve(connected)
    Reservation.objects.update(check_in=date.today() - timedelta(days=5), check_out=date.today() - timedelta(days=3))
    ChannelEvent.objects.update(received_at=timezone.now() - timedelta(days=6))

    resume_and_go_live(connected.channel_property)
    work_everything()

    assert beds24.bookings == []


def test_what_waits_in_a_pause_is_not_looked_at_again_and_again(connected: ConnectedHotel) -> None:
    pause(connected.channel_property, by="ada")
    reserve(connected)

    waiting = ChannelEvent.objects.get(direction=Direction.OUTBOUND)

    assert waiting.next_attempt_at - waiting.received_at >= timedelta(minutes=30)


def test_resuming_what_is_active_sends_nothing(connected: ConnectedHotel) -> None:
    resume_and_go_live(connected.channel_property)

    assert not ChannelEvent.objects.exists()

"""Guests who had been in house for more than 30 days were not imported, and their rooms were put on sale again."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from channel_sync.pms import host_pms
from channel_sync.reconciliation.first_sync import first_sync
from channel_sync.reconciliation.runs import RunOptions
from pms_project.pms.models import Reservation
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.dangers.working import units_at_beds24, work_everything
from tests.drift import do_not_wait, plenty_of_credits

pytestmark = pytest.mark.django_db

NOW = RunOptions(wait=do_not_wait)
LONG_AGO = "2026-01-01T10:00:00Z"


@pytest.fixture
def today(connected: ConnectedHotel, beds24: RunningSimulator) -> date:
    plenty_of_credits(beds24.simulator.state, connected)
    return host_pms().property_facts(connected.hotel.id).today()


def book(beds24: RunningSimulator, arrival: date, departure: date) -> None:
    """Long ago: a look at what has changed of late does not find it."""
    made = beds24.controls.book(roomId=2001, arrival=str(arrival), departure=str(departure))
    beds24.simulator.state.bookings[made["id"]] |= {"bookingTime": LONG_AGO, "modifiedTime": LONG_AGO}


def test_a_room_with_a_long_stay_guest_is_not_reopened(
    connected: ConnectedHotel, beds24: RunningSimulator, today: date
) -> None:
    book(beds24, today - timedelta(days=45), today + timedelta(days=10))

    first_sync(connected.channel_property, NOW)
    work_everything()

    assert Reservation.objects.count() == 1
    assert units_at_beds24(beds24, night=today) == 9


def test_everything_that_departs_after_today_is_imported_however_far_away(
    connected: ConnectedHotel, beds24: RunningSimulator, today: date
) -> None:
    days = {"in house": (-45, 10), "last night": (-1, 1), "far": (480, 483), "beyond the calendar": (700, 702)}
    for first, last in days.values():
        book(beds24, today + timedelta(days=first), today + timedelta(days=last))

    first_sync(connected.channel_property, NOW)

    assert Reservation.objects.count() == len(days)


def test_who_has_left_is_not_imported(connected: ConnectedHotel, beds24: RunningSimulator, today: date) -> None:
    book(beds24, today - timedelta(days=20), today - timedelta(days=18))
    book(beds24, today - timedelta(days=3), today)

    first_sync(connected.channel_property, NOW)

    assert not Reservation.objects.exists()

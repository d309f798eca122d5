"""A fault that passed while bookings were first imported put the rooms of those guests on sale."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest

from channel_sync.channels.canonical import Booking
from channel_sync.models import Direction, RunStatus
from channel_sync.reconciliation.first_sync import first_sync
from channel_sync.reconciliation.runs import RunOptions
from pms_project.pms.channel_port import Pms
from pms_project.pms.models import Reservation
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.dangers.one_way import at_beds24, refuse, work_only
from tests.dangers.working import units_at_beds24, work_everything
from tests.drift import do_not_wait, plenty_of_credits

pytestmark = pytest.mark.django_db

NOW = RunOptions(wait=do_not_wait)
TODAY = date.today()
TOMORROW = TODAY + timedelta(days=1)
WEEKS_AGO = timedelta(days=-50)


@pytest.fixture
def hotel(connected: ConnectedHotel, beds24: RunningSimulator) -> ConnectedHotel:
    plenty_of_credits(beds24.simulator.state, connected)
    return connected


def guest_in_house(beds24: RunningSimulator, **guest: str) -> dict[str, Any]:
    """Somebody who booked weeks ago, came three days ago and stays four days more."""
    booking = beds24.controls.book(
        roomId=2001, arrival=str(TODAY - timedelta(days=3)), departure=str(TODAY + timedelta(days=4)), **guest
    )
    return at_beds24(beds24, booking["id"], after=WEEKS_AGO)


def test_a_room_whose_guest_could_not_be_imported_yet_is_not_opened(
    hotel: ConnectedHotel, beds24: RunningSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    guest_in_house(beds24)
    with monkeypatch.context() as faulty:
        faulty.setattr(Pms, "create_reservations", refuse)
        run, _ = first_sync(hotel.channel_property, NOW)
    assert run.status == RunStatus.DONE

    work_only(Direction.OUTBOUND, rounds=2)
    assert beds24.posts("/inventory/rooms/calendar") != []
    assert units_at_beds24(beds24, night=TOMORROW) == 9

    work_everything()
    assert Reservation.objects.count() == 1
    assert units_at_beds24(beds24, night=TOMORROW) == 9
    assert units_at_beds24(beds24, night=TODAY + timedelta(days=4)) == 10


def test_the_neighbours_of_one_that_stumbles_are_imported_at_once(
    hotel: ConnectedHotel, beds24: RunningSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    for last_name in ("Hopper", "Lovelace", "Hamilton"):
        guest_in_house(beds24, lastName=last_name)
    create = Pms.create_reservations

    def stumble(pms: Pms, property_id: UUID, sold: Sequence[tuple[UUID, Booking]]) -> Sequence[UUID]:
        if any(booking.guest.last_name == "Lovelace" for _, booking in sold):
            raise ValueError("this host has a fault")
        return create(pms, property_id, sold)

    with monkeypatch.context() as faulty:
        faulty.setattr(Pms, "create_reservations", stumble)
        first_sync(hotel.channel_property, NOW)
    assert set(Reservation.objects.values_list("guest__last_name", flat=True)) == {"Hopper", "Hamilton"}

    work_only(Direction.OUTBOUND, rounds=2)
    assert units_at_beds24(beds24, night=TOMORROW) == 7

    work_everything()
    assert Reservation.objects.count() == 3
    assert units_at_beds24(beds24, night=TOMORROW) == 7

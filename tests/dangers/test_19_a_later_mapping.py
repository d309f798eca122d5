"""A room was mapped after an OTA had sold it: its calendar went out before the bookings that had failed were in."""

from __future__ import annotations

from datetime import timedelta

import pytest

from channel_sync.models import ChannelEvent, Direction, EventStatus, MappingType, ReservationLink
from channel_sync.operations.mapping_rules import WantedMapping
from channel_sync.operations.mappings import create_mapping
from pms_project.pms.channel_port import Pms
from pms_project.pms.models import Reservation
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.dangers.one_way import at_beds24, hours_pass, refuse, webhook_of, work_only
from tests.dangers.working import NIGHT, go_live, stay, units_at_beds24, work_everything
from tests.drift import plenty_of_credits
from tests.factories import RoomTypeFactory

pytestmark = pytest.mark.django_db

SUITE = 2003
DAYS_AGO = timedelta(days=-3)


@pytest.fixture
def failed(connected: ConnectedHotel, beds24: RunningSimulator) -> ChannelEvent:
    """One of two suites was sold days ago, while nobody had mapped them."""
    plenty_of_credits(beds24.simulator.state, connected)
    booking = beds24.controls.book(roomId=SUITE, **stay())
    event = webhook_of(connected, at_beds24(beds24, booking["id"], after=DAYS_AGO))
    work_only(Direction.INBOUND)
    event.refresh_from_db()
    assert (event.status, units_at_beds24(beds24, SUITE)) == (EventStatus.FAILED, 1)
    hours_pass(connected)
    return event


def map_the_suite(hotel: ConnectedHotel) -> None:
    suite = RoomTypeFactory(hotel=hotel.hotel, name="Suite", units=2)
    create_mapping(
        WantedMapping(hotel.channel_property, MappingType.ROOM_TYPE, suite.id, str(SUITE)),
        by="ada",
    )
    go_live(hotel.channel_property)


def test_its_calendar_does_not_raise_the_nights_of_bookings_that_are_retried(
    failed: ChannelEvent, connected: ConnectedHotel, beds24: RunningSimulator
) -> None:
    map_the_suite(connected)
    work_only(Direction.OUTBOUND, rounds=2)

    assert beds24.posts("/inventory/rooms/calendar") != []
    assert units_at_beds24(beds24, SUITE) == 1


def test_the_bookings_that_failed_without_it_are_applied(
    failed: ChannelEvent, connected: ConnectedHotel, beds24: RunningSimulator
) -> None:
    map_the_suite(connected)
    work_only(Direction.OUTBOUND, rounds=2)
    work_everything()

    failed.refresh_from_db()
    assert failed.status == EventStatus.DONE
    assert ReservationLink.objects.get(external_id=failed.entity_external_id).reservation == Reservation.objects.get()
    assert units_at_beds24(beds24, SUITE) == 1
    assert units_at_beds24(beds24, SUITE, NIGHT + timedelta(days=2)) == 2


def test_a_booking_that_fails_again_keeps_its_nights(
    failed: ChannelEvent, connected: ConnectedHotel, beds24: RunningSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Pms, "create_reservations", refuse)

    map_the_suite(connected)
    work_everything()

    failed.refresh_from_db()
    assert failed.status == EventStatus.FAILED
    assert units_at_beds24(beds24, SUITE) == 1

"""A note on a booking whose last change had failed waited for somebody, and the whole room type waited with it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from channel_sync.errors import WaitsFor
from channel_sync.models import ChannelEvent, Direction, EntityType, EventStatus, EventType
from channel_sync.reconciliation.availability import reconcile_availability
from channel_sync.reconciliation.runs import RunOptions
from pms_project.pms.models import Reservation
from pms_project.pms.services.reservations import change_reservation
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.dangers.one_way import at_beds24, hours_pass, webhook_of, work_only
from tests.dangers.working import NIGHT, one_round, stay, units_at_beds24, work_everything
from tests.drift import do_not_wait, plenty_of_credits
from tests.factories import MaintenanceBlockFactory, RoomFactory

pytestmark = pytest.mark.django_db

NOW = RunOptions(wait=do_not_wait)
DAYS_AGO = timedelta(days=-3)
FAR_NIGHT = NIGHT + timedelta(days=40)


def moved_to_an_unmapped_room(hotel: ConnectedHotel, beds24: RunningSimulator, *, after: timedelta) -> ChannelEvent:
    """A known booking that an OTA moved to a suite, which the PMS does not know."""
    plenty_of_credits(beds24.simulator.state, hotel)
    booking = beds24.controls.book(roomId=2001, **stay())
    webhook_of(hotel, at_beds24(beds24, booking["id"], after=min(after, timedelta(0)) - timedelta(hours=1)))
    work_everything()
    moved = at_beds24(beds24, booking["id"], after=after, roomId=2003)
    event = webhook_of(hotel, moved, EventType.BOOKING_MODIFIED)
    work_only(Direction.INBOUND)
    event.refresh_from_db()
    assert event.status == EventStatus.FAILED
    return event


def out_of_order(hotel: ConnectedHotel, *, rooms: int) -> None:
    for _ in range(rooms):
        MaintenanceBlockFactory(
            room=RoomFactory(room_type=hotel.double), start=FAR_NIGHT, end=FAR_NIGHT + timedelta(days=2)
        )


@pytest.fixture
def stuck(connected: ConnectedHotel, beds24: RunningSimulator) -> ChannelEvent:
    """A note that waits until somebody settles a change of its booking."""
    moved_to_an_unmapped_room(connected, beds24, after=DAYS_AGO)
    hours_pass(connected)
    change_reservation(Reservation.objects.get().id, {"notes": "late arrival"})
    one_round()
    update = ChannelEvent.objects.get(event_type=EventType.BOOKING_UPDATE)
    assert (update.status, update.waits_for) == (EventStatus.RETRYING, WaitsFor.EVENT)
    return update


def test_rooms_out_of_order_on_other_nights_are_taken_from_sale(
    stuck: ChannelEvent, connected: ConnectedHotel, beds24: RunningSimulator
) -> None:
    out_of_order(connected, rooms=9)

    work_only(Direction.OUTBOUND, rounds=2)

    stuck.refresh_from_db()
    assert stuck.status == EventStatus.RETRYING
    assert units_at_beds24(beds24, night=FAR_NIGHT) == 1


def test_a_comparison_lowers_what_is_too_much_on_other_nights(
    stuck: ChannelEvent, connected: ConnectedHotel, beds24: RunningSimulator
) -> None:
    beds24.controls.set_availability("2001", FAR_NIGHT, 14)

    reconcile_availability(connected.channel_property, NOW)
    work_only(Direction.OUTBOUND, rounds=2)

    assert units_at_beds24(beds24, night=FAR_NIGHT) == 10


def test_a_booking_that_waits_for_its_turn_still_goes_before_the_calendar(
    connected: ConnectedHotel, beds24: RunningSimulator
) -> None:
    """Only what waits for somebody is passed by: the channel would count any other booking twice."""
    plenty_of_credits(beds24.simulator.state, connected)
    webhook_of(connected, beds24.controls.book(roomId=2001, **stay()))
    work_everything()
    change_reservation(Reservation.objects.get().id, {"notes": "late arrival"})
    out_of_order(connected, rooms=1)

    work_only(Direction.OUTBOUND, entity_type=EntityType.AVAILABILITY)
    assert units_at_beds24(beds24, night=FAR_NIGHT) == 10

    work_everything()
    assert units_at_beds24(beds24, night=FAR_NIGHT) == 9


def test_pushes_beside_a_change_that_failed_a_moment_ago_come_to_an_end(
    connected: ConnectedHotel, beds24: RunningSimulator
) -> None:
    """Each push looks for bookings before and after; one that fails again and again is no news to push for."""
    moved_to_an_unmapped_room(connected, beds24, after=timedelta(seconds=1))
    beds24.controls.forget_calls()

    out_of_order(connected, rooms=1)
    work_everything()

    assert len(beds24.posts("/inventory/rooms/calendar")) <= 2
    assert units_at_beds24(beds24, night=FAR_NIGHT) == 9

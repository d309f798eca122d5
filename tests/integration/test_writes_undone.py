"""Bulk writes that undo each other before the relay sees them: a push in between has sent the state of the first."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction

from channel_sync.models import ChannelEvent, EventStatus, EventType
from channel_sync.outbound.changes import consume_captured
from pms_project.pms.models import DailyRate, MaintenanceBlock, RatePlan, Reservation, ReservationStatus, RoomType
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.factories import (
    DailyRateFactory,
    MaintenanceBlockFactory,
    RateMappingFactory,
    RatePlanFactory,
    ReservationFactory,
    RoomFactory,
)
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
    # Beds24 has been told of as many units as there are at most; it shows no more than that.
    beds24.simulator.state.rooms[2002].qty = 9
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


class TestRates:
    """Prices and restrictions of nights, written by `QuerySet.update`; a saved change waits beside them."""

    @pytest.fixture
    def plan(self, connected: ConnectedHotel) -> RatePlan:
        """A rate plan of the single room, of which Beds24 has two nights at 100."""
        made: RatePlan = RatePlanFactory(room_type=connected.single)
        RateMappingFactory(channel_property=connected.channel_property, internal_id=made.id, external_id=f"{SINGLE}:1")
        for night in (NIGHT, NIGHT + DAY):
            DailyRateFactory(rate_plan=made, night=night, price=Decimal(100))
        work_all()
        return made

    @staticmethod
    def save(plan: RatePlan, **changes: Any) -> None:
        """Through the signals: the event waits, and will be pushed with whatever is true then."""
        rate = DailyRate.objects.get(rate_plan=plan, night=NIGHT)
        for name, value in changes.items():
            setattr(rate, name, value)
        rate.save()

    @staticmethod
    def sent(beds24: RunningSimulator, field: str) -> Any:
        """What Beds24 was last sent of the first night, its event's own field."""
        last: Any = None
        for call in beds24.posts("/inventory/rooms/calendar"):
            for day in call["body"][0]["calendar"]:
                if day["from"] <= str(NIGHT) <= day["to"] and field in day:
                    last = day[field]
        return last

    @pytest.mark.parametrize(
        ("field", "name", "values"),
        [
            ("price", "price1", (Decimal(100), Decimal(250))),
            ("min_stay", "minStay", (1, 3)),
        ],
    )
    def test_a_push_in_between_sent_it(
        self, plan: RatePlan, beds24: RunningSimulator, field: str, name: str, values: tuple[Any, Any]
    ) -> None:
        first, other = values
        night = DailyRate.objects.filter(rate_plan=plan, night=NIGHT)
        self.save(plan, closed_to_departure=True)
        night.update(**{field: other})
        work_all()
        assert self.sent(beds24, name) == other
        night.update(**{field: first})

        relay_and_work()

        assert self.sent(beds24, name) == first

    def test_all_nights_of_one_statement(self, plan: RatePlan, beds24: RunningSimulator) -> None:
        nights = DailyRate.objects.filter(rate_plan=plan)
        nights.update(price=Decimal(250))
        nights.update(price=Decimal(100))

        consume_captured()

        (event,) = ChannelEvent.objects.filter(event_type=EventType.RATE_UPDATE, status=EventStatus.RECEIVED)
        assert (event.payload["start"], event.payload["end"]) == (str(NIGHT), str(NIGHT + 2 * DAY))
        assert event.entity_internal_id == plan.id
        work_all()
        assert ChannelEvent.objects.get(id=event.id).status == EventStatus.IGNORED, "Beds24 has these rates"

    def test_within_one_transaction_nobody_saw_it(self, plan: RatePlan) -> None:
        nights = DailyRate.objects.filter(rate_plan=plan)
        with transaction.atomic():
            nights.update(price=Decimal(250))
            nights.update(price=Decimal(100))

        consume_captured()

        assert not ChannelEvent.objects.filter(event_type=EventType.RATE_UPDATE, status=EventStatus.RECEIVED).exists()

    def test_a_night_that_was_another_in_between(self, plan: RatePlan) -> None:
        """The nights of the state in between are told of as well."""
        night, later = DailyRate.objects.filter(rate_plan=plan, night=NIGHT).get(), NIGHT + timedelta(days=60)
        rate = DailyRate.objects.filter(id=night.id)
        rate.update(night=later)
        rate.update(night=NIGHT)

        consume_captured()

        waiting = ChannelEvent.objects.filter(event_type=EventType.RATE_UPDATE, status=EventStatus.RECEIVED)
        assert {event.payload["start"] for event in waiting} == {str(NIGHT), str(later)}

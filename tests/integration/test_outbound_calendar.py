"""Availability and rates at Beds24: waiting events in one call, equal nights as ranges."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.conf import LazySettings

from channel_sync.events.processing import process
from channel_sync.models import (
    ChannelEvent,
    ChannelMapping,
    ChannelPropertyStatus,
    EntityType,
    EventStatus,
    EventType,
    MappingType,
)
from channel_sync.outbound.enqueue import rates_changed
from channel_sync.pms import RateSpan
from pms_project.pms.models import RatePlan, ReservationStatus
from pms_project.pms.services.rates import RateChange, set_rates
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.factories import (
    MaintenanceBlockFactory,
    RateMappingFactory,
    RatePlanFactory,
    ReservationFactory,
    RoomFactory,
)

pytestmark = pytest.mark.django_db

CALENDAR = "/inventory/rooms/calendar"
START = date.today() + timedelta(days=30)


def waiting(event_type: EventType) -> list[ChannelEvent]:
    return list(ChannelEvent.objects.filter(status=EventStatus.RECEIVED, event_type=event_type).order_by("received_at"))


def work_first(event_type: EventType) -> ChannelEvent:
    event = waiting(event_type)[0]
    process(event.id)
    event.refresh_from_db()
    return event


def block(room_type: Any, start: date, nights: int) -> None:
    MaintenanceBlockFactory(room=RoomFactory(room_type=room_type), start=start, end=start + timedelta(days=nights))


def test_waiting_nights_of_all_room_types_go_in_one_call(connected: ConnectedHotel, beds24: RunningSimulator) -> None:
    block(connected.double, START, 2)
    block(connected.double, START + timedelta(days=1), 2)
    block(connected.single, START, 1)

    event = work_first(EventType.AVAILABILITY_UPDATE)

    (call,) = beds24.posts(CALENDAR)
    assert call["body"] == [
        {
            "roomId": 2001,
            "calendar": [
                {"from": str(START), "to": str(START), "numAvail": 9},
                {"from": str(START + timedelta(days=1)), "to": str(START + timedelta(days=1)), "numAvail": 8},
                {"from": str(START + timedelta(days=2)), "to": str(START + timedelta(days=2)), "numAvail": 9},
            ],
        },
        {"roomId": 2002, "calendar": [{"from": str(START), "to": str(START), "numAvail": 4}]},
    ]
    assert event.status == EventStatus.DONE
    others = ChannelEvent.objects.exclude(id=event.id)
    assert set(others.values_list("status", "coalesced_into")) == {(EventStatus.DONE, event.id)}


def test_an_overbooked_night_is_pushed_as_zero(
    connected: ConnectedHotel, beds24: RunningSimulator, settings: LazySettings
) -> None:
    ReservationFactory(room_type=connected.single, units=7)
    ChannelEvent.objects.filter(entity_type=EntityType.BOOKING).delete()

    work_first(EventType.AVAILABILITY_UPDATE)

    assert {day["numAvail"] for day in beds24.posts(CALENDAR)[0]["body"][0]["calendar"]} == {0}


def test_below_zero_is_pushed_when_the_setting_allows_it(
    connected: ConnectedHotel, beds24: RunningSimulator, settings: LazySettings
) -> None:
    settings.CHANNEL_SYNC = {**settings.CHANNEL_SYNC, "allow_negative_availability": True}
    ReservationFactory(room_type=connected.single, units=7)
    ChannelEvent.objects.filter(entity_type=EntityType.BOOKING).delete()

    work_first(EventType.AVAILABILITY_UPDATE)

    assert {day["numAvail"] for day in beds24.posts(CALENDAR)[0]["body"][0]["calendar"]} == {-2}


def test_a_booking_goes_before_the_availability_of_its_nights(
    connected: ConnectedHotel, beds24: RunningSimulator
) -> None:
    """Beds24 counts the booking itself: pushed before it, the night would be counted twice."""
    ReservationFactory(room_type=connected.double, status=ReservationStatus.PENDING_SYNC)
    block(connected.single, START, 1)

    first = work_first(EventType.AVAILABILITY_UPDATE)

    assert (first.status, first.attempts) == (EventStatus.RETRYING, 0)
    assert "booking" in first.last_error
    work_first(EventType.AVAILABILITY_UPDATE)
    assert [room["roomId"] for room in beds24.posts(CALENDAR)[0]["body"]] == [2002]


def test_past_nights_and_nights_beyond_the_calendar_are_left_out(
    connected: ConnectedHotel, beds24: RunningSimulator, settings: LazySettings
) -> None:
    settings.CHANNEL_SYNC = {**settings.CHANNEL_SYNC, "calendar_nights": 10}
    today = date.today()
    block(connected.double, today - timedelta(days=5), 30)

    work_first(EventType.AVAILABILITY_UPDATE)

    (day,) = beds24.posts(CALENDAR)[0]["body"][0]["calendar"]
    assert (day["from"], day["to"]) == (str(today), str(today + timedelta(days=9)))


def test_what_has_no_night_left_is_ignored(connected: ConnectedHotel, beds24: RunningSimulator) -> None:
    block(connected.double, date.today() - timedelta(days=5), 2)

    event = work_first(EventType.AVAILABILITY_UPDATE)

    assert event.status == EventStatus.IGNORED
    assert beds24.posts(CALENDAR) == []


def test_the_time_of_the_last_success_is_kept(connected: ConnectedHotel) -> None:
    block(connected.double, START, 1)

    work_first(EventType.AVAILABILITY_UPDATE)

    connected.channel_property.refresh_from_db()
    assert connected.channel_property.last_outbound_success_at is not None


@pytest.mark.parametrize("status", [ChannelPropertyStatus.INACTIVE, ChannelPropertyStatus.ERROR])
def test_a_paused_property_waits(connected: ConnectedHotel, beds24: RunningSimulator, status: str) -> None:
    block(connected.double, START, 1)
    connected.channel_property.status = status
    connected.channel_property.save()

    event = work_first(EventType.AVAILABILITY_UPDATE)

    assert (event.status, event.attempts) == (EventStatus.RETRYING, 0)
    assert beds24.posts(CALENDAR) == []


def test_rates_of_several_plans_and_ranges_go_in_one_call(connected: ConnectedHotel, beds24: RunningSimulator) -> None:
    flexible = RatePlanFactory(room_type=connected.double)
    saver = RatePlanFactory(room_type=connected.double)
    for plan, external_id in ((flexible, "2001:1"), (saver, "2001:2")):
        RateMappingFactory(
            channel_property=connected.channel_property,
            mapping_type=MappingType.RATE,
            internal_id=plan.id,
            external_id=external_id,
        )
    set_rates(
        [
            RateChange(flexible.id, START, START + timedelta(days=10), Decimal(100), min_stay=2),
            RateChange(saver.id, START, START + timedelta(days=10), Decimal(80), min_stay=2),
        ]
    )

    event = work_first(EventType.RATE_UPDATE)

    (call,) = beds24.posts(CALENDAR)
    (room,) = call["body"]
    assert event.status == EventStatus.DONE
    assert room["calendar"] == [
        {
            "from": str(START),
            "to": str(START + timedelta(days=9)),
            "price1": 100.0,
            "price2": 80.0,
            "minStay": 2,
            "maxStay": 364,
            # A first price may open the night: what is free goes along.
            "numAvail": connected.double.units,
        }
    ]


def test_a_room_that_beds24_does_not_know_fails_the_push(connected: ConnectedHotel, beds24: RunningSimulator) -> None:
    beds24.simulator.state.rooms.pop(2001)
    block(connected.double, START, 1)

    event = work_first(EventType.AVAILABILITY_UPDATE)

    assert event.status == EventStatus.FAILED
    assert "room not found" in event.last_error


@pytest.fixture
def plans(connected: ConnectedHotel) -> tuple[RatePlan, RatePlan]:
    """Two rate plans of the double room, in the price slots 1 and 2, with rates that Beds24 has."""
    made = tuple(RatePlanFactory(room_type=connected.double) for _ in range(2))
    for slot, plan in enumerate(made, start=1):
        RateMappingFactory(channel_property=connected.channel_property, internal_id=plan.id, external_id=f"2001:{slot}")
    set_rates([RateChange(plan.id, START, START + timedelta(days=5), Decimal(100)) for plan in made])
    work_first(EventType.RATE_UPDATE)
    return made  # type: ignore[return-value]


def test_rates_that_beds24_has_are_not_sent_again(
    plans: tuple[RatePlan, RatePlan], connected: ConnectedHotel, beds24: RunningSimulator
) -> None:
    mapping = ChannelMapping.objects.get(external_id="2001:1")
    rates_changed([RateSpan(connected.hotel.id, connected.double.id, START, START + timedelta(days=5), plans[0].id)])

    event = work_first(EventType.RATE_UPDATE)

    assert (event.status, event.last_error[:9]) == (EventStatus.IGNORED, "unchanged")
    assert len(beds24.posts(CALENDAR)) == 1
    assert mapping.pushed_rates.count() == 5


def test_setting_the_same_rates_again_makes_no_event(plans: tuple[RatePlan, RatePlan]) -> None:
    assert set_rates([RateChange(plans[0].id, START, START + timedelta(days=5), Decimal(100))]) == 0

    assert waiting(EventType.RATE_UPDATE) == []


def test_one_night_of_one_plan_is_one_price_slot_of_one_day(
    plans: tuple[RatePlan, RatePlan], beds24: RunningSimulator
) -> None:
    night = START + timedelta(days=2)
    set_rates([RateChange(plans[1].id, night, night + timedelta(days=1), Decimal(140))])

    work_first(EventType.RATE_UPDATE)

    (room,) = beds24.posts(CALENDAR)[-1]["body"]
    (day,) = room["calendar"]
    assert (day["from"], day["to"], day["price2"]) == (str(night), str(night), 140.0)
    assert "price1" not in day


def test_a_plan_that_is_closed_does_not_close_its_neighbour(
    plans: tuple[RatePlan, RatePlan], beds24: RunningSimulator
) -> None:
    night = START + timedelta(days=2)
    closed = RateChange(plans[1].id, night, night + timedelta(days=1), Decimal(100), stop_sell=True)
    set_rates([closed])
    work_first(EventType.RATE_UPDATE)
    assert "override" not in beds24.posts(CALENDAR)[-1]["body"][0]["calendar"][0]

    set_rates([replace(closed, rate_plan_id=plans[0].id)])
    work_first(EventType.RATE_UPDATE)
    assert beds24.posts(CALENDAR)[-1]["body"][0]["calendar"][0]["override"] == "blackout"

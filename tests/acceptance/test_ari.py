"""Certification, points 1 to 10 and 13: availability, rates and restrictions, judged by the calls that are made."""

from __future__ import annotations

import itertools
from datetime import date, timedelta
from typing import Any

import pytest

from channel_sync.pms import host_pms
from pms_project.demo.parties import SimulatedBeds24
from tests.acceptance.conftest import BOOKINGS, CALENDAR, Hotel

pytestmark = [pytest.mark.processes, pytest.mark.timeout(180)]

_months = itertools.count(1)


@pytest.fixture
def start() -> date:
    """The first of ten nights that no other test uses."""
    return date.today() + timedelta(days=12 * next(_months))


def equal_calendars(beds24: SimulatedBeds24, hotel: Hotel, room_type: str, start: date, nights: int) -> bool:
    end = start + timedelta(days=nights)
    ours = hotel.site.pms.availability(hotel.room_type(room_type), start, end)
    return ours == beds24.availability(str(hotel.room_id(room_type)), start, end)


def test_01_full_sync_of_500_days_is_one_call_for_availability_and_one_for_rates(hotel: Hotel) -> None:
    # The hotel's own date: its calendar begins there, and it is a day ahead of ours late in the evening.
    today = host_pms().property_facts(hotel.site.channel_property.property_id).today()
    hotel.site.pms.set_rates([hotel.set_rate(plan, today, 500, "100.00", min_stay=2) for plan in hotel.plans])
    hotel.site.settle()
    hotel.site.beds24.forget_calls()

    hotel.site.processes.run("channel_sync_full_sync", str(hotel.site.channel_property.id))

    posts = hotel.posts(CALENDAR)
    assert len(posts) == 2
    for body in posts:
        assert {room["roomId"] for room in body} == {hotel.room_id(name) for name in hotel.site.room_types}
        nights = {(day["from"], day["to"]) for room in body for day in room["calendar"]}
        assert nights == {(str(today), str(today + timedelta(days=499)))}
    for name in hotel.site.room_types:
        assert equal_calendars(hotel.site.beds24, hotel, name, today, 500)


def test_02_one_rate_of_one_day(hotel: Hotel, start: date) -> None:
    hotel.site.pms.set_rates([hotel.set_rate("Double Room Standard", start, 1, "333.00")])

    calendar = hotel.one_calendar_post()

    assert list(calendar) == [hotel.room_id("Double Room")]
    (day,) = calendar[hotel.room_id("Double Room")]
    assert (day["from"], day["to"], day["price1"]) == (str(start), str(start), 333.0)
    assert "price2" not in day


def test_03_several_rates_of_several_room_types_saved_together(hotel: Hotel, start: date) -> None:
    hotel.site.pms.set_rates(
        [
            hotel.set_rate("Double Room Standard", start, 1, "201.00"),
            hotel.set_rate("Double Room Saver", start + timedelta(days=1), 1, "202.00"),
            hotel.set_rate("Suite Standard", start + timedelta(days=2), 1, "203.00"),
        ]
    )

    calendar = hotel.one_calendar_post()

    assert [day.get("price1") or day["price2"] for day in calendar[hotel.room_id("Double Room")]] == [201.0, 202.0]
    assert [day["price1"] for day in calendar[hotel.room_id("Suite")]] == [203.0]


def test_04_several_rates_over_ranges_are_ranges(hotel: Hotel, start: date) -> None:
    later = start + timedelta(days=5)
    hotel.site.pms.set_rates(
        [
            hotel.set_rate("Double Room Standard", start, 4, "240.00"),
            hotel.set_rate("Single Room Saver", later, 3, "75.00"),
        ]
    )

    calendar = hotel.one_calendar_post()

    spans = {room: [(day["from"], day["to"]) for day in days] for room, days in calendar.items()}
    assert spans == {
        hotel.room_id("Double Room"): [(str(start), str(start + timedelta(days=3)))],
        hotel.room_id("Single Room"): [(str(later), str(later + timedelta(days=2)))],
    }


def both(hotel: Hotel, start: date, nights: int, **terms: Any) -> list[dict[str, Any]]:
    """The same restrictions for both plans of the double room: Beds24 has them once per room."""
    return [hotel.set_rate(f"Double Room {plan}", start, nights, "150.00", **terms) for plan in ("Standard", "Saver")]


def test_05_minimum_stay(hotel: Hotel, start: date) -> None:
    hotel.site.pms.set_rates(both(hotel, start, 3, min_stay=4))

    (day,) = hotel.one_calendar_post()[hotel.room_id("Double Room")]

    assert (day["from"], day["to"], day["minStay"]) == (str(start), str(start + timedelta(days=2)), 4)


def test_06_stop_sell_and_lifted_again(hotel: Hotel, start: date) -> None:
    hotel.site.pms.set_rates(both(hotel, start, 2, stop_sell=True))
    (closed,) = hotel.one_calendar_post()[hotel.room_id("Double Room")]
    hotel.site.beds24.forget_calls()

    hotel.site.pms.set_rates(both(hotel, start, 2))
    (opened,) = hotel.one_calendar_post()[hotel.room_id("Double Room")]

    assert (closed["override"], opened["override"]) == ("blackout", "none")


def test_07_several_restrictions_at_once(hotel: Hotel, start: date) -> None:
    closed = {"closed_to_arrival": True, "closed_to_departure": True}
    hotel.site.pms.set_rates(
        [
            *both(hotel, start, 2, min_stay=3, max_stay=7, **closed),
            *both(hotel, start + timedelta(days=2), 1, stop_sell=True),
        ]
    )

    first, second = hotel.one_calendar_post()[hotel.room_id("Double Room")]

    assert (first["minStay"], first["maxStay"], first["override"]) == (3, 7, "noCheckInOrCheckOut")
    assert second["override"] == "blackout"


def test_08_half_a_year_in_one_action(hotel: Hotel) -> None:
    first = date.today() + timedelta(days=300)
    hotel.site.pms.set_rates(
        [hotel.set_rate(f"{name} Standard", first, 182, "99.00", min_stay=2) for name in hotel.site.room_types]
    )

    calendar = hotel.one_calendar_post()

    assert len(calendar) == 3
    assert all(day["price1"] == 99.0 for days in calendar.values() for day in days)


def test_09_availability_of_one_day_by_a_walk_in_and_by_a_room_out_of_order(hotel: Hotel, start: date) -> None:
    hotel.reserve("Suite", start, 1)
    calendar = hotel.one_calendar_post()
    assert calendar == {
        hotel.room_id("Suite"): [{"from": str(start), "to": str(start), "numAvail": 1}],
    }
    assert len(hotel.posts(BOOKINGS)) == 1
    hotel.site.beds24.forget_calls()

    hotel.site.pms.take_out_of_order(hotel.room_type("Suite"), start, start + timedelta(days=1))

    assert hotel.one_calendar_post() == {
        hotel.room_id("Suite"): [{"from": str(start), "to": str(start), "numAvail": 0}],
    }
    assert hotel.posts(BOOKINGS) == []


def test_10_availability_over_a_range(hotel: Hotel, start: date) -> None:
    hotel.reserve("Single Room", start, 9)
    (day,) = hotel.one_calendar_post()[hotel.room_id("Single Room")]
    assert (day["from"], day["to"], day["numAvail"]) == (str(start), str(start + timedelta(days=8)), 4)
    hotel.site.beds24.forget_calls()

    hotel.site.pms.take_out_of_order(
        hotel.room_type("Single Room"), start + timedelta(days=2), start + timedelta(days=6)
    )

    (day,) = hotel.one_calendar_post()[hotel.room_id("Single Room")]
    assert (day["from"], day["to"], day["numAvail"]) == (
        str(start + timedelta(days=2)),
        str(start + timedelta(days=5)),
        3,
    )
    assert equal_calendars(hotel.site.beds24, hotel, "Single Room", start, 10)


def test_13_nothing_is_sent_when_nothing_changed(hotel: Hotel, start: date) -> None:
    rates = [hotel.set_rate("Double Room Standard", start, 5, "175.00")]
    hotel.site.pms.set_rates(rates)
    made = hotel.reserve("Double Room", start, 2)
    hotel.site.settle()
    hotel.site.beds24.forget_calls()

    hotel.site.pms.set_rates(rates)
    hotel.site.pms.change(made["id"], check_out=str(start + timedelta(days=2)), guest={"last_name": "Hopper"})

    assert hotel.posts(CALENDAR) == []
    assert hotel.posts(BOOKINGS) == []

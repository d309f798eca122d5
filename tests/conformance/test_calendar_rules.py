"""What the calendar shows follows from bookings and prices, and what it does not know it says."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from channel_sync.channels.beds24.simulator.state import DEFAULT_SEED
from tests.conformance.callers import ARRIVAL, DAYS, NEW, STAY, Caller
from tests.conftest import RunningSimulator

CALENDAR = "/inventory/rooms/calendar"
WRONG = pytest.mark.nonconforming("requests", reason="the request is wrong, to see it refused")


def day(api: Caller, *flags: str) -> dict[str, Any]:
    query = {"roomId": 2001, "startDate": STAY["arrival"], "endDate": STAY["arrival"], "includeNumAvail": "true"}
    query |= dict.fromkeys(flags, "true")
    (room,) = api.call("GET", CALENDAR, params=query).json()["data"]
    found: dict[str, Any] = room["calendar"][0]
    return found


def set_days(api: Caller, **values: Any) -> dict[str, Any]:
    (result,) = api.post(CALENDAR, {"roomId": 2001, "calendar": [DAYS | values]})
    return result


@pytest.fixture
def unpriced(start_simulator: Callable[[dict[str, Any]], RunningSimulator]) -> Caller:
    """A caller of an account whose rooms have no price but in the calendar."""
    seed = copy.deepcopy(DEFAULT_SEED)
    for room in seed["accounts"][0]["properties"][0]["rooms"]:
        del room["fixed_price"]
    return Caller(start_simulator(seed).address)


def test_there_is_never_more_on_sale_than_is_left(api: Caller) -> None:
    set_days(api, numAvail=14)
    assert day(api)["numAvail"] == 10

    (made,) = api.post("/bookings", NEW | {"roomQty": 3})
    set_days(api, numAvail=9)
    assert day(api)["numAvail"] == 7

    set_days(api, numAvail=4)
    api.post("/bookings", {"id": made["new"]["id"], "status": "cancelled"})
    assert day(api)["numAvail"] == 7


def test_what_is_overbooked_is_below_zero(api: Caller) -> None:
    api.post("/bookings", NEW | {"roomQty": 12})

    assert day(api)["numAvail"] == -2


def test_a_night_without_a_price_has_nothing_to_sell(unpriced: Caller) -> None:
    assert set_days(unpriced, numAvail=4)["success"] is True
    assert day(unpriced)["numAvail"] == 0

    set_days(unpriced, price3=80)
    assert day(unpriced)["numAvail"] == 4

    set_days(unpriced, price3=None)
    assert day(unpriced)["numAvail"] == 0


def test_a_night_without_a_price_is_neither_available_nor_offered(unpriced: Caller) -> None:
    window = {"roomId": 2001, "startDate": STAY["arrival"], "endDate": STAY["arrival"]}

    (room,) = unpriced.call("GET", "/inventory/rooms/availability", params=window).json()["data"]
    offers = unpriced.call("GET", "/inventory/rooms/offers", params={**STAY, "numAdults": 1}).json()["data"]

    assert room["availability"] == {str(ARRIVAL): False}
    assert offers == []


def test_a_room_is_booked_without_a_price_all_the_same(unpriced: Caller) -> None:
    (result,) = unpriced.post("/bookings", NEW | {"actions": {"checkAvailability": True}})

    assert result["success"] is True


def test_what_one_channel_may_sell_is_set_shown_and_removed(api: Caller) -> None:
    set_days(api, channels={"airbnb": {"maxBookings": 4}, "expedia": {"maxBookings": 1}})
    set_days(api, channels={"expedia": {"maxBookings": None}})

    assert day(api, "includeChannels")["channels"] == {"airbnb": {"maxBookings": 4}}
    assert "channels" not in day(api)

    set_days(api, channels={"airbnb": {"maxBookings": None}})
    assert "channels" not in day(api, "includeChannels")


@WRONG
@pytest.mark.parametrize(
    ("field", "channels"),
    [
        ("channels", 4),
        ("channels_bnb", {"bnb": {"maxBookings": 4}}),
        ("channels_airbnb", {"airbnb": 4}),
        ("channels_airbnb_maxBookings", {"airbnb": {"maxBookings": "4"}}),
    ],
)
def test_wrong_limits_of_a_channel_are_refused(api: Caller, field: str, channels: Any) -> None:
    result = set_days(api, channels=channels)

    assert (result["success"], result["errors"][0]["field"]) == (False, field)


@WRONG
def test_an_unknown_field_of_a_day_is_dropped_with_a_warning(api: Caller) -> None:
    result = set_days(api, numAvail=3, closed=True)

    assert (result["success"], [warning["field"] for warning in result["warnings"]]) == (True, ["closed"])
    assert day(api)["numAvail"] == 3

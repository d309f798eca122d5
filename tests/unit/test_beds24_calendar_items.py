from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from channel_sync.channels.beds24.calendar import (
    availability_rooms,
    rate_rooms,
    split_rate_id,
)
from channel_sync.channels.canonical import AvailabilityRange, RateRange, RateTerms
from channel_sync.errors import InvalidPayload

FIRST, LAST = date(2027, 1, 1), date(2027, 1, 3)


def rates(external_rate_id: str, *, sent: str = "", units: int | None = None, **terms: Any) -> RateRange:
    """Rates whose closures were sent as `sent`, such as "stop_sell"."""
    return RateRange(
        external_rate_id=external_rate_id,
        first_night=FIRST,
        last_night=LAST,
        terms=RateTerms(**terms),
        sent=RateTerms.closed(sent),
        units=units,
    )


def test_one_item_per_room() -> None:
    spans = [
        AvailabilityRange(external_room_id=room, first_night=FIRST, last_night=LAST, units=units)
        for room, units in (("2001", 3), ("2002", 0), ("2001", 1))
    ]

    assert [(room["roomId"], [day["numAvail"] for day in room["calendar"]]) for room in availability_rooms(spans)] == [
        (2001, [3, 1]),
        (2002, [0]),
    ]


def test_rates_of_one_room_share_its_days() -> None:
    (room,) = rate_rooms(
        [rates("2001:1", price=Decimal(100), min_stay=2, max_stay=9), rates("2001:2", price=Decimal(80))]
    )

    assert room == {
        "roomId": 2001,
        "calendar": [
            {
                "from": "2027-01-01",
                "to": "2027-01-03",
                "price1": 100.0,
                "price2": 80.0,
                "minStay": 2,
                "maxStay": 9,
            }
        ],
    }


@pytest.mark.parametrize(
    ("terms", "override"),
    [
        ({"stop_sell": True}, "blackout"),
        ({"closed_to_arrival": True}, "noCheckIn"),
        ({"closed_to_departure": True}, "noCheckOut"),
        ({"closed_to_arrival": True, "closed_to_departure": True}, "noCheckInOrCheckOut"),
        ({"stop_sell": True, "closed_to_arrival": True}, "blackout"),
    ],
)
def test_restrictions_become_an_override(terms: dict[str, Any], override: str) -> None:
    (room,) = rate_rooms([rates("2001:1", price=Decimal(100), units=3, **terms)])

    assert [(day["override"], day["numAvail"]) for day in room["calendar"]] == [(override, 3)]


def test_an_override_is_lifted_with_the_units() -> None:
    (room,) = rate_rooms([rates("2001:1", sent="stop_sell", units=2)])

    assert [(day["override"], day["numAvail"]) for day in room["calendar"]] == [("none", 2)]


def test_an_override_that_does_not_change_is_not_sent() -> None:
    (room,) = rate_rooms([rates("2001:1", sent="closed_to_arrival", closed_to_arrival=True, price=Decimal(100))])

    assert "override" not in room["calendar"][0]


def test_an_override_without_units_is_refused() -> None:
    with pytest.raises(InvalidPayload, match="numAvail"):
        rate_rooms([rates("2001:1", stop_sell=True)])


def test_a_room_is_closed_when_all_its_rate_plans_are() -> None:
    one = rates("2001:1", stop_sell=True, units=4)
    (room,) = rate_rooms([one, rates("2001:2", stop_sell=False, price=Decimal(100))])
    assert "override" not in room["calendar"][0]

    (room,) = rate_rooms([one, rates("2001:2", stop_sell=True, units=4)])
    assert room["calendar"][0]["override"] == "blackout"


@pytest.mark.parametrize(("asked", "sent"), [(0, 1), (1, 1), (364, 364), (365, 364), (900, 364)])
def test_maximum_stays_keep_to_the_limits(asked: int, sent: int) -> None:
    (room,) = rate_rooms([rates("2001:1", max_stay=asked)])

    assert room["calendar"][0]["maxStay"] == sent


@pytest.mark.parametrize("external_rate_id", ["", "2001", "2001:", ":1", "2001:0", "2001:17", "2001:one"])
def test_a_rate_id_has_a_room_and_a_slot(external_rate_id: str) -> None:
    with pytest.raises(InvalidPayload, match="external_rate_id"):
        split_rate_id(external_rate_id)


@pytest.mark.parametrize(
    ("first", "second", "held"),
    [
        ({"min_stay": 1, "max_stay": 14}, {"min_stay": 3, "max_stay": 30}, {"minStay": 3, "maxStay": 14}),
        ({"min_stay": 3}, {"max_stay": 7}, {"minStay": 3, "maxStay": 7}),
        ({"min_stay": 7}, {"min_stay": 2, "stop_sell": True}, {"minStay": 7}),
        ({"min_stay": 1}, {"min_stay": 9, "stop_sell": True}, {"minStay": 1}),
        ({"closed_to_arrival": True}, {}, {"override": "noCheckIn"}),
        ({}, {"closed_to_departure": True}, {"override": "noCheckOut"}),
        (
            {"closed_to_arrival": True},
            {"closed_to_departure": True},
            {"override": "noCheckInOrCheckOut"},
        ),
        ({}, {"closed_to_arrival": True, "stop_sell": True}, {}),
    ],
)
def test_a_room_has_the_strictest_restrictions_of_the_plans_that_are_sold(
    first: dict[str, Any], second: dict[str, Any], held: dict[str, Any]
) -> None:
    pair = [rates("2001:1", units=3, **first), rates("2001:2", units=3, **second)]

    (room,) = rate_rooms(pair)

    (day,) = room["calendar"]
    assert {name: value for name, value in day.items() if name in ("minStay", "maxStay", "override")} == held


def test_units_that_were_counted_go_along() -> None:
    (room,) = rate_rooms([rates("2001:1", price=Decimal(100), units=3), rates("2001:2", price=Decimal(80), units=2)])
    (day,) = room["calendar"]
    assert day["numAvail"] == 2

    (room,) = rate_rooms([rates("2001:1", price=Decimal(100))])
    assert "numAvail" not in room["calendar"][0]


def test_a_price_that_was_sent_and_is_gone_is_deleted_and_its_plan_has_no_say() -> None:
    gone = rates("2001:1", min_stay=3)
    gone = gone.model_copy(update={"sent": RateTerms(price=Decimal(90))})

    (room,) = rate_rooms([gone, rates("2001:2", price=Decimal(80), min_stay=2)])

    (day,) = room["calendar"]
    assert (day["price1"], day["price2"], day["minStay"]) == (None, 80.0, 2)
    assert "override" not in day


def test_a_room_that_is_no_number_is_told() -> None:
    span = AvailabilityRange(external_room_id="suite", first_night=FIRST, last_night=LAST, units=1)

    with pytest.raises(InvalidPayload, match="roomId"):
        availability_rooms([span])

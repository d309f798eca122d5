"""The simulator answers as the description says, and refuses what the real service refuses."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.conformance.callers import DAYS, NEW, STAY, Caller
from tests.conftest import RunningSimulator

WRONG = pytest.mark.nonconforming("requests", reason="the request is wrong, to see it refused")


@pytest.mark.parametrize(
    ("path", "params"),
    [
        ("/inventory/rooms/availability", {"startDate": STAY["arrival"], "endDate": STAY["arrival"]}),
        ("/inventory/rooms/offers", {**STAY, "numAdults": 2}),
        ("/inventory/rooms/calendar", {"startDate": STAY["arrival"], "endDate": STAY["arrival"]}),
        ("/properties", {"id": 1001}),
        ("/authentication/details", {}),
    ],
)
def test_what_the_client_does_not_ask_for_is_answered_as_described(
    api: Caller, path: str, params: dict[str, Any]
) -> None:
    assert api.call("GET", path, params=params).status_code == 200


def test_a_refresh_token_that_was_deleted_is_refused(api: Caller) -> None:
    headers = {"refreshToken": api.tokens["refreshToken"]}

    assert api.call("DELETE", "/authentication/token", headers=headers).status_code == 200
    assert api.call("GET", "/authentication/token", headers=headers).status_code == 400


def test_deleting_is_a_201_with_one_result_for_each_number(api: Caller) -> None:
    (made,) = api.post("/bookings", NEW)

    answer = api.call("DELETE", "/bookings", params=[("id", made["new"]["id"]), ("id", 1)])

    assert answer.status_code == 201
    assert [result["success"] for result in answer.json()] == [True, False]
    assert api.listed() == []


def test_a_cancellation_through_the_api_has_no_time_and_one_at_the_channel_has(
    api: Caller, beds24: RunningSimulator
) -> None:
    (made,) = api.post("/bookings", NEW)
    api.post("/bookings", {"id": made["new"]["id"], "status": "cancelled"})
    sold = beds24.controls.book(**NEW)
    beds24.controls.change(sold["id"], status="cancelled")

    ours, theirs = api.listed(("status", "cancelled"))

    assert ours["cancelTime"] is None
    assert theirs["cancelTime"] is not None


def test_a_new_booking_of_an_ota_was_changed_a_second_after_it_was_made(api: Caller, beds24: RunningSimulator) -> None:
    beds24.controls.book(**NEW)
    (booking,) = api.listed()

    made, changed = (datetime.fromisoformat(booking[name]) for name in ("bookingTime", "modifiedTime"))
    assert timedelta(seconds=1) <= changed - made <= timedelta(seconds=2)


def test_info_items_are_added_changed_and_deleted(api: Caller) -> None:
    (made,) = api.post("/bookings", NEW | {"infoItems": [{"code": "A", "text": "1"}, {"code": "B", "text": "2"}]})
    booking = {"id": made["new"]["id"]}
    first, second = api.listed(("includeInfoItems", "true"))[0]["infoItems"]

    api.post("/bookings", booking | {"infoItems": [{"id": first["id"]}, {"id": second["id"], "text": "3"}]})

    (left,) = api.listed(("includeInfoItems", "true"))[0]["infoItems"]
    assert (left["code"], left["text"]) == ("B", "3")


@WRONG
def test_an_info_item_that_is_refused_leaves_the_booking_written(api: Caller) -> None:
    (result,) = api.post("/bookings", NEW | {"infoItems": [{"code": "A", "text": 5}]})

    assert result["success"] is False
    assert [booking["id"] for booking in api.listed()] == [result["new"]["id"]]


def test_the_group_of_a_booking_is_listed_only_when_asked_for(api: Caller) -> None:
    results = api.post("/bookings", *[NEW | {"actions": {"makeGroup": True}}] * 2)
    ids = [result["new"]["id"] for result in results]

    assert "bookingGroup" not in api.listed()[0]
    assert api.listed(("includeBookingGroup", "true"))[1]["bookingGroup"] == {"master": ids[0], "ids": ids}


@WRONG
@pytest.mark.parametrize(
    ("params", "status"),
    [
        ([("status", "confirmed,cancelled")], 400),
        ([("status", "canceled")], 400),
        ([("propertyId", "1001,1002")], 400),
        ([("arrivalFrom", "2026-7-1")], 400),
        ([("arrivalFrom", "2026-07-01T00:00:00Z")], 400),
        ([("modifiedFrom", "2026-07-01")], 200),
        ([("status[0]", "cancelled")], 200),
    ],
)
def test_parameters_are_read_strictly(api: Caller, params: Sequence[tuple[str, str]], status: int) -> None:
    answer = api.call("GET", "/bookings", params=list(params))

    assert answer.status_code == status
    assert ("x-request-cost" in answer.headers) == (status == 200), "what is refused costs nothing"


@WRONG
def test_a_list_by_index_is_ignored_so_that_cancelled_bookings_are_missing(api: Caller) -> None:
    (made,) = api.post("/bookings", NEW)
    api.post("/bookings", {"id": made["new"]["id"], "status": "cancelled"})

    assert api.listed(("status[0]", "cancelled")) == []
    assert len(api.listed(("status", "cancelled"), ("status", "new"))) == 1


@WRONG
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("firstName", "a" * 101),
        ("notes", "a" * 2001),
        ("numAdult", 100),
        ("numChild", -1),
        ("price", -1),
        ("status", "canceled"),
        ("arrival", "2026-7-1"),
        ("email", "nobody"),
        ("roomQty", 0),
    ],
)
def test_a_booking_with_a_wrong_value_is_refused_by_the_name_of_its_field(api: Caller, field: str, value: Any) -> None:
    (result,) = api.post("/bookings", NEW | {field: value})

    assert (result["success"], result["errors"][0]["field"]) == (False, field)
    assert api.listed() == []


@WRONG
@pytest.mark.parametrize(("field", "value"), [("guestName", "Ada"), ("email", "")])
def test_what_is_dropped_is_said_by_a_warning(api: Caller, field: str, value: str) -> None:
    (result,) = api.post("/bookings", NEW | {field: value})

    assert (result["success"], result["warnings"][0]["field"]) == (True, field)


@WRONG
@pytest.mark.parametrize(
    ("field", "value"), [("maxStay", 365), ("minStay", 0), ("override", "closed"), ("price1", -1), ("numAvail", "1")]
)
def test_days_with_a_wrong_value_are_refused(api: Caller, field: str, value: Any) -> None:
    (result,) = api.post("/inventory/rooms/calendar", {"roomId": 2001, "calendar": [DAYS | {field: value}]})

    assert (result["success"], result["errors"][0]["field"]) == (False, field)


def test_null_deletes_a_price(api: Caller) -> None:
    query = {"roomId": 2001, "startDate": STAY["arrival"], "endDate": STAY["arrival"], "includePrices": "true"}
    for price in (100, None):
        api.post("/inventory/rooms/calendar", {"roomId": 2001, "calendar": [DAYS | {"price1": price, "price2": 80}]})

    (room,) = api.call("GET", "/inventory/rooms/calendar", params=query).json()["data"]

    assert room["calendar"] == [{"from": STAY["arrival"], "to": STAY["arrival"], "price2": 80}]


@WRONG
def test_a_body_that_is_no_array_is_refused_without_a_type(api: Caller) -> None:
    answer = api.call("POST", "/bookings", json=NEW)

    assert answer.status_code == 400
    assert answer.json() == {"success": False, "code": 400, "error": "Request body must be an array"}


@WRONG
@pytest.mark.parametrize("items", [[{}] * 10_001, [{"notes": "x" * 1_000_000}]], ids=["items", "bytes"])
def test_a_body_that_is_too_large_is_refused(api: Caller, items: list[dict[str, Any]]) -> None:
    answer = api.call("POST", "/bookings", json=items)

    assert answer.status_code == 400
    assert "x-request-cost" not in answer.headers


def test_the_next_page_is_linked(api: Caller, beds24: RunningSimulator) -> None:
    for _ in range(101):
        beds24.controls.book(**NEW)

    pages = api.call("GET", "/bookings", params={"roomId": 2001}).json()["pages"]

    assert pages["nextPageLink"].endswith("/bookings?roomId=2001&page=2")

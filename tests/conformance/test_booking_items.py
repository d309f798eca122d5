"""Info items and invoice items of a booking, the actions beside them, and what a listing shows when asked."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from tests.conformance.callers import NEW, Caller
from tests.conftest import RunningSimulator

WRONG = pytest.mark.nonconforming("requests", reason="the request is wrong, to see it refused")
TODAY = date.today()


def made(api: Caller, **fields: Any) -> int:
    (result,) = api.post("/bookings", NEW | fields)
    assert result["success"] is True
    return int(result["new"]["id"])


def lines(api: Caller, number: int) -> list[dict[str, Any]]:
    (booking,) = api.listed(("id", number), ("includeInvoiceItems", "true"))
    items: list[dict[str, Any]] = booking["invoiceItems"]
    return items


def test_invoice_items_are_added_changed_and_deleted(api: Caller) -> None:
    number = made(api, invoiceItems=[{"type": "charge", "qty": 2, "amount": 50}, {"type": "payment", "amount": 60}])
    charge, payment = lines(api, number)
    assert (charge["lineTotal"], payment["lineTotal"]) == (100, -60)

    api.post("/bookings", {"id": number, "invoiceItems": [{"id": charge["id"], "qty": 3}, {"id": payment["id"]}]})

    (left,) = lines(api, number)
    assert (left["id"], left["lineTotal"]) == (charge["id"], 150)


@WRONG
@pytest.mark.parametrize(
    ("field", "item"),
    [
        ("type", {"type": "refund", "amount": 1}),
        ("type", {"amount": 1}),
        ("qty", {"type": "charge", "qty": 1.5}),
        ("amount", {"type": "charge", "amount": "50"}),
        ("vatRate", {"type": "charge", "vatRate": 100}),
        ("description", {"type": "charge", "description": "a" * 251}),
        ("status", {"type": "charge", "status": "a" * 51}),
        ("id", {"id": 1, "qty": 2}),
    ],
)
def test_an_invoice_item_that_is_refused_leaves_the_booking_written(
    api: Caller, field: str, item: dict[str, Any]
) -> None:
    (result,) = api.post("/bookings", NEW | {"invoiceItems": [item]})

    assert (result["success"], result["errors"][0]["field"]) == (False, field)
    assert lines(api, result["new"]["id"]) == []


@WRONG
@pytest.mark.parametrize("item", [{"code": "A", "text": 5}, {"code": ""}, {"text": "no code"}, "A"])
def test_an_info_item_is_judged_as_strictly(api: Caller, item: Any) -> None:
    (result,) = api.post("/bookings", NEW | {"infoItems": [item]})

    assert (result["success"], result["errors"][0]["action"]) == (False, "new info item")


def test_a_price_without_charges_becomes_one_when_asked(api: Caller) -> None:
    charged = made(api, price=120, actions={"autoInvoiceItemCharge": True})

    assert [item["lineTotal"] for item in lines(api, charged)] == [120]
    assert lines(api, made(api, price=120)) == []


def test_an_invoice_is_numbered_listed_and_deleted(api: Caller) -> None:
    number = made(api, invoiceItems=[{"type": "charge", "amount": 50}])
    api.post("/bookings", {"id": number, "actions": {"assignInvoiceNumber": True}})
    api.post("/bookings", {"id": number, "invoiceItems": [{"type": "payment", "amount": 50}]})

    assert [item["invoiceId"] is None for item in lines(api, number)] == [False, True]
    api.post("/bookings", {"id": number, "actions": {"deleteInvoice": True}})
    assert lines(api, number) == []


@WRONG
def test_an_action_that_there_is_not_is_dropped_and_a_wrong_value_is_refused(api: Caller) -> None:
    (dropped,) = api.post("/bookings", NEW | {"actions": {"sendFlowers": True}})
    (wrong,) = api.post("/bookings", NEW | {"actions": {"allowWebhooks": "yes"}})

    assert (dropped["success"], dropped["warnings"][0]["field"]) == (True, "actions_sendFlowers")
    assert (wrong["success"], wrong["errors"][0]["field"]) == (False, "actions_allowWebhooks")


@WRONG
@pytest.mark.parametrize(("field", "value"), [("lang", "eng"), ("lang", "e"), ("flagColor", "red"), ("masterId", 0)])
def test_fields_with_a_form_of_their_own(api: Caller, field: str, value: Any) -> None:
    (result,) = api.post("/bookings", NEW | {field: value})

    assert (result["success"], result["errors"][0]["field"]) == (False, field)


def test_a_group_is_led_by_a_booking_of_the_account(api: Caller) -> None:
    (leader,) = api.post("/bookings", NEW | {"actions": {"makeGroup": True}})
    joined, nowhere = api.post("/bookings", NEW | {"masterId": leader["new"]["id"]}, NEW | {"masterId": 4711})

    assert (joined["success"], nowhere["success"], nowhere["errors"][0]["field"]) == (True, False, "masterId")
    (left,) = api.post("/bookings", {"id": joined["new"]["id"], "masterId": None})
    assert left["success"] is True
    assert [booking["masterId"] for booking in api.listed()] == [leader["new"]["id"], None]


def test_guests_are_listed_when_asked_for(api: Caller, beds24: RunningSimulator) -> None:
    beds24.controls.book(**NEW, guests=[{"id": 1, "firstName": "Ada"}])

    assert "guests" not in api.listed()[0]
    assert api.listed(("includeGuests", "true"))[0]["guests"] == [{"id": 1, "firstName": "Ada"}]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [("arrivals", {"today"}), ("departures", {"leaving"}), ("new", {"today", "leaving", "later", "here"}),
     ("current", {"today", "leaving", "here"})],
)  # fmt: skip
def test_filters_of_the_day(api: Caller, beds24: RunningSimulator, wanted: str, found: set[str]) -> None:
    stays = {"today": (0, 1), "leaving": (-2, 0), "later": (5, 6), "here": (-1, 1)}
    for name, (first, last) in stays.items():
        beds24.controls.book(
            roomId=2001,
            lastName=name,
            arrival=str(TODAY + timedelta(days=first)),
            departure=str(TODAY + timedelta(days=last)),
        )
    beds24.controls.book(roomId=2001, status="inquiry", arrival=str(TODAY), departure=str(TODAY + timedelta(days=1)))

    assert {booking["lastName"] for booking in api.listed(("filter", wanted))} == found


@WRONG
@pytest.mark.parametrize("parameter", [("filter", "leaving"), ("channel", "beds24")])
def test_an_unknown_filter_is_refused(api: Caller, parameter: tuple[str, str]) -> None:
    assert api.call("GET", "/bookings", params=[parameter]).status_code == 400


def test_bookings_of_one_channel(api: Caller, beds24: RunningSimulator) -> None:
    made(api)
    sold = beds24.controls.book(**NEW)

    assert [booking["id"] for booking in api.listed(("channel", "booking"), ("arrivalFrom", str(TODAY)))] == [
        sold["id"]
    ]

"""What is reported to Booking.com, and the invoices of bookings."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from tests.conformance.callers import NEW, Caller
from tests.conftest import RunningSimulator

TODAY = date.today()
WRONG = pytest.mark.nonconforming("requests", reason="the request is wrong, to see it refused")


def arriving(beds24: RunningSimulator, days: int, **fields: Any) -> int:
    arrival = TODAY + timedelta(days=days)
    stay = {"arrival": str(arrival), "departure": str(arrival + timedelta(days=5))}
    return int(beds24.controls.book(roomId=2001, **stay, **fields)["id"])


@pytest.mark.parametrize(
    ("action", "days"),
    [("reportInvalidCard", 1), ("reportNoShow", 0), ("reportNoShow", -2), ("reportCancel", 10)],
)
def test_a_report_is_kept(api: Caller, beds24: RunningSimulator, action: str, days: int) -> None:
    number = arriving(beds24, days)

    (result,) = api.post("/channels/booking", {"bookingId": number, "action": action})

    assert result["success"] is True
    assert [(found["bookingId"], found["action"]) for found in beds24.controls.state()["reports"]] == [(number, action)]
    assert beds24.bookings[0]["status"] == "new", "what becomes of it is up to Booking.com"


@pytest.mark.parametrize(
    ("action", "days", "fields"),
    [
        ("reportInvalidCard", 0, {}),
        ("reportNoShow", 1, {}),
        ("reportNoShow", -3, {}),
        ("reportCancel", 10, {"channel": "expedia"}),
    ],
)
def test_a_report_at_the_wrong_time_or_of_another_channel_is_refused(
    api: Caller, beds24: RunningSimulator, action: str, days: int, fields: dict[str, str]
) -> None:
    (result,) = api.post("/channels/booking", {"bookingId": arriving(beds24, days, **fields), "action": action})

    assert (result["success"], result["errors"][0]["field"]) == (False, "bookingId")
    assert beds24.controls.state()["reports"] == []


@WRONG
def test_a_report_of_nothing_is_refused(api: Caller) -> None:
    unknown, other = api.post(
        "/channels/booking", {"bookingId": 1, "action": "reportNoShow"}, {"bookingId": 1, "action": "reportWeather"}
    )

    assert (unknown["success"], unknown["errors"][0]["message"]) == (False, "booking not found")
    assert other == {"success": False, "warnings": [{"field": "action", "message": "Invalid"}]}


def test_invoices_hold_their_items_and_what_is_on_none_comes_under_null(api: Caller) -> None:
    (made,) = api.post("/bookings", NEW | {"invoiceItems": [{"type": "charge", "amount": 50}]})
    number = made["new"]["id"]
    api.post("/bookings", {"id": number, "actions": {"assignInvoiceNumberInvoicee": 77}})
    api.post("/bookings", {"id": number, "invoiceItems": [{"type": "payment", "amount": 50}]})

    open_items, invoice = api.listed(("bookingId", number), path="/bookings/invoices")

    assert (open_items["invoiceId"], open_items["invoiceDate"]) == (None, None)
    assert [item["lineTotal"] for item in open_items["invoiceItems"]] == [-50]
    assert invoice["invoiceDate"] is not None
    assert [(item["lineTotal"], item["invoiceeId"]) for item in invoice["invoiceItems"]] == [(50, 77)]
    assert api.listed(("bookingId", 1), path="/bookings/invoices") == []

"""What Beds24 really sends conforms to the description; where it did not, the description would be wrong."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from tests import beds24_webhooks
from tests.conformance import samples
from tests.conformance.faults import Exchange, Fault, answer_faults, shape_faults, webhook_faults


def answered(endpoint: str, status: int, body: Any, *, credits: Mapping[str, str] = samples.CREDITS) -> list[Fault]:
    """What is wrong with an answer to a call with one item."""
    method, path = endpoint.split()
    return answer_faults(Exchange(method, path, [("id", "1")], {}, b"[{}]", status, credits, json.dumps(body).encode()))


def cut(faults: list[Fault]) -> list[Fault]:
    """What is wrong with a sample that its author cut: that fields are missing is no fault of it."""
    return [fault for fault in faults if fault.rule != "required"]


@pytest.mark.parametrize(
    "booking",
    [
        samples.LISTED_BOOKING,
        samples.CANCELLED_THROUGH_THE_API,
        samples.BLOCKED_DATES,
        samples.INQUIRY,
        samples.OF_AN_OTA,
        samples.IN_A_GROUP,
    ],
)
def test_bookings_in_a_list(booking: dict[str, Any]) -> None:
    assert answered("GET /bookings", 200, samples.page("booking", booking)) == []


@pytest.mark.parametrize(
    ("endpoint", "body"),
    [
        ("GET /bookings/messages", samples.page("message")),
        ("GET /bookings/messages", samples.page("message", *samples.WEBHOOK["messages"])),
        (
            "GET /bookings/invoices",
            samples.page("invoice", {"invoiceId": None, "invoiceItems": samples.WEBHOOK["invoiceItems"]}),
        ),
        ("GET /inventory/rooms/calendar", samples.page("calendar", samples.CALENDAR)),
        ("GET /authentication/details", samples.TOKEN_DETAILS),
        ("GET /authentication/details", samples.TOKEN_NOT_VALID),
    ],
)
def test_other_answers(endpoint: str, body: Any) -> None:
    assert answered(endpoint, 200, body) == []


@pytest.mark.parametrize(
    ("endpoint", "results"),
    [
        ("POST /bookings", samples.CREATED),
        ("POST /bookings", samples.CREATED_WITHOUT_ITS_INFO_ITEM),
        ("POST /bookings", samples.REFUSED),
        ("POST /properties", samples.REFUSED_BY_A_WARNING),
    ],
)
def test_results_of_a_post(endpoint: str, results: Any) -> None:
    assert answered(endpoint, 201, results) == []


@pytest.mark.parametrize(
    ("endpoint", "error"), [("GET /bookings", samples.BAD_DATE), ("POST /bookings", samples.NO_ARRAY)]
)
def test_what_is_refused_costs_nothing(endpoint: str, error: Any) -> None:
    assert answered(endpoint, 400, error, credits={}) == []
    assert answered(endpoint, 400, error) != []


def test_webhooks_with_all_their_fields() -> None:
    assert webhook_faults("twoWithPersonalData", samples.WEBHOOK) == []
    assert webhook_faults("twoNoPersonalData", samples.WEBHOOK_WITHOUT_PERSONAL_DATA) == []
    assert webhook_faults("inventory", samples.INVENTORY_WEBHOOK) == []
    assert webhook_faults("one", {"bookid": 12345678, "status": "new"}) == []


def test_webhooks_that_were_cut() -> None:
    assert cut(webhook_faults("twoWithPersonalData", samples.LOOSE_WEBHOOK)) == []
    assert cut(webhook_faults("twoWithPersonalData", beds24_webhooks.webhook())) == []


@pytest.mark.parametrize("version", ["twoWithPersonalData", "twoNoPersonalData"])
def test_a_webhook_without_personal_data_is_not_one_with_it(version: str) -> None:
    wrong = {
        "twoWithPersonalData": samples.WEBHOOK_WITHOUT_PERSONAL_DATA,
        "twoNoPersonalData": samples.WEBHOOK,
    }[version]

    assert webhook_faults(version, wrong) != []


@pytest.mark.parametrize(
    ("shape", "data"),
    [
        *(("booking_written", item) for item in samples.WRITTEN_BOOKINGS),
        *(("days_written", item) for item in samples.WRITTEN_DAYS),
        *(("message_written", item) for item in samples.WRITTEN_MESSAGES),
        *(
            ("channel_action", {"action": action, "bookingId": 1234567})
            for action in ("reportInvalidCard", "reportNoShow", "reportCancel")
        ),
        ("property_written", {"id": 1, "webhooks": samples.DEFAULT_WEBHOOK}),
        ("property_written", {"id": 1, "roomTypes": [{"id": 2, "units": [{"id": 1, "name": "Unit A"}]}]}),
    ],
)
def test_what_may_be_written(shape: str, data: Any) -> None:
    assert shape_faults(shape, data) == []

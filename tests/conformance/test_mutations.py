"""A wrong value, a missing field and an unknown one are caught, each by its rule."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from tests.conformance import samples
from tests.conformance.faults import Exchange, Fault, answer_faults, request_faults, shape_faults, webhook_faults

NEW = samples.WRITTEN_BOOKINGS[0]
DAYS = {"from": "2026-07-28", "to": "2026-07-30"}
TOKEN = {"token": "t"}


def found(faults: Sequence[Fault]) -> set[tuple[str, str]]:
    """Field and rule of each."""
    return {(fault.field, fault.rule) for fault in faults}


def without(data: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in data.items() if key != name}


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"status": "canceled"}, ("status", "enum")),
        ({"firstName": "a" * 101}, ("firstName", "maxLength")),
        ({"lastName": "a" * 101}, ("lastName", "maxLength")),
        ({"notes": "a" * 2001}, ("notes", "maxLength")),
        ({"comments": "a" * 1001}, ("comments", "maxLength")),
        ({"address": "a" * 251}, ("address", "maxLength")),
        ({"email": ""}, ("email", "format")),
        ({"lang": "e"}, ("lang", "minLength")),
        ({"numAdult": 100}, ("numAdult", "maximum")),
        ({"numChild": -1}, ("numChild", "minimum")),
        ({"price": -0.01}, ("price", "minimum")),
        ({"price": "240.00"}, ("price", "type")),
        ({"arrival": "2026-7-28"}, ("arrival", "format")),
        ({"arrival": "2026-02-30"}, ("arrival", "format")),
        ({"roomId": "710001"}, ("roomId", "type")),
        ({"roomQty": 0}, ("roomQty", "minimum")),
        ({"guestName": "Ada"}, ("guestName", "additionalProperties")),
        ({"currency": "EUR"}, ("currency", "additionalProperties")),
        ({"modifiedTime": "2026-08-04T09:16:01Z"}, ("modifiedTime", "additionalProperties")),
        ({"actions": {"checkAvailabilty": True}}, ("actions.checkAvailabilty", "additionalProperties")),
        ({"infoItems": [{"text": "x"}]}, ("infoItems.code", "required")),
    ],
)
def test_a_booking_to_write(changes: dict[str, Any], fault: tuple[str, str]) -> None:
    assert found(shape_faults("booking_written", NEW)) == set()
    assert found(shape_faults("booking_written", NEW | changes)) == {fault}


@pytest.mark.parametrize("name", ["roomId", "arrival", "departure"])
def test_a_new_booking_needs_a_room_and_dates_and_a_change_does_not(name: str) -> None:
    assert found(shape_faults("booking_written", without(NEW, name))) == {(name, "required")}
    assert shape_faults("booking_written", without(NEW, name) | {"id": 1}) == []


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"maxStay": 365}, ("maxStay", "maximum")),
        ({"maxStay": 0}, ("maxStay", "minimum")),
        ({"minStay": 366}, ("minStay", "maximum")),
        ({"minStay": 0}, ("minStay", "minimum")),
        ({"multiplier": 0.05}, ("multiplier", "minimum")),
        ({"override": "closed"}, ("override", "enum")),
        ({"numAvail": 1.5}, ("numAvail", "type")),
        ({"price17": 10}, ("price17", "additionalProperties")),
        ({"channels": {"airbnb": {"max": 1}}}, ("channels.airbnb.max", "additionalProperties")),
        ({"channels": {"airbnbcom": {"maxBookings": 1}}}, ("channels", "enum")),
    ],
)
def test_days_to_write(changes: dict[str, Any], fault: tuple[str, str]) -> None:
    assert fault in found(shape_faults("days_written", DAYS | changes))


@pytest.mark.parametrize("stays", [{"minStay": 1, "maxStay": 1}, {"minStay": 365, "maxStay": 364}])
def test_the_shortest_and_the_longest_stay_may_be_written(stays: dict[str, int]) -> None:
    assert shape_faults("days_written", DAYS | stays) == []


@pytest.mark.parametrize("name", sorted(samples.LISTED_BOOKING))
def test_a_listed_booking_lacks_none_of_its_fields(name: str) -> None:
    assert found(shape_faults("booking_listed", without(samples.LISTED_BOOKING, name))) == {(name, "required")}


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"status": "deleted"}, ("status", "enum")),
        ({"subStatus": "noshow"}, ("subStatus", "enum")),
        ({"channel": "Booking.com"}, ("channel", "enum")),
        ({"unitId": None}, ("unitId", "type")),
        ({"modifiedTime": "2026-08-04 09:16:01"}, ("modifiedTime", "format")),
        ({"currency": "EUR"}, ("currency", "additionalProperties")),
    ],
)
def test_a_listed_booking(changes: dict[str, Any], fault: tuple[str, str]) -> None:
    assert found(shape_faults("booking_listed", samples.LISTED_BOOKING | changes)) == {fault}


@pytest.mark.parametrize(
    ("query", "fault"),
    [
        ([("status", "confirmed,new")], ("status", "enum")),
        ([("status[0]", "confirmed")], ("status[0]", "additionalProperties")),
        ([("propertyId", "1001,1002")], ("propertyId", "type")),
        ([("arrivalFrom", "2026-07-28T00:00:00Z")], ("arrivalFrom", "format")),
        ([("modifiedFrom", "yesterday")], ("modifiedFrom", "format")),
        ([("arrival", "2026-07-28"), ("arrival", "2026-07-29")], ("arrival", "type")),
        ([("includeInfoItems", "1")], ("includeInfoItems", "type")),
        ([("page", "0")], ("page", "minimum")),
    ],
)
def test_parameters(query: list[tuple[str, str]], fault: tuple[str, str]) -> None:
    exchange = Exchange("GET", "/bookings", query, TOKEN, b"", 200, {}, b"")

    assert found(request_faults(exchange)) == {fault}


def test_headers_and_endpoints() -> None:
    def asked(path: str, headers: dict[str, str]) -> set[tuple[str, str]]:
        return found(request_faults(Exchange("GET", path, [], headers, b"", 200, {}, b"")))

    assert asked("/properties", {"Token": "t", "User-Agent": "python", "Organization": "o"}) == set()
    assert asked("/properties", {}) == {("token", "required")}
    assert asked("/properties", {"token": "t", "X-Api-Key": "k"}) == {("X-Api-Key", "additionalProperties")}
    assert asked("/rooms", TOKEN) == {("", "endpoint")}


def answered(status: int, body: Any, headers: dict[str, str], items: int = 1) -> set[tuple[str, str]]:
    sent = json.dumps([{}] * items).encode()
    return found(answer_faults(Exchange("POST", "/bookings", [], {}, sent, status, headers, json.dumps(body).encode())))


def test_answers_to_a_post() -> None:
    assert answered(201, samples.CREATED, samples.CREDITS) == set()
    assert answered(200, samples.CREATED, samples.CREDITS) == {("status", "status")}
    assert answered(201, samples.CREATED, samples.CREDITS, items=2) == {("", "results")}
    assert answered(201, [{"new": {"id": 1}}], samples.CREDITS) == {("success", "required")}
    assert answered(201, [{"success": True, "deleted": 1}], samples.CREDITS) == {("deleted", "additionalProperties")}
    assert answered(201, samples.CREATED, without(samples.CREDITS, "x-request-cost")) == {("x-request-cost", "credits")}
    assert answered(400, samples.NO_ARRAY, {"x-request-cost": "1"}) == {("x-request-cost", "credits")}


@pytest.mark.parametrize(
    ("payload", "fault"),
    [
        (without(samples.WEBHOOK, "retries"), ("retries", "required")),
        (samples.WEBHOOK | {"event": "booking.created"}, ("event", "additionalProperties")),
        (
            {**samples.WEBHOOK, "booking": without(samples.WEBHOOK["booking"], "bookingGroup")},
            ("booking.bookingGroup", "required"),
        ),
    ],
)
def test_webhooks(payload: dict[str, Any], fault: tuple[str, str]) -> None:
    assert found(webhook_faults("twoWithPersonalData", payload)) == {fault}

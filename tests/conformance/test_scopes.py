"""A token does what its scopes allow."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.callers import NEW, STAY, Caller
from tests.conformance.description import description
from tests.conftest import RunningSimulator

ALL = [f"all:{area}" for area in ("bookings", "bookings-personal", "bookings-financial", "inventory", "properties")]
DAY = {"startDate": STAY["arrival"], "endDate": STAY["arrival"]}
NEEDED = {name: endpoint.scope for name, endpoint in description().endpoints.items() if endpoint.scope}
EVERYTHING = (("includeInvoiceItems", "true"), ("includeGuests", "true"))
WRONG = pytest.mark.nonconforming("requests", reason="what the call is about does not matter here")
CUT = pytest.mark.nonconforming("answers", reason="fields are absent without their scope")


def content_for(endpoint: str) -> dict[str, Any]:
    if endpoint.startswith("POST"):
        return {"json": []}
    if endpoint.startswith("PATCH"):
        return {"json": {"read": True}, "params": {"messageId": 1}}
    if endpoint.startswith("DELETE"):
        return {"params": {"id": 1}}
    return {"params": {**DAY, **STAY, "numAdults": 1}}


@WRONG
@pytest.mark.parametrize("endpoint", sorted(NEEDED))
def test_each_endpoint_needs_its_scope(api: Caller, beds24: RunningSimulator, endpoint: str) -> None:
    method, _, path = endpoint.partition(" ")
    statuses = []
    for scopes in ([], [NEEDED[endpoint]], [f"all:{NEEDED[endpoint].partition(':')[2]}"]):
        beds24.controls.set_scopes(901, scopes)
        statuses.append(api.call(method, path, **content_for(endpoint)).status_code)

    assert statuses[0] == 403
    assert set(statuses[1:]) <= {200, 201}


def test_a_call_without_the_scope_costs_nothing_and_does_nothing(api: Caller, beds24: RunningSimulator) -> None:
    beds24.controls.set_scopes(901, ["read:bookings"])

    answer = api.call("POST", "/bookings", json=[NEW])

    assert answer.json() == {
        "success": False,
        "type": "error",
        "code": 403,
        "error": "Token does not have the scope write:bookings",
    }
    assert "x-request-cost" not in answer.headers
    assert beds24.bookings == []


@CUT
@pytest.mark.parametrize("scope", sorted(description().scope_fields))
def test_fields_are_absent_without_their_scope(api: Caller, beds24: RunningSimulator, scope: str) -> None:
    beds24.controls.book(lastName="Lovelace", price=100, **NEW)
    everything = set(api.listed(*EVERYTHING)[0])
    area = scope.partition(":")[2]
    beds24.controls.set_scopes(901, [found for found in ALL if found != f"all:{area}"])

    shown = set(api.listed(*EVERYTHING)[0])

    assert everything - shown == set(description().scope_fields[scope])


def test_fields_that_may_not_be_written_are_dropped_with_a_warning(api: Caller, beds24: RunningSimulator) -> None:
    beds24.controls.set_scopes(901, ["all:bookings", "read:bookings-personal", "all:bookings-financial"])

    (result,) = api.post("/bookings", NEW | {"lastName": "Lovelace", "price": 100})

    assert [(warning["field"], warning["message"]) for warning in result["warnings"]] == [("lastName", "missing scope")]
    assert [(booking["lastName"], booking["price"]) for booking in beds24.bookings] == [("", 100)]


def test_the_details_of_a_token_name_its_scopes(api: Caller, beds24: RunningSimulator) -> None:
    beds24.controls.set_scopes(901, ["read:bookings", "all:inventory"])

    assert api.call("GET", "/authentication/details").json()["token"]["scopes"] == ["read:bookings", "all:inventory"]


def test_the_controls_take_no_unknown_scope(beds24: RunningSimulator) -> None:
    with pytest.raises(Exception, match="400"):
        beds24.controls.set_scopes(901, ["read:everything"])

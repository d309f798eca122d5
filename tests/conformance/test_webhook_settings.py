"""The webhook settings of a property are read and set through the API."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.callers import Caller

DEFAULT = {"version": "one", "url": "", "additionalData": "none", "customHeader": ""}
WRONG = pytest.mark.nonconforming("requests", reason="the request is wrong, to see it refused")


def settings_of(api: Caller) -> dict[str, Any]:
    (found,) = api.listed(("id", 1001), path="/properties")
    webhooks: dict[str, Any] = found["webhooks"]
    return webhooks


def test_a_new_property_sends_nothing(api: Caller) -> None:
    assert settings_of(api) == DEFAULT


def test_what_is_set_is_listed_and_what_is_not_sent_stays(api: Caller) -> None:
    wanted = {"version": "twoWithPersonalData", "url": "https://a.test/x\nhttps://b.test/", "customHeader": "X-A: b"}

    (result,) = api.post("/properties", {"id": 1001, "webhooks": wanted})
    api.post("/properties", {"id": 1001, "webhooks": {"additionalData": "token"}})

    assert (result["success"], result["modified"]["webhooks"]) == (True, wanted)
    assert settings_of(api) == {**wanted, "additionalData": "token"}


@WRONG
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("version", "two"),
        ("additionalData", "cvc"),
        ("url", None),
        ("url", "pms.test/hook"),
        ("customHeader", "a secret without a name"),
        ("customHeader", {"X-A": "b"}),
    ],
)
def test_a_wrong_value_is_refused_by_a_warning_alone(api: Caller, field: str, value: Any) -> None:
    (result,) = api.post("/properties", {"id": 1001, "webhooks": {"url": "https://a.test/", field: value}})

    assert result == {"success": False, "warnings": [{"field": f"webhooks_{field}", "message": "Invalid"}]}
    assert settings_of(api) == DEFAULT


@WRONG
def test_unknown_fields_are_dropped_with_a_warning(api: Caller) -> None:
    item = {"id": 1001, "colour": "red", "webhooks": {"url": "https://a.test/", "secret": "s"}}

    (result,) = api.post("/properties", item)

    assert result["success"] is True
    assert [warning["field"] for warning in result["warnings"]] == ["colour", "webhooks_secret"]
    assert settings_of(api)["url"] == "https://a.test/"


@pytest.mark.parametrize("number", [1, 1002])
def test_a_property_that_the_account_does_not_have_is_refused(api: Caller, number: int) -> None:
    (result,) = api.post("/properties", {"id": number, "webhooks": DEFAULT})

    assert (result["success"], result["errors"][0]["field"]) == (False, "id")


def test_properties_are_found_by_their_rooms(api: Caller) -> None:
    (found,) = api.listed(("roomId", 2002), path="/properties")

    assert [room["id"] for room in found["roomTypes"]] == [2002]
    assert api.listed(("roomId", 1), path="/properties") == []

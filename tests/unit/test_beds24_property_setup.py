"""What connecting reads at Beds24: scopes and webhook settings."""

from __future__ import annotations

from typing import Any

import pytest

from channel_sync.channels.beds24.property_setup import permissions, read_setup, webhook_item
from channel_sync.channels.setup import WebhookState, WebhookTarget

TARGET = WebhookTarget("https://pms.example/webhooks/beds24/", "X-Secret", "s3cret")
AREAS = ("bookings", "bookings-personal", "bookings-financial", "inventory", "properties", "channels")
ALL = [f"all:{area}" for area in AREAS]
RIGHT = {
    "version": "twoWithPersonalData",
    "url": TARGET.url,
    "additionalData": "none",
    "customHeader": "x-secret: s3cret",
}


def state(**changes: Any) -> WebhookState:
    return read_setup({"id": 1001, "webhooks": {**RIGHT, **changes}}).webhook


def test_scopes_of_everything_leave_nothing_to_say() -> None:
    found = permissions({"token": {"scopes": ALL}})
    assert (found.missing, found.limits) == ((), ())


def test_missing_scopes_are_named_and_so_is_what_fewer_scopes_leave_out() -> None:
    found = permissions({"token": {"scopes": ["read:bookings", "all:inventory", "read:properties"]}})
    assert found.missing == ("write:bookings",)
    assert len(found.limits) == 5
    assert any("prices" in limit for limit in found.limits)


@pytest.mark.parametrize("details", [{}, {"token": None}, {"token": {}}, {"token": {"scopes": "all"}}])
def test_scopes_that_are_not_told_are_not_missing(details: dict[str, Any]) -> None:
    assert permissions(details).missing == ()


def test_a_webhook_that_is_set_right_lacks_nothing() -> None:
    assert state().shortcomings(TARGET) == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"url": ""}, "Enter the webhook address"),
        ({"url": "https://other.example/"}, "Enter the webhook address"),
        ({"customHeader": ""}, "Enter the custom header"),
        ({"customHeader": "X-Secret: old"}, "Enter the custom header"),
        ({"version": "one"}, "version 1 holds no booking"),
        ({"version": "twoNoPersonalData"}, "guests, notes and prices"),
        ({"additionalData": "CVCAndToken"}, "CVCAndToken"),
    ],
)
def test_each_shortcoming_is_said_and_never_the_secret(changes: dict[str, str], said: str) -> None:
    (found,) = state(**changes).shortcomings(TARGET)
    assert said in found
    assert "s3cret" not in found + repr(TARGET) + repr(state(**changes))


@pytest.mark.parametrize("webhooks", [None, {}])
def test_a_property_without_settings_has_no_address(webhooks: Any) -> None:
    setup = read_setup({"id": 1001, "currency": "CHF", "webhooks": webhooks})
    assert (setup.currency, setup.webhook.urls, setup.webhook.card_data) == ("CHF", (), "")
    assert len(setup.webhook.shortcomings(TARGET)) == 3


def test_what_is_set_for_others_stays() -> None:
    now = state(url="https://other.example/\nhttps://pms.example/webhooks/beds24/", customHeader="A: b\nX-SECRET: old")

    item = webhook_item("1001", now, TARGET)

    assert item == {
        "id": 1001,
        "webhooks": {
            "version": "twoWithPersonalData",
            "url": "https://other.example/\nhttps://pms.example/webhooks/beds24/",
            "additionalData": "none",
            "customHeader": "A: b\nX-Secret: s3cret",
        },
    }
    assert now.others(TARGET) == ["https://other.example/"]

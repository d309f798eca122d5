"""Scopes of a token and webhook settings of a property, read and written as Beds24 has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from channel_sync.channels.beds24.wire import Number, Text, Wire, read
from channel_sync.channels.setup import Permissions, PropertySetup, WebhookState, WebhookTarget

NEEDED_SCOPES = ("read:bookings", "write:bookings", "read:inventory", "write:inventory", "read:properties")
WANTED_SCOPES = {
    "read:bookings-personal": "bookings come without the names and addresses of guests",
    "write:bookings-personal": "reservations of the PMS are booked without their guests",
    "read:bookings-financial": "bookings come without prices",
    "write:bookings-financial": "reservations of the PMS are booked without prices",
    "write:channels": "no-shows and invalid cards cannot be reported to Booking.com",
}
GOOD_VERSION, NO_CARDS = "twoWithPersonalData", "none"
VERSIONS = {
    "one": "Choose version 2 with personal data: version 1 holds no booking.",
    "twoNoPersonalData": "Choose version 2 with personal data: without, guests, notes and prices are left out.",
}


class WireWebhooks(Wire):
    """`webhooks` of a property; one address, and one header, a line."""

    version: Text = ""
    url: Text = ""
    additional_data: Text = Field(default="", alias="additionalData")
    custom_header: Text = Field(default="", alias="customHeader", repr=False)


class WireSetup(Wire):
    """What connecting reads of a property."""

    id: Number
    currency: Text = ""
    timezone: Text = ""
    webhooks: Annotated[WireWebhooks, BeforeValidator(lambda value: value or {})] = WireWebhooks()


def permissions(details: Mapping[str, Any]) -> Permissions:
    """What the scopes of a token do not allow; where it says nothing of them, nothing is missing."""
    token = details.get("token")
    scopes = token.get("scopes") if isinstance(token, Mapping) else None
    if not isinstance(scopes, list):
        return Permissions()
    return Permissions(
        missing=tuple(scope for scope in NEEDED_SCOPES if not _has(scopes, scope)),
        limits=tuple(
            f"The invite code does not allow '{scope}': {effect}."
            for scope, effect in WANTED_SCOPES.items()
            if not _has(scopes, scope)
        ),
    )


def read_setup(item: Mapping[str, Any]) -> PropertySetup:
    """How a property is set up. Raises `InvalidPayload`."""
    found = read(WireSetup, item, prefix="property.")
    return PropertySetup(found.id, found.currency, found.timezone, _state(found.webhooks))


def webhook_item(external_property_id: str, now: WebhookState, target: WebhookTarget) -> dict[str, Any]:
    """An item of `POST /properties` that adds the target; other addresses and headers stay."""
    headers = {name: value for name, value in now.headers.items() if name.casefold() != target.header.casefold()}
    lines = [f"{name}: {value}" for name, value in {**headers, target.header: target.secret}.items()]
    return {
        "id": int(external_property_id),
        "webhooks": {
            "version": GOOD_VERSION,
            "url": "\n".join([*now.others(target), target.url]),
            "additionalData": NO_CARDS,
            "customHeader": "\n".join(lines),
        },
    }


def _state(found: WireWebhooks) -> WebhookState:
    version, cards = found.version, found.additional_data
    return WebhookState(
        urls=tuple(_lines(found.url)),
        headers=dict(_header(line) for line in _lines(found.custom_header)),
        wrong_form="" if version == GOOD_VERSION else VERSIONS.get(version, VERSIONS["one"]),
        card_data="" if cards in ("", NO_CARDS) else cards,
    )


def _has(scopes: list[Any], scope: str) -> bool:
    return scope in scopes or f"all:{scope.partition(':')[2]}" in scopes


def _header(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name.strip(), value.strip()


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]

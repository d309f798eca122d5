"""Connecting looks at the property, sets its webhook with consent, and says what is left to do."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.conf import LazySettings
from django.core.management import CommandError, call_command
from rest_framework.test import APIClient

from channel_sync.models import AuditEntry, ChannelAccount, ChannelConnection, ChannelProperty
from channel_sync.operations.roles import Role
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.factories import HotelFactory, RoomTypeFactory

pytestmark = pytest.mark.django_db

CODE = "DEMO-INVITE-CODE"
BASE = "https://pms.example"
URL = f"{BASE}/webhooks/beds24/"
HEADER = "X-Channel-Sync-Secret"


def connect(hotel: Any, *arguments: str, code: str = CODE) -> dict[str, Any]:
    output = StringIO()
    options = ("--invite-code", code, "--base-url", BASE, *arguments, "--json")
    call_command("channel_sync_connect", str(hotel.id), *options, stdout=output)
    printed: dict[str, Any] = json.loads(output.getvalue())
    return printed


def webhook_at(beds24: RunningSimulator) -> dict[str, str]:
    return dict(beds24.simulator.state.properties[1001].webhook.shown())


def set_at(beds24: RunningSimulator, **settings: str) -> None:
    owned = beds24.simulator.state.properties[1001]
    owned.webhook = owned.webhook.changed(settings)


def is_spent(beds24: RunningSimulator) -> bool:
    return CODE not in beds24.simulator.state.accounts[901].invite_codes


def test_with_consent_the_webhook_is_set_and_read_back(beds24: RunningSimulator) -> None:
    printed = connect(HotelFactory(), "--set-webhook")

    assert webhook_at(beds24) == {
        "version": "twoWithPersonalData",
        "url": URL,
        "additionalData": "none",
        "customHeader": f"{HEADER}: {printed['webhook_secret']}",
    }
    assert printed["setup"]["webhook"] == "set"
    assert not [step for step in printed["setup"]["left_to_do"] if "Enter" in step]


def test_without_consent_nothing_is_set_and_what_to_do_is_said(beds24: RunningSimulator) -> None:
    printed = connect(HotelFactory())

    assert webhook_at(beds24)["url"] == ""
    assert printed["setup"]["webhook"] == "by_hand"
    left = " ".join(printed["setup"]["left_to_do"])
    assert URL in left
    assert HEADER in left
    assert "version 2" in left
    assert printed["webhook_secret"] not in json.dumps(printed["setup"])


def test_what_others_have_set_stays_and_is_named(beds24: RunningSimulator) -> None:
    set_at(beds24, url="https://cleaners.example/hook", customHeader="X-Other: 1")

    printed = connect(HotelFactory(), "--set-webhook")

    assert webhook_at(beds24)["url"].splitlines() == ["https://cleaners.example/hook", URL]
    assert webhook_at(beds24)["customHeader"].splitlines()[0] == "X-Other: 1"
    assert any("https://cleaners.example/hook" in warning for warning in printed["setup"]["warnings"])


@pytest.mark.parametrize("setting", ["CVC", "token", "CVCAndToken"])
def test_data_of_cards_is_warned_of_plainly(beds24: RunningSimulator, setting: str) -> None:
    set_at(beds24, additionalData=setting)

    printed = connect(HotelFactory())

    assert any("cards" in warning and setting in warning for warning in printed["setup"]["warnings"])


def test_a_signed_webhook_is_left_to_its_gateway(beds24: RunningSimulator) -> None:
    set_at(beds24, additionalData="CVC")

    printed = connect(HotelFactory(), "--set-webhook", "--verification", "hmac")

    assert webhook_at(beds24)["url"] == ""
    assert printed["setup"]["webhook"] == "by_hand"
    assert "gateway" in printed["setup"]["left_to_do"][0]
    assert any("cards" in warning for warning in printed["setup"]["warnings"])


def test_currency_and_quantities_that_differ_are_said(beds24: RunningSimulator) -> None:
    hotel = HotelFactory(currency="CHF")
    RoomTypeFactory(hotel=hotel, name="Double Room", units=12)
    RoomTypeFactory(hotel=hotel, name="Single Room", units=beds24.simulator.state.rooms[2002].qty)

    differences = connect(hotel)["setup"]["differences"]

    assert len(differences) == 2
    assert "EUR at the channel, CHF in the PMS" in differences[0]
    assert "Double Room" in differences[1]
    assert "12 in the PMS" in differences[1]


def test_an_address_that_the_channel_cannot_reach_is_doubted(beds24: RunningSimulator) -> None:
    output = StringIO()
    arguments = ("--invite-code", CODE, "--set-webhook")
    call_command("channel_sync_connect", str(HotelFactory().id), *arguments, stdout=output)
    assert "No channel on the internet reaches localhost" in output.getvalue()
    assert "set at the channel, and read back" in output.getvalue()


def test_too_few_scopes_change_nothing(connected: ConnectedHotel, beds24: RunningSimulator) -> None:
    kept = ChannelAccount.objects.get().refresh_token
    account = beds24.simulator.state.accounts[901]
    account.invite_codes.add("POOR")
    account.scopes = ["all:bookings", "read:inventory", "read:properties"]

    with pytest.raises(CommandError, match="write:inventory"):
        connect(connected.hotel, code="POOR")

    assert ChannelAccount.objects.get().refresh_token == kept


def test_fewer_scopes_than_all_are_warned_of(beds24: RunningSimulator) -> None:
    beds24.simulator.state.accounts[901].scopes = ["all:bookings", "all:inventory", "read:properties"]

    printed = connect(HotelFactory(), "--set-webhook")

    assert any("bookings-personal" in warning for warning in printed["setup"]["warnings"])
    # The webhook cannot be set without write:properties: the connection stands.
    assert printed["setup"]["webhook"] == "unknown"
    assert any("write:properties" in step for step in printed["setup"]["left_to_do"])
    assert ChannelConnection.objects.exists()


@pytest.mark.usefixtures("beds24")
def test_a_property_that_is_connected_elsewhere_is_refused_before_the_code_is_spent(
    connected: ConnectedHotel, beds24: RunningSimulator
) -> None:
    beds24.simulator.state.accounts[901].invite_codes.add(CODE)

    with pytest.raises(CommandError, match="is connected to property"):
        connect(HotelFactory(), "--channel-property-id", "1001")

    assert not is_spent(beds24)
    with pytest.raises(CommandError, match="name the one that this is to be connected to"):
        connect(HotelFactory())
    assert not is_spent(beds24)
    assert ChannelProperty.objects.count() == 1


@pytest.mark.parametrize("salt_key", [None, 7])
def test_keys_that_cannot_encrypt_are_found_before_the_code_is_spent(
    beds24: RunningSimulator, settings: LazySettings, salt_key: object
) -> None:
    hotel = HotelFactory()
    settings.SALT_KEY = salt_key

    with pytest.raises(CommandError, match="SALT_KEY"):
        connect(hotel)

    assert not is_spent(beds24)


def test_a_port_that_fails_is_found_before_the_code_is_spent(
    beds24: RunningSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    hotel = HotelFactory(time_zone="Europe/Atlantis")

    with pytest.raises(CommandError, match="time zone"):
        connect(hotel)

    assert not is_spent(beds24)


@pytest.mark.parametrize("number", ["abc", "0", "-1", "1001;"])
def test_an_id_that_no_property_has_is_found_before_the_code_is_spent(beds24: RunningSimulator, number: str) -> None:
    with pytest.raises(CommandError, match="propertyId"):
        connect(HotelFactory(), f"--channel-property-id={number}")

    assert not is_spent(beds24)


def test_wrong_settings_are_found_before_the_code_is_spent(
    beds24: RunningSimulator, settings: LazySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    hotel = HotelFactory()
    settings.CHANNEL_SYNC_RESERVATION_MODEL = "no.Such"

    with pytest.raises(CommandError, match="CHANNEL_SYNC_RESERVATION_MODEL"):
        connect(hotel)

    assert not is_spent(beds24)


def test_the_api_sets_it_where_asked(beds24: RunningSimulator, api_of: Callable[[Role | None], APIClient]) -> None:
    asked = {"property_id": str(HotelFactory().id), "invite_code": CODE, "set_webhook": True}

    answer = api_of(Role.ADMINISTRATOR).post("/api/admin/properties/connect", asked, format="json")

    assert answer.status_code == 201
    assert answer.json()["setup"]["webhook"] == "set"
    assert webhook_at(beds24)["url"] == "http://testserver/webhooks/beds24/"


def test_a_channel_that_does_not_answer_leaves_the_connection_standing(beds24: RunningSimulator) -> None:
    beds24.controls.fail_next(kind="status", status=503, method="POST", path="/properties")

    printed = connect(HotelFactory(), "--set-webhook")

    assert printed["setup"]["webhook"] == "unknown"
    assert printed["webhook_secret"]
    assert AuditEntry.objects.filter(action="property.connected").exists()

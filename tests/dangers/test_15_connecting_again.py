"""Connecting a property again made a new webhook secret: every webhook was refused until somebody entered it."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from rest_framework.test import APIClient

from channel_sync.inbound.senders import forget_senders
from channel_sync.models import ChannelConnection, ChannelProperty, WebhookVerification
from channel_sync.operations.roles import Role
from tests.beds24_webhooks import webhook
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.dangers.test_14_unreadable_secrets import seal_with_other_keys
from tests.integration.test_webhook_view import HEADER, post, signature

pytestmark = pytest.mark.django_db


def connect_again(hotel: ConnectedHotel, beds24: RunningSimulator, *arguments: str) -> dict[str, Any]:
    """What the command prints."""
    beds24.simulator.state.accounts[901].invite_codes.add("ANOTHER")
    output = StringIO()
    property_id, code = str(hotel.hotel.id), ("--invite-code", "ANOTHER")
    call_command("channel_sync_connect", property_id, *code, *arguments, "--json", stdout=output)
    forget_senders()
    printed: dict[str, Any] = json.loads(output.getvalue())
    return printed


def status_of_a_webhook(secret: str, **changes: Any) -> int:
    return post(webhook(**changes), headers={HEADER: secret}).status_code


def test_webhooks_go_on_after_connecting_again_and_the_secret_is_printed_again(
    connected: ConnectedHotel, beds24: RunningSimulator
) -> None:
    printed = connect_again(connected, beds24)

    assert printed["webhook_secret"] == connected.webhook_secret
    assert status_of_a_webhook(connected.webhook_secret) == 200


def test_a_rotation_under_way_goes_on(connected: ConnectedHotel, beds24: RunningSimulator) -> None:
    ChannelConnection.objects.update(webhook_secret_previous="older")

    connect_again(connected, beds24)

    assert [status_of_a_webhook(secret, price=number) for number, secret in enumerate(("older", "x"))] == [200, 401]


def test_a_new_secret_is_made_when_asked_for_and_the_old_one_works_beside_it(
    connected: ConnectedHotel, beds24: RunningSimulator
) -> None:
    printed = connect_again(connected, beds24, "--new-webhook-secret")

    assert printed["webhook_secret"] != connected.webhook_secret
    for number, secret in enumerate((printed["webhook_secret"], connected.webhook_secret)):
        assert status_of_a_webhook(secret, price=number) == 200


def test_the_way_of_verification_is_kept_too(connected: ConnectedHotel, beds24: RunningSimulator) -> None:
    ChannelConnection.objects.update(webhook_verification=WebhookVerification.HMAC)

    printed = connect_again(connected, beds24)

    assert printed["webhook_verification"] == "hmac"
    body = json.dumps(webhook()).encode()
    assert post(body, headers=signature(body, secret=connected.webhook_secret)).status_code == 200


def test_another_way_of_verification_keeps_the_secret(connected: ConnectedHotel, beds24: RunningSimulator) -> None:
    printed = connect_again(connected, beds24, "--verification", "hmac")

    assert (printed["webhook_verification"], printed["webhook_secret"]) == ("hmac", connected.webhook_secret)


@pytest.mark.parametrize("columns", [("webhook_secret", "webhook_secret_previous"), ("webhook_secret_previous",)])
def test_a_secret_that_cannot_be_read_is_replaced(
    connected: ConnectedHotel, beds24: RunningSimulator, columns: tuple[str, ...]
) -> None:
    seal_with_other_keys("channel_connections", *columns)

    printed = connect_again(connected, beds24)

    stored = ChannelConnection.objects.get()
    assert (stored.webhook_secret, stored.webhook_secret_previous) == (printed["webhook_secret"], None)
    assert status_of_a_webhook(printed["webhook_secret"]) == 200


@pytest.mark.parametrize("is_new", [False, True])
def test_the_api_keeps_it_unless_asked(
    connected: ConnectedHotel, beds24: RunningSimulator, api_of: Callable[[Role | None], APIClient], is_new: bool
) -> None:
    beds24.simulator.state.accounts[901].invite_codes.add("ANOTHER")
    asked = {"property_id": str(connected.hotel.id), "invite_code": "ANOTHER", "new_webhook_secret": is_new}

    answer = api_of(Role.ADMINISTRATOR).post("/api/admin/properties/connect", asked, format="json")

    assert answer.status_code == 201
    assert (answer.json()["webhook_secret"] != connected.webhook_secret) is is_new


@pytest.mark.parametrize("is_new", [False, True])
def test_the_admin_keeps_it_unless_asked(
    connected: ConnectedHotel, beds24: RunningSimulator, admin_client: Client, is_new: bool
) -> None:
    beds24.simulator.state.accounts[901].invite_codes.add("ANOTHER")
    ChannelConnection.objects.update(webhook_verification=WebhookVerification.HMAC)
    form = {"property": connected.hotel.id, "channel_name": "beds24", "invite_code": "ANOTHER", "verification": ""}

    page = admin_client.post(
        "/admin/channel_sync/channelproperty/connect/", form | ({"new_webhook_secret": "on"} if is_new else {})
    )

    stored = ChannelConnection.objects.get()
    assert stored.webhook_secret in page.content.decode()
    assert (stored.webhook_secret != connected.webhook_secret) is is_new
    assert stored.webhook_verification == WebhookVerification.HMAC
    assert ChannelProperty.objects.count() == 1

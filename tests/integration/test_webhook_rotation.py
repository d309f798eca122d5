"""A new webhook secret refuses no webhook: the old one is taken until a webhook has brought the new one."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from rest_framework.test import APIClient

from channel_sync.inbound.rotation import end_rotation
from channel_sync.inbound.senders import forget_senders
from channel_sync.models import AuditEntry, ChannelConnection, WebhookVerification
from channel_sync.operations.roles import Role
from tests.beds24_webhooks import webhook
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.integration.test_webhook_view import HEADER, post, signature

pytestmark = pytest.mark.django_db

BASE = "https://pms.example"
URL = f"{BASE}/webhooks/beds24/"


def run(hotel: ConnectedHotel, *arguments: str) -> str:
    output = StringIO()
    command = ("channel_sync_webhook", str(hotel.channel_property.id), "--base-url", BASE, *arguments)
    call_command(*command, stdout=output)
    forget_senders()
    return output.getvalue()


def secret_in(text: str) -> str:
    return text.split(f"{HEADER}: ")[1].split()[0]


def status_of_a_webhook(secret: str, **changes: Any) -> int:
    forget_senders()
    return post(webhook(**changes), headers={HEADER: secret}).status_code


def stored() -> ChannelConnection:
    return ChannelConnection.objects.defer(None).get()


def at_beds24(beds24: RunningSimulator) -> str:
    return str(beds24.simulator.state.properties[1001].webhook.custom_header)


def test_the_old_secret_is_taken_until_the_new_one_was_seen(
    connected: ConnectedHotel, beds24: RunningSimulator
) -> None:
    old = connected.webhook_secret
    new = secret_in(run(connected, "--rotate"))

    assert [status_of_a_webhook(old, price=1), status_of_a_webhook(old, price=2)] == [200, 200]
    assert status_of_a_webhook(new, price=3) == 200
    assert [status_of_a_webhook(old, price=4), status_of_a_webhook(new, price=5)] == [401, 200]
    assert stored().webhook_secret_previous is None
    assert AuditEntry.objects.filter(action="webhook.rotated").count() == 1


def test_it_can_be_set_at_the_channel_in_the_same_step(connected: ConnectedHotel, beds24: RunningSimulator) -> None:
    output = run(connected, "--rotate", "--set")

    assert at_beds24(beds24) == f"{HEADER}: {secret_in(output)}"
    assert "set at the channel, and read back" in output
    assert stored().webhook_secret_previous == connected.webhook_secret


def test_a_second_rotation_does_not_end_the_secret_that_is_in_use(connected: ConnectedHotel) -> None:
    run(connected, "--rotate")

    with pytest.raises(CommandError, match="being rotated"):
        run(connected, "--rotate")

    assert status_of_a_webhook(connected.webhook_secret) == 200


def test_a_secret_can_be_set_later(connected: ConnectedHotel, beds24: RunningSimulator) -> None:
    new = secret_in(run(connected, "--rotate"))
    assert "is not set at the channel yet" in run(connected)

    assert "read back" in run(connected, "--set")

    assert at_beds24(beds24) == f"{HEADER}: {new}"
    assert "is set right" in run(connected)
    assert new not in run(connected)


def test_a_forged_webhook_ends_no_rotation(connected: ConnectedHotel) -> None:
    run(connected, "--rotate")

    assert status_of_a_webhook("guessed") == 401

    assert stored().webhook_secret_previous == connected.webhook_secret


def test_secrets_that_were_changed_meanwhile_are_left_alone(
    connected: ConnectedHotel, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = secret_in(run(connected, "--rotate"))
    seen = ChannelConnection.objects.defer(None).select_related("channel_property").get()
    ChannelConnection.objects.get().save()

    end_rotation(seen, {HEADER: new}, b"{}")

    assert stored().webhook_secret_previous == connected.webhook_secret


def test_a_signed_webhook_ends_a_rotation_too(connected: ConnectedHotel) -> None:
    ChannelConnection.objects.update(webhook_verification=WebhookVerification.HMAC)
    output = run(connected, "--rotate", "--set")
    new = output.split("signing secret  ")[1].split()[0]
    body = json.dumps(webhook()).encode()

    assert post(body, headers=signature(body, secret=new)).status_code == 200
    assert stored().webhook_secret_previous is None


def test_a_channel_that_does_not_answer_leaves_the_new_secret_shown(
    connected: ConnectedHotel, beds24: RunningSimulator
) -> None:
    beds24.controls.fail_next(kind="status", status=503, method="GET", path="/properties", times=3)

    output = run(connected, "--rotate", "--set")

    assert secret_in(output) == stored().webhook_secret
    assert "is not known" in output


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR])
def test_the_api_is_for_administrators(
    connected: ConnectedHotel, api_of: Callable[[Role | None], APIClient], role: Role
) -> None:
    address = f"/api/admin/properties/{connected.channel_property.id}/webhook"

    assert api_of(role).post(address, {"rotate": True}, format="json").status_code == 403
    assert stored().webhook_secret == connected.webhook_secret


def test_the_api_rotates_and_sets(
    connected: ConnectedHotel, beds24: RunningSimulator, api_of: Callable[[Role | None], APIClient]
) -> None:
    address = f"/api/admin/properties/{connected.channel_property.id}/webhook"
    asked = {"rotate": True, "set_webhook": True, "webhook_url": URL}

    answer = api_of(Role.ADMINISTRATOR).post(address, asked, format="json")

    assert answer.status_code == 200
    assert at_beds24(beds24) == f"{HEADER}: {answer.json()['webhook_secret']}"
    assert answer.json()["setup"]["webhook"] == "set"
    assert api_of(Role.ADMINISTRATOR).post(address, {"rotate": True}, format="json").status_code == 409
    looked = api_of(Role.ADMINISTRATOR).post(address, {}, format="json").json()
    assert (looked["webhook_secret"], looked["setup"]["webhook"]) == (None, "by_hand")


def test_the_admin_asks_first_and_shows_the_secret_once(
    connected: ConnectedHotel, beds24: RunningSimulator, admin_client: Client
) -> None:
    page = f"/admin/channel_sync/channelproperty/{connected.channel_property.id}/change/"

    asked = admin_client.post(page, {"do": "webhook-rotate-set"}).content.decode()
    assert "No webhook is refused meanwhile" in asked
    assert stored().webhook_secret == connected.webhook_secret

    done = admin_client.post(page, {"do": "webhook-rotate-set", "confirmed": "yes"}).content.decode()
    new = stored().webhook_secret
    assert new != connected.webhook_secret
    assert new in done
    assert at_beds24(beds24).endswith(new)
    shown = admin_client.get(page).content.decode()
    assert "is being rotated" in shown
    assert new not in shown

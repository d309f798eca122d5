"""`manage.py channel_sync_status`: words, JSON and exit codes."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import StringIO
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from channel_sync.models import ChannelAccount, ChannelPropertyStatus, EventStatus
from channel_sync.operations.roles import Role
from tests.conftest import ConnectedHotel
from tests.dangers.test_14_unreadable_secrets import seal_with_other_keys
from tests.factories import EventFactory

pytestmark = pytest.mark.django_db


def told(*arguments: str) -> str:
    output = StringIO()
    call_command("channel_sync_status", *arguments, stdout=output)
    return output.getvalue()


def test_a_property_is_told_in_words_and_as_json(connected: ConnectedHotel, topology_at_broker: None) -> None:
    EventFactory(channel_property=connected.channel_property, status=EventStatus.FAILED)

    words = told(str(connected.hotel.id))
    (state,) = json.loads(told("--json"))

    assert "beds24 1001: connected" in words
    assert "2/2 room types" in words
    assert (state["connected"], state["failed_events_24h"], state["rooms"]) == (True, 1, [2, 2])
    assert isinstance(state["queues"]["dlq"], int)


def test_what_is_not_connected_ends_with_an_error(connected: ConnectedHotel) -> None:
    connected.channel_property.status = "error"
    connected.channel_property.save()

    with pytest.raises(CommandError, match=r"beds24 1001 \(login refused\)"):
        told()
    with pytest.raises(CommandError, match="No such property"):
        told(str(uuid4()))


@pytest.mark.parametrize(("status", "away", "standing", "step"), [
    ("inactive", False, "paused", "resume it"),
    ("inactive", True, "paused", "resume it"),
    ("active", True, "channel does not answer", "Wait"),
    ("error", False, "login refused", "channel_sync_connect"),
])  # fmt: skip
def test_each_state_has_its_next_step(
    connected: ConnectedHotel, status: str, away: bool, standing: str, step: str
) -> None:
    """An outage and a pause were answered with "connect again", which costs the property its login."""
    connected.channel_property.status = status
    connected.channel_property.save()
    ChannelAccount.objects.update(unavailable_since=timezone.now() if away else None)

    output = StringIO()
    with pytest.raises(CommandError, match=standing):
        call_command("channel_sync_status", stdout=output)
    with pytest.raises(CommandError):
        call_command("channel_sync_status", "--json", stdout=(printed := StringIO()))

    (state,) = json.loads(printed.getvalue())
    assert (state["standing"], step in state["next_step"], step in output.getvalue()) == (standing, True, True)
    assert ("connect" in state["next_step"]) == (standing == "login refused")


def test_a_secret_that_cannot_be_decrypted_is_named_with_its_next_step(connected: ConnectedHotel) -> None:
    seal_with_other_keys("channel_accounts", "refresh_token")

    words = told()
    (state,) = json.loads(told("--json"))

    assert "secret unreadable" in words
    assert "SALT_KEY" in words
    assert (state["standing"], "SALT_KEY" in state["next_step"]) == ("secret unreadable", True)


def test_a_paused_property_is_called_so_in_admin_and_api(
    connected: ConnectedHotel, admin_client: Client, api_of: Callable[[Role | None], APIClient]
) -> None:
    connected.channel_property.status = ChannelPropertyStatus.INACTIVE
    connected.channel_property.save()
    page = f"/admin/channel_sync/channelproperty/{connected.channel_property.id}/change/"

    for shown in ("/admin/channel_sync/channelproperty/", "/admin/channel_sync/channelproperty/dashboard/", page):
        assert '<span class="cs-badge cs-inactive">Paused</span>' in admin_client.get(shown).content.decode(), shown
    viewer = api_of(Role.VIEWER)
    (listed,) = viewer.get("/api/admin/properties").json()["properties"]
    assert (listed["status"], listed["status_label"]) == ("inactive", "Paused")

"""`manage.py channel_sync_connect`, against the simulator."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from channel_sync.models import ChannelAccount, ChannelConnection, ChannelMapping, ChannelProperty
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.factories import HotelFactory, RoomTypeFactory

pytestmark = pytest.mark.django_db

CODE = "DEMO-INVITE-CODE"


def connect(hotel: Any, *arguments: str) -> str:
    output = StringIO()
    call_command("channel_sync_connect", str(hotel.id), "--invite-code", CODE, *arguments, stdout=output)
    return output.getvalue()


@pytest.mark.usefixtures("beds24")
def test_it_prints_the_webhook_url_and_secret() -> None:
    output = connect(HotelFactory(), "--base-url", "https://pms.example")

    stored = ChannelConnection.objects.get()
    assert "https://pms.example/webhooks/beds24/" in output
    assert f"X-Channel-Sync-Secret: {stored.webhook_secret}" in output
    assert ChannelProperty.objects.get().channel_property_id == "1001"


@pytest.mark.usefixtures("beds24")
def test_rooms_are_suggested_by_name_and_saved_when_told() -> None:
    hotel = HotelFactory()
    double = RoomTypeFactory(hotel=hotel, name="double  ROOM")

    found = json.loads(connect(hotel, "--json", "--accept-suggestions"))

    assert found["suggestions"] == [{"room_type": str(double.id), "room": "2001"}]
    assert found["unmatched_rooms"] == ["2002 (Single Room)", "2003 (Suite)"]
    assert found["mappings_saved"] == 1
    assert ChannelMapping.objects.get().internal_id == double.id


@pytest.mark.usefixtures("beds24")
def test_without_being_told_nothing_is_mapped() -> None:
    hotel = HotelFactory()
    RoomTypeFactory(hotel=hotel, name="Double Room")

    assert "--accept-suggestions" in connect(hotel)
    assert not ChannelMapping.objects.exists()


@pytest.mark.usefixtures("beds24")
def test_an_invite_code_works_once() -> None:
    hotel = HotelFactory()
    connect(hotel)

    with pytest.raises(CommandError, match="Invite code is not valid"):
        connect(hotel)


def test_a_new_code_renews_tokens_and_keeps_the_secret(beds24: RunningSimulator) -> None:
    hotel = HotelFactory()
    connect(hotel)
    before = ChannelConnection.objects.get().webhook_secret
    token = ChannelAccount.objects.get().refresh_token
    next(iter(beds24.simulator.state.accounts.values())).invite_codes.add(CODE)

    connect(hotel, "--verification", "hmac")

    after = ChannelConnection.objects.get()
    assert (after.webhook_verification, after.webhook_secret) == ("hmac", before)
    assert ChannelAccount.objects.get().refresh_token != token
    assert ChannelAccount.objects.count() == 1


@pytest.mark.usefixtures("beds24")
def test_an_unknown_property_of_the_account_is_told_with_those_it_has() -> None:
    with pytest.raises(CommandError, match=r"1001 \(Harbour View Hotel\)"):
        connect(HotelFactory(), "--channel-property-id", "9")


def test_a_property_that_the_pms_does_not_have_is_told_before_the_code_is_spent(beds24: RunningSimulator) -> None:
    with pytest.raises(CommandError, match="has no property"):
        call_command("channel_sync_connect", "00000000-0000-0000-0000-000000000000", "--invite-code", CODE)

    assert CODE in next(iter(beds24.simulator.state.accounts.values())).invite_codes


def test_tokens_and_secrets_are_encrypted_at_rest(connected: ConnectedHotel) -> None:
    account, stored = ChannelAccount.objects.get(), ChannelConnection.objects.get()
    with connection.cursor() as cursor:
        cursor.execute("SELECT refresh_token || access_token FROM channel_accounts")
        tokens = cursor.fetchone()[0]
        cursor.execute("SELECT webhook_secret FROM channel_connections")
        secret = cursor.fetchone()[0]

    assert account.refresh_token not in tokens
    assert account.access_token not in tokens
    assert stored.webhook_secret == connected.webhook_secret != secret

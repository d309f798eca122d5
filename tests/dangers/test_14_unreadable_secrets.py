"""A secret that could not be decrypted was taken for its own ciphertext: sent as a token, accepted from a webhook."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from io import StringIO

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from channel_sync.connections.breaker import note_unavailable
from channel_sync.connections.connect import connect_property
from channel_sync.errors import SecretUnreadable
from channel_sync.events.processing import process
from channel_sync.inbound.senders import forget_senders
from channel_sync.models import (
    AlertKind,
    ChannelAccount,
    ChannelConnection,
    ChannelEvent,
    ChannelPropertyStatus,
    EventStatus,
    EventType,
)
from channel_sync.monitoring.alert_rules import findings
from channel_sync.monitoring.figures import figures
from channel_sync.operations.roles import Role
from channel_sync.operations.status import property_status
from pms_project.pms.models import Reservation, ReservationStatus
from tests.beds24_webhooks import webhook
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.factories import ReservationFactory
from tests.integration.test_alerts import health

pytestmark = pytest.mark.django_db

HEADER = "X-Channel-Sync-Secret"
COLUMNS = [
    ("channel_accounts", "refresh_token"),
    ("channel_accounts", "access_token"),
    ("channel_connections", "webhook_secret"),
    ("channel_connections", "webhook_secret_previous"),
]


def seal_with_other_keys(table: str, *columns: str) -> str:
    """The columns as they are when SALT_KEY or SECRET_KEY was lost; the ciphertext."""
    sealed = Fernet(Fernet.generate_key()).encrypt(b"a secret of other days").decode()
    with connection.cursor() as cursor:
        for column in columns:
            cursor.execute(f"UPDATE {table} SET {column} = %s", [sealed])
    forget_senders()
    return sealed


@pytest.mark.parametrize(("table", "column"), COLUMNS)
def test_a_value_that_cannot_be_decrypted_raises_and_says_what_to_do(
    connected: ConnectedHotel, table: str, column: str
) -> None:
    sealed = seal_with_other_keys(table, column)
    model = ChannelAccount if table == "channel_accounts" else ChannelConnection

    says = rf"{table}\.{column} of row [-0-9a-f]{{36}} .*SALT_KEY.*connect the property again"
    with pytest.raises(SecretUnreadable, match=says) as caught:
        getattr(model.objects.get(), column)
    with pytest.raises(SecretUnreadable, match=says):
        model.objects.values_list(column, flat=True).get()
    assert str(model.objects.get().pk) in str(caught.value)
    assert sealed not in str(caught.value)


@pytest.mark.parametrize("stored", ["plain text", "ünïcode"])
def test_what_was_never_encrypted_is_no_secret_either(connected: ConnectedHotel, stored: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE channel_connections SET webhook_secret = %s", [stored])

    with pytest.raises(SecretUnreadable):
        ChannelConnection.objects.get().webhook_secret  # noqa: B018


@pytest.mark.parametrize("column", ["webhook_secret", "webhook_secret_previous"])
def test_a_webhook_is_to_be_sent_again_and_never_accepted_with_the_ciphertext(
    connected: ConnectedHotel, client: Client, column: str
) -> None:
    sealed = seal_with_other_keys("channel_connections", column)

    for secret in (sealed, "wrong"):
        answer = client.post(
            "/webhooks/beds24/", json.dumps(webhook()), content_type="application/json", headers={HEADER: secret}
        )
        assert answer.status_code == 503
        assert sealed not in answer.content.decode()
    assert not ChannelEvent.objects.filter(direction="inbound").exists()


@pytest.mark.parametrize("columns", [("refresh_token", "access_token"), ("access_token",)])
def test_events_wait_and_no_reservation_fails(
    connected: ConnectedHotel, beds24: RunningSimulator, columns: tuple[str, ...]
) -> None:
    for _ in range(2):
        ReservationFactory(room_type=connected.double, status=ReservationStatus.PENDING_SYNC)
    seal_with_other_keys("channel_accounts", *columns)
    beds24.controls.forget_calls()

    for event in ChannelEvent.objects.filter(event_type=EventType.BOOKING_CREATE):
        process(event.id)

    worked = ChannelEvent.objects.filter(event_type=EventType.BOOKING_CREATE)
    assert set(worked.values_list("status", "attempts")) == {(EventStatus.RETRYING, 0)}
    assert set(Reservation.objects.values_list("status", flat=True)) == {ReservationStatus.PENDING_SYNC}
    assert beds24.controls.calls() == []


def test_the_channel_that_does_not_answer_is_noted_though_no_token_can_be_read(connected: ConnectedHotel) -> None:
    seal_with_other_keys("channel_accounts", "refresh_token", "access_token")

    note_unavailable(ChannelAccount.objects.get().id)

    assert ChannelAccount.objects.get().unavailable_since is not None


def test_status_dashboard_and_admin_stand_it(
    connected: ConnectedHotel, api_of: Callable[[Role | None], APIClient], admin_client: Client
) -> None:
    for table, column in COLUMNS:
        seal_with_other_keys(table, column)
    ChannelAccount.objects.update(credits_remaining=1, credits_reset_at=timezone.now() + timedelta(minutes=1))

    assert property_status(connected.channel_property).is_connected
    assert figures().credits
    try:
        call_command("channel_sync_status", stdout=StringIO())
    except CommandError as error:
        pytest.fail(str(error))
    status = f"/api/admin/channel-status/{connected.hotel.id}"
    assert api_of(Role.VIEWER).get(status).status_code == 200
    tried = f"/api/admin/properties/{connected.channel_property.id}/test-connection"
    assert api_of(Role.OPERATOR).post(tried).status_code == 503
    for page in ("", "dashboard/", f"{connected.channel_property.id}/change/"):
        assert admin_client.get(f"/admin/channel_sync/channelproperty/{page}").status_code == 200


@pytest.mark.parametrize(("table", "column"), COLUMNS)
def test_it_is_an_alert_of_the_property_until_it_can_be_read(
    connected: ConnectedHotel, beds24: RunningSimulator, table: str, column: str
) -> None:
    seal_with_other_keys(table, column)

    (found,) = findings(health(), now=timezone.now())

    assert found.kind is AlertKind.SECRET_UNREADABLE
    assert found.channel_property == connected.channel_property
    assert f"{table}.{column}" in found.message


def test_connecting_again_puts_it_right(connected: ConnectedHotel, beds24: RunningSimulator) -> None:
    for table, column in COLUMNS:
        seal_with_other_keys(table, column)
    beds24.simulator.state.accounts[901].invite_codes.add("ANOTHER")

    again = connect_property(connected.hotel.id, channel_name="beds24", invite_code="ANOTHER")

    assert again.channel_property.status == ChannelPropertyStatus.ACTIVE
    assert ChannelConnection.objects.get().webhook_secret == again.webhook_secret
    assert list(findings(health(), now=timezone.now())) == []


def test_a_property_whose_secrets_cannot_be_read_can_be_deleted(connected: ConnectedHotel) -> None:
    for table, column in COLUMNS:
        seal_with_other_keys(table, column)

    connected.channel_property.delete()

    assert not ChannelConnection.objects.exists()

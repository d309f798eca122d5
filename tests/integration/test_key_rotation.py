"""SECRET_KEY could not be rotated: nothing encrypted anew what was stored, or said which rows need an old key."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.conf import LazySettings
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.db import connection, connections
from django.test import Client
from django.utils import timezone

from channel_sync.channels.canonical import AccessToken
from channel_sync.checks import check_secrets, check_settings
from channel_sync.connections.tokens import DatabaseTokenStore
from channel_sync.errors import ConfigurationError, SecretUnreadable
from channel_sync.events.processing import process
from channel_sync.heartbeats import _last, note_alive, wrong_keys
from channel_sync.models import (
    AlertKind,
    AuditAction,
    AuditEntry,
    ChannelAccount,
    ChannelConnection,
    ChannelEvent,
    ChannelProperty,
    ChannelPropertyStatus,
    EventStatus,
    EventType,
    ProcessKind,
    StoredAnswer,
    WebhookSubscription,
)
from channel_sync.models.sealed_values import sealed_values
from channel_sync.monitoring.alert_rules import findings
from channel_sync.monitoring.health import HealthStatus, Life
from channel_sync.operations import reencryption
from channel_sync.operations.properties import NewConnection, connect
from channel_sync.subscriptions.changes import rotate as rotate_secret
from channel_sync.subscriptions.changes import subscribe
from channel_sync.subscriptions.delivery import signing_secrets
from pms_project.pms.models import ReservationStatus
from tests.beds24_webhooks import webhook
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.dangers.working import work_everything
from tests.factories import ChannelConnectionFactory, ReservationFactory
from tests.integration.test_alerts import health
from tests.integration.test_webhook_view import HEADER, post

pytestmark = pytest.mark.django_db

SECRETS = {"webhook_secret": "hook", "webhook_secret_previous": "older hook"}
TOKENS = {"refresh_token": "refresh", "access_token": "access"}


@pytest.fixture
def stored(settings: LazySettings) -> ChannelConnection:
    """A connection and its account, under the keys "old" and "salt"."""
    settings.SECRET_KEY, settings.SALT_KEY = "old", ["salt"]
    found: ChannelConnection = ChannelConnectionFactory(channel_property__channel_property_id="1001", **SECRETS)
    ChannelAccount.objects.filter(id=found.account_id).update(**TOKENS)
    return found


def rotate(settings: LazySettings) -> None:
    """New keys first, the old ones still decrypt."""
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "new", ["old"]
    settings.SALT_KEY = ["new salt", "salt"]


def drop_old_keys(settings: LazySettings) -> None:
    settings.SECRET_KEY_FALLBACKS = []
    settings.SALT_KEY = ["new salt"]


def run(*arguments: str) -> tuple[int, dict[str, Any]]:
    """Exit code and what was printed."""
    output, code = StringIO(), 0
    try:
        call_command("channel_sync_reencrypt", "--json", *arguments, stdout=output)
    except SystemExit as left:
        code = int(str(left.code))
    return code, json.loads(output.getvalue())


def readable() -> dict[str, str]:
    found = ChannelConnection.objects.defer(None).get()
    account = ChannelAccount.objects.defer(None).get()
    return {name: getattr(found, name) for name in SECRETS} | {name: getattr(account, name) for name in TOKENS}


def test_both_keys_are_rotated_and_the_old_ones_are_not_needed_any_more(
    stored: ChannelConnection, settings: LazySettings
) -> None:
    rotate(settings)
    assert readable() == SECRETS | TOKENS
    assert run("--check") == (2, {"values": 4, "reencrypted": 0, "old": 4, "unreadable": []})

    assert run() == (0, {"values": 4, "reencrypted": 4, "old": 0, "unreadable": []})

    assert run("--check")[0] == 0
    drop_old_keys(settings)
    assert readable() == SECRETS | TOKENS
    assert post(webhook(), headers={HEADER: "hook"}).status_code == 200
    assert AuditEntry.objects.get(action=AuditAction.SECRETS_REENCRYPTED).details["reencrypted"] == 4


@pytest.mark.parametrize(
    "keys",
    [
        {"SECRET_KEY": "new", "SECRET_KEY_FALLBACKS": ["old"]},
        {"SECRET_KEY": "new", "SECRET_KEY_FALLBACKS": ("other", "old")},
        {"SALT_KEY": ["new salt", "salt"]},
        {"SALT_KEY": ("new salt", "salt")},
        {"SALT_KEY": "salt"},
    ],
)
def test_fallbacks_of_either_key_decrypt(
    stored: ChannelConnection, settings: LazySettings, keys: dict[str, Any]
) -> None:
    for name, value in keys.items():
        setattr(settings, name, value)

    assert readable() == SECRETS | TOKENS


def test_a_run_that_was_stopped_goes_on_and_does_nothing_twice(
    stored: ChannelConnection, settings: LazySettings
) -> None:
    rotate(settings)

    def stop(done: int) -> None:
        raise KeyboardInterrupt

    with suppress(KeyboardInterrupt):
        reencryption.reencrypt(by="ada", progress=stop)

    assert reencryption.reencrypt(by="ada").reencrypted == 3
    assert run() == (0, {"values": 4, "reencrypted": 0, "old": 0, "unreadable": []})


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_late", [False, True])
def test_a_token_that_is_refreshed_meanwhile_is_kept(
    stored: ChannelConnection, settings: LazySettings, monkeypatch: pytest.MonkeyPatch, is_late: bool
) -> None:
    """By a worker that has the new keys already, or only the old ones, over a connection of its own."""
    rotate(settings)
    new_keys = settings.SECRET_KEY, settings.SALT_KEY
    replace = reencryption._replace
    refreshed = []

    def refresh_first(value: Any) -> bool:
        if value.column == "access_token" and not refreshed:
            refreshed.append(value)
            if is_late:
                settings.SECRET_KEY, settings.SALT_KEY = "old", ["salt"]
            token = AccessToken(token="refreshed", expires_at=timezone.now() + timedelta(hours=1))
            DatabaseTokenStore(stored.account_id).save_access_token(token)
            settings.SECRET_KEY, settings.SALT_KEY = new_keys
        return replace(value)

    monkeypatch.setattr(reencryption, "_replace", refresh_first)

    code, done = run()

    assert refreshed
    assert (code, done["reencrypted"]) == (0, 4 if is_late else 3)
    drop_old_keys(settings)
    assert readable()["access_token"] == "refreshed"


@pytest.mark.django_db(transaction=True)
def test_a_row_that_a_worker_holds_stops_no_other_and_readers_never_wait(
    stored: ChannelConnection, settings: LazySettings
) -> None:
    """Each statement is a transaction of its own: nothing is locked between two of them."""
    rotate(settings)
    held: list[int] = []

    def look(done: int) -> None:
        other = connections["default"].copy()
        try:
            with other.cursor() as cursor:
                cursor.execute("SET lock_timeout = '50ms'")
                cursor.execute("SELECT count(*) FROM (SELECT 1 FROM channel_accounts FOR UPDATE) AS rows")
                held.append(done)
        finally:
            other.close()

    reencryption.reencrypt(by="ada", progress=look)

    assert held == [1, 1, 1, 1]


def test_what_no_key_decrypts_is_named_and_left_as_it_is(stored: ChannelConnection, settings: LazySettings) -> None:
    sealed = Fernet(Fernet.generate_key()).encrypt(b"lost").decode()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE channel_accounts SET refresh_token = %s", [sealed])
    rotate(settings)

    code, done = run()

    assert code == 1
    assert done["unreadable"] == [f"channel_accounts.refresh_token of row {stored.account_id}"]
    assert done["reencrypted"] == 3
    assert sealed in [value.ciphertext for value in sealed_values()]
    assert sealed not in json.dumps(done)


def lose_keys(settings: LazySettings) -> None:
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "wrong", []


def test_the_system_check_names_each_row(stored: ChannelConnection, settings: LazySettings) -> None:
    assert check_secrets(databases=["default"]) == []

    lose_keys(settings)

    found = check_secrets(databases=["default"])
    assert [one.id for one in found] == ["channel_sync.W004"] * 4
    assert f"channel_connections.webhook_secret of row {stored.channel_property_id}" in found[0].msg
    assert check_secrets(databases=None) == []
    with pytest.raises(CommandError, match=r"channel_connections\.webhook_secret of row"):
        call_command("check", "--database", "default", "--fail-level", "WARNING")


@pytest.mark.parametrize("salt", [None, "", [], [""], ["salt", 7]])
def test_a_missing_or_broken_salt_is_an_error_of_the_settings(settings: LazySettings, salt: Any) -> None:
    settings.SALT_KEY = salt

    (problem,) = check_settings()

    assert problem.id == "channel_sync.E005"
    assert "SALT_KEY" in problem.msg


@pytest.mark.django_db(transaction=True)
def test_health_says_that_keys_are_wrong_and_no_webhook_is_sent_there(
    stored: ChannelConnection, settings: LazySettings, client: Client, beds24: RunningSimulator
) -> None:
    assert client.get("/health/ready").status_code == 200

    lose_keys(settings)

    ready = client.get("/health/ready")
    assert (ready.status_code, ready.json()["secrets"]["keys"]) == (503, "wrong")
    found = client.get("/health/channel-sync")
    assert found.json()["secrets"] == {"keys": "wrong", "unreadable": 4, "processes_with_wrong_keys": []}
    assert found.json()["status"] == HealthStatus.UNHEALTHY.value


@pytest.mark.django_db(transaction=True)
def test_one_secret_that_is_lost_keeps_no_other_property_from_its_webhooks(
    stored: ChannelConnection, client: Client
) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE channel_connections SET webhook_secret = 'lost'")

    assert client.get("/health/ready").status_code == 200
    assert client.get("/health/channel-sync").json()["secrets"] == {
        "keys": "ok", "unreadable": 1, "processes_with_wrong_keys": [],
    }  # fmt: skip


def test_a_worker_with_wrong_keys_says_so_and_is_an_alert(stored: ChannelConnection, settings: LazySettings) -> None:
    _last.clear()
    note_alive("good@here", ProcessKind.WORKER, ["q"])
    lose_keys(settings)
    note_alive("bad@here", ProcessKind.WORKER, ["q"])
    settings.SECRET_KEY = "old"

    assert wrong_keys() == ["bad@here"]
    life = Life(health().life.workers, is_beat_alive=True, wrong_keys=wrong_keys())  # type: ignore[union-attr]
    looked = health(life=life)
    assert looked.status is HealthStatus.DEGRADED
    (alert,) = findings(looked, now=timezone.now())
    assert (alert.kind, alert.subject) == (AlertKind.SECRET_UNREADABLE, "bad@here")


def test_a_worker_with_wrong_keys_puts_no_property_in_error(
    connected: ConnectedHotel, beds24: RunningSimulator, settings: LazySettings
) -> None:
    reservation = ReservationFactory(room_type=connected.double, status=ReservationStatus.PENDING_SYNC)
    event = ChannelEvent.objects.get(event_type=EventType.BOOKING_CREATE)
    right = settings.SECRET_KEY
    settings.SECRET_KEY = "wrong"

    assert process(event.id) == EventStatus.RETRYING
    assert ChannelProperty.objects.get().status == ChannelPropertyStatus.ACTIVE

    settings.SECRET_KEY = right
    work_everything()
    reservation.refresh_from_db()
    assert reservation.status == ReservationStatus.CONFIRMED


@pytest.fixture
def wanted(connected: ConnectedHotel, beds24: RunningSimulator) -> Callable[[], NewConnection]:
    beds24.simulator.state.accounts[901].invite_codes.add("ANOTHER")
    return lambda: NewConnection(connected.hotel.id, "beds24", "ANOTHER")


def test_connecting_with_wrong_keys_is_refused_before_the_code_is_spent(
    wanted: Callable[[], NewConnection], beds24: RunningSimulator, settings: LazySettings
) -> None:
    settings.SECRET_KEY = "wrong"

    with pytest.raises(ConfigurationError, match=r"decrypt nothing of what is stored.*not spent"):
        connect(wanted(), by="ada")
    with pytest.raises(CommandError, match="not spent"):
        call_command("channel_sync_connect", str(wanted().property_id), "--invite-code", "ANOTHER")

    assert "ANOTHER" in beds24.simulator.state.accounts[901].invite_codes
    with pytest.raises(SecretUnreadable):
        ChannelConnection.objects.get().webhook_secret  # noqa: B018


@pytest.mark.parametrize("name", ["SALT_KEY", "SECRET_KEY"])
def test_connecting_without_a_key_is_refused_before_the_code_is_spent(
    wanted: Callable[[], NewConnection], beds24: RunningSimulator, settings: LazySettings, name: str
) -> None:
    setattr(settings, name, "")

    with pytest.raises(ConfigurationError, match="not spent"):
        connect(wanted(), by="ada")

    assert "ANOTHER" in beds24.simulator.state.accounts[901].invite_codes


def test_keys_that_are_lost_for_good_can_be_said_to_be(
    wanted: Callable[[], NewConnection], connected: ConnectedHotel, settings: LazySettings
) -> None:
    settings.SECRET_KEY = "wrong"

    call_command("channel_sync_connect", str(wanted().property_id), "--invite-code", "ANOTHER", "--keys-are-lost")

    assert ChannelConnection.objects.get().webhook_secret


def test_the_secrets_of_subscriptions_are_rotated_too(db: None, settings: LazySettings) -> None:
    """Both are encrypted anew, and deliveries are signed by them afterwards; stored answers hold no secret."""
    settings.SECRET_KEY, settings.SALT_KEY = "old", ["salt"]
    owner = get_user_model().objects.create_superuser("ada")
    first = subscribe(owner, "https://8.8.8.8/")
    second = rotate_secret(first.subscription, owner)
    StoredAnswer.objects.create(user=owner, key="once", fingerprint="f", status=201, body={"id": "7"})
    rotate(settings)
    assert run("--check") == (2, {"values": 2, "reencrypted": 0, "old": 2, "unreadable": []})

    assert run() == (0, {"values": 2, "reencrypted": 2, "old": 0, "unreadable": []})

    drop_old_keys(settings)
    stored = WebhookSubscription.objects.defer(None).get()
    assert signing_secrets(stored) == [second.secret, first.secret]
    assert StoredAnswer.objects.get().body == {"id": "7"}

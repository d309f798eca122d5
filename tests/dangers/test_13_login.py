"""A login refused with another status than 401 failed bookings for good; secrets went with redirects and into reprs."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import uuid4

import pytest
from django.conf import LazySettings
from django.test import Client
from django.utils import timezone

from channel_sync.channels.base import ChannelCredentials, NewAccount
from channel_sync.channels.beds24.channel import Beds24Channel
from channel_sync.channels.beds24.simulator.deliveries import Delivery
from channel_sync.channels.beds24.simulator.state import Account
from channel_sync.channels.beds24.simulator.webhook_settings import WebhookSettings
from channel_sync.channels.beds24.transport import Answer
from channel_sync.channels.canonical import AccessToken, Credits
from channel_sync.channels.setup import WebhookState, WebhookTarget
from channel_sync.conf import ChannelSyncSettings
from channel_sync.connections.connect import Connected
from channel_sync.connections.suggestions import Suggestions
from channel_sync.errors import ChannelUnavailable, LoginRefused, RefusedByChannel
from channel_sync.events.processing import process
from channel_sync.models import (
    ChannelAccount,
    ChannelEvent,
    ChannelProperty,
    ChannelPropertyStatus,
    Direction,
    EventStatus,
    EventType,
    WebhookVerification,
)
from channel_sync.monitoring.notices import Notice, tell
from channel_sync.operations.properties import ConnectOutcome, NewConnection
from channel_sync.operations.setup_report import SetupReport, WebhookStanding
from channel_sync.operations.webhooks import Rotated
from pms_project.pms.models import Reservation, ReservationStatus
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.factories import EventFactory, ReservationFactory
from tests.http_receiver import receiving
from tests.integration.test_beds24_client import Account as ClientAccount
from tests.integration.test_beds24_client import MemoryTokens, account

__all__ = ["account"]

pytestmark = pytest.mark.django_db


def forget_logins(beds24: RunningSimulator) -> None:
    """Beds24 knows neither the tokens nor the refresh tokens any more."""
    for known in beds24.simulator.state.accounts.values():
        known.tokens.clear()
        known.refresh_tokens.clear()


def send_bookings() -> list[ChannelEvent]:
    events = list(ChannelEvent.objects.filter(event_type=EventType.BOOKING_CREATE).order_by("received_at"))
    for event in events:
        process(event.id)
        event.refresh_from_db()
    return events


def assert_everything_waits(hotel: ConnectedHotel, events: list[ChannelEvent]) -> None:
    hotel.channel_property.refresh_from_db()
    assert hotel.channel_property.status == ChannelPropertyStatus.ERROR
    assert {(event.status, event.attempts) for event in events} == {(EventStatus.RETRYING, 0)}
    assert not Reservation.objects.exclude(status=ReservationStatus.PENDING_SYNC).exists()


@pytest.mark.parametrize("status", [None, 400, 401, 403, 404])
@pytest.mark.parametrize("waiting", [1, 3])
def test_a_refused_refresh_token_makes_events_wait_until_somebody_connects_again(
    connected: ConnectedHotel, beds24: RunningSimulator, status: int | None, waiting: int
) -> None:
    for _ in range(waiting):
        ReservationFactory(room_type=connected.double, status=ReservationStatus.PENDING_SYNC)
    forget_logins(beds24)
    if status is not None:
        beds24.controls.fail_next(kind="status", status=status, path="/authentication/token", times=-1)

    assert_everything_waits(connected, send_bookings())


def test_the_simulator_refuses_a_refresh_token_as_documented(account: ClientAccount, beds24: RunningSimulator) -> None:
    forget_logins(beds24)
    account.tokens.access = None

    with pytest.raises(LoginRefused, match="channel_sync_connect"):
        account.channel.properties()
    assert [(call.path, call.status) for call in account.calls] == [("/authentication/token", 400)]


def test_no_credits_for_a_token_is_no_refused_login(connected: ConnectedHotel, beds24: RunningSimulator) -> None:
    ReservationFactory(room_type=connected.double, status=ReservationStatus.PENDING_SYNC)
    ChannelAccount.objects.update(access_token=None)
    beds24.controls.fail_next(kind="status", status=429, path="/authentication/token")

    (event,) = send_bookings()

    connected.channel_property.refresh_from_db()
    assert connected.channel_property.status == ChannelPropertyStatus.ACTIVE
    assert (event.status, event.attempts) == (EventStatus.RETRYING, 0)


def test_a_probe_that_is_answered_with_an_invalid_token_is_a_refused_login(
    connected: ConnectedHotel, beds24: RunningSimulator
) -> None:
    ReservationFactory(room_type=connected.double, status=ReservationStatus.PENDING_SYNC)
    ChannelAccount.objects.update(unavailable_since=timezone.now(), probe_at=timezone.now())
    forget_logins(beds24)

    assert_everything_waits(connected, send_bookings())


def test_a_probe_replaces_a_token_that_is_not_valid_any_more(account: ClientAccount, beds24: RunningSimulator) -> None:
    beds24.simulator.state.accounts[901].tokens.clear()

    account.channel.ping()

    assert account.paths() == ["/authentication/details", "/authentication/token", "/authentication/details"]


@pytest.mark.parametrize("code", ["WRONG-CODE", "", "two\nlines", "ünïcode…"])
def test_a_bad_invite_code_is_refused_in_clear_words(beds24: RunningSimulator, code: str) -> None:
    with pytest.raises(RefusedByChannel, match=r"(?i)invite code") as caught:
        Beds24Channel.connect(code, {"base_url": f"{beds24.address}/v2"})

    assert not isinstance(caught.value, LoginRefused)
    assert not code or code not in str(caught.value)


class Elsewhere:
    """A server that redirects every call to itself, and keeps the headers of what follows."""

    def __init__(self) -> None:
        self.followed: list[dict[str, str]] = []
        elsewhere = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path.startswith("/elsewhere"):
                    elsewhere.followed.append(dict(self.headers))
                    body = json.dumps({"success": True, "data": []}).encode()
                    self.send_response(200)
                    self.end_headers()
                    self.wfile.write(body)
                else:
                    self.send_response(302)
                    self.send_header("Location", "/elsewhere")
                    self.end_headers()

            def log_message(self, *arguments: Any) -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()


@pytest.fixture
def elsewhere() -> Iterator[Elsewhere]:
    running = Elsewhere()
    yield running
    running.server.shutdown()
    running.server.server_close()


def test_a_redirect_is_not_followed_and_no_token_goes_elsewhere(elsewhere: Elsewhere) -> None:
    options = {"base_url": f"{elsewhere.url}/v2"}
    token = AccessToken(token="access-1", expires_at=datetime(2100, 1, 1, tzinfo=UTC))
    channel = Beds24Channel(ChannelCredentials(MemoryTokens("refresh-1", token), options=options))

    with pytest.raises(ChannelUnavailable, match=r"redirect.*base_url") as caught:
        channel.properties()

    assert caught.value.status == 302
    assert elsewhere.followed == []
    with pytest.raises(ChannelUnavailable, match="redirect"):
        Beds24Channel.connect("invite-1", options)
    assert not Beds24Channel.is_reachable(options, timeout=2)
    assert elsewhere.followed == []


def test_an_alert_that_is_redirected_was_not_received(settings: LazySettings) -> None:
    with receiving() as receiver:
        receiver.status = 302
        settings.CHANNEL_SYNC = {**settings.CHANNEL_SYNC, "alert_webhook_url": receiver.url}
        notice = Notice("1", "queue_depth", "", "1001 messages wait", timezone.now())

        assert tell(notice, ["webhook"]) == []


def test_secrets_are_not_shown_in_the_repr_of_what_holds_them() -> None:
    token = AccessToken(token="s3cret", expires_at=timezone.now())
    new = NewConnection(uuid4(), "beds24", "s3cret")
    connected = Connected(ChannelProperty(), "s3cret", WebhookVerification.HEADER, Suggestions([], []), (), ())
    setup = SetupReport(WebhookStanding.SET)
    target = WebhookTarget("http://pms.example", "X-Secret", "s3cret")
    holders = [
        token,
        NewAccount("901", "s3cret", token),
        ChannelCredentials(MemoryTokens("s3cret", token), options={"key": "s3cret"}),
        Answer(json={"token": "s3cret"}, credits=Credits()),
        new,
        connected,
        ConnectOutcome(connected, 0, setup),
        Rotated("s3cret", WebhookVerification.HEADER, setup),
        target,
        WebhookState(headers={"X-Secret": "s3cret"}),
        WebhookSettings(custom_header="X-Channel-Sync-Secret: s3cret", signing_secret="s3cret"),
        Delivery("one", "http://pms.example", {}, headers={"X-Secret": "s3cret"}, signing_secret="s3cret"),
        Account(901, {"s3cret"}, {"s3cret"}, {"s3cret": timezone.now()}),
        ChannelAccount(refresh_token="s3cret", access_token="s3cret"),
        ChannelSyncSettings(pms="pms.Port", metrics_token="s3cret", alert_webhook_secret="s3cret"),
    ]

    assert [holder for holder in holders if "s3cret" in f"{holder!r} {holder}"] == []


def test_wrong_settings_are_told_without_their_secrets() -> None:
    with pytest.raises(ValueError, match="alert_webhook_url") as caught:
        ChannelSyncSettings(pms="pms.Port", alert_channels=("webhook",), alert_webhook_secret="s3cret")

    assert "s3cret" not in str(caught.value)


def test_the_documented_api_reads_no_token_out(client: Client) -> None:
    schema = client.get("/api/schema/", headers={"Accept": "application/json"}).content.decode()

    assert not [name for name in ("refresh_token", "access_token", "webhook_secret_previous") if name in schema]


def test_inbound_events_wait_for_the_login_too(connected: ConnectedHotel, beds24: RunningSimulator) -> None:
    event = EventFactory(
        channel_property=connected.channel_property,
        event_type=EventType.AVAILABILITY_UPDATED,
        direction=Direction.INBOUND,
        entity_external_id=connected.room_id(connected.double),
    )
    forget_logins(beds24)

    process(event.id)

    event.refresh_from_db()
    assert_everything_waits(connected, [event])

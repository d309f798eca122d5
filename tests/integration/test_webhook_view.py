"""The webhook's answers (design "Inbound"): what is stored, what is refused, and why."""

from __future__ import annotations

import json
import time
from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest
from django.conf import LazySettings
from django.db import connection as database
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from channel_sync.database_clock import database_now
from channel_sync.errors import BadSignature
from channel_sync.inbound import last_webhook
from channel_sync.inbound.last_webhook import forget_noted
from channel_sync.inbound.senders import forget_senders
from channel_sync.inbound.verification import verify
from channel_sync.metrics import WEBHOOKS
from channel_sync.models import (
    ChannelConnection,
    ChannelEvent,
    ChannelProperty,
    ChannelPropertyStatus,
    EventType,
    WebhookVerification,
)
from channel_sync.signature import sign
from tests.beds24_webhooks import LATER, envelope, webhook
from tests.factories import WEBHOOK_SECRET, ChannelConnectionFactory

pytestmark = pytest.mark.django_db

URL = "/webhooks/beds24/"
HEADER = "X-Channel-Sync-Secret"
NOW = 1_800_000_000.0


@pytest.fixture
def connection() -> ChannelConnection:
    connection: ChannelConnection = ChannelConnectionFactory(channel_property__channel_property_id="1001")
    return connection


@pytest.fixture
def signed(connection: ChannelConnection) -> ChannelConnection:
    connection.webhook_verification = WebhookVerification.HMAC
    connection.save()
    return connection


def post(body: Any, headers: dict[str, str] | None = None, url: str = URL) -> HttpResponse:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    sent = {HEADER: WEBHOOK_SECRET} if headers is None else headers
    answer: HttpResponse = Client().post(url, content, content_type="application/json", headers=sent)
    return answer


def signature(body: bytes, *, age: int = 0, secret: str = WEBHOOK_SECRET, now: float | None = None) -> dict[str, str]:
    stamp = int(time.time() if now is None else now) - age
    return {"X-Channel-Sync-Timestamp": str(stamp), "X-Channel-Sync-Signature": sign(secret, stamp, body)}


@pytest.mark.usefixtures("connection")
def test_a_webhook_is_stored_and_answered() -> None:
    answer = post(webhook())

    assert answer.status_code == 200
    assert json.loads(answer.content)["status"] == "accepted"
    event = ChannelEvent.objects.get()
    assert (event.event_type, event.status, event.source) == (EventType.BOOKING_CREATED, "received", "beds24")
    assert (event.entity_external_id, event.payload["booking"]["lastName"]) == ("5000001", "Lovelace")
    assert event.occurred_at.isoformat() == "2026-11-01T10:00:00+00:00"


@pytest.mark.usefixtures("connection")
@pytest.mark.parametrize("url", ["/webhooks/beds24/", "/webhooks/beds24"])
def test_the_trailing_slash_does_not_matter(url: str) -> None:
    assert post(webhook(), url=url).status_code == 200


@pytest.mark.usefixtures("connection")
def test_a_duplicate_is_answered_and_not_stored() -> None:
    post(webhook())

    answer = post(webhook(retries=1))

    assert (answer.status_code, json.loads(answer.content)["status"]) == (200, "duplicate")
    assert ChannelEvent.objects.count() == 1


@pytest.mark.usefixtures("connection")
def test_each_state_of_a_booking_is_an_event() -> None:
    post(webhook())
    post(webhook(modifiedTime=LATER, price=300))
    post(webhook(modifiedTime=LATER, status="cancelled"))

    assert list(ChannelEvent.objects.order_by("created_at", "received_at").values_list("event_type", flat=True)) == [
        EventType.BOOKING_CREATED,
        EventType.BOOKING_MODIFIED,
        EventType.BOOKING_CANCELLED,
    ]


@pytest.mark.usefixtures("connection")
def test_the_envelope_of_the_plan_is_taken_once_per_event_id() -> None:
    statuses = [json.loads(post(envelope("booking.created", event_id="e1")).content)["status"] for _ in range(2)]

    assert statuses == ["accepted", "duplicate"]


@pytest.mark.usefixtures("connection")
def test_an_inventory_webhook_is_stored() -> None:
    post({"roomId": "2001", "propId": "1001", "ownerId": "901", "action": "SYNC_ROOM"})

    assert ChannelEvent.objects.get().event_type == EventType.AVAILABILITY_UPDATED


@pytest.mark.parametrize("status", ChannelPropertyStatus.values)
def test_a_property_takes_webhooks_whatever_its_status(connection: ChannelConnection, status: str) -> None:
    connection.channel_property.status = status
    connection.channel_property.save()

    assert post(webhook()).status_code == 200


def test_the_time_of_the_last_webhook_is_kept(connection: ChannelConnection) -> None:
    post(webhook())

    connection.channel_property.refresh_from_db()
    assert connection.channel_property.last_webhook_at is not None


@pytest.mark.parametrize("hours", [-1, 1])
def test_the_time_of_the_last_webhook_is_the_database_s(
    connection: ChannelConnection, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    """A process whose clock is wrong neither keeps a wrong time nor takes a right one for recent or old."""
    post(webhook())
    first = last_webhook_at(connection)
    wrong = timezone.now() + timedelta(hours=hours)
    monkeypatch.setattr(timezone, "now", lambda: wrong)
    forget_senders()
    forget_noted()
    post(webhook())
    assert last_webhook_at(connection) == first

    ChannelProperty.objects.update(last_webhook_at=database_now() - timedelta(seconds=6))
    forget_senders()
    forget_noted()
    post(webhook())

    assert abs(database_now() - last_webhook_at(connection)) < timedelta(seconds=5)


def test_webhooks_in_a_rush_are_one_statement_each(
    connection: ChannelConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    post(webhook())
    # However slow this machine is, the twenty come within the pause.
    monkeypatch.setattr(last_webhook, "PAUSE", timedelta(hours=1))

    with CaptureQueriesContext(database) as statements:
        for price in range(20):
            post(webhook(price=price))

    assert len([one for one in statements if "channel_properties" in one["sql"] and "UPDATE" in one["sql"]]) <= 1


@pytest.mark.django_db(transaction=True)
def test_the_time_of_the_last_webhook_waits_for_nobody(connection: ChannelConnection) -> None:
    with psycopg.connect(**database.get_connection_params() | {"cursor_factory": None}) as other:
        other.execute("UPDATE channel_properties SET last_sync_at = now()")
        with database.cursor() as cursor:
            cursor.execute("SET lock_timeout = '1s'")
        try:
            assert post(webhook()).status_code == 200
        finally:
            with database.cursor() as cursor:
                cursor.execute("RESET lock_timeout")
        other.rollback()
    connection.channel_property.refresh_from_db()
    assert connection.channel_property.last_webhook_at is None

    forget_noted()
    post(webhook(price=1))

    assert last_webhook_at(connection) is not None


def last_webhook_at(connection: ChannelConnection) -> datetime:
    connection.channel_property.refresh_from_db()
    assert connection.channel_property.last_webhook_at is not None
    return connection.channel_property.last_webhook_at


@pytest.mark.usefixtures("connection")
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"booking"',
        b"\xff\xfe",
        b'{"booking": {"price": NaN}}',
        b"[" * 100_000,
    ],
    ids=["empty", "cut", "list", "text", "bytes", "nan", "nested"],
)
def test_a_malformed_body_is_a_400(body: bytes) -> None:
    answer = post(body)

    assert answer.status_code == 400
    assert json.loads(answer.content)["error"] == "malformed"
    assert not ChannelEvent.objects.exists()


@pytest.mark.usefixtures("connection")
def test_an_unknown_property_is_a_401() -> None:
    answer = post(webhook(propertyId=999))

    assert answer.status_code == 401
    assert "channel_sync_webhook" in json.loads(answer.content)["detail"]
    assert not ChannelEvent.objects.exists()


@pytest.mark.usefixtures("connection")
def test_an_unknown_channel_is_a_404() -> None:
    assert post(webhook(), url="/webhooks/expedia/").status_code == 404


@pytest.mark.usefixtures("connection")
@pytest.mark.parametrize("headers", [{}, {HEADER: ""}, {HEADER: "wrong"}, {HEADER: "sécret"}])
def test_a_wrong_secret_is_a_401(headers: dict[str, str]) -> None:
    answer = post(webhook(), headers=headers)

    assert (answer.status_code, json.loads(answer.content)["error"]) == (401, "not_verified")
    assert not ChannelEvent.objects.exists()


@pytest.mark.usefixtures("connection")
def test_a_body_of_ten_megabytes_is_a_413_and_is_not_parsed() -> None:
    answer = post(b'{"booking": "' + b"x" * 10_000_000 + b'"}')

    assert answer.status_code == 413
    assert not ChannelEvent.objects.exists()


@pytest.mark.usefixtures("connection")
def test_the_size_limit_is_a_setting(settings: LazySettings) -> None:
    body = json.dumps(webhook()).encode()
    settings.CHANNEL_SYNC = {**settings.CHANNEL_SYNC, "webhook_max_bytes": len(body) - 1}
    assert post(body).status_code == 413

    settings.CHANNEL_SYNC = {**settings.CHANNEL_SYNC, "webhook_max_bytes": len(body)}
    assert post(body).status_code == 200


@pytest.mark.usefixtures("connection")
def test_a_webhook_of_version_1_is_told_what_to_switch(caplog: pytest.LogCaptureFixture) -> None:
    rejected = WEBHOOKS.labels("beds24", "no_post")._value
    before = rejected.get()

    answer = Client().get(URL, {"bookid": "12345678", "status": "new"})

    assert (answer.status_code, answer["Allow"]) == (405, "POST")
    assert "version of the property's booking webhook to '2 with personal data'" in json.loads(answer.content)["detail"]
    assert "no_post" in caplog.text
    assert rejected.get() == before + 1
    assert Client().get("/webhooks/nobody/").status_code == 405


def test_both_secrets_are_good_while_they_are_rotated(connection: ChannelConnection) -> None:
    connection.webhook_secret, connection.webhook_secret_previous = "new", WEBHOOK_SECRET
    connection.save()

    assert post(webhook()).status_code == 200
    assert post(webhook(price=1), headers={HEADER: "new"}).status_code == 200
    assert post(webhook(price=2), headers={HEADER: "newer"}).status_code == 401


@pytest.mark.usefixtures("signed")
def test_a_signed_body_is_taken() -> None:
    body = json.dumps(webhook()).encode()

    assert post(body, headers=signature(body)).status_code == 200


@pytest.mark.usefixtures("signed")
def test_a_signature_is_refused_when_old_foreign_or_of_another_body() -> None:
    body = json.dumps(webhook()).encode()
    wrong = [
        {},
        {HEADER: WEBHOOK_SECRET},
        signature(body, age=3600),
        signature(body, age=-3600),
        signature(body, secret="other"),
        signature(body + b" "),
        signature(body) | {"X-Channel-Sync-Timestamp": str(int(time.time()) - 10)},
        signature(body) | {"X-Channel-Sync-Timestamp": "now"},
        signature(body) | {"X-Channel-Sync-Timestamp": "9" * 400},
    ]

    assert {post(body, headers=headers).status_code for headers in wrong} == {401}
    assert not ChannelEvent.objects.exists()


@pytest.mark.parametrize("hours", [-1, 1])
@pytest.mark.usefixtures("signed")
def test_a_process_whose_clock_is_wrong_takes_a_signed_webhook_and_its_time(
    monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    body = json.dumps(webhook(modifiedTime=timezone.now().strftime("%Y-%m-%d %H:%M:%S"))).encode()
    headers = signature(body)
    right = time.time
    monkeypatch.setattr(time, "time", lambda: right() + 3600 * hours)
    wrong = timezone.now() + timedelta(hours=hours)
    monkeypatch.setattr(timezone, "now", lambda: wrong)

    assert post(body, headers=headers).status_code == 200

    assert ChannelEvent.objects.get().occurred_at is not None


@pytest.mark.parametrize("age", [-300, 300])
def test_a_signature_is_good_for_five_minutes(signed: ChannelConnection, age: int) -> None:
    verify(signed, signature(b"{}", age=age, now=NOW), b"{}", now=NOW)


@pytest.mark.parametrize("age", [-301, 301])
def test_a_signature_is_refused_a_second_later(signed: ChannelConnection, age: int) -> None:
    with pytest.raises(BadSignature, match="more than 0:05:00 from the database"):
        verify(signed, signature(b"{}", age=age, now=NOW), b"{}", now=NOW)


@pytest.mark.usefixtures("connection")
def test_an_offset_that_postgresql_does_not_know_does_not_cost_the_booking() -> None:
    assert post(webhook(modifiedTime="2026-11-02T05:23:00+19:23")).status_code == 200
    assert post(webhook(modifiedTime="9999-12-31T23:59:59-23:59")).status_code == 200

    first, second = ChannelEvent.objects.order_by("received_at")
    assert first.occurred_at.isoformat() == "2026-11-01T10:00:00+00:00"
    assert second.occurred_at.isoformat() == "2026-11-01T12:00:05+00:00"


@pytest.mark.usefixtures("connection")
def test_characters_that_jsonb_cannot_hold_do_not_cost_the_booking() -> None:
    assert post(webhook(lastName="Love\x00lace", notes="👩‍🚀")).status_code == 200

    stored = ChannelEvent.objects.get().payload["booking"]
    assert stored["lastName"] == "Love\N{REPLACEMENT CHARACTER}lace"
    assert stored["notes"] == "👩‍🚀"


@pytest.mark.usefixtures("connection")
def test_a_rejected_webhook_is_logged_without_personal_data(caplog: pytest.LogCaptureFixture) -> None:
    post(webhook(propertyId=None))
    post(webhook(), headers={HEADER: "wrong"})

    assert "malformed" in caplog.text
    assert "bad_signature" in caplog.text
    for private in ("Lovelace", "ada@example.org", WEBHOOK_SECRET, "wrong"):
        assert private not in caplog.text

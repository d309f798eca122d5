"""Refused webhooks told strangers which properties exist, and nobody that a hotel's bookings were turned away."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.core.management import call_command
from django.db import connection, transaction
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from channel_sync.inbound import rejections, verification
from channel_sync.inbound.rejections import write_rejections
from channel_sync.inbound.senders import forget_senders
from channel_sync.models import (
    AlertKind,
    ChannelConnection,
    ChannelProperty,
    RejectedWebhooks,
    WebhookVerification,
)
from channel_sync.monitoring.alert_rules import findings
from channel_sync.monitoring.finding import Finding
from channel_sync.operations.webhooks import rotate_secret
from tests.beds24_webhooks import webhook
from tests.factories import WEBHOOK_SECRET, ChannelConnectionFactory
from tests.integration.test_alerts import health
from tests.integration.test_webhook_view import HEADER, post

pytestmark = pytest.mark.django_db

UNKNOWN = 999
SIGNED = {"X-Channel-Sync-Timestamp": "1790000000", "X-Channel-Sync-Signature": "sha256=00"}


@pytest.fixture
def channel_property(db: None) -> ChannelProperty:
    """The one that webhooks are of."""
    found: ChannelProperty = ChannelConnectionFactory(channel_property__channel_property_id="1001").channel_property
    return found


def refused(count: int = 1, headers: dict[str, str] | None = None, **changes: Any) -> None:
    for number in range(count):
        assert post(webhook(id=6000000 + number, **changes), headers=headers or {HEADER: "wrong"}).status_code == 401
    write_rejections(at_once=True)


def alerts() -> list[Finding]:
    return list(findings(health(), now=timezone.now()))


@pytest.mark.parametrize("mode", list(WebhookVerification))
@pytest.mark.parametrize("headers", [{}, {HEADER: "wrong"}, SIGNED], ids=["missing", "wrong", "signed"])
def test_a_stranger_gets_the_same_answer_with_the_same_work_whether_the_property_exists_or_not(
    channel_property: ChannelProperty,
    monkeypatch: pytest.MonkeyPatch,
    mode: WebhookVerification,
    headers: dict[str, str],
) -> None:
    """Status, body and headers; the statements made, and secrets compared."""
    ChannelConnection.objects.update(webhook_verification=mode)
    work: list[tuple[Any, ...]] = []
    compare = verification._matches_any
    monkeypatch.setattr(verification, "_matches_any", lambda *of: work.append(("compared",)) or compare(*of))
    seen = []
    for property_id in (channel_property.channel_property_id, UNKNOWN):
        work.clear()
        rejections.forget_rejections()
        with CaptureQueriesContext(connection) as statements:
            answer = post(webhook(propertyId=int(property_id)), headers=headers)
        made = [one["sql"].split()[0] for one in statements]
        stays = {name: value for name, value in answer.headers.items() if name != "X-Correlation-Id"}
        seen.append((answer.status_code, answer.content, stays, made))
        assert mode == WebhookVerification.HMAC or len(work) == 1

    assert seen[0] == seen[1]
    assert seen[0][0] == 401


def test_refused_webhooks_of_a_property_are_an_alert_that_says_what_to_do(channel_property: ChannelProperty) -> None:
    refused(2)
    assert alerts() == []

    refused(1)

    (alert,) = alerts()
    assert (alert.kind, alert.channel_property) == (AlertKind.WEBHOOKS_REJECTED, channel_property)
    assert alert.message.startswith(f"3 webhooks of {channel_property} were refused")
    assert f"channel_sync_webhook {channel_property.id}" in alert.message
    assert "None was ever taken" in alert.message
    RejectedWebhooks.objects.update(last_at=Now() - timedelta(minutes=61))
    assert alerts() == []


def test_the_alert_says_that_the_present_secret_works(channel_property: ChannelProperty) -> None:
    refused(3)
    ChannelProperty.objects.update(last_webhook_at=Now() + timedelta(seconds=1))

    assert "the present secret works" in alerts()[0].message


def test_those_of_no_property_of_ours_are_one_alert_and_need_more(
    channel_property: ChannelProperty, settings: LazySettings
) -> None:
    settings.CHANNEL_SYNC = {**settings.CHANNEL_SYNC, "alert_unknown_webhooks": 4}
    refused(3, propertyId=UNKNOWN)
    assert alerts() == []

    refused(1, propertyId=UNKNOWN + 1)

    (alert,) = alerts()
    assert (alert.kind, alert.channel_property) == (AlertKind.WEBHOOKS_REJECTED, None)
    assert str(UNKNOWN) not in alert.message


def test_strangers_grow_no_table_and_nothing_of_theirs_is_kept(channel_property: ChannelProperty) -> None:
    """One row each for the property and for all that nobody has, however much is sent; a statement in some seconds."""
    with CaptureQueriesContext(connection) as statements:
        for number in range(50):
            body = webhook(id=7000000 + number, propertyId=90000 + number)
            assert post(body, headers={HEADER: f"guess {number}"}).status_code == 401
    assert sum(one["sql"].startswith("\nINSERT") for one in statements) == 1
    refused(20)

    kept = {(row["subject"], row["count"]) for row in RejectedWebhooks.objects.values()}
    assert kept == {("", 50), (str(channel_property.id), 20)}
    assert "guess" not in str(list(RejectedWebhooks.objects.values()))


def test_a_part_of_an_array_that_is_refused_counts_too(channel_property: ChannelProperty) -> None:
    other = ChannelConnectionFactory(channel_property__channel_property_id="1002", webhook_secret="another")

    assert post([webhook(), webhook(id=2, propertyId=1002)], headers={HEADER: WEBHOOK_SECRET}).status_code == 200

    assert RejectedWebhooks.objects.get().channel_property == other.channel_property


def test_a_count_that_cannot_be_written_is_written_later(
    channel_property: ChannelProperty, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(rejections, "NOTE", "SELECT 1 FROM no_such_table WHERE 'a' = ANY(%(channels)s)")
        with transaction.atomic():
            # The failed statement spoils a transaction; the view makes none of its own.
            transaction.set_rollback(True)
            rejections.note_rejection("beds24", "bad_signature", [channel_property.id])
    assert not RejectedWebhooks.objects.exists()

    write_rejections(at_once=True)

    assert RejectedWebhooks.objects.get().count == 1


def test_counts_are_deleted_in_time(channel_property: ChannelProperty) -> None:
    refused(1)
    RejectedWebhooks.objects.update(last_at=Now() - timedelta(days=31))

    call_command("channel_sync_retention")

    assert not RejectedWebhooks.objects.exists()


def rotated(days: float) -> None:
    ChannelConnection.objects.update(
        webhook_secret="new", webhook_secret_previous="old", webhook_secret_rotated_at=Now() - timedelta(days=days)
    )
    forget_senders()


@pytest.mark.parametrize(("days", "status"), [(6.9, 200), (7.1, 401)])
def test_the_old_secret_is_taken_for_a_week_at_most(
    channel_property: ChannelProperty, days: float, status: int
) -> None:
    rotated(days)

    assert post(webhook(), headers={HEADER: "old"}).status_code == status
    assert post(webhook(price=2), headers={HEADER: "new"}).status_code == 200


@pytest.mark.parametrize(("days", "expected"), [(0.9, []), (1.1, [AlertKind.ROTATION_UNFINISHED])])
def test_a_rotation_that_nobody_finishes_is_an_alert(
    channel_property: ChannelProperty, days: float, expected: list[AlertKind]
) -> None:
    rotated(days)

    assert [one.kind for one in alerts()] == expected


@pytest.fixture
def rotate(channel_property: ChannelProperty) -> Callable[[], None]:
    def rotate() -> None:
        rotate_secret(channel_property, "", by="ada", at_channel=False)

    return rotate


def test_a_rotation_begins_its_time_and_ends_it(channel_property: ChannelProperty, rotate: Callable[[], None]) -> None:
    rotate()
    begun = ChannelConnection.objects.defer(None).get()
    assert begun.webhook_secret_rotated_at is not None

    assert post(webhook(), headers={HEADER: begun.webhook_secret}).status_code == 200

    ended = ChannelConnection.objects.defer(None).get()
    assert (ended.webhook_secret_previous, ended.webhook_secret_rotated_at) == (None, None)


def test_a_rotation_whose_time_is_over_can_be_begun_anew(
    channel_property: ChannelProperty, rotate: Callable[[], None]
) -> None:
    rotated(8)

    rotate()

    assert ChannelConnection.objects.defer(None).get().webhook_secret_previous == "new"

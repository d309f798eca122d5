"""What is alerted, to whom, and how often."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.core import mail
from django.utils import timezone

from channel_sync.broker.depths import QueueDepths
from channel_sync.broker.topology import topology
from channel_sync.conflicts import flag_conflict
from channel_sync.models import (
    Alert,
    AlertKind,
    ChannelAccount,
    ChannelEvent,
    ChannelProperty,
    ConflictKind,
    EventStatus,
    Severity,
)
from channel_sync.monitoring.alert_rules import findings
from channel_sync.monitoring.alerts import follow
from channel_sync.monitoring.finding import Finding
from channel_sync.monitoring.health import Health, Life
from channel_sync.signature import sign
from tests.factories import EventFactory
from tests.http_receiver import Receiver, receiving

pytestmark = pytest.mark.django_db

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)


def health(**changes: Any) -> Health:
    """Everything answers, but for the changes."""
    alive = Life({queue.name: 1 for queue in topology().worked_queues()}, is_beat_alive=True)
    depths = {"inbound": 0, "outbound": 0, "inbound_dead_letters": 0, "outbound_dead_letters": 0, "is_connected": True}
    return Health(
        depths=QueueDepths(**{**depths, **changes.pop("depths", {})}),
        life=changes.pop("life", alive),
        reachable_channels=changes.pop("channels", {"beds24": True}),
    )


def kinds(found: Health | None = None) -> list[str]:
    return [finding.kind.value for finding in findings(found or health(), now=timezone.now())]


@pytest.fixture
def receiver(settings: LazySettings) -> Iterator[Receiver]:
    with receiving() as running:
        settings.CHANNEL_SYNC = {
            **settings.CHANNEL_SYNC,
            "alert_channels": ["log", "email", "webhook"],
            "alert_email_to": ["night-shift@hotel.example"],
            "alert_webhook_url": running.url,
            "alert_webhook_secret": "alert-secret",
        }
        yield running


def test_nothing_is_wrong() -> None:
    assert kinds() == []


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"depths": {"inbound_dead_letters": 60, "outbound_dead_letters": 41}}, AlertKind.DEAD_LETTERS),
        ({"depths": {"outbound": 1001}}, AlertKind.QUEUE_DEPTH),
        ({"channels": {"beds24": False}}, AlertKind.CHANNEL_UNAVAILABLE),
        ({"depths": {"is_connected": False, "inbound": None, "outbound": None}}, AlertKind.BROKER_UNREACHABLE),
    ],
)
def test_each_condition_of_the_surroundings(changes: dict[str, Any], kind: AlertKind) -> None:
    assert kinds(health(**changes)) == [kind.value]


@pytest.mark.parametrize(
    "changes", [{"depths": {"inbound_dead_letters": 60, "outbound_dead_letters": 40}}, {"depths": {"outbound": 1000}}]
)
def test_what_is_at_the_limit_is_no_alert(changes: dict[str, Any]) -> None:
    assert kinds(health(**changes)) == []


def test_workers_and_beat_that_are_missing() -> None:
    missing = Life({}, is_beat_alive=False)

    found = kinds(health(life=missing))

    assert found == ["worker_missing"] * len(topology().worked_queues()) + ["beat_missing"]


@pytest.mark.parametrize(("failed", "done", "expected"), [
    (11, 1000, ["failed_events"]),
    (10, 1000, []),
    (6, 94, ["success_rate"]),
    (5, 95, []),
    (1, 2, []),
    (10, 9, []),
    (10, 10, ["success_rate"]),
    (1, 19, []),
    (2, 18, ["success_rate"]),
])  # fmt: skip
def test_failed_events_and_the_success_rate(
    channel_property: ChannelProperty, failed: int, done: int, expected: list[str]
) -> None:
    now = timezone.now()
    for status, number in ((EventStatus.FAILED, failed), (EventStatus.DONE, done)):
        made = EventFactory.build_batch(number, channel_property=channel_property, status=status)
        for event in made:
            event.received_at = event.processed_at = now
        ChannelEvent.objects.bulk_create(made)
    old = EventFactory(channel_property=channel_property, status=EventStatus.FAILED)
    long_ago = now - timedelta(hours=2)
    ChannelEvent.objects.filter(id=old.id).update(received_at=long_ago, processed_at=long_ago)

    assert kinds() == expected


def test_a_small_host_has_the_success_rate_of_fewer_events(
    channel_property: ChannelProperty, settings: LazySettings
) -> None:
    for status in (EventStatus.FAILED, EventStatus.DONE, EventStatus.DONE):
        EventFactory(channel_property=channel_property, status=status, processed_at=timezone.now())
    assert kinds() == []

    settings.CHANNEL_SYNC = {**settings.CHANNEL_SYNC, "alert_success_rate_events": 3}

    assert kinds() == ["success_rate"]


def test_accounts_and_properties(channel_property: ChannelProperty) -> None:
    soon = timezone.now() + timedelta(minutes=2)
    ChannelAccount.objects.update(credits_remaining=9, credits_reset_at=soon)
    flag_conflict(
        channel_property,
        ConflictKind.OVERBOOKING,
        Severity.HIGH,
        "booking:1",
        pms_side={"free_units": {"2027-03-01": -1}},
        channel_side={},
    )

    assert kinds() == ["credits_nearly_used", "overbooking"]
    ChannelAccount.objects.update(credits_reset_at=timezone.now(), unavailable_since=timezone.now())
    ChannelProperty.objects.update(status="error")
    assert kinds() == ["channel_unavailable", "login_refused", "overbooking"]


def test_a_refused_login_says_of_which_property_why_and_where_to_connect_it(channel_property: ChannelProperty) -> None:
    ChannelProperty.objects.update(status="error")

    (found,) = findings(health(), now=timezone.now())

    assert str(channel_property) in found.message
    assert f"manage.py channel_sync_connect {channel_property.property_id}" in found.message
    assert "page in the admin" in found.message
    for why in ("used elsewhere", "revoked", "30 days"):
        assert why in found.message


def full(message: str = "1001 messages wait", **changes: Any) -> Finding:
    return Finding(AlertKind.QUEUE_DEPTH, message, "inbound", **changes)


def test_an_alert_is_told_once_in_each_way_and_resolved_once(
    receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        for minute in range(3):
            follow([full()], now=NOW + timedelta(minutes=minute))
        for minute in range(3, 6):
            follow([], now=NOW + timedelta(minutes=minute))

    assert [told["state"] for told in receiver.told] == ["fired", "resolved"]
    assert [message.subject for message in mail.outbox] == [
        "[channel sync] fired: queue depth (inbound)",
        "[channel sync] resolved: queue depth (inbound)",
    ]
    assert mail.outbox[0].to == ["night-shift@hotel.example"]
    lines = [record.message for record in caplog.records if record.name.endswith("notices")]
    assert len(lines) == 2
    alert = Alert.objects.get()
    assert (alert.settled, alert.resolved_at) == (True, NOW + timedelta(minutes=3))


def test_posts_are_signed(receiver: Receiver) -> None:
    follow([full()], now=NOW)

    stamp = int(receiver.headers[0]["X-Channel-Sync-Timestamp"])
    assert receiver.headers[0]["X-Channel-Sync-Signature"] == sign("alert-secret", stamp, receiver.bodies[0])


def test_a_way_that_fails_is_tried_again_alone(receiver: Receiver) -> None:
    receiver.status = 500
    follow([full()], now=NOW)
    assert len(mail.outbox) == 1
    receiver.status = 200
    follow([full()], now=NOW + timedelta(minutes=1))

    assert len(mail.outbox) == 1
    assert [told["state"] for told in receiver.told] == ["fired"]


def test_what_does_not_last_is_left_out(receiver: Receiver) -> None:
    five_minutes = timedelta(minutes=5)
    follow([full(lasts=five_minutes)], now=NOW)
    follow([], now=NOW + timedelta(minutes=4))
    follow([full(lasts=five_minutes)], now=NOW + timedelta(minutes=6))
    follow([full(lasts=five_minutes)], now=NOW + timedelta(minutes=10))
    assert receiver.told == []

    follow([full(lasts=five_minutes)], now=NOW + timedelta(minutes=11))

    assert [told["state"] for told in receiver.told] == ["fired"]
    assert Alert.objects.filter(settled=True).count() == 1


def test_one_that_comes_and_goes_is_told_once_per_throttle(receiver: Receiver) -> None:
    for minute in range(30):
        follow([full()] if minute % 2 else [], now=NOW + timedelta(minutes=minute))

    # Told at 1, over at 2; what begins before 17 is over before it is told.
    assert [told["state"] for told in receiver.told] == ["fired", "resolved", "fired", "resolved"]


def test_one_that_comes_back_to_stay_is_told_after_the_throttle(receiver: Receiver) -> None:
    follow([full()], now=NOW)
    follow([], now=NOW + timedelta(minutes=1))
    for minute in range(2, 20):
        follow([full()], now=NOW + timedelta(minutes=minute))

    assert [told["state"] for told in receiver.told] == ["fired", "resolved", "fired"]


def test_the_message_is_kept_up_to_date() -> None:
    follow([full()], now=NOW)
    follow([full("5000 messages wait")], now=NOW + timedelta(minutes=1))

    assert Alert.objects.get().message == "5000 messages wait"

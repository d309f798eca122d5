"""Personal data goes in time, duplicates are still known; old rows go, open cases stay."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.conf import LazySettings
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from channel_sync.conflicts import flag_conflict
from channel_sync.errors import EventInOtherState
from channel_sync.events.selection import REPLAYABLE_STATUSES
from channel_sync.events.store import restart
from channel_sync.models import (
    Alert,
    ApiCall,
    ChannelConnection,
    ChannelEvent,
    ChannelProperty,
    Conflict,
    ConflictKind,
    ConflictStatus,
    EventStatus,
    Severity,
)
from channel_sync.operations.event_actions import replay_event
from channel_sync.retention.run import run_retention
from channel_sync.retention.tasks import retention
from tests.beds24_webhooks import webhook
from tests.factories import WEBHOOK_SECRET, EventFactory, OutboundEventFactory

pytestmark = pytest.mark.django_db

PERSONAL = ("Lovelace", "Ada", "ada@example.org", "7946", "late arrival")


def old(event: ChannelEvent, days: int) -> ChannelEvent:
    ChannelEvent.objects.filter(id=event.id).update(received_at=timezone.now() - timedelta(days=days))
    event.refresh_from_db()
    return event


def text(event: ChannelEvent) -> str:
    event.refresh_from_db()
    return json.dumps([event.payload, event.normalized_payload])


@pytest.fixture
def received(client: Client, settings: LazySettings) -> ChannelEvent:
    """A booking that came as a webhook, and was worked."""
    prefix = {"queue_prefix": "test-nowhere."}
    settings.CHANNEL_SYNC = {**settings.CHANNEL_SYNC, **prefix, "publish_timeout": 0.1}
    property_id = ChannelConnection.objects.get().channel_property.channel_property_id
    assert post(client, property_id).json()["status"] == "accepted"
    ChannelEvent.objects.update(
        status=EventStatus.DONE,
        normalized_payload={"status": "confirmed", "guest": {"last_name": "Lovelace"}, "notes": "late arrival"},
    )
    return ChannelEvent.objects.get()


def post(client: Client, property_id: str) -> Any:
    body = webhook(propertyId=int(property_id), notes="late arrival", custom1="Ada")
    headers = {"X-Channel-Sync-Secret": WEBHOOK_SECRET}
    return client.post("/webhooks/beds24/", json.dumps(body), content_type="application/json", headers=headers)


def test_what_is_young_or_open_is_left(channel_property: ChannelProperty, received: ChannelEvent) -> None:
    old(received, 89)
    failed = old(EventFactory(channel_property=channel_property, status=EventStatus.FAILED, payload=webhook()), 179)

    done = run_retention(now=timezone.now())

    assert (done.events_redacted, done.events_deleted) == (0, 0)
    assert "Lovelace" in text(failed)


def test_a_worker_with_a_wrong_clock_takes_nothing_that_is_young(
    channel_property: ChannelProperty, received: ChannelEvent, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = timezone.now
    monkeypatch.setattr(timezone, "now", lambda: now() + timedelta(days=1000))

    retention()

    assert "Lovelace" in text(received)


def test_old_events_name_nobody_and_are_still_known(
    channel_property: ChannelProperty, received: ChannelEvent, client: Client
) -> None:
    old(received, 91)

    done = run_retention(now=timezone.now())

    assert done.events_redacted == 1
    assert not [word for word in PERSONAL if word in text(received)]
    assert received.payload["booking"]["arrival"] == webhook()["booking"]["arrival"]
    assert received.normalized_payload == {"status": "confirmed"}
    assert post(client, channel_property.channel_property_id).json()["status"] == "duplicate"
    assert run_retention(now=timezone.now()).events_redacted == 0


def test_a_redacted_event_is_not_worked_again(channel_property: ChannelProperty, received: ChannelEvent) -> None:
    old(received, 91)
    run_retention(now=timezone.now())

    assert restart(ChannelEvent.objects.filter(id=received.id), REPLAYABLE_STATUSES) == []
    with pytest.raises(EventInOtherState, match="redacted"):
        replay_event(received, by="clerk")


def test_what_was_sent_is_redacted_too(channel_property: ChannelProperty) -> None:
    sent = OutboundEventFactory(
        channel_property=channel_property,
        status=EventStatus.DONE,
        payload={"status": "confirmed"},
        normalized_payload={"external_room_id": "2001", "guest": {"first_name": "Ada"}, "notes": ""},
    )
    old(sent, 91)

    run_retention(now=timezone.now())

    assert "Ada" not in text(sent)
    assert sent.normalized_payload == {"external_room_id": "2001"}


def test_more_than_a_batch(channel_property: ChannelProperty, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("channel_sync.retention.redaction.BATCH", 3)
    monkeypatch.setattr("channel_sync.retention.deletion.BATCH", 3)
    for days, number in ((100, 7), (500, 8)):
        for _ in range(number):
            old(EventFactory(channel_property=channel_property, status=EventStatus.IGNORED, payload=webhook()), days)

    done = run_retention(now=timezone.now())

    assert (done.events_deleted, done.events_redacted) == (8, 7)
    assert ChannelEvent.objects.count() == 7


def test_guests_of_closed_conflicts_go(channel_property: ChannelProperty) -> None:
    for subject, status in (("booking:1", ConflictStatus.OPEN), ("booking:2", ConflictStatus.RESOLVED)):
        flag_conflict(
            channel_property,
            ConflictKind.GUEST,
            Severity.MEDIUM,
            subject,
            pms_side={"guest": "Ada Lovelace", "email": ""},
            channel_side={"guest": "Ada King", "email": "ada@example.org"},
        )
        closed = timezone.now() - timedelta(days=91)
        Conflict.objects.filter(subject=subject).update(status=status, resolved_at=closed)

    assert run_retention(now=timezone.now()).conflicts_redacted == 1
    assert Conflict.objects.get(subject="booking:2").channel_side == {"guest": "(hidden)", "email": "(hidden)"}
    assert Conflict.objects.get(subject="booking:1").pms_side["guest"] == "Ada Lovelace"


def test_the_command_counts_first(channel_property: ChannelProperty) -> None:
    old(EventFactory(channel_property=channel_property, status=EventStatus.DONE, payload=webhook()), 100)
    call = ApiCall.objects.create(
        account=ChannelConnection.objects.get().account, method="GET", path="/", milliseconds=1
    )
    ApiCall.objects.filter(id=call.id).update(created_at=timezone.now() - timedelta(days=31))
    over = timezone.now() - timedelta(days=500)
    Alert.objects.create(kind="queue_depth", message="", settled=True, resolved_at=over)
    output = StringIO()

    call_command("channel_sync_retention", "--dry-run", "--json", stdout=output)
    told = json.loads(output.getvalue())

    assert told == {
        "dry_run": True, "events_redacted": 1, "conflicts_redacted": 0, "events_deleted": 0, "api_calls_deleted": 1,
        "alerts_deleted": 1, "notifications_deleted": 0, "deliveries_deleted": 0, "rejections_deleted": 0,
        "answers_deleted": 0,
    }  # fmt: skip
    assert ApiCall.objects.count() == 1
    output = StringIO()
    call_command("channel_sync_retention", stdout=output)
    assert (
        "1 events and 0 conflicts redacted; 0 events, 1 notes of API calls, 1 alerts, 0 "
        "notifications, 0 notes of webhook deliveries, 0 stored answers and 0 counts of refused webhooks "
        "deleted." in output.getvalue()
    )
    assert not ApiCall.objects.exists()

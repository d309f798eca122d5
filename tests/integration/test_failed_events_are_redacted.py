"""Failed events kept their guests for ever; redacted, they were neither marked nor refused by words of their own."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from channel_sync.channels.beds24.normalization import KEY_INFO_CODE, claimed_nights
from channel_sync.errors import EventRedacted
from channel_sync.events.store import try_once_more
from channel_sync.inbound.unapplied import unapplied_nights
from channel_sync.models import ChannelEvent, ChannelProperty, EventStatus
from channel_sync.operations.event_actions import ignore_event, replay_event, retry_event, retry_events
from channel_sync.operations.roles import Role
from channel_sync.retention.run import preview, run_retention
from tests.beds24_webhooks import webhook
from tests.factories import EventFactory, OutboundEventFactory

pytestmark = pytest.mark.django_db

TODAY = date.today()
Api = Callable[[Role | None], APIClient]


def failed(channel_property: ChannelProperty, *, days: int, ended: int = 1, **columns: Any) -> ChannelEvent:
    """A booking that failed `days` ago, and whose last night was `ended` days ago."""
    over = TODAY - timedelta(days=ended)
    event: ChannelEvent = EventFactory(
        channel_property=channel_property, status=EventStatus.FAILED, entity_external_id="5000001",
        payload=webhook(arrival=str(over - timedelta(days=2)), departure=str(over)), claimed_until=over,
        claimed_from=over - timedelta(days=2), claimed_room="2001", claimed_units=1, **columns,
    )  # fmt: skip
    ChannelEvent.objects.filter(id=event.id).update(received_at=timezone.now() - timedelta(days=days))
    event.refresh_from_db()
    return event


def test_failed_events_lose_their_guests_by_age_too(channel_property: ChannelProperty) -> None:
    event, young = failed(channel_property, days=181), failed(channel_property, days=179)
    to_come = failed(channel_property, days=181, ended=-200)
    now = timezone.now()

    assert preview(now=now).events_redacted == 1
    assert run_retention(now=now).events_redacted == 1

    event.refresh_from_db()
    assert event.redacted_at is not None
    assert event.status == EventStatus.FAILED
    assert not [word for word in ("Ada", "Lovelace", "ada@example.org", "7946") if word in json.dumps(event.payload)]
    for kept in (young, to_come):
        kept.refresh_from_db()
        assert kept.payload["booking"]["lastName"] == "Lovelace"


@pytest.mark.parametrize("source", ["beds24", "reconciliation"])
def test_it_takes_the_nights_that_it_took(channel_property: ChannelProperty, source: str) -> None:
    event = failed(channel_property, days=181, source=source)
    before = claimed_nights(event.payload)

    run_retention(now=timezone.now())

    event.refresh_from_db()
    assert claimed_nights(event.payload) == before
    assert unapplied_nights(channel_property).claims == [before]


def test_our_own_booking_is_still_known_as_ours(channel_property: ChannelProperty) -> None:
    event = failed(channel_property, days=181)
    payload = {**event.payload, "infoItems": [{"code": KEY_INFO_CODE, "text": "key-1", "by": "Ada"}, {"code": "X"}]}
    ChannelEvent.objects.filter(id=event.id).update(payload=payload)

    run_retention(now=timezone.now())

    event.refresh_from_db()
    found = claimed_nights(event.payload)
    assert found is not None
    assert found.is_ours == claimed_nights(payload).is_ours  # type: ignore[union-attr]


def test_it_is_refused_in_words_and_can_be_put_away(channel_property: ChannelProperty, api_of: Api) -> None:
    event = failed(channel_property, days=181)
    run_retention(now=timezone.now())

    for act in (retry_event, replay_event):
        with pytest.raises(EventRedacted, match="guest is not known any more"):
            act(event, by="clerk")
    assert retry_events([event.id], by="clerk").changed == 0
    assert not try_once_more(event.id)
    answer = api_of(Role.OPERATOR).post(f"/api/admin/events/{event.id}/retry/")
    assert answer.status_code == 409
    assert answer.json()["errors"][0]["code"] == "event_redacted"
    ignore_event(event, by="clerk", reason="years ago")
    event.refresh_from_db()
    assert event.status == EventStatus.IGNORED


def test_what_was_to_be_sent_is_sent_as_the_reservation_is_now(channel_property: ChannelProperty) -> None:
    """The PMS still knows the guest: a redacted event of ours starts again, and is redacted anew later."""
    event = OutboundEventFactory(
        channel_property=channel_property, status=EventStatus.FAILED, payload={"status": "confirmed"},
        normalized_payload={"external_room_id": "2001", "guest": {"last_name": "Hopper"}, "notes": ""},
    )  # fmt: skip
    ChannelEvent.objects.filter(id=event.id).update(received_at=timezone.now() - timedelta(days=181))
    run_retention(now=timezone.now())
    event.refresh_from_db()
    assert event.normalized_payload == {"external_room_id": "2001"}
    assert event.redacted_at is not None

    retry_event(event, by="clerk")

    event.refresh_from_db()
    assert event.status == EventStatus.RECEIVED
    assert event.redacted_at is None

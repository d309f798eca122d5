"""What becomes of the message of an event."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from celery.exceptions import Reject
from django.db import OperationalError

from channel_sync.broker import deliveries
from channel_sync.errors import Fatal
from channel_sync.events import processing
from channel_sync.events.store import complete
from channel_sync.models import ChannelEvent, EventStatus
from tests.factories import EventFactory

pytestmark = pytest.mark.django_db


def refuse(event: ChannelEvent) -> None:
    raise Fatal("No.")


def test_a_settled_event_lets_its_message_go(handle_with: Callable[..., None]) -> None:
    event = EventFactory()
    handle_with(complete)

    deliveries.work_delivery(str(event.id))
    deliveries.work_delivery(str(event.id))

    event.refresh_from_db()
    assert event.status == EventStatus.DONE


def test_a_failed_event_sends_its_message_to_the_dead_letters(handle_with: Callable[..., None]) -> None:
    handle_with(refuse)

    with pytest.raises(Reject) as rejected:
        deliveries.work_delivery(str(EventFactory().id))

    assert rejected.value.requeue is False


def test_a_database_that_is_gone_before_the_claim_gives_the_message_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Acknowledged, the event would have waited a day for the expiry of a message that no longer exists."""
    event = EventFactory()

    def gone(event_id: object) -> None:
        raise OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(deliveries, "pause", deliveries.GrowingPause(sleep=lambda seconds: None))
    monkeypatch.setattr(deliveries.connection, "close", lambda: None)  # It is the test's own transaction.
    monkeypatch.setattr(processing, "claim", gone)
    with pytest.raises(Reject) as rejected:
        deliveries.work_delivery(str(event.id))

    assert rejected.value.requeue is True

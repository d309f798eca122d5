"""Publishing with confirms to a real RabbitMQ, and to one that is not there."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from celery import current_app
from django.conf import LazySettings
from django.db import transaction
from django.utils import timezone
from kombu import Connection

from channel_sync.broker import hand_over, publisher
from channel_sync.broker.hand_over import flush, publish_after_commit
from channel_sync.broker.publisher import publish
from channel_sync.broker.topology import topology
from channel_sync.errors import PublishFailed
from channel_sync.events.message import EventMessage, message_of
from channel_sync.models import ChannelEvent, Direction
from tests.factories import EventFactory

pytestmark = pytest.mark.usefixtures("topology_at_broker")

NOWHERE = "amqp://guest:guest@127.0.0.1:1//"


def message(**changes: Any) -> EventMessage:
    values = {
        "event_id": uuid4(),
        "direction": Direction.INBOUND,
        "event_type": "booking.created",
        "routing_key": "beds24.booking.created",
        "correlation_id": uuid4(),
        "handed_over_at": None,
    }
    return EventMessage(**{**values, **changes})


@pytest.fixture
def empty_queue(broker_url: str) -> Any:
    with Connection(broker_url) as connection:
        connection.default_channel.queue_purge(topology().inbound.name)
        yield connection.default_channel


@pytest.fixture
def broker_away(monkeypatch: pytest.MonkeyPatch) -> None:
    publisher.close()
    monkeypatch.setattr(current_app, "connection_for_write", lambda **options: Connection(NOWHERE, **options))


def test_a_message_is_small_persistent_and_has_the_priority_of_its_type(empty_queue: Any) -> None:
    sent = message(event_type="booking.cancelled", routing_key="beds24.booking.cancelled")

    assert publish([sent]) == [sent]

    found = empty_queue.basic_get(topology().inbound.name)
    assert found.properties["delivery_mode"] == 2
    assert found.properties["priority"] == 9
    assert found.headers["task"] == "channel_sync.inbound.process"
    assert str(sent.event_id) in found.body
    assert len(found.body) < 500


def test_cancellations_overtake_what_waits(empty_queue: Any) -> None:
    first = message()
    cancellation = message(event_type="booking.cancelled", routing_key="beds24.booking.cancelled")

    publish([first, cancellation])

    assert str(cancellation.event_id) in empty_queue.basic_get(topology().inbound.name).body


def test_a_message_that_no_queue_takes_is_an_error_with_what_to_do() -> None:
    with pytest.raises(PublishFailed, match=r"No queue takes 'expedia.booking.created'.*channel_sync_topology"):
        publish([message(routing_key="expedia.booking.created")])


def test_a_connection_that_was_lost_is_opened_again(empty_queue: Any) -> None:
    publish([message()])
    publisher._state.producer.connection.transport.close_connection(publisher._state.producer.connection.connection)

    assert len(publish([message()])) == 1


@pytest.mark.usefixtures("broker_away")
def test_a_broker_that_is_away_fails_fast() -> None:
    started = time.monotonic()

    with pytest.raises(PublishFailed):
        publish([message()])

    assert time.monotonic() - started < 5


@pytest.mark.django_db(transaction=True)
def test_a_published_event_waits_for_the_expiry_of_its_message_before_it_is_due_again(empty_queue: Any) -> None:
    event = EventFactory(next_attempt_at=timezone.now())

    with transaction.atomic():
        publish_after_commit([message_of(event)])
        assert empty_queue.basic_get(topology().inbound.name) is None

    stored = ChannelEvent.objects.get()
    assert stored.published_at is not None
    assert stored.next_attempt_at - timezone.now() > timedelta(hours=24)
    assert empty_queue.basic_get(topology().inbound.name) is not None


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("broker_away")
def test_a_broker_that_is_away_does_not_fail_the_transaction() -> None:
    with transaction.atomic():
        event = EventFactory()
        publish_after_commit([message_of(event)])

    assert ChannelEvent.objects.get().published_at is None


def test_a_batch_is_confirmed_together_without_the_one_that_no_queue_takes(empty_queue: Any) -> None:
    sent = [message() for _ in range(200)]
    unroutable = message(routing_key="expedia.booking.created")

    assert publish([*sent[:100], unroutable, *sent[100:]]) == sent

    assert empty_queue.queue_declare(topology().inbound.name, passive=True).message_count == 200


@pytest.mark.django_db(transaction=True)
def test_nobody_waits_for_the_broker(empty_queue: Any, settings: LazySettings) -> None:
    """In the background: published and noted by a thread, which ends with nothing left."""
    settings.CHANNEL_SYNC = {**settings.CHANNEL_SYNC, "publish_in_background": True}
    events = EventFactory.create_batch(20, next_attempt_at=timezone.now())
    for event in events:
        publish_after_commit([message_of(event)])

    flush(10)

    assert empty_queue.queue_declare(topology().inbound.name, passive=True).message_count == 20
    hand_over._publishing.stop(10)
    assert ChannelEvent.objects.filter(published_at__isnull=False).count() == 20


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("broker_away")
def test_in_the_background_a_broker_that_is_away_leaves_events_to_the_relay(settings: LazySettings) -> None:
    settings.CHANNEL_SYNC = {**settings.CHANNEL_SYNC, "publish_in_background": True}

    publish_after_commit([message_of(EventFactory())])
    flush(10)

    assert ChannelEvent.objects.get().published_at is None
    hand_over._publishing.stop(10)

"""A published event whose message the broker had lost was looked at again after a day; nobody could retry it before."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any
from uuid import uuid4

import pytest
from amqp.exceptions import AccessRefused, ConnectionForced, InternalError
from celery import current_app
from django.conf import LazySettings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.utils import timezone
from kombu import Connection
from rest_framework.test import APIClient

from channel_sync.broker import confirms, publisher, tasks
from channel_sync.broker.lost_messages import rescue
from channel_sync.broker.publisher import publish_recorded
from channel_sync.broker.topology import declare, topology
from channel_sync.conf import channel_sync_settings
from channel_sync.events import store
from channel_sync.events.message import message_of
from channel_sync.events.store import claim, rescue_lost
from channel_sync.models import ChannelEvent, Direction, EventStatus, EventType
from channel_sync.operations.roles import Role
from pms_project.demo.broker import delete_topology
from tests.factories import ChannelPropertyFactory, EventFactory, OutboundEventFactory

pytestmark = pytest.mark.django_db

NOWHERE = "amqp://guest:guest@127.0.0.1:1//"


@pytest.fixture
def broker(topology_at_broker: None, broker_url: str) -> Any:
    """The broker, with both queues empty."""
    with Connection(broker_url) as connected:
        yield connected
        declare(connected)
        purge(connected)


@pytest.fixture(autouse=True)
def empty_queues(broker: Any) -> None:
    purge(broker)


def purge(broker: Any) -> None:
    for queue in (topology().inbound, topology().outbound):
        broker.default_channel.queue_purge(queue.name)


def depth(broker: Any, direction: Direction = Direction.INBOUND) -> int:
    with broker.channel() as channel:
        return int(channel.queue_declare(topology().queue_of(direction).name, passive=True).message_count)


def published(number: int = 1, factory: Any = EventFactory, *, ago: float = 61, **columns: Any) -> list[ChannelEvent]:
    """Events whose messages the broker has confirmed, some seconds ago."""
    events: list[ChannelEvent] = factory.create_batch(
        number,
        channel_property=ChannelPropertyFactory(),
        next_attempt_at=timezone.now() - timedelta(seconds=ago) + channel_sync_settings().relay_grace,
        **columns,
    )
    publish_recorded([message_of(event) for event in events])
    age(events, ago)
    return events


def age(events: list[ChannelEvent], seconds: float) -> None:
    back = timedelta(seconds=seconds)
    for event in events:
        event.refresh_from_db()
        assert event.published_at is not None
        assert event.next_attempt_at is not None
        event.published_at -= back
        event.next_attempt_at -= back
        event.save(update_fields=["published_at", "next_attempt_at"])


@pytest.mark.parametrize("factory", [EventFactory, OutboundEventFactory])
def test_a_lost_message_is_published_again(broker: Any, factory: Any, caplog: pytest.LogCaptureFixture) -> None:
    (event,) = published(factory=factory)
    direction = Direction(event.direction)
    assert depth(broker, direction) == 1
    purge(broker)

    tasks.relay()

    assert depth(broker, direction) == 1
    assert f"1 {direction} events were published and are in no queue" in caplog.text
    event.refresh_from_db()
    assert timezone.now() - event.published_at < timedelta(seconds=30)
    assert event.next_attempt_at - timezone.now() > timedelta(hours=24)


def test_a_broker_that_lost_its_data_gets_everything_again_once_the_queues_are_made(broker: Any) -> None:
    """As the runbook says: `channel_sync_topology`, then the relay publishes what waits."""
    published(3)
    with broker.channel() as channel:
        channel.queue_delete(topology().inbound.name)

    tasks.relay()
    assert ChannelEvent.objects.filter(next_attempt_at__gt=timezone.now() + timedelta(hours=23)).count() == 3

    call_command("channel_sync_topology", stdout=StringIO())
    tasks.relay()
    assert depth(broker) == 3


def test_an_event_that_waits_for_its_retry_in_the_queue_is_published_again_too(broker: Any) -> None:
    (event,) = published(status=EventStatus.RETRYING, attempts=1)
    purge(broker)

    tasks.relay()

    assert depth(broker) == 1
    assert claim(event.id) is not None


def test_a_queue_that_is_only_slow_gets_nothing_twice(broker: Any) -> None:
    published(5, ago=3600)

    tasks.relay()

    assert depth(broker) == 5


def test_lost_messages_are_published_again_while_later_ones_fill_their_queue(broker: Any) -> None:
    """Thousands of availability updates kept a queue full, and the bookings that it had lost waited for a day."""
    bookings = published(3, OutboundEventFactory, ago=200, event_type=EventType.BOOKING_CREATE)
    nights = published(2, OutboundEventFactory, ago=200, event_type=EventType.AVAILABILITY_UPDATE)
    rates = published(1, OutboundEventFactory, ago=200, event_type=EventType.RATE_UPDATE)
    purge(broker)
    published(5, OutboundEventFactory, ago=100, event_type=EventType.AVAILABILITY_UPDATE)

    rescue()

    due = ChannelEvent.objects.filter(next_attempt_at__lte=timezone.now())
    assert {event.id for event in due} == {event.id for event in [*bookings, *nights]}
    assert {event.id for event in rates}.isdisjoint(event.id for event in due)
    assert depth(broker, Direction.OUTBOUND) == 5


def test_a_rush_that_goes_first_says_nothing_of_what_waits_behind_it(broker: Any) -> None:
    published(3, OutboundEventFactory, ago=3600, event_type=EventType.RATE_UPDATE)
    published(3, OutboundEventFactory, ago=0, event_type=EventType.BOOKING_CREATE)

    tasks.relay()

    assert depth(broker, Direction.OUTBOUND) == 6


@pytest.fixture
def quorum(broker: Any, broker_url: str, settings: LazySettings) -> Any:
    """The broker with queues of the other kind, which know no priority."""
    prefix = f"test-{uuid4().hex[:8]}."
    settings.CHANNEL_SYNC = {**settings.CHANNEL_SYNC, "queue_prefix": prefix, "queue_type": "quorum"}
    declare(broker)
    yield broker
    delete_topology(broker_url, prefix)


def test_a_quorum_queue_is_asked_only_whether_it_is_empty(quorum: Any) -> None:
    """A look at its next message puts that behind the others: the one then next made all before it look lost."""
    published(2, OutboundEventFactory, ago=300, event_type=EventType.AVAILABILITY_UPDATE)
    published(2, OutboundEventFactory, ago=100, event_type=EventType.BOOKING_CREATE)
    for _ in range(4):
        rescue()
    assert not ChannelEvent.objects.filter(next_attempt_at__lte=timezone.now()).exists()

    purge(quorum)
    rescue()
    assert ChannelEvent.objects.filter(next_attempt_at__lte=timezone.now()).count() == 4


def test_looking_at_the_next_message_leaves_the_queue_as_it_was(broker: Any) -> None:
    first, second = published(2, ago=61)
    rescue()
    rescue()

    with broker.channel() as worker:
        received = [json.loads(worker.basic_get(topology().inbound.name).body)[0][0] for _ in range(2)]
    assert received == [str(first.id), str(second.id)]


def test_a_message_of_an_earlier_version_says_nothing(broker: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    published(1, ago=200)
    purge(broker)
    monkeypatch.setattr(confirms, "_made_at", lambda message: {})
    published(1, ago=100)

    tasks.relay()

    assert depth(broker) == 1


def test_the_queue_of_the_other_direction_says_nothing(broker: Any) -> None:
    published(2)
    published(1, OutboundEventFactory)
    broker.default_channel.queue_purge(topology().outbound.name)

    tasks.relay()

    assert (depth(broker), depth(broker, Direction.OUTBOUND)) == (2, 1)


def test_a_message_of_a_moment_ago_is_given_time(broker: Any, settings: LazySettings) -> None:
    published(ago=50)
    purge(broker)

    tasks.relay()
    assert depth(broker) == 0

    settings.CHANNEL_SYNC = {**settings.CHANNEL_SYNC, "rescue_after": 45}
    tasks.relay()
    assert depth(broker) == 1


def test_a_message_that_a_busy_worker_holds_is_published_no_more_than_once_a_minute(broker: Any) -> None:
    """The queue is empty, the message is not lost; which of the two is worked, the claim decides."""
    (event,) = published()
    with broker.channel() as worker:
        assert worker.basic_get(topology().inbound.name) is not None

        tasks.relay()
        assert depth(broker) == 1
        purge(broker)
        tasks.relay()
        assert depth(broker) == 0

    assert claim(event.id) is not None
    assert claim(event.id) is None


def test_what_a_worker_has_claimed_or_settled_is_left_alone(broker: Any) -> None:
    held, done, failed = published(3)
    claim(held.id)
    ChannelEvent.objects.filter(id=done.id).update(status=EventStatus.DONE, next_attempt_at=None)
    ChannelEvent.objects.filter(id=failed.id).update(status=EventStatus.FAILED, next_attempt_at=None)
    purge(broker)

    assert rescue_lost(Direction.INBOUND) == 0


def test_each_run_takes_a_batch_of_those_published_first(broker: Any, settings: LazySettings) -> None:
    settings.CHANNEL_SYNC = {**settings.CHANNEL_SYNC, "relay_batch": 2}
    _young, old, older = published(3, ago=100)
    age([old], 100)
    age([older], 200)
    purge(broker)

    assert rescue_lost(Direction.INBOUND) == 2

    due = ChannelEvent.objects.filter(next_attempt_at__lte=timezone.now())
    assert set(due.values_list("id", flat=True)) == {old.id, older.id}


def test_a_broker_that_is_away_says_nothing(broker: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (event,) = published()
    publisher.close()
    for way in ("connection_for_read", "connection_for_write"):
        monkeypatch.setattr(current_app, way, lambda **options: Connection(NOWHERE, **options))

    rescue()

    event.refresh_from_db()
    assert event.next_attempt_at - timezone.now() > timedelta(hours=23)


@pytest.mark.parametrize("error", [InternalError("541"), ConnectionForced("320"), AccessRefused("403")])
def test_a_broker_that_closes_the_connection_on_the_look_stops_no_relay(
    broker: Any, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """A broker that closes a connection on purpose raises neither OSError nor OperationalError."""
    published()
    due: ChannelEvent = EventFactory(next_attempt_at=timezone.now() - timedelta(seconds=5))

    def refuse(*arguments: Any, **options: Any) -> None:
        raise error

    with monkeypatch.context() as patched:
        patched.setattr("amqp.channel.Channel.queue_declare", refuse)
        tasks.relay(by_beat=False)

    due.refresh_from_db()
    assert due.published_at is not None


@pytest.mark.parametrize("statement", [store.RESCUE_LOST, store.HAS_UNCLAIMED])
def test_looking_for_lost_messages_reads_an_index_of_open_events(broker: Any, statement: str) -> None:
    ChannelEvent.objects.bulk_create(
        EventFactory.build(channel_property_id=ChannelPropertyFactory().id, status=EventStatus.DONE)
        for _ in range(3000)
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE channel_events")
        cursor.execute(
            f"EXPLAIN {statement}",
            {"after": timedelta(minutes=1), "direction": "inbound", "batch": 500, "types": None, "before": None},
        )
        plan = "\n".join(row[0] for row in cursor.fetchall())

    assert "idx_channel_events_due" in plan or "idx_channel_events_open" in plan
    assert "Seq Scan on channel_events" not in plan


@pytest.fixture
def operator(api_of: Callable[[Role | None], APIClient]) -> APIClient:
    return api_of(Role.OPERATOR)


@pytest.mark.parametrize("verb", ["retry", "replay"])
@pytest.mark.parametrize("status", [EventStatus.RECEIVED, EventStatus.RETRYING])
@pytest.mark.django_db(transaction=True)
def test_a_person_publishes_a_lost_message_again(broker: Any, operator: APIClient, verb: str, status: str) -> None:
    (event,) = published(ago=0, status=status, attempts=2)
    purge(broker)

    answer = operator.post(f"/api/admin/events/{event.id}/{verb}")

    assert (answer.status_code, answer.json()["status"], answer.json()["attempts"]) == (200, "received", 0)
    assert depth(broker) == 1


def test_what_a_worker_holds_is_refused(broker: Any, operator: APIClient) -> None:
    (event,) = published(ago=0)
    claim(event.id)

    for verb in ("retry", "replay"):
        answer = operator.post(f"/api/admin/events/{event.id}/{verb}")
        assert answer.status_code == 409
        assert "leave to its worker what is being processed" in answer.json()["errors"][0]["detail"]


@pytest.mark.django_db(transaction=True)
def test_the_admin_and_the_command_publish_a_lost_message_again(broker: Any) -> None:
    (event,) = published(ago=0)
    purge(broker)
    browser = Client()
    browser.force_login(get_user_model().objects.create_superuser("root", "root@example.org", "root"))
    page = f"/admin/channel_sync/channelevent/{event.id}/change/"
    assert b'value="retry"' in browser.get(page).content

    browser.post(page, {"do": "retry"})
    assert depth(broker) == 1
    purge(broker)

    out = StringIO()
    call_command("channel_sync_replay", str(event.id), "--yes", "--json", stdout=out)
    assert json.loads(out.getvalue()) == {"selected": 1, "replayed": 1, "dry_run": False}
    assert depth(broker) == 1


def test_without_a_name_the_command_still_means_what_failed(broker: Any) -> None:
    published(ago=0)

    out = StringIO()
    call_command("channel_sync_replay", "--dry-run", "--json", stdout=out)

    assert json.loads(out.getvalue())["selected"] == 0

"""The depth of a dead-letter queue is the number of open failed events, whatever happened in between."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from celery import current_app
from django.utils import timezone
from kombu import Connection

from channel_sync.broker import dead_letters
from channel_sync.broker.dead_letters import DeadLettersMended, mend_dead_letters
from channel_sync.broker.depths import queue_depths
from channel_sync.broker.publisher import publish_dead_letters
from channel_sync.broker.tasks import relay
from channel_sync.broker.topology import declare, topology
from channel_sync.errors import PublishFailed
from channel_sync.events.message import message_of
from channel_sync.events.store import hand_over
from channel_sync.models import ChannelEvent, Direction, EventStatus
from tests.factories import EventFactory, OutboundEventFactory

pytestmark = [pytest.mark.usefixtures("topology_at_broker"), pytest.mark.django_db(transaction=True)]


@pytest.fixture
def channel(broker_url: str) -> Iterator[Any]:
    with Connection(broker_url) as connection:
        channel = connection.default_channel
        channel.queue_purge(topology().inbound_dead_letters.name)
        yield channel
        channel.queue_purge(topology().inbound_dead_letters.name)


def depth(channel: Any) -> int:
    return int(channel.queue_declare(topology().inbound_dead_letters.name, passive=True).message_count)


def failed() -> ChannelEvent:
    event: ChannelEvent = EventFactory(
        status=EventStatus.FAILED, processed_at=timezone.now() - timedelta(minutes=1), published_at=timezone.now()
    )
    return event


def test_nothing_is_done_while_the_numbers_agree(channel: Any) -> None:
    publish_dead_letters([message_of(failed())])

    assert mend_dead_letters(Direction.INBOUND) == DeadLettersMended()


def test_a_failed_event_whose_worker_died_before_the_reject_gets_its_message(channel: Any) -> None:
    failed()

    assert mend_dead_letters(Direction.INBOUND) == DeadLettersMended(added=1)
    assert depth(channel) == 1


def test_an_event_that_has_just_failed_is_left_to_its_worker(channel: Any) -> None:
    EventFactory(status=EventStatus.FAILED, processed_at=timezone.now())

    assert mend_dead_letters(Direction.INBOUND).added == 0


@pytest.mark.parametrize("status", [EventStatus.IGNORED, EventStatus.DONE, EventStatus.PROCESSING])
def test_an_event_that_is_no_case_any_more_leaves_the_queue(channel: Any, status: EventStatus) -> None:
    case, settled = failed(), failed()
    publish_dead_letters([message_of(case), message_of(settled)])
    ChannelEvent.objects.filter(id=settled.id).update(status=status)

    assert mend_dead_letters(Direction.INBOUND) == DeadLettersMended(removed=1)
    assert depth(channel) == 1
    assert str(case.id) in channel.basic_get(topology().inbound_dead_letters.name).body


def test_a_message_that_expired_goes_back_to_the_log(channel: Any) -> None:
    tomorrow = timezone.now() + timedelta(hours=24)
    waiting = EventFactory(published_at=timezone.now(), next_attempt_at=tomorrow)
    publish_dead_letters([message_of(waiting)])

    assert mend_dead_letters(Direction.INBOUND) == DeadLettersMended(removed=1, returned=1)
    assert [message.event_id for message in hand_over()] == [waiting.id]
    assert depth(channel) == 0


def test_a_second_message_of_one_event_is_taken_out(channel: Any) -> None:
    case = failed()
    publish_dead_letters([message_of(case)] * 3)

    assert mend_dead_letters(Direction.INBOUND) == DeadLettersMended(removed=2)
    assert depth(channel) == 1


def test_a_message_that_is_none_of_ours_is_taken_out(channel: Any) -> None:
    stranger = channel.prepare_message("hello", content_type="text/plain", content_encoding="utf-8")
    channel.basic_publish(stranger, exchange=topology().dead_letters.name, routing_key="beds24.hello")

    assert mend_dead_letters(Direction.INBOUND) == DeadLettersMended(removed=1)


def test_a_cut_connection_is_opened_again(channel: Any) -> None:
    """The broker was restarted: the next look fails at most, not all that follow."""
    for _ in range(2):
        with current_app.connection_or_acquire() as pooled:
            pooled.ensure_connection()
            pooled.connection.transport.sock.shutdown(socket.SHUT_RDWR)
        with suppress(PublishFailed):
            mend_dead_letters(Direction.INBOUND)

        assert mend_dead_letters(Direction.INBOUND) == DeadLettersMended()


@pytest.mark.parametrize("direction", list(Direction))
def test_a_queue_that_is_missing_stops_nothing_else_and_is_named_once_a_minute(
    channel: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, direction: Direction
) -> None:
    """The relay raised NotFound each second, and the other direction's dead letters were kept no more."""
    queues = {
        Direction.INBOUND: topology().inbound_dead_letters.name,
        Direction.OUTBOUND: topology().outbound_dead_letters.name,
    }
    # The publisher goes by the same clock: an earlier test may have let it pause until a moment ago.
    seconds, begun = [0.0], time.monotonic()
    monkeypatch.setattr(dead_letters.time, "monotonic", lambda: begun + seconds[0])
    monkeypatch.setattr(dead_letters, "_warned_at", {})
    (other,) = set(Direction) - {direction}
    for factory in (EventFactory, OutboundEventFactory):
        factory(status=EventStatus.FAILED, processed_at=timezone.now() - timedelta(minutes=1))
    waiting = EventFactory(next_attempt_at=timezone.now() - timedelta(seconds=1))
    channel.queue_purge(queues[other])
    channel.queue_delete(queues[direction])
    try:
        for _ in range(3):
            relay(by_beat=False)
        waiting.refresh_from_db()
        assert waiting.published_at is not None
        assert caplog.text.count(f"queue '{queues[direction]}' does not exist") == 1
        assert "run 'manage.py channel_sync_topology'" in caplog.text
        seconds[0] = 61
        relay(by_beat=False)
        assert caplog.text.count(f"queue '{queues[direction]}' does not exist") == 2
        assert channel.queue_declare(queues[other], passive=True).message_count == 1
    finally:
        declare(channel.connection.client)
    relay(by_beat=False)
    assert channel.queue_declare(queues[direction], passive=True).message_count == 1
    channel.queue_purge(topology().inbound.name)
    channel.queue_purge(queues[other])
    channel.queue_purge(queues[direction])


@pytest.mark.parametrize("name", ["inbound", "outbound", "inbound_dead_letters", "outbound_dead_letters"])
def test_any_of_the_four_queues_that_is_missing_is_known(channel: Any, name: str) -> None:
    gone = getattr(topology(), name).name
    channel.queue_delete(gone)
    try:
        assert gone in queue_depths().missing
        relay(by_beat=False)
    finally:
        declare(channel.connection.client)
    assert queue_depths().missing == ()

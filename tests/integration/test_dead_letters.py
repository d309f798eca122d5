"""The depth of a dead-letter queue is the number of open failed events, whatever happened in between."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from celery import current_app
from django.utils import timezone
from kombu import Connection

from channel_sync.broker.dead_letters import DeadLettersMended, mend_dead_letters
from channel_sync.broker.publisher import publish_dead_letters
from channel_sync.broker.topology import topology
from channel_sync.errors import PublishFailed
from channel_sync.events.message import message_of
from channel_sync.events.store import hand_over
from channel_sync.models import ChannelEvent, Direction, EventStatus
from tests.factories import EventFactory

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

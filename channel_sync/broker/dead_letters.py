"""Keep the dead-letter queues in sync with the open failed events: their depth is the number of open cases.

A failed event's message is rejected by its worker and RabbitMQ moves it. What that leaves out is mended here: a worker
that died between failing an event and rejecting its message, an event that somebody retried or ignored, a message that
expired while its event still waits.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from amqp.exceptions import NotFound
from celery import current_app
from django.db.models.functions import Now

from channel_sync.broker.broker_errors import BROKER_ERRORS
from channel_sync.broker.publisher import publish_dead_letters
from channel_sync.broker.topology import topology
from channel_sync.database_lock import session_lock
from channel_sync.errors import NotYet, PublishFailed
from channel_sync.events.message import message_of
from channel_sync.events.store import make_due
from channel_sync.models import ChannelEvent, Direction, EventStatus

logger = logging.getLogger(__name__)

# The worker that has just failed an event is about to reject its message.
REJECT_GRACE = timedelta(seconds=5)
LOCK_WAIT = timedelta(seconds=1)
WARN_SECONDS = 60.0

_warned_at: dict[str, float] = {}


@dataclass(frozen=True)
class DeadLettersMended:
    """Messages that were taken out, events given back to the relay, messages that were missing."""

    removed: int = 0
    returned: int = 0
    added: int = 0


def mend_dead_letters(direction: Direction) -> DeadLettersMended:
    """Compare a dead-letter queue with the failed events, and mend it where the numbers differ.

    Raises `PublishFailed` when the broker is away, or a missing message cannot be published.
    """
    with current_app.connection_or_acquire() as connection:
        if connection.transport.driver_type != "amqp":
            return DeadLettersMended()
        try:
            # A connection that the pool has closed stays closed until it is asked to connect.
            connection.ensure_connection(max_retries=1, interval_start=0)
            return _compare(connection, direction)
        except BROKER_ERRORS as error:
            raise PublishFailed(f"The dead letters could not be compared: {error}") from error


def _compare(connection: Any, direction: Direction) -> DeadLettersMended:
    with connection.channel() as channel:
        # What was read and not acknowledged goes back to its place in the queue when the channel closes.
        try:
            depth = channel.queue_declare(_queue(direction), passive=True).message_count
        except NotFound:
            _warn_missing(_queue(direction))
            return DeadLettersMended()
        if depth == ChannelEvent.objects.filter(status=EventStatus.FAILED, direction=direction).count():
            return DeadLettersMended()
        try:
            with session_lock("dead letters", direction, wait=LOCK_WAIT):
                return _mend(channel, direction)
        except NotYet:
            return DeadLettersMended()


def _warn_missing(queue: str) -> None:
    """Not with each run of the relay, which is every few seconds."""
    if time.monotonic() - _warned_at.get(queue, float("-inf")) >= WARN_SECONDS:
        _warned_at[queue] = time.monotonic()
        logger.warning(
            "queue '%s' does not exist, so failed events have no message there. They are kept in the log; run "
            "'manage.py channel_sync_topology', and their messages come back by themselves.",
            queue,
        )


def _mend(channel: Any, direction: Direction) -> DeadLettersMended:
    found = list(_messages(channel, _queue(direction)))
    failed = set(
        ChannelEvent.objects.filter(status=EventStatus.FAILED, direction=direction).values_list("id", flat=True)
    )
    kept: set[UUID] = set()
    gone: list[UUID] = []
    for delivery_tag, event_id in found:
        if event_id is not None and event_id in failed and event_id not in kept:
            kept.add(event_id)
            continue
        channel.basic_ack(delivery_tag)
        if event_id is not None:
            gone.append(event_id)
    returned = make_due(_published(gone))
    added = _add_missing(direction, kept)
    mended = DeadLettersMended(removed=len(found) - len(kept), returned=returned, added=added)
    logger.info("dead letters of %s: %s", direction, mended)
    return mended


def _published(event_ids: Collection[UUID]) -> list[UUID]:
    """Those that waited in a queue: the others wait for their time."""
    found = ChannelEvent.objects.filter(id__in=set(event_ids), published_at__isnull=False)
    return list(found.values_list("id", flat=True))


def _add_missing(direction: Direction, kept: set[UUID]) -> int:
    missing = ChannelEvent.objects.filter(
        status=EventStatus.FAILED, direction=direction, processed_at__lt=Now() - REJECT_GRACE
    ).exclude(id__in=kept)
    messages = [message_of(event) for event in missing]
    publish_dead_letters(messages)
    return len(messages)


def _messages(channel: Any, queue: str) -> Iterator[tuple[int, UUID | None]]:
    """All messages of a queue, held until the channel closes: delivery tag and event."""
    while (message := channel.basic_get(queue)) is not None:
        yield message.delivery_tag, _event_of(message.body)


def _event_of(body: str | bytes) -> UUID | None:
    """The first argument of the task; None for a message that is none of ours."""
    try:
        return UUID(json.loads(body)[0][0])
    except (ValueError, TypeError, LookupError, AttributeError):
        return None


def _queue(direction: Direction) -> str:
    wanted = topology()
    queue = wanted.inbound_dead_letters if direction is Direction.INBOUND else wanted.outbound_dead_letters
    return str(queue.name)

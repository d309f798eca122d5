"""Find what the broker took and has lost: its data is gone, or somebody purged or deleted a queue.

A queue hands out first what has the highest priority, and of that what was published first. What should stand before
its next message, and is not claimed, is in the queue no more; neither is anything when the queue is empty.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from celery import current_app

from channel_sync.broker.broker_errors import BROKER_ERRORS
from channel_sync.broker.confirms import HANDED_OVER_AT
from channel_sync.broker.topology import topology
from channel_sync.conf import channel_sync_settings
from channel_sync.events.message import priority_of
from channel_sync.events.store import has_unclaimed, rescue_lost
from channel_sync.models import Direction, EventType

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Front:
    """The message that a queue hands out next, and when it was published, at the earliest."""

    priority: int
    published_after: datetime

    @classmethod
    def of(cls, message: Any) -> Self | None:
        """None for a message that does not say when it was handed over: an earlier version has published it."""
        handed_over_at: str | None = (message.headers or {}).get(HANDED_OVER_AT)
        if handed_over_at is None:
            return None
        grace = channel_sync_settings().relay_grace
        return cls(message.properties.get("priority", 0), datetime.fromisoformat(handed_over_at) - grace)


class NothingLeft:
    """The queue is empty."""


def rescue() -> None:
    """Make due what the broker has lost; the relay publishes it.

    A queue that cannot be asked, does not exist, or is only slow, says nothing about its messages; a quorum queue only
    whether it is empty.
    """
    for direction in Direction:
        if has_unclaimed(direction) and (lost := _rescue(direction, _next_in_queue(direction))):
            logger.warning("%d %s events were published and are in no queue: they are published again", lost, direction)


def _rescue(direction: Direction, front: Front | NothingLeft | None) -> int:
    if front is None:
        return 0
    if isinstance(front, NothingLeft):
        return rescue_lost(direction)
    before_it, beside_it = _types_before(front), _types_beside(front)
    return rescue_lost(direction, before_it) + rescue_lost(direction, beside_it, before=front.published_after)


def _types_before(front: Front) -> list[EventType]:
    """Those of which the queue has no message while this one is its next."""
    return [event_type for event_type in EventType if priority_of(event_type) > front.priority]


def _types_beside(front: Front) -> list[EventType]:
    """Those of which the queue has no message that was published before this one."""
    return [event_type for event_type in EventType if priority_of(event_type) == front.priority]


def _next_in_queue(direction: Direction) -> Front | NothingLeft | None:
    """Look at the next message and put it back where it was; None when the queue cannot be asked, or it is no AMQP."""
    timeout = channel_sync_settings().publish_timeout
    options: Mapping[str, Any] = {"connect_timeout": timeout, "transport_options": {"read_timeout": timeout}}
    try:
        with current_app.connection_for_read(**options) as connection:
            if connection.transport.driver_type != "amqp":
                return None
            connection.ensure_connection(max_retries=1, interval_start=0, timeout=1)
            channel: Any
            with connection.channel() as channel:
                queue = topology().queue_of(direction)
                if channel.queue_declare(queue.name, passive=True).message_count == 0:
                    return NothingLeft()
                # A quorum queue puts what is given back behind the others, and counts how often it was.
                if channel_sync_settings().queue_type == "quorum":
                    return None
                message = channel.basic_get(queue.name)
                if message is None:
                    return NothingLeft()
                channel.basic_reject(message.delivery_tag, requeue=True)
                return Front.of(message)
    except BROKER_ERRORS:
        return None

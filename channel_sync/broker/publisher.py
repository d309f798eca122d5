"""Publish messages of events: persistent, confirmed, refused when no queue takes them, never waiting for long."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Sequence

from channel_sync.broker.confirms import ConfirmingProducer
from channel_sync.broker.topology import topology
from channel_sync.conf import channel_sync_settings
from channel_sync.errors import PublishFailed
from channel_sync.events.message import EventMessage
from channel_sync.events.store import confirm_published
from channel_sync.models import Direction

logger = logging.getLogger(__name__)

INBOUND_TASK = "channel_sync.inbound.process"
OUTBOUND_TASK = "channel_sync.outbound.process"
TASKS = {Direction.INBOUND: INBOUND_TASK, Direction.OUTBOUND: OUTBOUND_TASK}


class _ThreadState(threading.local):
    """The connection of one thread; a forked child does not touch its parent's."""

    producer: ConfirmingProducer | None = None
    pid: int = 0
    paused_until: float = 0.0


_state = _ThreadState()


def publish(messages: Sequence[EventMessage]) -> list[EventMessage]:
    """Publish and wait for the broker's confirms; returns the messages that are in a queue now.

    A lost connection is opened once again. Raises `PublishFailed` when the broker stays away, or takes none of them.
    What was confirmed before the failure is published again by the relay, which is harmless.
    """
    return _publish_to(topology().events.name, messages)


def publish_dead_letters(messages: Sequence[EventMessage]) -> list[EventMessage]:
    """Publish to the dead-letter exchange, as if a worker had rejected the messages. Raises `PublishFailed`."""
    return _publish_to(topology().dead_letters.name, messages)


def publish_recorded(messages: Sequence[EventMessage]) -> None:
    """Publish what is in the log, and note there what the broker has; the rest is left to the relay."""
    try:
        confirm_published(publish(messages))
    except PublishFailed as error:
        logger.warning("%d events wait for the relay: %s", len(messages), error)


def close() -> None:
    """Close the connection of this thread."""
    producer, _state.producer = _state.producer, None
    if producer is not None and _state.pid == os.getpid():
        producer.close()


def _publish_to(exchange: str, messages: Sequence[EventMessage]) -> list[EventMessage]:
    if not messages:
        return []
    if time.monotonic() < _state.paused_until:
        raise PublishFailed("The broker failed a moment ago; the relay publishes the event.")
    try:
        return _with_second_chance(exchange, messages)
    except PublishFailed:
        close()
        raise
    except Exception as error:
        close()
        _state.paused_until = time.monotonic() + channel_sync_settings().publish_pause
        raise PublishFailed(f"The broker did not confirm: {type(error).__name__}: {error}") from error


def _with_second_chance(exchange: str, messages: Sequence[EventMessage]) -> list[EventMessage]:
    producer, is_fresh = _producer()
    try:
        return producer.publish(exchange, messages)
    except PublishFailed:
        raise
    except Exception:
        if is_fresh:
            raise
        close()
        return _producer()[0].publish(exchange, messages)


def _producer() -> tuple[ConfirmingProducer, bool]:
    """The thread's producer, and whether its connection is new."""
    if _state.producer is not None and _state.pid == os.getpid():
        return _state.producer, False
    _state.producer = ConfirmingProducer(TASKS)
    _state.pid = os.getpid()
    return _state.producer, True

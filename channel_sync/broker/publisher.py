"""Publish messages of events: persistent, confirmed, refused when no queue takes them, never waiting for long."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Sequence
from functools import partial
from typing import Any
from uuid import uuid4

from celery import Celery, current_app
from django.db import transaction
from kombu import Connection, Exchange, Producer

from channel_sync.broker.topology import topology
from channel_sync.conf import channel_sync_settings
from channel_sync.errors import PublishFailed
from channel_sync.events.message import EventMessage
from channel_sync.events.relay import confirm_published
from channel_sync.models import Direction

logger = logging.getLogger(__name__)

INBOUND_TASK = "channel_sync.inbound.process"
OUTBOUND_TASK = "channel_sync.outbound.process"
TASKS = {Direction.INBOUND: INBOUND_TASK, Direction.OUTBOUND: OUTBOUND_TASK}


class _ThreadState(threading.local):
    """The connection of one thread; a forked child does not touch its parent's."""

    producer: Producer | None = None
    pid: int = 0
    paused_until: float = 0.0
    returned: list[str]


_state = _ThreadState()


def publish(messages: Sequence[EventMessage]) -> list[EventMessage]:
    """Publish and wait for the broker's confirm of each; returns the confirmed messages.

    A lost connection is opened once again. Raises `PublishFailed` when the broker stays away, nacks a message or
    has no queue for it. What was confirmed before the failure is published again by the relay, which is harmless.
    """
    return _publish_to(topology().events.name, messages)


def publish_dead_letters(messages: Sequence[EventMessage]) -> list[EventMessage]:
    """Publish to the dead-letter exchange, as if a worker had rejected the messages. Raises `PublishFailed`."""
    return _publish_to(topology().dead_letters.name, messages)


def _publish_to(exchange: str, messages: Sequence[EventMessage]) -> list[EventMessage]:
    if time.monotonic() < _state.paused_until:
        raise PublishFailed("The broker failed a moment ago; the relay publishes the event.")
    try:
        for message in messages:
            _publish_one(exchange, message)
    except PublishFailed:
        _close()
        raise
    except Exception as error:
        _close()
        _state.paused_until = time.monotonic() + channel_sync_settings().publish_pause
        raise PublishFailed(f"The broker did not confirm: {type(error).__name__}: {error}") from error
    return list(messages)


def publish_after_commit(messages: Sequence[EventMessage]) -> None:
    """Publish once the caller's transaction is committed; a broker that is down is left to the relay."""
    if messages:
        transaction.on_commit(partial(_publish_recorded, tuple(messages)), robust=True)


def _publish_recorded(messages: Sequence[EventMessage]) -> None:
    try:
        confirm_published(publish(messages))
    except PublishFailed as error:
        logger.warning("%d events wait for the relay: %s", len(messages), error)


def _publish_one(exchange: str, message: EventMessage) -> None:
    producer, fresh = _producer()
    try:
        _send(producer, exchange, message)
    except PublishFailed:
        raise
    except Exception:
        if fresh:
            raise
        _close()
        producer, _ = _producer()
        _send(producer, exchange, message)


def _send(producer: Producer, exchange: str, message: EventMessage) -> None:
    timeout = channel_sync_settings().publish_timeout
    _state.returned = []
    task = _task_message(current_app, message)
    producer.publish(
        task.body,
        serializer="json",
        headers=task.headers,
        exchange=exchange,
        routing_key=message.routing_key,
        priority=message.priority,
        delivery_mode=2,
        mandatory=True,
        timeout=timeout,
        confirm_timeout=timeout,
        **task.properties,
    )
    if _state.returned:
        raise PublishFailed(
            f"No queue takes '{message.routing_key}': {_state.returned[0]}. Run 'manage.py channel_sync_topology'."
        )


def _task_message(app: Celery, message: EventMessage) -> Any:
    """The Celery message of the task that works the event."""
    return app.amqp.create_task_message(
        str(uuid4()),
        TASKS[message.direction],
        (str(message.event_id), message.event_type, str(message.correlation_id or "")),
        {},
        ignore_result=True,
    )


def _producer() -> tuple[Producer, bool]:
    """The thread's producer, and whether its connection is new."""
    if _state.producer is not None and _state.pid == os.getpid():
        return _state.producer, False
    timeout = channel_sync_settings().publish_timeout
    connection: Connection = current_app.connection_for_write(
        connect_timeout=timeout,
        transport_options={**current_app.conf.broker_transport_options, "confirm_publish": True, "max_retries": 0},
    )
    channel = connection.default_channel
    # Only AMQP returns what no queue takes; the file system transport of the demo has no such event.
    on_return = _remember_returned if hasattr(channel, "events") else None
    # The exchange is declared too: transports that are no AMQP route by what this process has declared.
    _state.producer = Producer(channel, exchange=topology().events, on_return=on_return)
    _state.pid = os.getpid()
    return _state.producer, True


def _remember_returned(error: Exception, exchange: Exchange | str, routing_key: str, message: object) -> None:
    _state.returned.append(str(error))


def _close() -> None:
    producer, _state.producer = _state.producer, None
    if producer is None or _state.pid != os.getpid():
        return
    connection = producer.connection
    if connection is None:
        return
    try:
        connection.close()
    except (*connection.connection_errors, *connection.channel_errors) as error:
        logger.debug("closing the broker connection: %s", error)

"""How many messages wait in each queue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from amqp.exceptions import NotFound
from celery import current_app
from kombu import Queue
from kombu.exceptions import OperationalError

from channel_sync.broker.topology import topology
from channel_sync.conf import channel_sync_settings


@dataclass(frozen=True)
class QueueDepths:
    """Messages ready in the queues; None where the broker or the queue cannot be asked."""

    inbound: int | None = None
    outbound: int | None = None
    inbound_dead_letters: int | None = None
    outbound_dead_letters: int | None = None

    @property
    def dead_letters(self) -> int | None:
        """Both dead-letter queues together."""
        if self.inbound_dead_letters is None or self.outbound_dead_letters is None:
            return None
        return self.inbound_dead_letters + self.outbound_dead_letters


def queue_depths() -> QueueDepths:
    """Ask the broker, within `publish_timeout` seconds; a broker that is away, or is no AMQP, has no depths."""
    wanted = topology()
    try:
        with current_app.connection_for_read(connect_timeout=channel_sync_settings().publish_timeout) as connection:
            if connection.transport.driver_type != "amqp":
                return QueueDepths()
            connection.ensure_connection(max_retries=1, interval_start=0, timeout=1)
            return QueueDepths(
                _depth(connection, wanted.inbound),
                _depth(connection, wanted.outbound),
                _depth(connection, wanted.inbound_dead_letters),
                _depth(connection, wanted.outbound_dead_letters),
            )
    except (OSError, OperationalError):
        return QueueDepths()


def _depth(connection: Any, queue: Queue) -> int | None:
    try:
        with connection.channel() as channel:
            return int(channel.queue_declare(queue.name, passive=True).message_count)
    except NotFound:
        return None

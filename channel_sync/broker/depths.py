"""How many messages wait in each queue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from amqp.exceptions import ChannelError
from celery import current_app
from kombu import Queue

from channel_sync.broker.broker_errors import BROKER_ERRORS
from channel_sync.broker.topology import topology
from channel_sync.conf import channel_sync_settings


@dataclass(frozen=True)
class QueueDepths:
    """Messages ready in the queues; None where the broker or the queue cannot be asked.

    `missing` names those of the topology that the broker does not have. A broker that is no AMQP, as in a demo without
    RabbitMQ, is connected, has no depths and misses none.
    """

    inbound: int | None = None
    outbound: int | None = None
    inbound_dead_letters: int | None = None
    outbound_dead_letters: int | None = None
    is_connected: bool = False
    missing: tuple[str, ...] = ()

    @property
    def dead_letters(self) -> int | None:
        """Both dead-letter queues together."""
        if self.inbound_dead_letters is None or self.outbound_dead_letters is None:
            return None
        return self.inbound_dead_letters + self.outbound_dead_letters


def queue_depths(*, connect_timeout: float | None = None) -> QueueDepths:
    """Ask the broker, within `connect_timeout` seconds, or `publish_timeout`; a broker that is away has no depths."""
    wanted = topology()
    timeout = connect_timeout or channel_sync_settings().publish_timeout
    try:
        with current_app.connection_for_read(
            connect_timeout=timeout, transport_options={"read_timeout": timeout}
        ) as connection:
            if connection.transport.driver_type != "amqp":
                return QueueDepths(is_connected=True)
            connection.ensure_connection(max_retries=1, interval_start=0, timeout=1)
            found = {queue.name: _depth(connection, queue) for queue in wanted.queues()}
            return QueueDepths(
                found[wanted.inbound.name],
                found[wanted.outbound.name],
                found[wanted.inbound_dead_letters.name],
                found[wanted.outbound_dead_letters.name],
                is_connected=True,
                missing=tuple(name for name, depth in found.items() if depth is None),
            )
    except BROKER_ERRORS:
        return QueueDepths()


def _depth(connection: Any, queue: Queue) -> int | None:
    try:
        with connection.channel() as channel:
            return int(channel.queue_declare(queue.name, passive=True).message_count)
    except ChannelError:
        return None

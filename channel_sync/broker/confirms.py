"""One connection that publishes many messages, then waits until the broker has confirmed them all."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

from celery import current_app
from kombu import Connection, Exchange, Producer

from channel_sync.broker.topology import topology
from channel_sync.conf import channel_sync_settings
from channel_sync.errors import PublishFailed
from channel_sync.events.message import EventMessage

logger = logging.getLogger(__name__)


class ConfirmingProducer:
    """Not to be shared by threads. Its confirms wait in the socket while more is sent: a batch costs one round trip."""

    def __init__(self, tasks: Mapping[Any, str]) -> None:
        """Connect. Raises what connecting raises."""
        self._tasks = tasks
        self._timeout = channel_sync_settings().publish_timeout
        self._unconfirmed: set[int] = set()
        self._sent = 0
        self._refused = False
        self._returned: dict[str, str] = {}
        self.connection: Connection = current_app.connection_for_write(
            connect_timeout=self._timeout,
            transport_options={**current_app.conf.broker_transport_options, "confirm_publish": False, "max_retries": 0},
        )
        channel: Any = self.connection.default_channel
        # Transports that are no AMQP, as the demo's, have no confirms: what was written is there.
        self._confirms = hasattr(channel, "confirm_select")
        if self._confirms:
            channel.confirm_select()
            channel.events["basic_ack"].add(self._acknowledged)
            channel.events["basic_nack"].add(self._not_acknowledged)
        # The exchange is declared too: transports that are no AMQP route by what this process has declared.
        self._producer = Producer(
            channel, exchange=topology().events, on_return=self._was_returned if self._confirms else None
        )

    def publish(self, exchange: str, messages: Sequence[EventMessage]) -> list[EventMessage]:
        """Those that the broker has put into a queue.

        Raises `PublishFailed` when it has put none, or confirms none within `publish_timeout`; what the connection
        raises when it breaks.
        """
        self._returned.clear()
        self._refused = False
        sent = [(self._send(exchange, message), message) for message in messages]
        while self._unconfirmed and self._confirms:
            self.connection.drain_events(timeout=self._timeout)
        if self._refused:
            raise PublishFailed("The broker did not take a message; the relay publishes it once more.")
        queued = [message for task_id, message in sent if task_id not in self._returned]
        for reason in set(self._returned.values()):
            if not queued:
                raise PublishFailed(reason)
            logger.error("%s", reason)
        return queued

    def close(self) -> None:
        """Close the connection, broken or not."""
        try:
            self.connection.close()
        except (*self.connection.connection_errors, *self.connection.channel_errors) as error:
            logger.debug("closing the broker connection: %s", error)

    def _send(self, exchange: str, message: EventMessage) -> str:
        task_id = str(uuid4())
        task = current_app.amqp.create_task_message(
            task_id,
            self._tasks[message.direction],
            (str(message.event_id), message.event_type, str(message.correlation_id or "")),
            {},
            ignore_result=True,
            argsrepr=str(message.event_id),
            kwargsrepr="",
        )
        self._sent += 1
        self._unconfirmed.add(self._sent)
        self._producer.publish(
            task.body,
            serializer="json",
            headers=task.headers,
            exchange=exchange,
            routing_key=message.routing_key,
            priority=message.priority,
            delivery_mode=2,
            mandatory=True,
            timeout=self._timeout,
            **task.properties,
        )
        return task_id

    def _acknowledged(self, delivery_tag: int, multiple: bool) -> None:
        if multiple:
            self._unconfirmed = {tag for tag in self._unconfirmed if tag > delivery_tag}
        else:
            self._unconfirmed.discard(delivery_tag)

    def _not_acknowledged(self, delivery_tag: int, multiple: bool) -> None:
        self._refused = True
        self._acknowledged(delivery_tag, multiple)

    def _was_returned(self, error: Exception, exchange: Exchange | str, routing_key: str, message: Any) -> None:
        """The return of a message comes before its confirm."""
        self._returned[str(message.properties.get("correlation_id", ""))] = (
            f"No queue takes '{routing_key}': {error}. Run 'manage.py channel_sync_topology'."
        )

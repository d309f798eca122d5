"""One connection that publishes many messages, then waits until the broker has confirmed them all."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

from celery import current_app
from kombu import Connection

from channel_sync.broker.topology import topology
from channel_sync.conf import channel_sync_settings
from channel_sync.errors import PublishFailed
from channel_sync.events.message import EventMessage

logger = logging.getLogger(__name__)

PERSISTENT = 2
# The header in which a message says when it was made, for whoever asks what the queue still holds.
HANDED_OVER_AT = "channel_sync_handed_over_at"


class ConfirmingProducer:
    """Not to be shared by threads. Its confirms wait in the socket while more is sent: a batch costs one round trip."""

    def __init__(self, tasks: Mapping[Any, str]) -> None:
        """Connect. Raises what connecting raises."""
        self._templates = {
            direction: current_app.amqp.create_task_message("", name, (), {}, ignore_result=True)
            for direction, name in tasks.items()
        }
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
        self._channel = channel
        # Transports that are no AMQP, as the demo's, have no confirms: what was written is there.
        self._confirms = hasattr(channel, "confirm_select")
        if self._confirms:
            channel.confirm_select()
            channel.events["basic_ack"].add(self._acknowledged)
            channel.events["basic_nack"].add(self._not_acknowledged)
            channel.events["basic_return"].add(self._was_returned)
        else:
            # They route by what this process has declared.
            topology().events.bind(channel).declare()

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
        """The Celery message of the task that works the event, made from one that Celery has made."""
        task_id = str(uuid4())
        task = self._templates[message.direction]
        arguments = [str(message.event_id), message.event_type, str(message.correlation_id or "")]
        prepared = self._channel.prepare_message(
            json.dumps([arguments, *task.body[1:]]),
            priority=message.priority,
            content_type="application/json",
            content_encoding="utf-8",
            headers={**task.headers, **_made_at(message), "id": task_id, "root_id": task_id, "argsrepr": arguments[0]},
            properties={**task.properties, "correlation_id": task_id, "delivery_mode": PERSISTENT},
        )
        self._sent += 1
        self._unconfirmed.add(self._sent)
        self._channel.basic_publish(
            prepared, exchange=exchange, routing_key=message.routing_key, mandatory=True, timeout=self._timeout
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

    def _was_returned(self, error: Exception, exchange: str, routing_key: str, message: Any) -> None:
        """The return of a message comes before its confirm."""
        self._returned[str(message.properties.get("correlation_id", ""))] = (
            f"No queue takes '{routing_key}': {error}. Run 'manage.py channel_sync_topology'."
        )


def _made_at(message: EventMessage) -> dict[str, str]:
    return {} if message.handed_over_at is None else {HANDED_OVER_AT: message.handed_over_at.isoformat()}

"""The exchanges and queues of the broker, and the command that makes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from amqp.exceptions import PreconditionFailed
from kombu import Connection, Exchange, Queue

from channel_sync.conf import channel_sync_settings
from channel_sync.errors import TopologyMismatch
from channel_sync.models import Direction

MAX_PRIORITY = 10


@dataclass(frozen=True)
class Topology:
    """Everything that has to exist at the broker."""

    events: Exchange
    dead_letters: Exchange
    inbound: Queue
    outbound: Queue
    inbound_dead_letters: Queue
    outbound_dead_letters: Queue
    periodic: Queue
    reconciliation: Queue

    def queues(self) -> list[Queue]:
        """All queues, those that receive dead letters first."""
        return [self.inbound_dead_letters, self.outbound_dead_letters, *self.worked_queues()]

    def worked_queues(self) -> list[Queue]:
        """The queues that workers consume."""
        return [self.inbound, self.outbound, self.periodic, self.reconciliation]

    def queue_of(self, direction: Direction) -> Queue:
        """The queue of the events of a direction."""
        return self.inbound if direction is Direction.INBOUND else self.outbound


def topology() -> Topology:
    """The topology under the names and arguments that the settings give."""
    settings = channel_sync_settings()
    prefix = settings.queue_prefix
    events = Exchange(f"{prefix}pms.events", type="topic", durable=True)
    dead_letters = Exchange(f"{prefix}pms.events.dlx", type="topic", durable=True)
    kind: dict[str, Any] = {"x-queue-type": "quorum"} if settings.queue_type == "quorum" else {}
    worked = {
        "x-dead-letter-exchange": dead_letters.name,
        "x-message-ttl": int(settings.message_ttl.total_seconds() * 1000),
        **(kind or {"x-max-priority": MAX_PRIORITY}),
    }

    def queue(name: str, exchange: Exchange, pattern: str, arguments: dict[str, Any]) -> Queue:
        return Queue(f"{prefix}{name}", exchange, routing_key=pattern, durable=True, queue_arguments=arguments)

    return Topology(
        events=events,
        dead_letters=dead_letters,
        inbound=queue("beds24.inbound", events, "beds24.#", worked),
        outbound=queue("pms.outbound", events, "pms.#", worked),
        inbound_dead_letters=queue("beds24.dlq", dead_letters, "beds24.#", kind),
        outbound_dead_letters=queue("pms.dlq", dead_letters, "pms.#", kind),
        periodic=queue("channel_sync.periodic", events, "channel_sync.periodic", kind),
        reconciliation=queue("channel_sync.reconciliation", events, "channel_sync.reconciliation", kind),
    )


def declare(connection: Connection) -> list[str]:
    """Make what is missing and return the names of all queues; doing it again changes nothing.

    Raises `TopologyMismatch` when a queue or an exchange exists with other arguments.
    """
    wanted = topology()
    entities: list[Exchange | Queue] = [wanted.events, wanted.dead_letters, *wanted.queues()]
    for entity in entities:
        with connection.channel() as channel:
            try:
                entity.bind(channel).declare()
            except PreconditionFailed as error:
                raise TopologyMismatch(
                    f"'{entity.name}' exists at the broker with other arguments: {error} Let the workers empty "
                    "it, delete it with 'rabbitmqctl delete_queue', and run 'manage.py channel_sync_topology' again."
                ) from error
    return [queue.name for queue in wanted.queues()]

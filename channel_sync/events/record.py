"""Write events to the log, each fact once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from django.db import connection
from django.utils import timezone
from psycopg.types.json import Jsonb

from channel_sync.conf import channel_sync_settings
from channel_sync.correlation import correlation_id
from channel_sync.events.message import EventMessage
from channel_sync.models import Direction, EntityType, EventStatus, EventType

INSERT_EVENT = """
INSERT INTO channel_events (
    id, channel_property_id, direction, source, event_type, entity_type, entity_external_id, entity_internal_id,
    idempotency_key, payload, normalized_payload, status, attempts, max_attempts, received_at, created_at, updated_at,
    next_attempt_at, occurred_at, correlation_id
) VALUES (
    %(id)s, %(channel_property_id)s, %(direction)s, %(source)s, %(event_type)s, %(entity_type)s,
    %(entity_external_id)s, %(entity_internal_id)s, %(idempotency_key)s, %(payload)s, %(normalized_payload)s,
    %(status)s, 0, %(max_attempts)s, %(now)s, %(now)s, %(now)s, %(next_attempt_at)s, %(occurred_at)s,
    %(correlation_id)s
) ON CONFLICT (idempotency_key) DO NOTHING
"""


@dataclass(frozen=True)
class NewEvent:
    """An event that is about to be recorded.

    One that `waits` is handed to the broker after that time, unless somebody wakes it before.
    """

    channel_property_id: UUID
    direction: Direction
    source: str
    event_type: EventType
    entity_type: EntityType
    idempotency_key: str
    payload: dict[str, Any]
    normalized_payload: dict[str, Any] | None = None
    entity_external_id: str | None = None
    entity_internal_id: UUID | None = None
    occurred_at: datetime | None = None
    waits: timedelta | None = None
    id: UUID = field(default_factory=uuid4)

    @property
    def routing_key(self) -> str:
        """`<source>.<event type>`."""
        return f"{self.source}.{self.event_type.value}"


def record(event: NewEvent) -> EventMessage | None:
    """Insert an event; None when its idempotency key is known already.

    Runs in the caller's transaction. The relay takes the event after `relay_grace` if nobody published it.
    """
    settings = channel_sync_settings()
    now = timezone.now()
    relay_at = now + (event.waits or settings.relay_grace)
    correlation = correlation_id()
    columns: dict[str, Any] = {
        "id": event.id,
        "channel_property_id": event.channel_property_id,
        "direction": event.direction.value,
        "source": event.source,
        "event_type": event.event_type.value,
        "entity_type": event.entity_type.value,
        "entity_external_id": event.entity_external_id,
        "entity_internal_id": event.entity_internal_id,
        "idempotency_key": event.idempotency_key,
        "payload": Jsonb(event.payload),
        "normalized_payload": None if event.normalized_payload is None else Jsonb(event.normalized_payload),
        "status": EventStatus.RECEIVED.value,
        "max_attempts": settings.max_attempts_by_type.get(event.routing_key, settings.max_attempts),
        "now": now,
        "next_attempt_at": relay_at,
        "occurred_at": event.occurred_at,
        "correlation_id": correlation,
    }
    with connection.cursor() as cursor:
        cursor.execute(INSERT_EVENT, columns)
        if cursor.rowcount == 0:
            return None
    return EventMessage(
        event_id=event.id,
        direction=event.direction,
        event_type=event.event_type,
        routing_key=event.routing_key,
        correlation_id=correlation,
        handed_over_at=relay_at,
    )


def record_all(events: Sequence[NewEvent]) -> list[EventMessage]:
    """Record several events; the messages to publish, of those that are new and do not wait."""
    recorded = [(event, record(event)) for event in events]
    return [message for event, message in recorded if message is not None and event.waits is None]

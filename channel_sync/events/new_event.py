"""An event that is about to be recorded."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from channel_sync.channels.canonical import ClaimedNights
from channel_sync.models import Direction, EntityType, EventType


@dataclass(frozen=True)
class NewEvent:
    """What is known of an event before it is in the log.

    One that `waits` is handed to the broker after that time, unless somebody wakes it before. What it `claims` is for
    nobody else until it is applied.
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
    claims: ClaimedNights | None = None
    id: UUID = field(default_factory=uuid4)

    @property
    def routing_key(self) -> str:
        """`<source>.<event type>`."""
        return f"{self.source}.{self.event_type.value}"

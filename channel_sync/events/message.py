"""What travels through the broker: the event's id and type; the worker reads the row."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from channel_sync.models import ChannelEvent, Direction, EventType

LOWEST_PRIORITY = 1

# Cancellations free rooms and go before everything, rates can wait longest (design: "Cancellations go before rates").
PRIORITIES: dict[str, int] = {
    EventType.BOOKING_CANCELLED: 9,
    EventType.BOOKING_DELETED: 9,
    EventType.BOOKING_CANCEL: 9,
    EventType.PROPERTY_PAUSE: 9,
    EventType.ROOM_CLOSE: 9,
    EventType.BOOKING_CREATED: 7,
    EventType.BOOKING_CREATE: 7,
    EventType.BOOKING_MODIFIED: 6,
    EventType.BOOKING_UPDATE: 6,
    EventType.AVAILABILITY_UPDATED: 4,
    EventType.AVAILABILITY_UPDATE: 4,
    EventType.RATE_UPDATE: 2,
}


@dataclass(frozen=True)
class EventMessage:
    """The message of one event; `handed_over_at` is the event's `next_attempt_at` when the message was made."""

    event_id: UUID
    direction: Direction
    event_type: str
    routing_key: str
    correlation_id: UUID | None
    handed_over_at: datetime | None

    @property
    def priority(self) -> int:
        """0 to 10, higher first."""
        return priority_of(self.event_type)


def priority_of(event_type: str) -> int:
    """Of the messages of a type of event."""
    return PRIORITIES.get(event_type, LOWEST_PRIORITY)


def message_of(event: ChannelEvent) -> EventMessage:
    """The message that tells a worker about an event."""
    return EventMessage(
        event_id=event.id,
        direction=Direction(event.direction),
        event_type=event.event_type,
        routing_key=event.routing_key,
        correlation_id=event.correlation_id,
        handed_over_at=event.next_attempt_at,
    )

"""From the type of an inbound event to what it does."""

from __future__ import annotations

from collections.abc import Callable

from channel_sync.errors import Fatal
from channel_sync.inbound.availability import handle_availability_updated
from channel_sync.inbound.bookings import handle_booking, handle_booking_deleted
from channel_sync.inbound.new_bookings import handle_new_booking
from channel_sync.models import ChannelEvent, EventType

# Created, modified and cancelled carry the whole booking: all three apply the snapshot (design, "Inbound").
HANDLERS: dict[str, Callable[[ChannelEvent], None]] = {
    EventType.BOOKING_CREATED: handle_new_booking,
    EventType.BOOKING_MODIFIED: handle_booking,
    EventType.BOOKING_CANCELLED: handle_booking,
    EventType.BOOKING_DELETED: handle_booking_deleted,
    EventType.AVAILABILITY_UPDATED: handle_availability_updated,
}


def handle(event: ChannelEvent) -> None:
    """Apply an inbound event and settle it in one transaction. Raises `Fatal` for a type nobody handles."""
    handler = HANDLERS.get(event.event_type)
    if handler is None:
        raise Fatal(f"No handler takes inbound events of type '{event.event_type}'. Ignore the event.")
    handler(event)

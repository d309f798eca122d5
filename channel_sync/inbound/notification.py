"""From what a channel said to the event that is recorded."""

from __future__ import annotations

from typing import Any

from channel_sync.channels.canonical import BookingChange, BookingNotification, ClaimedNights, Notification
from channel_sync.connections.registry import channel_class
from channel_sync.database_clock import database_now
from channel_sync.events.idempotency import inbound_key
from channel_sync.events.new_event import NewEvent
from channel_sync.models import ChannelProperty, Direction, EntityType, EventType
from channel_sync.moments import time_to_order_by

BOOKING_EVENTS = {
    BookingChange.CREATED: EventType.BOOKING_CREATED,
    BookingChange.MODIFIED: EventType.BOOKING_MODIFIED,
    BookingChange.CANCELLED: EventType.BOOKING_CANCELLED,
    BookingChange.DELETED: EventType.BOOKING_DELETED,
}


def event_of(channel_property: ChannelProperty, notification: Notification) -> NewEvent:
    """The event of a webhook, or of a booking that was read from the channel."""
    shared: dict[str, Any] = {
        "channel_property_id": channel_property.id,
        "direction": Direction.INBOUND,
        "source": channel_property.channel_name,
        "idempotency_key": inbound_key(channel_property.id, notification.dedupe_key),
        "payload": notification.payload,
        "occurred_at": time_to_order_by(notification.occurred_at, database_now()),
    }
    if isinstance(notification, BookingNotification):
        return NewEvent(
            event_type=BOOKING_EVENTS[notification.change],
            entity_type=EntityType.BOOKING,
            entity_external_id=notification.external_id,
            claims=_claims(channel_property, notification),
            **shared,
        )
    return NewEvent(
        event_type=EventType.AVAILABILITY_UPDATED,
        entity_type=EntityType.AVAILABILITY,
        entity_external_id=notification.external_room_id,
        **shared,
    )


def _claims(channel_property: ChannelProperty, notification: BookingNotification) -> ClaimedNights | None:
    """What a booking takes that the PMS may not have; what was made in the PMS is counted there."""
    if notification.change in (BookingChange.CANCELLED, BookingChange.DELETED):
        return None
    found = channel_class(channel_property.channel_name).claimed_nights(notification.payload)
    return None if found is None or found.is_ours else found

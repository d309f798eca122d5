"""From the type of an event to what is done with it, and to what follows when it fails; both directions."""

from __future__ import annotations

from collections.abc import Mapping

from channel_sync.events.handlers import Handler
from channel_sync.inbound.availability import handle_availability_updated
from channel_sync.inbound.bookings import handle_booking, handle_booking_deleted
from channel_sync.inbound.new_bookings import handle_new_booking
from channel_sync.models import EventType
from channel_sync.outbound.availability import push_availability
from channel_sync.outbound.booking_outcome import booking_refused
from channel_sync.outbound.bookings import push_booking
from channel_sync.outbound.closing import close_room, close_rooms_and_pause, kept_closed
from channel_sync.outbound.rates import push_rates

HANDLERS: Mapping[str, Handler] = {
    # Created, modified and cancelled carry the whole booking: all three apply the snapshot.
    EventType.BOOKING_CREATED: Handler(handle_new_booking),
    EventType.BOOKING_MODIFIED: Handler(kept_closed(handle_booking)),
    EventType.BOOKING_CANCELLED: Handler(kept_closed(handle_booking)),
    EventType.BOOKING_DELETED: Handler(kept_closed(handle_booking_deleted)),
    EventType.AVAILABILITY_UPDATED: Handler(handle_availability_updated),
    EventType.BOOKING_CREATE: Handler(push_booking, on_failure=booking_refused),
    EventType.BOOKING_UPDATE: Handler(push_booking, on_failure=booking_refused),
    EventType.BOOKING_CANCEL: Handler(push_booking, on_failure=booking_refused),
    EventType.AVAILABILITY_UPDATE: Handler(push_availability),
    EventType.RATE_UPDATE: Handler(push_rates),
    EventType.ROOM_CLOSE: Handler(close_room),
    EventType.PROPERTY_PAUSE: Handler(close_rooms_and_pause),
}

"""The events that a change in the PMS makes; their payloads say where to look, workers read the state then."""

from __future__ import annotations

from uuid import UUID

from channel_sync.events.idempotency import outbound_key
from channel_sync.events.new_event import NewEvent
from channel_sync.models import PMS_SOURCE, Direction, EntityType, EventType
from channel_sync.pms import NightSpan, RateSpan, Reservation


def booking_event(
    channel_property_id: UUID, event_type: EventType, reservation: Reservation, external_id: str | None
) -> NewEvent:
    """A reservation was created, changed, cancelled or deleted; `external_id` is its booking, where there is one."""
    return NewEvent(
        channel_property_id=channel_property_id,
        direction=Direction.OUTBOUND,
        source=PMS_SOURCE,
        event_type=event_type,
        entity_type=EntityType.BOOKING,
        entity_external_id=external_id,
        entity_internal_id=reservation.id,
        idempotency_key=outbound_key(channel_property_id, EntityType.BOOKING, reservation.id),
        payload={"reservation_id": str(reservation.id), **reservation.outline()},
    )


def availability_event(channel_property_id: UUID, span: NightSpan) -> NewEvent:
    """The free units of a room type may have changed on some nights."""
    return NewEvent(
        channel_property_id=channel_property_id,
        direction=Direction.OUTBOUND,
        source=PMS_SOURCE,
        event_type=EventType.AVAILABILITY_UPDATE,
        entity_type=EntityType.AVAILABILITY,
        entity_internal_id=span.room_type_id,
        idempotency_key=outbound_key(channel_property_id, EntityType.AVAILABILITY, span.room_type_id),
        payload={"room_type_id": str(span.room_type_id), "start": str(span.start), "end": str(span.end)},
    )


def rate_event(channel_property_id: UUID, span: RateSpan) -> NewEvent:
    """The rates of a rate plan changed on some nights."""
    return NewEvent(
        channel_property_id=channel_property_id,
        direction=Direction.OUTBOUND,
        source=PMS_SOURCE,
        event_type=EventType.RATE_UPDATE,
        entity_type=EntityType.RATE,
        entity_internal_id=span.rate_plan_id,
        idempotency_key=outbound_key(channel_property_id, EntityType.RATE, span.rate_plan_id),
        payload={
            "rate_plan_id": str(span.rate_plan_id),
            "room_type_id": str(span.room_type_id),
            "start": str(span.start),
            "end": str(span.end),
        },
    )


def room_close_event(channel_property_id: UUID, room_type_id: UUID, external_room_id: str) -> NewEvent:
    """A channel room is mapped to its room type no more: nothing of it is for sale. The event alone still knows it."""
    return NewEvent(
        channel_property_id=channel_property_id,
        direction=Direction.OUTBOUND,
        source=PMS_SOURCE,
        event_type=EventType.ROOM_CLOSE,
        entity_type=EntityType.AVAILABILITY,
        entity_external_id=external_room_id,
        entity_internal_id=room_type_id,
        idempotency_key=outbound_key(channel_property_id, EntityType.AVAILABILITY, room_type_id),
        payload={"external_room_id": external_room_id},
    )


def property_pause_event(channel_property_id: UUID, *, by: str, again: bool = False) -> NewEvent:
    """Somebody wants all rooms of a property closed at the channel, and the property paused then.

    `again` closes them once more within the pause, and begins none.
    """
    return NewEvent(
        channel_property_id=channel_property_id,
        direction=Direction.OUTBOUND,
        source=PMS_SOURCE,
        event_type=EventType.PROPERTY_PAUSE,
        entity_type=EntityType.AVAILABILITY,
        idempotency_key=outbound_key(channel_property_id, EntityType.AVAILABILITY, channel_property_id),
        payload={"by": by, "again": again},
    )
